"""Every claim of a page under other values of SEED: `python -m tests.bench.seeds 29/grokking 1-20`.

A threshold is set in stone only when this has shown its margin. The results of a run are kept in `.cache/recorded/`, so that a claim can be worded anew and judged again without running anything.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rich.console import Console
from rich.progress import track

from pipeline.problem import Problem
from pipeline.run.snippet import Snippet, find
from pipeline.write import claims, verdicts
from pipeline.write.front_matter import FrontMatter
from pipeline.write.numbers import show
from pipeline.write.sources import Source
from tests.experiments import page_of, recorded, source
from tests.project import ROOT


def stated(snippet: Snippet) -> list[claims.Claim]:
    """The claims of the snippet's page."""
    page = page_of(snippet.concept)
    source = Source(page, (ROOT / "docs" / page).read_bytes())
    return claims.read(FrontMatter(source.split[0]))


def refuted(claim: claims.Claim, results: dict[str, Any], concept: str) -> str:
    """Why no site would be built from these results; empty if the claim holds, and fails the swap."""
    try:
        verdict = verdicts.judge(claim, results, concept)
    except Problem as problem:
        return f"{problem.what} {problem.detail}"
    return "" if verdict.holds else f"{claim.measured} = {results[claim.measured]}"


def values(text: str) -> range:
    """``1-20``, or one number."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main(concept: str, seeds: range) -> int:
    snippet, console = Snippet(ROOT, concept), Console(width=150)
    said = stated(snippet)
    found = {
        seed: recorded(source(concept), seed)["results"] for seed in track(seeds, description=concept, console=console)
    }
    false = 0
    for claim in said:
        against = {seed: why for seed, results in found.items() if (why := refuted(claim, results, concept))}
        false += len(against)
        console.print(f"{claim.line}: {claim.says}", style="bold", markup=False)
        console.print(f"   {claim.holds}: false under {len(against)} of {len(found)}", markup=False)
        for name in claim.shown:
            every = [value for results in found.values() for value in _listed(results.get(name))]
            console.print(f"   {name}: {show(every, claim.format)}", markup=False, highlight=False)
        for seed, why in against.items():
            console.print(f"   SEED={seed}: {why}", style="red", markup=False)
    return 1 if false else 0


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.seeds", description=str(__doc__).partition(":")[0])
    parser.add_argument("concept", choices=[snippet.concept for snippet in find(ROOT)])
    parser.add_argument("seeds", help="values of SEED, such as 1-20", type=values)
    given = parser.parse_args()
    try:
        sys.exit(main(given.concept, given.seeds))
    except Problem as problem:
        sys.exit(str(problem))
