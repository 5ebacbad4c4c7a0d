"""The headline of a snippet alone: one seed, no controls. `python -m tests.bench.headline 29/grokking` prints its CPU seconds.

The snippet's own cells run, one after another, in a fresh process and on one thread; its imports count, ours do not.
Where a cell trains the controls as well, the arm of the headline is called in its place.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.run.snippet import STYLE, Snippet
from tests.project import ROOT


@dataclass(frozen=True)
class Headline:
    cells: tuple[str, ...]  # names, in the order of the snippet
    one_seed: str  # code that runs after the cell ``setup``
    shown: str  # an expression: whether the phenomenon was there, by the threshold of its claim
    instead: Mapping[str, str] = field(default_factory=dict)  # code in place of a cell


HEADLINES = {
    "29/grokking": Headline(
        cells=("setup", "data", "network", "training", "with-decay"),
        one_seed="seeds = seeds[:1]",
        shown="min(delay) >= 8 and test_at_memorisation[0] <= 0.05",
    ),
    "29/mechanistic_interpretability": Headline(
        cells=("setup", "take-home", "sequences", "rotary", "network", "measure", "training", "train-two-layers"),
        one_seed="N = 1; seeds = seeds[:1]",
        shown="min(accuracy) >= 0.9 and min(induction) > 0.7 and max(previous[0]) > 0.5",
    ),
    "29/neural_collapse": Headline(
        cells=("setup", "take-home", "data", "network", "training", "measure", "arms", "train-digits"),
        one_seed="seeds = seeds[:1]",
        shown="main['nc1'][terminal(main)[0], 0] >= 50 * main['nc1'][-1, 0] and main['nc2_angle_means'][-1, 0] < 0.05",
        instead={"train-digits": "main = measure(*run([PLAIN], SIZES)[0])"},
    ),
    "29/sam": Headline(
        cells=("setup", "data", "network", "training", "evaluate", "arms"),
        one_seed="seeds = seeds[:1]",
        shown="right(looks['sam'][-1], *noisy[4:6]) - right(looks['sgd'][-1], *noisy[4:6]) >= 10",  # per cent
        instead={"arms": "looks = train({'sgd': {}}) | train({'sam': {'rho': RHO}})"},
    ),
    "29/self_training": Headline(
        cells=("setup", "data", "network", "training", "chains", "generations", "measures"),
        one_seed="S = 1; seeds = seeds[:1]",
        shown="variance['replace'][0, -1] < 0.65 * variance['replace'][0, 0]",
        instead={
            "generations": "judge = one_classifier('judge', held_out)\n"
            "arms = {'replace': {}}\n"
            "drawn = dict(zip(arms, chains(arms.values(), None)))"
        },
    ),
}


def run(snippet: Snippet, headline: Headline) -> float:
    """CPU seconds. Ends the program where a cell is missing or the phenomenon is not shown."""
    source = {cell.name: cell.code for cell in snippet.read() if not cell.is_text}
    if missing := set(headline.cells) - set(source):
        sys.exit(f"{snippet.file} has no cell {', '.join(sorted(missing))}: see HEADLINES in tests/bench/headline.py.")
    source |= headline.instead
    source["setup"] += f"\n{headline.one_seed}"
    names: dict[str, Any] = {"__name__": "__main__"}
    start = time.process_time()
    for name in headline.cells:
        exec(compile(source[name], f"{snippet.file}:{name}", "exec"), names)
    seconds = time.process_time() - start
    if not eval(headline.shown, names):
        sys.exit(f"{snippet.file}: with one seed this does not hold: {headline.shown}")
    return seconds


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in HEADLINES:
        sys.exit(f"Usage: python -m tests.bench.headline {{{','.join(HEADLINES)}}}")
    os.environ |= {"MPLBACKEND": "Agg", "MATPLOTLIBRC": str(Path(ROOT, STYLE)), "OMP_NUM_THREADS": "1"}
    print(run(Snippet(ROOT, sys.argv[1]), HEADLINES[sys.argv[1]]))


if __name__ == "__main__":
    main()
