"""The experiment on SAM states the step and the curvature for many networks at once: they are those of the code to take home."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.arms.sam import CELLS
from tests.experiments import definitions

EPOCHS = 10


@pytest.fixture(scope="module")
def s() -> dict[str, Any]:
    return definitions("29/sam", ("take-home", *CELLS))


@pytest.fixture(scope="module")
def trained(s: dict[str, Any]) -> torch.Tensor:
    weights: torch.Tensor = s["train"]({"sgd": {}, "sam": {"rho": s["RHO"]}}, epochs=EPOCHS)["sam"][-1]
    return weights


def test_the_class_trains_the_same_network(s: dict[str, Any], trained: torch.Tensor) -> None:
    seed = s["seeds"][0]
    x, y = s["task"](seed, s["NOISE"])[:2]
    w = s["initial"](seed)[None].requires_grad_()
    optimizer = s["SAM"](
        [w], torch.optim.SGD, rho=s["RHO"], lr=s["LR"], momentum=s["MOMENTUM"], weight_decay=s["DECAY"]
    )
    steps = EPOCHS * s["TRAIN"] // s["BATCH"]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: (1 + np.cos(np.pi * k / steps)) / 2)
    order = s["stream"](seed, "batches")
    for _ in range(EPOCHS):
        for batch in torch.randperm(s["TRAIN"], generator=order).chunk(s["TRAIN"] // s["BATCH"]):

            def closure(batch: torch.Tensor = batch) -> torch.Tensor:
                optimizer.zero_grad()
                loss: torch.Tensor = s["losses"](w, x[None, batch], y[None, batch]).sum()
                torch.autograd.backward(loss)
                return loss

            optimizer.step(closure)
            schedule.step()
    assert (trained[0] - s["initial"](seed)).norm() > 5
    torch.testing.assert_close(w[0].detach(), trained[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("aware", [False, True], ids=["raw", "scale-aware"])
def test_the_curvature_is_the_one_to_take_home(s: dict[str, Any], trained: torch.Tensor, aware: bool) -> None:
    x, y = s["noisy"][:2]
    size = trained.abs() if aware else torch.ones_like(trained)
    found, _ = s["sharpest"](trained, x, y, size, steps=20)
    for k, value in enumerate(found.tolist()):
        one = slice(k, k + 1)
        z = (trained[one] / size[one]).nan_to_num().requires_grad_()  # the weights in units of their size
        loss = s["losses"](size[one] * z, x[one], y[one]).sum()
        assert value == pytest.approx(s["hessian_top_eigenvalue"](loss, [z], 20), rel=0.005)
