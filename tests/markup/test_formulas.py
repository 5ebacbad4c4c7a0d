"""Formulas on a page: drawn where they stand, and money left alone."""

from __future__ import annotations

import pytest

from pipeline.problem import Problem
from tests.markup.page import html, page
from tests.project import PAGE, Project, lines_of


def test_a_formula_is_drawn_where_it_stands() -> None:
    drawn = page("*the $n$-th*, **\\(a &lt; b\\)** and $$\nc\n$$ here\n\n\\[ d \\]\n\n- $e$\n\n    $$ f $$\n")
    assert [math.get_text(strip=True) for math in drawn.select("math")] == ["n", "a<b", "c", "d", "e", "f"]
    assert [math.get_text(strip=True) for math in drawn.select("math[display=block]")] == ["c", "d", "f"]
    assert [math.get_text(strip=True) for math in drawn.select("p math[display=block]")] == ["c"]
    assert drawn.select("em > math, strong > math, li math")


def test_nothing_is_put_between_a_formula_and_what_it_touches() -> None:
    assert page(r"\(n\)*th* and \(a\)\(b\)").get_text() == "nth and ab"


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("$5-$10 an hour", "$5-$10 an hour"),
        (r"\$x\$ or \\(x\\)", r"$x$ or \(x\)"),
        ("`$x$`", "$x$"),
        ("    $x$", "$x$"),
        ("```\n$x$\n```", "$x$"),
        ("from $$ to $$$", "from $$ to $$$"),
    ],
)
def test_what_is_no_formula_is_left_as_it_is(markdown: str, text: str) -> None:
    drawn = page(markdown)
    assert drawn.get_text().strip() == text
    assert not drawn.select("math")


def test_nothing_in_a_formula_is_markdown() -> None:
    assert page(r"$a_1 * b_2 * c$, $f'$ and $x < y > z$").select("em, b, y") == []
    text = page(r"""$\text{"x" *y* weight}$ and "x".""").get_text()
    assert text.replace("\u00a0", " ") == '"x" *y* weight and “x”.'


def test_bars_in_a_table_are_lengths_and_norms() -> None:
    cells = page("| a | b |\n|---|---|\n| $|w|$ | $\\|w\\|$ and `a|b` |\n").select("td")
    assert [cell.get_text(strip=True) for cell in cells] == ["|w|", "‖w‖anda|b"]


def test_bars_elsewhere_are_bars() -> None:
    assert page("$|w|$ | x").get_text() == "|w| | x"


def test_a_formula_that_cannot_be_read_is_a_problem() -> None:
    for tex in (r"$\left( x$", r"\(\frac{1}\)", "$$\n\\foo\n$$"):
        with pytest.raises(Problem, match="cannot be read"):
            html(f"text {tex}")


def test_a_build_ends_in_one_sentence(project: Project) -> None:
    before = project.digest()
    project.replace(PAGE, "$y = 2 x$", r"$\frac{1}$")
    done = project.make("site")
    assert done.returncode != 0
    assert list(lines_of(done.stderr, PAGE, r"'\frac{1}' cannot be read"))
    assert "Traceback" not in done.stderr
    assert project.digest() == before
