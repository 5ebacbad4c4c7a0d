"""SAM: what each causal claim changes, and what its rows to try do."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.experiments.test_one_difference import Arms

CELLS = ("setup", "data", "network", "training", "evaluate", "sharpness")


def _sgd(s: dict[str, Any], epochs: int = 10) -> Any:
    return s["train"]({"sgd": {}, "sgd_clean": {"noise": 0.0}}, epochs=epochs)["sgd"]


def _radius(s: dict[str, Any]) -> Arms:
    arms = s["train"]({"taken back": {"rho": 0.0}, "sam": {"rho": s["RHO"]}}, epochs=10)
    return _sgd(s), arms["taken back"], arms["sam"]


def _decay(s: dict[str, Any]) -> Arms:
    arms = s["train"]({"taken back": {"decay": s["DECAY"]}, "tuned": {"decay": s["TUNED"]}}, epochs=10)
    return _sgd(s), arms["taken back"], arms["tuned"]


def _moment(s: dict[str, Any]) -> Arms:
    looks = _sgd(s, s["EPOCHS"])
    ends = looks[-1], *(s["best_held_out"](choices, s["noisy"])[0] for choices in (looks[-1:], looks))
    baseline, taken_back, stopped = (s["right"](w, *s["noisy"][4:6]) for w in ends)
    return baseline, taken_back, stopped


def _epochs(s: dict[str, Any]) -> Arms:
    taken_back, longer = (s["train"]({"longer": {}}, epochs=epochs)["longer"][-1] for epochs in (10, 20))
    return _sgd(s)[-1], taken_back, longer


def _scale(s: dict[str, Any]) -> Arms:
    w = _sgd(s)[-1]
    twins = w, s["rescale"](w, 1), s["rescale"](w, 10)
    baseline, taken_back, changed = (s["sharpest"](twin, *s["noisy"][:2], 1)[0] for twin in twins)
    return baseline, taken_back, changed


CHANGES: dict[str, Callable[[dict[str, Any]], Arms]] = {
    "ρ: 0 → 0.4": _radius,
    "weight decay: 0.0005 → 0.02": _decay,
    "weights: of the last epoch → of the one that does best on the held-out labels": _moment,
    "epochs, with the schedule: 30 → 60": _epochs,
    "scale of the first layer: 1 → 10, of the second: 1 → 1/10": _scale,
}

TRIED: dict[str, Callable[[dict[str, Any], dict[str, Any]], bool]] = {
    "`RHO = 0.4` to `RHO = 0.8` in `training`": lambda now, built: median(now["sam"]) < 50,
    "`NOISE = 0.4` to `NOISE = 0.6` in `training`": lambda now, built: (
        median(now["gain"]) >= 10 and all(median(now[arm]) < median(built[arm]) for arm in ("sgd", "sam", "tuned"))
    ),
    "`BATCH = 125` to `BATCH = 500` in `training`": lambda now, built: median(now["gain"]) < 0 < median(built["gain"]),
    "`EPOCHS = 30` to `EPOCHS = 60` in `training`": lambda now, built: (
        median(now["heart_sam"]) >= 2 * median(built["heart_sam"]) and median(now["sam"]) < median(built["sam"])
    ),
}
