"""Known answers for `fourier_progress`: circuits made by hand, and independent ways to the same number."""

import math

import pytest
import torch
import torch.nn.functional as F

P = 11


@pytest.fixture(scope="module")
def fourier_progress(take_home):
    return take_home("29/grokking")["fourier_progress"]


def grid(p=P):
    a = torch.arange(p)
    return a[:, None, None], a[None, :, None], a[None, None, :]


def waves(ks, sign=1, p=P):
    a, b, c = grid(p)
    return sum(torch.cos(2 * math.pi * k * (a + sign * b - sign * c).double() / p) for k in ks)


def setting(p=P, seed=0):
    a = torch.arange(p)
    mask = torch.rand(p, p, generator=torch.Generator().manual_seed(seed)) < 0.4
    mask[0, 0] = True
    return (a[:, None] + a) % p, mask


def loss(x, y):
    return F.cross_entropy(x.double().flatten(0, 1), y.flatten()).item()


def test_the_circuit_alone(fourier_progress):
    y, mask = setting()
    x = 7 * waves([1, 3])
    restricted, excluded = fourier_progress(x, y, mask, [1, 3])
    assert restricted == pytest.approx(loss(x, y), abs=1e-9)
    assert excluded == pytest.approx(math.log(P), abs=1e-9)


def test_a_wave_in_the_difference_is_not_the_circuit(fourier_progress):
    y, mask = setting()
    a, b, c = grid()
    x = torch.cos(2 * math.pi * 2 * (a - b).double() / P) * torch.cos(c.double())
    restricted, excluded = fourier_progress(x, y, mask, [2])
    assert restricted == pytest.approx(math.log(P), abs=1e-9)
    assert excluded == pytest.approx(F.cross_entropy(x[mask], y[mask]).item(), abs=1e-9)


def test_another_frequency_is_excluded_from_nothing(fourier_progress):
    y, mask = setting()
    x = 5 * waves([2])
    restricted, excluded = fourier_progress(x, y, mask, [4])
    assert restricted == pytest.approx(math.log(P), abs=1e-9)
    assert excluded == pytest.approx(F.cross_entropy(x[mask], y[mask]).item(), abs=1e-9)


def test_a_constant_over_pairs_stays_in_both(fourier_progress):
    y, mask = setting()
    bias = torch.randn(P, generator=torch.Generator().manual_seed(1)).double()
    restricted, excluded = fourier_progress(bias.expand(P, P, P), y, mask, [1, 2])
    assert restricted == pytest.approx(loss(bias.expand(P, P, P), y), abs=1e-9)
    assert excluded == pytest.approx(F.cross_entropy(bias.expand(P, P, P)[mask], y[mask]).item())


def test_all_frequencies_keep_the_mean_over_each_sum(fourier_progress):
    y, mask = setting()
    x = torch.randn(P, P, P, generator=torch.Generator().manual_seed(2)).double()
    mean = torch.stack([x[y == s].mean(0) for s in range(P)])[y]  # a function of a + b alone
    restricted, _ = fourier_progress(x, y, mask, list(range(1, (P + 1) // 2)))
    assert restricted == pytest.approx(loss(mean, y), abs=1e-9)


def test_agrees_with_fft2(fourier_progress):
    y, mask = setting()
    x = torch.randn(P, P, P, generator=torch.Generator().manual_seed(3)).double()
    f, keep = torch.fft.fft2(x, dim=(0, 1)), torch.zeros(P, P, 1)
    keep[0, 0] = keep[3, 3] = keep[P - 3, P - 3] = 1
    kept = torch.fft.ifft2(f * keep, dim=(0, 1)).real
    assert fourier_progress(x, y, mask, [3])[0] == pytest.approx(loss(kept, y), abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_types_and_no_side_effects(fourier_progress, dtype):
    y, mask = setting()
    x = waves([1]).to(dtype).requires_grad_()
    before, state = x.detach().clone(), torch.get_rng_state()
    out = fourier_progress(x, y, mask, [1])
    assert all(type(v) is float for v in out)
    assert torch.equal(x, before)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.is_grad_enabled()
    assert x.grad is None


@pytest.mark.parametrize(
    "change",
    [
        {"logits": torch.zeros(P, P, P + 1)},
        {"logits": torch.zeros(P, P)},
        {"logits": torch.zeros(P, P, P, dtype=torch.long)},
        {"logits": torch.tensor(1.0)},
        {"labels": torch.full((P, P), P)},
        {"labels": torch.full((P, P), -1)},
        {"labels": torch.zeros(P, P)},
        {"labels": torch.zeros(P, 2, dtype=torch.long)},
        {"train_mask": torch.zeros(P, P, dtype=torch.bool)},
        {"train_mask": torch.ones(P, P)},
        {"train_mask": torch.ones(P, dtype=torch.bool)},
        {"frequencies": []},
        {"frequencies": [0]},
        {"frequencies": [6]},
        {"frequencies": [2, 2]},
    ],
)
def test_nonsense_is_refused(fourier_progress, change):
    y, mask = setting()
    good = {"logits": torch.zeros(P, P, P), "labels": y, "train_mask": mask, "frequencies": [1]}
    with pytest.raises(ValueError, match=r"\w{5}"):
        fourier_progress(**(good | change))
