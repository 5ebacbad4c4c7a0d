"""Templates: what fails is told with its line, and the rest is still read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.problem import Problem, UnknownName
from pipeline.write.template import Block, Template, environment


def render(text: str, tmp_path: Path, **names: Any) -> tuple[str, list[str]]:
    found: list[Problem] = []
    made = Template(environment(tmp_path, {}), text, "page.md", first=10).render(names, found.append)
    return made, [str(problem).partition("\n")[0] for problem in found]


def test_every_failing_expression_is_told_with_its_line_in_one_pass(tmp_path: Path) -> None:
    text = "a {{ one }}\n{{ two }} {{ n / 0 }}\n\n{{ n }}\n{% if three %}x{% endif %}"
    _, told = render(text, tmp_path, n=4)
    assert told == [
        "page.md:10: This page has no concept or macro named 'one'.",
        "page.md:11: This page has no concept or macro named 'two'.",
        "page.md:11: `{{ n / 0 }}` cannot be computed: ZeroDivisionError: division by zero.",
        "page.md:14: This page has no concept or macro named 'three'.",
    ]


def test_every_name_of_a_call_over_several_lines_is_told_with_its_own_line(tmp_path: Path) -> None:
    _, told = render("{{ f(a=one,\n  b=two,\n  c=3) }}", tmp_path, f=lambda **given: "".join(map(str, given.values())))
    assert [line.partition(": ")[0] for line in told] == ["page.md:10", "page.md:11"]


def test_what_comes_of_a_fault_that_has_been_told_is_not(tmp_path: Path) -> None:
    def figure(name: str) -> str:
        raise UnknownName("figure", name, ["line"], "29/toy")

    loop = "{% for x in one.all %}{{ x.y }}{% endfor %}{% set two = toy.three %}{{ two.b }}"
    _, told = render(f"{{{{ figure('lime') }}}}\n{loop}\n{{{{ last }}}}", tmp_path, figure=figure, toy={})
    assert [line.partition(" named ")[2] for line in told] == ["'lime'.", "'one'.", "'three'.", "'last'."]


def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path) -> None:
    (_, told) = render("x\n{{ a b }}", tmp_path)
    assert told == ["page.md:11: This macro cannot be read: expected token 'end of print statement', got 'b'"]


def test_a_fault_in_an_included_template_names_that_template(tmp_path: Path) -> None:
    folder = tmp_path / "docs/templates"
    folder.mkdir(parents=True)
    (folder / "part.md").write_text("fine\n{{ nothing }}\n")
    (folder / "odd.md").write_text("fine\n\n{% for %}\n")
    for name, line in (("part.md", 2), ("odd.md", 3)):
        _, told = render(f'{{% include "{name}" %}}', tmp_path)
        assert len(told) == 1
        assert told[0].startswith(f"docs/templates/{name}:{line}: ")


@pytest.mark.parametrize("indent", ["", "    ", "\t"])
def test_a_block_is_indented_like_its_place(indent: str, tmp_path: Path) -> None:
    made, _ = render(f"!!! note\n\n{indent}{{{{ block }}}}\n", tmp_path, block=Block("one\n  two\n\nthree"))
    assert made == f"!!! note\n\n{indent}one\n{indent}  two\n\n{indent}three"


def test_the_id_of_a_heading_is_no_comment(tmp_path: Path) -> None:
    assert render("# a {#id}\n\nkept #} b", tmp_path) == ("# a {#id}\n\nkept #} b", [])


def test_a_macro_that_is_not_called_is_told(tmp_path: Path) -> None:
    def status() -> str:
        return ""

    assert render("{{ status }}", tmp_path, status=status)[1] == ["page.md:10: status is not called."]
