"""What stands outside of code, and how long it is to read."""

from __future__ import annotations

from pipeline.write.prose import measure, outside_code


def test_code_is_stepped_over() -> None:
    text = "a `a` ``a ` a`` a\n```python\na\n```\n- a\n    ~~~\n    a\n    ~~~\na"
    assert outside_code(lambda prose: prose.replace("a", "b"), text) == (
        "b `a` ``a ` a`` b\n```python\na\n```\n- b\n    ~~~\n    a\n    ~~~\nb"
    )


def test_words_are_those_that_a_reader_reads() -> None:
    page = (
        "# Two words { #id }\n\nIt's [linked here](there.md#a-b) and \\(a < b\\).\n\n![not read](x.svg){ width=3 }\n\n"
        "<p class='x' markdown>one</p> <!-- not this -->\n\n```python\nnor = this\n```\n\n"
        '## In 30 seconds\n\nJust four words here.\n\n## Next\n\n[term]: glossary.md#term "not read"\n'
    )
    length = measure(page)
    assert (length.words, length.minutes) == (2 + 5 + 1 + 3 + 4 + 1, 1)
    assert length.seconds == 2  # four words at 220 a minute
