"""Blocks of code."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from markdown import Markdown

from pipeline.markup import code
from tests.markup.page import EXTENSIONS, html, page
from tests.project import ROOT


def test_a_block_says_how_long_it_ran_and_no_one_copies_that() -> None:
    block = page('```python ran="0.3 s"\nx = 1\n```').div
    assert block is not None
    assert block["class"] == ["language-python", "highlight"]
    assert block["data-ran"] == "0.3 s"
    assert block.get_text() == "x = 1\n"


def test_a_block_that_did_not_run_says_nothing() -> None:
    block = page("```python\nx = 1\n```").div
    assert block is not None
    assert "data-ran" not in block.attrs


def test_a_block_is_highlighted_whole() -> None:
    spans = page("```python\nimport os  # why\nx = f'{os}' + 1\n```").select("code span")
    assert {span["class"][0] for span in spans} == {"kn", "w", "nn", "c1", "n", "o", "sa", "s1", "si", "mi"}


def test_each_colour_of_code_is_ours() -> None:
    """`tests/test_look.py` compares those of both schemes with their grounds."""
    folder = files("material") / "templates/assets/stylesheets"
    theme = "".join(file.read_text() for file in folder.iterdir() if file.name.endswith(".css"))
    used = set(re.findall(r"color:var\((--md-code-hl-\w+-color)\)", theme))
    ours = set(re.findall(r"(--md-code-hl-\w+-color):", (ROOT / "docs/assets/site.css").read_text(encoding="utf-8")))
    assert len(used) > 9
    assert used <= ours


def test_a_long_block_is_all_there_with_a_box_that_shows_it() -> None:
    for lines, box in ((32, []), (33, ["Show all 33 lines"])):
        drawn = page("```python\n" + "x = 1\n" * lines + "```")
        assert [tag["aria-label"] for tag in drawn.select("div.long > input[type=checkbox]")] == box
        assert drawn.get_text().count("x = 1") == lines


@pytest.mark.parametrize("fence", ["```shell\nls\n```", '```python hl_lines="1"\nls\n```', "    ls"])
def test_other_blocks_are_drawn_as_ever(fence: str) -> None:
    assert page(fence).select("div.highlight > pre > code")


def test_lines_can_be_marked() -> None:
    assert page('```python hl_lines="2"\nx\ny\n```').select("span.hll")[0].get_text() == "y\n"


def test_what_is_highlighted_is_not_read_as_html() -> None:
    block = page("```python ran='\"><b>'\na < b > c & d\n```")
    assert block.get_text() == "a < b > c & d\n"
    assert block.select("b") == []


def test_its_place_among_the_extensions_is_of_no_matter() -> None:
    text = '```python ran="1 s"\nx\n```\n\n| a |\n|--:|\n| $x$ |\n\n"y" [z]\n\n[z]: ../glossary.md#z "t"'
    assert html(text, EXTENSIONS[::-1]) == html(text)
    assert html(text, ["fenced_code", *EXTENSIONS]) == html(text)


def test_what_was_highlighted_is_kept_where_a_folder_is_named(tmp_path: Path) -> None:
    def drawn(source: str) -> str:
        made = Markdown(
            extensions=["pipeline.markup"], extension_configs={"pipeline.markup": {"kept": str(tmp_path / "kept")}}
        )
        return made.convert(f"```python\n{source}\n```")

    first = drawn("def once(): ...")
    code._highlighted.cache_clear()
    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.read_text(encoding="utf-8") in first
    kept.write_text("as it was kept", encoding="utf-8")
    assert "as it was kept" in drawn("def once(): ...")
    assert "as it was kept" not in drawn("def twice(): ...")
