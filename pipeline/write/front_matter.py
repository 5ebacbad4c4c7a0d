"""What a page says of itself in its front matter: each entry with its line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

from pipeline.problem import Problem
from pipeline.write.sources import CONTROL

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times faster where libyaml is there


class Entry(NamedTuple):
    """The value of one entry of a mapping, and the line of its name."""

    line: int
    node: yaml.Node


class FrontMatter(dict[str, Entry]):
    """The entries of a front matter. Raises ``Problem`` if it is not YAML, or has an entry twice."""

    def __init__(self, text: str) -> None:
        try:
            node = yaml.compose(text, Loader=LOADER)
        except yaml.MarkedYAMLError as error:
            what, todo = str(error.problem), "Put text with ': ' in quotes."
            line = error.problem_mark.line + 2 if error.problem_mark else 1
        except yaml.reader.ReaderError as error:
            character = chr(int(error.character))
            what, todo = f"it has the character U+{ord(character):04X}", "Delete it: no editor shows it."
            line = text.count("\n", 0, text.find(character)) + 2
        else:
            super().__init__(entries(node, "The front matter") if isinstance(node, yaml.MappingNode) else {})
            return
        raise Problem(f"The front matter is not YAML: {what}.", line=line, todo=todo)

    def line(self, entry: str) -> int:
        """The line of an entry; the first, if it is not there."""
        return self[entry].line if entry in self else 1


def entries(mapping: yaml.MappingNode, whose: str) -> dict[str, Entry]:
    """The entries of a mapping. Raises ``Problem`` if it has one twice."""
    found: dict[str, Entry] = {}
    for name, value in mapping.value:
        if name.value in found:
            raise Problem(f"{whose} has `{name.value}` twice.", line=line_of(name), todo="Keep one of them.")
        found[name.value] = Entry(line_of(name), value)
    return found


def value(node: yaml.Node, render: Callable[[str, int], str] = lambda text, line: text) -> Any:
    """What stands at a node; text goes through ``render``, which is told its line. Raises ``Problem`` if it is impossible."""
    if isinstance(node, yaml.MappingNode):
        return {value(name): value(item, render) for name, item in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [value(item, render) for item in node.value]
    try:
        plain = LOADER("").construct_document(node)
    except ValueError as error:
        what, todo = f"`{node.value}` is none: {error}.", "Write a date as 2026-11-22, or text in quotes."
        raise Problem(what, line=line_of(node), todo=todo) from None
    except yaml.YAMLError as error:
        what = f"The front matter is not plain YAML: {error}".partition("\n")[0]
        raise Problem(what, line=line_of(node), todo="Use plain text, numbers, dates and lists.") from None
    if isinstance(plain, str) and (odd := CONTROL.search(plain)):
        raise Problem(f"This text has the character U+{ord(odd[0]):04X}.", line=line_of(node), todo="Leave it out.")
    return render(plain, line_of(node)) if isinstance(plain, str) else plain


def line_of(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 2  # the front matter begins at line 2, and YAML counts from 0
