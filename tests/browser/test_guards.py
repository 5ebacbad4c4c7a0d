"""Each guard over an open page finds nothing on the toy's site, and something once that is broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser import fonts, guards
from tests.browser.conftest import Open
from tests.browser.visit import HEIGHT, NARROWEST, PHONE
from tests.project import Project

Guard = Callable[[Page], list[str]]
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


def test_the_toy_passes(good_project: Project, visit_folder: Open) -> None:
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
def test_a_guard_notices(guard: Guard, file: str, old: str, new: str, project: Project, visit_folder: Open) -> None:
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
def test_what_goes_wrong_is_heard(what: str, head: str, project: Project, visit_folder: Open) -> None:
    page = project.read(f"site/{ARTICLE}")
    project.write(f"site/{ARTICLE}", page.replace("</head>", f"{head}</head>"))
    project.write("site/assets/broken.js", "undefined.name")
    with visit_folder(project.folder / "site") as visited:
        visited.open(ARTICLE)
        assert any(heard.startswith(what) for heard in visited.heard), visited.heard


@pytest.mark.parametrize("width", [PHONE, NARROWEST])
def test_with_wide_letters_a_button_that_is_lower_than_its_link_moves_the_page(
    width: int, project: Project, visit_folder: Open
) -> None:
    """It stands alone in its row, where a button's own line height shows."""
    project.replace(f"site/{STYLES}", "padding: 0.25rem 0.65rem; line-height: inherit;", "padding: 0.25rem 0.65rem;")
    with visit_folder(project.folder / "site", width=width) as visited:
        assert guards.jumps(visited.open(ARTICLE))


def test_each_set_of_fonts_is_the_only_one_that_a_page_finds(good_project: Project, visit_folder: Open) -> None:
    widths = set()
    for letters, (family, _) in fonts.SETS.items():
        with visit_folder(good_project.folder / "site", letters) as visited:
            measure = """family => {
                const draw = document.createElement("canvas").getContext("2d");
                draw.font = `20px ${family}`;
                return draw.measureText("Copy the whole script").width;
            }"""
            asked = {visited.open().evaluate(measure, f) for f in (f"'{family}'", "Roboto", "sans-serif", "Arial")}
            assert len(asked) == 1, letters
            widths |= asked
    assert max(widths) > 1.2 * min(widths)
