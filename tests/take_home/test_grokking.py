"""Known answers for `fourier_progress`: circuits made by hand, and independent ways to the same number."""

import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

P = 11
EVERY = torch.ones(P, P, dtype=torch.bool)  # held_out: the projection of Nanda et al., over all pairs


@pytest.fixture(scope="module")
def fourier_progress(take_home):
    return take_home("29/grokking")["fourier_progress"]


def grid(p=P):
    a = torch.arange(p)
    return a[:, None, None], a[None, :, None], a[None, None, :]


def waves(ks, sign=1, p=P):
    a, b, c = grid(p)
    return sum(torch.cos(2 * math.pi * k * (a + sign * b - sign * c).double() / p) for k in ks)


def setting(p=P, seed=0, share=0.4):
    a = torch.arange(p)
    mask = torch.rand(p, p, generator=torch.Generator().manual_seed(seed)) < share
    mask[0, 0] = True
    return (a[:, None] + a) % p, mask


def normal(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def loss(x, y):
    return F.cross_entropy(x.double().reshape(-1, x.shape[-1]), y.flatten()).item()


# ---- circuits made by hand


@pytest.mark.parametrize("held_out", [None, EVERY])
def test_the_circuit_alone(fourier_progress, held_out):
    y, mask = setting()
    x = 7 * waves([1, 3])
    restricted, excluded = fourier_progress(x, y, mask, [1, 3], held_out)
    where = ~mask if held_out is None else held_out
    assert restricted == pytest.approx(loss(x[where], y[where]), abs=1e-9)
    assert excluded == pytest.approx(math.log(P), abs=1e-9)


def test_a_wave_in_the_difference_is_not_the_circuit(fourier_progress):
    y, mask = setting()
    a, b, c = grid()
    x = torch.cos(2 * math.pi * 2 * (a - b).double() / P) * torch.cos(c.double())
    restricted, excluded = fourier_progress(x, y, mask, [2], EVERY)
    assert restricted == pytest.approx(math.log(P), abs=1e-9)
    assert excluded == pytest.approx(loss(x[mask], y[mask]), abs=1e-9)


def test_another_frequency_is_excluded_from_nothing(fourier_progress):
    y, mask = setting()
    x = 5 * waves([2])
    restricted, excluded = fourier_progress(x, y, mask, [4], EVERY)
    assert restricted == pytest.approx(math.log(P), abs=1e-9)
    assert excluded == pytest.approx(loss(x[mask], y[mask]), abs=1e-9)


@pytest.mark.parametrize("held_out", [None, EVERY])
def test_a_constant_over_pairs_stays_in_both(fourier_progress, held_out):
    y, mask = setting()
    x = normal(P, seed=1).expand(P, P, P)
    where = ~mask if held_out is None else held_out
    restricted, excluded = fourier_progress(x, y, mask, [1, 2], held_out)
    assert restricted == pytest.approx(loss(x[where], y[where]), abs=1e-9)
    assert excluded == pytest.approx(loss(x[mask], y[mask]), abs=1e-9)


# ---- other ways to the same number


@pytest.mark.parametrize("held_out", [None, EVERY])
def test_all_frequencies_keep_the_mean_over_each_sum(fourier_progress, held_out):
    y, mask = setting()
    where = ~mask if held_out is None else held_out
    x = normal(P, P, P, seed=2)
    mean = torch.stack([x[where & (y == s)].mean(0) for s in range(P)])[y]  # a function of a + b alone
    restricted, excluded = fourier_progress(x, y, mask, list(range(1, (P + 1) // 2)), held_out)
    assert restricted == pytest.approx(loss(mean[where], y[where]), abs=1e-9)
    centred = torch.stack([mean[y == s][0] for s in range(P)]).mean(0)
    assert excluded == pytest.approx(loss((x - mean + centred)[mask], y[mask]), abs=1e-9)


def test_agrees_with_fft2(fourier_progress):
    y, mask = setting()
    x = normal(P, P, P, seed=3)
    f, keep = torch.fft.fft2(x, dim=(0, 1)), torch.zeros(P, P, 1)
    keep[3, 3] = keep[P - 3, P - 3] = 1
    circuit = torch.fft.ifft2(f * keep, dim=(0, 1)).real
    restricted, excluded = fourier_progress(x, y, mask, [3], EVERY)
    assert restricted == pytest.approx(loss(x.mean((0, 1)) + circuit, y), abs=1e-9)
    assert excluded == pytest.approx(loss((x - circuit)[mask], y[mask]), abs=1e-9)


def test_agrees_with_least_squares_of_numpy_on_the_held_out_pairs(fourier_progress):
    y, mask = setting()
    x = normal(P, P, P, seed=4)
    angles = 2 * math.pi / P * np.outer(y.numpy().ravel(), [2, 5])
    design = np.c_[np.ones(P * P), np.cos(angles), np.sin(angles)]
    flat, train = x.numpy().reshape(-1, P), mask.numpy().ravel()
    weights = np.linalg.lstsq(design[~train], flat[~train], rcond=None)[0]
    restricted, excluded = fourier_progress(x, y, mask, [2, 5])
    assert restricted == pytest.approx(loss(torch.tensor(design[~train] @ weights), y[~mask]), abs=1e-9)
    rest = flat - design[:, 1:] @ weights[1:]
    assert excluded == pytest.approx(loss(torch.tensor(rest[train]), y[mask]), abs=1e-9)


# ---- the leaks


@pytest.mark.parametrize("height", [20.0, 40.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_lookup_table_has_no_circuit_on_held_out_pairs(fourier_progress, height, seed):
    """Fitted over all pairs it seems to have half of one: the leak. (p, share and number as on the page.)"""
    p = 43
    y, mask = setting(p, seed, share=0.45)
    x = height * F.one_hot(y, p) * mask[..., None]
    leaky, _ = fourier_progress(x, y, mask, [1, 5, 9, 13, 20], torch.ones_like(mask))
    honest, excluded = fourier_progress(x, y, mask, [1, 5, 9, 13, 20])
    assert leaky < 0.55 * math.log(p)
    assert honest == pytest.approx(math.log(p), abs=1e-9)
    assert excluded < 1e-3


def test_fitted_on_training_pairs_the_lookup_table_would_score_on_others(fourier_progress):
    """So it is not enough to score on held-out pairs: the default fits there too."""
    p = 43
    y, mask = setting(p, share=0.45)
    x = 20.0 * F.one_hot(y, p) * mask[..., None]
    angles = 2 * math.pi / p * y.double()[..., None] * torch.tensor([1, 5, 9, 13, 20])
    design = torch.cat([torch.ones(p, p, 1), angles.cos(), angles.sin()], -1)
    weights = torch.linalg.lstsq(design[mask], x[mask].double()).solution
    assert loss(design[~mask] @ weights, y[~mask]) < 1
    assert fourier_progress(x, y, mask, [1, 5, 9, 13, 20])[0] > 3.7


def test_mirrors_of_training_pairs_are_a_leak_that_held_out_closes(fourier_progress):
    """A table that also knows the mirrors: commutativity, and no circuit."""
    p = 43
    y, mask = setting(p, share=0.45)
    known = mask | mask.T
    x = 20.0 * F.one_hot(y, p) * known[..., None]
    assert fourier_progress(x, y, mask, [1, 5, 9, 13, 20])[0] < 0.7 * math.log(p)
    assert fourier_progress(x, y, mask, [1, 5, 9, 13, 20], ~known)[0] == pytest.approx(math.log(p), abs=1e-9)


def test_noise_is_no_circuit(fourier_progress):
    """Wild logits on held-out pairs: the few waves fitted to them must not seem to answer."""
    p = 43
    y, mask = setting(p, share=0.45)
    for seed in range(5):
        assert fourier_progress(20 * normal(p, p, p, seed=seed), y, mask, [1, 5, 9, 13, 20])[0] > math.log(p)


def test_a_few_frequencies_are_asked_for_since_all_of_them_pass_any_right_answer(fourier_progress):
    """A network that is right everywhere by way of no wave in particular: as the docstring warns."""
    p = 43
    y, mask = setting(p, share=0.45)
    x = 20.0 * F.one_hot(y, p)
    assert fourier_progress(x, y, mask, range(1, 22))[0] == pytest.approx(loss(x, y), abs=1e-9)
    assert fourier_progress(x, y, mask, [1, 5, 9])[0] > 0.2


# ---- layouts, operations, types, devices


@pytest.mark.parametrize("layout", ["[p, p, p]", "[p * p, p]", "pairs in any order", "numpy", "unordered"])
def test_layouts(fourier_progress, layout):
    y, mask = setting()
    x = normal(P, P, P, seed=5) + 2 * waves([1])
    expected = fourier_progress(x, y, mask, [1])
    if layout == "[p * p, p]":
        assert fourier_progress(x.view(-1, P), y, mask, [1]) == pytest.approx(expected, abs=1e-12)
        assert fourier_progress(x.view(-1, P), y.view(-1), mask.view(-1), [1]) == pytest.approx(expected, abs=1e-12)
    elif layout == "pairs in any order":
        order = torch.randperm(P * P, generator=torch.Generator().manual_seed(6))
        shuffled = (t.flatten(0, 1)[order] for t in (x, y, mask))
        assert fourier_progress(*shuffled, [1]) == pytest.approx(expected, abs=1e-9)
    elif layout == "numpy":
        assert fourier_progress(x.numpy(), y.numpy(), mask.numpy(), np.array([1])) == pytest.approx(expected, abs=1e-12)
    elif layout == "unordered":
        a, b = torch.combinations(torch.arange(P), with_replacement=True).T
        clock, answers, train = 7 * waves([1]), (a + b) % P, mask[a, b]
        restricted, excluded = fourier_progress(clock[a, b], answers, train, [1])
        assert restricted == pytest.approx(loss(clock[a, b], answers), abs=1e-9)
        assert excluded == pytest.approx(math.log(P), abs=1e-9)


def test_a_sample_of_pairs_may_lack_an_answer(fourier_progress):
    pairs = torch.combinations(torch.arange(P), with_replacement=True)
    y = pairs.sum(1) % P
    some = y < P - 1
    shown = torch.arange(int(some.sum())) % 2 == 0
    restricted, _ = fourier_progress(7 * waves([1, 3])[pairs[some, 0], pairs[some, 1]], y[some], shown, [1, 3])
    assert restricted < 0.1


@pytest.mark.parametrize("operation", ["a - b", "3 a + 2 b", "a * b"])
def test_perfect_networks_for_other_operations_are_no_memorisers(fourier_progress, operation):
    p = P
    a, b = torch.arange(p)[:, None], torch.arange(p)
    if operation == "a * b":  # by discrete logarithms to base 2: p - 1 = 10 answers
        power = torch.tensor([pow(2, n, p) for n in range(p - 1)])
        a, b, p = power.argsort()[:, None], power.argsort(), p - 1
        assert torch.equal(power[(a + b) % p], torch.arange(1, P)[:, None] * torch.arange(1, P) % P)
    y = {"a - b": (a - b) % p, "3 a + 2 b": (3 * a + 2 * b) % p, "a * b": (a + b) % p}[operation]
    c = torch.arange(p)
    x = 9 * sum(torch.cos(2 * math.pi * k / p * (y[..., None] - c)) for k in (1, 3))
    train = setting()[1][: len(y), : len(y)]
    restricted, excluded = fourier_progress(x, y, train, [1, 3])
    assert restricted == pytest.approx(loss(x, y), abs=1e-6)
    assert restricted < 0.1
    assert excluded == pytest.approx(math.log(p), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_no_side_effects(fourier_progress, dtype):
    y, mask = setting()
    x = (3 * waves([1])).to(dtype).requires_grad_()
    before, state = x.detach().clone(), torch.get_rng_state()
    out = fourier_progress(x, y.to(torch.uint8), mask, [1])
    assert all(type(v) is float for v in out)
    assert out == pytest.approx(fourier_progress(before.double(), y, mask, [1]), abs=1e-12)  # calculated in float64
    assert torch.equal(x, before)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.is_grad_enabled()
    assert x.grad is None


class NoDoubles(torch.Tensor):
    """A tensor on a device that has no float64, as Apple's."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.Tensor.cpu:
            return args[0].as_subclass(torch.Tensor)
        assert func is not torch.Tensor.double
        assert not any(value is torch.float64 for value in (*args, *(kwargs or {}).values()))
        return super().__torch_function__(func, types, args, kwargs or {})


def test_a_device_without_float64(fourier_progress):
    y, mask = setting()
    x = (3 * waves([1])).float()
    there = (t.as_subclass(NoDoubles) for t in (x, y, mask, torch.tensor([1]), ~mask))
    assert fourier_progress(*there) == pytest.approx(fourier_progress(x, y, mask, [1]), abs=1e-12)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here; the same cases run on the CPU")
def test_cuda_and_masks_elsewhere(fourier_progress):
    y, mask = setting()
    x = (3 * waves([1])).float()
    assert fourier_progress(x.cuda(), y.cuda(), mask, [1]) == pytest.approx(
        fourier_progress(x, y, mask, [1]), abs=1e-12
    )


@pytest.mark.parametrize("frequencies", [(1, 3), range(1, 4, 2), torch.tensor([1, 3]), np.array([1, 3]), [1.0, 3.0]])
def test_frequencies_of_every_kind(fourier_progress, frequencies):
    y, mask = setting()
    x = normal(P, P, P, seed=7)
    assert fourier_progress(x, y, mask, frequencies) == pytest.approx(fourier_progress(x, y, mask, [1, 3]), abs=1e-12)


# ---- what is refused, and what to do


ZEROS = torch.zeros(P, P, P)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"logits": torch.full_like(ZEROS, math.nan)}, "finite"),
        ({"logits": ZEROS - math.inf}, "finite"),
        ({"logits": ZEROS.long()}, "floating-point"),
        ({"logits": torch.zeros(0, P)}, "floating-point"),
        ({"logits": torch.zeros(P, P, P + 1)}, "cut off"),  # the column of "="
        ({"logits": torch.zeros(P, P, P - 1)}, "last column"),
        ({"logits": torch.zeros(5, P, P, P)}, "need 605 labels"),  # five networks
        ({"logits": torch.zeros(P, P)}, "need 11 labels"),
        ({"logits": torch.tensor(1.0)}, "need 1 labels"),
        ({"labels": torch.full((P, P), P)}, "integers from 0 to 10"),
        ({"labels": torch.arange(-1, P * P - 1).view(P, P) % P - 1}, "integers from 0 to 10"),
        ({"labels": torch.zeros(P, P)}, "integers"),
        ({"labels": torch.zeros(P, 2, dtype=torch.long)}, "22"),
        ({"train_mask": ~EVERY}, "true somewhere"),
        ({"train_mask": EVERY}, "hold out more"),
        ({"train_mask": torch.ones(P, P)}, "boolean"),
        ({"train_mask": EVERY[0]}, "11"),
        ({"held_out": ~EVERY}, "hold out more"),
        ({"held_out": EVERY.long()}, "boolean"),
        ({"held_out": EVERY[:2]}, "22"),
        ({"frequencies": []}, "distinct integers in 1..5"),
        ({"frequencies": [0]}, "distinct integers in 1..5"),
        ({"frequencies": [6]}, "distinct integers in 1..5"),
        ({"frequencies": [2, 2]}, "distinct integers in 1..5"),
        ({"frequencies": [2.5]}, "distinct integers in 1..5"),
        ({"frequencies": [math.nan]}, "distinct integers in 1..5"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(fourier_progress, change, says):
    y, mask = setting()
    good = {"logits": ZEROS, "labels": y, "train_mask": mask, "frequencies": [1]}
    with pytest.raises(ValueError, match=re.escape(says)):
        fourier_progress(**(good | change))


def test_too_few_answers_held_out_to_fit_all_frequencies(fourier_progress):
    """Eleven weights on ten answers would fit anything: the restricted loss would be the loss itself."""
    y, _ = setting()
    with pytest.raises(ValueError, match="fewer frequencies"):
        fourier_progress(ZEROS, y, y == 0, list(range(1, 6)))
    fourier_progress(ZEROS, y, y == 0, list(range(1, 5)))
