from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import fonts
from tests.browser.visit import Visit, chromium, serve, visiting

MISSING = (
    "There is no Chromium to test the pages in: install one ('apt install chromium' on Debian), "
    "or name its program in CHROMIUM."
)
Open = Callable[..., AbstractContextManager[Visit]]  # with what `visiting` takes, and the set of fonts


# Of this package, not of the session: while Playwright runs, the rest of the tests could start no event loop.
@pytest.fixture(scope="package")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Browser]]:
    """A browser by the name of its set of fonts; see ``fonts.py``."""
    program = chromium()
    if not program:
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip)(MISSING)
    with sync_playwright() as playwright:

        @cache
        def browser(name: str) -> Browser:
            # No name but this machine's is resolved: a page that asks another host fails, here as on a train.
            arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
            environment: Any = fonts.environment(name, tmp_path_factory.mktemp("fonts"))
            return playwright.chromium.launch(executable_path=program, args=arguments, env=environment)

        yield browser  # to leave Playwright closes them all


@pytest.fixture(scope="package")
def browser(browsers: Callable[[str], Browser]) -> Browser:
    return browsers("wide")


@pytest.fixture(scope="package")
def address(site: Path) -> Iterator[str]:
    with serve(site) as address:
        yield address


@pytest.fixture
def visit(browsers: Callable[[str], Browser], address: str) -> Open:
    """Visit the real site: nothing may go wrong, whatever the test does there."""

    @contextmanager
    def visit(fonts: str = "wide", **how: Any) -> Iterator[Visit]:
        with visiting(browsers(fonts), address, **how) as visit:
            yield visit
            assert visit.heard == []

    return visit


@pytest.fixture
def visit_folder(browsers: Callable[[str], Browser]) -> Open:
    """Visit some other site, which may be broken."""

    @contextmanager
    def visit(folder: Path, fonts: str = "wide", **how: Any) -> Iterator[Visit]:
        with serve(folder) as address, visiting(browsers(fonts), address, **how) as visit:
            yield visit

    return visit
