"""What is stale and has to run, and what came out of snippets that are no more."""

from __future__ import annotations

import shutil
from collections.abc import Container, Sequence
from pathlib import Path

from pipeline.problem import Problem, unwritable
from pipeline.run.outputs import Outputs
from pipeline.run.snippet import Snippet

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
    from pipeline.run import pool  # here, not above: what it needs is not paid for when nothing runs

    return pool.run(snippets, jobs, time_limit)


def forget_others(root: Path, concepts: Container[str]) -> None:
    """Remove what came out of snippets that are there no more, so that no page shows it."""
    for folder in (root / "docs" / "generated").glob("*/*/"):
        if "/".join(folder.parts[-2:]) not in concepts:
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise unwritable("docs/generated", error) from None
