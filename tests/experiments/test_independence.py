"""No two values of `SEED` share anything, and a site can be built with each."""

from __future__ import annotations

import itertools
import zlib
from pathlib import Path

import pytest

from pipeline.run.snippet import Snippet
from tests.bench.seeds import refuted, stated
from tests.experiments import CONCEPTS, definitions, other_seed, recorded, source
from tests.project import ROOT
from tests.recorded import record

SETUP = """# %% setup
import zlib

import numpy as np
import torch

SEED = 1
seeds = [2 * SEED + k for k in range(2)]


def stream(seed, purpose):
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {purpose}".encode()))


# %% arm
"""
END = '\n# %% results\nresults = {"seeds": seeds}\n'


@pytest.mark.parametrize("concept", CONCEPTS)
def test_no_seed_belongs_to_two_values_of_seed(concept: str) -> None:
    of = {seed: definitions(concept, ("setup",), seed)["seeds"] for seed in range(4)}
    assert all(len(set(seeds)) >= 5 for seeds in of.values())
    assert not [(a, b) for a, b in itertools.combinations(of, 2) if set(of[a]) & set(of[b])]


@pytest.mark.long
@pytest.mark.built
@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_downloaded_script_runs_alone_with_new_random_numbers_and_every_claim_holds(
    concept: str, site: Path
) -> None:
    script = (site / "generated" / concept / f"{Path(concept).name}.py").read_text(encoding="utf-8")
    assert script == source(concept)
    found = recorded(script, other_seed(concept))
    assert found["wrong"] == []
    assert found["streams"], "it draws nothing at random"
    results = found["results"]
    assert {seed for seed, _, _ in found["streams"]} <= set(results["seeds"])
    # The numbers that seed its generators are those of no seed of another SEED, whatever they are for.
    purposes = {purpose for _, purpose, _ in found["streams"]}
    here = {number for _, _, number in found["streams"]}
    count = len(results["seeds"])
    others = {
        zlib.crc32(f"{seed} {purpose}".encode())
        for seed in range(count * (other_seed(concept) + 20))
        for purpose in purposes
        if seed not in results["seeds"]
    }
    assert here == {zlib.crc32(f"{seed} {purpose}".encode()) for seed, purpose, _ in found["streams"]}
    assert not here & others
    assert [why for claim in stated(Snippet(ROOT, concept)) if (why := refuted(claim, results, concept))] == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("torch.rand(2)", "draws from a global stream"),
        ("np.random.rand(2)", "draws from a global stream"),
        ("__import__('random').random()", "draws from a global stream"),
        ("torch.randperm(9, generator=torch.Generator())", "does not seed it"),
        ("torch.rand(2, generator=torch.Generator().manual_seed(seeds[0]))", "seeds a generator with 2"),
    ],
)
def test_another_source_of_random_numbers_is_found(code: str, said: str) -> None:
    (wrong,) = record(SETUP + code + END)["wrong"]
    assert said in wrong


def test_streams_are_told_by_seed_and_purpose() -> None:
    found = record(SETUP + 'torch.rand(2, generator=stream(seeds[1], "noise"))' + END)
    assert (found["wrong"], found["streams"]) == ([], [(3, "noise", zlib.crc32(b"3 noise"))])
