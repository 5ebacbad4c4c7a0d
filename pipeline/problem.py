"""What the person at the keyboard is told when something is wrong."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(eq=False)
class Problem(Exception):
    """One thing to mend: what happened, where, and what to do next.

    Raised where it is found; whoever collects several reports them together.
    """

    what: str
    path: Path | str | None = None
    line: int | None = None
    todo: str = ""
    detail: str = ""

    def at(self, path: Path | str | None = None, line: int | None = None) -> Problem:
        """The same problem, found at a place that the code which raised it did not know."""
        return Problem(self.what, self.path or path, self.line or line, self.todo, self.detail)

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}: " if self.line else f"{self.path}: " if self.path else ""
        below = (textwrap.indent(self.detail.rstrip(), "    | "), textwrap.indent(self.todo, "    "))
        return "\n".join((where + self.what, *filter(None, below)))


class UnknownName(Problem):
    """A name that does not exist, with the nearest one that does."""

    def __init__(self, kind: str, name: str, known: Iterable[str], of: str) -> None:
        self.name = name
        names = sorted(known)
        nearest = difflib.get_close_matches(name, names, n=1, cutoff=0)
        todo = f"Did you mean {nearest[0]!r}? " if nearest else ""
        super().__init__(f"{of} has no {kind} named {name!r}.", todo=f"{todo}It has: {', '.join(names) or 'none'}.")


def unwritable(folder: str, error: OSError) -> Problem:
    """What is said where the system refuses to write into a folder of ours."""
    todo = "Builds keep there what they made: work in a copy to which you may write."
    return Problem(f"The folder {folder} cannot be written: {error.strerror or error}.", error.filename, todo=todo)


def report(problems: Iterable[Problem]) -> str:
    """All problems of a run in one text, each set apart by an empty line."""
    return "\n\n".join(str(problem) for problem in problems)
