"""What is run: the scripts in ``snippets/``, the cells that they are cut into, and the key of a run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import itertools
import os
import re
import sys
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.problem import Problem

SCHEMA = 3  # of what a run writes: raise it when the same run should give other files
STYLE = "snippets/matplotlibrc"
LIBRARIES = ("torch", "numpy", "scikit-learn", "matplotlib")
MARK = re.compile(r"^(?=# %%(?:[ \t]|$))", re.MULTILINE)
ALMOST_A_MARK = re.compile(r"^#(?! %%(?:[ \t]|$))#*[ \t]*%%(?!%).*", re.MULTILINE)
INDENTED_MARK = re.compile(r"#+[ \t]*%%(?!%).*")
ENCODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
TEXT = "[markdown]"
CELL_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Cell:
    """A slice of the file: its mark, which stands at ``line`` (from 1), and all that follows up to the next one."""

    source: str
    line: int

    @property
    def name(self) -> str:
        return self.source.partition("\n")[0].removeprefix("# %%").strip()

    @property
    def is_text(self) -> bool:
        return self.name == TEXT

    @property
    def code(self) -> str:
        """All but the mark."""
        return self.source.partition("\n")[2].strip("\n")

    @property
    def text(self) -> str:
        """What a text cell says, as Markdown."""
        return "\n".join(line.removeprefix("#").removeprefix(" ") for line in self.code.split("\n")).strip("\n")


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
            "snippet": digest(self.path.read_bytes())[:16],
            "style": digest((self.root / STYLE).read_bytes())[:16],
            "SEED": os.environ.get("SEED", "0"),
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            **{name: _version(name) for name in LIBRARIES},
            "pipeline": str(SCHEMA),
        }

    def text(self) -> str:
        """The script, its lines ended as Python ends them. Raises ``Problem`` if it is not UTF-8."""
        try:
            return re.sub("\r\n?", "\n", self.path.read_bytes().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise Problem(f"The snippet is not UTF-8: {error.reason}.", self.file, todo="Save it as UTF-8.") from None

    def read(self) -> list[Cell]:
        """The cells: together they are the file. Raises ``Problem`` where Python, or a rule of ours, refuses it."""
        text = self.text()
        try:
            _check_encoding(text)
            cells = cut(text)
            _check_code(text, cells)
            _check_names(cells)
        except Problem as problem:
            raise problem.at(self.file) from None
        return cells


def find(root: Path) -> list[Snippet]:
    """All snippets, in order of their names."""
    paths = sorted((root / "snippets").glob("*/[!._]*.py"))
    return [Snippet(root, path.relative_to(root / "snippets").with_suffix("").as_posix()) for path in paths]


def cut(text: str) -> list[Cell]:
    """The cells of a script. Raises ``Problem`` if something stands before the first mark."""
    if almost := ALMOST_A_MARK.search(text):
        raise _no_mark(almost[0], text.count("\n", 0, almost.start()) + 1)
    before, *sources = MARK.split(text)
    if before or not sources:
        todo = "Begin the file with '# %% [markdown]' or '# %% name'."
        raise Problem("The first line is not the mark of a cell.", line=1, todo=todo)
    lines = itertools.accumulate((source.count("\n") for source in sources), initial=1)
    return [Cell(source, line) for source, line in zip(sources, lines, strict=False)]


def _check_code(text: str, cells: Sequence[Cell]) -> None:
    """Raise ``Problem`` unless Python takes the file as it stands, and each cell by itself."""
    fault = _syntax_error(text)
    for place, cell in enumerate(cells):
        if not fault and not cell.is_text and _syntax_error(cell.source):
            up_to_here = "".join(before.source for before in cells[: place + 1])
            inside = cells[place + 1] if _syntax_error(up_to_here) else cell
            what = f"The mark {inside.name!r} stands inside a string or a block that began before it."
            raise Problem(what, line=inside.line, todo="Indent '# %%' inside strings.")
    for cell in cells:
        for line, said in enumerate(cell.source.split("\n"), cell.line):
            if cell.is_text and said.strip() and not said.startswith("#"):
                todo = "Begin the line with '#' if it is text, or write '# %% some-name' above it if it is code."
                raise Problem("Below '# %% [markdown]' stands a line that is no comment.", line=line, todo=todo)
    if fault:
        line = fault.lineno or text.partition("\0")[0].count("\n") + 1
        name = [cell.name for cell in cells if cell.line <= line][-1]
        what = f"Cell {name!r} is no Python: {type(fault).__name__}: {fault.msg}."
        todo = "A snippet is a script: what `python` refuses, and a notebook takes, is refused here too."
        raise Problem(what, line=line, todo=todo, detail=fault.text or "")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        alone = token.type == tokenize.COMMENT and token.start[1] and not token.line[: token.start[1]].strip()
        if alone and INDENTED_MARK.match(token.string):
            raise _no_mark(token.string, token.start[0])


def _no_mark(almost: str, line: int) -> Problem:
    what = f"{almost!r} looks like the mark of a cell, and is none."
    return Problem(what, line=line, todo="Write '# %% some-name' at the beginning of the line.")


def _check_encoding(text: str) -> None:
    """Raise ``Problem`` if Python takes a comment at the top for the name of another encoding, or of none."""
    for line, said in enumerate(text.split("\n")[:2], 1):
        if (found := ENCODING.match(said)) and not re.fullmatch("utf[-_]?8", found[1], re.IGNORECASE):
            what = f"Python reads {found[0].strip()!r} as the encoding {found[1]!r} of the file, which is UTF-8."
            raise Problem(what, line=line, todo="Write no colon or equals sign behind 'coding' in the first two lines.")


def _syntax_error(code: str) -> SyntaxError | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are told when it runs
        try:
            compile(code, "snippet", "exec", dont_inherit=True)
        except SyntaxError as error:
            return error
        except ValueError as error:  # older Pythons say so of a null byte
            return SyntaxError(str(error))
    return None


def _check_names(cells: Sequence[Cell]) -> None:
    code = [cell for cell in cells if not cell.is_text]
    seen: dict[str, int] = {}
    for cell in code:
        if not CELL_NAME.fullmatch(cell.name):
            what = f"Cell {cell.name!r} needs a name of lower-case letters, digits and hyphens."
            todo = "Write '# %% some-name': pages, figures and timings refer to the cell by it."
            raise Problem(what, line=cell.line, todo=todo)
        if cell.name in seen:
            what = f"Two cells are named {cell.name!r}: here and at line {seen[cell.name]}."
            raise Problem(what, line=cell.line, todo="Rename one of them: pages refer to a cell by its name.")
        seen[cell.name] = cell.line
    if not code or code[-1].name != "results":
        late = "The cell 'results' is not the last one."
        what = late if "results" in seen else "There is no cell named 'results' at the end."
        todo = "End the script with '# %% results': a dict `results` of plain numbers and lists, printed."
        raise Problem(what, line=seen.get("results", cells[-1].line), todo=todo)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@cache
def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
