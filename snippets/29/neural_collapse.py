# %% [markdown]
# # Neural collapse
#
# Keep training a classifier after it has every training image right, and its last
# layer becomes very simple: the images of a class shrink to one point, and these
# points move to the corners of the most regular figure there is, a *simplex* (a
# triangle for three classes, a tetrahedron for four). The rows of the classifier
# turn to the same corners.
#
# Papyan, Han, Donoho, *Prevalence of neural collapse during the terminal phase of
# deep learning training*, PNAS 117(40), 24652-24663, 2020,
# [doi:10.1073/pnas.2015509117](https://doi.org/10.1073/pnas.2015509117),
# [arXiv:2008.08186](https://arxiv.org/abs/2008.08186).
#
# With $h$ the input of the last layer, $\mu_c$ its mean over class $c$, $\mu_G$ the
# mean of the $C$ class means, and $w_c$ a row of the classifier $W$:
#
# - NC1, classes shrink: $\mathrm{Tr}(\Sigma_W \Sigma_B^{\dagger}) / C \to 0$, where
#   $\Sigma_W$ is the covariance within and $\Sigma_B$ between the classes.
# - NC2, a simplex: all $\|\mu_c - \mu_G\|$ become equal, and all cosines between
#   two of them $-1/(C-1)$; the same for the $w_c$.
# - NC3, self-duality: $\| W/\|W\|_F - M/\|M\|_F \|_F^2 \to 0$, where the
#   $\mu_c - \mu_G$ are the rows of $M$.
# - NC4: the network decides as the nearest class mean would.
#
# The *terminal phase* begins when 99.9 % of the training images are learnt.

# %% setup
import copy
import itertools
import math
import os

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)  # on tensors this small, more threads are slower
torch.set_flush_denormal(True)

try:
    SEED = int(os.environ.get("SEED", "0"))
    torch.Generator().manual_seed(SEED + 4)
except (ValueError, RuntimeError):
    problem = f"SEED must be a 64-bit integer, not {os.environ['SEED']!r}."
    raise SystemExit(problem) from None
SEEDS = list(range(SEED, SEED + 5))

EPOCHS, BATCH, LR, MOMENTUM, WEIGHT_DECAY = 100, 100, 0.075, 0.9, 1e-2
# epochs after which the network is measured
CHECKPOINTS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 55, 70, 85, 100]
TERMINAL = 0.999  # training accuracy at which the terminal phase begins

# %% take-home
import warnings

import torch
from torch import Tensor


@torch.no_grad()
def neural_collapse_metrics(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor | None = None
) -> dict[str, float]:
    """How far a classifier's last layer is from neural collapse (0 = collapsed).

    Args:
        features: h, [N, d], any floating-point type; the input of the last linear
            layer. Read twice, some rows at a time, so it may be a memory map.
        labels: y, [N], integers from 0 to C - 1, each class at least once.
        weight, bias: W, [C, d], and b, [C] or None, of that layer.

    Returns: seven numbers without unit, computed in double precision (in part single,
        where the features' device has no double):
        nc1: Tr(Sigma_W pinv(Sigma_B)) / C, variance within classes over between.
        nc2_equinorm_means, nc2_equinorm_weights: std / mean of the lengths of the
            centred class means mu_c - mu_G, and of the rows w_c of W.
        nc2_angle_means, nc2_angle_weights: mean of |cos + 1 / (C - 1)| over pairs.
        nc3: squared Frobenius distance of W / |W| and M / |M|, from 0 to 4.
        nc4: share of samples on which the layer and the nearest mean disagree.
        With unequal classes: mu_G and Sigma_W are means over the samples, so a large
        class weighs more; Sigma_B and all other means count each class once.

    Warns: if d < C - 1, too few dimensions for a simplex.

    Raises: ValueError for other shapes and types, values that are not finite, labels
        out of range, a class without any sample, and a centred class mean or row of
        W that is zero (no direction).

    Source: Papyan, Han, Donoho, PNAS 117(40), 2020, arXiv:2008.08186.
    """
    check_input(features, labels, weight, bias)
    N, (C, d) = len(features), weight.shape
    y = labels.to(features.device, torch.int64)
    try:
        real = features[:1].double().dtype
    except (TypeError, RuntimeError):  # as on Apple's MPS
        real = torch.float32

    def chunks():  # beside the features, a few times 2^18 numbers at once
        rows = max(1, 2**18 // max(C, d))
        for h, c in zip(features.split(rows), y.split(rows)):
            yield h.to(real), c

    sums = torch.zeros(C, d, dtype=real, device=features.device)
    for h, c in chunks():
        sums.index_add_(0, c, h)
    sums = sums.cpu().double()
    mu = sums / torch.bincount(y, minlength=C).cpu()[:, None]
    mu_G = sums.sum(0) / N
    M, W = mu - mu_G, weight.cpu().double()  # M has the rows mu_c - mu_G
    b = torch.zeros(C) if bias is None else bias.cpu()
    if not all(t.isfinite().all() for t in (mu, W, b)):
        raise ValueError("features, weight and bias must be finite")
    # more than rounded features can add to a length or a singular value of M
    eps = max(torch.finfo(features.dtype).eps, 1e-13)
    rounding = 2 * eps * mu.norm() / min(C, d) ** 0.5
    if M.norm(dim=1).min() <= rounding or W.norm(dim=1).min() == 0:
        raise ValueError("a centred class mean or a row of weight is zero")

    # With M = U S V^T, Sigma_B = M^T M / C = V S^2 V^T / C, so that
    # Tr(Sigma_W pinv(Sigma_B)) / C is the mean of |S^-1 V^T (h - mu_y)|^2. The rows
    # of M, times the class sizes, add up to 0: at most C - 1 parts of S are not 0.
    _, S, Vt = torch.linalg.svd(M, full_matrices=False)
    rank = min(int((rounding < S).sum()), C - 1)
    # |h - mu_c|^2 is least where (h - mu_G) M_c - |M_c|^2 / 2 is greatest
    small = (mu, mu_G, Vt[:rank].T / S[:rank], M.T, M.square().sum(1) / 2, W.T, b)
    mu, mu_G, whiten, M_T, half, W_T, b = (t.to(real).to(y.device) for t in small)
    within, disagree = 0.0, 0
    for h, c in chunks():
        within += ((h - mu[c]) @ whiten).square().sum().item()
        nearest = ((h - mu_G) @ M_T - half).argmax(1)
        disagree += int(((h @ W_T + b).argmax(1) != nearest).sum())

    def spread(rows: Tensor) -> float:
        lengths = rows.norm(dim=1)
        return (lengths.std(correction=0) / lengths.mean()).item()

    def angle(rows: Tensor) -> float:
        unit, ideal = rows / rows.norm(dim=1, keepdim=True), -1 / (C - 1)
        errors = sum(((u @ unit.T) - ideal).abs().sum() for u in unit.split(1024))
        return ((errors / C - (1 - ideal)) / (C - 1)).item()  # each row meets itself

    return {
        "nc1": within / N,
        "nc2_equinorm_means": spread(M),
        "nc2_equinorm_weights": spread(W),
        "nc2_angle_means": angle(M),
        "nc2_angle_weights": angle(W),
        "nc3": (W / W.norm() - M / M.norm()).square().sum().item(),
        "nc4": disagree / N,
    }


def check_input(features, labels, weight, bias):
    if features.ndim != 2 or weight.ndim != 2 or features.shape[1] != weight.shape[1]:
        raise ValueError("features must be [N, d] and weight [C, d], with the same d")
    N, (C, d) = len(features), weight.shape
    if not features.is_floating_point():
        raise ValueError(f"features must be floating point, not {features.dtype}")
    if bias is not None and bias.shape != (C,):
        raise ValueError(f"bias must be None or [{C}], one number for each class")
    integers = not (labels.is_floating_point() or labels.dtype == torch.bool)
    if labels.shape != (N,) or not integers:
        raise ValueError(f"labels must be [{N}] integers, one for each row of features")
    labels = labels.long()
    if C < 2 or N == 0 or labels.min() < 0 or labels.max() >= C:
        raise ValueError(f"labels must be 0 to C - 1 = {C - 1}, of two classes or more")
    missing = torch.bincount(labels, minlength=C) == 0
    if missing.any():
        raise ValueError(
            f"there is no sample of class {missing.byte().argmax()}: leave out its "
            "row of weight and bias, and renumber the labels"
        )
    if d < C - 1:
        needs = f"a simplex of {C} classes needs {C - 1} dimensions, not {d}"
        warnings.warn(f"{needs}: the angles cannot all reach 0", stacklevel=4)


# %% [markdown]
# ## Data, network, training
#
# The 1797 handwritten digits that come with scikit-learn, 8 x 8 pixels. Each seed
# draws its own training images, 50 of every digit, and 50 more of every digit to
# test. The five seeds are trained side by side, as one batch of five small networks
# that never mix: a quarter of the time of five runs, and the same result.

# %% data
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32).T / 8 - 1  # [64, 1797]
digit = torch.tensor(digits.target)


def draw(counts, random_labels=False):
    """For each seed, counts[c] images of digit c to train on and 50 others to test.

    Returns x [seeds, 64, N] and y [seeds, N], then the same of the test images.
    """
    parts = []
    for seed in SEEDS:
        rng = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(digit), generator=rng)
        of = [order[digit[order] == c] for c in range(len(counts))]
        train = torch.cat([of_c[:n] for of_c, n in zip(of, counts)])
        test = torch.cat([of_c[n : n + 50] for of_c, n in zip(of, counts)])
        y = digit[train]
        if random_labels:  # the same labels, handed out to images at random
            y = y[torch.randperm(len(y), generator=rng)]
        parts.append((pixels[:, train], y, pixels[:, test], digit[test]))
    return [torch.stack(part) for part in zip(*parts)]


# %% network
def normalise(x, gain, shift, n):
    """Batch norm, mean and variance taken from the first n columns (None: all)."""
    flat = x.reshape(1, -1, x.shape[2])  # a channel for each unit of each network
    mean, var = None, None
    if n is not None:
        mean, var = flat[0, :, :n].mean(1), flat[0, :, :n].var(1, correction=0)
    out = F.batch_norm(flat, mean, var, gain, shift, training=n is None)
    return out.view_as(x)


class Networks(nn.Module):
    """One multilayer perceptron per seed, side by side; a column is an image."""

    def __init__(self, sizes, batch_norm=True, linear_features=False):
        super().__init__()
        self.batch_norm, self.linear_features = batch_norm, linear_features
        rngs = [torch.Generator().manual_seed(seed) for seed in SEEDS]
        weights = [
            torch.stack([2 * torch.rand(b, a, generator=r) - 1 for r in rngs])
            / a**0.5
            for a, b in itertools.pairwise(sizes)
        ]  # uniform up to 1 / sqrt(inputs), like nn.Linear
        ones = [torch.ones(len(SEEDS) * size) for size in sizes[1:-1]]
        self.V, self.W = nn.ParameterList(weights[:-1]), nn.Parameter(weights[-1])
        self.gain = nn.ParameterList(ones)
        self.shift = nn.ParameterList(torch.zeros_like(one) for one in ones)
        self.b = nn.Parameter(torch.zeros(len(SEEDS), sizes[-1], 1))

    def features(self, x, n=None):
        """h, [seeds, d, N]: the layer that the classifier W h + b reads."""
        for V, gain, shift in zip(self.V, self.gain, self.shift):
            x = V @ x
            if self.linear_features and V is self.V[-1]:
                return x
            x = (
                normalise(x, gain, shift, n)
                if self.batch_norm
                else x + shift.view(len(x), -1, 1)
            ).relu()
        return x

    def forward(self, x, n=None):
        return torch.baddbmm(self.b, self.W, self.features(x, n))


# %% train
def train(net, x, y, weight_decay=WEIGHT_DECAY, lr=LR, batch=BATCH):
    """Cross-entropy, SGD with Nesterov momentum, weight decay on everything, the
    rate falling to 0 as a cosine. Returns a copy of net at each checkpoint."""
    parameters = list(net.parameters())
    velocity = [torch.zeros_like(p) for p in parameters]
    rngs = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    N = x.shape[2]
    step, steps = 0, EPOCHS * (N // batch)
    snapshots = [copy.deepcopy(net)]
    for epoch in range(1, EPOCHS + 1):
        order = torch.stack([torch.randperm(N, generator=rng) for rng in rngs])
        x_epoch = x.gather(2, order[:, None].expand(-1, x.shape[1], -1))
        y_epoch = y.gather(1, order)
        for i in range(0, N - batch + 1, batch):
            logits = net(x_epoch[:, :, i : i + batch])
            targets = y_epoch[:, i : i + batch]
            # summed over the seeds: each network gets the gradient of its own loss
            loss = F.cross_entropy(logits, targets, reduction="sum") / batch
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            rate = lr * (1 + math.cos(math.pi * step / steps)) / 2
            with torch.no_grad():  # as torch.optim.SGD, which takes 1.5 s to import
                for p, v, g in zip(parameters, velocity, gradients):
                    if g is not None:  # the gains, without batch norm
                        g = g.add_(p, alpha=weight_decay)
                        v.mul_(MOMENTUM).add_(g)
                        p.sub_(g.add_(v, alpha=MOMENTUM), alpha=rate)
            step += 1
        if epoch in CHECKPOINTS:
            snapshots.append(copy.deepcopy(net))
    return snapshots


# %% measure
@torch.no_grad()
def measure(snapshots, x, y, x_test, y_test):
    """Arrays [checkpoint, seed]: metrics and loss on the training images, NC1 and
    accuracy on the test images (batch norm as seen in the whole training set)."""
    n = x.shape[2]
    images, labels = torch.cat([x, x_test], 2), torch.cat([y, y_test], 1)
    history = []
    for net in snapshots:
        h = net.features(images, n)
        logits = torch.baddbmm(net.b, net.W, h)
        right = (logits.argmax(1) == labels).double()
        for s in range(len(SEEDS)):
            W_and_b = net.W[s], net.b[s, :, 0]
            row = neural_collapse_metrics(h[s, :, :n].T, y[s], *W_and_b)
            on_test = neural_collapse_metrics(h[s, :, n:].T, y_test[s], *W_and_b)
            row["loss"] = F.cross_entropy(logits[s, :, :n].T, y[s]).item()
            row["accuracy"] = right[s, :n].mean().item()
            row["test_nc1"] = on_test["nc1"]
            row["test_accuracy"] = right[s, n:].mean().item()
            history.append(row)
    shape = len(snapshots), len(SEEDS)
    arrays = {k: np.array([row[k] for row in history]) for k in history[0]}
    return {k: array.reshape(shape) for k, array in arrays.items()}


def terminal(history):
    """For each seed, the first checkpoint of the terminal phase (or the last)."""
    reached = history["accuracy"] >= TERMINAL
    reached[-1] = True
    return reached.argmax(0)


# %% [markdown]
# ## The picture: three classes in the plane, four in space
#
# With only two features (and no ReLU on them), three classes can be watched; with
# three features, four classes.

# %% train-toys
TOY_BATCH, TOY_LR, TOY_WEIGHT_DECAY = 50, 0.15, 2e-2
toys = []
for C in (3, 4):
    data = draw([50] * C)
    net = Networks([64, 64, 64, C - 1, C], linear_features=True)
    toy_nets = train(net, *data[:2], TOY_WEIGHT_DECAY, TOY_LR, TOY_BATCH)
    toys.append((data, toy_nets, measure(toy_nets, *data)))


@torch.no_grad()
def view(data, nets, k):
    """Features, rows of W and labels of the first seed at checkpoint k, turned so
    that the mean of digit 0 ends upright, and scaled to mean square length 1."""
    x, y = data[0], data[1][0]
    h_end = nets[-1].features(x)[0].T
    mu = torch.stack([h_end[y == c].mean(0) for c in y.unique()])
    Q, R = torch.linalg.qr((mu - mu.mean(0))[:-1].T)  # Gram-Schmidt on the means
    Q = Q * R.diagonal().sign()
    h, W = nets[k].features(x)[0].T, nets[k].W[0]
    h, W = (h - h.mean(0)) @ Q, W @ Q
    h, W = (a / a.square().sum(1).mean().sqrt() for a in (h, W))
    return h.numpy(), W.numpy(), y.numpy()


def views(data, nets, history):
    """Three moments, each with its name."""
    start = int(terminal(history)[0])
    moments = {"untrained": 0, "terminal phase": start, "end": len(nets) - 1}
    for name, k in moments.items():
        yield f"{name}\nepoch {CHECKPOINTS[k]}", *view(data, nets, k)


def simplex(C):
    """C corners at distance 1 from the origin; by Gram-Schmidt, the first is up."""
    gram = C / (C - 1) * np.eye(C) - 1 / (C - 1)  # 1, and -1 / (C - 1) between two
    return np.linalg.cholesky(gram + 1e-12 * np.eye(C))[:, :-1]


# %% triangle
corners = simplex(3)
fig, axes = plt.subplots(1, 3, figsize=(5.6, 2.3), sharex=True, sharey=True)
for ax, (title, h, W, y) in zip(axes, views(*toys[0])):
    ax.plot(*corners[[0, 1, 2, 0], ::-1].T, "--", color="C4", lw=1)
    for c, marker in enumerate("osD"):
        color = f"C{c}"
        ax.plot(*h[y == c, ::-1].T, marker, color=color, ms=4, mew=0, alpha=0.5)
        arrow = {"arrowstyle": "-|>", "color": color}
        ax.annotate("", 0.7 * W[c, ::-1], (0, 0), arrowprops=arrow)
        if title.startswith("end"):
            place = corners[c, ::-1] * (1.1, 1.7) - (0, 0.2)
            ax.text(*place, f"digit {c}", color=color, ha="center", va="center")
    ax.set(title=title, aspect="equal", xlim=(-2, 2), ylim=(-1.7, 1.9))
    ax.set(xlabel="feature 1", xticks=[], yticks=[])
axes[0].set_ylabel("feature 2")
plt.show()

# %% in-motion
from matplotlib.animation import FuncAnimation

data, toy_nets, history = toys[0]
fig, axes = plt.subplot_mosaic("AAB;AAC", figsize=(5.6, 3.4), layout="constrained")
plane, corners = axes["A"], simplex(3)
plane.plot(*corners[[0, 1, 2, 0], ::-1].T, "--", color="C4", lw=1)
clouds = [plane.plot([], [], m, color=f"C{c}", ms=5, mew=0, alpha=0.5)[0]
          for c, m in enumerate("osD")]  # fmt: skip
at_rest = np.zeros(3), np.zeros(3)
colors = ["C0", "C1", "C2"]
rows = plane.quiver(*at_rest, *at_rest, color=colors, units="xy", scale=1.5, width=0.06)
for c, ((up, right), color) in enumerate(zip(corners, colors)):
    plane.text(1.1 * right, 1.9 * up, f"digit {c}", color=color, ha="center", va="center")
plane.set(aspect="equal", xlim=(-2.2, 2.2), ylim=(-2, 2.2), title="epoch 0")
plane.set(xlabel="feature 1", ylabel="feature 2", xticks=[], yticks=[])
panels = {"B": 100 * history["accuracy"], "C": history["nc1"]}
curves = {name: axes[name].plot([], np.empty((0, 5)), color="C3", lw=0.8, alpha=0.5)
          for name in panels}  # fmt: skip
tips = {name: axes[name].plot([], [], "o", color="C3", ms=5)[0] for name in panels}
for name, values in panels.items():
    curves[name][0].set(linewidth=2, alpha=1)  # the network of the plane
    axes[name].set_xscale("symlog", linthresh=1, linscale=0.4)
    axes[name].set(xlim=(0, 130), ylim=(values.min(), values.max()))
axes["B"].set(title="training accuracy (%)", ylim=(0, 105), xticklabels=[])
axes["C"].set(title="NC1, spread in a class", xlabel="epoch", yscale="log")


def look(k):
    """Draw checkpoint k."""
    h, W, y = view(data, toy_nets, k)
    for c, cloud in enumerate(clouds):
        cloud.set_data(*h[y == c, ::-1].T)
    rows.set_UVC(*W[:, ::-1].T)
    plane.set_title(f"epoch {CHECKPOINTS[k]}")
    for name, values in panels.items():
        for curve, value in zip(curves[name], values.T):
            curve.set_data(CHECKPOINTS[: k + 1], value[: k + 1])
        tips[name].set_data([CHECKPOINTS[k]], values[k, :1])


animation = FuncAnimation(fig, look, frames=len(CHECKPOINTS), interval=600)
plt.show()
animation

# %% tetrahedron
turn = [1, 2, 0]  # the first direction is up
corners = simplex(4)[:, turn]
in_space = {"projection": "3d", "computed_zorder": False}
fig, axes = plt.subplots(1, 3, figsize=(5.6, 2.4), subplot_kw=in_space)
for ax, (title, h, W, y) in zip(axes, views(*toys[1])):
    for edge in itertools.combinations(corners, 2):
        ax.plot(*np.transpose(edge), "--", color="C4", lw=0.8)
    for c, marker in enumerate("osD^"):
        color = f"C{c}"
        look = {"marker": marker, "s": 12, "depthshade": False, "alpha": 0.5, "lw": 0}
        ax.scatter(*h[y == c][:, turn].T, color=color, **look)
        ax.quiver(0, 0, 0, *W[c, turn], length=0.7, color=color, lw=1.5)
        if title.startswith("end"):
            place = 1.5 * corners[c]
            ax.text(*place, str(c), color=color, ha="center", va="center")
    ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-0.7, 1.3), title=title)
    ax.view_init(elev=18, azim=118)
    ax.set_axis_off()
    ax.set_box_aspect((1, 1, 1), zoom=1.3)
plt.show()

# %% [markdown]
# ## Ten digits
#
# Three hidden layers with batch norm, the last of 96 features. In the figures, thin
# lines are seeds and a thick line is the median of five; a dot is the beginning of
# the terminal phase, when the training images are already classified right.

# %% train-digits
SIZES = [64, 128, 128, 96, 10]
balanced = draw([50] * 10)
nets = train(Networks(SIZES), *balanced[:2])
main = measure(nets, *balanced)


def draw_curves(ax, values, color, style="-", dots=None):
    """Thin curves: seeds; thick: their median; dots at the given checkpoints."""
    ax.plot(CHECKPOINTS, values, style, color=color, lw=0.6, alpha=0.5)
    ax.plot(CHECKPOINTS, np.median(values, axis=1), style, color=color)
    if dots is not None:
        at = np.array(CHECKPOINTS)[dots], values[dots, range(len(SEEDS))]
        ax.plot(*at, "o", color=color, ms=5, mew=0)


def label(ax, values, text, color, va="center"):
    """Write beside the end of a curve, in its colour."""
    end = CHECKPOINTS[-1], np.median(values[-1])
    right = {"xytext": (5, 0), "textcoords": "offset points"}
    ax.annotate(text, end, color=color, va=va, **right)


# %% curves
fig, axes = plt.subplots(2, 2, figsize=(5.6, 4.4), sharex=True)
panels = [
    ("NC1  spread within a class", "within / between", "nc1", "test_nc1"),
    ("NC2  angles", "mean |cos + 1/9|", "nc2_angle_means", "nc2_angle_weights"),
    ("NC2  lengths", "std / mean", "nc2_equinorm_means", "nc2_equinorm_weights"),
    ("NC3  W against the means", "squared distance", "nc3", None),
]
for ax, (title, ylabel, solid, dashed) in zip(axes.flat, panels):
    draw_curves(ax, main[solid], "C0", dots=terminal(main))
    if dashed:
        draw_curves(ax, main[dashed], "C1", "--")
        names = ("train", "test") if solid == "nc1" else ("means", "rows\nof W")
        label(ax, main[solid], names[0], "C0")
        label(ax, main[dashed], names[1], "C1")
    ax.set(title=title, ylabel=ylabel, yscale="log", xlim=(0, 100))
axes[0, 1].set_ylim(0.01, 1)
for ax in axes[1]:
    ax.set_xlabel("epoch")
plt.show()


# %% angles
@torch.no_grad()
def pair_angles(nets, x, y):
    """Degrees between two classes, [checkpoint, seed, pair]: means, rows of W."""
    C = nets[0].W.shape[1]
    members = F.one_hot(y, C).float()  # [seeds, N, C]
    i, j = torch.triu_indices(C, C, offset=1)
    both = []
    for net in nets:
        M = (net.features(x) @ members / members.sum(1, keepdim=True)).mT
        M = F.normalize(M - M.mean(1, keepdim=True), dim=2)
        W = F.normalize(net.W, dim=2)
        cosines = [(A[:, i] * A[:, j]).sum(2) for A in (M, W)]
        both.append([torch.rad2deg(cos.acos()) for cos in cosines])
    return [torch.stack(part).numpy() for part in zip(*both)]


IDEAL = float(np.degrees(np.arccos(-1 / 9)))  # 96.4 degrees
INK = plt.rcParams["text.color"]
angles = pair_angles(nets, *balanced[:2])
fig, axes = plt.subplots(1, 2, figsize=(5.6, 2.9), sharex=True, sharey=True)
names = "class means", "rows of W"
for ax, fan, color, what in zip(axes, angles, ("C0", "C1"), names):
    lines = fan.reshape(len(CHECKPOINTS), -1)  # every pair of every seed
    ax.plot(CHECKPOINTS, lines, color=color, lw=0.5, alpha=0.35, rasterized=True)
    ax.axhline(IDEAL, ls=":", color=INK, lw=1.4, zorder=3)
    ax.set(
        title=f"between two {what}", xlabel="epoch", xlim=(0, 100), ylim=(60, 130)
    )
axes[0].set_ylabel("angle (degrees)")
axes[1].text(98, 121, f"dotted: simplex, {IDEAL:.1f}°", color=INK, ha="right")
plt.show()

# %% [markdown]
# ## Controls: what must be there, and what collapse does not tell
#
# One change each: no weight decay; no batch norm; labels handed out at random; and six
# large classes against four small ones.

# %% train-controls
LARGE, SMALL = 82, 2
shuffled = draw([50] * 10, random_labels=True)
skewed = draw([LARGE] * 6 + [SMALL] * 4)

no_decay = measure(train(Networks(SIZES), *balanced[:2], weight_decay=0), *balanced)
no_norm_nets = train(Networks(SIZES, batch_norm=False), *balanced[:2])
no_norm = measure(no_norm_nets, *balanced)
random_nets = train(Networks(SIZES), *shuffled[:2])
random = measure(random_nets, *shuffled)
skewed_nets = train(Networks(SIZES), *skewed[:2])
imbalance = measure(skewed_nets, *skewed)

# %% controls
fig, ax = plt.subplots(figsize=(5.6, 3.4))
arms = [
    (main, "C0", "-", "as above", "center"),
    (no_decay, "C1", "--", "no weight\ndecay", "center"),
    (no_norm, "C2", "-.", "no batch\nnorm", "bottom"),
    (random, "C3", ":", "random\nlabels", "center"),
]
for history, color, style, text, va in arms:
    draw_curves(ax, history["nc1"], color, style, terminal(history))
    label(ax, history["nc1"], text, color, va)
ax.set(yscale="log", xlim=(0, 100), xlabel="epoch")
ax.set_ylabel("NC1, training images")
plt.show()


# %% train-and-test
@torch.no_grad()
def three_classes(nets, x, y, x_test, y_test):
    """The first seed's classes 0-2 on the plane of their means: train, test."""
    n = x.shape[2]
    h = nets[-1].features(torch.cat([x, x_test], 2), n)[0].T
    mu = torch.stack([h[:n][y[0] == c].mean(0) for c in range(3)])
    Q, R = torch.linalg.qr((mu - mu.mean(0))[:2].T)
    h = (h - mu.mean(0)) @ (Q / R[0, 0])  # the mean of digit 0 has length 1
    return (h[:n].numpy(), y[0].numpy()), (h[n:].numpy(), y_test[0].numpy())


fig, axes = plt.subplots(2, 2, figsize=(5.6, 4.8), sharex=True, sharey=True)
rows = ("true", nets, balanced, main), ("random", random_nets, shuffled, random)
for row, (kind, arm_nets, data, history) in zip(axes, rows):
    parts = zip(row, ("", "test_"), three_classes(arm_nets, *data))
    for ax, part, (h, y) in parts:
        for c, marker in enumerate("osD"):
            points = h[y == c, ::-1]
            ax.plot(*points.T, marker, color=f"C{c}", ms=4, mew=0, alpha=0.5)
            if not part:
                below = points.mean(0) - (0, 0.42)
                ax.text(*below, f"label {c}", color=f"C{c}", ha="center")
        share = history[part + "accuracy"][-1, 0]
        title = f"{kind} labels, {part[:4] or 'train'}: {share:.0%} right"
        ax.set(title=title, aspect="equal", xticks=[], yticks=[])
        ax.set(xlim=(-1.5, 1.5), ylim=(-1.2, 1.5))
for ax in axes[1]:
    ax.set_xlabel("second direction")
for ax in axes[:, 0]:
    ax.set_ylabel("first direction")
plt.show()

# %% imbalance
fans = pair_angles(skewed_nets, *skewed[:2])
small = (torch.triu_indices(10, 10, offset=1) >= 6).sum(0).numpy()  # of the pair
fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.2), sharex=True, sharey=True)
for ax, fan, what in zip(axes, fans, ("class means", "rows of W")):
    names = ("two large", "bottom"), ("mixed", "top"), ("two small", "center")
    for k, (text, va) in enumerate(names):
        group = fan[:, :, small == k]
        span = group.min((1, 2)), group.max((1, 2))  # over the pairs and the seeds
        ax.fill_between(CHECKPOINTS, *span, color=f"C{k}", alpha=0.12, lw=0)
        draw_curves(ax, group.mean(2), f"C{k}", ("-", "-.", "--")[k])
        if what == "rows of W":
            label(ax, group.mean(2), text, f"C{k}", va)
    ax.axhline(IDEAL, ls=":", color=INK, lw=1.4, zorder=3)
    ax.set(
        title=f"between two {what}", xlabel="epoch", xlim=(0, 100), ylim=(30, 130)
    )
axes[0].set_ylabel("angle (degrees)")
plt.show()

# %% [markdown]
# ## Use
#
# An exact tetrahedron has no error. A square has corners of equal length, yet fails
# the test of angles: two of its corners face each other.

# %% use
tetrahedron = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
square = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
for name, W in {"tetrahedron": tetrahedron, "square": square}.items():
    found = neural_collapse_metrics(W, torch.arange(4), W)
    print(f"{name:11}  angle error {found['nc2_angle_means']:.3f}")

# %% [markdown]
# ## Results
#
# One number per seed: `_start` at the start of the terminal phase, `_end` after the
# last epoch, `_fall` how many times smaller NC1 became in between.

# %% results
results = {
    "seeds": SEEDS, "hidden": SIZES[1:-1], "epochs": EPOCHS, "batch": BATCH,
    "lr": LR, "momentum": MOMENTUM, "weight_decay": WEIGHT_DECAY,
    "toy_batch": TOY_BATCH, "toy_lr": TOY_LR,
    "toy_weight_decay": TOY_WEIGHT_DECAY, "large": LARGE, "small": SMALL,
    "train_images": balanced[1].shape[1], "test_images": balanced[3].shape[1],
    "simplex_cos": round(-1 / 9, 4), "simplex_degrees": round(IDEAL, 1),
}  # fmt: skip


def record(name, values):
    results[name] = [float(f"{v:.3g}") for v in values]


histories = {
    "": main, "no_decay_": no_decay, "no_norm_": no_norm, "random_": random,
    "imbalance_": imbalance, "triangle_": toys[0][2], "tetrahedron_": toys[1][2],
}  # fmt: skip
for arm, history in histories.items():
    first, every = terminal(history), range(len(SEEDS))
    results[arm + "terminal_epoch"] = [CHECKPOINTS[k] for k in first]
    record(arm + "nc1_fall", history["nc1"][first, every] / history["nc1"][-1])
    for key, values in history.items():
        if arm == "" or key == "nc1":
            record(f"{arm}{key}_start", values[first, every])
        record(f"{arm}{key}_end", values[-1])
for k, pair in enumerate(("large", "mixed", "small")):
    for fan, what in zip(fans, ("means", "weights")):
        cos = np.cos(np.radians(fan[-1][:, small == k])).mean(1)
        record(f"imbalance_cos_{what}_{pair}", cos)
for name, values in results.items():
    print(f"{name} = {values}")
