"""Mechanistic interpretability: what each causal claim changed, and what each row to try should do."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import torch

CELLS = ("setup", "take-home", "sequences", "rotary", "network", "measure", "training", "cuts")
Script = dict[str, Any]
SCORES = [[0.1, 0.8, 0.2, 0.4]] * 5  # of the first layer's heads: two belong to the circuit, two do not


def trained(s: Script, arm: str, **taken_back: Any) -> dict[str, torch.Tensor]:
    """The weights after three steps, as the script trains this arm."""
    weights: dict[str, torch.Tensor] = s["train"](**{**s["ARMS"][arm], "steps": 3, **taken_back})
    return weights


def after(s: Script, hears: dict[str, Any]) -> torch.Tensor:
    """The logits of networks, trained for one step, on their held-out sequences after a cut."""
    logits: torch.Tensor = s["forward"](trained(s, "two layers", steps=1), s["held_out"][0], hears=hears)[0]
    return logits


def heard(hears: dict[str, Any]) -> dict[str, Any]:
    """The same wires, none of them cut."""
    return {name: torch.ones_like(share) for name, share in hears.items()}


def cut(control: str, name: str) -> Callable[[Script], tuple[torch.Tensor, ...]]:
    """A cut beside its control: with their wires joined again they are the same, and they cut what they should."""

    def arms(s: Script) -> tuple[torch.Tensor, ...]:
        cuts = s["cuts"](SCORES)
        harmless, harmful = (after(s, cuts[one]) for one in (control, name))
        assert not torch.equal(harmless, harmful)
        return after(s, heard(cuts[control])), after(s, heard(cuts[name])), harmful

    return arms


CHANGES: dict[str, Callable[[Script], tuple[Any, ...]]] = {
    "what the second layer reads: what the first layer wrote → the embedding alone": lambda s: (
        trained(s, "two layers"),
        trained(s, "one layer", hears=None),
        trained(s, "one layer"),
    ),
    "the head that is switched off: the one with the lowest previous-token score → the induction head": cut(
        "no_weakest_head", "no_induction_head"
    ),
    "the first-layer heads that are switched off: as many others → those of the circuit": cut(
        "no_other_heads", "no_circuit_heads"
    ),
    "the input of the second layer that is cut off: its queries → its keys": cut("queries_cut", "keys_cut"),
    "smeared keys: no → yes": lambda s: (
        trained(s, "unsmeared"),
        trained(s, "smeared", smear=False),
        trained(s, "smeared"),
    ),
}

Results = dict[str, Any]
TRIED: dict[str, Callable[[Results, Results], bool]] = {
    "`if positions:` to `if False:` in `network`": lambda now, _: max(now["accuracy"]) < 0.5,
    "`HEADS = (4, 1)` to `HEADS = (1, 1)` in `setup`": lambda now, _: (
        max(now["circuit_heads"]) == 1 and median(now["no_circuit_heads"]) < 0.3
    ),
    "`ENOUGH = 0.3` to `ENOUGH = 0.8` in `cuts`": lambda now, built: (
        sum(now["circuit_heads"]) < sum(built["circuit_heads"])
        and min(a >= b for a, b in zip(now["no_circuit_heads"], built["no_circuit_heads"], strict=True))
        and max(now["no_circuit_heads"]) > 2 * max(built["no_circuit_heads"])
    ),
}
