# %% [markdown]
# # Mechanistic interpretability
#
# A two-layer transformer made of attention alone is trained on random tokens that
# repeat. It finds an algorithm, *induction*: look for the last place where the
# present token stood, and copy what came next. Here the algorithm is found in the
# attention, tested by cutting its wires, and read from the weights.
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
# $W_Q W_K^T$ decides where the head looks, $W_V W_O$ what it writes once it looks
# there.

# %% setup
import math
import os
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F

try:
    SEED = int(os.environ.get("SEED", "0"))
except ValueError:
    raise SystemExit("SEED must be an integer, such as SEED=3.") from None
seeds = [5 * SEED + k for k in range(5)]  # no other SEED has any of these
torch.set_num_threads(1)  # tensors this small gain nothing from a second thread
torch.set_flush_denormal(True)


def stream(seed, purpose):
    """Random numbers of their own for each seed and each purpose."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {purpose}".encode()))


N, V, T, d = len(seeds), 32, 32, 32  # networks, vocabulary, tokens, width
P_MIN, P_MAX = 4, 16  # the periods trained on
HEADS = (4, 1)  # heads in each layer
STEPS, BATCH, LR = 160, 32, 3e-2
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


def for_each_seed(purpose, n, *which):
    """Tokens [N, n, length] and periods [N, n], fresh for each network."""
    drawn = [sequences(n, stream(seed, purpose), *which) for seed in seeds]
    return [torch.stack(parts) for parts in zip(*drawn)]


# To measure how well a network repeats; and, for the scores, a segment said twice.
held_out = for_each_seed("held-out sequences", 40)
probe = for_each_seed("probe", 8, P_MAX, P_MAX, 2 * P_MAX)
example = torch.arange(8).repeat(2).expand(N, 1, -1)  # for pictures: eight tokens
for row in held_out[0][0, :3].tolist():
    print(" ".join(f"{token:2d}" for token in row[:22]), "...")


# %% [markdown]
# ## A transformer made of attention alone
#
# No MLP, no LayerNorm: each path through the network is a product of matrices.
# Only the first layer knows positions (rotary); the second matches contents. The
# five networks are one batch: every weight has a first index for the network.

# %% rotary
def rotate(y, base=10.0):
    """Rotary positions: turn pair i by t base^(-i/n); then q.k depends on t - s."""
    n = y.shape[-1] // 2
    angle = torch.outer(torch.arange(y.shape[-2]), base ** -(torch.arange(n) / n))
    pairs = torch.view_as_complex(y.unflatten(-1, (n, 2)))
    turned = pairs * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(turned).flatten(-2)


# %% network
def initial(seed, heads, smear):
    """The weights of one network."""
    generator = stream(seed, "initial weights")

    def normal(*shape, std):
        return std * torch.randn(*shape, generator=generator)

    w = {"E": normal(V, d, std=0.5), "U": normal(d, V, std=0.5 * d**-0.5)}
    for layer in range(len(heads)):
        w |= {f"{m}{layer}": normal(d, d, std=d**-0.5) for m in "QKVO"}
        w |= {f"b{m}{layer}": normal(1, d, std=1.0) for m in "QK"}
    return w | {"alpha": torch.zeros(1, heads[0], 1, 1)} if smear else w


def attend(w, layer, heads, inputs, positions, patterns):
    """Attention patterns [N, B, H, T, T] (None if not wanted: faster) and what the
    heads found, [N, B, T, H, d / H]."""
    n, B, length, _ = inputs["Q"].shape
    q, k, v = (inputs[m].flatten(1, 2) @ w[f"{m}{layer}"] for m in "QKV")
    q, k = q + w[f"bQ{layer}"], k + w[f"bK{layer}"]
    q, k, v = (y.view(n * B, length, heads, -1).transpose(1, 2) for y in (q, k, v))
    if "alpha" in w:  # smeared keys; the first has no key before it
        share = w["alpha"].sigmoid().repeat_interleave(B, 0).flatten(1, 2)
        k = share * k + (1 - share) * F.pad(k, (0, 0, 1, -1))
    if positions:
        q, k = rotate(q), rotate(k)
    A = None
    if patterns:
        future = torch.full((length, length), -math.inf).triu(1)
        A = (q @ k.mT / math.sqrt(d // heads) + future).softmax(-1)
        found = A @ v
        A = A.unflatten(0, (n, B))
    else:
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return A, found.transpose(1, 2).unflatten(0, (n, B))


def forward(w, tokens, heads=HEADS, hears=None, instead="nothing", patterns=True):
    """Logits [N, B, T, V] and the patterns of each layer.

    For the experiments, hears[m] is the share, 1 or 0, of each head's output that m
    gets to read, [N or 1, H]. "Q", "K" and "V" of the second layer, and the logits,
    "U", read the heads of the first layer; "U1", the logits again, those of the
    second. Instead of the rest m reads nothing, or what the head wrote on "another"
    sequence. None: m reads no head at all.
    """
    hears = hears or {}
    n, B, length = tokens.shape
    rows = tokens + V * torch.arange(n)[:, None, None]
    embedding = F.embedding(rows, w["E"].flatten(0, 1))

    def written(found, layer, m):
        """What the heads of a layer add to the stream, as m reads it."""
        if m in hears and hears[m] is None:
            return 0
        if m in hears:
            share = hears[m][:, None, None, :, None]
            other = found.roll(1, 1) if instead == "another" else 0
            found = share * found + (1 - share) * other
        return (found.flatten(3).flatten(1, 2) @ w[f"O{layer}"]).view_as(embedding)

    A, found = attend(w, 0, heads[0], dict.fromkeys("QKV", embedding), positions=True,
                      patterns=patterns)
    looks = [A]
    whole = embedding + written(found, 0, None)
    inputs = {m: embedding + written(found, 0, m) if m in hears else whole
              for m in "QKVU"}
    x = inputs["U"]
    if len(heads) == 2:
        A, found = attend(w, 1, heads[1], inputs, positions=False, patterns=patterns)
        looks.append(A)
        x = x + written(found, 1, "U1")
    return (x.flatten(1, 2) @ w["U"]).view(n, B, length, V), looks


# %% measure
@torch.no_grad()
def repeats(w, data, **network):
    """On the repeat, accuracy and loss in nats; one value for each network."""
    tokens, period = data
    logits = forward(w, tokens, patterns=False, **network)[0][:, :, :-1]
    targets = tokens[:, :, 1:]
    repeat = torch.arange(targets.shape[2]) >= period[:, :, None]
    nats = -logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    right = (logits.argmax(-1) == targets).float()
    return [[(one * r).sum().item() / r.sum().item() for one, r in zip(what, repeat)]
            for what in (right, nats)]


@torch.no_grad()
def head_scores(w, **network):
    """Of each network: previous-token score of each head of the first layer, and
    induction score of the head of the last layer."""
    patterns = forward(w, probe[0], **network)[1]

    def score(layer, name):
        return [induction_scores([A], tokens)[name][0].tolist()
                for A, tokens in zip(patterns[layer], probe[0])]

    return score(0, "previous_token"), [one[0] for one in score(-1, "induction")]


# %% training
ALONE = dict.fromkeys("QKV")  # the second layer reads the embedding only
P_FIXED = 8
ARMS = {
    "two layers": {},
    "one layer": {"hears": ALONE},  # the same heads, side by side
    "smeared": {"heads": (1,), "steps": 100, "smear": True},
    "unsmeared": {"heads": (1,), "steps": 100},
    "fixed period": {"heads": (1,), "steps": 70, "periods": (P_FIXED, P_FIXED)},
}


def train(heads=HEADS, periods=(P_MIN, P_MAX), steps=STEPS, smear=False, watch=None,
          **network):
    """Plain next-token prediction on every token; the weights of the networks.
    watch(weights) is called at every EVERY-th step."""
    each = [initial(seed, heads, smear) for seed in seeds]
    shapes = {name: value.shape for name, value in each[0].items()}
    theta = torch.stack([torch.cat([value.flatten() for value in w.values()])
                         for w in each]).requires_grad_()

    def weights():
        parts = theta.split([shape.numel() for shape in shapes.values()], 1)
        return {name: part.view(N, *shape)
                for (name, shape), part in zip(shapes.items(), parts)}

    batches = [stream(seed, "batches") for seed in seeds]
    mean, square = torch.zeros_like(theta), torch.zeros_like(theta)
    for step in range(steps):
        if watch and step % EVERY == 0:
            with torch.no_grad():
                watch(weights())
        tokens = torch.stack([sequences(BATCH, g, *periods)[0] for g in batches])
        logits = forward(weights(), tokens, heads, patterns=False, **network)[0]
        # N times the mean: each network gets the gradient of its own loss
        loss = N * F.cross_entropy(logits[:, :, :-1].flatten(0, 2),
                                   tokens[:, :, 1:].flatten())
        (gradient,) = torch.autograd.grad(loss, theta)
        # Adam; 20 steps of warm-up, linear decay over the last third
        rate = LR * min(1, (step + 1) / 20, 3 * (1 - step / steps))
        with torch.no_grad():
            mean.lerp_(gradient, 1 - 0.9)
            square.lerp_(gradient**2, 1 - 0.99)
            unbiased = (square / (1 - 0.99 ** (step + 1))).sqrt() + 1e-8
            theta -= rate / (1 - 0.9 ** (step + 1)) * mean / unbiased
    theta.requires_grad_(False)
    if watch:
        watch(weights())
    return weights()


def settings(arm):
    """How the networks of an arm are run once they are trained."""
    return {name: value for name, value in ARMS[arm].items()
            if name in ("heads", "hears")}


# %% train-two-layers
def history(arm):
    """A watch, and what it has seen: the first network's patterns on the example,
    losses, previous-token scores and induction scores of all networks."""
    seen = {"patterns": [], "loss": [], "previous": [], "induction": []}

    def watch(w):
        network = settings(arm)
        previous, induction = head_scores(w, **network)
        patterns = [A[0, 0] for A in forward(w, example, **network)[1]]
        loss = repeats(w, probe, **network)[1]
        for name, value in zip(seen, (patterns, loss, previous, induction)):
            seen[name].append(value)

    return watch, seen


watch, seen = history("two layers")
trained = {"two layers": train(**ARMS["two layers"], watch=watch)}
two_layers = trained["two layers"]
accuracy = repeats(two_layers, held_out)[0]
previous, induction = seen["previous"][-1], seen["induction"][-1]
for seed, right, scores, score in zip(seeds, accuracy, previous, induction):
    print(f"seed {seed}: {right:.1%} right; induction score {score:.2f}; "
          f"previous-token scores {' '.join(f'{s:.2f}' for s in scores)}")

# %% train-one-layer
# The same heads with the same weights to begin with, on the same data; but the
# second layer reads the embedding only: the heads stand side by side, in one layer.
watch, seen_one_layer = history("one layer")
trained["one layer"] = train(**ARMS["one layer"], watch=watch)

# %% attention-patterns
best = previous[0].index(max(previous[0]))  # of the first network, for the pictures
untrained = {name: torch.stack([initial(seed, HEADS, False)[name] for seed in seeds])
             for name in two_layers}
fig, axes = plt.subplots(2, 2, figsize=(5.6, 5.5), sharex=True, sharey=True)
past = np.tri(T, dtype=bool)
for row, w, when in zip(axes, (untrained, two_layers), ("before", "after")):
    first, second = (A[0, 0].numpy() for A in forward(w, probe[0])[1])
    for ax, A, name in zip(row, (first[best], second[0]),
                           (f"head 0.{best}", "head 1.0")):
        image = ax.imshow(np.where(past, A, np.nan), vmin=0, vmax=1)
        ax.set(title=f"{name} {when} training", xticks=range(0, T, 8),
               yticks=range(0, T, 8))
        ax.grid(False)
        ax.axhline(P_MAX - 0.5, color="C4", ls=":", lw=1)  # here the repeat begins
text = {"ha": "right", "va": "center", "color": "C1"}
axes[1, 0].annotate("the token before,\n$s = t - 1$", (T - 1, 5.3), **text)
axes[1, 1].annotate("what came next last\ntime, $s = t - p + 1$", (T - 1, 5.3), **text)
axes[0, 0].annotate("the repeat", (T - 1, P_MAX - 1.3), ha="right", color="C4")
fig.supylabel("looking from position $t$", fontsize=10)
fig.supxlabel("looking at position $s$", fontsize=10)
fig.colorbar(image, ax=axes, shrink=0.5, label="attention $A_{ts}$")
plt.show()


# %% [markdown]
# ## The phase change
#
# At first, next to nothing happens. Then the induction head forms, the previous-token
# heads mostly a little behind it, and the loss falls, within the same few dozen steps.

# %% formation
def crossing(values, share):
    """The first measured step at which a curve has made this share of its way."""
    way = (np.array(values) - values[0]) / (values[-1] - values[0])
    return int(np.argmax(way >= share)) * EVERY


steps = [i * EVERY for i in range(STEPS // EVERY + 1)]
losses = np.transpose(seen["loss"])  # [N, measurements]
losses_one_layer = np.transpose(seen_one_layer["loss"])
induction_curves = np.transpose(seen["induction"])
# each network's strongest previous-token head, at the end
previous_curves = np.max(seen["previous"], -1).T
previous_curves_one_layer = np.max(seen_one_layer["previous"], -1).T
begins = [crossing(curve, 0.1) for curve in induction_curves]
ends = [crossing(curve, 0.9) for curve in induction_curves]


def fall_in_window(curves):
    """What the loss falls while the induction head forms, as a share of the whole
    fall of the network with two layers."""
    return [(curve[a // EVERY] - curve[b // EVERY]) / (two[0] - two[-1])
            for curve, two, a, b in zip(curves, losses, begins, ends)]


# %% in-motion
from matplotlib.animation import FuncAnimation

fig, axes = plt.subplot_mosaic(
    "AB;CC", figsize=(5.6, 4.7), height_ratios=(2, 1), layout="constrained")
t, s = np.tril_indices(16)  # nobody looks ahead
heads = {"A": (0, best, "C1", "the token before"), "B": (1, 0, "C0", "what came next")}
cells = {}
for name, (layer, head, color, what) in heads.items():
    cells[name] = axes[name].scatter(s, t, s=62, marker="s", color=color, lw=0)
    letters = range(16), "abcdefgh" * 2
    axes[name].set(title=f"head {layer}.{head}: {what}", aspect="equal")
    axes[name].set(xlabel="looking at", xlim=(-0.7, 15.7), ylim=(15.7, -0.7))
    axes[name].set_xticks(*letters)
    axes[name].set_yticks(*letters)
    axes[name].grid(False)
    axes[name].axhline(7.5, color="C4", ls=":", lw=1)  # the repeat begins
axes["A"].set_ylabel("looking from")
lines = axes["C"].plot([], np.empty((0, N)), color="C3", lw=0.8, alpha=0.5)
lines[0].set(linewidth=2, alpha=1)  # the network whose heads are shown
(tip,) = axes["C"].plot([], [], "o", color="C3")
axes["C"].set(xlabel="training step", ylabel="loss (nats)")
axes["C"].set(xlim=(0, STEPS), ylim=(0, 1.1 * losses.max()), title="step 0")


def look(k):
    """Draw the state at step 10 k."""
    i = 10 * k // EVERY
    for name, (layer, head, _, _) in heads.items():
        cells[name].set_alpha(seen["patterns"][i][layer][head][t, s].numpy())
    for line, loss in zip(lines, losses):
        line.set_data(steps[: i + 1], loss[: i + 1])
    tip.set_data([steps[i]], [losses[0][i]])
    axes["C"].set_title(f"step {steps[i]}")


animation = FuncAnimation(fig, look, frames=STEPS // 10 + 1, interval=600)
plt.show()
animation


# %% phase-change
def spread(ax, x, curves, color, label, at, dy=0.0, **style):
    """Median over seeds, a band from least to greatest, a label by the curve."""
    middle = np.median(curves, axis=0)
    ax.fill_between(x, curves.min(0), curves.max(0), color=color, alpha=0.22, lw=0)
    ax.plot(x, middle, color=color, **style)
    ax.annotate(label, (x[at], middle[at] + dy), color=color, va="center")


fig, (above, below) = plt.subplots(2, 1, figsize=(5.6, 4.6), sharex=True)
for ax in (above, below):
    ax.axvspan(np.median(begins), np.median(ends), color="C4", alpha=0.13, lw=0)
above.annotate("it forms", (np.median(begins) + 2, 0.2))
spread(above, steps, losses_one_layer, "C3", "one layer", 24, 0.3, ls="--")
spread(above, steps, losses, "C0", "two layers", 24, 0.35)
spread(below, steps, induction_curves, "C0", "induction head", 21, 0.13)
spread(below, steps, previous_curves, "C1", "previous-token head", 21, -0.25, ls="-.")
spread(below, steps, previous_curves_one_layer, "C3", "the same, one layer", 21, 0.1,
       ls="--")
above.set(ylabel="loss on the repeat (nats)", ylim=(0, None))
below.set(ylabel="score of the head", ylim=(0, 1.15), xlabel="training step")
plt.show()


# %% [markdown]
# ## Cutting the wires
#
# A pattern is a hypothesis. To test it, heads are switched off, and the second
# layer's queries, keys or values are cut off from what the first layer wrote. A cut
# leaves nothing there, or (activation patching) what the same head wrote on another
# sequence: something that the next layer has seen in training.

# %% cuts
ENOUGH = 0.3  # the previous-token score of a head of the circuit


def by_score(previous):
    """Which heads of the first layer belong to the circuit, as 0 or 1 [N, H]; and as
    many others, the next by score: none where fewer are left."""
    score = torch.tensor(previous)
    circuit = (score >= ENOUGH).float()
    size = circuit.sum(1, keepdim=True)
    rank = (-score).argsort(1).argsort(1)
    others = ((rank >= size) & (rank < 2 * size) & (2 * size <= HEADS[0])).float()
    return circuit, others


def off(heads):
    """Nothing reads these heads of the first layer."""
    return dict.fromkeys("QKVU", 1 - heads)


def cuts(previous):
    """What is still read after each cut (hears, in forward)."""
    circuit, others = by_score(previous)
    score, none = torch.tensor(previous), torch.zeros(1, HEADS[0])
    return {
        "intact": {},
        "no_induction_head": {"U1": torch.zeros(1, 1)},
        "no_weakest_head": off((score == score.amin(1, keepdim=True)).float()),
        "no_circuit_heads": off(circuit),
        "no_other_heads": off(others),
        "keys_cut": {"K": none},
        "queries_cut": {"Q": none},
        "values_cut": {"V": none},
        "circuit_alone": {"Q": none, "K": circuit, "V": none, "U": none},
    }


# %% interventions
circuit, others = by_score(previous)


def accuracies(instead):
    """Accuracy on the repeat after each cut."""
    found = {name: repeats(two_layers, held_out, hears=hears, instead=instead)[0]
             for name, hears in cuts(previous).items()}
    found["no_other_heads"] = [right if some else None for right, some  # none left
                               in zip(found["no_other_heads"], others.any(1))]
    return found


cut, patched = accuracies("nothing"), accuracies("another")
# Does one head do, where several look one token back? The keys hear the best only.
highest = F.one_hot(torch.tensor(previous).argmax(1), HEADS[0]).float()
highest_alone = repeats(two_layers, held_out, hears={"K": highest})[0]
# What remains to a network that knows the segment but not the order.
ways = held_out[1].double()
guess = (((T - 1 - ways) / ways).sum(1) / (T - 1 - ways).sum(1)).tolist()

# %% surgery
labels = {"intact": "nothing removed", "no_induction_head": "induction head off",
          "no_circuit_heads": "previous-token heads off",
          "no_other_heads": "as many others off", "keys_cut": "keys cut off",
          "queries_cut": "queries cut off", "values_cut": "values cut off",
          "circuit_alone": "the circuit alone"}
fig, ax = plt.subplots(figsize=(5.6, 3.7))
for y, name in enumerate(labels):
    for outcome, dy, face in ((cut, -0.13, None), (patched, 0.13, "none")):
        right = [x for x in outcome[name] if x is not None]
        color = "C0" if right and np.median(right) > 0.5 else "C1"
        ax.scatter(right, [y + dy] * len(right), s=34, ec=color, fc=face or color,
                   alpha=0.8, marker="o" if color == "C0" else "X")
ax.axvline(np.median(guess), ls=":", alpha=0.8, color="C4")
ax.annotate("guessing a token\nof the segment", (np.median(guess) + 0.03, 3),
            color="C4", va="center", fontsize=9)
ax.set_yticks(range(len(labels)), labels.values())
ax.set_xlim(-0.03, 1.03)
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
ax.set_xlabel("accuracy on the repeat, five seeds")
plt.show()

# %% per-head-paths
# One head at a time, hidden from one input of the second layer at a time.
path = {m: np.transpose([repeats(two_layers, held_out, hears={m: 1 - one[None]})[0]
                         for one in torch.eye(HEADS[0])]) for m in "QKV"}  # [N, H]
fig, ax = plt.subplots(figsize=(5.6, 3.6))
for m, name, marker, color in (("V", "values", "s", "C2"), ("Q", "queries", "^", "C4")):
    ax.scatter(previous, path[m], s=30, marker=marker, color=color, lw=0, alpha=0.8,
               label=f"hidden from the {name}")
for scores, right, size in zip(previous, path["K"], circuit.sum(1).int().tolist()):
    ax.scatter(scores, right, s=46, marker=f"${size}$", color="C1", lw=0.3)
ax.scatter([], [], s=46, marker="$n$", color="C1", lw=0.3,
           label="hidden from the keys,\n$n$ heads in the circuit")
ax.axvline(ENOUGH, ls=":", color="C4", alpha=0.8)
ax.annotate("in the circuit", (ENOUGH + 0.01, 0.04), color="C4", fontsize=9)
ax.set(xlabel="previous-token score of the head",
       ylabel="accuracy on the repeat", ylim=(0, 1.06), xlim=(0, 1))
ax.legend(loc="lower left", bbox_to_anchor=(0.31, 0.1))
plt.show()


# %% [markdown]
# ## Reading the algorithm from the weights
#
# With no MLP in the way, two products of matrices say it all. *Where the induction
# head looks*: the present token against keys into which the previous-token heads
# have copied a token. *What it writes*: the logits that attending to a token adds.

# %% read-weights
def circuits(w, heads):
    """Of each network, both circuits as V x V tables: QK, [present token, token before
    the place looked at], through the first layer's given heads, [N, H]; and OV, [token
    looked at, token predicted]. Induction makes both diagonal."""
    through = heads.repeat_interleave(d // HEADS[0], 1)[:, None]  # [N, 1, d]
    moved = w["E"] @ w["V0"] * through @ w["O0"]  # the heads move this one place on
    looks = w["E"] @ w["Q1"] @ (moved @ w["K1"]).mT / math.sqrt(d)
    return looks, w["E"] @ w["V1"] @ w["O1"] @ w["U"]


def on_diagonal(tables):
    """The share of rows whose greatest entry is on the diagonal; None without heads."""
    share = (tables.argmax(2) == torch.arange(V)).double().mean(1)
    return [one.item() if table.any() else None for one, table in zip(share, tables)]


def positive(tables):
    """Elhage et al.: the sum of the eigenvalues over that of their moduli; or None."""
    eigenvalues = torch.linalg.eigvals(tables)
    share = eigenvalues.sum(1).real / eigenvalues.abs().sum(1)
    return [one.item() if table.any() else None for one, table in zip(share, tables)]


# Before training, as many heads, chosen the same way: the highest scores.
previous_untrained = seen["previous"][0]
rank = (-torch.tensor(previous_untrained)).argsort(1).argsort(1)
as_many = (rank < circuit.sum(1, keepdim=True)).float()
tables = circuits(two_layers, circuit)
tables_untrained = circuits(untrained, as_many)

# %% weights
fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.3))
titles = "where it looks (QK)", "what it writes (OV)"
for ax, table, title in zip(axes, tables, titles):
    limit = table[0].abs().max().item()
    image = ax.imshow(table[0], vmin=-limit, vmax=limit, cmap="RdBu_r")
    ax.set(title=title, xticks=[0, 16, 31], yticks=[0, 16, 31])
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
trained |= {arm: train(**ARMS[arm]) for arm in ("smeared", "unsmeared", "fixed period")}
right = {arm: repeats(trained[arm], held_out, **settings(arm))[0]
         for arm in ("two layers", "one layer", "smeared", "unsmeared")}


def said_twice(p, *arms):
    """Accuracy on segments of p tokens."""
    data = for_each_seed(f"segments of {p}", 16, p, p, 2 * p)
    return {arm: repeats(trained[arm], data, **settings(arm))[0] for arm in arms}


far = said_twice(V, "two layers", "one layer")  # all the tokens there are
own = said_twice(P_FIXED, "fixed period")
longer = said_twice(P_FIXED + 1, "fixed period", "two layers")
tokens, _ = for_each_seed("probe of the fixed period", 8, P_FIXED, P_FIXED, 2 * P_FIXED)
patterns = forward(trained["fixed period"], tokens, **settings("fixed period"))[1][0]
fooled = [induction_scores([A], some)["induction"].item()
          for A, some in zip(patterns, tokens)]
print(f"smeared keys: {np.median(right['smeared']):.1%} of the repeat is right; "
      f"without: {np.median(right['unsmeared']):.1%}")
print(f"period always {P_FIXED}: induction score {np.median(fooled):.2f}; "
      f"at period {P_FIXED + 1}, {np.median(longer['fixed period']):.1%} is right")

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
    if isinstance(x, (list, tuple, np.ndarray)):
        return [rounded(y) for y in x]
    return round(float(x), 3) if isinstance(x, (float, np.floating)) else x


results = {
    "seeds": seeds, "vocabulary": V, "tokens": T, "width": d, "heads": list(HEADS),
    "periods": [P_MIN, P_MAX], "steps": STEPS, "batch": BATCH, "learning_rate": LR,
    "fixed_at": P_FIXED, "enough": ENOUGH, "guess": guess,
    "loss": losses[:, -1], "loss_one_layer": losses_one_layer[:, -1],
    "accuracy": right["two layers"], "accuracy_one_layer": right["one layer"],
    "accuracy_smeared": right["smeared"], "accuracy_unsmeared": right["unsmeared"],
    "fixed_period_accuracy": own["fixed period"],
    "fixed_period_longer": longer["fixed period"],
    "two_layers_longer": longer["two layers"], "fixed_period_induction_score": fooled,
    "far_two_layers": far["two layers"], "far_one_layer": far["one layer"],
    "induction_score": induction, "induction_score_untrained": seen["induction"][0],
    "previous_scores": previous, "previous_score": previous_curves[:, -1],
    "previous_score_untrained": previous_curves[:, 0],
    "previous_score_one_layer": previous_curves_one_layer[:, -1],
    "circuit_heads": [int(n) for n in circuit.sum(1)], "highest_alone": highest_alone,
    "window_begins": begins, "window_ends": ends,
    "window_share": [(b - a) / STEPS for a, b in zip(begins, ends)],
    "window_fall": fall_in_window(losses),
    "window_fall_one_layer": fall_in_window(losses_one_layer),
    "paths_keys": path["K"], "paths_queries": path["Q"], "paths_values": path["V"],
    "looks_diagonal": on_diagonal(tables[0]), "writes_diagonal": on_diagonal(tables[1]),
    "writes_diagonal_untrained": on_diagonal(tables_untrained[1]),
    "looks_eigenvalues": positive(tables[0]), "writes_eigenvalues": positive(tables[1]),
    "looks_eigenvalues_untrained": positive(tables_untrained[0]),
    "writes_eigenvalues_untrained": positive(tables_untrained[1]),
} | cut | {f"{name}_patched": right for name, right in patched.items()}
results = {name: rounded(value) for name, value in results.items()}
for name, value in results.items():
    print(f"{name}: {value}")
