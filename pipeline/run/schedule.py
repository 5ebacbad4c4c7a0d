"""Runs what is stale, as many at once as there are cores, and reports every failure."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.problem import Problem, unwritable
from pipeline.run.outputs import Outputs
from pipeline.run.snippet import Snippet

if TYPE_CHECKING:
    from rich.progress import Progress

TIME_LIMIT = 120.0  # seconds a snippet


def why_stale(snippet: Snippet) -> str:
    """Why the snippet has to run; empty if what it gives is already there."""
    return Outputs(snippet.root, snippet.concept).stale(snippet.key())


def run(
    snippets: Sequence[Snippet], jobs: int | None = None, time_limit: float = TIME_LIMIT
) -> list[tuple[Snippet, Problem]]:
    """Run these snippets, each in a process of its own, and keep what came out of each that succeeds.

    Returns the failures; what an earlier run of a failing snippet left behind stays as it was. An interrupt, or the
    request to end, ends the processes before it is raised as ``KeyboardInterrupt``.
    """
    if not snippets:
        return []
    # Here and below, not above: nothing of this is needed, or paid for, when nothing runs.
    import asyncio

    before = signal.getsignal(signal.SIGTERM)
    try:
        return asyncio.run(_run(snippets, jobs or os.cpu_count() or 1, time_limit))
    finally:
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTERM, before)


def forget_others(root: Path, concepts: Container[str]) -> None:
    """Remove what came out of snippets that are there no more, so that no page shows it."""
    for folder in (root / "docs" / "generated").glob("*/*/"):
        if "/".join(folder.parts[-2:]) not in concepts:
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise unwritable("docs/generated", error) from None


async def _run(snippets: Sequence[Snippet], jobs: int, time_limit: float) -> list[tuple[Snippet, Problem]]:
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with contextlib.suppress(ValueError):  # signals are for the main thread
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # asyncio's: it cancels what runs
    failures: list[tuple[Snippet, Problem]] = []
    places = asyncio.Semaphore(jobs)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        async def one(snippet: Snippet) -> None:
            async with places:
                try:
                    await _run_one(snippet, time_limit, progress)
                except (Problem, OSError) as error:
                    failures.append(
                        (snippet, error if isinstance(error, Problem) else Problem(str(error), snippet.file))
                    )
                    progress.console.print(f"[red]failed[/] {snippet.concept}", highlight=False)

        async with asyncio.TaskGroup() as group:
            for snippet in snippets:
                group.create_task(one(snippet))
    return sorted(failures, key=lambda failure: failure[0].concept)


async def _run_one(snippet: Snippet, time_limit: float, progress: Progress) -> None:
    from pipeline.run.collect import collect
    from pipeline.run.kernel import execute

    key = snippet.key()
    cells = snippet.read()
    names = [cell.name for cell in cells if not cell.is_text]
    task = progress.add_task(snippet.concept, total=len(names))

    def on_cell(name: str) -> None:
        progress.update(task, description=f"{snippet.concept} [dim]{name}", completed=names.index(name))

    try:
        executed = await execute(snippet, cells, time_limit, on_cell)
        if snippet.key() != key:
            raise Problem("The snippet was edited while it ran.", snippet.file, todo="Run it again.")
        collect(snippet, cells, executed, key)
    finally:
        progress.remove_task(task)
    progress.console.print(f"[green]ran[/] {snippet.concept} in {executed.seconds:.1f} s", highlight=False)
    if executed.warned:
        progress.console.print(f"{snippet.concept} on standard error, which no page shows:", highlight=False)
        progress.console.print(executed.warned[-2000:], markup=False, highlight=False)
