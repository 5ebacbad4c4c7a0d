"""One visit to one page in a real browser, which listens for all that goes wrong while it lasts."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page

WIDE, PHONE, NARROWEST = 1280, 360, 320
HEIGHT = 800
TIMEOUT = 20_000  # milliseconds: two busy cores are slow
# The page's scripts start after it has been drawn: how long it was by then, and how many of them have run.
NOTES = """
    window.ran = 0;
    document.addEventListener("load", ({target}) => { if (target.localName === "script") ran++; }, true);
    document.addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => {
        window.drawn ??= document.documentElement.scrollHeight;
    }));
"""
Scheme = Literal["light", "dark"]
# Chromium by whichever name the system has it.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """The program, or nothing if there is none. CHROMIUM in the environment overrides what the system has."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")


class Handler(http.server.SimpleHTTPRequestHandler):
    """As a static host: a missing address is answered by 404.html."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A static host for a folder, and its address."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *arguments: Handler(*arguments, directory=str(folder))
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def settle(page: Page) -> None:
    """Wait until what scripts do about a new content, or a new size, is done and drawn: two frames."""
    page.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


@dataclass
class Visit:
    page: Page
    base: str
    heard: list[str] = field(default_factory=list)  # what went wrong, as text

    def listen(self) -> None:
        """Note what the page, and all that it loads, complains of."""
        self.page.on("console", lambda said: self._note(said.type == "error", f"console: {said.text}"))
        self.page.on("pageerror", lambda error: self._note(True, f"script: {error}"))
        # Aborted is what was still under way when the page was left.
        self.page.on(
            "requestfailed",
            lambda asked: self._note(asked.failure != "net::ERR_ABORTED", f"failed: {asked.url} ({asked.failure})"),
        )
        self.page.on("response", lambda got: self._note(got.status >= 400, f"status {got.status}: {got.url}"))
        own = (self.base, "data:", "blob:")
        self.page.on("request", lambda asked: self._note(not asked.url.startswith(own), f"another host: {asked.url}"))

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.heard.append(what)

    def open(self, address: str = "") -> Page:
        """Open a page and wait until it is done: every picture of this scheme is there, every script has run, and the
        search has its index."""
        self.page.goto(self.base + address)
        self.wait_for_pictures()
        self.page.wait_for_function("() => ran >= document.getElementById('scripts').content.children.length")
        # What the theme says while its worker reads the index.
        self.page.wait_for_function(
            "() => !document.querySelector('html.js .md-search-result__meta')?.textContent.includes('Initializing')"
        )
        settle(self.page)
        return self.page

    def wait_for_pictures(self) -> None:
        self.page.evaluate(
            """async () => {
                for (const image of document.images) image.loading = "eager";
                const loading = [...document.images].filter(image => image.checkVisibility() && !image.complete);
                await Promise.all(loading.map(image => new Promise(done => image.onload = image.onerror = done)));
            }"""
        )


@contextmanager
def visiting(browser: Browser, base: str, scheme: Scheme = "light", width: int = WIDE, **more: Any) -> Iterator[Visit]:
    """A person without history, who prefers a scheme and no motion. What goes wrong until they leave is a failure."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, reduced_motion="reduce", **more
    )
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(NOTES)
    visit = Visit(context.new_page(), base)
    visit.listen()
    try:
        yield visit
    finally:
        context.close()
