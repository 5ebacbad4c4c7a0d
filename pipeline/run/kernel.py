"""Runs one snippet as a notebook, cell by cell, in a process and an empty folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from pipeline.problem import Problem
from pipeline.run import motion
from pipeline.run.snippet import STYLE, Cells

OUTPUT_LIMIT = 1_000_000  # characters of printed or displayed text in one run
LONGEST_SOCKET_FOLDER = 90  # characters: the system allows 104 to 108 for the path of a socket
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "VECLIB_MAXIMUM", "NUMEXPR")}

# What is asked of the kernel when all cells have run. An odd value is named by its type, for `generated` to refuse.
RESULTS = "__import__('json').dumps(results, default=lambda value: f'<{type(value).__name__}>')"
PEAK = "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss"


@dataclass
class Executed:
    """What came out of one successful run."""

    cells: Cells  # with outputs
    results: Any
    seconds: float = 0.0  # the whole run, starting the kernel included
    seconds_by_cell: dict[str, float] = field(default_factory=dict)
    peak_memory_mb: int = 0


class _Client(NotebookClient):
    """nbclient, with a limit on what a snippet may print."""

    printed = 0
    flooding: tuple[int, str] | None = None  # position and name of the cell that went over the limit

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        if msg["msg_type"] in ("stream", "display_data", "execute_result"):
            text = {"text": msg["content"].get("text", ""), **msg["content"].get("data", {})}
            text.pop("image/svg+xml", None)  # figures have a limit of their own
            self.printed += sum(len(str(part)) for part in text.values())
            if self.printed > OUTPUT_LIMIT:
                self.flooding = self.flooding or (cell_index, cell.metadata.get("title", ""))
                # Ending the process ends the cell at once, whatever else it was about to print. A kernel that prints
                # has a provisioner, which its type does not say.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.km.provisioner.pid, signal.SIGKILL)  # type: ignore[union-attr]
                return None
        return super().process_message(msg, cell, cell_index)


async def execute(cells: Cells, time_limit: float, on_cell: Callable[[str], None]) -> Executed:
    """Run every cell; ``on_cell`` is told the name of each as it starts.

    Raises ``Problem`` when a cell fails, the time limit (seconds) passes, too much is printed or the process dies.
    Whatever happens, the process is gone afterwards.
    """
    start = time.perf_counter()
    notebook, snippet = cells.notebook, cells.snippet
    with tempfile.TemporaryDirectory(prefix="snippet-", ignore_cleanup_errors=True) as folder:
        work, profile = Path(folder, "empty"), Path(folder, "ipython", "profile_default")
        work.mkdir()
        profile.mkdir(parents=True)
        shutil.copy(Path(__file__).with_name("kernel_config.py"), profile / "ipython_kernel_config.py")
        shutil.copy(motion.__file__, profile)
        environment = {
            **os.environ,
            **ONE_THREAD,
            # A folder of its own keeps the user's start-up files out of the run.
            "IPYTHONDIR": str(profile.parent),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "MATPLOTLIBRC": str(snippet.root / STYLE),
            "PYTHONHASHSEED": "0",
        }
        # No folders to search: this Python's own kernel, not one that the user has installed under the same name.
        specs = KernelSpecManager(kernel_dirs=[])
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=specs,
            # Sockets in the folder rather than ports that anyone on the machine can open, where its path is short enough.
            transport="ipc" if len(folder) < LONGEST_SOCKET_FOLDER else "tcp",
            ip=str(Path(folder, "socket")) if len(folder) < LONGEST_SOCKET_FOLDER else "127.0.0.1",
            connection_file=str(Path(folder, "kernel.json")),
        )
        client = _Client(notebook, km=manager, timeout=None, coalesce_streams=True, record_timing=False)
        done = Executed(cells, None)
        name, position = "(start)", 0
        try:
            async with asyncio.timeout(time_limit) as clock:
                await client.async_start_new_kernel(cwd=str(work), env=environment)
                await client.async_start_new_kernel_client()
                for position, name in cells.code():
                    on_cell(name)
                    cell_start = time.perf_counter()
                    await client.async_execute_cell(notebook.cells[position], position)
                    done.seconds_by_cell[name] = time.perf_counter() - cell_start
                answers = await _ask(client, results=RESULTS, peak=PEAK)
        except (TimeoutError, CellExecutionError, DeadKernelError, RuntimeError) as error:
            # nbclient turns every cancellation into "kernel died": ask the ones who cancel.
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError from error
            position, name = client.flooding or (position, name)
            in_cell = f"Cell {name!r} "
            line = cells.marks[position]
            command = f"Reproduce it alone with: {_command(cells)}"
            if isinstance(error, CellExecutionError):
                raise _raised(cells, name, position, error) from None
            if client.flooding:
                what = f"{in_cell}printed more than {OUTPUT_LIMIT // 1_000_000} MB, the limit for a whole snippet."
            elif clock.expired() or isinstance(error, TimeoutError):
                what = f"{in_cell}was still running when the snippet's time limit of {time_limit:g} s passed."
                command += "\nor give it longer with: python -m pipeline --time-limit SECONDS"
            else:
                code = await manager.provisioner.poll() if manager.provisioner else None
                by = f"was killed by signal {-code} ({signal.Signals(-code).name})" if code and code < 0 else ""
                what = f"{in_cell}did not finish: its process {by or f'ended itself, with status {code}'}."
                if code == -signal.SIGKILL:
                    command += "\nand watch its memory: the system ends a process that takes too much."
            raise Problem(what, snippet.file, line, command) from None
        finally:
            await asyncio.shield(_end(client, manager))
    done.results = _plain(answers["results"], snippet.file, cells.marks[-1])
    done.peak_memory_mb = int(answers["peak"]["data"]["text/plain"]) // (2**20 if sys.platform == "darwin" else 2**10)
    done.seconds = time.perf_counter() - start
    return done


async def _ask(client: NotebookClient, **expressions: str) -> dict[str, Any]:
    assert isinstance(client.kc, AsyncKernelClient)
    reply = await client.kc.execute("", silent=True, user_expressions=expressions, reply=True)
    answers: dict[str, Any] = reply["content"]["user_expressions"]
    return answers


async def _end(client: NotebookClient, manager: AsyncKernelManager) -> None:
    if client.kc is not None:
        client.kc.stop_channels()
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)


def _command(cells: Cells) -> str:
    """What runs the same script with the same seed in the same Python."""
    python = Path(sys.executable)
    with contextlib.suppress(ValueError):
        python = python.relative_to(cells.snippet.root)
    seed = f"SEED={os.environ['SEED']} " if "SEED" in os.environ else ""
    return f"{seed}{python} {cells.snippet.file}"


def _plain(answer: dict[str, Any], file: str, line: int) -> Any:
    if answer["status"] == "error":
        what = f"Cell 'results' leaves no dict `results` behind: {answer['ename']}: {answer['evalue']}."
        raise Problem(what, file, line, "Let it define `results`, a dict of plain numbers and lists, and print it.")
    import ast

    return json.loads(ast.literal_eval(answer["data"]["text/plain"]))


def _raised(cells: Cells, name: str, position: int, error: CellExecutionError) -> Problem:
    """The exception of a cell, told with the lines of the file rather than of the notebook's cells."""
    file = cells.snippet.file
    by_count = {cells.notebook.cells[p].get("execution_count"): p for p, _ in cells.code()}
    found: list[int] = []

    def place(match: re.Match[str]) -> str:
        at = cells.line(by_count.get(int(match["count"]), position), int(match["line"]))
        found.append(at)
        return f'File "{file}", line {at}'

    # nbclient puts the cell's source and what it printed first, between dashed lines.
    text = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback).rpartition("------------------\n")[2]
    text = re.sub(r"(?:File )?Cell In\[(?P<count>\d+)\], line (?P<line>\d+)", place, text)
    lines = [line for line in text.splitlines() if line.strip()]
    # Raised while a cell's last value was shown (each frame of an animation is drawn then), it is named here alone.
    what = lines[-1] if error.ename == "NoneType" else f"{error.ename}: {error.evalue}"
    return Problem(
        re.sub(r" \(\d+\.py, line \d+\)$", "", f"Cell {name!r} raised {what}"),
        file,
        found[-1] if found else cells.marks[position],
        f"Reproduce it alone with: {_command(cells)}",
        "\n".join(lines[-8:]),
    )
