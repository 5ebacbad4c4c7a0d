"""What the words on a page are made of: numbers from the run, citations, terms, and the pages about pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from pipeline.write import bibliography, citations
from tests.project import PAGE, ROOT, SNIPPET, Project

NUMBER = "[20.5, 21, 22.25, 19, 25]"  # the toy's delay, median 21


def soup(project: Project, page: str) -> BeautifulSoup:
    return BeautifulSoup(project.read(f"site/{page}index.html"), "html.parser")


def build(project: Project) -> None:
    done = project.build()
    assert done.returncode == 0, done.stderr


def test_changing_a_result_changes_every_sentence_that_tells_it(project: Project) -> None:
    before = {page: soup(project, page).get_text() for page in ("29/toy/", "29/", "")}
    project.replace(SNIPPET, NUMBER, "[30, 31, 32, 33, 34]")
    build(project)
    sentence = re.compile(r"It comes (\S+ \(.*?\)) times later")
    assert sentence.findall(before["29/toy/"]) == ["21.0 (19.0–25.0)"]
    assert sentence.findall(soup(project, "29/toy/").get_text()) == ["32 (30–34)"]
    for page in ("29/", ""):  # the part page and the cards of the front page
        assert "21" in before[page]
        after = soup(project, page).get_text()
        assert "32" in after
        assert _without_times(before[page].replace("21", "32")) == _without_times(after)
    claim = soup(project, "29/toy/").select_one(".claims tbody tr")
    assert isinstance(claim, Tag)
    assert "32 (30–34)" in claim.get_text()


def _without_times(text: str) -> list[str]:
    """How long the run took differs from run to run."""
    return re.sub(r"\b\d+ s\b", "", text).split()


def test_a_citation_leads_to_its_entry_and_back(good_project: Project) -> None:
    page = soup(good_project, "29/toy/")
    links = page.select('a[href="#ref-power2022"]')
    assert [link.get_text() for link in links] == ["Power et al. (2022)", "Power et al. 2022"]
    entry = page.select_one("#ref-power2022")
    assert entry is not None
    item = entry.find_parent("li")
    assert item is not None
    for said in ("Alethea Power", "Vedant Misra", "Grokking: Generalization Beyond", "2022", "arXiv:2201.02177"):
        assert said in item.get_text()
    assert item.select_one('a[href="https://arxiv.org/abs/2201.02177"]')
    back = {str(a["href"]) for a in item.select("a") if str(a["href"]).startswith("#")}
    assert back == {f"#{link['id']}" for link in links}
    assert "Only its record seen." in item.get_text()


def test_the_first_use_of_a_term_leads_to_the_glossary(project: Project) -> None:
    project.replace(
        PAGE, "# Toy\n", "# Toy and weight decay\n\n`weight decay` is code. [Weight decay](toy.md) is a link.\n"
    )
    project.replace(PAGE, "Weight decay helps", "Weight decay helps all costs, and weight decay again")
    build(project)
    links = soup(project, "29/toy/").select("a.term")
    assert [(a.get_text(), a["href"], a["title"]) for a in links] == [
        ("Weight decay", "../../glossary/#weight-decay", "A pull on every weight towards zero."),
        ("costs", "../../glossary/#loss", "What training makes small."),
    ]
    assert not soup(project, "glossary/").select("a.term")


def test_the_part_page_has_the_form_of_the_series(good_project: Project) -> None:
    page = soup(good_project, "29/")
    main = page.select_one("article")
    assert main is not None
    text = " ".join(main.get_text().replace("¶", "").split())
    in_order = (
        "Toys – #29", "words", "min read", "Abstract", "Under 30 seconds each.", "Resource", "Papers", "Video",
        "Concept", "Reference", "Today’s Five", "1. Toy", "Do the claims hold?", "Quick Reference",
        "Short, accurate ML explainers. Follow for more.", "Part 29 of the Five ML Concepts series. View all parts",
    )  # fmt: skip
    at = 0
    for said in in_order:
        assert said in text[at:], f"{said!r} is missing, or stands too early"
        at = text.index(said, at)
    assert page.select('a.thumbnail[href="toy/"] img[src="../generated/29/toy/line.light.svg#only-light"]')
    hold = [td.get_text() for td in page.select("#do-the-claims-hold ~ .table td")]
    assert hold[:3] == ["Toy", "1", "1"]


def test_the_words_are_counted_as_read(good_project: Project) -> None:
    page = soup(good_project, "29/")
    status = page.select_one(".status")
    assert status is not None
    (count,) = map(int, re.findall(r"(\d+) words", status.get_text()))
    main = page.select_one("article")
    assert main is not None
    assert abs(count - len(main.get_text().replace("¶", "").split())) <= 0.15 * count


def test_a_new_part_is_listed_without_touching_a_template(project: Project) -> None:
    project.write("docs/30/index.md", project.read("docs/29/index.md").replace("29", "30").replace("Toys", "New toys"))
    project.write("docs/30/toy.md", project.read(PAGE).replace("29/toy", "30/toy"))
    project.write("snippets/30/toy.py", project.read(SNIPPET))
    build(project)
    listed = [a.get_text() for a in soup(project, "parts/").select("article li a")]
    assert listed == ["New toys – #30", "Toys – #29"]
    assert soup(project, "30/").select('a[href="toy/"]')


# -- the words of the real pages -------------------------------------------------------------------------------------

PAGES = sorted(p for p in (ROOT / "docs").rglob("*.md") if not {"generated", "templates"} & set(p.parts))


def never_cited(folder: Path, texts: Iterable[str]) -> set[str]:
    """The keys of entries that no text cites."""
    return bibliography.read(folder).keys() - {key for text in texts for key, _ in citations.cited(text)}


def test_every_entry_of_the_bibliography_is_cited() -> None:
    assert bibliography.read(ROOT), "there is no bibliography"
    assert never_cited(ROOT, (page.read_text(encoding="utf-8") for page in PAGES)) == set()


def test_an_entry_that_nobody_cites_is_noticed(project: Project) -> None:
    assert never_cited(project.folder, [project.read(PAGE)]) == set()
    assert never_cited(project.folder, ["`@power2022` is only code"]) == {"power2022"}


@pytest.mark.parametrize(
    "page", [p for p in PAGES if "\nreference: " in p.read_text(encoding="utf-8")], ids=lambda p: p.stem
)
def test_the_paper_of_a_concept_is_cited_on_its_page(page: object) -> None:
    text = ROOT.joinpath(str(page)).read_text(encoding="utf-8")
    (main,) = re.findall(r"^reference: (\S+)", text, re.MULTILINE)
    assert main in {key for key, _ in citations.cited(text)}
