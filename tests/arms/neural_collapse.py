"""Neural collapse: what its causal claims change, and what its rows to try should do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Arms = Callable[[dict[str, Any]], tuple[Any, Any, Any]]

CELLS = ("setup", "take-home", "data", "network", "training", "triangle-arms", "arms", "free-features")
STEPS = 9


def parameters(script: dict[str, Any], arms: list[dict[str, Any]], sizes: str = "SIZES", **kind: Any) -> list[Any]:
    """The images and labels of each arm, and its parameters after a few steps."""
    trained = script["run"](arms, script[sizes], STEPS, **kind)
    return [(data, [p for part in nets[-1].hidden_and_rest() for p in part]) for data, nets in trained]


def arm(name: str, baseline: str = "") -> Arms:
    """One of the script's arms, trained beside all others as there; its baseline alone; the arm with its change taken back, in its place."""

    def compared(script: dict[str, Any]) -> tuple[Any, Any, Any]:
        arms, plain = script["ARMS"], script["ARMS"][baseline]
        back = arms[name] | {key: (script["PLAIN"] | plain)[key] for key in arms[name]}
        place = list(arms).index(name)
        taken_back = parameters(script, list((arms | {name: back}).values()))[place]
        return parameters(script, [plain])[0], taken_back, parameters(script, list(arms.values()))[place]

    return compared


def batch_norm(script: dict[str, Any]) -> tuple[Any, Any, Any]:
    slow = [script["ARMS"]["slow_"]]
    beside = list(script["ARMS"]).index("slow_")
    return (
        parameters(script, list(script["ARMS"].values()))[beside],
        parameters(script, slow, batch_norm=True)[0],
        parameters(script, slow, batch_norm=False)[0],
    )


def triangle_decay(script: dict[str, Any]) -> tuple[Any, Any, Any]:
    strong, usual = script["TRIANGLES"]
    back = usual | {key: strong[key] for key in script["WEAK"]}
    kind: dict[str, Any] = {"sizes": "TRIANGLE_SIZES", "linear_features": True}
    _, taken_back = parameters(script, [strong, back], **kind)
    _, changed = parameters(script, [strong, usual], **kind)
    return parameters(script, [strong], **kind)[0], taken_back, changed


def dimensions(script: dict[str, Any]) -> tuple[Any, Any, Any]:
    free = script["free_features"]
    return free(3, steps=STEPS), free(3, steps=STEPS), free(2, steps=STEPS)


CHANGES = {
    "weight decay: 1e-2 → 5e-4": arm("usual_"),
    "decay of the hidden weights: 1e-2 → 0": arm("rest_"),
    "weight decay with random labels: 1e-2 → 5e-4": arm("random_usual_", baseline="random_"),
    "class sizes: ten of 20 → six of 32 and four of 2": arm("unequal_"),
    "batch norm: yes → no": batch_norm,
    "weight decay of the triangle: 2e-2 → 5e-4": triangle_decay,
    "dimensions of the free features: 3 → 2": dimensions,
}


def all_below(low: list[float], high: list[float], factor: float = 1) -> bool:
    """Whether it holds for every seed."""
    return all(a < factor * b for a, b in zip(low, high, strict=True))


TRIED = {
    "`USUAL = 5e-4` to `USUAL = 0.0` in `setup`": lambda now, then: all_below(
        now["usual_nc1_fall"], then["usual_nc1_fall"]
    ),
    "`0.9, 1e-2` to `0.9, 3e-3` in `setup`": lambda now, then: all_below(now["nc1_fall"], then["nc1_fall"], 1 / 5),
    "`[32] * 6 + [2] * 4` to `[28] * 6 + [8] * 4` in `setup`": lambda now, _: max(now["unequal_cos_weights_small"]) < 0,
}
