"""A causal claim names the one thing that was changed: with the change taken back, both arms give the same numbers, bit for bit."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from pipeline.run.snippet import Snippet
from tests.bench.seeds import stated
from tests.experiments import CONCEPTS, definitions
from tests.project import ROOT

Arms = tuple[Any, Any, Any]  # numbers of the baseline, of the arm with its change taken back, of the arm as it is


def arms(concept: str) -> Any:
    """``tests/arms/<concept>.py``: ``CELLS``, ``CHANGES`` and ``TRIED``."""
    return importlib.import_module(f"tests.arms.{concept.rpartition('/')[2]}")


def same(one: Any, other: Any) -> bool:
    """Whether two nested collections of numbers and tensors are equal, bit for bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def unlike(found: Arms) -> str:
    """What is wrong with the three; empty if only the one change tells the arms apart."""
    baseline, taken_back, changed = found
    if not same(baseline, taken_back):
        return "with the change taken back, the arms still differ: something else was changed as well"
    return "the change makes no difference" if same(baseline, changed) else ""


CHANGES = [(concept, change) for concept in CONCEPTS for change in arms(concept).CHANGES]


@pytest.mark.parametrize("concept", CONCEPTS)
def test_every_causal_claim_is_put_to_the_test(concept: str) -> None:
    changed = {claim.changed for claim in stated(Snippet(ROOT, concept))} - {""}
    assert changed == set(arms(concept).CHANGES)


@pytest.mark.parametrize(("concept", "change"), CHANGES)
def test_with_the_change_taken_back_the_arms_are_the_same(concept: str, change: str) -> None:
    arm: Callable[[dict[str, Any]], Arms] = arms(concept).CHANGES[change]
    assert unlike(arm(definitions(concept, arms(concept).CELLS))) == ""


def test_a_second_difference_is_found() -> None:
    def train(decay: float, generator: torch.Generator) -> torch.Tensor:
        return torch.rand(3, generator=generator) * (1 - decay)

    def fresh() -> torch.Generator:
        return torch.Generator().manual_seed(1)

    shared = fresh()
    assert unlike((train(0, fresh()), train(0, fresh()), train(0.1, fresh()))) == ""
    # One stream for both arms: the second draws other numbers, whatever its settings.
    assert "something else" in unlike((train(0, shared), train(0, shared), train(0.1, shared)))
    assert "no difference" in unlike((train(0, fresh()), train(0, fresh()), train(0, fresh())))
