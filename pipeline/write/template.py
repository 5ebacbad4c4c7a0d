"""The templates that pages are. An expression that fails is told with its line, and the rest of the page is still read."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

from jinja2 import (
    ChainableUndefined,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    Undefined,
    UndefinedError,
)
from jinja2.utils import missing

from pipeline.problem import Problem, UnknownName

FOLDER = "docs/templates"
TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
BEGINS, ENDS = "\ue000", "\ue001"  # around a block, in what is not yet laid out
MISPLACED = re.compile(
    r"^(?=.*\{\{\s*[a-z]\w*\()(?:[ \t]*[^\s{].*\{\{|.*\}\}[ \t]*[^\s{])", re.MULTILINE
)  # most likely
PLACED = re.compile(rf"^(?P<indent>[ \t]*){BEGINS}(?P<block>.*?){ENDS}(?=[ \t]*$)", re.DOTALL | re.MULTILINE)
NOTED = "_noted"  # stands for a name that has been noted, and is nothing
MOST_PROBLEMS = 50  # of one text; each costs another rendering of it


class Block(str):
    """Markdown of several lines, to be indented like the place where it is put."""


class _NotThere(UndefinedError):
    """A name that is neither a variable nor, where ``of`` is something, an attribute of it."""

    name: str
    of: Any


class _Undefined(StrictUndefined):
    """Raises ``_NotThere`` when it is used: with the name itself rather than with a sentence about it."""

    def __init__(self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = None) -> None:
        kind = type("NotThere", (_NotThere,), {"name": str(name), "of": obj}) if name else UndefinedError
        super().__init__(hint, obj, name, kind)


def environment(root: Path, filters: dict[str, Callable[..., Any]]) -> Environment:
    """Jinja with our filters, without its comments: ``{#id}`` is an attribute of a heading, and no one's comment."""
    made = Environment(
        loader=FileSystemLoader(root / FOLDER),
        undefined=_Undefined,
        finalize=_shown,
        comment_start_string="{###",
        comment_end_string="###}",
    )
    made.filters |= filters
    return made


def _shown(value: Any) -> Any:
    if callable(value) and not isinstance(value, Undefined):
        name = getattr(value, "__name__", "This")
        raise Problem(f"{name} is not called.", todo=f"Write {name}(…), with brackets.")
    if value is None or str(value) == object.__repr__(value):
        raise Problem(f"This expression gives no text, but {'nothing' if value is None else 'a thing'}.")
    return f"{BEGINS}{value}{ENDS}" if isinstance(value, Block) else value


class Template:
    """A text with expressions. ``file`` and ``first``, the line at which it begins there, are for what goes wrong."""

    def __init__(self, environment: Environment, text: str, file: str, first: int = 1) -> None:
        self.environment, self.text, self.file, self.first = environment, text, file, first
        self.changed: set[tuple[int, str]] = set()  # where an expression has been noted, and changed so as to pass

    def render(self, names: Mapping[str, Any], note: Callable[[Problem], None]) -> str:
        """The text with its expressions resolved; each one that fails is noted, and left out."""
        for _ in range(MOST_PROBLEMS):
            try:
                made = self.environment.from_string(self.text).render({**names, NOTED: ChainableUndefined()})
                made = PLACED.sub(_placed, made)
                if BEGINS in made:
                    at = MISPLACED.search(self.text)
                    line = self.first + (self._line(at.start()) if at else 1) - 1
                    todo = "Put it there, in a list or a box indented by four blanks."
                    note(
                        Problem(
                            "A figure, like all that has several lines, stands on a line of its own.",
                            self.file,
                            line,
                            todo,
                        )
                    )
                return made.replace(BEGINS, "").replace(ENDS, "")
            except TemplateSyntaxError as error:
                todo = "Look for the braces, quotes and names of this line."
                file, first = (f"{FOLDER}/{error.name}", 1) if error.name else (self.file, self.first)
                note(Problem(f"This macro cannot be read: {error.message}", file, first + error.lineno - 1, todo))
                break
            except Exception as error:  # whatever an expression can raise, its author is told where it stands
                name, line = next(_frames(error), ("", 1))
                if name:  # in a template that the page includes
                    note(_told(error, names, "").at(f"{FOLDER}/{name}", line))
                    break
                if not self._step_over(error, line, names, note):
                    break
        return ""

    def _step_over(
        self, error: Exception, line: int, names: Mapping[str, Any], note: Callable[[Problem], None]
    ) -> bool:
        """Note what was raised, and change the text so that it is not raised again. Returns whether that was possible."""
        unknown = error.name if isinstance(error, UnknownName | _NotThere) else ""
        there = [tag for tag in TAG.finditer(self.text) if self._line(tag.start()) <= line <= self._line(tag.end())]
        tag = next((tag for tag in there if unknown in tag[0]), there[0] if there else None)
        if not tag:
            note(_told(error, names, "").at(self.file, self.first + line - 1))
            return False
        again, without = any(tag.start() == at for at, _ in self.changed), re.sub(r"[^\n]", " ", tag[0])
        if unknown != NOTED and (not again or (unknown and (tag.start(), unknown) not in self.changed)):
            at = max(tag[0].find(unknown), 0)
            note(_told(error, names, tag[0]).at(self.file, self.first + self._line(tag.start() + at) - 1))
            if unknown:
                name = rf"(?:\w+(?:\.|\[[\"']))*\b{re.escape(unknown)}\b(?:[\"']\])?(?:\.\w+)*"
                without = re.sub(name, NOTED, tag[0])
        # Else it fails for want of what has been noted before.
        if tag[0].startswith("{%") and not (unknown and not again):
            return False
        self.changed.add((tag.start(), unknown))
        self.text = self.text[: tag.start()] + without + self.text[tag.end() :]
        return True

    def _line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1


def _placed(match: re.Match[str]) -> str:
    """A block indented like the place where it stands; Markdown takes less than four blanks for none."""
    deep = "\t" in match["indent"] or len(match["indent"]) >= 4
    return indent(match["block"], match["indent"] if deep else "")


def _frames(error: Exception) -> Iterator[tuple[str, int]]:
    """Where in which template, the innermost first; the page itself has no name."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == "<template>":
            yield "", frame.lineno or 1
        elif Path(frame.filename).parent.as_posix().endswith(FOLDER):
            yield Path(frame.filename).name, frame.lineno or 1


def _told(error: Exception, names: Mapping[str, Any], expression: str) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, _NotThere):
        if error.of is missing:
            macros = (name for name in names if name != "page" and not name.startswith("_"))
            return UnknownName("concept or macro", error.name, macros, "This page")
        known = error.of if isinstance(error.of, Mapping) else (n for n in dir(error.of) if not n.startswith("_"))
        return UnknownName("entry", error.name, map(str, known), type(error.of).__name__)
    what = "Jinja" if isinstance(error, TemplateError) else type(error).__name__
    where = f"`{' '.join(expression.split())}`" if expression else "This expression"
    todo = "A result with one value per seed is a list: take its median, as in {{ toy.delay.median }}."
    return Problem(
        f"{where} cannot be computed: {what}: {error}.", todo=todo if "unsupported operand" in str(error) else ""
    )
