# %% [markdown]
# # Self-training instability
#
# A model trained on its own output, again and again, forgets: first what is rare,
# then all but an average. That is so when each generation *replaces* the data. It
# forgets far less when data *accumulate*, or when some real data stay in the mix.
#
# The record. Shumailov, Shumaylov, Zhao, Papernot, Anderson, Gal, "AI models
# collapse when trained on recursively generated data", Nature 631:755–759, 2024,
# doi:10.1038/s41586-024-07566-y (replacing). Gerstgrasser et al., "Is model
# collapse inevitable?", 2024, arXiv:2404.01413 (accumulating). Arazo et al., IJCNN
# 2020, arXiv:1908.02983 (a classifier that labels its own data). The series links
# Du et al., NAACL 2021, arXiv:2010.02194, where self-training *helps*; so it does
# in Wei, Shen, Chen, Ma, ICLR 2021, arXiv:2010.03622, which its title resembles.
#
# In one dimension all can be calculated. Fit a Gaussian to $n$ numbers, draw $n$
# new ones from the fit, fit again. With the maximum-likelihood variance, $t$ fits
# after data of variance 1,
#
# $$E[\sigma_t^2] = \left(1 - \frac{1}{n}\right)^t \quad \text{(replace)},$$
#
# $$E[\sigma_t^2] = \prod_{k=1}^t (1 - \frac{1}{n k^2}) \quad \text{(accumulate)}.$$
#
# The first goes to zero, the second to $\sin(x)/x$ with $x = \pi/\sqrt{n}$, near
# one: the harm that generation $k$ does is divided by $k^2$, and the sum of all
# $1/k^2$ is finite, $\pi^2/6$.

# %% setup
import math
import os
import zlib
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)         # tensors this small gain nothing from more threads
torch.set_flush_denormal(True)   # nor from numbers below 1e-38, which are slow

try:
    SEED = int(os.environ.get("SEED", "0"))
except ValueError:
    raise SystemExit("SEED must be an integer, e.g. SEED=7") from None
S = 5
seeds = [S * SEED + k for k in range(S)]    # no other SEED has any of these


def stream(seed, purpose):
    """Random numbers of their own for each seed and each purpose."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {purpose}".encode()))


def band(ax, values, color, style="-", start=1, **kwargs):
    """Mean over the seeds (rows) as a line, least to greatest as a band."""
    t = range(start, start + values.shape[1])
    low, high = values.amin(0), values.amax(0)
    ax.fill_between(t, low, high, color=color, alpha=0.18, lw=0)
    return ax.plot(t, values.mean(0), color=color, ls=style, **kwargs)[0]


def label(ax, x, y, text, color, dx=4, dy=0, ha="left"):
    """Write `text` beside the point (x, y), in the colour of its curve."""
    ax.annotate(text, (x, y), (dx, dy), textcoords="offset points", color=color,
                fontsize=9, va="center", ha=ha, annotation_clip=False)


# %% take-home
import copy
from numbers import Integral

import torch


def refit_chain(fit, sample, data, generations, policy="replace", generator=None,
                real_fraction=0.2):
    """Fit a model, sample from it, fit the next model to the samples, and so on.

    fit(train) returns a model: anything that copy.deepcopy can copy. train is a
    tensor [m, ...], one example per row (an image and its label side by side).
    sample(model, k, generator) returns k new rows, as a tensor, an array or a list
    of numbers; all its randomness comes from the generator.
    data: the n real examples [n, ...]; generation 1 is fitted to exactly these.
    policy: what each generation t > 1 is fitted to:
      "replace"     n samples of generation t-1 (Shumailov et al., Nature 2024)
      "accumulate"  data and n samples of every earlier generation, t*n rows in all
                    (Gerstgrasser et al. 2024, arXiv:2404.01413)
      "mix"         round(real_fraction * n) rows of data, drawn anew each time
                    without replacement, and samples of t-1 for the rest
    generator: a torch.Generator; None means a new one with seed 0.
    Returns the models of generations 1 ... `generations`; share_kept measures them.
    Raises ValueError or RuntimeError, with a sentence that says what to do.
    """
    data = as_rows(data, "data")
    n, fraction = len(data), real_fraction if policy == "mix" else 0
    if not isinstance(generations, Integral) or generations < 1:
        raise ValueError(f"generations must be an integer > 0, not {generations!r}")
    if policy not in ("replace", "accumulate", "mix"):
        raise ValueError(f"policy: replace, accumulate or mix, not {policy!r}")
    if not 0 <= fraction <= 1 or (0 < fraction < 1 and round(fraction * n) in (0, n)):
        raise ValueError(f"real_fraction must be k/{n} for k real rows, not {fraction}")
    generator = generator or torch.Generator(data.device).manual_seed(0)

    real, rows = round(fraction * n), [data]
    models = [copy.deepcopy(fit(torch.cat(rows)))]  # fit may train one object on and on
    while len(models) < generations:
        first = len(models) == 1
        new = checked_sample(sample, models[-1], n - real, generator, data, twice=first)
        if policy == "accumulate":
            rows.append(new)
        else:
            order = torch.randperm(n, generator=generator, device=generator.device)
            rows = [data[order[:real].to(data.device)], new]
        models.append(copy.deepcopy(fit(torch.cat(rows))))
    return models


def share_kept(models, sample, data, measure=None, generator=None):
    """How fast a chain forgets: measure(n samples) / measure(data), model by model.

    The measure of rows [n, ...] is a number above zero; by default it is the total
    variance, the sum over all columns. The generation at which the share falls below
    one half is the half-life of what you measure. What is rare goes first, before the
    variance shows it: if you need it, count it, with a measure of your own.
    """
    data = as_rows(data, "data")
    generator = generator or torch.Generator(data.device).manual_seed(0)
    measure = measure or (lambda rows: rows.float().var(0).sum())
    whole = float(measure(data))
    if not whole > 0:
        raise ValueError(f"the measure of data must be above zero, not {whole}")
    made = (checked_sample(sample, m, len(data), generator, data) for m in models)
    return [float(measure(rows)) / whole for rows in made]


def checked_sample(sample, model, k, generator, data, twice=False):
    """k rows like those of data; drawn twice, to see that the generator decides all."""
    if k == 0:
        return data[:0]
    state = generator.get_state()
    rows = as_rows(sample(model, k, generator), "what sample returns")
    if rows.shape != (k, *data.shape[1:]) or not torch.can_cast(rows.dtype, data.dtype):
        raise ValueError(f"sample must return {k} rows like data's, of {data.dtype}, "
                         f"not {list(rows.shape)} of {rows.dtype}")
    if twice:
        generator.set_state(state)
        again = as_rows(sample(model, k, generator), "what sample returns")
        if not torch.equal(rows, again):
            raise RuntimeError("sample must draw from its generator alone: seed any "
                               "other source with torch.randint(2**31, (), "
                               "generator=generator)")
    return rows.to(data)


def as_rows(rows, name):
    """A tensor [rows, ...] of finite numbers, without a graph."""
    try:
        rows = torch.as_tensor(rows).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be a tensor, an array or a list of numbers, one "
                         "example per row; torch.stack makes one of many") from error
    if rows.ndim == 0 or rows.numel() == 0:
        raise ValueError(f"{name} must be non-empty, one example per row")
    if not rows.isfinite().all():
        raise ValueError(f"{name} must be finite")
    return rows


# %% [markdown]
# ## The tail goes first
#
# The simplest model of a text knows how often each word occurs, and nothing else. It
# is fitted without any error; only the samples are finite. Words have Zipf
# frequencies: the second word is half as frequent as the first, and so on. Each
# column of `corpus` is one chain.

# %% words
WORDS, COLUMNS, AFTER = 100, 40, 20     # kinds of words, chains a seed, generations
copies = (100 / torch.arange(1, WORDS + 1)).round().long()      # 100, 50, 33 ... 1
corpus = torch.arange(WORDS).repeat_interleave(copies)[:, None].repeat(1, COLUMNS)


def draw_words(fitted, k, generator):
    rows = torch.randint(len(fitted), (k, COLUMNS), generator=generator)
    return fitted.gather(0, rows)


def words_known(policy, generations=AFTER):      # [S, generations, WORDS, COLUMNS]
    runs = []
    for seed in seeds:
        fits = refit_chain(torch.clone, draw_words, corpus, generations, policy,
                           generator=stream(seed, "words"))
        runs.append(torch.stack([torch.zeros(WORDS, COLUMNS).scatter_(0, fit, 1.0)
                                 for fit in fits]))
    return torch.stack(runs)


# %% forgetting
known = words_known("replace").mean(-1)         # share of the chains, per word

# %% [markdown]
# Where a word has many rivals, the number of its copies is nearly a branching
# process: each copy has Poisson(1) children, so one copy's line has died out within
# $t$ draws with probability $q_t = e^{q_{t-1} - 1}$, and $k$ copies with $q_t^k$.

# %% tail
fig, ax = plt.subplots()
k, q = torch.logspace(0, 2, 60), 0.0    # copies; one copy's line has died out
for t in range(2, AFTER + 1):           # generation 1 is fitted to the real text
    q = math.exp(q - 1)
    if t in (2, 5, 10, AFTER):
        color = {2: "C2", 5: "C3", 10: "C1", AFTER: "C0"}[t]
        ax.plot(k, 100 * (1 - q**k), color=color, lw=1)
        for count in copies.unique():
            found = 100 * known[:, t - 1, copies == count].mean()
            ax.plot(count, found, "o", color=color, ms=4)
        text = f"generation {t}" if t == AFTER else str(t)
        label(ax, math.log(0.3) / math.log(q), 70, text, color, dx=8, dy=-6)
ax.set(xscale="log", xlabel="copies of the word in the real text", ylim=(0, 104),
       ylabel="chains that still know it (%)")
ax.set_xticks((1, 2, 5, 10, 20, 50, 100), ("1", "2", "5", "10", "20", "50", "100"))
plt.show()

# %% [markdown]
# ## A Gaussian that refits itself
#
# Each column of `data` is one chain. The same function, three policies, two
# estimators.

# %% gaussian
n, T, CHAINS = 10, 50, 500      # numbers per fit, generations, chains for each seed
gauss_arms = {"replace": (0, "replace"), "unbiased": (1, "replace"),
              "accumulate": (0, "accumulate"), "mix": (0, "mix")}


def gaussian_fit(correction):   # 0: maximum likelihood, 1: unbiased
    def fit(x):
        mu = x.mean(0)
        return mu, (x - mu).square().sum(0) / (len(x) - correction)
    return fit


def gaussian_sample(fit, k, generator):
    mu, var = fit
    return mu + var.sqrt() * torch.randn(k, len(mu), generator=generator)


def gaussian_chains(correction, policy, generations=T):     # means and variances,
    runs = []                                       # each [S, generations, CHAINS]
    for seed in seeds:
        data = torch.randn(n, CHAINS, generator=stream(seed, "gaussian data"))
        fits = refit_chain(gaussian_fit(correction), gaussian_sample, data, generations,
                           policy, generator=stream(seed, "gaussian chain"))
        runs.append([torch.stack(part) for part in zip(*fits)])
    return [torch.stack(part) for part in zip(*runs)]


# %% gaussian-chains
gauss = {arm: gaussian_chains(*how) for arm, how in gauss_arms.items()}

# %% [markdown]
# What theory says. Under `replace` the variance is a product of independent
# factors $\chi^2_{n-1}/n$ (or $\chi^2_{n-1}/(n-1)$, unbiased), so the *logarithm*
# walks downhill, by $\ln\frac{n-1}{2} - \psi\left(\frac{n-1}{2}\right)$ a
# generation, even where the mean stays at 1. A standard error of the mean itself
# is useful only while $t$ is small: later, a few lucky chains carry it all.
#
# The tests must be able to fail. So each is made twice: against the law, and
# against the same law for half as many numbers in each fit.

# %% gaussian-theory
t = torch.arange(1, T + 1, dtype=torch.float64)


def log_fall(n):                # of E[ln σ²], in a generation
    half = torch.tensor((n - 1) / 2, dtype=torch.float64)
    return float(half.log() - torch.digamma(half))


def laws(n):                    # of E[σ²_t]
    return {"replace": (1 - 1 / n) ** t, "unbiased": torch.ones_like(t),
            "accumulate": torch.cumprod(1 - 1 / (n * t**2), 0)}


def tests(n_law):               # values, what the law for n_law says, their variance
    law = laws(n_law)
    half = torch.tensor((n - 1) / 2)
    yield (gauss["unbiased"][1][:, -1].log(), -T * log_fall(n_law),
           T * torch.polygamma(1, half))
    r = (n + 1) / (n - 1)       # of the unbiased variance, E[σ⁴_t] = r^t
    for k in (5, 10):
        yield (gauss["replace"][1][:, k - 1], law["replace"][k - 1],
               (r**k - 1) * laws(n)["replace"][k - 1] ** 2)
    for k in (5, 10):           # n μ²: the sum of all σ²_j, j < k, times a χ²_1
        second = sum(r**j * (2 * (k - j) - 1) for j in range(k))
        yield n_law * gauss["unbiased"][0][:, k - 1] ** 2, k, 3 * second - k**2
    for k in (2, 10, T):
        mu, var = (part[:, k - 1] for part in gauss["accumulate"])
        yield var, law["accumulate"][k - 1], var.double().var()
        yield mu**2, 1 - law["accumulate"][k - 1], (mu**2).double().var()


def z_scores(n_law):            # (simulation - law) / standard error
    return [float((values.double().mean() - value) / (variance / (S * CHAINS)) ** 0.5)
            for values, value, variance in tests(n_law)]


law, fall = laws(n), log_fall(n)
limit = math.sin(math.pi / n**0.5) / (math.pi / n**0.5)     # accumulate, t -> ∞
gauss_z, gauss_z_wrong = z_scores(n), z_scores(n // 2)
drift = {arm: n * (gauss[arm][0] ** 2).mean(2) for arm in ("unbiased", "accumulate")}

# %% copy-of-a-copy
fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.9), sharex=True, sharey=True)
shown = (1, 2, 5, 10, 20, 50)
z = torch.linspace(-3.5, 3.5, 41)
bell = torch.exp(-z**2 / 2)
for ax, arm, color in zip(axes, ("replace", "accumulate"), ("C0", "C4")):
    for row, k in enumerate(shown):
        ax.plot(z, 0.45 * bell - row, color="C2", lw=1.4, ls=":")
        for mu, var in zip(*(part[:, k - 1, 0] for part in gauss[arm])):
            height = min(0.45 / var.sqrt(), 0.9)        # a density, but at most 0.9
            ax.plot(mu + var.sqrt() * z, height * bell - row, color=color, lw=1)
    ax.set_yticks([-row for row in range(len(shown))], shown)
    ax.set(title=arm, xlabel="value", xlim=(-4, 4))
    ax.grid(False)
label(axes[1], 1.2, 0.42, "the truth", "C2")
axes[0].set_ylabel("generation")
plt.show()

# %% in-motion
from matplotlib.animation import FuncAnimation

shots = [*range(1, 11), *range(12, 21, 2), *range(25, T + 1, 5)]
fig, axes = plt.subplot_mosaic("AB;CC", figsize=(5.6, 4.2), layout="constrained")
z = torch.linspace(-3, 3, 25)
bells, spreads, tips = {}, {}, {}
for panel, arm, color, style in (("A", "replace", "C0", "-"),
                                 ("B", "accumulate", "C4", "--")):
    axes[panel].plot(1.2 * z, 0.4 * torch.exp(-(1.2 * z) ** 2 / 2), color="C2", ls=":")
    bells[arm] = axes[panel].plot([], torch.empty(0, S), color=color, lw=1.4)
    spreads[arm] = axes["C"].plot([], torch.empty(0, S), style, color=color, lw=1.4)
    (tips[arm],) = axes["C"].plot([], [], "o" if style == "-" else "^", color=color)
    axes[panel].set(title=arm, xlabel="value", xlim=(-3.6, 3.6), ylim=(0, 1.6),
                    yticks=[])
    axes[panel].grid(False)
label(axes["A"], 1.2, 0.22, "the truth", "C2")
label(axes["C"], 40, 3.2, "accumulate", "C4", ha="center")
label(axes["C"], 6, 0.004, "replace", "C0", dx=0, ha="center")
axes["C"].set(xlabel="generation", ylabel="spread σ", yscale="log", xlim=(0, T + 1))
axes["C"].set(ylim=(0.9 * gauss["replace"][1][:, :, 0].min() ** 0.5, 20))


def look(k):
    """Draw one generation: the fit of the first chain of each seed."""
    generation = shots[k]
    axes["C"].set_title(f"generation {generation}")
    for arm in bells:
        means, variances = (part[:, :generation, 0] for part in gauss[arm])
        for bell, line, mu, var in zip(bells[arm], spreads[arm], means, variances):
            sigma = var.sqrt()
            height = min(0.4 / sigma[-1], 1.5)           # a density, but at most 1.5
            bell.set_data(mu[-1] + sigma[-1] * z, height * torch.exp(-z**2 / 2))
            line.set_data(range(1, generation + 1), sigma)
        tips[arm].set_data([generation] * S, variances[:, -1].sqrt())


animation = FuncAnimation(fig, look, frames=len(shots), interval=500)
plt.show()
animation

# %% gaussian-law
fig, (left, right) = plt.subplots(1, 2, figsize=(5.6, 3.4), layout="constrained")
fig.get_layout_engine().set(wspace=0.1)
marks = {"replace": ("C0", "o"), "unbiased": ("C1", "s"), "accumulate": ("C4", "^")}
for arm, (color, mark) in marks.items():
    left.plot(t, law[arm], color=color, lw=1)
    band(left, gauss[arm][1].mean(2), color, "", marker=mark, ms=4, markevery=5)
left.plot(t, torch.exp(-fall * t), color="C1", lw=1, ls="--")
band(left, gauss["unbiased"][1].median(2).values, "C1", "", marker="D", ms=3.5,
     mfc="none", markevery=5)
left.set(yscale="log", ylim=(2e-3, 8), xlabel="generation", ylabel="variance σ²")
for x, y, text, color in ((50, 3.6, "unbiased: mean", "C1"),
                          (50, 0.28, "accumulate: mean", "C4"),
                          (22, 0.011, "unbiased:\nmedian", "C1"),
                          (50, 0.09, "max. likelihood:\nmean", "C0")):
    label(left, x, y, text, color, dx=0, ha="right")

for arm in ("unbiased", "accumulate"):
    color, mark = marks[arm]
    band(right, drift[arm], color, "", marker=mark, ms=4,
         markevery=5)
right.plot(t, t, color="C1", lw=1)
right.axhline(math.pi**2 / 6, color="C4", lw=1, ls=":")
right.set(xlabel="generation", ylabel="drift of the mean, n E[μ²]", ylim=(0, 55))
label(right, 23, 30, "replace,\nunbiased: t", "C1", dx=0, ha="right")
label(right, 50, 5, "accumulate: below π²/6", "C4", dx=0, ha="right")
plt.show()

# %% [markdown]
# ## A generator of digits
#
# All seeds and all settings run side by side, in matrix products over a leading
# dimension (they are small, and many small ones cost more than one large one).
# Every setting draws the same random numbers: from a stream of its own for each
# seed and purpose. So two settings differ in what was changed, and in nothing else.

# %% data
images, names = load_digits(return_X_y=True)
images = torch.tensor(images / 16, dtype=torch.float32)       # [1797, 64], 0 ... 1
names = torch.tensor(names)
N, PER_CLASS = 500, 90  # real images for generators; of each digit, not held out


def normal(purpose, *shape):    # [S, *shape]
    return torch.stack([torch.randn(shape, generator=stream(seed, purpose))
                        for seed in seeds])


def uniform(purpose, *shape):   # [S, *shape], in [0, 1)
    return torch.stack([torch.rand(shape, generator=stream(seed, purpose))
                        for seed in seeds])


def take(data, rows):           # [S, n, ...], [S, ...] -> [S, ...]: each seed its own
    return data[torch.arange(S).view(-1, *[1] * (rows.ndim - 1)), rows]


order = uniform("split", len(images)).argsort(1)              # [S, 1797]
digit_is = F.one_hot(names[order], 10)
place = (digit_is.cumsum(1) * digit_is).sum(-1) - 1           # 0 for the first of each
held_out = [rows[p >= PER_CLASS] for rows, p in zip(order, place)]
held_out = torch.stack(held_out)                              # [S, 897]
real = images[order[place < N // 10].view(S, -1)]     # [S, N, 64], N/10 of each digit


# %% network
def layers(purpose, copies, *sizes):    # weights [M, in, out], biases [M, 1, out];
    shapes = enumerate(pairwise(sizes))     # He scale; M = copies * S
    return [p.repeat(copies, 1, 1).requires_grad_() for k, (i, o) in shapes
            for p in (normal(f"{purpose} {k}", i, o) * (2 / i) ** 0.5,
                      torch.zeros(S, 1, o))]


def net(params, h):             # [M, m, in] -> [M, m, out], ReLU between the layers
    for i in range(0, len(params), 2):
        h = torch.baddbmm(params[i + 1], h.relu() if i else h, params[i])
    return h


def adam(params, steps, lr):        # by hand: torch.optim takes 1.4 s to load, once
    m, v = ([torch.zeros_like(p) for p in params] for _ in range(2))

    def step(loss, k):              # Kingma & Ba 2015, algorithm 1; k = 1 ... steps
        rate = lr * min(1, 2 - 2 * (k - 1) / steps)    # half-way, down to zero
        rate *= (1 - 0.999**k) ** 0.5 / (1 - 0.9**k)
        grads = torch.autograd.grad(loss, params)
        with torch.no_grad():
            for p, g, m_p, v_p in zip(params, grads, m, v):
                m_p.lerp_(g, 0.1)
                v_p.mul_(0.999).addcmul_(g, g, value=0.001)
                p.addcdiv_(m_p, v_p.sqrt().add_(1e-8), value=-rate)
    return step


# %% training
LATENT, HIDDEN, STEPS, BATCH, NOISE = 8, 48, 100, 32, 0.14


def fit_vae(sets, t, steps=STEPS):
    """For each set [S, n, 64] a variational autoencoder; the decoder is the model."""
    copies = len(sets)
    encoder = layers(f"encoder {t}", copies, 64, HIDDEN, 2 * LATENT)
    decoder = layers(f"decoder {t}", copies, LATENT, HIDDEN, 64)
    u, start, rows = uniform(f"rows {t}", steps, BATCH), 0, []
    for data in sets:               # each row of a set is drawn with equal probability
        rows.append(start + (u * data.shape[1]).long())
        start += data.shape[1]
    rows, data = torch.stack(rows), torch.cat(sets, 1)
    eps = normal(f"eps {t}", steps, BATCH, LATENT).repeat(copies, 1, 1, 1)
    step = adam(encoder + decoder, steps, lr=0.02)
    for k in range(steps):
        x = data[torch.arange(S)[:, None], rows[:, :, k]].flatten(0, 1)
        mu, log_std = net(encoder, x).chunk(2, -1)
        std = log_std.exp()
        y = net(decoder, mu + std * eps[:, k]).sigmoid()
        error = (x - y).square().sum() / (2 * NOISE**2)  # -log N(x; y, NOISE²)
        kl = (mu.square() + std.square() - 2 * log_std - 1).sum() / 2
        step((error + kl) / BATCH, k + 1)           # minus the evidence bound
    return [p.detach().view(copies, S, *p.shape[1:]) for p in decoder]


def classifiers(purpose, rows, labels, hidden=32, noise=0.2):
    """Networks trained on images[rows], batch after batch; both [M, steps, size]."""
    copies, steps, size = len(rows) // S, *rows.shape[1:]
    params = layers(purpose, copies, 64, hidden, 10)
    step = adam(params, steps, lr=0.02)
    noise = noise * normal(f"{purpose} pixels", steps, size, 64)
    for k in range(steps):          # answers should not depend on small changes
        x = images[rows[:, k]] + noise[:, k].repeat(copies, 1, 1)
        logits, answers = net(params, x).flatten(0, 1), labels[:, k].flatten()
        step(F.cross_entropy(logits, answers, reduction="sum") / size, k + 1)
    return [p.detach().view(copies, S, *p.shape[1:]) for p in params]


def one_classifier(purpose, index, steps=150, size=64):     # of images[index]
    rows = (uniform(f"{purpose} rows", steps, size) * index.shape[1]).long()
    rows = take(index, rows)
    return [p[0] for p in classifiers(purpose, rows, names[rows])]


def chosen(logits, k, surest, balanced):        # [S, m, 10] -> rows to keep, [S, k]
    sure, digit = logits.softmax(-1).max(-1)
    rows = torch.arange(sure.shape[1]).expand(S, -1)
    if surest:
        rows = sure.argsort(1, descending=True)
    if balanced:                                # by the place in one's own class
        one_hot = F.one_hot(take(digit, rows), 10)
        place = (one_hot.cumsum(1) * one_hot).sum(-1)
        rows = take(rows, place.argsort(dim=1, stable=True))
    return rows[:, :k]


# %% chains
G, POOL = 6, 5          # generations; images drawn for one that a filter keeps
usual = {"noise": NOISE, "real": 0.0, "keep": False, "surest": False, "balanced": False}
arms = {"replace": {}, "no pixel noise": {"noise": 0.0},
        "accumulate": {"keep": True}, "20% real": {"real": 0.2},
        "all real": {"real": 1.0},                              # the control
        "balanced": {"balanced": True}, "surest": {"surest": True},
        "surest, balanced": {"surest": True, "balanced": True}}


def decode(decoders, a, codes):
    return net([p[a] for p in decoders], codes).sigmoid()


def chains(arms, critic, generations=G, steps=STEPS):
    """All arms and seeds side by side. Returns the images that each generation draws,
    as decoded (before pixel noise), [arms, generations, S, N, 64]."""
    arms = [usual | changes for changes in arms]
    sets, drawn = [real] * len(arms), []
    for t in range(1, generations + 1):
        decoders = fit_vae(sets, t, steps)
        codes = normal(f"codes {t}", POOL * N, LATENT)
        drawn.append([decode(decoders, a, codes[:, :N]) for a in range(len(arms))])
        if t == generations:
            break
        pixels = normal(f"pixels {t}", POOL * N, 64)
        shuffled = uniform(f"real {t}", N).argsort(1)
        for a, arm in enumerate(arms):
            made = drawn[-1][a] + arm["noise"] * pixels[:, :N]      # as the model says
            if arm["surest"] or arm["balanced"]:
                pool = decode(decoders, a, codes) + arm["noise"] * pixels
                rows = chosen(net(critic, pool), N, arm["surest"], arm["balanced"])
                made = take(pool, rows)
            kept = round(arm["real"] * N)
            new = torch.cat([take(real, shuffled[:, :kept]), made[:, :N - kept]], 1)
            sets[a] = torch.cat([sets[a], new], 1) if arm["keep"] else new
    return torch.stack([torch.stack(images) for images in drawn], 1)


# %% self-training
LABELLED, ROUNDS, UNLABELLED = 40, 4, 10 * PER_CLASS - 40
as_first = {"images": 40, "balanced": False, "labels": "own", "anchor": 0.0}
self_arms = {                       # anchor: share of real labels in a batch
    "labels only": {"anchor": 1.0},
    "true labels": {"labels": "true"},
    "own": {}, "own, anchored": {"anchor": 0.25},
    "many": {"images": 800}, "many, anchored": {"images": 800, "anchor": 0.25},
    "many, balanced": {"images": 800, "balanced": True},    # 60 of 860 left out
    "many, balanced, anchored": {"images": 800, "balanced": True, "anchor": 0.25}}


def self_train(arms, rounds=ROUNDS, steps=80, size=64):
    """Accuracy (%) on held-out digits, [arms, S, rounds + 1]; round 0: labels only."""
    arms = [as_first | changes for changes in arms]
    labelled = order[place < LABELLED // 10].view(S, -1)
    rest = order[(place >= LABELLED // 10) & (place < PER_CLASS)].view(S, -1)
    hits, last = [], None
    for t in range(rounds + 1):
        u = uniform(f"self rows {t}", steps, size)
        real_rows = take(labelled, (u * LABELLED).long())       # [S, steps, size]
        shuffled = take(rest, uniform(f"self order {t}", UNLABELLED).argsort(1))
        batches, labels = [], []
        for a, arm in enumerate(arms):
            rows, label = real_rows, names[real_rows]
            if t:
                guess = net([p[a] for p in last], images[shuffled])
                keep = chosen(guess, arm["images"], arm["balanced"], arm["balanced"])
                keep = take(keep, (u * arm["images"]).long())
                own = guess.argmax(-1) if arm["labels"] == "own" else names[shuffled]
                k = round(arm["anchor"] * size)
                rows = torch.cat([rows[..., :k], take(shuffled, keep)[..., k:]], -1)
                label = torch.cat([label[..., :k], take(own, keep)[..., k:]], -1)
            batches.append(rows)
            labels.append(label)
        last = classifiers(f"self {t}", torch.cat(batches), torch.cat(labels))
        answers = [net([p[a] for p in last], images[held_out]).argmax(-1)
                   for a in range(len(arms))]
        right = torch.stack(answers) == names[held_out]
        hits.append(100 * right.float().mean(-1))
    return torch.stack(hits, -1)


# %% [markdown]
# Two classifiers look on. The *critic* has seen the real images of the generators
# and will filter; the *judge* has seen only the held-out images and will measure.

# %% generations
critic = one_classifier("critic", order[place < N // 10].view(S, -1))
judge = one_classifier("judge", held_out)
drawn = dict(zip(arms, chains(arms.values(), critic)))      # [G, S, N, 64] each


# %% measures
def moments(x):                                         # of features, [..., m, d]
    centred = x - x.mean(-2, keepdim=True)
    return x.mean(-2), centred.mT @ centred / (x.shape[-2] - 1)


def frechet(a, b):      # distance of two Gaussians; its square is usually printed
    (mu_a, A), (mu_b, B) = a, b
    value, vector = torch.linalg.eigh(B)
    root = (vector * value.clamp(min=0).sqrt()[:, None]) @ vector.mT
    cross = torch.linalg.eigvalsh(root @ A @ root).clamp(min=0).sqrt().sum(-1)
    trace = (A + B).diagonal(dim1=-2, dim2=-1).sum(-1)
    return ((mu_a - mu_b).square().sum(-1) + trace - 2 * cross).clamp(min=0).sqrt()


def features(x):
    return moments(net(judge[:2], x).relu())


held_out_features = features(images[held_out])
floor = frechet(features(real), held_out_features)      # what real images score
images_variance = real.var(1).sum(-1)                     # of all 64 pixels together
variance = {arm: x.var(2).sum(-1).T for arm, x in drawn.items()}            # [S, G]
distance = {arm: torch.stack([frechet(features(made), held_out_features)
                              for made in x], 1) for arm, x in drawn.items()}

# %% generations-of-digits
columns = (1, 2, 4, 6)
rows = ("replace", "accumulate", "20% real", "surest", "surest, balanced", "all real")
fig, axes = plt.subplots(len(rows), figsize=(5.6, 5.9), sharex=True)
for ax, arm in zip(axes, rows):
    strip = []
    for k in columns:
        tile = F.pad(drawn[arm][k - 1, 0, :8].reshape(2, 4, 8, 8), (1, 0, 1, 0))
        tile = tile.permute(0, 2, 1, 3).reshape(1, 1, 18, 36)  # 2 rows of 4 digits
        tile = F.interpolate(tile, scale_factor=2, mode="bicubic")[0, 0]
        strip += [tile, torch.full((36, 8), torch.nan)]        # and a gap
    ax.imshow(torch.cat(strip[:-1], 1), vmin=0, vmax=1, interpolation="none",
              cmap=plt.get_cmap("magma", 12), aspect="auto")
    ax.set_title(arm, fontsize=9, pad=3)
    ax.set(yticks=[], xticks=[36 + 80 * k for k in range(len(columns))])
    ax.tick_params(bottom=False)
    ax.grid(False)
    ax.spines[:].set_visible(False)
ax.set_xticklabels([f"generation {k}" for k in columns])
plt.show()

# %% drift
looks = {"replace": ("C0", "-"), "no pixel noise": ("C1", (0, (3, 1))),
         "accumulate": ("C4", "--"), "20% real": ("C5", "-."), "all real": ("C2", ":"),
         "balanced": ("C3", "--"), "surest": ("C1", (0, (5, 1))),
         "surest, balanced": ("C5", (0, (3, 1, 1, 1)))}
fig, axes = plt.subplots(2, 2, figsize=(5.6, 5), sharex=True, sharey="row")
for row, measured in zip(axes, (variance, distance)):
    names_beside = ({"all real": 0, "accumulate": 3, "20% real": -3,
                     "no pixel noise": 7, "replace": -5},      # arm: nudge, in points
                    {"surest, balanced": 2, "balanced": 4, "replace": -5, "surest": -6})
    up = 1 if measured is variance else -1
    for ax, group in zip(row, names_beside):
        for arm, nudge in group.items():
            color, style = looks[arm]
            band(ax, measured[arm], color, style)
            text = "both" if arm == "surest, balanced" else arm
            label(ax, G, measured[arm][:, -1].mean(), text, color, dy=up * nudge)
    row[0].set(ylim=(0, None), xlim=(1, G + 3.9), xticks=range(1, G + 1))
axes[0, 0].set(title="what is kept", ylabel="variance, 64 pixels")
axes[0, 1].set(title="what a filter lets pass")
axes[1, 0].set(ylabel="distance from real", xlabel="generation")
axes[1, 1].set(xlabel="generation")
plt.show()

# %% [markdown]
# ## Where self-training helps
#
# A classifier has 40 labelled digits and many without labels. It may label those
# itself.

# %% rounds
accuracy = dict(zip(self_arms, self_train(self_arms.values())))     # [S, ROUNDS + 1]

# %% self-training-accuracy
groups = ({"labels only": ("C2", ":", 5), "true labels": ("C4", "--", 0),
           "own, anchored": ("C3", "-", -5), "own": ("C0", "-.", 0)},
          {"many, balanced, anchored": ("C3", "-", 14), "many, balanced": ("C1", (0, (5, 1)), 2),
           "many, anchored": ("C5", (0, (3, 1, 1, 1)), -4),
           "many": ("C0", "-.", -14), "labels only": ("C2", ":", -4)})
fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.4))
for ax, group, images_used in zip(axes, groups, (40, 800)):
    for arm, (color, style, nudge) in group.items():
        band(ax, accuracy[arm], color, style, start=0)
        text = arm.replace("many, ", "").replace("d, a", "d,\na")
        label(ax, ROUNDS, accuracy[arm][:, -1].mean(), text, color, dy=nudge)
    ax.set(xlabel="round", title=f"{images_used} images a round",
           xlim=(0, ROUNDS + 3.4), xticks=range(ROUNDS + 1))
axes[0].set_ylabel("accuracy on held-out digits (%)")
plt.show()

# %% [markdown]
# ## The function, on a case with a known answer
#
# Ten names in a hat. Draw ten, each time putting the name back, and write the names
# drawn on slips for a new hat: in the end one name is left, by chance alone. Keep
# all the old slips as well, and no name can be lost.


# %% use
def draw_slips(hat, k, generator):
    return hat[torch.randint(len(hat), (k,), generator=generator)]


slips = torch.arange(10)
for policy in ("replace", "accumulate"):
    hats = refit_chain(torch.clone, draw_slips, slips, 100, policy)
    shares = share_kept(hats, draw_slips, slips)
    for t in (1, 10, 100):
        left, share = len(hats[t - 1].unique()), shares[t - 1]
        print(f"{policy}, hat {t}: names left {left}, variance left {share:.0%}")


# %% results
def rounded(values, digits=3):      # a tensor as a number or a (nested) list
    if values.ndim:
        return [rounded(value, digits) for value in values]
    return round(float(values), digits)


def median(arm):                    # of σ² after T generations, for each seed
    return rounded(gauss[arm][1][:, -1].median(1).values, 7)


results = {
    "seeds": seeds, "n": n, "gauss_generations": T, "chains": CHAINS,
    "images": N, "generations": G, "latent": LATENT, "steps": STEPS, "batch": BATCH,
    "noise": NOISE, "pool": POOL, "labelled": LABELLED, "unlabelled": UNLABELLED,
    "rounds": ROUNDS, "words": WORDS, "corpus": len(corpus), "words_after": AFTER,
    # words: share of the chains that still know them
    "rare_known": rounded(known[:, -1, copies <= 2].mean(1)),
    "common_known": rounded(known[:, -1, copies >= 20].mean(1)),
    "rare_predicted": round(float((1 - q ** copies[copies <= 2]).mean()), 3),
    # the Gaussian
    "gauss_z": [round(z, 2) for z in gauss_z],
    "gauss_worst_z": round(max(map(abs, gauss_z)), 2),
    "gauss_least_z_wrong": round(min(map(abs, gauss_z_wrong)), 2),
    "gauss_replace_median": median("replace"),
    "gauss_unbiased_median": median("unbiased"),
    "gauss_accumulate_median": median("accumulate"),
    "gauss_mix_median": median("mix"),
    "gauss_accumulate_limit": round(limit, 4),
    "gauss_drift_bound": round(math.pi**2 / 6, 4),
    "gauss_drift_law": round(n * (1 - float(law["accumulate"][-1])), 4),
    "gauss_accumulate_drift": rounded(drift["accumulate"][:, -1]),
    "gauss_unbiased_drift": rounded(drift["unbiased"][:, -1]),
    # the digits
    "floor_distance": rounded(floor), "images_variance": rounded(images_variance),
    "first_variance": rounded(variance["replace"][:, 0]),
    "first_distance": rounded(distance["replace"][:, 0]),
}
keys = ("replace", "means", "accumulate", "mix", "real", "balanced", "surest",
        "surest_balanced")
for arm, key in zip(arms, keys):
    results |= {
        f"{key}_variance": rounded(variance[arm][:, -1]),
        f"{key}_distance": rounded(distance[arm][:, -1]),
        f"{key}_left": rounded(variance[arm][:, -1] / variance[arm][:, 0]),
        f"{key}_farther": rounded(distance[arm][:, -1] / distance["replace"][:, -1]),
        f"{key}_variance_curve": rounded(variance[arm]),
        f"{key}_distance_curve": rounded(distance[arm])}
for arm, key in (("accumulate", "accumulate"), ("20% real", "mix")):
    more = (variance[arm] / variance[arm][:, :1] - variance["replace"]
            / variance["replace"][:, :1])[:, -1]
    results[f"{key}_more"] = rounded(more)      # left, above what replace leaves
results["balance_helps"] = rounded((distance["surest"] - distance["surest, balanced"])
                                   [:, -1] / distance["replace"][:, -1])
noisy = variance["replace"] + 64 * NOISE**2     # of the images with their pixel noise
results["noisy_left"] = rounded(noisy[:, -1] / noisy[:, 0])
late = {arm: values[:, -2:].mean(1) for arm, values in accuracy.items()}   # two rounds
keys = ("labels_only", "true", "own", "own_anchored", "many", "many_anchored",
        "many_balanced", "many_balanced_anchored")
for arm, key in zip(self_arms, keys):
    results |= {f"{key}_accuracy": rounded(late[arm], 2),
                f"{key}_gain": rounded(late[arm] - late["labels only"], 2),
                f"{key}_accuracy_curve": rounded(accuracy[arm], 1)}
for arm in ("own", "many", "many, balanced"):   # what real labels in each batch add
    key = arm.replace(", ", "_") + "_anchor_adds"
    results[key] = rounded(late[f"{arm}, anchored"] - late[arm], 2)
for key, value in results.items():
    if not key.endswith("curve"):       # generation by generation: too long to read
        print(f"{key}: {value}")
