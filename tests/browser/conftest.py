from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visit import Visit, chromium, serve, visiting

MISSING = (
    "There is no Chromium to test the pages in: install one ('apt install chromium' on Debian), "
    "or name its program in CHROMIUM."
)
Open = Callable[..., AbstractContextManager[Visit]]


# Of this package, not of the session: while Playwright runs, the rest of the tests could start no event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = chromium()
    if not program:
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        # No name but this machine's is resolved: a page that asks another host fails, here as on a train.
        arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def address(browser: Browser, site: Path) -> Iterator[str]:
    with serve(site) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, address: str) -> Open:
    """Visit the real site: nothing may go wrong, whatever the test does there."""

    @contextmanager
    def visit(**how: Any) -> Iterator[Visit]:
        with visiting(browser, address, **how) as visit:
            yield visit
            assert visit.heard == []

    return visit


@pytest.fixture
def visit_folder(browser: Browser) -> Callable[[Path], AbstractContextManager[Visit]]:
    """Visit some other site, which may be broken."""

    @contextmanager
    def visit(folder: Path) -> Iterator[Visit]:
        with serve(folder) as address, visiting(browser, address) as visit:
            yield visit

    return partial(visit)
