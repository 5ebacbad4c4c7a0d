"""What the search does not find."""

from __future__ import annotations

from tests.markup.page import page

MARKED = "[data-search-exclude=x]"


def test_what_is_on_buttons_and_in_large_formulas_is_not_found() -> None:
    blocks = "".join(f'<p class="{name} x" markdown>{name}</p>\n\n' for name in ("status", "take", "unsearched"))
    spans = '<div class="claims" markdown>\n\nclaims\n\n</div>\n\n- item <small>x</small> [up](#x){ .back }\n\n'
    drawn = page(f"{blocks}{spans}Text, $a$.\n\n$$ b $$\n\n## Hidden {{ .unsearched }}\n")
    assert [tag.get_text(strip=True) for tag in drawn.select(MARKED)] == [
        *("status", "take", "unsearched", "claims", "up", "b", "Hidden")
    ]


def test_of_code_only_the_first_block_to_take_home_is_found() -> None:
    blocks = [f"```{language}\n{n}\n```" for n, language in enumerate(("python", "shell", "python", "text"))]
    folded = '??? note "x"\n\n    ```python\n    5\n    ```\n\n    text'
    drawn = page(
        "\n\n".join([*blocks[:2], "    4", "## Take it home", "text", *blocks[2:], folded, "## More", "    6"])
    )
    assert [pre.get_text().strip() for pre in drawn.select(f"pre:not({MARKED})")] == ["2"]
    assert len(drawn.select("pre")) == 7


def test_without_such_a_section_none_is_found() -> None:
    assert page("```python\nx\n```").select(f"pre{MARKED}")
