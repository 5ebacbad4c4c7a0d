"""What a page's Markdown says outside of its code, and how long that is to read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple

# Fenced blocks and inline code; what is indented is a part of a list more often than it is code.
CODE_PATTERN = r"""(?: ^[ \t>]* (?P<fence>`{3,}|~{3,}) [^`\n]*\n .*? (?: ^[ \t>]*(?P=fence)[ \t]*$ | \Z )
      | (?P<ticks>`+) (?: (?!\n[ \t>]*\n) . )+? (?<!`)(?P=ticks)(?!`) )"""
CODE = re.compile(f"(?xms) {CODE_PATTERN}")
WORDS_A_MINUTE = 220
NOT_READ = (
    (re.compile(r"\\\[.*?\\\]|\\\(.*?\\\)", re.DOTALL), " x "),  # a formula is one word
    (re.compile(r"<!--.*?-->|<(svg|script|style|pre)\b.*?</\1>", re.DOTALL), " "),
    (re.compile(r"<[^<>]+>"), " "),
    (re.compile(r"!\[(?:\\.|[^\]\\])*\]\([^)]*\)"), " "),  # what an image shows is read out, not read
    (re.compile(r"\]\([^)]*\)|^\[[^\]]*\]: .*$", re.MULTILINE), "] "),
    (re.compile(r"\{[^{}\n]*\}"), " "),
)
SHORT = re.compile(r"^## In 30 seconds.*?$(.*?)(?=^## |^<figure|\Z)", re.DOTALL | re.MULTILINE)


def outside_code(change: Callable[[str], str], markdown: str) -> str:
    """The page with ``change`` applied to all that is not code."""
    changed, end = [], 0
    for code in CODE.finditer(markdown):
        changed += [change(markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join((*changed, change(markdown[end:])))


class Length(NamedTuple):
    """How long a page is to read: its words, the minutes for them, and the seconds for *In 30 seconds*."""

    words: int
    minutes: int
    seconds: int


def measure(markdown: str) -> Length:
    """The length of a written page; blocks of code and pictures are not counted."""
    short = SHORT.search(markdown)
    count = _words(markdown)
    seconds = math.ceil(60 * _words(short[1]) / WORDS_A_MINUTE) if short else 0
    return Length(count, math.ceil(count / WORDS_A_MINUTE), seconds)


def _words(markdown: str) -> int:
    text = CODE.sub(lambda code: " " if code["fence"] else code[0], markdown)
    for pattern, instead in NOT_READ:
        text = pattern.sub(instead, text)
    return len(re.findall(r"\w[\w'’.,-]*", text))
