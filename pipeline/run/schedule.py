"""Runs what is stale, as many at once as there are cores, and reports every failure."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.problem import Problem
from pipeline.run.outputs import Outputs
from pipeline.run.snippet import Snippet

TIME_LIMIT = 120.0  # seconds a snippet


def why_stale(snippet: Snippet) -> str:
    """Why the snippet has to run; empty if what it gives is already there."""
    return Outputs(snippet.root, snippet.concept).stale(snippet.key())


def run(
    snippets: Sequence[Snippet], jobs: int | None = None, time_limit: float = TIME_LIMIT
) -> list[tuple[Snippet, Problem]]:
    """Run these snippets, each in a process of its own, and write what came out of each that succeeds.

    Returns the failures; what an earlier run of a failing snippet left behind stays as it was.
    """
    if not snippets:
        return []
    # Here and in `_run`, not above: nothing of this is needed, or paid for, when nothing runs.
    import asyncio

    return asyncio.run(_run(snippets, jobs or os.cpu_count() or 1, time_limit))


async def _run(snippets: Sequence[Snippet], jobs: int, time_limit: float) -> list[tuple[Snippet, Problem]]:
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from pipeline.run.kernel import execute

    console = Console(stderr=True)
    failures: list[tuple[Snippet, Problem]] = []
    places = asyncio.Semaphore(jobs)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        async def one(snippet: Snippet) -> None:
            async with places:
                key = snippet.key()
                task = progress.add_task(snippet.concept, total=None)
                try:
                    cells = snippet.read()
                    progress.update(task, total=len(list(cells.code())))
                    done = -1

                    def on_cell(name: str) -> None:
                        nonlocal done
                        done += 1
                        progress.update(task, description=f"{snippet.concept} [dim]{name}", completed=done)

                    executed = await execute(cells, time_limit, on_cell)
                    if snippet.key() != key:
                        raise Problem("The snippet was edited while it ran.", snippet.file, todo="Run it again.")
                    Outputs(snippet.root, snippet.concept).write(executed, key)
                    console.print(f"[green]ran[/] {snippet.concept} in {executed.seconds:.1f} s", highlight=False)
                except (Problem, OSError) as error:
                    problem = error if isinstance(error, Problem) else Problem(str(error), snippet.file)
                    failures.append((snippet, problem))
                    console.print(f"[red]failed[/] {snippet.concept}", highlight=False)
                finally:
                    progress.remove_task(task)

        async with asyncio.TaskGroup() as group:
            for snippet in snippets:
                group.create_task(one(snippet))
    return sorted(failures, key=lambda failure: failure[0].concept)


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the project's lock: while one build runs snippets and reads what they gave, no other changes it."""
    lock = acquire(root)
    try:
        yield
    finally:
        lock.release()


def acquire(root: Path):  # type: ignore[no-untyped-def]  # the import below is paid for only by who needs it
    """The project's lock, held. The system gives it back if this process dies."""
    from filelock import FileLock, Timeout

    folder = root / ".cache"
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / "build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another build is at work here; waiting for it to finish.", file=sys.stderr)
        start = time.monotonic()
        lock.acquire()
        print(f"It finished after {time.monotonic() - start:.0f} s.", file=sys.stderr)
    return lock
