"""TeX in a finished page becomes MathML, which browsers draw and screen readers read without any script."""

from __future__ import annotations

import html
import re
from functools import cache

# What pymdownx.arithmatex leaves in a Markdown page (generic: true) ...
ARITHMATEX = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
# ... and what nbconvert leaves in the text cells of a notebook: dollars, with code to be stepped over.
NOTEBOOK_TEXT = re.compile(r'(<div class="[^"]*jp-RenderedMarkdown[^"]*"[^>]*>)(.*?)(</div>)', re.DOTALL)
DOLLARS = re.compile(r"(<(code|pre)\b.*?</\2>)|\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)([^$]+?)(?<!\s)\$(?!\d)", re.DOTALL)


def in_article(content: str) -> str:
    """The HTML of a Markdown page with its formulas drawn."""
    return ARITHMATEX.sub(lambda m: _mathml(m[3], block=m[2] == "["), content)


def in_notebook(content: str) -> str:
    """The HTML of a notebook page with its formulas drawn."""

    def formula(match: re.Match[str]) -> str:
        code, _, block, inline = match.groups()
        return code or _mathml(block or inline, block=bool(block))

    return NOTEBOOK_TEXT.sub(lambda m: m[1] + DOLLARS.sub(formula, m[2]) + m[3], content)


@cache
def _mathml(tex: str, block: bool) -> str:
    from latex2mathml.converter import convert

    drawn: str = convert(html.unescape(tex).strip(), display="block" if block else "inline")
    # What HTML does not need; and characters as themselves, but for the two that would be read as marks.
    drawn = drawn.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "").replace(' display="inline"', "")
    return re.sub(r"&#x(?!0*(?:26|3C);)([0-9A-Fa-f]+);", lambda code: chr(int(code[1], 16)), drawn)
