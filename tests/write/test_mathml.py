"""Where a formula begins and ends, and which cannot be read."""

from __future__ import annotations

import pytest

from pipeline.problem import Problem
from pipeline.write import mathml
from tests.markup.page import page

MONEY = [
    "$5-$10 an hour",
    "US$5/CA$7",
    "$5 and 6 $, or $ 7$",
    r"\$x\$ and \$5$",
    "cheap ($), dear ($$$)",
    "from $$ to $$$",
    "dear ($$$), fair ($$)",
    "$a\n\nb$",  # no formula goes on after an empty line
    "> $a\n>\n> b$",
]
NOT_TEXT = [
    "`$x$` and ``a ` $x$``",
    "```python\n$x$\n\n$y$\n```",
    "    ~~~\n    $x$\n    ~~~",
    "text\n\n    $x$\n\n    $y$\n",
    "- item\n\n        $x$\n",
    '<a title="$5 and 6$">x</a> <!-- $x$ -->',
    "<pre>\n$x$\n</pre>",
    r"\\(x\\)",
]
UNREADABLE = [
    *(r"\left( x", r"x \right)", r"\frac{1}", r"\binom{a}", r"\overset{a}", "x_", "x_1_2", r"\sqrt", r"\genfrac"),
    *(r"\foo x", r"\mathfoo{x}", r"\begin{foo}x\end{foo}", r"\begin{aligned}a &= b\end{aligned}", "a & b", r"\limits"),
    *("{a", "a}", r"\mathrm{foo", r"\text{50\% off}", r"\operatorname{arg\,min}", r"\begin{matrix} a", "\\"),
    *("", " ", "{}", r"\,"),
]


def found(markdown: str) -> list[tuple[str, bool]]:
    return [(formula.tex, formula.block) for formula in mathml.find(markdown)]


def test_a_formula_has_four_ways_to_be_written() -> None:
    assert found(r"\(a\), $b$, \[c\] and $$ d $$, $e$-th") == [
        *(("a", False), ("b", False), ("c", True), (" d ", True), ("e", False))
    ]
    assert found("$a\nb$ and \\(x \\\\ y\\)") == [("a\nb", False), (r"x \\ y", False)]


def test_a_formula_knows_its_place() -> None:
    text = "one\n\ntwo $x$ three"
    (formula,) = mathml.find(text)
    assert text[formula.start : formula.end] == "$x$"


@pytest.mark.parametrize("text", MONEY)
def test_dollars_that_are_money_stay(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", NOT_TEXT)
def test_nothing_is_a_formula_in_code_or_tags(text: str) -> None:
    assert found(text) == []
    assert found(f"{text}\n\nthen $x$") == [("x", False)]


def test_what_is_indented_below_an_item_or_a_title_is_no_code() -> None:
    for opens in ("- item", "12. item", "!!! note", '??? example "x"', "[^1]: note"):
        assert found(f"{opens}\n\n    $x$\n\n    more $y$") == [("x", False), ("y", False)], opens


@pytest.mark.parametrize("tex", UNREADABLE)
def test_what_cannot_be_read_is_a_problem(tex: str) -> None:
    with pytest.raises(Problem, match="cannot be read: ") as raised:
        mathml.draw(tex, block=False)
    assert f"'{tex.strip()}'" in raised.value.what
    assert raised.value.todo


@pytest.mark.parametrize(
    "tex",
    [
        *("x^2_1'", r"{}^2", r"\left. x \right|", r"\sqrt[3]{x}", r"\{x\}", r"95\,\%", r"\$5", r"\mathbb{E}", "a < b"),
        *(r"\operatorname*{argmin}_x", r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", r"\text{if } x", r"\sum_{i}^n"),
        *(r"\mathrm{first\ step}", r"a \ ", r"\hat\epsilon", r"\underbrace{x}_{y}", "1{,}000"),
    ],
)
def test_what_can_be_read_is_none(tex: str) -> None:
    drawn = mathml.draw(tex, block=True)
    assert drawn.startswith('<math display="block">')
    assert "\\" not in drawn


def test_a_cell_is_not_ended_by_its_bars() -> None:
    text = r"a | b, `c | d`, $|w|$, \(\|w\|_2\), $P(a|b)$, \$|"
    assert mathml.cell(text) == r"a \| b, `c | d`, $\vert w\vert$, \(\Vert w\Vert_2\), $P(a\vert b)$, \$\|"
    assert len(found(mathml.cell(text))) == len(found(text)) == 3
    cells = page(f"| a | b |\n|---|---|\n| {mathml.cell(text)} | x |").select("td")
    assert [cell.get_text() for cell in cells] == ["a | b, c | d, |w|, ‖w‖2, P(a|b), $|", "x"]
