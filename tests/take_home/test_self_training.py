"""refit_chain of snippets/29/self_training.py: laws that are known in closed form."""

import math

import pytest
import torch

RATE = 0.1152065  # ln((n-1)/2) - psi((n-1)/2) for n = 10: 1.5040774 - 1.3888709


@pytest.fixture
def refit_chain(take_home):
    return take_home("29/self_training")["refit_chain"]


def gaussian_fit(correction=0):
    return lambda x: (x.mean(0), x.var(0, correction=correction))


def gaussian_sample(fit, k, generator):
    mu, var = fit
    noise = torch.randn(k, *mu.shape, generator=generator, dtype=mu.dtype)
    return mu + var.sqrt() * noise


def gaussian(refit_chain, n, chains, generations, policy, correction=0, seed=1, **kw):
    """Means and variances, each [generations, chains], from data of N(0, 1)."""
    g = torch.Generator().manual_seed(seed)
    data = torch.randn(n, chains, generator=g, dtype=torch.float64)
    fits = refit_chain(gaussian_fit(correction), gaussian_sample, data, generations, policy, generator=g, **kw)
    return (torch.stack(part) for part in zip(*fits, strict=True))


def z_score(values, expected):
    return float((values.mean() - expected) / (values.std() / len(values) ** 0.5))


# ---- the known answers of science.md


@pytest.mark.parametrize("n", [5, 10, 40])
@pytest.mark.parametrize("t", [1, 4, 8])
def test_replace_shrinks_the_variance(refit_chain, n, t):
    _, var = gaussian(refit_chain, n, 40_000, t, "replace")
    assert abs(z_score(var[t - 1], (1 - 1 / n) ** t)) < 4


def test_replace_unbiased_keeps_the_mean_but_not_the_median(refit_chain):
    n, t = 10, 60
    _, var = gaussian(refit_chain, n, 40_000, t, "replace", correction=1)
    assert abs(z_score(var[7], 1.0)) < 4  # the mean stays ...
    assert var[-1].median() < 2 * math.exp(-RATE * t)  # ... of ever fewer chains
    assert (var[-1] < 0.1).double().mean() > 0.85


@pytest.mark.parametrize("n", [3, 10, 31])
def test_replace_log_law(refit_chain, n):
    """E[ln s2] falls by ln((n-1)/2) - psi((n-1)/2) in each generation."""
    t = 30
    half = torch.tensor((n - 1) / 2, dtype=torch.float64)
    fall = float(half.log() - torch.digamma(half))
    if n == 10:
        assert abs(fall - RATE) < 1e-5
    _, var = gaussian(refit_chain, n, 20_000, t, "replace", correction=1)
    assert abs(z_score(var[-1].log(), -t * fall)) < 4


@pytest.mark.parametrize("n", [4, 10])
def test_accumulate_stops(refit_chain, n):
    t = 40
    mu, var = gaussian(refit_chain, n, 8_000, t, "accumulate")
    product = math.prod(1 - 1 / (n * k * k) for k in range(1, t + 1))
    limit = math.sin(math.pi / n**0.5) / (math.pi / n**0.5)
    assert abs(z_score(var[-1], product)) < 4
    assert abs(z_score(n * mu[-1] ** 2, n * (1 - product))) < 4
    assert abs(product - limit) < 1 / (n * t)  # the rest of the product
    assert n * (1 - limit) < math.pi**2 / 6  # Gerstgrasser's constant bounds it


def test_accumulate_conserves_the_second_moment(refit_chain):
    """E[mu^2] + E[s2] = 1 in every generation: what one loses the other gains."""
    mu, var = gaussian(refit_chain, 6, 40_000, 20, "accumulate")
    for t in (0, 4, 19):
        assert abs(z_score(mu[t] ** 2 + var[t], 1.0)) < 4


# ---- further ground truths


def resample(counts_fit, k, generator):
    """k draws, with replacement, from the fitted frequencies [types, chains]."""
    rows = torch.multinomial(counts_fit.T, k, replacement=True, generator=generator)
    return rows.T.contiguous()


def frequencies(types):
    return lambda x: torch.stack([(x == i).double().mean(0) for i in range(types)])


@pytest.mark.parametrize("policy", ["replace", "accumulate"])
def test_wright_fisher(refit_chain, policy):
    """Resampling a table is genetic drift: heterozygosity H = 1 - sum p^2 falls by
    1 - 1/n a generation; if tables accumulate, by 1 - 1/(n k^2) only."""
    n, t, chains = 12, 10, 20_000
    data = (torch.arange(n) % 3).repeat(chains, 1).T.contiguous()
    fits = torch.stack(refit_chain(frequencies(3), resample, data, t, policy))
    h = 1 - (fits**2).sum(1)  # [t, chains]
    law = [1 - 1 / n if policy == "replace" else 1 - 1 / (n * k * k) for k in range(2, t + 1)]
    assert abs(float(h[0].mean()) - 2 / 3) < 1e-12  # the data: not yet drifted
    assert abs(z_score(h[-1], 2 / 3 * math.prod(law))) < 4
    assert abs(z_score(fits[-1, 0], 1 / 3)) < 4  # each type's share: unchanged


def test_wright_fisher_ends_with_one_survivor(refit_chain):
    """In the end one type is all there is; type i with its initial share as odds."""
    chains = 4_000
    data = torch.tensor([0] * 2 + [1] * 6).repeat(chains, 1).T.contiguous()
    last = refit_chain(frequencies(2), resample, data, 120)[-1]
    assert ((last == 0) | (last == 1)).all()
    assert abs(z_score(last[0], 0.25)) < 4


@pytest.mark.parametrize("policy", ["replace", "accumulate"])
def test_linear_regression(refit_chain, policy):
    """Gerstgrasser et al.'s setting, one design X for all generations: the squared
    error is s2 tr (X'X)^-1 times t (replace) or sum of 1/k^2 (accumulate)."""
    n, d, t, sigma, chains = 30, 4, 12, 0.5, 5_000
    g = torch.Generator().manual_seed(3)
    x = torch.randn(n, d, generator=g, dtype=torch.float64)
    w = torch.ones(d, 1, dtype=torch.float64)

    def label(weights, k, generator):
        noise = torch.randn(k, chains, generator=generator, dtype=torch.float64)
        return x @ weights + sigma * noise

    def fit(y):
        return torch.linalg.pinv(x.repeat(len(y) // n, 1)) @ y

    fits = refit_chain(fit, label, label(w, n, g), t, policy, generator=g)
    error = (fits[-1] - w).square().sum(0)
    unit = sigma**2 * float(torch.linalg.inv(x.T @ x).trace())
    factor = t if policy == "replace" else sum(1 / k**2 for k in range(1, t + 1))
    assert abs(z_score(error, unit * factor)) < 4
    if policy == "accumulate":
        assert factor < math.pi**2 / 6


def test_what_each_generation_sees(refit_chain):
    """Rows that carry their own history: generation 0 is real, t is sampled from t."""
    seen = []

    def fit(rows):
        seen.append(rows.clone())
        return len(seen)

    def sample(generation, k, _):
        return torch.full((k, 1), float(generation))

    data = torch.zeros(4, 1)
    assert refit_chain(fit, sample, data, 3, "replace") == [1, 2, 3]
    assert [rows.flatten().tolist() for rows in seen] == [[0] * 4, [1] * 4, [2] * 4]
    seen.clear()
    refit_chain(fit, sample, data, 3, "accumulate")
    assert [rows.flatten().tolist() for rows in seen] == [[0] * 4, [0] * 4 + [1] * 4, [0] * 4 + [1] * 4 + [2] * 4]
    seen.clear()
    refit_chain(fit, sample, data, 3, "mix", real_fraction=0.5)
    assert [sorted(rows.flatten().tolist()) for rows in seen] == [[0] * 4, [0, 0, 1, 1], [0, 0, 2, 2]]


def test_mix_between_replace_and_all_real(refit_chain):
    every = torch.arange(10.0)
    same = refit_chain(lambda x: x.sort().values, None, every, 5, "mix", real_fraction=1.0)
    assert all(torch.equal(fit, every) for fit in same)  # no row lost or doubled
    _, half = gaussian(refit_chain, 10, 5_000, 40, "mix", real_fraction=0.5)
    _, none = gaussian(refit_chain, 10, 5_000, 40, "mix", real_fraction=0.0)
    _, replaced = gaussian(refit_chain, 10, 5_000, 40, "replace")
    assert half[-1].mean() > 0.6
    assert none[-1].mean() < 0.1
    assert torch.equal(none, replaced)  # the same chain, bit for bit


def test_mix_draws_the_real_rows_anew(refit_chain):
    kept = refit_chain(
        lambda x: set(x[x >= 0].tolist()),
        lambda fit, k, g: -torch.ones(k),
        torch.arange(100.0),
        4,
        "mix",
        real_fraction=0.3,
    )
    assert [len(k) for k in kept] == [100, 30, 30, 30]
    assert kept[1] != kept[2] != kept[3]


# ---- manners


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("policy", ["replace", "accumulate", "mix"])
def test_dtype(refit_chain, dtype, policy):
    data = torch.randn(8, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    for mu, var in refit_chain(gaussian_fit(), gaussian_sample, data, 4, policy):
        assert mu.dtype == var.dtype == dtype
        assert torch.isfinite(mu).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here; the same cases run on the CPU")
@pytest.mark.parametrize("policy", ["replace", "accumulate", "mix"])
@pytest.mark.parametrize("where", [None, "cpu", "cuda"])
def test_cuda(refit_chain, policy, where):
    def sample(fit, k, generator):
        noise = torch.randn(k, 3, generator=generator, device=generator.device)
        return fit[0] + fit[1].sqrt() * noise.cuda()

    g = None if where is None else torch.Generator(where).manual_seed(0)
    data = torch.randn(8, 3, device="cuda")
    fits = refit_chain(gaussian_fit(), sample, data, 4, policy, generator=g)
    assert all(mu.is_cuda and torch.isfinite(mu).all() for mu, _ in fits)


@pytest.mark.parametrize("policy", ["replace", "accumulate", "mix"])
def test_no_side_effects(refit_chain, policy):
    data = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    before = (
        data.clone(),
        torch.get_rng_state(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    )
    refit_chain(gaussian_fit(), gaussian_sample, data, 5, policy)
    assert torch.equal(data, before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
    assert (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()) == before[2:]
    with torch.no_grad():
        refit_chain(gaussian_fit(), gaussian_sample, data, 2, policy)
        assert not torch.is_grad_enabled()


def test_repeatable(refit_chain):
    data = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    runs = [
        refit_chain(gaussian_fit(), gaussian_sample, data, 5, "mix", generator=g and torch.Generator().manual_seed(g))
        for g in (None, None, 1, 2)
    ]
    assert torch.equal(runs[0][-1][1], runs[1][-1][1])  # None: always the same
    assert not torch.equal(runs[2][-1][1], runs[3][-1][1])


def test_models_may_be_trained(refit_chain):
    """fit may use autograd, and a model may be anything, here a module."""

    def fit(rows):
        net = torch.nn.Linear(1, 1, bias=False)
        loss = (net(rows[:, :1]) - rows[:, 1:]).square().mean()
        loss.backward()
        assert net.weight.grad is not None
        return net

    def sample(net, k, generator):
        x = torch.randn(k, 1, generator=generator)
        return torch.cat([x, net(x).detach()], 1)

    models = refit_chain(fit, sample, torch.ones(6, 2), 3)
    assert [type(m) for m in models] == [torch.nn.Linear] * 3


GOOD = {"data": torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), "generations": 3}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"data": torch.empty(0)}, "non-empty"),
        ({"data": torch.empty(0, 3)}, "non-empty"),
        ({"data": torch.empty(3, 0)}, "non-empty"),
        ({"data": torch.tensor(1.0)}, "one example per row"),
        ({"data": [1.0, 2.0]}, "tensor"),
        ({"data": torch.tensor([1.0, math.nan])}, "finite"),
        ({"data": torch.tensor([1.0, math.inf])}, "finite"),
        ({"generations": 0}, "generations"),
        ({"generations": -2}, "generations"),
        ({"generations": 2.5}, "generations"),
        ({"generations": True}, "generations"),
        ({"policy": "acumulate"}, "policy"),
        ({"policy": None}, "policy"),
        ({"policy": "mix", "real_fraction": -0.1}, "real_fraction"),
        ({"policy": "mix", "real_fraction": 1.5}, "real_fraction"),
        ({"policy": "mix", "real_fraction": math.nan}, "real_fraction"),
        ({"sample": lambda fit, k, g: torch.zeros(k - 1, 2)}, "6 rows"),
        ({"sample": lambda fit, k, g: torch.zeros(k, 3)}, "6 rows"),
        ({"sample": lambda fit, k, g: torch.zeros(k, 2).double()}, "float64"),
    ],
)
def test_senseless_input(refit_chain, bad, message):
    arguments = {"fit": gaussian_fit(), "sample": gaussian_sample, **GOOD, **bad}
    with pytest.raises(ValueError, match=message):
        refit_chain(**arguments)


def test_one_generation_needs_no_sample(refit_chain):
    fits = refit_chain(gaussian_fit(), None, GOOD["data"], 1)
    assert len(fits) == 1
    assert torch.equal(fits[0][0], GOOD["data"].mean(0))
