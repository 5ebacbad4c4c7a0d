"""The arms of snippets/29/self_training.py that are compared, with few steps; and what *Try it yourself* should do."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

CELLS = ("setup", "take-home", "words", "gaussian", "data", "network", "training", "chains", "self-training")


def gaussian(baseline: str, changed: str) -> Callable[[dict[str, Any]], tuple[Any, Any, Any]]:
    """Two policies, one after the other, for four generations."""

    def arms(s: dict[str, Any]) -> tuple[Any, Any, Any]:
        (correction, kept), (same_correction, thrown_away) = s["gauss_arms"][baseline], s["gauss_arms"][changed]
        return (
            s["gaussian_chains"](correction, kept, 4),
            s["gaussian_chains"](same_correction, kept, 4),
            s["gaussian_chains"](same_correction, thrown_away, 4),
        )

    return arms


def generator(baseline: str, changed: str, *settings: str) -> Callable[[dict[str, Any]], tuple[Any, Any, Any]]:
    """Two arms of the generator side by side, as the script runs them: three generations of a few steps."""

    def arms(s: dict[str, Any]) -> tuple[Any, Any, Any]:
        before, after = (s["usual"] | s["arms"][arm] for arm in (baseline, changed))
        taken_back = after | {name: before[name] for name in settings}
        critic = s["one_classifier"]("critic", s["held_out"], steps=10)
        drawn = s["chains"]([before, taken_back, after], critic, generations=3, steps=5)
        return drawn[0], drawn[1], drawn[2]

    return arms


def classifier(pairs: dict[str, str], *settings: str) -> Callable[[dict[str, Any]], tuple[Any, Any, Any]]:
    """Arms of the classifier (baseline: changed) side by side, as the script runs them: two rounds of a few steps."""

    def arms(s: dict[str, Any]) -> tuple[Any, Any, Any]:
        before, after = ([s["as_first"] | s["self_arms"][arm] for arm in side] for side in (pairs, pairs.values()))
        taken_back = [
            late | {name: early[name] for name in settings} for early, late in zip(before, after, strict=True)
        ]
        accuracy = s["self_train"]([*before, *taken_back, *after], rounds=2, steps=5)
        one, two, three = accuracy.split(len(pairs))
        return one, two, three

    return arms


CHANGES = {
    "the numbers of earlier generations: kept → thrown away": gaussian("accumulate", "replace"),
    "the images that later generations are trained on: real → the last generation's": generator(
        "all real", "replace", "real"
    ),
    "images of earlier generations: thrown away → kept": generator("replace", "accumulate", "keep"),
    "share of real images: 0 → 20%": generator("replace", "20% real", "real"),
    "equally many of each class: no → yes": generator("surest", "surest, balanced", "balanced"),
    "the labels of the 40 images: true → the classifier's own": classifier({"true labels": "own"}, "labels"),
    "images labelled in each round: 40 → 800": classifier({"own": "many"}, "images"),
    "images labelled in each round, with and without the anchor: 40 → 800": classifier(
        {"own": "many", "own, anchored": "many, anchored"}, "images"
    ),
    "share of each batch with the classifier's own labels: 0 → 75%": classifier(
        {"labels only": "many, balanced, anchored"}, "anchor"
    ),
}


def more(name: str) -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    return lambda now, built: median(now[name]) > median(built[name])


TRIED: dict[str, Callable[[dict[str, Any], dict[str, Any]], bool]] = {
    "`N, PER_CLASS = 500` to `N, PER_CLASS = 300` in `data`": lambda now, built: (
        now["images"] == 300 and max(now["replace_left"]) < 2 / 3
    ),
    "`48, 100, 32, 0.14` to `48, 400, 32, 0.14` in `training`": more("replace_left"),
    "`n, T, CHAINS = 10` to `n, T, CHAINS = 100` in `gaussian`": lambda now, built: (
        min(now["gauss_replace_median"]) > 1 / 4 > 100 * max(built["gauss_replace_median"])
    ),
}
