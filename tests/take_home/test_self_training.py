"""refit_chain and share_kept of snippets/29/self_training.py: laws that are known in closed form."""

import math

import numpy as np
import pytest
import torch

RATE = 0.1152065  # ln((n-1)/2) - psi((n-1)/2) for n = 10: 1.5040774 - 1.3888709


@pytest.fixture
def refit_chain(take_home):
    return take_home("29/self_training")["refit_chain"]


@pytest.fixture
def share_kept(take_home):
    return take_home("29/self_training")["share_kept"]


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
    _, var = gaussian(refit_chain, n, 15_000, t, "replace", correction=1)
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
    _, var = gaussian(refit_chain, n, 10_000, t, "replace", correction=1)
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
    mu, var = gaussian(refit_chain, 6, 20_000, 20, "accumulate")
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
    _, half = gaussian(refit_chain, 10, 2_000, 40, "mix", real_fraction=0.5)
    _, none = gaussian(refit_chain, 10, 2_000, 40, "mix", real_fraction=0.0)
    _, replaced = gaussian(refit_chain, 10, 2_000, 40, "replace")
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


# ---- every kind of fit and of sample


def test_a_fit_may_train_one_object_over_and_over(refit_chain):
    """As an estimator of scikit-learn does, or a network that goes on: each generation is kept as it was."""
    net = torch.nn.Linear(1, 1)
    mean = {"of": 0.0}

    def fit(rows):
        with torch.no_grad():
            net.weight.fill_(rows.mean())
        mean["of"] = rows.mean().item()
        return net, mean, net.state_dict()

    models = refit_chain(fit, lambda model, k, g: torch.full((k, 1), model[1]["of"] + 1), torch.zeros(4, 1), 3)
    assert [model.weight.item() for model, _, _ in models] == [0, 1, 2]
    assert [found["of"] for _, found, _ in models] == [0, 1, 2]
    assert [float(state["weight"]) for _, _, state in models] == [0, 1, 2]


def test_an_estimator_of_scikit_learn(refit_chain, share_kept):
    """Data as an array, one estimator fitted again and again, samples as arrays of another precision."""
    mixture = pytest.importorskip("sklearn.mixture").GaussianMixture(1)

    def sample(model, k, generator):
        seed = torch.randint(2**31, (), generator=generator).item()
        return model.set_params(random_state=seed).sample(k)[0]

    data = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
    models = refit_chain(lambda rows: mixture.fit(rows.numpy()), sample, data, 16)
    spread = [float(np.trace(model.covariances_[0])) for model in models]
    assert spread[0] == pytest.approx(float(data.var(0).sum()), rel=1e-4)
    assert spread[-1] < spread[0] / 2
    assert share_kept(models, sample, data)[-1] < 0.5


def test_a_fit_may_change_its_rows(refit_chain):
    data = torch.arange(6.0)
    seen = []

    def fit(rows):
        seen.append(rows.sum().item())
        return rows.zero_().sum()

    refit_chain(fit, lambda model, k, g: torch.ones(k), data, 3, "accumulate")
    assert torch.equal(data, torch.arange(6.0))
    assert seen == [15, 21, 27]


def test_samples_may_carry_a_graph(refit_chain):
    """Nothing of an earlier generation stays alive or is trained on through its samples."""

    def fit(rows):
        assert not rows.requires_grad
        return torch.nn.Parameter(rows.mean(0))

    def sample(mean, k, generator):
        return mean + torch.randn(k, 2, generator=generator)

    models = refit_chain(fit, sample, torch.zeros(5, 2, requires_grad=True), 4, "accumulate")
    assert all(model.is_leaf and model.grad is None for model in models)


@pytest.mark.parametrize("kind", [np.asarray, torch.Tensor.tolist, torch.Tensor.double, torch.Tensor.half])
@pytest.mark.parametrize("policy", ["replace", "accumulate", "mix"])
def test_samples_and_data_of_every_kind(refit_chain, kind, policy):
    """Arrays, lists and another precision give what tensors give."""
    data = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)).half().float()

    def sample(fit, k, generator):
        return gaussian_sample(fit, k, generator).half().float()

    def of_a_kind(fit, k, generator):
        return kind(sample(fit, k, generator))

    expected = refit_chain(gaussian_fit(), sample, data, 4, policy)
    for rows in (data, np.asarray(data), data.tolist()):
        found = refit_chain(gaussian_fit(), of_a_kind, rows, 4, policy)
        assert all(
            torch.equal(a[1], b[1]) and a[1].dtype == torch.float32 for a, b in zip(found, expected, strict=True)
        )


@pytest.mark.parametrize("generations", [np.int64(3), np.uint8(3), 3])
def test_integers_of_every_kind(refit_chain, generations):
    assert len(refit_chain(gaussian_fit(), gaussian_sample, torch.randn(6, 2), generations)) == 3


def sources_of_randomness():
    numpy = np.random.default_rng(0)
    return {
        "torch": lambda fit, k, g: torch.randn(k, 2),
        "numpy": lambda fit, k, g: np.random.normal(size=(k, 2)),
        "a generator of its own": lambda fit, k, g: numpy.normal(size=(k, 2)),
        "in part": lambda fit, k, g: torch.randn(k, 2, generator=g) + torch.rand(()),
    }


@pytest.mark.parametrize("source", sources_of_randomness())
@pytest.mark.parametrize("policy", ["replace", "accumulate", "mix"])
def test_a_sample_that_ignores_the_generator_is_told(refit_chain, source, policy):
    with pytest.raises(RuntimeError, match=r"seed any other source with torch\.randint"):
        refit_chain(gaussian_fit(), sources_of_randomness()[source], torch.randn(6, 2), 3, policy)


def test_that_check_takes_nothing_from_the_generator(refit_chain):
    """The second draw is the first again: the rows of later generations do not change."""
    drawn = []

    def sample(fit, k, generator):
        drawn.append(torch.randn(k, 2, generator=generator))
        return drawn[-1]

    refit_chain(gaussian_fit(), sample, torch.zeros(6, 2), 4, "accumulate", generator=torch.Generator().manual_seed(5))
    assert torch.equal(drawn.pop(1), drawn[0])
    g = torch.Generator().manual_seed(5)
    assert all(torch.equal(rows, torch.randn(6, 2, generator=g)) for rows in drawn)


def test_samples_without_randomness_are_fine(refit_chain):
    models = refit_chain(lambda rows: rows.mean(0), lambda mean, k, g: mean.expand(k, 2), torch.ones(6, 2), 3)
    assert all(torch.equal(model, torch.ones(2)) for model in models)


# ---- how fast a chain forgets


@pytest.mark.parametrize("policy", ["replace", "accumulate"])
def test_the_share_of_variance_follows_the_law(refit_chain, share_kept, policy):
    n, t, chains = 10, 5, 20_000
    g = torch.Generator().manual_seed(2)
    data = torch.randn(n, chains, generator=g, dtype=torch.float64)
    models = refit_chain(gaussian_fit(), gaussian_sample, data, t, policy, generator=g)
    shares = share_kept(models, gaussian_sample, data, generator=g)
    for k in (1, 3, t):
        law = [1 - 1 / (n if policy == "replace" else n * j * j) for j in range(1, k + 1)]
        assert shares[k - 1] == pytest.approx(math.prod(law), rel=0.04)  # five standard errors


def test_the_half_life_of_a_hat_of_ten_is_seven_draws(refit_chain, share_kept):
    """On average a share (1 - 1/n)^t of the variance is left: one half after ln 2 / -ln(1 - 1/n) = 6.6 draws."""
    chains = 2_000
    hats = torch.arange(10).repeat(chains, 1).T
    models = refit_chain(frequencies(10), resample, hats, 12)
    shares = share_kept(models, resample, hats)
    assert next(t for t, share in enumerate(shares, 1) if share < 0.5) == 7


def test_a_measure_of_ones_own(refit_chain, share_kept):
    def only_zeros(fit, k, g):
        return torch.zeros(k, dtype=torch.long)

    assert share_kept([None, None], only_zeros, torch.arange(8), lambda rows: len(rows.unique())) == [1 / 8, 1 / 8]
    assert share_kept([None], only_zeros, torch.arange(8)) == [0]
    with pytest.raises(ValueError, match="above zero"):
        share_kept([None], only_zeros, torch.ones(8))


# ---- what is refused, and what to do


GOOD = {"data": torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), "generations": 3}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"data": torch.empty(0)}, "non-empty"),
        ({"data": torch.empty(0, 3)}, "non-empty"),
        ({"data": torch.empty(3, 0)}, "non-empty"),
        ({"data": torch.tensor(1.0)}, "one example per row"),
        ({"data": "text"}, "list of numbers"),
        ({"data": [[1.0, 2.0], [3.0]]}, "one example per row"),
        ({"data": [torch.ones(2), torch.ones(2)]}, r"torch\.stack"),
        ({"data": torch.tensor([1.0, math.nan])}, "finite"),
        ({"data": torch.tensor([1.0, math.inf])}, "finite"),
        ({"generations": 0}, "generations"),
        ({"generations": -2}, "generations"),
        ({"generations": 2.5}, "generations"),
        ({"generations": torch.tensor(3)}, "generations"),
        ({"policy": "acumulate"}, "policy"),
        ({"policy": None}, "policy"),
        ({"policy": "mix", "real_fraction": -0.1}, "real_fraction"),
        ({"policy": "mix", "real_fraction": 1.5}, "real_fraction"),
        ({"policy": "mix", "real_fraction": math.nan}, "real_fraction"),
        ({"sample": lambda fit, k, g: torch.zeros(k - 1, 2)}, "6 rows"),
        ({"sample": lambda fit, k, g: torch.zeros(k, 3)}, "6 rows"),
        ({"sample": lambda fit, k, g: torch.zeros(k, 2).to(torch.complex64)}, "complex"),
        ({"fit": len, "sample": lambda fit, k, g: torch.zeros(k, 2), "data": torch.ones(6, 2).long()}, "float32"),
        ({"sample": lambda fit, k, g: torch.full((k, 2), math.nan)}, "sample returns must be finite"),
        ({"sample": lambda fit, k, g: None}, "sample returns must be a tensor"),
        ({"sample": lambda fit, k, g: ["a"] * k}, "sample returns must be a tensor"),
        ({"policy": "mix", "real_fraction": 0.05}, "k/6"),  # of 6 rows: none at all
        ({"policy": "mix", "real_fraction": 0.95}, "k/6"),  # all of them
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
