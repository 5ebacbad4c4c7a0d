"""Starts the process of one snippet, watches it, and sees that it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.problem import Problem
from pipeline.run.snippet import STYLE, Cell, Snippet

OUTPUT_LIMIT = 1_000_000  # bytes of printed text in one run
LOOK = 0.02  # seconds from one look at the process to the next
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "VECLIB_MAXIMUM", "NUMEXPR")}
SESSION = Path(__file__).parent / "inside" / "session.py"
CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?|[^\n\t -\x7e\xa0-\U0010ffff]"
)


@dataclass(frozen=True)
class Outcome:
    """What came of one cell."""

    printed: str
    figures: list[str]  # as SVG
    seconds: float


@dataclass(frozen=True)
class Executed:
    """What came out of one successful run."""

    outcomes: dict[str, Outcome]  # by the name of the cell
    results: Any
    seconds: float  # the whole run, starting the process included
    peak_memory_mb: int
    warned: str  # what it wrote to standard error, which is no output of a page


async def execute(
    snippet: Snippet, code: Sequence[Cell], time_limit: float, on_look: Callable[[int], None]
) -> Executed:
    """Run these cells; ``on_look`` is told, again and again, how many have ended.

    Raises ``Problem`` when a cell fails or warns, the time limit (seconds) passes, too much is printed or the process
    dies. Whatever happens, the process is gone afterwards, and all that it started.
    """
    start, late = time.perf_counter(), False
    with tempfile.TemporaryDirectory(prefix="snippet-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with _start(snippet, code, folder) as process:
            try:
                while process.poll() is None and not (late or _flooded(folder)):
                    on_look(len(list(folder.glob("*.json"))))
                    await asyncio.sleep(LOOK)
                    late = time.perf_counter() - start > time_limit
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # the group: what it started, too
        told = [json.loads(path.read_bytes()) for cell in code if (path := folder / f"{cell.name}.json").exists()]
        if told and (problem := told[-1]["problem"]):
            raise _problem(snippet, code[len(told) - 1], **problem)
        if len(told) < len(code):
            problem = _ended(folder, process.returncode, time_limit if late else None)
            raise _problem(snippet, code[len(told)], **problem)
        printed = (folder / "stdout").read_bytes()
        ends = [one["printed"] for one in told]
        outcomes = {
            cell.name: Outcome(plain_text(printed[begin:end]), one["figures"], one["seconds"])
            for cell, one, begin, end in zip(code, told, [0, *ends], ends, strict=False)
        }
        for cell in code:
            if any(path in outcomes[cell.name].printed for path in (name, os.path.realpath(name))):
                what = f"Cell {cell.name!r} prints the path of its folder, which is another in every run."
                raise Problem(what, snippet.file, cell.line, "Print the names of files without their folder.")
        seconds = time.perf_counter() - start
        return Executed(outcomes, told[-1]["results"], seconds, told[-1]["peak_memory_mb"], _errors(folder))


def _start(snippet: Snippet, code: Sequence[Cell], folder: Path) -> subprocess.Popen[bytes]:
    """The process, at work in an empty folder; the one around it takes what is printed and what comes of each cell."""
    (work := folder / "empty").mkdir()
    cells = [(cell.name, cell.line, cell.source) for cell in code]
    job = {"file": snippet.file, "source": snippet.text(), "cells": cells, "limit": OUTPUT_LIMIT}
    (folder / "job").write_text(json.dumps(job), encoding="utf-8")
    environment = {
        **os.environ,
        **ONE_THREAD,
        "MPLBACKEND": "module://page_backend",  # inside/page_backend.py
        "MATPLOTLIBRC": str(snippet.root / STYLE),
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONFAULTHANDLER": "1",
    }
    with (folder / "stdout").open("ab") as stdout, (folder / "stderr").open("ab") as stderr:
        return subprocess.Popen(
            [sys.executable, str(SESSION), str(folder)],
            stdin=subprocess.PIPE,  # closes when this process ends, and the snippet's with it
            stdout=stdout,
            stderr=stderr,
            cwd=work,
            env=environment,
            start_new_session=True,  # a group of its own, to be ended as one
        )


def _flooded(folder: Path) -> bool:
    return any((folder / name).stat().st_size > OUTPUT_LIMIT for name in ("stdout", "stderr"))


def _errors(folder: Path) -> str:
    return (folder / "stderr").read_text(encoding="utf-8", errors="replace")


def plain_text(printed: bytes) -> str:
    """What a terminal would show in the end, without colours: no escape codes, of a progress bar its last state."""
    lines = printed.decode(errors="replace").split("\n")
    return CODES.sub("", "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def _ended(folder: Path, status: int, passed: float | None) -> dict[str, Any]:
    """Why a cell has no outcome: too much printed, the time limit that passed, or else the exit status."""
    if _flooded(folder):
        return {"what": f"printed more than {OUTPUT_LIMIT // 1_000_000} MB, the limit for a whole snippet."}
    if passed is not None:
        what = f"was still running when the snippet's time limit of {passed:g} s passed."
        return {"what": what, "more": "\nor give it longer with: python -m pipeline run --time-limit SECONDS"}
    by = f"was killed by signal {-status} ({signal.Signals(-status).name})" if status < 0 else ""
    what = f"did not finish: its process {by or f'ended itself, with status {status}'}."
    memory = "\nand watch its memory: the system ends a process that takes too much."
    return {"what": what, "detail": _errors(folder), "more": memory if status == -signal.SIGKILL else ""}


def _problem(snippet: Snippet, cell: Cell, what: str, line: int = 0, detail: str = "", more: str = "") -> Problem:
    last = [line for line in detail.split("\n") if line.strip()][-8:]
    todo = f"Reproduce it alone with: {_command(snippet)}{more}"
    return Problem(f"Cell {cell.name!r} {what}", snippet.file, line or cell.line, todo, "\n".join(last))


def _command(snippet: Snippet) -> str:
    """What runs the same script with the same seed in the same Python."""
    python = Path(sys.executable)
    with contextlib.suppress(ValueError):
        python = python.relative_to(snippet.root)
    seed = f"SEED={os.environ['SEED']} " if "SEED" in os.environ else ""
    return f"{seed}{python} {snippet.file}"
