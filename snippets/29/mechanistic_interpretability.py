# %% [markdown]
# # Mechanistic interpretability
#
# A two-layer transformer made of attention alone is trained on random tokens that
# repeat. It finds an algorithm, the *induction head*: look for the last place where
# the present token stood, and copy what came next. Here the algorithm is found in
# the attention, tested by cutting its wires, and read from the weights.
#
# Elhage, Nanda, Olsson et al., "A Mathematical Framework for Transformer Circuits",
# Transformer Circuits Thread, 2021; Olsson et al., "In-context Learning and
# Induction Heads", Transformer Circuits Thread, 2022, arXiv:2209.11895.
#
# With $x_t$ the residual stream at position $t$, a head reads and writes
#
# $$A_{ts} = \mathrm{softmax}_{s \le t}
# \left( \frac{(x_t W_Q + b_Q)(x_s W_K + b_K)^T}{\sqrt{d_h}} \right),
# \qquad h_t = \sum_s A_{ts} \, x_s W_V W_O .$$
#
# $W_Q W_K^T$, the QK circuit, decides where the head looks; $W_V W_O$, the OV
# circuit, decides what it writes once it looks there.

# %% setup
import math
import os

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

try:
    SEED = int(os.environ.get("SEED", "0"))
except ValueError:
    raise SystemExit("SEED must be an integer, such as SEED=3.") from None
SEEDS = [SEED + i for i in range(5)]
torch.set_num_threads(1)  # tensors this small gain nothing from a second thread
torch.set_flush_denormal(True)

V, T, d = 64, 48, 48  # vocabulary, tokens in a sequence, width of the stream
P_MIN, P_MAX = 8, 24  # the periods trained on
HEADS = (3, 1)  # heads in each layer
STEPS, BATCH, LR = 160, 32, 2e-2
EVERY = 5  # steps between two measurements


# %% [markdown]
# ## How to recognise an induction head
#
# In a sequence that repeats with period $p$, a *previous-token head* looks from $t$
# at $t-1$, and an *induction head* looks at $t-p+1$: the token that followed the
# present one last time.

# %% take-home
import torch
from torch import Tensor


def induction_scores(attention, tokens) -> dict[str, Tensor]:
    """How much each head behaves as a previous-token head or an induction head.

    Each score is a mean attention, 0 to 1, over all pairs (query, key) in which
      previous_token   the key is the token just before the query;
      induction        the key follows the latest earlier copy of the query's token;
      prefix_matching  the key follows any earlier copy (the average of Olsson et al.).
    Measure it on random tokens, said twice: then both of the last two are 1 for a
    perfect induction head. Said k times, prefix_matching is 2/k for every head that
    looks only at what followed copies; induction is 1 if it takes the latest copy,
    1/(k-1) if the first, and the mean of 1, 1/2, ..., 1/(k-1) if it spreads over all.

    Args:
        attention: a sequence of layers [batch, head, query, key], or one tensor
            [layer, batch, head, query, key], after the softmax; as in TransformerLens,
            [cache["pattern", layer] for layer in range(n_layers)], and in Hugging
            Face (output_attentions=True, attn_implementation="eager").
        tokens: [batch, T], integers, all that the network read: a first token that
            marks the start (BOS) counts. [T] if the sequences are all the same.

    Returns:
        A tensor [layer, head] for each of the three names, in float32 or better.

    Raises:
        ValueError: what is wrong with attention or tokens, in a sentence.

    Source: Olsson et al. 2022 (arXiv:2209.11895), appendix, head activation
    evaluators, with their "preceded" read as "followed"; Elhage et al. 2021.
    """
    layers, tokens = list(attention), torch.as_tensor(tokens).cpu()
    check_patterns(layers, tokens)
    B, _, T, _ = layers[0].shape
    tokens = tokens.expand(B, T)
    copies = (tokens[:, :, None] == tokens[:, None, :]).tril(-1)  # [B, query, key]
    follows = copies.roll(1, -1)  # an earlier copy stands just before the key
    if not follows.any():
        raise ValueError("no token comes twice: measure on tokens that repeat")
    latest = follows & (follows.flip(-1).cumsum(-1).flip(-1) == 1)
    before = torch.ones_like(copies).tril(-1).triu(-1)

    kinds = {"previous_token": before, "induction": latest, "prefix_matching": follows}

    def mean(A, kind):
        looks = A * kind[:, None].to(A.device)
        wide = torch.promote_types(A.dtype, torch.float32)  # to add up half precision
        return looks.sum((0, 2, 3), dtype=wide) / kind.sum()

    return {name: torch.stack([mean(A, kind) for A in layers])
            for name, kind in kinds.items()}


def check_patterns(layers, tokens):
    """Raise unless these are the patterns of a causal model that read these tokens."""
    for A in layers or [None]:
        if not (isinstance(A, Tensor) and A.is_floating_point() and A.ndim == 4
                and A.shape[2] == A.shape[3] and A.shape == layers[0].shape
                and A.numel()):
            raise ValueError("attention must be a list of layers, also if it is one, "
                             "each [batch, head, query, key], floats, of one shape; if "
                             "there is no batch, add it: pattern[None]")
    B, _, T, _ = layers[0].shape
    slack = 0.01  # bfloat16 rounds each entry by up to 0.4%
    for A in layers:
        error = (A.sum(-1, dtype=torch.float32) - 1).abs().max()
        if not (A.min() >= 0 and error <= slack):
            raise ValueError("each row of attention must be >= 0 and sum to 1: pass "
                             "what comes after the softmax, without dropout")
        if A.triu(1).sum(-1, dtype=torch.float32).max() > slack:
            raise ValueError("attention must be causal: here, queries look ahead")
    if tokens.is_floating_point() or tokens.shape not in ((T,), (1, T), (B, T)):
        raise ValueError(f"tokens must be integers [batch, T], here [{B}, {T}], not "
                         f"{tokens.dtype} {list(tokens.shape)}")


# %% [markdown]
# ## Data: nothing to know but that it repeats
#
# Each sequence is a random segment of different tokens, said over and over. There
# is nothing to learn by heart; the period is random, so no fixed distance helps.

# %% sequences
def sequences(n, generator, low=P_MIN, high=P_MAX, length=T):
    """n rows of tokens [n, length] with periods [n] drawn from low..high."""
    period = torch.randint(low, high + 1, (n,), generator=generator)
    segment = torch.rand(n, V, generator=generator).argsort(1)  # no token twice
    return segment.gather(1, torch.arange(length) % period[:, None]), period


# Held-out sequences, the same for every network: random periods to measure how well
# it repeats; and a segment said just twice, so that the scores have one target.
fixed = torch.Generator().manual_seed(10**6)
held_out = sequences(64, fixed)
probe = sequences(16, fixed, P_MAX, P_MAX, 2 * P_MAX)
example = torch.arange(P_MIN).repeat(2)[None]  # for pictures: eight tokens, twice
for row in held_out[0][:3].tolist():
    print(" ".join(f"{token:2d}" for token in row[:22]), "...")


# %% [markdown]
# ## A transformer made of attention alone
#
# No MLP, no LayerNorm: each path through the network is a product of matrices.
# Only the first layer knows positions (rotary); the second matches contents.

# %% rotary
def rotate(y, base=10.0):
    """Rotary positions: turn pair i by t base^(-i/n); then q.k depends on t - s."""
    n = y.shape[-1] // 2
    angle = torch.outer(torch.arange(y.shape[-2]), base ** -(torch.arange(n) / n))
    pairs = torch.view_as_complex(y.unflatten(-1, (n, 2)))
    turned = pairs * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(turned).flatten(-2)


# %% model
class AttentionOnly(nn.Module):
    def __init__(self, heads, generator, smear=False, positions=True):
        super().__init__()

        def normal(*shape, std):
            return nn.Parameter(std * torch.randn(*shape, generator=generator))

        self.heads = heads
        self.E, self.U = normal(V, d, std=0.5), normal(d, V, std=0.5 * d**-0.5)
        self.layers = nn.ModuleList()
        for _ in heads:
            w = {name: normal(d, d, std=d**-0.5) for name in "QKVO"}
            w |= {"b" + name: normal(d, std=1.0) for name in "QK"}
            self.layers.append(nn.ParameterDict(w))
        self.alpha = nn.Parameter(torch.zeros(heads[0], 1, 1)) if smear else None
        self.positions = positions

    def forward(self, tokens, drop=(), cut=""):
        """Logits and attention patterns. For the experiments: the heads in drop,
        given as (layer, head), write nothing; the inputs in cut ("Q", "K", "V")
        read the embedding alone, not what other heads wrote."""
        x = embedding = F.embedding(tokens, self.E)
        n, length = tokens.shape
        future = torch.full((length, length), -math.inf).triu(1)
        patterns = []
        for layer, (w, H) in enumerate(zip(self.layers, self.heads)):
            q, k, v = ((embedding if m in cut else x) @ w[m] for m in "QKV")
            q, k = q + w["bQ"], k + w["bK"]
            q, k, v = (y.view(n, length, H, -1).transpose(1, 2) for y in (q, k, v))
            if self.alpha is not None:  # a control: smeared keys
                share = self.alpha.sigmoid()  # the first key has no one before it
                k = share * k + (1 - share) * F.pad(k, (0, 0, 1, -1))
            if layer == 0 and self.positions:
                q, k = rotate(q), rotate(k)
            A = (q / math.sqrt(d // H) @ k.mT + future).softmax(-1)
            h = A @ v
            if drop:
                h = h * torch.tensor([[[(layer, i) not in drop]] for i in range(H)])
            x = x + h.transpose(1, 2).flatten(2) @ w["O"]
            patterns.append(A)
        return x @ self.U, patterns


# %% measure
@torch.no_grad()
def measure(net, tokens, period, **edit):
    """On the repeat, accuracy and loss in nats; in-context score; head scores."""
    logits, patterns = net(tokens, **edit)
    nats = -logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
    right = logits[:, :-1].argmax(-1) == tokens[:, 1:]
    repeat = torch.arange(tokens.shape[1] - 1) >= period[:, None]
    scores = [induction_scores([A], tokens) for A in patterns]
    return {
        "accuracy": right[repeat].float().mean().item(),
        "loss": nats[repeat].mean().item(),
        # Olsson et al.: the loss late in the context minus the loss early in it
        "in_context": (nats[:, -8:].mean() - nats[:, :8].mean()).item(),
        "previous": scores[0]["previous_token"][0].tolist(),  # heads of layer 0
        "induction": scores[-1]["induction"][0].tolist(),  # heads of the last layer
    }


# %% train
def train(seed, heads=HEADS, periods=(P_MIN, P_MAX), steps=STEPS, watch=True,
          **network):
    """Plain next-token prediction on every token; the network and its history."""
    generator = torch.Generator().manual_seed(seed)
    net = AttentionOnly(heads, generator, **network)
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=LR, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    history = []
    for step in range(steps + 1):
        if watch and step % EVERY == 0:
            with torch.no_grad():
                patterns = [A[0] for A in net(example)[1]]
            history.append(measure(net, *probe) | {"patterns": patterns})
        # 20 steps of warm-up, linear decay over the last third
        rate = LR * min(1, (step + 1) / 20, 3 * (1 - step / steps))
        optimizer.param_groups[0]["lr"] = rate
        tokens, _ = sequences(BATCH, generator, *periods)
        logits = net(tokens)[0][:, :-1]
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net, history


# %% train-two-layers
nets, histories = zip(*[train(seed) for seed in SEEDS])
untrained = [AttentionOnly(HEADS, torch.Generator().manual_seed(s)) for s in SEEDS]
prev_head = []  # the head of layer 0 that looks at the previous token
for seed, net, history in zip(SEEDS, nets, histories):
    previous, induction = history[-1]["previous"], history[-1]["induction"][0]
    prev_head.append(previous.index(max(previous)))
    accuracy = measure(net, *held_out)["accuracy"]
    print(f"seed {seed}: {accuracy:.1%} right; previous-token head "
          f"0.{prev_head[-1]} ({max(previous):.2f}), "
          f"induction head 1.0 ({induction:.2f})")


# %% spread
def spread(ax, x, curves, color, label=None, at=-1, dy=0.0, **style):
    """Median over seeds, a band from least to greatest, a label by the curve."""
    curves = np.array(curves)
    middle = np.median(curves, axis=0)
    ax.fill_between(x, curves.min(0), curves.max(0), color=color, alpha=0.22, lw=0)
    ax.plot(x, middle, color=color, **style)
    if label:
        ax.annotate(label, (x[at], middle[at] + dy), color=color, va="center")


def curve(histories, name, heads=None):
    """One list per seed: a measured quantity at every step that was measured."""
    heads = heads or [0] * len(histories)
    return [[h[name] if np.isscalar(h[name]) else h[name][head] for h in history]
            for history, head in zip(histories, heads)]


# %% attention-patterns
fig, axes = plt.subplots(2, 2, figsize=(5.6, 5.5), sharex=True, sharey=True)
past = np.tri(T, dtype=bool)
for row, net, when in zip(axes, (untrained[0], nets[0]), ("before", "after")):
    with torch.no_grad():
        first, second = net(probe[0][:1])[1]
    for ax, A, name in zip(row, (first[0, prev_head[0]], second[0, 0]),
                           (f"head 0.{prev_head[0]}", "head 1.0")):
        image = ax.imshow(np.where(past, A, np.nan), vmin=0, vmax=1)
        ax.set(title=f"{name} {when} training", xticks=range(0, T, 12),
               yticks=range(0, T, 12))
        ax.grid(False)
        ax.axhline(P_MAX - 0.5, color="C4", ls=":", lw=1)  # here the repeat begins
text = {"ha": "right", "va": "center", "color": "C1"}
axes[1, 0].annotate("the token before,\n$s = t - 1$", (47, 8), **text)
axes[1, 1].annotate("what came next last\ntime, $s = t - p + 1$", (47, 8), **text)
axes[0, 0].annotate("the repeat", (47, P_MAX - 2), ha="right", color="C4")
fig.supylabel("looking from position $t$", fontsize=10)
fig.supxlabel("looking at position $s$", fontsize=10)
fig.colorbar(image, ax=axes, shrink=0.5, label="attention $A_{ts}$")
plt.show()


# %% [markdown]
# ## The phase change
#
# For fifty steps and more, next to nothing happens. Then both heads form, and the
# loss and the in-context score fall, within the same few dozen steps.

# %% formation
def crossing(values, share):
    """The first measured step at which a curve has made this share of its way."""
    way = (np.array(values) - values[0]) / (values[-1] - values[0])
    return int(np.argmax(way >= share)) * EVERY


steps = [i * EVERY for i in range(STEPS // EVERY + 1)]
curves = {
    "loss": curve(histories, "loss"),
    "in_context": curve(histories, "in_context"),
    "previous_score": curve(histories, "previous", prev_head),
    "induction_score": curve(histories, "induction"),
}
halfway = {name: [crossing(c, 0.5) for c in cs] for name, cs in curves.items()}
begins = [crossing(c, 0.1) for c in curves["induction_score"]]
ends = [crossing(c, 0.9) for c in curves["induction_score"]]


def gained_in_window(curves_then, wholes=curves["in_context"]):
    """What a score gains while the head forms, as a share of all that it gains."""
    return [(c[b // EVERY] - c[a // EVERY]) / (whole[-1] - whole[0])
            for c, whole, a, b in zip(curves_then, wholes, begins, ends)]


in_window = gained_in_window(curves["in_context"])

# %% in-motion
from matplotlib.animation import FuncAnimation

fig, axes = plt.subplot_mosaic(
    "AB;CC", figsize=(5.6, 4.7), height_ratios=(2, 1), layout="constrained")
t, s = np.tril_indices(2 * P_MIN)  # nobody looks ahead
heads = {"A": (0, prev_head[0], "C1", "the token before"),
         "B": (1, 0, "C0", "what came next")}
cells = {}
for name, (layer, head, color, what) in heads.items():
    cells[name] = axes[name].scatter(s, t, s=62, marker="s", color=color, lw=0)
    letters = range(2 * P_MIN), "abcdefgh" * 2
    axes[name].set(title=f"head {layer}.{head}: {what}", aspect="equal")
    axes[name].set(xlabel="looking at", xlim=(-0.7, 15.7), ylim=(15.7, -0.7))
    axes[name].set_xticks(*letters)
    axes[name].set_yticks(*letters)
    axes[name].grid(False)
    axes[name].axhline(P_MIN - 0.5, color="C4", ls=":", lw=1)  # the repeat begins
axes["A"].set_ylabel("looking from")
lines = axes["C"].plot([], np.empty((0, len(SEEDS))), color="C3", lw=0.8, alpha=0.5)
lines[0].set(linewidth=2, alpha=1)  # the network whose heads are shown
(tip,) = axes["C"].plot([], [], "o", color="C3")
axes["C"].set(xlabel="training step", ylabel="loss (nats)")
axes["C"].set(xlim=(0, STEPS), ylim=(0, 1.1 * np.max(curves["loss"])), title="step 0")


def look(k):
    """Draw the state at step 10 k."""
    i = 10 * k // EVERY
    for name, (layer, head, _, _) in heads.items():
        cells[name].set_alpha(histories[0][i]["patterns"][layer][head][t, s].numpy())
    for line, loss in zip(lines, curves["loss"]):
        line.set_data(steps[: i + 1], loss[: i + 1])
    tip.set_data([steps[i]], [curves["loss"][0][i]])
    axes["C"].set_title(f"step {steps[i]}")


animation = FuncAnimation(fig, look, frames=STEPS // 10 + 1, interval=600)
plt.show()
animation

# %% train-one-layer
# The same data and training for the first layer alone.
one_layer, one_layer_histories = zip(*[train(s, heads=HEADS[:1]) for s in SEEDS])

one_layer_curves = {name: curve(one_layer_histories, name)
                    for name in ("loss", "in_context")}
one_layer_in_window = gained_in_window(one_layer_curves["in_context"])

# %% phase-change
fig, axes = plt.subplots(3, 1, figsize=(5.6, 6.4), sharex=True)
for ax in axes:
    ax.axvspan(np.median(begins), np.median(ends), color="C4", alpha=0.13, lw=0)
axes[0].annotate("it forms", (np.median(begins) + 2, 0.25))
for ax, name, dy, dy_one in ((axes[0], "loss", 0.45, 0.35),
                             (axes[2], "in_context", 0.7, -0.7)):
    spread(ax, steps, one_layer_curves[name], "C3", "one layer", 25, dy_one, ls="--")
    spread(ax, steps, curves[name], "C0", "two layers", 23, dy)
spread(axes[1], steps, curves["induction_score"], "C0", "induction head", 22, 0.1)
spread(axes[1], steps, curves["previous_score"], "C1", "previous-token head", 22, -0.25,
       ls="-.")
axes[0].set(ylabel="loss on the repeat (nats)", ylim=(0, None))
axes[1].set(ylabel="score of the head", ylim=(0, 1.09))
axes[2].set(ylabel="in-context score (nats)", xlabel="training step")
plt.show()


# %% [markdown]
# ## Cutting the wires
#
# A pattern is a hypothesis. To test it, heads are switched off, and the second
# layer's queries, keys or values are cut off from what the first layer wrote.

# %% interventions
def interventions(net, p):
    """Accuracy on the repeat after each surgery; p: the previous-token head."""
    others = [(0, i) for i in range(HEADS[0]) if i != p]
    edits = {"intact": [{}], "no_induction_head": [{"drop": [(1, 0)]}],
             "no_previous_token_head": [{"drop": [(0, p)]}],
             "no_other_head": [{"drop": [head]} for head in others],
             "keys_cut": [{"cut": "K"}], "queries_cut": [{"cut": "Q"}],
             "values_cut": [{"cut": "V"}],
             "circuit_alone": [{"cut": "QV", "drop": others}]}
    return {name: min(measure(net, *held_out, **edit)["accuracy"] for edit in tried)
            for name, tried in edits.items()}


surgery = [interventions(net, p) for net, p in zip(nets, prev_head)]
surgery = {name: [one[name] for one in surgery] for name in surgery[0]}
# What remains to a network that knows the segment but not the order.
period = held_out[1].double()
guess = ((T - 1 - period) / period).sum().item() / (T - 1 - period).sum().item()

# %% surgery
labels = ("nothing removed", "induction head off", "previous-token head off",
          "any other head off (worst)", "second layer's keys cut off",
          "its queries cut off", "its values cut off", "the two heads alone, by keys")
fig, ax = plt.subplots(figsize=(5.6, 3.7))
for y, accuracy in enumerate(surgery.values()):
    works = np.median(accuracy) > 0.5
    ax.plot([np.min(accuracy), np.max(accuracy)], [y, y], lw=5, alpha=0.25,
            color="C0" if works else "C1", solid_capstyle="round")
    ax.plot(accuracy, [y] * len(SEEDS), "o" if works else "X", mec="none", ms=6,
            color="C0" if works else "C1", alpha=0.8)
ax.axvline(guess, ls=":", alpha=0.8, color="C4")
ax.annotate("guessing a token\nof the segment", (guess + 0.02, 1.42), color="C4",
            va="center", fontsize=9)
ax.set_yticks(range(len(labels)), labels)
ax.set_xlim(-0.03, 1.03)
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
ax.set_xlabel("accuracy on the repeat, five seeds")
plt.show()


# %% [markdown]
# ## Reading the algorithm from the weights
#
# With no MLP in the way, two products of matrices say it all. *Where the induction
# head looks*: the present token against keys into which the previous-token head has
# copied a token. *What it writes*: the logits that attending to a token adds.

# %% read-weights
@torch.no_grad()
def circuits(net, p):
    """Both circuits as V x V tables: [present token, token before the place looked
    at], and [token looked at, token predicted]. Induction makes both diagonal."""
    (w0, w1), E, U = net.layers, net.E, net.U
    width = d // HEADS[0]
    head = slice(p * width, (p + 1) * width)
    copied = E @ w0["V"][:, head] @ w0["O"][head]  # head p moves this one place on
    looks = (E @ w1["Q"] + w1["bQ"]) @ (copied @ w1["K"]).T / math.sqrt(d)
    writes = E @ w1["V"] @ w1["O"] @ U
    return looks, writes


def on_diagonal(table):
    """The share of rows whose greatest entry is on the diagonal."""
    return (table.argmax(1) == torch.arange(V)).double().mean().item()


def positive(table):
    """Olsson et al., appendix: sum of the eigenvalues over that of their moduli."""
    eigenvalues = torch.linalg.eigvals(table)
    return (eigenvalues.sum().real / eigenvalues.abs().sum()).item()


diagonals = {}
for group, when in ((untrained, "_untrained"), (nets, "")):
    tables = [circuits(net, p) for net, p in zip(group, prev_head)]
    for name, some in zip(("looks", "writes"), zip(*tables)):
        diagonals[f"{name}_diagonal{when}"] = [on_diagonal(t) for t in some]
        diagonals[f"{name}_eigenvalues{when}"] = [positive(t) for t in some]

# %% weights
fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.3))
for ax, table, title in zip(axes, tables[0], ("where it looks", "what it writes")):
    limit = table.abs().max().item()
    image = ax.imshow(table, vmin=-limit, vmax=limit, cmap="RdBu_r")
    ax.set(title=title, xticks=[0, 32, 63], yticks=[0, 32, 63])
    ax.grid(False)
    fig.colorbar(image, ax=ax, shrink=0.62, location="bottom",
                 label="attention score" if ax is axes[0] else "logit (nats)")
axes[0].set(xlabel="token before that place", ylabel="present token")
axes[1].set(xlabel="token predicted", ylabel="token looked at")
plt.show()


# %% [markdown]
# ## Two more controls, and distances never seen
#
# If only the keys need a second layer, then one layer must do when its keys are
# *given* a share of the previous token's key (the smeared keys of Olsson et al.).
# And if the period never changes, one layer can look a fixed distance back: a
# splendid induction score, and no induction.

# %% train-controls
P_FIXED = 16
short = {"heads": (1,), "steps": 80, "watch": False}  # these learn in fewer steps
smeared = [train(s, smear=True, positions=False, **short)[0] for s in SEEDS]
unsmeared = [train(s, positions=False, **short)[0] for s in SEEDS]
fixed_period = [train(s, periods=(P_FIXED, P_FIXED), **short)[0] for s in SEEDS]

# %% distances
distances = [4, 8, 12, 15, 16, 17, 20, 24, 32, 40, 48, 56, 64]
generator = torch.Generator().manual_seed(10**6 + 1)
tests = [sequences(12, generator, p, p, 2 * p) for p in distances]
accuracy, reach = {}, {}
for name, group in {"two layers": nets, "one layer": one_layer, "smeared": smeared,
                    "fixed period": fixed_period}.items():
    accuracy[name] = [measure(net, *held_out)["accuracy"] for net in group]
    reach[name] = [[measure(net, *test)["accuracy"] for test in tests]
                   for net in group]
accuracy["unsmeared"] = [measure(net, *held_out)["accuracy"] for net in unsmeared]
at_16, at_17 = distances.index(P_FIXED), distances.index(P_FIXED + 1)
fooled = [measure(net, *tests[at_16])["induction"][0] for net in fixed_period]

# %% reach
fig, ax = plt.subplots(figsize=(5.6, 3.6))
ax.axvspan(P_MIN, P_MAX, color="C4", alpha=0.13, lw=0)
ax.annotate("trained on these", (P_MIN + 0.3, 1.06), fontsize=9)
for name, label, color, at, dy, style in (
        ("smeared", "one layer, smeared keys", "C2", 9, 0.06, "s-."),
        ("two layers", "two layers", "C0", 9, -0.1, "o-"),
        ("one layer", "one layer", "C3", 9, 0.05, "^--"),
        ("fixed period", "one layer, period always 16", "C1", 7, 0.15, "X:")):
    spread(ax, distances, reach[name], color, label, at, dy, marker=style[0],
           ls=style[1:], ms=4.5)
ax.set(xlabel="period of the test sequences (tokens)",
       ylabel="accuracy on the repeat", ylim=(0, 1.12))
plt.show()

# %% [markdown]
# ## Two heads made by hand
#
# The scores of heads whose patterns are known: one that always looks one token
# back, and one that looks three back, where the tokens repeat with period four.

# %% use
here = torch.arange(12)
looks_at = [torch.where(here < back, here, here - back) for back in (1, 3)]
by_hand = torch.stack([torch.eye(12)[at] for at in looks_at])  # [head, query, key]
scores = induction_scores([by_hand[None]], tokens=here % 4)
for name, score in scores.items():
    print(name, [round(x, 3) for x in score[0].tolist()])

# %% results
def rounded(x):
    return [rounded(y) for y in x] if isinstance(x, (list, tuple)) else round(x, 3)


results = {
    "seeds": SEEDS, "vocabulary": V, "tokens": T, "width": d, "heads": list(HEADS),
    "periods": [P_MIN, P_MAX], "steps": STEPS, "batch": BATCH, "learning_rate": LR,
    "short_steps": short["steps"], "fixed_at": P_FIXED, "guess": guess,
    "accuracy": accuracy["two layers"], "accuracy_one_layer": accuracy["one layer"],
    "accuracy_smeared": accuracy["smeared"],
    "accuracy_unsmeared": accuracy["unsmeared"],
    "accuracy_fixed_period": accuracy["fixed period"],
    "window_begins": begins, "window_ends": ends, "window_gain": in_window,
    "window_gain_one_layer": one_layer_in_window,
    "window_share": [(b - a) / STEPS for a, b in zip(begins, ends)],
    "halfway_apart": [max(h) - min(h) for h in zip(*halfway.values())],
    "distances": distances,
    "fixed_period_at_16": [a[at_16] for a in reach["fixed period"]],
    "fixed_period_at_17": [a[at_17] for a in reach["fixed period"]],
    "fixed_period_induction_score": fooled,
} | surgery | diagonals
for name, lines in curves.items():
    results[name] = [line[-1] for line in lines]
    results[f"{name}_untrained"] = [line[0] for line in lines]
for name, lines in one_layer_curves.items():
    results[f"{name}_one_layer"] = [line[-1] for line in lines]
for name, lines in reach.items():
    results[f"reach_{name.replace(' ', '_')}"] = [line[-1] for line in lines]
results = {name: rounded(value) for name, value in results.items()}
for name, value in results.items():
    print(f"{name}: {value}")
