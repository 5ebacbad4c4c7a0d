"""What is run: the scripts in ``snippets/``, their named cells, and the key of a run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.problem import Problem

if TYPE_CHECKING:
    from nbformat import NotebookNode

SCHEMA = 2  # of what the runner writes: raise it when the same run should give other files
STYLE = "snippets/matplotlibrc"
LIBRARIES = ("torch", "numpy", "scikit-learn", "matplotlib")
CELL_MARK = re.compile(r"^# %%(?!%)")
CELL_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Snippet:
    """One script. ``concept`` names it in every room: ``29/grokking``."""

    root: Path
    concept: str

    @property
    def file(self) -> str:
        """Its path from the root, as people write it."""
        return f"snippets/{self.concept}.py"

    @property
    def path(self) -> Path:
        return self.root / self.file

    def key(self) -> dict[str, str]:
        """Everything that decides what comes out of a run, by name, so that a change can be explained."""
        return {
            "snippet": _digest(self.path),
            "style": _digest(self.root / STYLE),
            "SEED": os.environ.get("SEED", "0"),
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            **{name: _version(name) for name in LIBRARIES},
            "pipeline": str(SCHEMA),
        }

    def read(self) -> Cells:
        """The script as a notebook. Raises ``Problem`` where it breaks the rules for names."""
        import jupytext

        try:
            text = self.path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Problem(f"The snippet is not UTF-8: {error.reason}.", self.file, todo="Save it as UTF-8.") from None
        notebook = jupytext.reads(text, fmt="py:percent")
        marks = [n for n, line in enumerate(text.splitlines(), 1) if CELL_MARK.match(line)]
        if len(notebook.cells) != len(marks):
            raise Problem(
                "There is code before the first cell, or a line inside a string begins with '# %%'.",
                self.file,
                1,
                "Begin the file with '# %% [markdown]' or '# %% name', and indent '# %%' inside strings.",
            )
        cells = Cells(self, notebook, marks)
        cells.check_names()
        return cells


@dataclass(frozen=True)
class Cells:
    """The cells of a snippet, as a notebook, and the line of the file at which each begins."""

    snippet: Snippet
    notebook: NotebookNode
    marks: list[int]

    def code(self) -> Iterator[tuple[int, str]]:
        """Position and name of each code cell."""
        for position, cell in enumerate(self.notebook.cells):
            if cell.cell_type == "code":
                yield position, cell.metadata.get("title", "")

    def check_names(self) -> None:
        seen: dict[str, int] = {}
        for position, name in self.code():
            line = self.marks[position]
            if not CELL_NAME.fullmatch(name):
                raise Problem(
                    f"Cell {name!r} needs a name of lower-case letters, digits and hyphens.",
                    self.snippet.file,
                    line,
                    "Write '# %% some-name': pages, figures and timings refer to the cell by it.",
                )
            if name in seen:
                raise Problem(
                    f"Two cells are named {name!r}: here and at line {seen[name]}.",
                    self.snippet.file,
                    line,
                    "Rename one of them: pages refer to a cell by its name.",
                )
            seen[name] = line
        if not seen or list(seen)[-1] != "results":
            raise Problem(
                "There is no cell named 'results' at the end."
                if "results" not in seen
                else "The cell 'results' is not the last one.",
                self.snippet.file,
                seen.get("results") or (self.marks[-1] if self.marks else 1),
                "End the script with '# %% results': a dict `results` of plain numbers and lists, printed.",
            )

    def line(self, position: int, line_in_cell: int) -> int:
        """The line of the file that is line ``line_in_cell`` (from 1) of the cell at ``position``."""
        lines = self.snippet.path.read_text(encoding="utf-8").splitlines()
        first = self.marks[position]  # the marker's own line, counted from 1: so the index of the next
        while first < len(lines) and not lines[first].strip():
            first += 1
        return first + line_in_cell


def find(root: Path) -> list[Snippet]:
    """All snippets, in order of their names."""
    paths = sorted((root / "snippets").glob("*/[!._]*.py"))
    return [Snippet(root, path.relative_to(root / "snippets").with_suffix("").as_posix()) for path in paths]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@cache
def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
