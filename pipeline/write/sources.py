"""Pages as their authors wrote them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from pipeline.problem import Problem

CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")  # of these a file of text, or of XML, has none
# As MkDocs finds it: blanks may follow the dashes, and three dots may end it.
FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """One page. ``uri`` is its address within ``docs/``, however the page was found."""

    uri: str
    content: bytes

    @property
    def file(self) -> str:
        return f"docs/{self.uri}"

    @property
    def part(self) -> str:
        """The folder of the part to which it belongs: ``29``."""
        return PurePosixPath(self.uri).parent.as_posix()

    @property
    def concept(self) -> str:
        """What it would be about: ``29/neural-collapse.md`` is about ``29/neural_collapse``."""
        path = PurePosixPath(self.uri)
        return path.with_name(path.stem.replace("-", "_")).as_posix()

    @cached_property
    def text(self) -> str:
        """Raises ``Problem`` if it is not UTF-8, or has characters that no one could read."""
        try:
            text = self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Problem(f"This page is not UTF-8: {error.reason}.", todo="Save it as UTF-8.") from None
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if odd := CONTROL.search(text):
            what = f"This page has the character U+{ord(odd[0]):04X}."
            raise Problem(what, line=text.count("\n", 0, odd.start()) + 1, todo="Delete it: no editor shows it.")
        return text

    @cached_property
    def split(self) -> tuple[str, str, int]:
        """Front matter, body, and the line of the file at which the body begins."""
        if found := FRONT_MATTER.match(self.text):
            return found[1], self.text[found.end() :], found[0].count("\n") + 1
        return "", self.text, 1

    def line_with(self, words: str, first: int) -> int:
        """The line of the file on which these words stand, from ``first`` on; ``first`` itself if they do not."""
        lines = self.text.split("\n")
        return next((n for n in range(first, len(lines) + 1) if words in lines[n - 1]), first)
