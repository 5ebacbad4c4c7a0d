"""``python -m pipeline run``: run what is stale, or say why it is. ``python -m pipeline write FOLDER``: the pages as Markdown."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.problem import Problem, UnknownName, report
from pipeline.run import lock, schedule
from pipeline.run.outputs import Outputs
from pipeline.run.snippet import Snippet, find

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="What joins the snippets and the pages.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="run the snippets whose outputs are stale"))
    writer = commands.add_parser("write", help="write every page as plain Markdown, for any generator")
    writer.add_argument("folder", metavar="FOLDER", type=Path, help="one that is new or empty, or was written so")
    writer.set_defaults(command=write)
    options = parser.parse_args()
    try:
        failures = options.command(options)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if failures:
        print(report(failures), file=sys.stderr)
    return 1 if failures else 0


def _add_run(parser: argparse.ArgumentParser) -> None:
    limit = schedule.TIME_LIMIT
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these: 29/grokking, or just grokking")
    parser.add_argument("--force", action="store_true", help="run them even if nothing changed")
    parser.add_argument("--explain", action="store_true", help="say why each would run, and run nothing")
    parser.add_argument("--jobs", type=int, metavar="N", help="so many at once (default: one per core)")
    parser.add_argument("--time-limit", type=float, default=limit, metavar="S", help="seconds a snippet (%(default)g)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> list[Problem]:
    """Run what is stale, or say why it is. Returns what failed."""
    if options.jobs is not None and options.jobs < 1:
        raise Problem(f"--jobs is the number of snippets to run at once, at least 1, not {options.jobs}.")
    if not options.time_limit > 0:
        raise Problem(f"--time-limit is a number of seconds above 0, not {options.time_limit:g}.")
    snippets = _select(find(ROOT), options.names)
    if options.explain:
        for snippet in snippets:
            reason = schedule.why_stale(snippet)
            print(f"{snippet.concept}: {f'would run: {reason}' if reason else 'fresh'}")
        return []
    held = lock.acquire(ROOT)
    try:
        reasons = {snippet: "forced" if options.force else schedule.why_stale(snippet) for snippet in snippets}
        for snippet, reason in reasons.items():
            record = Outputs(ROOT, snippet.concept).record
            told = reason or f"fresh, ran in {record['seconds']} s on {record['when']}"
            print(f"{snippet.concept}: {told}", flush=True)
        stale = [snippet for snippet, reason in reasons.items() if reason]
        return [problem for _, problem in schedule.run(stale, options.jobs, options.time_limit)]
    finally:
        held.release()


def write(options: argparse.Namespace) -> list[Problem]:
    """Write what MkDocs finds, each page as plain Markdown and each other file as it is. Returns what is wrong."""
    from pipeline.mkdocs_hook import published
    from pipeline.write import folder

    held = lock.acquire(ROOT)
    try:
        if stale := [snippet.concept for snippet in find(ROOT) if schedule.why_stale(snippet)]:
            raise Problem(f"Not all is fresh: {', '.join(stale)}.", todo="First run: python -m pipeline run")
        return folder.write(*published(ROOT / "mkdocs.yml"), options.folder)
    finally:
        held.release()


def _select(snippets: list[Snippet], names: list[str]) -> list[Snippet]:
    if not names:
        return snippets
    by_name = {name: s for s in snippets for name in (s.path.stem, s.concept, s.file)}
    for name in names:
        if name not in by_name:
            raise UnknownName("script", name, {s.concept for s in snippets}, "snippets/")
    return list(dict.fromkeys(by_name[name] for name in names))


if __name__ == "__main__":
    sys.exit(main())
