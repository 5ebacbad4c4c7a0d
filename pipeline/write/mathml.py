"""TeX formulas in a text: where they stand, and their MathML, which browsers draw and screen readers read without any script.

A formula is ``\\(…\\)``, ``\\[…\\]``, ``$…$`` or ``$$…$$``; the last two by Pandoc's rule, so that ``$5-$10 an hour`` is money.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import NamedTuple
from xml.etree.ElementTree import Element, tostring

from latex2mathml import commands
from latex2mathml.converter import convert_to_element
from latex2mathml.symbols_parser import convert_symbol
from latex2mathml.tokenizer import tokenize

from pipeline.problem import Problem
from pipeline.write.prose import CODE_PATTERN

# What is read as one piece, from left to right: code and tags, in which nothing is a formula, formulas, escaped characters.
# No formula goes on after an empty line. (\x02 is Python-Markdown's mark for what it has already read, such as code.)
PIECE = (
    rf"(?xms) {CODE_PATTERN}"
    + r"""
  | <(?P<raw>pre|code|script|style|textarea)\b .*? </(?P=raw)>
  | <!-- .*? -->
  | </?[a-zA-Z][\w-]* (?: \s+[\w:-]+ (?: \s*=\s* (?: "[^"]*" | '[^']*' | [^\s"'=<>`]+ ) )? )* \s*/?>
  | \\\( (?P<round>  (?: (?!\n[ \t>]*\n) (?: \\[^)]  | [^\\`\x02] ) )*? ) \\\)
  | \\\[ (?P<square> (?: (?!\n[ \t>]*\n) (?: \\[^\]] | [^\\`\x02] ) )*? ) \\\]
  | (?<!\$) \$\$ (?!\$)    (?P<dollars> (?: (?!\n[ \t>]*\n) (?: \\. | [^\\`\x02$] ) )+? ) \$\$ (?!\$)
  | (?<!\$) \$ (?![\s$]) (?P<dollar>  (?: (?!\n[ \t>]*\n) (?: \\. | [^\\`\x02$] ) )+? ) (?<!\s) \$ (?![\d$])
  | \\[^(\[]"""
)
_PIECE = re.compile(PIECE)
_PIECE_OR_BAR = re.compile(PIECE + r" | \|")
# What is indented below one of these belongs to it; elsewhere four more columns after an empty line make code.
_OPENS = re.compile(r"(?:[*+-]|\d+\.|!!!|\?\?\?\+?|:|\[\^[^\]]+\]:)\s")

# How many parts each of these has; with another number browsers draw an error, or nothing.
_PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_NAMES = {"mfrac": "a fraction", "mroot": "a root"}
_ENTITY = re.compile(r"&#x[0-9A-Fa-f]+;")
_NOT_DRAWN = re.compile(r"\\[a-zA-Z]*|[{}&$#^_`]")  # what is left of TeX that was not understood


class Formula(NamedTuple):
    """``tex`` without its delimiters, entities such as ``&lt;`` resolved, and where it stands: ``text[start:end]``, delimiters
    included."""

    tex: str
    block: bool
    start: int
    end: int


def find(markdown: str) -> Iterator[Formula]:
    """The formulas of a Markdown text, in their order, but for what looks like one in code (fenced, indented, inline), in
    tags or in comments."""
    code = list(_indented_code(markdown))
    for formula in scan(markdown):
        if not any(start <= formula.start < end for start, end in code):
            yield formula


def scan(text: str) -> Iterator[Formula]:
    """The same, where indents mean nothing: within a paragraph, or a text of HTML."""
    return filter(None, map(of_match, _PIECE.finditer(text)))


def of_match(match: re.Match[str]) -> Formula | None:
    """What a match of ``PIECE`` is, if it is a formula."""
    for kind in ("round", "square", "dollars", "dollar"):
        if (tex := match[kind]) is not None:
            return Formula(html.unescape(tex), kind in ("square", "dollars"), match.start(), match.end())
    return None


def cell(markdown: str) -> str:
    """A text as it can stand in a table's cell, which a bar would end: in a formula bars have names, in code they stay."""

    def named(bar: re.Match[str]) -> str:
        return ("\\Vert" if bar[0][0] == "\\" else "\\vert") + (" " if bar["letter"] else "")

    def written(match: re.Match[str]) -> str:
        if of_match(match):
            return re.sub(r"\\?\|(?=(?P<letter>[a-zA-Z]?))", named, match[0])
        return match[0] if match["ticks"] else match[0].replace("|", "\\|")

    return _PIECE_OR_BAR.sub(written, markdown)


@cache
def draw(tex: str, block: bool) -> str:
    """A formula as a ``<math>`` element, on a line of its own if ``block``.

    Raises ``Problem`` for what cannot be read as it was meant: unknown commands, braces and fences without their other half,
    a fraction or an index without one of its parts, an empty formula.
    """
    return tostring(element(tex, block), encoding="unicode")


def element(tex: str, block: bool) -> Element:
    """The same, as an element of its own in a tree."""
    return deepcopy(_element(tex, block))


@cache
def _element(tex: str, block: bool) -> Element:
    if not tex.strip():
        raise _problem(tex, "it is empty")
    if depth := _unbalanced(tex):
        raise _problem(tex, f"{abs(depth)} {'{' if depth > 0 else '}'} too many")
    try:
        math = convert_to_element(tex, display="block" if block else "inline")
    except Exception as error:  # those of latex2mathml have no common base, and some are Python's own
        own = type(error).__module__ == "latex2mathml.exceptions" and type(error).__name__ != "NoAvailableTokensError"
        words = re.findall("[A-Z][a-z]+", type(error).__name__.removesuffix("Error"))
        raise _problem(tex, " ".join(words).lower() if own else "it ends too early, or is not understood") from None
    if fault := next(_faults(tex, math), None):
        raise _problem(tex, fault)
    del math.attrib["xmlns"]  # HTML needs neither
    if not block:
        del math.attrib["display"]
    for part in math.iter():
        part.text = part.text and html.unescape(part.text)
    return math


def _problem(tex: str, why: str) -> Problem:
    return Problem(
        f"The formula '{' '.join(tex.split())}' cannot be read: {why}.",
        todo="Correct it, or write \\$ for a dollar that begins no formula.",
        detail=tex.strip(),
    )


def _faults(tex: str, math: Element) -> Iterator[str]:
    """What latex2mathml passes in silence."""
    known = {*commands.LOCAL_FONTS, *commands.GLOBAL_FONTS, *commands.MATH_NON_FONT_COMMANDS}
    known |= {f"\\begin{{{name[1:]}}}" for name in commands.MATRICES}
    for token in tokenize(tex):
        if re.match(r"\\(math|begin)|\\operatorname\w*$", token) and token not in known and not convert_symbol(token):
            yield f"{token} is not understood"
    for part in math.iter():
        if left := _NOT_DRAWN.search(_ENTITY.sub("", part.text or "")):
            yield f"{left[0]} is not understood"
        if len(part) != _PARTS.get(part.tag, len(part)):
            yield f"{_NAMES.get(part.tag, 'an index or limit')} has {len(part)} of its {_PARTS[part.tag]} parts"
    if not any(part.text for part in math.iter()):
        yield "nothing is drawn"


def _unbalanced(tex: str) -> int:
    braces = re.findall(r"\\.|[{}]", tex, re.DOTALL)
    return braces.count("{") - braces.count("}")


def _indented_code(markdown: str) -> Iterator[tuple[int, int]]:
    """Where the lines of indented code begin and end."""
    columns, at, code, blank = [0], 0, False, True
    for line in markdown.split("\n"):
        text = line.expandtabs(4).lstrip()
        column = len(line.expandtabs(4)) - len(text)
        if text and blank:
            while column < columns[-1]:
                columns.pop()
            code = column >= columns[-1] + 4
        if text and code:
            yield at, at + len(line)
        elif _OPENS.match(text):
            columns.append(max(columns[-1], column - column % 4) + 4)
        blank = not text
        at += len(line) + 1
