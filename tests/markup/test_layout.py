"""Marks that the stylesheet needs."""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag

from tests.markup.page import page

SHORT = "# Page\n\n## In 30 seconds\n\nOne.\n\n*Two.*\n\n"


def children(found: BeautifulSoup | Tag) -> list[str]:
    return [tag.name for tag in found.find_all(recursive=False)]


def test_in_30_seconds_is_one_block_of_its_heading_and_paragraphs() -> None:
    for after, name in (("```python\nx\n```", "div"), ("![](x.png)\n{ .large }", "p"), ("## More\n\nx", "h2")):
        drawn = page(SHORT + after)
        block = drawn.select_one("section.short")
        assert block is not None
        assert children(block) == ["h2", "p", "p"]
        assert children(drawn)[:3] == ["h1", "section", name]


def test_what_comes_after_it_is_still_laid_out() -> None:
    assert page(SHORT + "| a |\n|---|\n| 1 |\n\n## Take it home\n").select(".table + h2:not(.data)")


def test_a_page_without_it_is_left_as_it_is() -> None:
    assert children(page("## See it happen\n\nText.")) == ["h2", "p"]


def test_each_table_has_a_box_to_be_scrolled_in() -> None:
    drawn = page("text\n\n| a | b | c |\n|---|--:|:-:|\n| 1 | 2 | 3 |\n\n> | a |\n> |---|\n> | 1 |\n")
    assert len(drawn.select("div.table > table.data")) == len(drawn.select("table")) == 2
    assert [cell.get("class") for cell in drawn.select("tr")[1].select("td")] == [None, ["right"], ["center"]]
    assert drawn.select("[style]") == []


def test_no_range_in_a_table_is_broken() -> None:
    cells = (
        "13 (8–20)",
        "**0 (−1 to 1 × 10⁻⁴)**",
        "two (see a–b)",
        "(1–2) or 3",
        "*x* (3–4)",
        "**5 (6–7)**<small>8</small>",
    )
    drawn = page("|" + " a |" * 6 + "\n|" + "---|" * 6 + "\n|" + "|".join(cells) + "|\n\n**9 (1–2)**")
    assert [tag.get_text() for tag in drawn.select("span.range")] == ["(8–20)", "(−1 to 1 × 10⁻⁴)", "(3–4)", "(6–7)"]
    assert "13 (8–20)" in drawn.get_text()
