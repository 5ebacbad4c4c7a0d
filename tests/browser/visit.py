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

WIDE, PHONE = 1280, 360
HEIGHT = 800
TIMEOUT = 20_000  # milliseconds: two busy cores are slow
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


@dataclass
class Visit:
    page: Page
    base: str
    heard: list[str] = field(default_factory=list)  # what went wrong, as text

    def listen(self) -> None:
        page = self.page
        page.on("console", lambda said: said.type == "error" and self.heard.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: self.heard.append(f"script: {error}"))
        page.on("requestfailed", lambda request: self.heard.append(f"failed: {request.url} ({request.failure})"))
        page.on("request", lambda request: self._foreign(request.url))
        page.on("response", lambda r: r.status >= 400 and self.heard.append(f"status {r.status}: {r.url}"))

    def _foreign(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.heard.append(f"another host is asked: {url}")

    def open(self, address: str = "") -> Page:
        """Open a page and wait until it is done: every picture of this scheme is there, and the search has its index."""
        self.page.goto(self.base + address)
        self.wait_for_pictures()
        # What the theme says while its worker reads the index.
        self.page.wait_for_function(
            "() => !document.querySelector('html.js .md-search-result__meta')?.textContent.includes('Initializing')"
        )
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
    visit = Visit(context.new_page(), base)
    visit.listen()
    try:
        yield visit
    finally:
        context.close()
