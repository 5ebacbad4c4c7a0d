"""Each guard over an open page finds nothing on the toy's site, and something once that is broken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import guards
from tests.browser.visit import HEIGHT, PHONE, Visit
from tests.project import Project

Guard = Callable[[Page], list[str]]
VisitFolder = Callable[[Path], AbstractContextManager[Visit]]
ARTICLE, STYLES, SCRIPT = "29/toy/index.html", "assets/site.css", "assets/access.js"
FIGURE = "generated/29/toy/line.light.svg"


def figure_text(page: Page) -> list[str]:
    return guards.figure_text(page, [page.url.replace(ARTICLE, FIGURE)])


def keyboard_on_a_phone(page: Page) -> list[str]:
    page.set_viewport_size({"width": PHONE, "height": HEIGHT})
    return guards.keyboard(page)


GUARDS = [
    guards.axe,
    guards.sideways,
    guards.jumps,
    guards.pictures,
    guards.motion,
    guards.keyboard,
    keyboard_on_a_phone,
    figure_text,
]


def test_the_toy_passes(good_project: Project, visit_folder: VisitFolder) -> None:
    with visit_folder(good_project.folder / "site") as visited:
        for guard in GUARDS:
            assert guard(visited.open(ARTICLE)) == []
            visited.page.set_viewport_size({"width": 1280, "height": HEIGHT})
        assert visited.heard == []


@pytest.mark.parametrize(
    ("guard", "file", "old", "new"),
    [
        (guards.axe, ARTICLE, 'role="dialog" aria-label="Search"', 'role="dialog"'),
        (guards.axe, STYLES, "--muted: #55636f", "--muted: #a5b3bf"),
        (guards.axe, ARTICLE, "<h2 ", "<h5 "),
        (guards.sideways, ARTICLE, "<h1 ", '<hr class="wide"><h1 '),
        (guards.sideways, ARTICLE, "<h1 ", '<div class="clipped"><p>One long line</p></div><h1 '),
        (guards.sideways, ARTICLE, "<h1 ", '<table class="narrow"><tr><td>One long line</td></tr></table><h1 '),
        (guards.jumps, SCRIPT, "label.before(", "document.querySelector('h1').style.marginTop = '9rem'; label.before("),
        (guards.pictures, FIGURE, "<svg", "<swg"),
        (guards.pictures, ARTICLE, "line.dark.svg#only-dark", "line.dark.svg"),
        (guards.motion, STYLES, ":root {", "h1 { animation: 2s turn !important } @keyframes turn { to { rotate: 90deg } } :root {"),
        (guards.keyboard, ARTICLE, "<h1 ", '<a href="#" class="ringless">Here</a><h1 '),
        (guards.keyboard, ARTICLE, "<h1 ", '<div role="button">Open</div><h1 '),
        (guards.keyboard, ARTICLE, "<h1 ", '<a href="#" class="covered">Under the header</a><h1 '),
        (guards.keyboard, ARTICLE, "<h1 ", '<a href="#" class="outside">Out of sight</a><h1 '),
        (keyboard_on_a_phone, SCRIPT, "label.before(", "void ("),
        (keyboard_on_a_phone, STYLES, ".md-sidebar--primary, .md-nav--primary .md-nav__toggle ~ .md-nav", ".nothing"),
        (figure_text, FIGURE, '<g style="fill: #22303c"', '<g opacity="0.4" style="fill: #22303c"'),
        (figure_text, FIGURE, "xlink:href=\"#DejaVuSans-", "href=\"#DejaVuSans-"),
    ],
)  # fmt: skip
def test_a_guard_notices(
    guard: Guard, file: str, old: str, new: str, project: Project, visit_folder: VisitFolder
) -> None:
    text = project.read(f"site/{file}")
    assert old in text, f"{old!r} does not stand in {file}: this test breaks nothing"
    project.write(f"site/{file}", text.replace(old, new))
    styles = project.read(f"site/{STYLES}")
    project.write(
        f"site/{STYLES}",
        styles + ".wide { width: 3000px } .clipped { width: 5px; overflow: hidden; white-space: nowrap }"
        ".narrow { table-layout: fixed; width: 20px; white-space: nowrap }"
        ".md-typeset a.ringless:focus-visible { outline: none !important } .covered { position: fixed; top: 0; left: 0; z-index: 1 } .outside { position: absolute; left: -999px }",
    )
    with visit_folder(project.folder / "site") as visited:
        assert guard(visited.open(ARTICLE))


@pytest.mark.parametrize(
    ("what", "head"),
    [
        ("console:", '<img src="missing.png" alt="">'),
        ("status 404:", '<img src="missing.png" alt="">'),
        ("script:", '<script src="../../assets/broken.js"></script>'),
        ("another host:", '<link rel="preload" as="image" href="https://elsewhere.example/x.png">'),
        ("console:", "<script>1</script>"),  # which the page's own policy forbids
    ],
)
def test_what_goes_wrong_is_heard(what: str, head: str, project: Project, visit_folder: VisitFolder) -> None:
    page = project.read(f"site/{ARTICLE}")
    project.write(f"site/{ARTICLE}", page.replace("</head>", f"{head}</head>"))
    project.write("site/assets/broken.js", "undefined.name")
    with visit_folder(project.folder / "site") as visited:
        visited.open(ARTICLE)
        assert any(heard.startswith(what) for heard in visited.heard), visited.heard
