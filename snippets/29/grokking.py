# %% [markdown]
# # Grokking
#
# A network that has memorised its training set to perfection, and answers next to
# nothing else, can be left to train on: much later, and within a few steps, it
# answers everything. Power, Burda, Edwards, Babuschkin and Misra reported this in
# *Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets*
# ([arXiv:2201.02177](https://arxiv.org/abs/2201.02177), 2022); Nanda, Chan, Lieberum,
# Smith and Steinhardt opened such a network and found a Fourier transform inside
# ([arXiv:2301.05217](https://arxiv.org/abs/2301.05217), 2023).
#
# The task is $a + b \bmod p$ for a prime $p$. We measure the delay
#
# $$\mathrm{delay} = \frac{\mathrm{first\ step\ with\ test\ accuracy} \geq 95\,\%}
# {\mathrm{first\ step\ with\ train\ accuracy} \geq 99\,\%}$$
#
# and then look for the algorithm. With $w_k = 2 \pi k / p$, a network can add by
# turning a few dials: it writes $a$ and $b$ as angles $w_k a$ and $w_k b$, adds the
# angles, and reads off the answer $c$ at which all the dials agree,
#
# $$\mathrm{logit}(c) = \sum_k \alpha_k \cos w_k (a + b - c).$$

# %% setup
import math
import os
import zlib

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tensors this small gain nothing

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_flush_denormal(True)  # vanishing gradients must not slow the processor

try:
    SEED = int(os.environ.get("SEED", "0"))
except ValueError:
    raise SystemExit(f"SEED must be an integer, not {os.environ['SEED']!r}.") from None
seeds = [5 * SEED + k for k in range(5)]  # no other SEED has any of these


def stream(seed, purpose):
    """Random numbers of their own for each seed and each purpose."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {purpose}".encode()))


p = 43  # the task: a + b mod p
train_share = 0.6
weight_decay = 1.0
budget = 1500  # steps at most; training stops when every seed has grokked

# %% [markdown]
# ## Five networks that grok
#
# The network is as simple as can be. It embeds $a$ and $b$, adds the two embeddings,
# and has one layer of ReLUs:
#
# $$\mathrm{logits}(a, b) = W_2 \, \mathrm{ReLU}(W_1 (E_a + E_b))$$
#
# So $a + b$ and $b + a$ are one question to it, and they stand on one side of the
# split. Otherwise the mirrors of training pairs would pass for generalisation.
#
# The five seeds train as one batch of matrices. Their losses are added, so that each
# network sees the gradient of its own loss alone: five times the evidence, for much
# less than five times the time.


# %% data
def shuffles(n, purpose):
    return torch.stack(
        [torch.randperm(n, generator=stream(seed, purpose)) for seed in seeds]
    )


def split(p, train_share):
    """Every seed's own shuffle of the pairs; the first n_train are for training."""
    pairs = torch.combinations(torch.arange(p), with_replacement=True)  # a <= b
    inputs = F.one_hot(pairs, p).sum(1).float()  # a 1 at a and at b; a 2 if a = b
    order = shuffles(len(pairs), f"split mod {p}")
    n_train = round(train_share * len(pairs))
    return inputs[order], (pairs.sum(1) % p)[order], n_train  # [seed, pair, p], ...


def deal(data):
    """The same pairs and the same answers, but dealt at random: no rule is left."""
    inputs, answers, n_train = data
    return inputs, answers.gather(1, shuffles(answers.shape[1], "deal")), n_train


# %% network
d, width = 64, 96  # embedding, hidden units
sizes = {"E": (p, d), "W_1": (d, width), "W_2": (width, p)}
scales = {"E": d**-0.5, "W_1": d**-0.5, "W_2": width**-0.5}  # standard deviations


def mlp(W, inputs):
    """Logits [seed, pair, answer]. W_1 acts on p embeddings, not on all pairs."""
    return torch.relu(inputs @ (W["E"] @ W["W_1"])) @ W["W_2"]


def initial(sizes, scales):
    """Normal weights, [seed, rows, columns]."""

    def normal(name, seed):
        return torch.randn(sizes[name], generator=stream(seed, f"init {name}"))

    return {
        name: scales[name] * torch.stack([normal(name, seed) for seed in seeds])
        for name in sizes
    }


# %% training
def cross_entropy(logits, answers):
    """Mean over the pairs, one value per seed."""
    loss = F.cross_entropy(logits.flatten(0, 1), answers.flatten(), reduction="none")
    return loss.view(answers.shape).mean(1)


def accuracy(logits, answers):
    return (logits.argmax(2) == answers).float().mean(1)


def adamw(lr, weight_decay, betas=(0.9, 0.98), warm_up=5):
    """The update of torch.optim.AdamW, whose import alone would take a second."""

    def update(step, w, mean, square):
        rate = lr * min(1, step / warm_up)
        mean.lerp_(w.grad, 1 - betas[0])
        square.lerp_(w.grad.square(), 1 - betas[1])
        size = (square / (1 - betas[1] ** step)).sqrt_() + 1e-8
        w.mul_(1 - rate * weight_decay)
        w.addcdiv_(mean, size, value=-rate / (1 - betas[0] ** step))

    return update


def gradient_descent(lr):
    """No momentum, no weight decay."""
    return lambda step, w, mean, square: w.sub_(w.grad, alpha=lr)


def train(network, W, data, loss, update, steps):
    """Full-batch training; what was seen at steps spaced evenly in log time.

    Stops early when every seed has reached 95 % test accuracy, and a fifth more.
    """
    inputs, answers, n_train = data
    shown, held_out = inputs.split([n_train, inputs.shape[1] - n_train], 1)
    right, held_out_right = answers.split([n_train, answers.shape[1] - n_train], 1)
    moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in W.values()]
    looks = {round(1.05**i) for i in range(240)} | {0}
    log = {"step": [], "train": [], "test": [], "W": []}
    log["loss"] = torch.zeros(steps, len(seeds))  # of every step: a spike is short
    grokked, last = torch.zeros(len(seeds), dtype=torch.bool), steps
    for step in range(steps + 1):
        for w in W.values():
            w.grad = None
            w.requires_grad_()
        logits = network(W, shown)
        if step in looks or step == last:
            with torch.no_grad():
                on_test = accuracy(network(W, held_out), held_out_right)
            log["step"].append(step)
            log["train"].append(accuracy(logits, right))
            log["test"].append(on_test)
            log["W"].append({name: w.detach().clone() for name, w in W.items()})
            grokked |= on_test >= 0.95
            if last == steps and grokked.all():
                last = min(steps, round(1.2 * step))
        if step == last:
            break
        losses = loss(logits, right)
        losses.sum().backward()
        with torch.no_grad():
            for w, (mean, square) in zip(W.values(), moments):
                update(step + 1, w, mean, square)
        log["loss"][step] = losses.detach()
    log["loss"] = log["loss"][:step]
    return log | {name: torch.stack(log[name]) for name in ("train", "test")}


def grok(
    train_share=train_share,
    weight_decay=weight_decay,
    table=lambda data: data,
    steps=budget,
):
    """The experiment. Each control changes one of these settings."""
    data, update = table(split(p, train_share)), adamw(0.06, weight_decay)
    return train(mlp, initial(sizes, scales), data, cross_entropy, update, steps)


def first_step(log, which, threshold):
    """Per seed, the first step with an accuracy at the threshold; None if never."""
    over = log[which] >= threshold
    index = over.int().argmax(0)  # the first True
    return [log["step"][i] if ok else None for i, ok in zip(index, over.any(0))]


def times(late, early):
    """How many times later, per seed; None if one of the two never happened."""
    return [b / a if a and b else None for a, b in zip(early, late)]


def at(values, log, steps):
    """Each seed's value [look, seed] at its own step; None if that never came."""
    return [
        None if step is None else values[log["step"].index(step), n].item()
        for n, step in enumerate(steps)
    ]


# %% with-decay
with_decay = grok()
train_step = first_step(with_decay, "train", 0.99)
test_step = first_step(with_decay, "test", 0.95)
delay = times(test_step, train_step)
test_at_memorisation = at(with_decay["test"], with_decay, train_step)

# %% [markdown]
# ## The delay
#
# Training accuracy is perfect within some fifteen steps. Test accuracy is then below
# chance, and stays there for a while; then it rises, little by little. Thin lines are
# seeds, the thick one is their median.


# %% curves
def draw(ax, x, y, color, **line):
    """A thin line for each seed, a thick one for their median."""
    ax.plot(x, y, color=color, alpha=0.35, linewidth=0.8)
    ax.plot(x, y.quantile(0.5, dim=1), color=color, linewidth=2.2, **line)


def median(values):
    """Of those that happened."""
    happened = sorted(value for value in values if value is not None)
    return happened[len(happened) // 2]


fig, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
steps = with_decay["step"][1:]  # a logarithmic axis has no place for step 0
draw(ax, steps, 100 * with_decay["train"][1:], "C0")
draw(ax, steps, 100 * with_decay["test"][1:], "C1", linestyle="--")
early, late = median(train_step), median(test_step)
ax.text(0.45 * early, 80, "train", color="C0", ha="right", weight="bold")
ax.text(1.15 * late, 60, "test", color="C1", ha="left", weight="bold")
ax.annotate(
    "", (late, 42), (early, 42), arrowprops={"arrowstyle": "<->", "color": "C2"}
)
ax.vlines([early, late], 42, [95, 95], color="C2", linestyle=":", linewidth=1)
ax.text(
    0.6 * math.sqrt(early * late),
    45,
    f"{median(delay):.0f} times later",
    color="C2",
    ha="center",
    weight="bold",
)
ax.axhline(100 / p, color="C4", linestyle=":", linewidth=1.2)
ax.text(14, 100 / p + 2, "chance", color="C4")
ax.set(xscale="log", xlabel="training steps", ylabel="accuracy (%)", ylim=(-2, 103))
plt.show()

# %% [markdown]
# ## Three controls and a counterexample
#
# With nine tenths of all pairs to learn from, the delay must shrink. With the same
# answers dealt out at random there is no rule, and the test pairs must be at chance.
# Without weight decay, and with twice the time that the slowest seed needed, these
# networks must not get there. Is weight decay necessary, then? No: the network of
# Gromov 2023, whose hidden units take squares, generalises late without any, by plain
# gradient descent.

# %% with-plenty
plenty = grok(train_share=0.9)
delay_plenty = times(
    first_step(plenty, "test", 0.95), first_step(plenty, "train", 0.99)
)

# %% without-rule
dealt = grok(table=deal, steps=60)
test_dealt = at(dealt["test"], dealt, first_step(dealt, "train", 0.99))

# %% without-decay
control_steps = 2 * max(step or budget for step in test_step)
without_decay = grok(weight_decay=0.0, steps=control_steps)

# %% squares
p_squares, units = 31, 128


def squares(W, inputs):
    """W_2 (W_1 x)^2 on one-hot inputs. Gromov 2023 gives a and b weights apart."""
    return (inputs @ W["in"]) ** 2 @ W["out"]


def squared_error(logits, answers):
    wanted = F.one_hot(answers, logits.shape[2])
    return (logits - wanted).square().sum(2).mean(1)


def grok_squares(table=lambda data: data, steps=2000):
    """That experiment; its control deals the answers at random."""
    start = initial(
        {"in": (p_squares, units), "out": (units, p_squares)},
        {"in": 0.12, "out": 0.7 * units**-0.5},  # small; large ones are said to be lazy
    )
    data = table(split(p_squares, train_share=0.7))
    return train(squares, start, data, squared_error, gradient_descent(lr=0.8), steps)


# %% train-squares
gromov = grok_squares()
without_sums = grok_squares(table=deal, steps=gromov["step"][-1])  # for as long
train_step_squares = first_step(gromov, "train", 0.99)
test_step_squares = first_step(gromov, "test", 0.95)
delay_squares = times(test_step_squares, train_step_squares)

# %% controls
fig, (left, right) = plt.subplots(
    1, 2, figsize=(5.6, 3.1), sharey=True, layout="constrained"
)
draw(left, steps, 100 * with_decay["test"][1:], "C1", linestyle="--")
draw(left, without_decay["step"][1:], 100 * without_decay["test"][1:], "C3")
left.text(0.4 * median(test_step), 72, "weight\ndecay", color="C1", ha="right")
left.text(2, 12, "no weight decay", color="C3")
draw(right, gromov["step"][1:], 100 * gromov["train"][1:], "C0")
draw(right, gromov["step"][1:], 100 * gromov["test"][1:], "C1", ls="--")
right.text(0.3 * median(train_step_squares), 70, "train", color="C0", ha="right")
right.text(0.5 * median(test_step_squares), 50, "test", color="C1", ha="right")
left.set(title="ReLU, test", ylabel="accuracy (%)", ylim=(-2, 103))
right.set(title="squares, no weight decay")
for ax in (left, right):
    ax.set(xscale="log", xlabel="training steps")
plt.show()

# %% [markdown]
# ## What it finds
#
# Take the Fourier transform of the embedding over the numbers 0 to $p - 1$. We call a
# frequency *key* if it has more than its share, a (p - 1)/2-th, of the power.


# %% frequencies
def fourier_planes():
    """[plane, p, 2]: the orthonormal waves cos and sin of each frequency."""
    k = torch.arange(1, (p + 1) // 2)[:, None, None]
    angle = 2 * math.pi * k * torch.arange(p)[:, None] / p
    return torch.cat([angle.cos(), angle.sin()], 2) * math.sqrt(2 / p)


def random_planes(seed):
    """As many planes, orthonormal and without a mean like those, but at random."""
    x = torch.randn(p, p - 1, generator=stream(seed, "random planes"))
    return torch.linalg.qr(x - x.mean(0)).Q.view(p, -1, 2).transpose(0, 1)


def power(E, planes):
    """Of the embedding [seed, p, d] in each of the planes [seed, plane, p, 2]."""
    return (planes.mT @ E[:, None]).square().sum((2, 3))


def strongest(power, count):
    """Marks, per seed, the planes with the most power: as many as count says."""
    return power.argsort(1, descending=True).argsort(1) < count[:, None]


def parts(E, planes, chosen):
    """The embedding with the chosen planes only, and without; its mean stays."""
    inside = (planes @ (planes.mT @ E[:, None]) * chosen[..., None, None]).sum(1)
    return E.mean(1, keepdim=True) + inside, E - inside


waves = fourier_planes().expand(len(seeds), -1, -1, -1)
anything = torch.stack([random_planes(seed) for seed in seeds])

# %% [markdown]
# Looking is not proof. So keep the planes of the key frequencies alone, or take these
# away, and let the network answer. The control does the same with as many random
# planes, and also picks the strongest of them.

# %% surgery
inputs, answers, n_train = split(p, train_share)
final = with_decay["W"][-1]
in_waves = power(final["E"], waves)
count = (in_waves > in_waves.mean(1, keepdim=True)).sum(1)  # of key frequencies
key, weakest = strongest(in_waves, count), strongest(-in_waves, count)


def answering_with(E):
    """Test accuracy of the finished networks with another embedding."""
    logits = mlp(final | {"E": E}, inputs[:, n_train:])
    return accuracy(logits, answers[:, n_train:]).tolist()


acc_only_key, acc_without_key = map(
    answering_with, parts(final["E"], waves, strongest(in_waves, count))
)
acc_only_random, acc_without_random = map(
    answering_with,
    parts(final["E"], anything, strongest(power(final["E"], anything), count)),
)

# %% [markdown]
# Now the whole network. Do its hidden units each turn with one frequency? And how much
# of its logits, on pairs that it was not trained on, is
# $\sum_k \alpha_k \cos w_k (a + b - c)$? Each pair meets every $c$, so these cosines
# are orthogonal, and least squares comes down to a mean over the pairs.


# %% opened
def single(W):
    """Share of the hidden units' power in each one's strongest frequency."""
    table = torch.fft.rfft(W["E"] @ W["W_1"], dim=1).abs().square()[:, 1:]
    return table.amax(1).sum(1) / table.sum((1, 2))


def explained(W):
    """Share of the variance of held-out logits in each cos w_k (a + b - c)."""
    logits = mlp(W, inputs[:, n_train:])
    logits = logits - logits.mean(2, keepdim=True)
    from_answer = (answers[:, n_train:, None] + torch.arange(p)) % p
    around = logits.gather(2, from_answer).mean(1)  # at c - (a + b) = 0, 1, 2, ...
    alpha = torch.fft.rfft(around).real[:, 1:] * 2 / p
    return alpha.square() / 2 / logits.square().mean((1, 2))[:, None]


explained_at_all = explained(final).sum(1)  # by all frequencies, key or not
explained_by_key = torch.stack([(explained(W) * key).sum(1) for W in with_decay["W"]])
singles = torch.stack([single(W) for W in with_decay["W"]])
memorised = with_decay["step"].index(train_step[0])  # the look at which seed 0 had

# %% [markdown]
# The picture of it: the power of the logits in each pair of frequencies, one over $a$,
# one over $b$. A function of the sum $a + b$ lies on the diagonal alone, a function of
# one number on an axis; a table learned by heart is everywhere.

# %% fourier-plane
fig, axes = plt.subplots(
    2, 2, figsize=(5.6, 4.9), height_ratios=(3, 1), layout="constrained"
)
numbers = torch.arange(p)
square = F.one_hot(numbers, p)[:, None] + F.one_hot(numbers, p)
units = (final["E"] @ final["W_1"])[0]
most = units.square().sum(0).argmax()  # the unit that has the most power in the end
k = 1 + torch.fft.rfft(units[:, most]).abs()[1:].argmax()  # its strongest frequency
for column, look, title in zip(axes.T, (memorised, -1), ("memorised", "grokked")):
    W = with_decay["W"][look]
    seen = mlp({name: w[:1] for name, w in W.items()}, square.view(1, -1, p).float())
    plane = torch.fft.fft2(seen.view(p, p, p), dim=(0, 1)).abs().square().sum(2)
    plane[0, 0] = 0  # the mean
    image = torch.fft.fftshift(plane / plane.sum()).sqrt()
    edge = (p - 1) / 2
    column[0].imshow(image, origin="lower", extent=(-edge, edge, -edge, edge))
    column[0].set(title=title, xlabel="frequency over b", ylabel="frequency over a")
    column[0].grid(False)
    unit = (W["E"] @ W["W_1"])[0, :, most]
    column[1].plot(360 / p * (k * numbers % p), unit, ".", color="C0")
    column[1].set(xlabel="angle of the number (°)", ylabel="one hidden unit")
plt.show()

# %% [markdown]
# All of it in motion: the scores of the five networks, and the embedding of the first
# on the plane that its strongest frequency will have in the end.

# %% in-motion
from matplotlib.animation import FuncAnimation

k = 1 + in_waves[0].argmax().item()
turn = k * numbers % p  # the angle w_k a, in units of 2 pi / p
tour = turn.argsort().tolist() + [0]  # a line through the numbers, by that angle
plane = torch.linalg.qr((waves[0, k - 1].T @ final["E"][0]).T).Q  # [d, 2]
shots = sorted({round(i) for i in torch.linspace(1, len(steps), 20).tolist()})
places = [
    (E - E.mean(0)) @ plane for E in (with_decay["W"][i]["E"][0] for i in shots)
]

fig, (left, right) = plt.subplots(1, 2, figsize=(5.6, 3.0), layout="constrained")
lines = {}  # of each seed, the first one thick
for name, color, style in (("train", "C0", "-"), ("test", "C1", "--")):
    none = torch.empty(0, 5)
    lines[name] = left.plot([], none, style, color=color, alpha=0.35, lw=0.8)
    lines[name][0].set(alpha=1, linewidth=2.2)
tips = left.scatter([1, 1], [0, 0], c=["C0", "C1"], s=36, zorder=3)
left.text(0.5 * median(train_step), 80, "train", color="C0", ha="right")
left.text(0.35 * median(test_step), 40, "test", color="C1", ha="right")
left.set(xscale="log", xlabel="training steps", ylabel="accuracy (%)")
left.set(xlim=(0.9, 1.1 * steps[-1]), ylim=(-2, 103), title="step 1")
(string,) = right.plot([], [], color="C0", alpha=0.5, linewidth=0.8)
dots = right.scatter(*places[0].T, c=turn, cmap="twilight", s=36, edgecolors="C0")
size = 1.1 * max(xy.abs().max() for xy in places)
right.set(xlim=(-size, size), ylim=(-size, size), aspect="equal")
right.set_title(f"embedding of 0 to {p - 1}")
right.axis("off")


def look(shot):
    """Draw one shot."""
    i = shots[shot]
    for name in lines:
        for line, scores in zip(lines[name], 100 * with_decay[name][1 : i + 1].T):
            line.set_data(steps[:i], scores)
    tips.set_offsets([(steps[i - 1], 100 * with_decay[name][i, 0]) for name in lines])
    left.set_title(f"step {steps[i - 1]}")
    string.set_data(*places[shot][tour].T)
    dots.set_offsets(places[shot])


animation = FuncAnimation(fig, look, frames=len(shots), interval=400)
plt.show()
animation

# %% [markdown]
# ## Progress behind a flat curve
#
# Nanda et al. split the network's answer into the part that their algorithm explains
# and the rest. The first gives the *restricted* loss, the second the *excluded* loss.
# We fit the split on held-out pairs.

# %% take-home
import math

import torch
import torch.nn.functional as F


def fourier_progress(logits, labels, train_mask, frequencies, held_out=None):
    """Restricted and excluded loss: is there a circuit of waves, whatever the score?

    The circuit is the part of the logits that goes as cos w_k y and sin w_k y, with
    y the right answer and w_k = 2 pi k / p. A constant and the circuit are fitted by
    least squares to the logits of the held-out pairs.
    Restricted: the loss of constant and circuit alone, on the held-out pairs.
    Excluded: the loss of the logits less the circuit, on the training pairs.

    A circuit that generalises lowers the first and raises the second; memorising
    lowers the second alone. That needs pairs which the network has not seen: fitted
    over all pairs, as Nanda et al. do (held_out all true), the first falls for a mere
    lookup table too, the more the larger the share of training pairs. And if (a, b)
    and (b, a) are two pairs with one answer, the mirrors of training pairs leak: pass
    held_out=~(train_mask | train_mask.T).

    Args:
        logits: [p, p, p], [p * p, p] or [pairs, p], floats; the answers 0..p-1 last.
        labels: the right answer y of each pair, in the order of the logits: a + b
            mod p, or another table (of products: discrete logarithms, columns too).
        train_mask: bool, in the order of labels, true where the pair was trained on.
        frequencies: distinct integers k, 0 < k < p / 2; a few, for with all of them any
            network that answers right passes. Try as many others, as a control.
        held_out: bool, like train_mask; None means every pair not trained on.

    Returns:
        (restricted, excluded), in nats: blind guessing costs ln p. All is computed
        in float64 on the CPU, so any precision and any device will do.

    Raises:
        ValueError: what does not fit together, and what to do, in a sentence.

    Source: Nanda et al. 2023, arXiv:2301.05217, section 5.1. Their 2-D Fourier
    transform is read as the a + b directions only: a wave in a - b is not kept.
    """
    x, y, train, test, k = as_pairs(logits, labels, train_mask, frequencies, held_out)
    angle = 2 * math.pi / x.shape[1] * torch.outer(y.double(), k)
    waves = torch.cat([torch.ones_like(x[:, :1]), angle.cos(), angle.sin()], 1)
    weights = torch.linalg.lstsq(waves[test], x[test]).solution
    constant, circuit = weights[0], waves[:, 1:] @ weights[1:]
    restricted = F.cross_entropy((constant + circuit)[test], y[test])
    excluded = F.cross_entropy((x - circuit)[train], y[train])
    return restricted.item(), excluded.item()


def as_pairs(logits, labels, train_mask, frequencies, held_out):
    """A row per pair, on the CPU: logits [pairs, p], labels [pairs], masks [pairs]."""
    x, y, train = (
        torch.as_tensor(t).detach().cpu() for t in (logits, labels, train_mask)
    )
    test = torch.as_tensor(train.logical_not() if held_out is None else held_out).cpu()
    k = torch.as_tensor(frequencies).cpu().double().flatten()
    if x.numel() == 0 or not (x.is_floating_point() and x.isfinite().all()):
        raise ValueError("logits must be finite floating-point numbers")
    y, train, test = y.flatten(), train.flatten(), test.flatten()
    p = x.shape[-1] if x.ndim else 1
    if {len(y), len(train), len(test)} != {x.numel() // p}:
        raise ValueError(
            f"logits {list(x.shape)} need {x.numel() // p} labels and as many entries "
            f"in each mask, not {len(y)}, {len(train)} and {len(test)}"
        )
    whole = len(y) in (p * p, (p - 1) ** 2)  # all pairs: then every answer occurs
    if y.is_floating_point() or y.min() < 0 or y.max() >= p or (whole and y.max() < p - 1):
        raise ValueError(
            f"labels must be integers from 0 to {p - 1}, the last column of logits; "
            "other columns, as one for '=', must be cut off first: logits[..., :p]"
        )
    if not train.dtype == test.dtype == torch.bool or not train.any():
        raise ValueError("masks must be boolean, and train_mask true somewhere")
    possible = range(1, (p + 1) // 2)
    if not 0 < len(k) == len(k.unique()) or not set(k.tolist()) <= set(possible):
        raise ValueError(f"frequencies must be distinct integers in 1..{(p - 1) // 2}")
    if len(y[test].unique()) <= 2 * len(k):
        raise ValueError(
            f"{len(k)} frequencies need more than {2 * len(k)} different answers held "
            "out: hold out more pairs or pass fewer frequencies"
        )
    return x.double().reshape(-1, p), y.long(), train, test, k


# %% use
p = 43
a = torch.arange(p)
y = (a[:, None] + a) % p
shown = (a[:, None] + a * a) % 5 > 0  # four fifths of the pairs are for training
clock = 9 * torch.cos(2 * math.pi * 4 / p * (y[..., None] - a))
lookup = 20.0 * F.one_hot(y, p) * shown[..., None]  # learned by heart, and no more
for name, logits in {"clock": clock, "lookup": lookup}.items():
    losses = fourier_progress(logits, y, shown, frequencies=[4])
    print(name, "restricted {:.3f}, excluded {:.3f}".format(*losses))
print(f"blind guessing: ln p = {math.log(p):.3f}")

# %% [markdown]
# The frequencies are those that each network uses in the end: hindsight. So the ones
# that it uses least, as many, get the same treatment. Without hindsight there is the
# loss restricted to all frequencies: then the fit of the logits of a pair is their mean
# over the held-out pairs with the same answer.

# %% progress-measures
trained = torch.arange(answers.shape[1]) < n_train
wanted = answers[:, n_train:]
same = F.one_hot(wanted).float()  # [seed, pair, answer]
looks = enumerate(with_decay["step"])
seen_at = [i for i, step in looks if step > 20 or step % 4 == 0]
progress = torch.zeros(len(seen_at), 5, len(seeds))  # at each step, five losses
for row, i in zip(progress, seen_at):
    outputs = mlp(with_decay["W"][i], inputs)
    means = same.mT @ outputs[:, n_train:] / same.sum(1).clamp(min=1)[..., None]
    row[0] = cross_entropy(outputs[:, n_train:], wanted)
    row[1] = cross_entropy(same @ means, wanted)
    for n, pairs in enumerate(zip(outputs, answers)):
        ks, unused = (1 + marked[n].nonzero().flatten() for marked in (key, weakest))
        row[2, n], row[3, n] = fourier_progress(*pairs, trained, ks)
        row[4, n], _ = fourier_progress(*pairs, trained, unused)
test_loss, restricted_all, restricted, excluded, unused_only = progress.unbind(1)


def half_way(losses):
    """Per seed, the first step with at most half the loss of guessing, ln p."""
    log = {"step": [with_decay["step"][i] for i in seen_at], "gain": -losses}
    return first_step(log, "gain", -math.log(same.shape[2]) / 2)


half_loss_step = half_way(test_loss)  # like is compared with like
restricted_step = half_way(restricted)
lead = times(half_loss_step, restricted_step)
lead_weakest = times(half_loss_step, half_way(unused_only))
lead_all = times(half_loss_step, half_way(restricted_all))
test_at_restricted = at(with_decay["test"], with_decay, restricted_step)
half_delay = times(first_step(with_decay, "test", 0.5), train_step)
stirring_step = first_step(with_decay, "test", 0.05)  # about twice chance

# %% phases
fig, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
x = [max(1, with_decay["step"][i]) for i in seen_at]
draw(ax, x, unused_only, "C3", linestyle=":")
draw(ax, x, test_loss, "C1", linestyle="--")
draw(ax, x, restricted, "C0")
draw(ax, x, excluded, "C2", linestyle="-.")
borders = [1, *map(median, (train_step, stirring_step, test_step))]
phases = ("memorisation", "circuit\nformation", "cleanup")
for start, end, phase in zip(borders, borders[1:], phases):
    ax.text(math.sqrt(start * end), 16.2, phase, ha="center", va="center")
    ax.axvline(end, color="C4", linestyle=":", linewidth=1)
ax.text(1.1, 2.9, "guessing", color="C4")
ax.text(0.7 * borders[1], 11, "test", color="C1", ha="right")
ax.text(1.2 * borders[1], 4.4, "restricted", color="C0", ha="center")
ax.text(2 * borders[1], 0.8, "excluded", color="C2", ha="center")
ax.text(1.6 * x[-1], 5.3, "unused frequencies", color="C3", ha="right")
ax.axhline(math.log(same.shape[2]), color="C4", linestyle=":", linewidth=1)
ax.set(xscale="log", xlabel="training steps", ylabel="loss (nats)", ylim=(-0.4, 17.5))
plt.show()


# %% results
def rounded(values, digits=3):
    return [None if v is None else round(float(v), digits) for v in values]


since = [with_decay["loss"][step:, n] for n, step in enumerate(train_step)]
results = {
    "seeds": seeds,
    "p": same.shape[2],
    "chance": round(1 / same.shape[2], 4),
    "pairs": len(trained),
    "train_pairs": n_train,
    # with weight decay, and with more pairs
    "train_step": train_step,
    "test_step": test_step,
    "delay": rounded(delay),
    "delay_plenty": rounded(delay_plenty),
    "test_at_memorisation": rounded(test_at_memorisation, 4),
    "test_dealt": rounded(test_dealt, 4),
    "best_test": rounded(with_decay["test"].amax(0)),
    "loss_rise": rounded((loss / loss.cummin(0).values).max() for loss in since),
    # without weight decay
    "steps_no_decay": control_steps,
    "train_no_decay": rounded(without_decay["train"][-1]),
    "best_test_no_decay": rounded(without_decay["test"].amax(0)),
    # squares, squared error, gradient descent, no weight decay
    "p_squares": p_squares,
    "train_step_squares": train_step_squares,
    "test_step_squares": test_step_squares,
    "delay_squares": rounded(delay_squares),
    "mem_squares": rounded(at(gromov["test"], gromov, train_step_squares)),
    "best_test_squares": rounded(gromov["test"].amax(0)),
    "best_test_squares_dealt": rounded(without_sums["test"].amax(0)),
    # opened
    "key_frequencies": count.tolist(),
    "acc_only_key": rounded(acc_only_key),
    "acc_only_random": rounded(acc_only_random),
    "acc_without_key": rounded(acc_without_key),
    "acc_without_random": rounded(acc_without_random),
    "single_memorised": rounded(at(singles, with_decay, train_step)),
    "single_grokked": rounded(singles[-1]),
    "explained_memorised": rounded(at(explained_by_key, with_decay, train_step)),
    "explained_grokked": rounded(explained_by_key[-1]),
    "explained_all": rounded(explained_at_all),
    # progress measures
    "restricted_step": restricted_step,
    "half_delay": rounded(half_delay),
    "test_at_restricted": rounded(test_at_restricted),
    "lead": rounded(lead),
    "lead_weakest": rounded(lead_weakest),
    "lead_all": rounded(lead_all),
    "restricted_max": rounded(restricted.amax(0)),
    "test_loss_max": rounded(test_loss.amax(0)),
    "excluded_min": rounded(excluded.amin(0)),
    "excluded_final": rounded(excluded[-1]),
}
for name, value in results.items():
    print(f"{name:32}", value)
