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
# With $h$ the input of the last layer, $\mu_c$ its mean over class $c$, $\mu_G$ its
# mean over all samples, and $w_c$ a row of the classifier $W$:
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
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)  # on tensors this small, more threads are slower
torch.set_flush_denormal(True)

try:
    SEED = int(os.environ.get("SEED", "0"))
except ValueError:
    raise SystemExit(f"SEED must be an integer, not {os.environ['SEED']!r}.") from None
seeds = [5 * SEED + k for k in range(5)]  # no other SEED has any of these


def stream(seed, purpose):
    """Random numbers of their own for each seed and each purpose."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {purpose}".encode()))


STEPS, RATE, MOMENTUM, DECAY = 140, 0.3, 0.9, 1e-2
USUAL = 5e-4  # the weight decay of the authors' own code
SLOW = 0.1  # a learning rate at which a network without batch norm trains as well
EQUAL, UNEQUAL = [20] * 10, [32] * 6 + [2] * 4  # training images of each digit
# steps after which the networks are measured
CHECKPOINTS = [0, 3, 6, 9, 12, 15, 18, 22, 30, 45, 60, 80, 110, 140]
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
        nc4: share of these samples on which the layer and the nearest mean disagree
            (soon 0 on training images).
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
# draws 20 of every digit to train on, and 50 others to test. All arms and seeds are
# trained side by side, as one batch of small networks that never mix: a fraction of
# the time of single runs, and the same numbers.

# %% data
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32).T / 8 - 1  # [64, 1797]
digit = torch.tensor(digits.target)


def draw(counts, random_labels=False):
    """For each seed, counts[c] images of digit c to train on and 50 others to test.

    Returns x [seeds, 64, N] and y [seeds, N], then the same of the test images.
    """
    parts = []
    for seed in seeds:
        order = torch.randperm(len(digit), generator=stream(seed, "images"))
        of = [order[digit[order] == c] for c in range(len(counts))]
        train = torch.cat([of_c[:n] for of_c, n in zip(of, counts)])
        test = torch.cat([of_c[-50:] for of_c in of])
        y = digit[train]
        if random_labels:  # the same labels, handed out to images at random
            y = y[torch.randperm(len(y), generator=stream(seed, "random labels"))]
        parts.append((pixels[:, train], y, pixels[:, test], digit[test]))
    return [torch.stack(part) for part in zip(*parts)]


# %% network
def normalise(x, gain, shift, n):
    """Batch norm, mean and variance taken from the first n columns (None: all)."""
    flat = x.reshape(1, -1, x.shape[2])  # a channel for each unit of each network
    mean, var = None, None
    if n is not None:
        mean, var = flat[0, :, :n].mean(1), flat[0, :, :n].var(1, correction=0)
    gain, shift = gain.flatten(), shift.flatten()
    return F.batch_norm(flat, mean, var, gain, shift, n is None).view_as(x)


class Networks:
    """A multilayer perceptron for each arm and seed, side by side; a column is an
    image. The first dimension of every parameter is the network."""

    def __init__(self, sizes, arms=1, batch_norm=True, linear_features=False):
        rngs = [stream(seed, "initial weights") for seed in seeds]

        def initial(a, b):  # uniform with variance 2 / a (He et al. 2015)
            drawn = torch.stack([torch.rand(b, a, generator=rng) for rng in rngs])
            return ((6 / a) ** 0.5 * (2 * drawn - 1)).repeat(arms, 1, 1)

        *self.V, self.W = (initial(a, b) for a, b in itertools.pairwise(sizes))
        n = len(self.W)
        relus = sizes[1:-2] if linear_features else sizes[1:-1]
        self.gain = [torch.ones(n, size, 1) for size in relus if batch_norm]
        self.shift = [torch.zeros(n, size, 1) for size in relus]
        self.b = torch.zeros(n, sizes[-1], 1)

    def hidden_and_rest(self):
        """The parameters: hidden weights, all others."""
        return self.V, [*self.gain, *self.shift, self.W, self.b]

    def only(self, own):
        """A copy of some of the networks, as they are now."""
        part = copy.copy(self)
        for name in ("V", "gain", "shift"):
            setattr(part, name, [p.detach()[own].clone() for p in getattr(self, name)])
        part.W, part.b = (p.detach()[own].clone() for p in (self.W, self.b))
        return part

    def features(self, x, n=None):
        """h, [networks, d, N]: the layer that the classifier W h + b reads."""
        for k, V in enumerate(self.V):
            x = V @ x
            if k < len(self.gain):
                x = normalise(x, self.gain[k], self.shift[k], n).relu()
            elif k < len(self.shift):
                x = (x + self.shift[k]).relu()
        return x

    def logits(self, h):
        return torch.baddbmm(self.b, self.W, h)


# %% training
PLAIN = {"counts": EQUAL, "random_labels": False}
PLAIN |= {"hidden_decay": DECAY, "rest_decay": DECAY, "rate": RATE}
WEAK = {"hidden_decay": USUAL, "rest_decay": USUAL}


def train(net, x, y, arms, steps):
    """Cross-entropy of all images, gradient descent with Nesterov momentum, weight
    decay, the rate falling to 0 as a cosine. Returns, for each arm, its networks at
    each checkpoint."""

    def setting(name):  # [networks, 1, 1]
        return torch.tensor([arm[name] for arm in arms for _ in seeds]).view(-1, 1, 1)

    hidden, rest = net.hidden_and_rest()
    parameters = [p.requires_grad_() for p in hidden + rest]
    decays = [setting("hidden_decay")] * len(hidden)
    decays += [setting("rest_decay")] * len(rest)
    rate, velocity = setting("rate"), [torch.zeros_like(p) for p in parameters]
    own = [slice(k, k + len(seeds)) for k in range(0, len(x), len(seeds))]
    snapshots = [[net.only(part) for part in own]]
    for step in range(steps):
        logits = net.logits(net.features(x))
        # summed over the networks: each gets the gradient of its own loss
        loss = F.cross_entropy(logits, y, reduction="sum") / y.shape[1]
        gradients = torch.autograd.grad(loss, parameters)
        now = (1 + math.cos(math.pi * step / steps)) / 2
        with torch.no_grad():  # as torch.optim.SGD, which takes 1.5 s to import
            for p, v, g, decay in zip(parameters, velocity, gradients, decays):
                g = g.addcmul_(p, decay)
                v.mul_(MOMENTUM).add_(g)
                p.addcmul_(g.add_(v, alpha=MOMENTUM), rate, value=-now)
        if step + 1 in CHECKPOINTS:
            snapshots.append([net.only(part) for part in own])
    return list(zip(*snapshots))


def run(arms, sizes, steps=STEPS, **kind):
    """Train arms side by side; each is a dict of what it does differently. Returns,
    for each, its data and its networks at each checkpoint."""
    arms = [PLAIN | arm for arm in arms]
    data = [draw(arm["counts"], arm["random_labels"]) for arm in arms]
    x, y = (torch.cat([part[k] for part in data]) for k in (0, 1))
    nets = train(Networks(sizes, len(arms), **kind), x, y, arms, steps)
    return list(zip(data, nets))


# %% measure
@torch.no_grad()
def measure(data, nets):
    """Arrays [checkpoint, seed]: the metrics, loss and accuracy on training images."""
    x, y = data[:2]
    history = []
    for net in nets:
        h = net.features(x)
        logits = net.logits(h)
        for s in range(len(seeds)):
            row = neural_collapse_metrics(h[s].T, y[s], net.W[s], net.b[s, :, 0])
            row["loss"] = F.cross_entropy(logits[s].T, y[s]).item()
            row["accuracy"] = (logits[s].argmax(0) == y[s]).double().mean().item()
            history.append(row)
    shape = len(nets), len(seeds)
    arrays = {k: np.array([row[k] for row in history]) for k in history[0]}
    return {k: array.reshape(shape) for k, array in arrays.items()}


@torch.no_grad()
def measure_on_test(data, nets):
    """For each seed, at the end: accuracy and NC1 on the test images, and the share
    of them (NC4) for which the nearest *training* mean says otherwise."""
    x, y, x_test, y_test = data
    h = nets[-1].features(torch.cat([x, x_test], 2), x.shape[2]).mT
    rows = []
    for s, (W, b) in enumerate(zip(nets[-1].W, nets[-1].b[:, :, 0])):
        h_train, h_test = h[s, : y.shape[1]], h[s, y.shape[1] :]
        mu = torch.stack([h_train[y[s] == c].mean(0) for c in range(len(W))])
        says = (h_test @ W.T + b).argmax(1)
        row = {"test_accuracy": (says == y_test[s]).double().mean().item()}
        row["test_nc1"] = neural_collapse_metrics(h_test, y_test[s], W, b)["nc1"]
        nearest = torch.cdist(h_test, mu).argmin(1)
        row["test_nc4"] = (says != nearest).double().mean().item()
        rows.append(row)
    return {key: [row[key] for row in rows] for key in rows[0]}


def terminal(history):
    """For each seed, the first checkpoint of the terminal phase, or None."""
    reached = history["accuracy"] >= TERMINAL
    return [int(seed.argmax()) if seed.any() else None for seed in reached.T]


# %% [markdown]
# ## The picture: three classes in the plane
#
# With only two features (and no ReLU on them), three classes can be watched. The decay
# is 2e-2; a second arm has the usual.

# %% triangle-arms
TRIANGLE = {"counts": [30] * 3, "rate": 0.2, "hidden_decay": 2e-2, "rest_decay": 2e-2}
TRIANGLES = [TRIANGLE, TRIANGLE | WEAK]
TRIANGLE_SIZES = [64, 48, 48, 2, 3]

# %% train-triangle
triangles = run(TRIANGLES, TRIANGLE_SIZES, linear_features=True)
(plane_data, plane_nets), (usual_data, usual_nets) = triangles
plane, usual_plane = measure(plane_data, plane_nets), measure(usual_data, usual_nets[-1:])


def upright(h, W, y, h_end):
    """Features h and rows W turned so that the mean of class 0 ends upright, and
    scaled to mean square length 1."""
    mu = torch.stack([h_end[y == c].mean(0) for c in y.unique()])
    Q, R = torch.linalg.qr((mu - mu.mean(0))[:-1].T)  # Gram-Schmidt on the means
    Q = Q * R.diagonal().sign()
    h, W = (h - h.mean(0)) @ Q, W @ Q
    return [(a / a.square().sum(1).mean().sqrt()).numpy() for a in (h, W)]


@torch.no_grad()
def in_plane(k):
    """Of the first seed's network at checkpoint k: features, rows of W, labels."""
    x, y = plane_data[0], plane_data[1][0]
    h, h_end = (plane_nets[i].features(x)[0].T for i in (k, -1))
    return *upright(h, plane_nets[k].W[0], y, h_end), y.numpy()


def simplex(C):
    """C corners at distance 1 from the origin; by Gram-Schmidt, the first is up."""
    gram = C / (C - 1) * np.eye(C) - 1 / (C - 1)  # 1, and -1 / (C - 1) between two
    return np.linalg.cholesky(gram + 1e-12 * np.eye(C))[:, :-1]


# %% triangle
corners = simplex(3)
moments = {"untrained": 0, "terminal phase": terminal(plane)[0], "end": -1}
moments = {name: k for name, k in moments.items() if k is not None}
fig, axes = plt.subplots(1, 3, figsize=(5.6, 2.3), sharex=True, sharey=True)
for ax, (name, k) in zip(axes, moments.items()):
    h, W, y = in_plane(k)
    ax.plot(*corners[[0, 1, 2, 0], ::-1].T, "--", color="C4", lw=1)
    for c, marker in enumerate("osD"):
        color = f"C{c}"
        ax.plot(*h[y == c, ::-1].T, marker, color=color, ms=4, mew=0, alpha=0.5)
        arrow = {"arrowstyle": "-|>", "color": color}
        ax.annotate("", 0.7 * W[c, ::-1], (0, 0), arrowprops=arrow)
        if name == "end":
            place = corners[c, ::-1] * (1.1, 1.7) - (0, 0.2)
            ax.text(*place, f"digit {c}", color=color, ha="center", va="center")
    ax.set(aspect="equal", xlim=(-2, 2), ylim=(-1.7, 1.9), xticks=[], yticks=[])
    ax.set(title=f"{name}\nstep {CHECKPOINTS[k]}", xlabel="feature 1")
axes[0].set_ylabel("feature 2")
plt.show()

# %% in-motion
from matplotlib.animation import FuncAnimation

fig, axes = plt.subplot_mosaic("AAB;AAC", figsize=(5.6, 3.4), layout="constrained")
field, corners = axes["A"], simplex(3)
field.plot(*corners[[0, 1, 2, 0], ::-1].T, "--", color="C4", lw=1)
clouds = [field.plot([], [], m, color=f"C{c}", ms=5, mew=0, alpha=0.5)[0]
          for c, m in enumerate("osD")]  # fmt: skip
at_rest = np.zeros(3), np.zeros(3)
colors = ["C0", "C1", "C2"]
rows = field.quiver(*at_rest, *at_rest, color=colors, units="xy", scale=1.5, width=0.06)
for c, ((up, right), color) in enumerate(zip(corners, colors)):
    place = 1.1 * right, 1.9 * up
    field.text(*place, f"digit {c}", color=color, ha="center", va="center")
field.set(aspect="equal", xlim=(-2.2, 2.2), ylim=(-2, 2.2), title="step 0")
field.set(xlabel="feature 1", ylabel="feature 2", xticks=[], yticks=[])
panels = {"B": 100 * plane["accuracy"], "C": plane["nc1"]}
curves = {name: axes[name].plot([], np.empty((0, 5)), color="C3", lw=0.8, alpha=0.5)
          for name in panels}  # fmt: skip
tips = {name: axes[name].plot([], [], "o", color="C3", ms=5)[0] for name in panels}
for name, values in panels.items():
    curves[name][0].set(linewidth=2, alpha=1)  # the network of the plane
    axes[name].set_xscale("symlog", linthresh=3, linscale=0.4)
    axes[name].set(xlim=(0, 200), ylim=(values.min(), values.max()))
    axes[name].set_xticks([0, 10, 100], ["0", "10", "100"])
axes["B"].set(title="training accuracy (%)", ylim=(0, 105))
axes["C"].set(title="NC1, spread in a class", xlabel="step", yscale="log")


def show(k):
    """Draw checkpoint k."""
    h, W, y = in_plane(k)
    for c, cloud in enumerate(clouds):
        cloud.set_data(*h[y == c, ::-1].T)
    rows.set_UVC(*W[:, ::-1].T)
    field.set_title(f"step {CHECKPOINTS[k]}")
    for name, values in panels.items():
        for curve, value in zip(curves[name], values.T):
            curve.set_data(CHECKPOINTS[: k + 1], value[: k + 1])
        tips[name].set_data([CHECKPOINTS[k]], values[k, :1])


animation = FuncAnimation(fig, show, frames=len(CHECKPOINTS), interval=600)
plt.show()
animation

# %% [markdown]
# ## Why a simplex: features that are free
#
# Forget data and network: let every feature go where it likes (the *unconstrained
# features model*, Mixon, Parshall, Pi 2020, arXiv:2011.11619), and descend, with weight
# decay on both as in Zhu et al. 2021, arXiv:2105.02375,
#
# $$\frac{1}{N} \sum_i \mathrm{CE}(W h_i, y_i)
#   + \frac{\lambda}{2} \|W\|_F^2 + \frac{\lambda}{2 n} \|H\|_F^2,$$
#
# with $n$ samples in each of $C$ classes, $N = C n$. Four classes want a tetrahedron;
# in a plane there is no room for it.

# %% free-features
def free_features(d, C=4, n=20, decay=0.0125, steps=600, rate=2.0):
    """Gradient descent on H [seeds, N, d] and W [seeds, C, d]; returns y, and (H, W)
    after each step."""
    y = torch.arange(C).repeat_interleave(n)
    H, W = (
        torch.stack([torch.randn(size, d, generator=stream(s, what)) for s in seeds])
        for size, what in ((C * n, "free features"), (C, "free classifier"))
    )
    path = [(H, W)]
    for _ in range(steps):
        error = (H @ W.mT).softmax(2) - F.one_hot(y, C)  # of the logits, times N
        slope_H = error @ W / (C * n) + decay / n * H
        slope_W = error.mT @ H / (C * n) + decay * W
        # every feature has 1 / n of the loss: n times the rate
        H, W = H - rate * n * slope_H, W - rate * slope_W
        path.append((H, W))
    return y, path


def angle_error(rows):
    """Mean of |cos + 1 / (C - 1)| between two rows, centred, for each seed."""
    unit = F.normalize(rows - rows.mean(1, keepdim=True), dim=2)
    i, j = torch.triu_indices(rows.shape[1], rows.shape[1], offset=1)
    cosines = (unit[:, i] * unit[:, j]).sum(2)
    return (cosines + 1 / (rows.shape[1] - 1)).abs().mean(1)


# %% free-simplex
free_labels, space = free_features(3)
_, flat = free_features(2)
free = [neural_collapse_metrics(H, free_labels, W) for H, W in zip(*space[-1])]
free_angles, flat_angles = (  # of the class means
    angle_error(path[-1][0].unflatten(1, (4, -1)).mean(2)) for path in (space, flat)
)

turn = [1, 2, 0]  # the first direction is up
corners = simplex(4)[:, turn]
in_space = {"projection": "3d", "computed_zorder": False}
fig = plt.figure(figsize=(5.6, 1.8))
for place, k in enumerate((0, 20, len(space) - 1)):
    ax = fig.add_subplot(1, 4, place + 1, **in_space)
    h, W = upright(*(a[0] for a in space[k]), free_labels, space[-1][0][0])
    for edge in itertools.combinations(corners, 2):
        ax.plot(*np.transpose(edge), "--", color="C4", lw=0.8)
    for c, marker in enumerate("osD^"):
        style = {"marker": marker, "s": 12, "depthshade": False, "alpha": 0.5, "lw": 0}
        ax.scatter(*h[free_labels == c][:, turn].T, color=f"C{c}", **style)
        ax.quiver(0, 0, 0, *W[c, turn], length=0.7, color=f"C{c}", lw=1.5)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-0.7, 1.3), title=f"step {k}")
    ax.view_init(elev=18, azim=118)
    ax.set_axis_off()
    ax.set_box_aspect((1, 1, 1), zoom=1.3)
ax = fig.add_subplot(1, 4, 4)
h, W = upright(*(a[0] for a in flat[-1]), free_labels, flat[-1][0][0])
for c, marker in enumerate("osD^"):
    ax.plot(*h[free_labels == c, ::-1].T, marker, color=f"C{c}", ms=4, mew=0)
    arrow = {"arrowstyle": "-|>", "color": f"C{c}"}
    ax.annotate("", 0.7 * W[c, ::-1], (0, 0), arrowprops=arrow)
ax.set(title="in a plane", aspect="equal", xlim=(-1.4, 1.4), ylim=(-1.4, 1.4))
ax.set_axis_off()
plt.show()

# %% [markdown]
# ## Ten digits
#
# Three hidden layers with batch norm, and arms that differ in one thing each. Decay
# 1e-2 is twenty times the usual; with the usual, 140 steps are too few. In the
# figures, thin lines are seeds and a thick line is the median of five; a dot is the
# beginning of the terminal phase, when the training images are first right.

# %% arms
SIZES = [64, 48, 48, 48, 10]
ARMS = {
    "": {},
    "usual_": WEAK,
    "hidden_": {"rest_decay": 0.0},  # decay on the hidden weights only
    "rest_": {"hidden_decay": 0.0},  # on all parameters but these
    "random_": {"random_labels": True},
    "random_usual_": {"random_labels": True} | WEAK,
    "unequal_": {"counts": UNEQUAL},
    "slow_": {"rate": SLOW},
}

# %% train-digits
trained = dict(zip(ARMS, run(ARMS.values(), SIZES)))
[trained["no_norm_"]] = run([ARMS["slow_"]], SIZES, batch_norm=False)
histories = {arm: measure(*data_and_nets) for arm, data_and_nets in trained.items()}
main = histories[""]
squares = [
    sum(p.square().sum((1, 2)) for p in itertools.chain(*net.hidden_and_rest())).numpy()
    for net in trained[""][1]
]
main["penalised"] = main["loss"] + DECAY / 2 * np.array(squares)  # what is descended


def draw_curves(ax, arm, key, color, style, text, va="bottom"):
    """Thin curves: seeds; thick: their median, with its name; dots: the start of the
    terminal phase."""
    values, median = histories[arm][key], np.median(histories[arm][key], axis=1)
    ax.plot(CHECKPOINTS, values, style, color=color, lw=0.6, alpha=0.5)
    ax.plot(CHECKPOINTS, median, style, color=color)
    begun = [(k, s) for s, k in enumerate(terminal(histories[arm])) if k is not None]
    dots = [CHECKPOINTS[k] for k, _ in begun], [values[dot] for dot in begun]
    ax.plot(*dots, "o", color=color, ms=4, mew=0)
    beside = {"xytext": (0, 4 if va == "bottom" else -4), "textcoords": "offset points"}
    ax.annotate(text, (STEPS, median[-1]), color=color, ha="right", va=va, **beside)


# %% curves
fig, axes = plt.subplots(2, 2, figsize=(5.6, 4.4), sharex=True)
panels = [
    ("NC1  spread within a class", "within / between", "nc1"),
    ("NC2  angles", "mean |cos + 1/9|", "nc2_angle_means"),
    ("NC2  lengths", "std / mean", "nc2_equinorm_means"),
    ("NC3  W against the means", "squared distance", "nc3"),
]
for ax, (title, ylabel, key) in zip(axes.flat, panels):
    draw_curves(ax, "", key, "C0", "-", "decay 1e-2")
    draw_curves(ax, "usual_", key, "C1", "--", "decay 5e-4")
    ax.set(title=title, ylabel=ylabel, yscale="log", xlim=(0, STEPS))
axes[0, 1].set_ylim(0.01, 1)
for ax in axes[1]:
    ax.set_xlabel("step")
plt.show()

# %% controls
fig, axes = plt.subplots(1, 3, figsize=(5.6, 3.6), sharex=True, sharey=True)
panels = {
    "decay 1e-2 on": [
        ("usual_", "C1", "--", "all, 5e-4"),
        ("hidden_", "C2", "-.", "hidden", "top"),
        ("rest_", "C3", ":", "rest", "top"),
        ("", "C0", "-", "all", "top"),
    ],
    f"rate {SLOW}": [
        ("no_norm_", "C2", "-.", "no batch norm", "top"),
        ("slow_", "C4", "--", "batch norm", "top"),
    ],
    "random labels": [
        ("random_usual_", "C1", "--", "decay 5e-4"),
        ("random_", "C3", "-", "decay 1e-2", "top"),
    ],
}
for ax, (title, arms) in zip(axes, panels.items()):
    for arm, *how in arms:
        draw_curves(ax, arm, "nc1", *how)
    ax.set(title=title, yscale="log", xlim=(0, STEPS), xlabel="step")
axes[0].set(ylabel="NC1, training images", ylim=(1e-4, 20))
plt.show()

# %% [markdown]
# ## Unequal classes
#
# Six classes of 32 images, four of 2. All 45 cosines, as a table of ten by ten.


# %% cosines
@torch.no_grad()
def cosines(data, net, each_class_once=False):
    """Between the classes, [seeds, C, C]: of the centred means, of the rows of W."""
    h, members = net.features(data[0]), F.one_hot(data[1]).float()
    mu = (h @ members / members.sum(1, keepdim=True)).mT
    centre = mu.mean(1) if each_class_once else h.mean(2)
    units = F.normalize(mu - centre[:, None], dim=2), F.normalize(net.W, dim=2)
    return [(unit @ unit.mT).numpy() for unit in units]


tables = {
    "untrained": cosines(trained[""][0], trained[""][1][0]),
    "equal classes": cosines(trained[""][0], trained[""][1][-1]),
    "unequal classes": cosines(trained["unequal_"][0], trained["unequal_"][1][-1]),
}
fig, axes = plt.subplots(2, 3, figsize=(5.6, 3.7), layout="constrained")
for column, (title, pair) in zip(axes.T, tables.items()):
    for ax, table in zip(column, pair):
        table = np.median(table, axis=0)
        np.fill_diagonal(table, np.nan)
        image = ax.imshow(table, cmap="RdBu_r", vmin=-0.3, vmax=0.3)
        ax.set(xticks=range(0, 10, 3), yticks=range(0, 10, 3))
        ax.grid(False)
    column[0].set_title(title)
axes[0, 0].set_ylabel("class means")
axes[1, 0].set_ylabel("rows of W")
fig.colorbar(image, ax=axes, label="cosine", shrink=0.8, extend="both")
plt.show()


# %% by-class
@torch.no_grad()
def nc1_by_class(data, net):
    """NC1 of each class alone, [seeds, C]. Divided by n - 1, for n images lie closer
    to their own mean than to that of all such images."""
    h, members = net.features(data[0]).mT.double(), F.one_hot(data[1]).double()
    size = members.sum(1)
    mu = members.mT @ h / size[:, :, None]
    M = mu - h.mean(1, keepdim=True)
    # Sigma_B = M^T M / C, so Tr(x x^T pinv(Sigma_B)) / C = |x pinv(M)|^2
    within = (h - members @ mu) @ torch.linalg.pinv(M, rtol=1e-5)
    squares = within.square().sum(2, keepdim=True)
    return ((members.mT @ squares)[:, :, 0] / (size - 1)).numpy()


by_class = nc1_by_class(trained["unequal_"][0], trained["unequal_"][1][-1])

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
# last step, `_fall` how many times smaller NC1 became in between.

# %% results
results = {
    "seeds": seeds, "hidden": SIZES[1:-1], "steps": STEPS, "rate": RATE, "slow": SLOW,
    "momentum": MOMENTUM, "weight_decay": DECAY, "usual_decay": USUAL,
    "triangle_decay": TRIANGLE["rest_decay"],
    "large": max(UNEQUAL), "small": min(UNEQUAL),
    "train_images": sum(EQUAL), "test_images": trained[""][0][3].shape[1],
    "simplex_cos": round(-1 / 9, 4),
    "simplex_degrees": round(math.degrees(math.acos(-1 / 9)), 1),
}  # fmt: skip


def record(name, values):
    results[name] = [None if v is None else float(f"{v:.3g}") for v in values]


WHOLE = "", "usual_"
FEW = "nc1", "nc2_angle_means", "nc2_equinorm_means", "nc3", "nc4"
for arm, history in {**histories, "triangle_": plane}.items():
    begun = terminal(history)
    record(f"{arm}terminal_step", [k if k is None else CHECKPOINTS[k] for k in begun])
    for key in history if arm in WHOLE else FEW:
        values = history[key]
        start = [None if k is None else values[k, s] for s, k in enumerate(begun)]
        record(f"{arm}{key}_end", values[-1])
        if arm in WHOLE:
            record(f"{arm}{key}_start", start)
        if key == "nc1":
            falls = [None if a is None else a / b for a, b in zip(start, values[-1])]
            record(f"{arm}nc1_fall", falls)
    if arm in (*WHOLE, "random_"):
        for key, values in measure_on_test(*trained[arm]).items():
            record(f"{arm}{key}_end", values)
record("loss_lowest", main["loss"].min(0))
record("triangle_usual_nc2_angle_means_end", usual_plane["nc2_angle_means"][-1])
record("free_angle_end", free_angles)
record("flat_angle_end", flat_angles)
record("free_nc1_end", [found["nc1"] for found in free])

off = ~np.eye(4, dtype=bool)
data, nets = trained["unequal_"]
pairs = {
    "cos": tables["equal classes"],
    "unequal_cos": tables["unequal classes"],
    "unequal_cos_other_centre": cosines(data, nets[-1], each_class_once=True)[:1],
}
# the last four classes, which are the small ones, and the first four
for name, four in {"small": slice(6, 10), "large": slice(0, 4)}.items():
    for arm, pair in pairs.items():
        for what, table in zip(("means", "weights"), pair):
            record(f"{arm}_{what}_{name}", table[:, four, four][:, off].mean(1))
    record(f"unequal_nc1_{name}", np.mean(by_class[:, four], axis=1))
for name, values in results.items():
    print(f"{name} = {values}")
