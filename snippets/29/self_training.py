# %% [markdown]
# # Self-training instability
#
# A model trained on its own output, again and again, forgets: first what is rare,
# then all but an average. That is so when each generation *replaces* the data. It
# is not when data *accumulate*, or when some real data stay in the mix.
#
# The record. Shumailov, Shumaylov, Zhao, Papernot, Anderson, Gal, "AI models
# collapse when trained on recursively generated data", Nature 631:755–759, 2024,
# doi:10.1038/s41586-024-07566-y (replacing). Gerstgrasser et al., "Is model
# collapse inevitable?", 2024, arXiv:2404.01413 (accumulating). Alemohammad et
# al., ICLR 2024, arXiv:2307.01850 (quality against diversity). The usual
# reference, "Understanding Self-Training (Wei et al. 2020)", joins two papers
# that prove when self-training *works*: Wei, Shen, Chen, Ma, ICLR 2021,
# arXiv:2010.03622, and Kumar, Ma, Liang, ICML 2020, arXiv:2002.11361.
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
seeds = list(range(SEED, SEED + 5))
S = len(seeds)


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
# ## A Gaussian that refits itself
#
# Each column of `data` is one chain. The same function, three policies, two
# estimators.

# %% gaussian
n, T, CHAINS = 10, 50, 1000     # numbers per fit, generations, chains for each seed


def gaussian_fit(correction):   # 0: maximum likelihood, 1: unbiased
    return lambda x: (x.mean(0), x.var(0, correction=correction))


def gaussian_sample(fit, k, generator):
    mu, var = fit
    return mu + var.sqrt() * torch.randn(k, len(mu), generator=generator)


gauss_arms = {"replace": (0, "replace"), "unbiased": (1, "replace"),
              "accumulate": (0, "accumulate"), "mix": (0, "mix")}
gauss = {}                      # arm -> (means, variances), each [S, T, CHAINS]
for arm, (correction, policy) in gauss_arms.items():
    runs = []
    for seed in seeds:
        g = torch.Generator().manual_seed(seed)
        real = torch.randn(n, CHAINS, generator=g)
        fits = refit_chain(gaussian_fit(correction), gaussian_sample, real, T,
                           policy, generator=g)
        runs.append([torch.stack(part) for part in zip(*fits)])
    gauss[arm] = [torch.stack(part) for part in zip(*runs)]

# %% [markdown]
# What theory says. Under `replace` the variance is a product of independent
# factors $\chi^2_{n-1}/n$ (or $\chi^2_{n-1}/(n-1)$, unbiased), so the *logarithm*
# walks downhill, by $\ln\frac{n-1}{2} - \psi\left(\frac{n-1}{2}\right)$ a
# generation, even where the mean stays at 1. A standard error of the mean itself
# is useful only while $t$ is small: later, a few lucky chains carry it all.

# %% gaussian-theory
t = torch.arange(1, T + 1, dtype=torch.float64)
half = torch.tensor((n - 1) / 2, dtype=torch.float64)
fall = float(half.log() - torch.digamma(half))           # of E[ln σ²], a generation
law = {"replace": (1 - 1 / n) ** t, "unbiased": torch.ones_like(t),
       "accumulate": torch.cumprod(1 - 1 / (n * t**2), 0)}
limit = math.sin(math.pi / n**0.5) / (math.pi / n**0.5)  # of the last, t -> ∞

early = 10                                               # t small enough for a mean
swing = ((n + 1) / (n - 1)) ** early - 1                 # Var[σ²_t] / E[σ²_t]²
tests = {                             # arm, what: values, theory, variance if known
    "replace, mean": (gauss["replace"][1][:, early - 1], law["replace"][early - 1],
                      swing * law["replace"][early - 1] ** 2),
    "unbiased, log": (gauss["unbiased"][1][:, -1].log(), -T * fall,
                      T * torch.polygamma(1, half)),
    "accumulate, mean": (gauss["accumulate"][1][:, -1], law["accumulate"][-1],
                         None),
    "accumulate, drift": (n * gauss["accumulate"][0][:, -1] ** 2,
                          n * (1 - law["accumulate"][-1]), None)}
gauss_z = []                          # (simulation - theory) / standard error
for values, theory, variance in tests.values():
    values = values.double().flatten()                   # the chains of all seeds
    variance = values.var() if variance is None else variance
    error = (variance / len(values)) ** 0.5
    gauss_z.append(float((values.mean() - theory) / error))

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
    band(right, n * (gauss[arm][0] ** 2).mean(2), color, "", marker=mark, ms=4,
         markevery=5)
right.plot(t, t, color="C1", lw=1)
right.axhline(math.pi**2 / 6, color="C4", lw=1, ls=":")
right.set(xlabel="generation", ylabel="drift of the mean, n E[μ²]", ylim=(0, 55))
label(right, 23, 30, "replace,\nunbiased: t", "C1", dx=0, ha="right")
label(right, 50, 5, "accumulate: below π²/6", "C4", dx=0, ha="right")
plt.show()

# %% [markdown]
# ## Handwritten digits, learned from handwritten digits
#
# 1000 real images train the first generator; the others see what the policy
# allows. The five seeds run side by side as one batch of small networks (tensors
# of shape [examples, seeds, ...]): the same arithmetic as one after another, at
# less cost.

# %% digits
images, names = load_digits(return_X_y=True)
images = torch.tensor(images / 16, dtype=torch.float32)       # [1797, 64], 0 ... 1
names = torch.tensor(names)
N = 1000                                                      # real training images
order = torch.stack([torch.randperm(len(images), generator=torch.Generator()
                                    .manual_seed(seed)) for seed in seeds], 1)
train, held_out = order[:N], order[N:]                        # [N, S], [797, S]
rng = torch.Generator().manual_seed(SEED)                     # for all that follows


# %% networks
def layers(*sizes):             # weights [S, in, out], biases [S, 1, out]; He scale
    return [p.requires_grad_() for i, o in pairwise(sizes)
            for p in (torch.randn(S, i, o, generator=rng) * (2 / i) ** 0.5,
                      torch.zeros(S, 1, o))]


def net(params, h):             # [S, m, in] -> [S, m, out], ReLU between the layers
    for i in range(0, len(params), 2):
        h = torch.baddbmm(params[i + 1], h.relu() if i else h, params[i])
    return h


def apply(params, x):           # the same for [m, S, in] -> [m, S, out]
    return net(params, x.transpose(0, 1)).transpose(0, 1)


def batches(data, steps, size):     # [steps, S, size, ...]: for each seed its own
    rows = torch.randint(len(data), (steps, S, size), generator=rng)
    return data[rows, torch.arange(S)[:, None]]


def adam(params, lr=1e-2):          # by hand: torch.optim takes 1.4 s to load, once
    m, v = ([torch.zeros_like(p) for p in params] for _ in range(2))

    def step(loss, k):              # Kingma & Ba 2015, algorithm 1; k = 1, 2, ...
        rate = lr * (1 - 0.999**k) ** 0.5 / (1 - 0.9**k)
        grads = torch.autograd.grad(loss, params)
        with torch.no_grad():
            for p, g, m_p, v_p in zip(params, grads, m, v):
                m_p.lerp_(g, 0.1)
                v_p.lerp_(g * g, 0.001)
                p.addcdiv_(m_p, v_p.sqrt() + 1e-8, value=-rate)
    return step


# %% [markdown]
# Two classifiers look on. The *critic* has seen the training images and will
# filter; the *judge* has seen only the held-out images and will measure.

# %% classifier
def train_classifier(x, y, steps=300, size=64, noise=0.0, hidden=(64, 32)):
    params = layers(64, *hidden, 10)
    step = adam(params)
    rows = torch.cat([x, y[..., None].float()], -1)     # image and label together
    for k, batch in enumerate(batches(rows, steps, size), 1):
        xb, yb = batch[..., :64], batch[..., 64].long()
        if noise:                   # answers should not depend on small changes
            xb = xb + noise * torch.randn(xb.shape, generator=rng)
        loss = F.cross_entropy(net(params, xb).flatten(0, 1), yb.flatten())
        step(loss * S, k)           # a sum over seeds of means over examples
    return [p.detach() for p in params]


critic = train_classifier(images[train], names[train])
judge = train_classifier(images[held_out], names[held_out])


# %% generator
LATENT, STEPS, BATCH, NOISE = 8, 180, 32, 0.18


def fit_vae(data):
    """A variational autoencoder, trained from scratch; the decoder is the model."""
    encoder, decoder = layers(64, 64, 2 * LATENT), layers(LATENT, 64, 64)
    step = adam(encoder + decoder)
    eps = torch.randn(STEPS, S, BATCH, LATENT, generator=rng)
    for k, (x, e) in enumerate(zip(batches(data, STEPS, BATCH), eps), 1):
        mu, log_std = net(encoder, x).chunk(2, -1)
        std = log_std.exp()
        y = net(decoder, mu + std * e).sigmoid()
        error = (x - y).square().sum() / (2 * NOISE**2)       # -log N(x; y, NOISE²)
        kl = (mu.square() + std.square() - 2 * log_std - 1).sum() / 2
        step((error + kl) / BATCH, k)                   # minus the evidence bound
    return [p.detach() for p in decoder]


def draw(decoder, k, generator):        # k images [k, S, 64]: the decoder's means
    return apply(decoder, torch.randn(k, S, LATENT, generator=generator)).sigmoid()


# %% [markdown]
# "Careful filtering" can mean two things. Keep the fifth of the images of which
# the critic is surest, or equally many of each class, the surest ones.

# %% filters
POOL = 5                                # images drawn for one that is kept


def best(logits, k, balanced):          # [m, S, 10] -> rows of the k best, [k, S]
    sure, digit = logits.softmax(-1).max(-1)
    if balanced:                        # score: minus the place in one's own class
        rows = sure.argsort(0, descending=True)
        one_hot = F.one_hot(digit.gather(0, rows), 10)
        place = (one_hot.cumsum(0) * one_hot).sum(-1)
        sure = torch.zeros_like(sure).scatter_(0, rows, -place.float())
    return sure.topk(k, 0).indices


def filtered(balanced):
    def sample(decoder, k, generator):
        pool = draw(decoder, POOL * k, generator)
        return pool[best(apply(critic, pool), k, balanced), torch.arange(S)]
    return sample


# %% generations
G = 9
real = images[train]
arms = {"replace": (draw, "replace", 0), "accumulate": (draw, "accumulate", 0),
        "20% real": (draw, "mix", 0.2),
        "surest fifth": (filtered(False), "replace", 0),
        "surest, balanced": (filtered(True), "replace", 0),
        "all real": (draw, "mix", 1.0)}                       # the control
models = {}
for arm, (sample, policy, fraction) in arms.items():
    models[arm] = refit_chain(fit_vae, sample, real, G, policy, rng, fraction)


# %% measures
def moments(x):                                         # [m, S, d]
    x = x.transpose(0, 1)
    return x.mean(1), torch.stack([torch.cov(chain.T) for chain in x])


def frechet(a, b):                                      # between two Gaussians
    (mu_a, A), (mu_b, B) = a, b
    value, vector = torch.linalg.eigh(B)
    root = (vector * value.clamp(min=0).sqrt()[:, None]) @ vector.mT
    cross = torch.linalg.eigvalsh(root @ A @ root).clamp(min=0).sqrt().sum(-1)
    trace = (A + B).diagonal(dim1=1, dim2=2).sum(-1)
    return (mu_a - mu_b).square().sum(-1) + trace - 2 * cross


def measure(x):         # Fréchet distance, share of each digit [S, 10], confidence
    logits = apply(judge, x)
    share = F.one_hot(logits.argmax(-1), 10).float().mean(0)
    sure = logits.softmax(-1).amax(-1).mean(0)
    return frechet(moments(apply(judge[:4], x).relu()), reference), share, sure


reference = moments(apply(judge[:4], images[held_out]).relu())
floor, _, images_sure = measure(real)                     # what real images score
distance, shares, classes, sure, pictures = {}, {}, {}, {}, {}
for arm, chain in models.items():
    made = [draw(decoder, N, rng) for decoder in chain]
    d, p, c = zip(*[measure(x) for x in made])
    distance[arm], sure[arm] = torch.stack(d, 1), torch.stack(c, 1)      # [S, G]
    shares[arm] = torch.stack(p, 1)                                  # [S, G, 10]
    classes[arm] = torch.special.entr(shares[arm]).sum(-1).exp()      # e^entropy
    pictures[arm] = torch.stack([x[:8, 0] for x in made])                # seed SEED

# %% generations-of-digits
columns = (1, 3, 5, 9)
fig, axes = plt.subplots(len(arms), len(columns), figsize=(5.6, 5.9))
for row, arm in zip(axes, arms):
    for ax, k in zip(row, columns):
        tile = F.pad(pictures[arm][k - 1].reshape(2, 4, 8, 8), (1, 0, 1, 0))
        tile = tile.permute(0, 2, 1, 3).reshape(1, 1, 18, 36)  # 2 rows of 4 digits
        tile = F.interpolate(tile, scale_factor=2, mode="bicubic")[0, 0]
        ax.imshow(tile, vmin=0, vmax=1, cmap=plt.get_cmap("magma", 12),
                  interpolation="none")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    row[0].set_title(arm, fontsize=9, pad=3)
for ax, k in zip(axes[-1], columns):
    ax.set_xlabel(f"generation {k}")
plt.show()

# %% drift
look = {"replace": ("C0", "-"), "accumulate": ("C4", "--"),
        "20% real": ("C5", "-."), "all real": ("C2", ":"),
        "surest fifth": ("C1", (0, (5, 1))),
        "surest, balanced": ("C3", (0, (3, 1, 1, 1, 1, 1)))}
fig, axes = plt.subplots(2, 1, figsize=(5.6, 6), sharex=True)
nudges = ({"accumulate": -4, "20% real": 2, "surest, balanced": 10},
          {"all real": 8, "20% real": -6, "surest, balanced": -14,
           "replace": 5, "surest fifth": -3})       # in points, for legibility
for ax, measured, nudge in zip(axes, (distance, classes), nudges):
    for arm, (color, style) in look.items():
        band(ax, measured[arm], color, style)
        text = arm.replace("fifth of", "fifth\nof")
        label(ax, G, measured[arm][:, -1].mean(), text, color, dy=nudge.get(arm, 0))
axes[0].set(yscale="log", ylabel="Fréchet distance to real images")
axes[1].set(xlabel="generation", ylabel="effective classes, of 10", xlim=(1, 11.9),
            ylim=(0.5, 10.5), xticks=range(1, G + 1))
plt.show()

# %% quality-and-diversity
fig, ax = plt.subplots()
spots = {"replace": (-8, 9), "surest fifth": (10, 0), "all real": (-6, 12),
         "accumulate": (-30, 2), "20% real": (16, -16),
         "surest, balanced": (10, -24)}
for arm, (color, style) in look.items():
    x, y = classes[arm].mean(0), sure[arm].mean(0)
    ax.plot(x, y, color=color, ls=style, lw=1.2, marker="o", ms=3)
    ax.scatter(classes[arm][:, -1], sure[arm][:, -1], color=color, s=12, alpha=0.5)
    text, side = arm.replace("fifth of", "fifth\nof"), spots[arm][0]
    label(ax, x[-1], y[-1], text, color, *spots[arm],
          ha="right" if side < 0 else "left")
ax.plot(10, images_sure.mean(), "*", color="C2", ms=11)
label(ax, 10, images_sure.mean(), "real images", "C2", dx=-8, ha="right")
ax.set(xlabel="diversity: effective classes, of 10", xlim=(0.6, 11),
       ylabel="the judge's mean confidence", xticks=range(1, 11))
plt.show()

# %% surviving-classes
fig, axes = plt.subplots(2, 3, figsize=(5.6, 4.2), sharex=True, sharey=True)
for ax, arm in zip(axes.flat, arms):
    mesh = ax.pcolormesh(range(1, G + 1), range(10), shares[arm][0].T.sqrt(),
                         vmin=0, vmax=1, shading="nearest", rasterized=True)
    ax.set_title(arm.replace("fifth of", "fifth\nof"), fontsize=9)
    ax.set(xticks=(1, 3, 5, 7, 9), yticks=range(0, 10, 3))
    ax.grid(False)
    ax.spines[:].set_visible(False)
axes[0, 0].set_ylabel("digit")
axes[1, 0].set_ylabel("digit")
axes[1, 1].set_xlabel("generation")
percent = (0, 1, 10, 30, 60, 100)                             # a square-root scale
bar = fig.colorbar(mesh, ax=axes, label="share of the images (%)", aspect=30,
                   ticks=[(p / 100) ** 0.5 for p in percent])
bar.set_ticklabels(percent)
plt.show()

# %% [markdown]
# ## Where self-training helps
#
# A classifier has 40 labelled digits and 960 without labels. It may label those
# itself. If its own labels replace the real ones, errors are copied and grow. If
# the 40 stay, and only the surest labels of each class are believed, it improves.

# %% pseudo-labels
LABELLED, ROUNDS, COPIES = 40, 10, 24
digit_is = F.one_hot(names[train], 10)                        # [N, S, 10]
chosen = ((digit_is.cumsum(0) <= LABELLED // 10) * digit_is).any(-1)   # 4 of each
examples = torch.cat([images, names[:, None].float()], -1)    # rows: image, label
anchor = examples[train.T[chosen.T].reshape(S, -1).T]         # [40, S, 65]
rest = train.T[~chosen.T].reshape(S, -1).T                    # the others [960, S]


def fit_classifier(rows):
    x, y = rows[..., :64], rows[..., 64].long()
    return train_classifier(x, y, 80, 64, noise=0.2, hidden=(64,))


def fresh(model, k, generator):     # k of the 960, true labels: the control
    rows = [torch.randperm(len(rest), generator=generator)[:k] for _ in seeds]
    return examples[rest.gather(0, torch.stack(rows, 1))]


def relabel(model, rows):           # the true label gives way to the model's own
    digit = apply(model, rows[..., :64]).argmax(-1, keepdim=True)
    return torch.cat([rows[..., :64], digit.float()], -1)


def own(model, k, generator):
    return relabel(model, fresh(model, k, generator))


def surest(model, k, _):            # the k it is surest of, class by class
    rows = best(apply(model, images[rest]), k, balanced=True)
    return relabel(model, examples[rest.gather(0, rows)])


# %% [markdown]
# The real labels are kept as a sixth of the rows: 24 copies of the 40 make 960, of
# which each round keeps 160 and fills 800 with images that the model has labelled.

# %% self-training
copies = anchor.repeat(COPIES, 1, 1)
self_arms = {"anchored": (surest, copies, "mix", 1 / 6),
             "40 labels only": (surest, copies, "mix", 1),    # control of the first
             "own labels": (own, anchor, "replace", 0),
             "true labels": (fresh, anchor, "replace", 0)}    # control of the third
accuracy = {}
for arm, (sample, data, policy, fraction) in self_arms.items():
    chain = refit_chain(fit_classifier, sample, data, ROUNDS, policy, rng, fraction)
    hits = [apply(m, images[held_out]).argmax(-1) == names[held_out] for m in chain]
    accuracy[arm] = 100 * torch.stack([h.float().mean(0) for h in hits], 1)  # %

# %% self-training-accuracy
fig, ax = plt.subplots()
for arm, color, style in (("anchored", "C3", "-"), ("40 labels only", "C2", ":"),
                          ("true labels", "C4", "--"), ("own labels", "C0", "-.")):
    band(ax, accuracy[arm], color, style)
    nudge = {"anchored": 4, "40 labels only": -3}.get(arm, 0)
    label(ax, ROUNDS, accuracy[arm][:, -1].mean(), arm, color, dy=nudge)
ax.set(xlabel="round of self-training", ylabel="accuracy on held-out digits (%)",
       xlim=(1, ROUNDS + 2.3), xticks=range(1, ROUNDS + 1))
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


def drift(arm):                     # n E[μ²] after T generations, for each seed
    return rounded(n * (gauss[arm][0][:, -1] ** 2).mean(1))


late = {arm: accuracy[arm][:, -5:].mean(1) for arm in accuracy}   # last five rounds
ratio = distance["replace"][:, 1:] / distance["replace"][:, :-1]
final = {arm: distance[arm][:, -1] for arm in arms}
results = {
    "seeds": seeds, "n": n, "gauss_generations": T, "chains": CHAINS,
    "images": N, "generations": G, "latent": LATENT, "steps": STEPS, "batch": BATCH,
    "noise": NOISE, "pool": POOL, "labelled": LABELLED, "rounds": ROUNDS,
    # the Gaussian
    "gauss_z": [round(z, 2) for z in gauss_z],
    "gauss_worst_z": round(max(abs(z) for z in gauss_z), 2),
    "gauss_replace_median": median("replace"),
    "gauss_unbiased_median": median("unbiased"),
    "gauss_accumulate_median": median("accumulate"),
    "gauss_mix_median": median("mix"),
    "gauss_accumulate_limit": round(limit, 4),
    "gauss_accumulate_drift": drift("accumulate"),
    "gauss_unbiased_drift": drift("unbiased"),
    "gauss_drift_bound": round(math.pi**2 / 6, 4),
    # the digits
    "floor_distance": rounded(floor), "images_confidence": rounded(images_sure),
    "replace_smallest_rise": rounded(ratio.amin(1)),
    "real_total_rise": rounded(final["all real"] / distance["all real"][:, 0]),
    "accumulate_closer": rounded(final["replace"] / final["accumulate"]),
    "mix_closer": rounded(final["replace"] / final["20% real"]),
    "surest_worse": rounded(final["surest fifth"] / final["replace"]),
    "balanced_worse": rounded(final["surest, balanced"]
                              / final["replace"]),
    # classifiers, in percentage points
    "anchored_gain": rounded(late["anchored"] - late["40 labels only"], 2),
    "own_behind": rounded(late["true labels"] - late["own labels"], 2),
}
keys = ("replace", "accumulate", "mix", "surest", "balanced", "real")
for arm, key in zip(arms, keys):
    results[f"{key}_distance"] = rounded(final[arm], 1)
    results[f"{key}_classes"] = rounded(classes[arm][:, -1], 2)
    results[f"{key}_classes_midway"] = rounded(classes[arm][:, G // 2], 2)
    results[f"{key}_confidence"] = rounded(sure[arm][:, -1])
    results[f"{key}_distance_curve"] = rounded(distance[arm], 1)
    results[f"{key}_classes_curve"] = rounded(classes[arm], 2)
for arm, key in zip(self_arms, ("anchored", "labels_only", "own", "true")):
    results[f"{key}_accuracy"] = rounded(late[arm], 2)
    results[f"{key}_accuracy_curve"] = rounded(accuracy[arm], 1)
for key, value in results.items():
    if not key.endswith("curve"):       # generation by generation: too long to read
        print(f"{key}: {value}")
