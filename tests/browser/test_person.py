"""What a person does on the built site. `visit` fails if meanwhile anything goes wrong or another host is asked."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import guards
from tests.browser.conftest import Open
from tests.browser.test_pages import KINDS
from tests.browser.visit import PHONE, TIMEOUT, WIDE, Scheme, visiting
from tests.experiments import CONCEPTS, run_alone
from tests.project import ROOT

pytestmark = pytest.mark.built

ARTICLE = "29/grokking/"
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
expect.set_options(timeout=TIMEOUT)


def open_all(page: Page) -> None:
    page.evaluate("() => { for (const details of document.querySelectorAll('details')) details.open = true; }")


def test_from_the_front_page_to_an_article(visit: Open) -> None:
    with visit() as visited:
        page = visited.open()
        card = page.locator("article a[href='29/grokking/']").first
        card.click()
        expect(page.locator("h1")).to_contain_text("Grokking")
        assert urlsplit(page.url).path == f"/{ARTICLE}"


def test_every_copy_button_copies_its_block(visit: Open) -> None:
    with visit(**CLIPBOARD) as visited:
        page = visited.open(ARTICLE)
        open_all(page)
        blocks = page.locator(".highlight").all()
        assert len(blocks) > 5
        for block in blocks:
            block.get_by_role("button").click()
            copied = page.evaluate("() => navigator.clipboard.readText()")
            assert copied.strip("\n") == (block.locator("code").text_content() or "").strip("\n")


@pytest.mark.parametrize("concept", CONCEPTS)
def test_what_is_copied_runs(concept: str, visit: Open) -> None:
    """The function to take home and its use, from the clipboard, in an empty folder: it prints what the page shows."""
    cells = ROOT / "docs/generated" / concept / "cells"
    with visit(**CLIPBOARD) as visited:
        page = visited.open(concept.replace("_", "-") + "/")
        open_all(page)
        blocks = {
            (block.locator("code").text_content() or "").strip(): block for block in page.locator(".highlight").all()
        }
        copied = []
        for cell in ("take-home.py", "use.py"):
            blocks[(cells / cell).read_text().strip()].get_by_role("button").click()
            copied.append(page.evaluate("() => navigator.clipboard.readText()"))
        shown = (cells / "use.txt").read_text().strip()
        assert shown in blocks
    assert run_alone("\n".join(copied)).strip() == shown


@pytest.mark.parametrize("concept", CONCEPTS)
def test_script_and_notebook_are_downloaded(concept: str, visit: Open, site: Path) -> None:
    """To the byte the files that are run in an empty folder."""
    with visit() as visited:
        page = visited.open(concept.replace("_", "-") + "/")
        for name, suffix in (("Download .py", ".py"), ("Download notebook", ".ipynb")):
            with page.expect_download() as download:
                page.get_by_role("link", name=name).first.click()
            file = site / "generated" / concept / (Path(concept).name + suffix)
            assert download.value.suggested_filename == file.name
            assert download.value.path().read_bytes() == file.read_bytes()


def test_the_whole_script_is_copied(visit: Open, site: Path) -> None:
    with visit(**CLIPBOARD) as visited:
        page = visited.open(ARTICLE)
        page.get_by_role("button", name="Copy the whole script").first.click()
        script = (site / "generated/29/grokking/grokking.py").read_text(encoding="utf-8")
        page.wait_for_function("async script => await navigator.clipboard.readText() === script", arg=script)


@pytest.mark.parametrize("page", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_scheme_is_switched_and_the_figures_follow(page: str, scheme: Scheme, visit: Open) -> None:
    other = "dark" if scheme == "light" else "light"
    with visit(scheme=scheme) as visited:
        open_page = visited.open(page)
        before = open_page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        open_page.get_by_title(f"Switch to {other} mode").click()
        visited.wait_for_pictures()
        assert guards.pictures(open_page) == []
        assert open_page.evaluate("() => getComputedStyle(document.body).backgroundColor") != before
        visited.open(page)  # a choice that is kept
        expect(open_page.get_by_title(f"Switch to {scheme} mode")).to_be_visible()
        assert guards.pictures(open_page) == []


def test_the_scheme_is_switched_with_the_keyboard(visit: Open) -> None:
    with visit(scheme="light") as visited:
        page = visited.open(ARTICLE)
        page.get_by_role("radio", name="Switch to dark mode").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (WIDE, "dark")])
def test_search_leads_to_the_heading(width: int, scheme: Scheme, visit: Open) -> None:
    """With the keyboard alone: Ctrl+K opens the search, arrows choose, Enter goes there."""
    with visit(width=width, scheme=scheme) as visited:
        page = visited.open()
        page.keyboard.press("Control+k")
        page.keyboard.type("induction")
        expect(page.locator(".md-search-result__item").first).to_be_visible()
        assert guards.axe(page) == []
        heading = page.locator(".md-search-result__link", has=page.locator("h2")).first
        name = heading.locator("h2").inner_text()
        for _ in range(30):
            if heading.evaluate("link => link === document.activeElement"):
                break
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/#*")
        target = page.locator(f"[id='{urlsplit(page.url).fragment}']")
        target = target.locator("xpath=ancestor-or-self::*[normalize-space()][1]")  # a claim's mark is empty
        expect(target).to_contain_text(name)
        expect(target).to_be_in_viewport()
        assert "induction" in page.locator("article").inner_text().lower()


def test_the_menu_of_a_phone_opens_with_the_keyboard(visit: Open) -> None:
    with visit(width=PHONE) as visited:
        page = visited.open(ARTICLE)
        menu = page.get_by_role("navigation", name="Navigation")
        expect(menu).not_to_be_visible()
        page.get_by_role("button", name="Menu").focus()
        page.keyboard.press("Enter")
        expect(menu).to_be_visible()
        assert guards.axe(page) == []
        menu.get_by_role("link", name="SAM").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/29/sam/")


def test_a_letter_is_no_command(visit: Open) -> None:
    """Whoever dictates or misses a field is not led elsewhere (WCAG 2.1.4)."""
    with visit() as visited:
        page = visited.open(ARTICLE)
        page.keyboard.type("nps/,.f")
        expect(page.get_by_role("textbox", name="Search")).not_to_be_focused()
        assert urlsplit(page.url).path == f"/{ARTICLE}"


def test_from_a_claim_to_its_reference_and_back(visit: Open) -> None:
    with visit() as visited:
        page = visited.open(ARTICLE)
        citation = page.locator(".claims a[href^='#ref-']").first
        claim = citation.get_attribute("id")
        citation.click()
        reference = page.locator(urlsplit(page.url).fragment.join(["[id='", "']"]))
        expect(reference).to_be_in_viewport()
        page.locator(f"li:has([id='{urlsplit(page.url).fragment}']) a[href='#{claim}']").click()
        expect(citation).to_be_in_viewport()


@pytest.mark.parametrize("kind", KINDS)
def test_without_javascript_everything_can_be_read(kind: str, visit: Open) -> None:
    with visit(java_script_enabled=False) as visited:
        page = visited.page
        page.goto(visited.base + kind)
        expect(page.locator("h1")).to_be_visible()
        assert page.locator("main").inner_text().count(" ") > 100
        for figure in page.locator("figure:has(img)").all():
            if figure.is_visible():
                assert [image.is_visible() for image in figure.locator("img").all()].count(True) == 1
        for details in page.locator("details").all():
            details.locator("summary").first.click()
            expect(details.locator("> :not(summary)").first).to_be_visible()
        page.get_by_role("link", name="SAM").first.click()
        expect(page.locator("h1")).to_contain_text("SAM")


def test_the_site_can_be_read_from_its_files(browser: Browser, site: Path) -> None:
    """Opened from a folder: text, figures, and links from page to page. (The search needs a server.)"""
    with visiting(browser, "file://") as visited:
        page = visited.page
        page.goto((site / "index.html").as_uri())
        page.locator("article a[href*='29/grokking/']").first.click()
        expect(page.locator("h1")).to_contain_text("Grokking")
        visited.wait_for_pictures()
        assert guards.pictures(page) == []
        assert page.locator("math").count() > 5
        page.get_by_role("link", name="Every cell").click()
        expect(page.locator("h1")).to_contain_text("the full run")
        visited.wait_for_pictures()
        assert guards.pictures(page) == []
        page.get_by_role("link", name="read the article").click()
        expect(page.locator("h1")).to_contain_text("Grokking")
        page.get_by_role("link", name="Home").first.click()
        page.wait_for_url("**/site/index.html")
        assert not [heard for heard in visited.heard if heard.startswith("another host")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_opens_large_and_closes(scheme: Scheme, visit: Open) -> None:
    with visit(scheme=scheme) as visited:
        page = visited.open(ARTICLE)
        figure = page.locator("figure a.large").first
        figure.focus()
        page.keyboard.press("Enter")
        large = page.get_by_role("dialog", name="Figure")
        expect(large).to_be_visible()
        visited.wait_for_pictures()
        assert guards.pictures(page) == []
        assert guards.axe(page) == []
        page.keyboard.press("Escape")
        expect(large).to_have_count(0)
        expect(figure).to_be_focused()


def test_an_animation_plays_when_asked_to_and_stops(visit: Open) -> None:
    with visit() as visited:
        page = visited.open(ARTICLE)
        shown = page.locator(".watch img:visible")
        expect(shown).to_have_attribute("src", re.compile(r"\.still\."))  # nothing moves by itself
        button = page.locator(".watch button")
        button.focus()
        page.keyboard.press("Enter")
        expect(shown).not_to_have_attribute("src", re.compile(r"\.still\."))
        visited.wait_for_pictures()
        assert guards.pictures(page) == []
        assert guards.axe(page) == []
        page.keyboard.press("Escape")
        expect(shown).to_have_attribute("src", re.compile(r"\.still\."))
        expect(button).to_be_focused()
