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
# $$\mathrm{logit}(c) \propto \sum_k \cos w_k (a + b - c).$$

# %% setup
import math
import os

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
seeds = [SEED + i for i in range(5)]

p = 43  # the task: a + b mod p
learning_rate, weight_decay, warm_up = 0.02, 1.0, 5
budget = 1500  # steps at most; training stops when every seed has grokked

# %% [markdown]
# ## Five networks that grok
#
# The first network is as simple as can be. It embeds $a$ and $b$, adds the two
# embeddings, and has one layer of ReLUs:
#
# $$\mathrm{logits}(a, b) = W_2 \, \mathrm{ReLU}(W_1 E_a + W_1 E_b)$$
#
# So $a + b$ and $b + a$ are one question to it, and they stand on one side of the
# split. Otherwise the mirrors of training pairs would pass for generalisation.
#
# The five seeds train as one batch of matrices. Their losses are added, so that each
# network sees the gradient of its own loss alone: five times the evidence, for much
# less than five times the time.

# %% data
def split(pairs, train_fraction):
    """Every seed's own shuffle of the pairs; the first n_train are for training."""
    n_train = round(train_fraction * len(pairs))
    order = torch.stack(
        [
            torch.randperm(len(pairs), generator=torch.Generator().manual_seed(s))
            for s in seeds
        ]
    )
    return pairs[order], (pairs.sum(1) % p)[order], n_train  # [seed, pair, 2], ...


unordered = torch.combinations(torch.arange(p), with_replacement=True)  # a <= b
data = split(unordered, train_fraction=0.6)

# %% network
d, width = 64, 96  # embedding, hidden units
shapes = {"E": (p, d), "W_1": (d, width), "W_2": (width, p)}


def add_up(table, tokens):
    """The sum of the rows of table [seed, row, :] that each pair of tokens names."""
    seed = torch.arange(len(table))[:, None, None]
    rows = (tokens + seed * table.shape[1]).flatten(0, 1)
    total = F.embedding_bag(rows, table.flatten(0, 1), mode="sum")
    return total.view(len(table), -1, table.shape[2])


def mlp(W, tokens):
    """Logits [seed, pair, answer]. W_1 acts on p embeddings, not on all pairs."""
    return torch.relu(add_up(W["E"] @ W["W_1"], tokens)) @ W["W_2"]


# %% training
def cross_entropy(logits, answers):
    return F.cross_entropy(logits.flatten(0, 1), answers.flatten(), reduction="sum")


def accuracy(network, W, data):
    """Train and test accuracy, one value per seed."""
    tokens, answers, n_train = data
    right = (network(W, tokens).argmax(-1) == answers).float()
    return right[:, :n_train].mean(1), right[:, n_train:].mean(1)


def initial(shapes, seed):
    """Normal weights of variance 1 / fan-in; for embeddings, 1 / d."""
    g = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(rows, columns, generator=g)
        / math.sqrt(columns if name in ("E", "P") else rows)
        for name, (rows, columns) in shapes.items()
    }


def train(network, shapes, data, loss, lr, weight_decay, steps):
    """Full-batch AdamW; returns what was seen at steps spaced evenly in log time.

    Stops early when every seed has reached 95 % test accuracy, and a fifth more.
    """
    tokens, answers, n_train = data
    start = [initial(shapes, seed) for seed in seeds]
    W = {name: torch.stack([w[name] for w in start]) for name in shapes}
    optimizer = torch.optim.AdamW(
        [w.requires_grad_() for w in W.values()],
        lr,
        betas=(0.9, 0.98),
        weight_decay=weight_decay,
        fused=True,
    )
    looks = {round(1.05**i) for i in range(240)} | {0}
    log = {"step": [], "train": [], "test": [], "W": []}
    grokked, last = torch.zeros(len(seeds), dtype=torch.bool), steps
    for step in range(steps + 1):
        if step in looks or step == last:
            with torch.no_grad():
                on_train, on_test = accuracy(network, W, data)
            log["step"].append(step)
            log["train"].append(on_train)
            log["test"].append(on_test)
            log["W"].append({name: w.detach().clone() for name, w in W.items()})
            grokked |= on_test >= 0.95
            if last == steps and grokked.all():
                last = min(steps, round(1.2 * step))
        if step == last:
            break
        optimizer.param_groups[0]["lr"] = lr * min(1, (step + 1) / warm_up)
        optimizer.zero_grad()
        logits = network(W, tokens[:, :n_train])
        (loss(logits, answers[:, :n_train]) / n_train).backward()
        optimizer.step()
    return log | {name: torch.stack(log[name]) for name in ("train", "test")}


def first_step(log, which, threshold):
    """Per seed, the first step with an accuracy at the threshold (0: never)."""
    over = log[which] >= threshold
    index = over.int().argmax(0)  # the first True
    return [log["step"][i] if ok else 0 for i, ok in zip(index, over.any(0))]


# %% with-decay
with_decay = train(
    mlp, shapes, data, cross_entropy, learning_rate, weight_decay, budget
)
train_step = first_step(with_decay, "train", 0.99)
test_step = first_step(with_decay, "test", 0.95)
delay = [late / early for early, late in zip(train_step, test_step)]
test_at_memorisation = [
    with_decay["test"][with_decay["step"].index(step), n].item()
    for n, step in enumerate(train_step)
]

# %% [markdown]
# ## The delay
#
# Training accuracy is perfect within some thirty steps. Test accuracy is then below
# chance, and stays there: for a long time nothing seems to happen. Thin lines are
# seeds, the thick one is their median.


# %% curves
def draw(ax, x, y, color, **line):
    """A thin line for each seed, a thick one for their median."""
    ax.plot(x, y, color=color, alpha=0.35, linewidth=0.8)
    ax.plot(x, y.quantile(0.5, dim=1), color=color, linewidth=2.2, **line)


def median(values):
    return sorted(values)[len(values) // 2]


fig, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
steps = with_decay["step"][1:]  # a logarithmic axis has no place for step 0
draw(ax, steps, 100 * with_decay["train"][1:], "C0")
draw(ax, steps, 100 * with_decay["test"][1:], "C1", linestyle="--")
ax.text(13, 80, "train", color="C0", ha="right", weight="bold")
ax.text(1.15 * max(test_step), 60, "test", color="C1", ha="right", weight="bold")
early, late = median(train_step), median(test_step)
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
# ## Two controls and a counterexample
#
# With nine tenths of all pairs to learn from, the delay must shrink. Without weight
# decay, and with twice the time that the slowest seed needed, these networks must not
# get there. Is weight decay necessary, then? No: a network whose hidden units take
# squares, trained on the squared error, groks without any.

# %% with-plenty
plenty = train(
    mlp,
    shapes,
    split(unordered, train_fraction=0.9),
    cross_entropy,
    learning_rate,
    weight_decay,
    budget,
)
delay_plenty = [
    late / early
    for early, late in zip(
        first_step(plenty, "train", 0.99), first_step(plenty, "test", 0.95)
    )
]

# %% without-decay
control_steps = 2 * max(test_step)
without_decay = train(
    mlp, shapes, data, cross_entropy, learning_rate, 0.0, control_steps
)


# %% counterexample
def squares(W, tokens):
    """Two layers and a square, after Gromov 2023: W_2 (W_1 E_a + W_1 E_b)^2."""
    return add_up(W["E"] @ W["W_1"], tokens) ** 2 @ W["W_2"]


def squared_error(logits, answers):
    return (logits - F.one_hot(answers, p)).square().sum()


counterexample = train(
    squares,
    {"E": (p, d), "W_1": (d, 4 * d), "W_2": (4 * d, p)},
    data,
    squared_error,
    lr=0.01,
    weight_decay=0.0,
    steps=1000,
)
train_step_squares = first_step(counterexample, "train", 0.99)
test_step_squares = first_step(counterexample, "test", 0.95)
delay_squares = [b / a for a, b in zip(train_step_squares, test_step_squares)]

# %% controls
fig, (left, right) = plt.subplots(
    1, 2, figsize=(5.6, 3.1), sharey=True, layout="constrained"
)
draw(left, steps, 100 * with_decay["test"][1:], "C1", linestyle="--")
draw(left, without_decay["step"][1:], 100 * without_decay["test"][1:], "C3")
left.text(0.4 * min(test_step), 72, "weight\ndecay", color="C1", ha="right")
left.text(2, 12, "no weight decay", color="C3")
draw(right, counterexample["step"][1:], 100 * counterexample["train"][1:], "C0")
draw(
    right,
    counterexample["step"][1:],
    100 * counterexample["test"][1:],
    "C1",
    ls="--",
)
right.text(8, 60, "train", color="C0", ha="right")
right.text(0.5 * min(test_step_squares), 60, "test", color="C1", ha="right")
left.set(title="ReLU, test", ylabel="accuracy (%)", ylim=(-2, 103))
right.set(title="squares, no weight decay")
for ax in (left, right):
    ax.set(xscale="log", xlabel="training steps")
plt.show()

# %% [markdown]
# ## What a transformer finds
#
# Now the network of Nanda et al., smaller: one layer of attention over the tokens
# $a$, $b$ and $=$ with learned positions, then one layer of ReLUs, no layer norm.
# Here $a + b$ and $b + a$ are different questions, as in the papers, and 45 % of all
# ordered pairs are for training. So when it has memorised, the network already gets
# some test pairs right: it has seen their mirrors, and the delay looks shorter.

# %% transformer
heads, d_head = 4, 12
d_model, d_mlp = heads * d_head, 64
transformer_shapes = {
    "E": (p + 1, d_model), "P": (3, d_model),  # tokens, of which the last is "="
    "Q": (d_model, d_model), "K": (d_model, d_model),
    "V": (d_model, d_model), "O": (d_model, d_model),
    "W_in": (d_model, d_mlp), "W_out": (d_mlp, d_model),
    "U": (d_model, p),  # the unembedding
}  # fmt: skip


def transformer(W, tokens):
    """Logits [seed, pair, answer], read at "=", so there is but one query.

    Keys and values depend on a token and its place alone: tables of p rows each. With
    s the scores, z = (e^s_a v_a + e^s_b v_b + e^s_= v_=) / (e^s_a + e^s_b + e^s_=).
    """
    E, P = W["E"], W["P"]
    equals = E[:, p:] + P[:, 2:]
    x = torch.cat([E[:, :p] + P[:, :1], E[:, :p] + P[:, 1:2], equals], 1)
    score = (equals @ W["Q"]) * (x @ W["K"])  # [seed, 2p + 1, d_model]
    score = score.unflatten(2, (heads, d_head)).sum(-1) / math.sqrt(d_head)
    weight = score.exp()[..., None]  # [seed, 2p + 1, heads, 1]
    value = weight * (x @ W["V"]).unflatten(2, (heads, d_head))
    table = torch.cat([value.flatten(2), weight.flatten(2)], 2)
    total = add_up(table[:, :-1], tokens + torch.tensor([0, p])) + table[:, -1:]
    z = total[..., :d_model].unflatten(2, (heads, d_head)) / total[..., d_model:, None]
    x = torch.baddbmm(equals, z.flatten(2), W["O"])  # the residual stream at "="
    x = torch.baddbmm(x, torch.relu(x @ W["W_in"]), W["W_out"])
    return x @ W["U"]


grid = torch.cartesian_prod(torch.arange(p), torch.arange(p))  # every (a, b)
ordered = split(grid, train_fraction=0.45)
run = train(
    transformer,
    transformer_shapes,
    ordered,
    cross_entropy,
    learning_rate,
    weight_decay,
    budget,
)
train_step_transformer = first_step(run, "train", 0.99)
test_step_transformer = first_step(run, "test", 0.95)
memorised = [run["step"].index(step) for step in train_step_transformer]

# %% [markdown]
# Take the Fourier transform of the embedding over the numbers 0 to $p - 1$. How much
# of its power lies in the five strongest frequencies? Then comes the test that looking
# cannot replace: take these five away, or all the others, and let the network answer.


# %% spectrum
def power(W):
    """Share of each frequency 1..(p-1)/2 in the embedding, per seed."""
    power = torch.fft.rfft(W["E"][:, :p], dim=1).abs().square().sum(2)[:, 1:]
    return power / power.sum(1, keepdim=True)


def norm(W):
    return sum(w.square().sum((1, 2)) for w in W.values()).sqrt()


concentration = torch.stack([power(W).topk(5).values.sum(1) for W in run["W"]])
norms = torch.stack([norm(W) for W in run["W"]])
final = run["W"][-1]
rank = power(final).argsort(descending=True) + 1
key, weakest = rank[:, :5], rank[:, -5:]  # [seed, 5]; the weakest are a control

# %% norm-and-spectrum
fig, axes = plt.subplots(
    2, 1, figsize=(5.6, 4.6), sharex=True, layout="constrained"
)
x = run["step"][1:]
draw(axes[0], x, norms[1:], "C0")
draw(axes[1], x, 100 * concentration[1:], "C3")
axes[0].set(ylabel="weight norm", ylim=(0, None))
axes[1].set(
    ylabel="power in the five\nstrongest frequencies (%)",
    xlabel="training steps",
    ylim=(0, 103),
)
early, late = median(train_step_transformer), median(test_step_transformer)
for ax in axes:
    ax.axvline(early, color="C2", linestyle=":")
    ax.axvline(late, color="C1", linestyle="--")
    ax.set(xscale="log")
axes[0].text(0.93 * early, 4, "memorised", color="C2", ha="right")
axes[0].text(0.93 * late, 4, "grokked", color="C1", ha="right")
plt.show()


# %% surgery
def test_accuracy_with(keep):
    """Test accuracy if the embedding has only the frequencies marked in keep."""
    waves = torch.fft.rfft(final["E"][:, :p], dim=1) * keep[:, :, None]
    numbers = torch.fft.irfft(waves, n=p, dim=1)
    E = torch.cat([numbers, final["E"][:, p:]], 1)
    return accuracy(transformer, final | {"E": E}, ordered)[1].tolist()


everything_on = torch.ones(len(seeds), (p + 1) // 2, dtype=torch.bool)
without_key = everything_on.scatter(1, key, False)
only_key = ~without_key
only_key[:, 0] = True  # frequency 0 is the mean: it always stays
acc_untouched = test_accuracy_with(everything_on)
acc_only_key = test_accuracy_with(only_key)
acc_without_key = test_accuracy_with(without_key)
acc_without_weakest = test_accuracy_with(everything_on.scatter(1, weakest, False))


# %% rotation
def plane_of(E, k):
    """Two directions [d_model, 2]: the plane in which frequency k of the embedding lives."""
    a = 2 * math.pi * k * torch.arange(p) / p
    return torch.linalg.qr((torch.stack([a.cos(), a.sin()]) @ E).T).Q


def on_plane(E, plane):
    """The numbers 0..p-1, as the embedding has them, on this plane."""
    return (E - E.mean(0)) @ plane


def radius_spread(xy):
    return (xy.norm(dim=1).std() / xy.norm(dim=1).mean()).item()


strongest = key[:, 0].tolist()
before, after = (
    [on_plane(E, plane_of(E, k)) for E, k in zip(W["E"][:, :p], strongest)]
    for W in (run["W"][0], final)
)

# %% circle
fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.0), layout="constrained")
turn = strongest[0] * torch.arange(p) % p  # the angle w_k a, in units of 2 pi / p
tour = turn.argsort().tolist() + [0]  # a line through the numbers, by that angle
for ax, xy, title in zip(axes, (before[0], after[0]), ("before training", "after")):
    ax.plot(*xy[tour].T, color="C0", alpha=0.5, linewidth=0.8)
    ax.scatter(*xy.T, c=turn, cmap="twilight", s=36, edgecolors="C0", zorder=2)
    ax.set(title=title, aspect="equal", xticks=[], yticks=[])
    ax.set(xlabel="first direction", ylabel="second direction")
plt.show()

# %% [markdown]
# Both at once, in motion: the scores of the five transformers, and the embedding of
# the first on the plane that its strongest frequency will have in the end.

# %% in-motion
from matplotlib.animation import FuncAnimation

shots = sorted({round(i) for i in torch.linspace(1, len(run["step"]) - 1, 25).tolist()})
plane = plane_of(final["E"][0, :p], strongest[0])
places = [on_plane(run["W"][i]["E"][0, :p], plane) for i in shots]

fig, (left, right) = plt.subplots(1, 2, figsize=(5.6, 3.0), layout="constrained")
lines = {}  # of each seed, the first one thick
for name, color, style in (("train", "C0", "-"), ("test", "C1", "--")):
    lines[name] = left.plot([], torch.empty(0, 5), style, color=color, alpha=0.35, lw=0.8)
    lines[name][0].set(alpha=1, linewidth=2.2)
tips = left.scatter([1, 1], [0, 0], c=["C0", "C1"], s=36, zorder=3)
left.text(0.6 * train_step_transformer[0], 88, "train", color="C0", ha="right")
left.text(0.5 * test_step_transformer[0], 40, "test", color="C1", ha="right")
left.set(xscale="log", xlabel="training steps", ylabel="accuracy (%)")
left.set(xlim=(0.9, 1.1 * run["step"][-1]), ylim=(-2, 103), title="step 1")
(string,) = right.plot([], [], color="C0", alpha=0.5, linewidth=0.8)
numbers = right.scatter(*places[0].T, c=turn, cmap="twilight", s=36, edgecolors="C0")
size = 1.1 * max(xy.abs().max() for xy in places)
right.set(xlim=(-size, size), ylim=(-size, size), aspect="equal")
right.set_title(f"embedding of 0 to {p - 1}")
right.axis("off")


def look(k):
    """Draw shot k."""
    i = shots[k]
    steps = run["step"][1 : i + 1]
    for name in lines:
        for line, y in zip(lines[name], 100 * run[name][1 : i + 1].T):
            line.set_data(steps, y)
    tips.set_offsets([(steps[-1], 100 * run[name][i, 0]) for name in lines])
    left.set_title(f"step {steps[-1]}")
    string.set_data(*places[k][tour].T)
    numbers.set_offsets(places[k])


animation = FuncAnimation(fig, look, frames=len(shots), interval=400)
plt.show()
animation

# %% [markdown]
# ## Progress behind a flat curve
#
# Nanda et al. split the network's answer into the part that their algorithm explains
# and the rest. The first gives the *restricted* loss, the second the *excluded* loss.

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
    lookup table too. And if (a, b) and (b, a) are two pairs with one answer, the
    mirrors of training pairs leak: pass held_out=~(train_mask | train_mask.T).

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
    if y.is_floating_point() or y.min() < 0 or y.max() != p - 1:
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
# The frequencies are those that each network uses in the end: hindsight. So the five
# frequencies that it uses least get the same treatment.

# %% progress-measures
tokens, _, n_train = ordered
seen = (tokens[:, :n_train] * torch.tensor([p, 1])).sum(2)  # a p + b: its row in grid
trained = torch.zeros(len(seeds), p * p, dtype=torch.bool).scatter(1, seen, True)
labels = (grid.sum(1) % p).view(p, p)
some = range(0, len(run["step"]), 3)
progress = torch.zeros(len(some), 4, len(seeds))  # at each step, four losses
for row, i in zip(progress, some):
    logits = transformer(run["W"][i], grid.expand(len(seeds), -1, -1))
    for n, (f, y) in enumerate(zip(logits.view(-1, p, p, p), trained.view(-1, p, p))):
        row[0, n], row[1, n] = fourier_progress(f, labels, y, key[n].tolist())
        row[2, n], _ = fourier_progress(f, labels, y, weakest[n].tolist())
        row[3, n] = F.cross_entropy(f[~y], labels[~y])
restricted, excluded, restricted_weakest, test_loss = progress.unbind(1)

# The restricted loss has "moved" when it is half of ln p, test accuracy at one half.
half = (restricted <= math.log(p) / 2).int().argmax(0)
restricted_step = [run["step"][some[i]] for i in half]
half_test_step = first_step(run, "test", 0.5)
lead = [b / max(a, 1) for a, b in zip(restricted_step, half_test_step)]
at_half = [
    next(j for j, i in enumerate(some) if run["step"][i] >= step)
    for step in half_test_step
]

# %% progress
fig, (top, bottom) = plt.subplots(
    2,
    1,
    figsize=(5.6, 5.0),
    sharex=True,
    height_ratios=(1, 2),
    layout="constrained",
)
x = [max(1, run["step"][i]) for i in some]
draw(top, x, test_loss, "C1")
draw(bottom, x, restricted, "C0")
draw(bottom, x, excluded, "C2", linestyle="-.")
draw(bottom, x, restricted_weakest, "C3", linestyle=":")
top.set(ylabel="test loss (nats)")
bottom.set(
    xscale="log", xlabel="training steps", ylabel="loss (nats)", ylim=(-0.2, 6.2)
)
bottom.text(22, 1.7, "restricted", color="C0", ha="right")
bottom.text(14, 2.9, "excluded", color="C2", ha="right")
bottom.text(1.1, 4.1, "restricted, weakest frequencies", color="C3")
for ax in (top, bottom):
    ax.axvline(median(half_test_step), color="C1", linestyle="--")
top.text(1.1 * median(half_test_step), 9, "half right", color="C1")
plt.show()


# %% results
def rounded(values, digits=3):
    return [round(float(v), digits) for v in values]


results = {
    "seeds": seeds,
    "p": p,
    "chance": round(1 / p, 3),
    "ln_p": round(math.log(p), 3),
    "learning_rate": learning_rate,
    "weight_decay": weight_decay,
    # the network of one hidden layer, with weight decay and without
    "pairs": len(unordered),
    "train_pairs": data[2],
    "train_step": train_step,
    "test_step": test_step,
    "delay": rounded(delay),
    "test_at_memorisation": rounded(test_at_memorisation),
    "final_test": rounded(with_decay["test"][-1]),
    "delay_plenty": rounded(delay_plenty),
    "steps_no_decay": control_steps,
    "train_no_decay": rounded(without_decay["train"][-1]),
    "best_test_no_decay": rounded(without_decay["test"].amax(0)),
    # squares, squared error, no weight decay
    "train_step_squares": train_step_squares,
    "test_step_squares": test_step_squares,
    "delay_squares": rounded(delay_squares),
    "final_test_squares": rounded(counterexample["test"][-1]),
    # the transformer
    "train_step_transformer": train_step_transformer,
    "test_step_transformer": test_step_transformer,
    "delay_transformer": rounded(
        b / a for a, b in zip(train_step_transformer, test_step_transformer)
    ),
    "test_at_memorisation_transformer": rounded(
        run["test"][i, n] for n, i in enumerate(memorised)
    ),
    "norm_init": rounded(norms[0], 1),
    "norm_memorised": rounded((norms[i, n] for n, i in enumerate(memorised)), 1),
    "norm_grokked": rounded(norms[-1], 1),
    "top5_init": rounded(concentration[0]),
    "top5_memorised": rounded(concentration[i, n] for n, i in enumerate(memorised)),
    "top5_grokked": rounded(concentration[-1]),
    "key_frequencies": key.tolist(),
    "acc_untouched": rounded(acc_untouched),
    "acc_only_key": rounded(acc_only_key),
    "acc_without_key": rounded(acc_without_key),
    "acc_without_weakest": rounded(acc_without_weakest),
    "circle_before": rounded(map(radius_spread, before)),
    "circle_after": rounded(map(radius_spread, after)),
    # progress measures of the transformer
    "restricted_step": restricted_step,
    "half_test_step": half_test_step,
    "lead": rounded(lead),
    "restricted_at_half": rounded(restricted[j, n] for n, j in enumerate(at_half)),
    "weakest_at_half": rounded(
        restricted_weakest[j, n] for n, j in enumerate(at_half)
    ),
    "restricted_final": rounded(restricted[-1]),
    "restricted_weakest_min": rounded(restricted_weakest.amin(0)),
    "excluded_min": rounded(excluded.amin(0)),
    "excluded_final": rounded(excluded[-1]),
}
for name, value in results.items():
    print(f"{name:32}", value)
