"""The first use of a term leads to the glossary."""

from __future__ import annotations

from tests.markup.page import page

DEFINED = """

[weight decay]: ../glossary.md#weight-decay "A "pull" on every <weight>."
[weight]: ../glossary.md#weight "A number."
[weights]: ../glossary.md#weight "A number."
[paper]: https://example.org/ "A paper."
"""


def links(markdown: str) -> list[tuple[str, str]]:
    return [(a.get_text(), str(a["href"]).partition("#")[2]) for a in page(markdown + DEFINED).select("a.term")]


def test_the_first_use_of_each_term_is_a_link_with_its_definition() -> None:
    text = "Of *Weight decay*, weight decay and weights; a weight, a paper."
    assert links(text) == [("Weight decay", "weight-decay"), ("weights", "weight")]
    drawn = page(text + DEFINED)
    link = drawn.select("a.term")[0]
    assert (link["href"], link["title"]) == ("../glossary.md#weight-decay", 'A "pull" on every <weight>.')
    assert drawn.get_text().strip() == text.replace("*", "")


def test_a_term_is_a_word_of_its_own() -> None:
    assert links("overweight, weighty, re_weight_ed") == []
    assert links("(weight)-free") == [("weight", "weight")]


def test_no_term_is_a_link_within_links_headings_code_or_formulas() -> None:
    text = "# weight\n\n`weight`, [weight](x.md), $\\text{weight}$\n\n    weight\n\n| weight |\n|---|\n"
    others = '\n\n<p class="status" markdown>weight</p>\n\n??? note "weight"\n\n    text\n'
    assert links(text + others) == []
    assert links(text + "\n\nAnd weight.") == [("weight", "weight")]


def test_a_link_of_ones_own_stays_and_does_not_count() -> None:
    drawn = page("[see][weight decay] and weight decay" + DEFINED)
    assert [(a.get_text(), a.get("class")) for a in drawn.select("a")] == [("see", None), ("weight decay", ["term"])]


def test_terms_go_on_behind_each_other_and_behind_elements() -> None:
    text = "Weights and weight decay, *then* weight decay."
    assert links(text) == [("Weights", "weight"), ("weight decay", "weight-decay")]
    assert page(text + DEFINED).get_text().strip() == text.replace("*", "")


def test_without_definitions_nothing_is_a_term() -> None:
    assert page("weight decay").select("a") == []
