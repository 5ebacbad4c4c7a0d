"""Formulas become MathML where they stand: within a line, or as a block of their own."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString

from pipeline.write import mathml

BELOW_HEAD = re.compile(r"^.*\|.*\n[ \t]*[|:-][ \t|:-]*$", re.MULTILINE)  # the first two lines of a table
BAR = "\ue07c"  # stands for a bar in a formula until a table has been split into its cells; it has no other use


def register(md: Markdown) -> None:
    if "$" not in md.ESCAPED_CHARS:
        md.ESCAPED_CHARS.append("$")
    md.block_level_elements.remove("math")  # else it would be set apart from what it touches
    md.parser.blockprocessors.register(Blocks(md.parser), "formula", 79)  # after indented code, before tables
    md.inlinePatterns.register(Inline(mathml.PIECE, md), "formula", 185)  # after code, before escaped characters


class Blocks(BlockProcessor):
    """A block that is one formula needs no paragraph, and in a table no formula is split at its bars."""

    def test(self, parent: Element, block: str) -> bool:
        return "$" in block or "\\" in block

    def run(self, parent: Element, blocks: list[str]) -> bool:
        text = blocks[0].strip()
        for formula in mathml.scan(text):
            if formula.block and (formula.start, formula.end) == (0, len(text)):
                parent.append(draw(formula))
                parent[-1].tail = "\n"
                del blocks[0]
                return True
            if BELOW_HEAD.match(text):
                whole = text[formula.start : formula.end]
                blocks[0] = blocks[0].replace(whole, whole.replace("|", BAR))
        return False


class Inline(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str = "") -> Any:
        """The element and where it stands, as Python-Markdown asks for it; three times nothing for other pieces."""
        formula = mathml.of_match(m)
        return (draw(formula), formula.start, formula.end) if formula else (None, None, None)


def draw(formula: mathml.Formula) -> Element:
    """A formula as an element in whose texts nothing is Markdown. Raises ``Problem``."""
    math = mathml.element(formula.tex.replace(BAR, "|"), formula.block)
    for part in math.iter():
        part.text = AtomicString(part.text or "")
    return math
