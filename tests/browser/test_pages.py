"""Every page of the built site, in both schemes and at every width."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import fonts, guards
from tests.browser.conftest import Open
from tests.browser.visit import HEIGHT, NARROWEST, PHONE, WIDE, Scheme
from tests.project import ROOT

pytestmark = pytest.mark.built

SITE = ROOT / "site"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html")) or ["index.html"]
KINDS = ["index.html", "29/index.html", "29/grokking/index.html", "generated/29/grokking/run/index.html"]
NARROWER = (640, NARROWEST)  # a screen of 1280 pixels at 200 % and 400 %


def test_there_are_pages_to_test(site: Path) -> None:
    assert set(KINDS) <= set(PAGES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_the_page(page: str, scheme: Scheme, visit: Open) -> None:
    """In a wide window with narrow letters, and on a phone with wide ones: there rows break."""
    letters, first, other = ("narrow", WIDE, PHONE) if scheme == "light" else ("wide", PHONE, WIDE)
    with visit(scheme=scheme, width=first, fonts=letters) as visited:
        open_page = visited.open(page)
        wrong = guards.jumps(open_page) + guards.pictures(open_page) + guards.motion(open_page)
        wrong += guards.axe(open_page) if page in KINDS else []
        guards.without_tokens(open_page)
        wrong += guards.axe(open_page) if page not in KINDS else []
        for width in (first, other, *NARROWER):
            open_page.set_viewport_size({"width": width, "height": HEIGHT})
            wrong += guards.sideways(open_page)
            if width == other and page in KINDS:
                wrong += guards.axe(open_page)
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("letters", fonts.SETS)
@pytest.mark.parametrize("page", [page for page in PAGES if page in KINDS or "generated/" not in page])
def test_nothing_moves_in_the_narrowest_window(page: str, letters: str, visit: Open) -> None:
    with visit(fonts=letters, width=NARROWEST) as visited:
        assert guards.jumps(visited.open(page)) == []


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("page", KINDS)
def test_the_keyboard_alone_reaches_everything(page: str, width: int, visit: Open) -> None:
    with visit(width=width) as visited:
        assert guards.keyboard(visited.open(page)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_in_figures_can_be_read(scheme: Scheme, visit: Open, site: Path) -> None:
    figures = [path.relative_to(site).as_posix() for path in sorted(site.glob(f"generated/*/*/*.{scheme}.svg"))]
    with visit(scheme=scheme) as visited:
        wrong = guards.figure_text(visited.open(), [visited.base + figure for figure in figures])
        assert figures
        assert not wrong, "\n".join(wrong)
