"""What a stylesheet can promise without a browser, and the marks in a page that it needs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from pipeline.run.figures import dark_colours
from pipeline.write.macros import colab
from pipeline.write.numbers import duration
from tests import guards
from tests.colours import contrast
from tests.project import ROOT, SNIPPET, Project

CSS = (ROOT / "docs/assets/site.css").read_text(encoding="utf-8")
# The colours of each scheme, by name: the first block that gives `--ground` is for every page, the second for dark ones.
LIGHT, DARK = (
    dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r"{\s+(--ground: .*?)}", CSS, re.DOTALL)
)
CODE = [name for name in LIGHT if name.startswith("--md-code-hl-")]


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_all_that_is_read_can_be_read(scheme: dict[str, str]) -> None:
    assert LIGHT.keys() == DARK.keys()
    assert CODE
    for text in ("--ink", "--muted", "--md-typeset-a-color", *CODE):
        assert contrast(scheme[text], scheme["--ground"]) >= 4.5, text
        assert contrast(scheme[text], scheme["--panel"]) >= 4.5, text


def test_the_figures_can_be_read_on_the_pages_and_share_their_colours() -> None:
    for light, dark in dark_colours(ROOT).items():
        assert contrast(light, LIGHT["--ground"]) >= 4.5, light
        assert contrast(dark, DARK["--ground"]) >= 4.5, dark
    style = (ROOT / "snippets/matplotlibrc").read_text(encoding="utf-8")
    (cycle,) = re.findall(r"axes.prop_cycle:.*", style)
    five = re.findall(r"#[0-9a-f]{6}", cycle)[:5]
    assert [LIGHT[f"--c{k}"] for k in range(5)] == five
    assert [DARK[f"--c{k}"] for k in range(5)] == [dark_colours(ROOT)[colour] for colour in five]
    mark = (ROOT / "docs/assets/mark.svg").read_text(encoding="utf-8")
    for colour in (*five, *(dark_colours(ROOT)[colour] for colour in five)):
        assert colour in mark


def test_what_the_stylesheet_loads_is_there_and_light() -> None:
    for address in re.findall(r"url\((?!\"?data:)\"?([^)\"]+)", CSS):
        file = ROOT / "docs/assets" / address
        assert file.stat().st_size <= 60_000, address


def soup(project: Project, page: str = "29/toy/") -> BeautifulSoup:
    return BeautifulSoup(project.read(f"site/{page}index.html"), "html.parser")


def one(found: BeautifulSoup | Tag, selector: str) -> Tag:
    (tag,) = found.select(selector)
    return tag


def test_in_30_seconds_is_one_block_that_ends_with_the_analogy(good_project: Project) -> None:
    block = one(soup(good_project), "section.short")
    assert [tag.name for tag in block.find_all(recursive=False)] == ["h2", "p", "p"]
    assert one(block, "p:last-child > em").get_text() == "Like counting to ten, twice."


def test_each_table_has_a_box_to_be_scrolled_in(good_project: Project) -> None:
    tables = soup(good_project).select("table")
    assert tables
    assert all(isinstance(t.parent, Tag) and t.parent["class"] == ["table"] and t["class"] == ["data"] for t in tables)


def test_each_block_says_how_long_it_ran_and_no_one_copies_that(good_project: Project) -> None:
    seconds = json.loads(good_project.read("docs/generated/29/toy/run.json"))["seconds_by_cell"]
    blocks = soup(good_project).select("div.language-python")
    shown = [block["data-ran"] for block in blocks]
    assert shown == [duration(seconds[cell]) for cell in ("setup", "take-home", "line", "in-motion", "results")]
    for block in blocks:
        assert block.get_text() == one(block, "pre > code").get_text()


def test_durations_are_round() -> None:
    assert [duration(s) for s in (0.02, 0.1, 1.23, 9.96, 41.3)] == ["under 0.1 s", "0.1 s", "1.2 s", "10 s", "41 s"]


def test_long_code_is_all_there_with_a_box_that_shows_it(project: Project) -> None:
    project.replace(SNIPPET, "    return 2 * x\n", "    return 2 * x\n" + "    # more\n" * 40)
    assert project.build().returncode == 0
    block = one(soup(project), "div.long")
    lines = block.get_text().rstrip("\n").count("\n") + 1
    assert lines > 40
    assert one(block, "input[type=checkbox]")["aria-label"] == f"Show all {lines} lines"
    assert guards.blocks_not_run(project.folder / "site") == []


def test_script_and_notebook_are_offered_above_and_below(good_project: Project) -> None:
    bars = soup(good_project).select(".take")
    assert len(bars) == 2
    for bar in bars:
        files = [(link.get_text(), str(link["href"]).rpartition("/")[2], link["download"]) for link in bar.select("a")]
        assert files == [
            ("Copy the whole script", "toy.py", "toy.py"),  # what it does without site.js
            ("Download .py", "toy.py", "toy.py"),
            ("Download notebook", "toy.ipynb", "toy.ipynb"),
        ]


def test_with_a_repository_on_github_they_can_be_opened_on_colab(project: Project) -> None:
    done = project.build(REPO_URL="https://github.com/someone/concepts")
    assert done.returncode == 0, done.stderr
    found = soup(project)
    notebook = "https://colab.research.google.com/github/someone/concepts/blob/notebooks/29/toy/toy.ipynb"
    assert len(found.select(f'.take a[href="{notebook}"]')) == 2
    # The theme's link to the repository would ask GitHub how many stars it has.
    assert found.select('.md-source[href="https://github.com/someone/concepts"]')
    assert not found.select("[data-md-component=source]")
    assert guards.foreign_hosts(project.folder / "site") == []


@pytest.mark.parametrize("address", ["", "https://example.org/someone/concepts", "https://github.com/someone"])
def test_elsewhere_colab_finds_no_notebook(address: str) -> None:
    assert colab(address, "29/toy") == ""
    assert colab("https://github.com/someone/concepts.git", "29/toy").endswith(
        "/concepts/blob/notebooks/29/toy/toy.ipynb"
    )


def test_the_branch_that_colab_reads_is_made_by_the_workflow() -> None:
    workflow = (ROOT / ".github/workflows/site.yml").read_text(encoding="utf-8")
    assert "REPO_URL: " in workflow
    assert re.search(r"git push \S+ .*\bnotebooks\b", workflow)


def test_a_figure_leads_to_its_file(good_project: Project) -> None:
    link = one(soup(good_project), "#figure-line a.large")
    assert link["href"] == "../../generated/29/toy/line.light.svg"
    assert len(link.select("img")) == 2


def test_each_page_has_the_mark_and_the_letters(good_project: Project) -> None:
    for name, path, html in guards.pages(good_project.folder / "site"):
        for selector in ("link[rel=icon]", "link[rel=preload][as=font]"):
            address = str(one(html, selector)["href"])
            target = (
                good_project.folder / "site" / address.lstrip("/") if address.startswith("/") else path.parent / address
            )
            assert Path(target).is_file(), f"{name}: {address}"
        assert html.select(".md-logo svg.mark"), name
