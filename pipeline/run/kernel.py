"""Starts the process of one snippet, hands it cell after cell, and sees that it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.problem import Problem
from pipeline.run.snippet import STYLE, Cell, Snippet

OUTPUT_LIMIT = 1_000_000  # bytes of printed text in one run
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


@dataclass
class Executed:
    """What came out of one successful run."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)  # by the name of the cell
    results: Any = None
    seconds: float = 0.0  # the whole run, starting the process included
    peak_memory_mb: int = 0
    warned: str = ""  # what it wrote to standard error, which is no output of a page


async def execute(
    snippet: Snippet, cells: Sequence[Cell], time_limit: float, on_cell: Callable[[str], None]
) -> Executed:
    """Run every cell of code; ``on_cell`` is told the name of each as it starts.

    Raises ``Problem`` when a cell fails or warns, the time limit (seconds) passes, too much is printed or the process
    dies. Whatever happens, the process is gone afterwards, and all that it started.
    """
    start = time.perf_counter()
    code = [cell for cell in cells if not cell.is_text]
    done = Executed()
    with tempfile.TemporaryDirectory(prefix="snippet-", ignore_cleanup_errors=True) as folder:
        kernel = await Kernel.start(snippet, code, Path(folder))
        try:
            async with asyncio.timeout(time_limit):
                for cell in code:
                    on_cell(cell.name)
                    told, printed = await kernel.outcome()
                    if problem := told["problem"]:
                        raise _raised(snippet, cell, **problem)
                    done.outcomes[cell.name] = Outcome(printed, told["figures"], told["seconds"])
        except (TimeoutError, EOFError) as error:
            raise await _ended(kernel, snippet, cell, time_limit, isinstance(error, TimeoutError)) from None
        finally:
            await asyncio.shield(kernel.end())
    done.results, done.peak_memory_mb = json.loads(told["results"]), told["peak_memory_mb"]
    done.warned = kernel.errors.decode(errors="replace")
    done.seconds = time.perf_counter() - start
    return done


class Kernel:
    """The process in which the cells run, in an empty folder of its own, and what it has said so far."""

    def __init__(self, process: Process, folder: Path, mark: str) -> None:
        self.process, self.folder, self.mark = process, folder, mark.encode()
        self.cells = 0  # that have ended
        self.printed = 0  # bytes
        self.errors = bytearray()
        self.following = asyncio.create_task(self._follow())
        self.listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, snippet: Snippet, code: Sequence[Cell], folder: Path) -> Kernel:
        (work := folder / "empty").mkdir()
        mark = f"\0{secrets.token_hex(16)}\n"
        environment = {
            **os.environ,
            **ONE_THREAD,
            "MPLBACKEND": "module://page_backend",  # inside/page_backend.py
            "MATPLOTLIBRC": str(snippet.root / STYLE),
            "PYTHONHASHSEED": "0",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONFAULTHANDLER": "1",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SESSION),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=OUTPUT_LIMIT,
            cwd=work,
            env=environment,
            start_new_session=True,  # a group of its own, to be ended as one
        )
        kernel = cls(process, folder, mark)
        job = {"file": snippet.file, "source": snippet.text(), "cells": [(cell.line, cell.body) for cell in code]}
        job |= {"folder": str(folder), "mark": mark}
        assert process.stdin
        process.stdin.write(json.dumps(job).encode() + b"\n")
        return kernel

    async def outcome(self) -> tuple[dict[str, Any], str]:
        """What came of the next cell, and what it printed. Raises ``EOFError`` if the process ends first."""
        assert self.process.stdout
        try:
            printed = await self.process.stdout.readuntil(self.mark)
            self.printed += len(printed)
        except asyncio.LimitOverrunError:
            self.printed += OUTPUT_LIMIT + 1
        if self.flooding:
            raise EOFError
        self.cells += 1
        outcome: dict[str, Any] = json.loads((self.folder / f"{self.cells}.json").read_text(encoding="utf-8"))
        return outcome, plain_text(printed.removesuffix(self.mark))

    @property
    def flooding(self) -> bool:
        return max(self.printed, len(self.errors)) > OUTPUT_LIMIT

    async def end(self) -> int:
        """End the process, if it is still there, and say with which status it ended."""
        self._kill()
        status = await self.following
        self.listening.cancel()
        return status

    async def _follow(self) -> int:
        while (status := self.process.returncode) is None:
            await asyncio.sleep(0.05)  # asyncio's own wait() ends when its pipes do, in Python 3.11
        self._kill()  # what it started must not keep them open
        return status

    async def _listen(self) -> None:
        assert self.process.stderr
        while piece := await self.process.stderr.read(2**16):
            self.errors += piece
            if self.flooding:
                self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def plain_text(printed: bytes) -> str:
    """What a terminal would show in the end, without colours: no escape codes, of a progress bar its last state."""
    lines = printed.decode(errors="replace").split("\n")
    return CODES.sub("", "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def _raised(snippet: Snippet, cell: Cell, what: str, line: int, detail: str = "") -> Problem:
    last = [line for line in detail.split("\n") if line.strip()][-8:]
    todo = f"Reproduce it alone with: {_command(snippet)}"
    return Problem(f"Cell {cell.name!r} {what}", snippet.file, line, todo, "\n".join(last))


async def _ended(kernel: Kernel, snippet: Snippet, cell: Cell, time_limit: float, late: bool) -> Problem:
    """Why there is no outcome of this cell."""
    todo, detail = f"Reproduce it alone with: {_command(snippet)}", ""
    if kernel.flooding:
        what = f"printed more than {OUTPUT_LIMIT // 1_000_000} MB, the limit for a whole snippet."
    elif late:
        what = f"was still running when the snippet's time limit of {time_limit:g} s passed."
        todo += "\nor give it longer with: python -m pipeline run --time-limit SECONDS"
    else:
        status = await kernel.end()
        by = f"was killed by signal {-status} ({signal.Signals(-status).name})" if status < 0 else ""
        what = f"did not finish: its process {by or f'ended itself, with status {status}'}."
        detail = "\n".join(kernel.errors.decode(errors="replace").strip().split("\n")[-8:])
        if status == -signal.SIGKILL:
            todo += "\nand watch its memory: the system ends a process that takes too much."
    return Problem(f"Cell {cell.name!r} {what}", snippet.file, cell.line, todo, detail)


def _command(snippet: Snippet) -> str:
    """What runs the same script with the same seed in the same Python."""
    python = Path(sys.executable)
    with contextlib.suppress(ValueError):
        python = python.relative_to(snippet.root)
    seed = f"SEED={os.environ['SEED']} " if "SEED" in os.environ else ""
    return f"{seed}{python} {snippet.file}"
