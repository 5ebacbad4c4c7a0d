"""Pages as their authors wrote them: the text of each, and what it says of itself in its front matter."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import yaml

from pipeline.problem import Problem

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times faster where libyaml is there
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
        """Raises ``Problem`` if it is not UTF-8."""
        try:
            text = self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Problem(f"This page is not UTF-8: {error.reason}.", self.file, todo="Save it as UTF-8.") from None
        return text.replace("\r\n", "\n").replace("\r", "\n")

    @cached_property
    def split(self) -> tuple[str, str, int]:
        """Front matter, body, and the line of the file at which the body begins."""
        if found := FRONT_MATTER.match(self.text):
            return found[1], self.text[found.end() :], found[0].count("\n") + 1
        return "", self.text, 1

    def lines(self, said: str) -> list[int]:
        """The lines of the file on which something stands."""
        return [number for number, line in enumerate(self.text.split("\n"), 1) if said in line]


class FrontMatter:
    """The entries of a front matter, each with its line. Raises ``Problem`` if it is not YAML, or has an entry twice."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.nodes: dict[str, yaml.Node] = {}
        self.lines: dict[str, int] = {}
        try:
            node = yaml.compose(text, Loader=LOADER)
        except yaml.MarkedYAMLError as error:
            at = error.problem_mark.line + 2 if error.problem_mark else 1
            raise self._wrong(f"not YAML: {error.problem}", at, "Put text with ': ' in quotes.") from None
        except yaml.reader.ReaderError as error:
            character = chr(int(error.character))
            at = text.count("\n", 0, text.find(character)) + 2
            what = f"not YAML: it has the character U+{ord(character):04X}"
            raise self._wrong(what, at, "Delete it: no editor shows it.") from None
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value in self.nodes:
                raise Problem(f"The front matter has `{key.value}` twice.", file, line_of(key), "Keep one of them.")
            self.nodes[key.value], self.lines[key.value] = value, line_of(key)

    def _wrong(self, what: str, line: int, todo: str) -> Problem:
        return Problem(f"The front matter is {what}.", self.file, line, todo)

    def line(self, entry: str) -> int:
        """The line of an entry; the first, if it is not there."""
        return self.lines.get(entry, 1)

    def value(self, node: yaml.Node, render: Callable[[str, int], str] = lambda text, line: text) -> Any:
        """What stands at a node; text goes through ``render``, which is told its line. Raises ``Problem`` if it is impossible."""
        if isinstance(node, yaml.MappingNode):
            return {self.value(key): self.value(value, render) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, render) for item in node.value]
        try:
            value = LOADER("").construct_document(node)
        except ValueError as error:
            what = f"`{node.value}` is none: {error}."
            raise Problem(what, self.file, line_of(node), "Write a date as 2026-11-22, or text in quotes.") from None
        except yaml.YAMLError as error:
            what = f"The front matter is not plain YAML: {error}".partition("\n")[0]
            raise Problem(what, self.file, line_of(node), "Use plain text, numbers, dates and lists.") from None
        return render(value, line_of(node)) if isinstance(value, str) else value


def page_of(concept: str) -> str:
    """The page about a concept, within ``docs/``: ``29/neural-collapse.md``."""
    return f"{concept.replace('_', '-')}.md"


def line_of(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 2  # the front matter begins at line 2, and YAML counts from 0
