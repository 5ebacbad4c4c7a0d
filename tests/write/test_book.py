"""Pages, from source to Markdown: what is written, and that all that is wrong is found in one pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.write.book import Book, Written
from pipeline.write.sources import Source
from tests.project import Project

TOY = "29/toy.md"
Write = Callable[..., dict[str, Written]]


@pytest.fixture
def write(good_project: Project) -> Write:
    """Write the toy's pages, with one text in the place of another in the toy's own, and further pages."""

    def written(old: str = "", new: str = "", more: dict[str, str] | None = None) -> dict[str, Written]:
        docs = good_project.folder / "docs"
        found = (p for p in sorted(docs.rglob("*.md")) if not {"generated", "templates"} & set(p.parts))
        pages = {path.relative_to(docs).as_posix(): path.read_text(encoding="utf-8") for path in found}
        assert old in pages[TOY]
        pages[TOY] = pages[TOY].replace(old, new, 1)
        sources = [Source(uri, text.encode()) for uri, text in (pages | (more or {})).items()]
        return Book(good_project.folder, sources).write()

    return written


def told(pages: dict[str, Written]) -> list[str]:
    problems = (p for page in pages.values() for p in (*page.problems, *page.failing))
    return [str(problem).partition("\n")[0] for problem in problems]


def test_a_page_is_written_as_plain_markdown(write: Write) -> None:
    pages = write()
    assert told(pages) == []
    toy = pages[TOY].markdown
    assert toy.startswith("---\nclaims:\n")
    for said in (
        "number: 21×\n",  # of the front matter, its macros resolved
        "It comes 21.0 (19.0–25.0) times later",
        "```python ran=",
        "def double(x: float) -> float:",
        "```text\n[20.5, 21, 22.25, 19, 25]\n```",
        "[Power et al. (2022)](#ref-power2022){ #cite-power2022-1 }",
        "](../generated/29/toy/line.light.svg#only-light)",
        '\n[weight decay]: ../glossary.md#weight-decay "A pull on every weight towards zero."\n',
    ):
        assert said in toy
    for unresolved in ("{{", "{%", "--8<--", "](/", "<!-- words", "@power2022,"):
        assert unresolved not in toy.partition("\n---\n")[2]


def test_what_is_wrong_with_all_pages_is_told_in_one_pass(write: Write) -> None:
    toy = "{{ toy.delai }} \\(\\frac{1}\\) [@nobody2020]\n\n"
    pages = write("{{ toy.delay }}", toy, {"30/other.markdown": "{{ nosuch }}", "x.md": "---\nclaims: 1\n---\n"})
    assert told(pages) == [
        "docs/29/toy.md:28: docs/references.bib has no entry named 'nobody2020'.",
        "docs/29/toy.md:28: 29/toy has no result named 'delai'.",
        *[line for line in told(pages) if "frac" in line],
        "docs/30/other.markdown:1: This page has no concept or macro named 'nosuch'.",
        "docs/x.md:2: `claims` is not a list.",
    ]
    assert len(told(pages)) == 5


def test_pages_made_of_others_do_not_tell_their_faults(write: Write) -> None:
    assert [line[:17] for line in told(write("one_liner:", "one-liner:"))] == ["docs/29/toy.md:1:"]


def test_a_figure_shown_twice_has_two_ids(write: Write) -> None:
    figure = '{{ figure("29/toy", "line", alt="A line.", caption="Again.") }}\n\n'
    toy = write("## Does it hold?", figure + "## Does it hold?")[TOY].markdown
    assert [toy.count(f'id="figure-line{again}"') for again in ("", "-2", "-3")] == [1, 1, 0]


@pytest.mark.parametrize("indent", ["    ", "        ", "\t"])
def test_a_figure_in_a_list_or_a_box_stays_whole(indent: str, write: Write) -> None:
    figure = f'{indent}{{{{ figure("29/toy", "line", alt="A line.", caption="Again.") }}}}\n\n'
    toy = write("## Does it hold?", f"!!! note\n\n{figure}## Does it hold?")[TOY].markdown
    start = toy.index("!!! note")
    lines = toy[start : toy.index("</figure>", start)].split("\n")[1:]
    assert all(line.startswith(indent) for line in lines if line)


def test_a_bar_within_a_formula_ends_no_cell(write: Write) -> None:
    toy = write("It comes much later", r"The norm $|w|$ and \(\|v\|\) a|b")[TOY].markdown
    assert r"The norm $\vert w\vert$ and \(\Vert v\Vert\) a\|b" in toy


@pytest.mark.parametrize(
    ("uri", "link", "seen"),
    [
        ("30/a b/é.md", "/29/toy.md#x", "../../29/toy.md#x"),
        ("top.md", "/29/toy.md", "29/toy.md"),
        ("30/x.md", "/my%20file.md", "../my%20file.md"),
        ("30/x.md", "/feed.xml", "../feed.xml"),
    ],
)
def test_links_from_the_root_become_relative(uri: str, link: str, seen: str, write: Write) -> None:
    made = write(more={uri: f"[x]({link}) `[x]({link})`\n\n[y]: {link}\n"})[uri].markdown
    assert f"[x]({seen}) `[x]({link})`" in made
    assert f"[y]: {seen}\n" in made


def test_a_page_that_begins_like_front_matter_loses_no_line(write: Write) -> None:
    assert write(more={"x.md": "Note: this is text.\n"})["x.md"].markdown == "\nNote: this is text.\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: Toy", "day: 2026-13-45\ntitle: Toy", "docs/29/toy.md:9: `2026-13-45` is none: month must be in 1..12."),
        ("title: Toy", "day: a\x07\ntitle: Toy", "docs/29/toy.md:9: This page has the character U+0007."),
        ("title: Toy", "title: Toy\ntitle: Toy", "docs/29/toy.md:10: The front matter has `title` twice."),
        ("{{ toy.delay }}", "{{ toy.delay / 2 }}", "docs/29/toy.md:28: `{{ toy.delay / 2 }}` cannot be computed: TypeError: "
            "unsupported operand type(s) for /: 'Series' and 'int'."),
        ("{{ toy.delay }}", "{{ toy }}", "docs/29/toy.md:28: 29/toy is a concept, and no number."),
        ("## See it happen", "\\[ \\left( x \\]\n\n## See it happen", "docs/29/toy.md:38: "),
        ("# Toy\n", "# Toy\n\x0c\u2028 {{ nosuch }}\n", "docs/29/toy.md:25: This page has no concept or macro named 'nosuch'."),
    ],
)  # fmt: skip
def test_a_fault_is_told_in_one_sentence_with_its_line(old: str, new: str, said: str, write: Write) -> None:
    found = told(write(old, new))
    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_part_whose_date_is_none_is_told(write: Write) -> None:
    part = "---\ntitle: x\ndescription: x\npart: 29\nabstract: x\ndate: soon\n---\n"
    assert told(write(more={"29/index.md": part})) == [
        "docs/29/index.md:6: `date` is not what it should be, a date, as 2026-11-22."
    ]


def test_no_line_of_what_a_fence_holds_ends_it(write: Write, good_project: Project, tmp_path: Path) -> None:
    project = good_project.copy(tmp_path / "project")
    cell = project.folder / "docs/generated/29/toy/cells/line.py"
    cell.write_text('prompt = """\n```\nx\n````\n"""', encoding="utf-8")
    source = Source(TOY, (project.folder / "docs" / TOY).read_bytes())
    page = Book(project.folder, [source]).write()[TOY].markdown
    assert re.search(r'^`````python ran="[^"]+"\nprompt = """\n```\nx\n````\n"""\n`````$', page, re.MULTILINE)


@pytest.mark.parametrize("place", ["- a list\n\n {}", "1. a list\n\n   {}"])
def test_a_figure_that_is_indented_by_less_than_markdown_needs_stays_whole(place: str, write: Write) -> None:
    figure = '{{ figure("29/toy", "line", alt="A line.", caption="Again.") }}'
    toy = write("## Does it hold?", f"{place.format(figure)}\n\n## Does it hold?")[TOY].markdown
    assert '\n<figure markdown="span" id="figure-line-2">\n' in toy


@pytest.mark.parametrize("place", ["> {}", "- x {}", "| a |\n|---|\n| {} |", "{} and more"])
def test_a_figure_within_a_line_is_told(place: str, write: Write) -> None:
    figure = '{{ figure("29/toy", "line", alt="A line.", caption="Again.") }}'
    (said,) = told(write("## Does it hold?", f"{place.format(figure)}\n\n## Does it hold?"))
    line = 60 + place.count("\n")
    assert said == f"docs/29/toy.md:{line}: A figure, like all that has several lines, stands on a line of its own."


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: Toy", 'title: "To\\ay"', "docs/29/toy.md:9: This text has the character U+0007."),
        ("# Toy\n", "# To\x1by\n", "docs/29/toy.md:24: This page has the character U+001B."),
        ("{{ toy.delay }}", "{{ toy.delay * 3 }}", "docs/29/toy.md:28: `{{ toy.delay * 3 }}` cannot be computed"),
        ("{{ toy.delay }}", "{{ page }}", "docs/29/toy.md:28: This expression gives no text, but a thing."),
        ("{{ toy.delay }}", "{{ none }}", "docs/29/toy.md:28: This expression gives no text, but nothing."),
        ("## See it happen", "`x_` and $x_$\n\n## See it happen", "docs/29/toy.md:38: "),
    ],
)
def test_what_would_be_published_as_something_else_is_told(old: str, new: str, said: str, write: Write) -> None:
    assert told(write(old, new))[0].startswith(said)


def test_a_bar_in_a_title_or_a_line_about_a_concept_ends_no_cell(write: Write) -> None:
    pages = write("title: Toy  #", "title: A | B  #")
    assert told(pages) == []
    assert pages["29/index.md"].markdown.count(r"[A \| B](toy.md)") >= 2
