"""Runs snippets, as many at once as there are cores, with a progress bar."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.problem import Problem
from pipeline.run.collect import collect
from pipeline.run.kernel import execute
from pipeline.run.snippet import Snippet

COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


def run(snippets: Sequence[Snippet], jobs: int | None, time_limit: float) -> list[tuple[Snippet, Problem]]:
    """Run these snippets and keep what came out of each that succeeds. Returns the failures."""
    try:
        return asyncio.run(_run_all(snippets, jobs or os.cpu_count() or 1, time_limit))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _run_all(snippets: Sequence[Snippet], jobs: int, time_limit: float) -> list[tuple[Snippet, Problem]]:
    failures: list[tuple[Snippet, Problem]] = []
    places = asyncio.Semaphore(jobs)

    async def one(snippet: Snippet) -> None:
        async with places:
            try:
                await _run_one(snippet, time_limit, progress)
            except (Problem, OSError) as error:
                failures.append((snippet, error if isinstance(error, Problem) else Problem(str(error), snippet.file)))
                progress.console.print(f"[red]failed[/] {snippet.concept}", highlight=False)

    whole = asyncio.current_task()
    assert whole
    with contextlib.suppress(RuntimeError):  # signals are for the main thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)
    with Progress(*COLUMNS, console=Console(stderr=True), transient=True) as progress:
        async with asyncio.TaskGroup() as group:
            for snippet in snippets:
                group.create_task(one(snippet))
    return sorted(failures, key=lambda failure: failure[0].concept)


async def _run_one(snippet: Snippet, time_limit: float, progress: Progress) -> None:
    key, cells = snippet.key(), snippet.read()
    code = [cell for cell in cells if not cell.is_text]
    task = progress.add_task(snippet.concept, total=len(code))

    def on_look(ended: int) -> None:
        name = code[min(ended, len(code) - 1)].name
        progress.update(task, description=f"{snippet.concept} [dim]{name}", completed=ended)

    try:
        executed = await execute(snippet, code, time_limit, on_look)
        if snippet.key() != key:
            raise Problem("The snippet was edited while it ran.", snippet.file, todo="Run it again.")
        collect(snippet, cells, executed, key)
    finally:
        progress.remove_task(task)
    progress.console.print(f"[green]ran[/] {snippet.concept} in {executed.seconds:.1f} s", highlight=False)
    if executed.warned:
        progress.console.print(f"{snippet.concept} on standard error, which no page shows:", highlight=False)
        progress.console.print(executed.warned[-2000:], markup=False, highlight=False)
