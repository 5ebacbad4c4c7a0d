"""Grokking: what its causal claims change, and what its rows to try should do."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch

Arms = Callable[[dict[str, Any]], tuple[Any, Any, Any]]

CELLS = ("setup", "data", "network", "training", "squares", "frequencies")


def trained(**changed: Any) -> Arms:
    """The baseline of the script, the arm with its change taken back, and the arm, for a few steps."""
    default = {"train_share": 0.6, "weight_decay": 1.0, "table": lambda data: data}

    def arms(script: dict[str, Any]) -> tuple[Any, Any, Any]:
        grok = script["grok"]
        return grok(steps=12), grok(**{name: default[name] for name in changed}, steps=12), grok(**changed, steps=12)

    return arms


def dealt(script: dict[str, Any]) -> tuple[Any, Any, Any]:
    return trained(table=script["deal"])(script)


def squares_dealt(script: dict[str, Any]) -> tuple[Any, Any, Any]:
    grok = script["grok_squares"]
    return grok(steps=12), grok(table=lambda data: data, steps=12), grok(table=script["deal"], steps=12)


def cut(kept: bool) -> Arms:
    """An embedding of which the strongest planes stay, or go: those of the waves, those again, and random ones."""

    def arms(script: dict[str, Any]) -> tuple[Any, Any, Any]:
        E = script["initial"](script["sizes"], script["scales"])["E"]
        count = torch.full((len(E),), 5)

        def left(planes: torch.Tensor) -> Any:
            strongest = script["strongest"](script["power"](E, planes), count)
            return script["parts"](E, planes, strongest)[0 if kept else 1]

        again = script["fourier_planes"]().expand(len(E), -1, -1, -1)
        return left(script["waves"]), left(again), left(script["anything"])

    return arms


CHANGES = {
    "share of pairs for training: 60% → 90%": trained(train_share=0.9),
    "weight decay: 1 → 0": trained(weight_decay=0.0),
    "answers: sums → the same answers dealt at random": dealt,
    "answers of the squares: sums → the same answers dealt at random": squares_dealt,
    "planes that stay: key frequencies → as many random ones": cut(kept=True),
    "planes that go: key frequencies → as many random ones": cut(kept=False),
}


def middle(results: dict[str, Any]) -> float:
    return float(statistics.median(results["delay"]))


TRIED = {
    "`train_share = 0.6` to `train_share = 0.5` in `setup`": lambda now, built: middle(now) >= 1.5 * middle(built),
    "`weight_decay = 1.0` to `weight_decay = 0.5` in `setup`": lambda now, built: middle(now) >= 1.2 * middle(built),
    "`p = 43` to `p = 47` in `setup`": lambda now, built: now["p"] == 47 and min(now["delay"]) >= 8,
}
