# %% [markdown]
# # SAM: sharpness-aware minimization
#
# SAM asks for weights with a low loss *everywhere within a small ball* around them.
# It does not search the ball: it takes one normalised step uphill, and descends with
# the gradient found there.
#
# P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, "Sharpness-Aware Minimization for
# Efficiently Improving Generalization", ICLR 2021, arXiv:2010.01412.
#
# $$\min_w \; \max_{\|\epsilon\|_2 \le \rho} L(w + \epsilon) \qquad
# \hat\epsilon = \rho \, \frac{\nabla L(w)}{\|\nabla L(w)\|_2} \qquad
# w \leftarrow w - \eta \, \nabla L(w + \hat\epsilon)$$
#
# Whether flatness is *why* a network generalises is not settled. So everything here
# runs next to what else could do it: a random step of the same length, as many
# gradients, stopping early, a tuned weight decay. And sharpness is measured twice:
# as it is, and in units that the scale of the weights leaves alone.

# %% setup
import os
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.optim import SGD

torch.set_num_threads(1)  # tensors this small gain nothing from more
torch.set_flush_denormal(True)

try:
    SEED = int(os.environ.get("SEED", "0"))
except ValueError:
    raise SystemExit("SEED must be an integer, for example SEED=0.") from None
seeds = [5 * SEED + k for k in range(5)]  # no other SEED has any of these


def stream(seed, purpose):
    """Random numbers of their own for each seed and each purpose."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {purpose}".encode()))


# %% take-home
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class SAM(torch.optim.Optimizer):
    """Sharpness-aware minimization around any torch optimizer.

    One step costs two gradients: g at the weights w, then the gradient at
    w + rho * g / ||g||, with which the base optimizer moves w itself.

        optimizer = SAM(model.parameters(), torch.optim.SGD, rho=0.05, lr=0.1)

        def closure():
            loss = loss_function(model(x), y)
            loss.backward()
            return loss

        loss = optimizer.step(closure)  # the loss at w, before the step

    The closure runs twice, each time from gradients of zero (once where every rho is
    0, which is the base optimizer bit for bit). It can ask where it is:
    `optimizer.ascending`, when its gradient serves the climb alone, and
    `optimizer.perturbed`, when the weights are not w but uphill of it. Loops without
    a closure call `first_step` after the first backward, `second_step` after the
    second; both take `zero_grad=True`. A GradScaler goes to `step(closure, scaler)`
    or `second_step(scaler=scaler)`, and is updated after it.

    Args:
        params: parameters of any shapes, or groups of them; each group may set its
            own `rho` and its own options of the base optimizer.
        base_optimizer: a class such as `torch.optim.SGD`, not an instance.
        rho: radius of the ball, a length in weight space, >= 0. The norm ||g|| is
            taken over the parameters of all groups together.
        **kwargs: options of the base optimizer (`lr`, `momentum`, ...). Its weight
            decay stays outside the maximum, as in the paper (the authors' code climbs
            on the decayed loss).

    Schedulers, `state_dict` (one of the base optimizer can be loaded too),
    `add_param_group`, copies and pickles work as usual.

    Raises:
        ValueError: rho is negative or not finite; base_optimizer is no optimizer
            class; `step` is called without a closure.
        RuntimeError: `first_step` comes twice; 16-bit weights round the climb away.

    Source: Foret et al., ICLR 2021, arXiv:2010.01412, equation 2 with p = 2 and
    Algorithm 1.
    """

    ascending = perturbed = False
    saved: Iterable[tuple[Tensor, Tensor]] = ()

    def __init__(
        self,
        params: Iterable[Any],
        base_optimizer: type[torch.optim.Optimizer],
        rho: float = 0.05,
        **kwargs: Any,
    ) -> None:
        is_class = isinstance(base_optimizer, type)
        if not is_class or not issubclass(base_optimizer, torch.optim.Optimizer):
            raise ValueError(
                f"base_optimizer must be an optimizer class, not {base_optimizer!r}"
            )
        super().__init__(params, dict(rho=rho, **kwargs))
        self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
        self.defaults = {**self.base_optimizer.defaults, **self.defaults}
        # one set of groups and one state, seen by both and by schedulers
        self.param_groups = self.base_optimizer.param_groups
        self.state = self.base_optimizer.state

    @torch.no_grad()
    def step(
        self, closure: Callable[[], Tensor] | None = None, scaler: Any = None
    ) -> Tensor:
        if closure is None:
            raise ValueError(
                "SAM takes two gradients a step: call step(closure), with a GradScaler "
                "step(closure, scaler), or else first_step and second_step"
            )
        closure = torch.enable_grad()(closure)
        self.zero_grad()
        self.ascending = any(group["rho"] for group in self.param_groups)
        try:
            loss = closure()  # leaves the gradient at w
            if self.ascending:
                self.first_step(zero_grad=True)
                closure()  # leaves the gradient at w + rho g / ||g||
        finally:
            self.restore()
        self.second_step(scaler=scaler)
        return loss

    @torch.no_grad()
    def first_step(self, zero_grad: bool = False) -> None:
        if self.perturbed:
            raise RuntimeError("first_step came twice: second_step goes in between")
        ws, rhos = [], []
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    ws.append(w)
                    rhos.append(group["rho"])
        self.saved = [(w, w.clone()) for w in ws]
        self.ascending, self.perturbed = False, True
        climb = error = 0.0  # squared lengths, of 16-bit weights
        for (w, start), rho, d in zip(
            self.saved, rhos, self.direction([w.grad for w in ws])
        ):
            w.add_(d, alpha=rho)
            if w.itemsize < 4:
                meant = rho * d.to_dense()
                climb += meant.norm().item() ** 2
                error += (w.float() - start.float() - meant).norm().item() ** 2
        if error > climb / 4:
            self.restore()
            raise RuntimeError(
                "16-bit weights round a climb of length rho away: keep the weights in "
                "float32 and compute in autocast, or take a larger rho"
            )
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def second_step(self, zero_grad: bool = False, scaler: Any = None) -> None:
        self.restore()
        if scaler is None:
            self.base_optimizer.step()
        else:
            scaler.step(self.base_optimizer)
        if zero_grad:
            self.zero_grad()

    def direction(self, grads: list[Tensor]) -> list[Tensor]:
        """The step uphill for rho = 1: g / ||g||, and 0 where the gradient is 0."""
        grads = [g.float() if g.itemsize < 4 else g for g in grads]
        grads = [g.coalesce() if g.is_sparse else g for g in grads]
        for p in (float("inf"), 2.0):  # the largest first: small squares would vanish
            values = [g.values() if g.is_sparse else g for g in grads]
            norm = torch.nn.utils.get_total_norm([v for v in values if v.numel()], p)
            norm = torch.where(norm == 0, 1.0, norm)
            grads = [g / norm.to(g.device) for g in grads]
        return grads

    @torch.no_grad()
    def restore(self) -> None:
        for w, value in self.saved:
            w.copy_(value)  # exactly, where subtracting would round
        self.saved, self.ascending, self.perturbed = (), False, False

    def __getstate__(self) -> dict[str, Any]:
        # torch's own would leave the base optimizer out of copies and pickles
        return {**super().__getstate__(), "base_optimizer": self.base_optimizer}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        rhos = [group["rho"] for group in self.param_groups]
        self.base_optimizer.load_state_dict(state_dict)
        self.param_groups = self.base_optimizer.param_groups
        self.state = self.base_optimizer.state
        for group, rho in zip(self.param_groups, rhos):
            group.setdefault("rho", rho)  # a checkpoint of the base optimizer alone

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        rho = param_group.get("rho", self.defaults["rho"])
        if not 0 <= rho < float("inf"):
            raise ValueError(f"rho must be finite and >= 0, not {rho}")
        super().add_param_group(param_group)


def hessian_top_eigenvalue(
    loss: Tensor, parameters: Iterable[Tensor], iterations: int = 20
) -> float:
    """Largest eigenvalue of the Hessian of `loss`: the curvature of its sharpest
    direction, in units of loss per squared length in weight space.

    Lanczos iteration: the Hessian is only multiplied with vectors, each time for
    about the price of two gradients. Equal calls give equal numbers.

    Args:
        loss: a scalar with its graph, not yet backpropagated.
        parameters: leaf tensors of any shapes, n numbers in all.
        iterations: products with the Hessian; n of them are exact up to rounding.

    Returns:
        The largest eigenvalue (not the largest in magnitude), approached from below.

    Memory: at most ten times that of the parameters, however many iterations, beside
    the activations.

    Raises:
        ValueError: loss is not a finite scalar with a graph; no parameters, or one
            that needs no gradient or has a sparse one; iterations < 1.

    Source: Lanczos 1950; Pearlmutter 1994 for the product with the Hessian.
    """
    parameters = list(parameters)
    if loss.numel() != 1 or not loss.isfinite().all():
        raise ValueError("loss must be one finite number")
    if not loss.requires_grad:
        raise ValueError("loss has no graph: compute it with gradients enabled")
    if not parameters or not all(p.requires_grad for p in parameters):
        raise ValueError("parameters must be tensors that require gradients")
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, not {iterations}")

    # zeros for parameters that the loss does not depend on
    grads = torch.autograd.grad(
        loss, parameters, create_graph=True, materialize_grads=True
    )
    if any(g.is_sparse for g in grads):
        raise ValueError("a sparse gradient has no graph: set sparse=False")
    curved = [i for i, g in enumerate(grads) if g.requires_grad]
    if not curved:
        return 0.0  # a linear loss

    def product(v: list[Tensor]) -> list[Tensor]:
        Hv = torch.autograd.grad(
            [grads[i] for i in curved],
            parameters,
            [v[i].to(grads[i].dtype) for i in curved],
            retain_graph=True,
            materialize_grads=True,
        )
        return [h.to(x.dtype) for h, x in zip(Hv, v)]

    def norm(v: list[Tensor]) -> float:
        return torch.nn.utils.get_total_norm(v).item()

    # In the basis of the vectors q the Hessian is tridiagonal, alphas on the diagonal
    # and betas beside it: the last two q lead to the next. Rounding bends the basis
    # once an eigenvalue has been found, and only finds it again.
    rng, q = torch.Generator().manual_seed(0), []
    for p in parameters:
        wide = torch.promote_types(p.dtype, torch.float32)
        q.append(torch.randn(p.shape, generator=rng).to(p.device, wide))
    length = norm(q)
    q = [x / length for x in q]
    before, alphas, betas = q, [], [0.0]
    for _ in range(min(iterations, sum(p.numel() for p in parameters))):
        r = product(q)
        tiny = 10 * max(torch.finfo(x.dtype).eps for x in r) * norm(r)
        alphas.append(sum((x * y).sum().item() for x, y in zip(q, r)))
        r = [
            z.sub(y, alpha=alphas[-1]).sub_(x, alpha=betas[-1])
            for x, y, z in zip(before, q, r)
        ]
        betas.append(norm(r))
        if betas[-1] <= tiny:
            break  # the space is complete
        before, q = q, [x / betas[-1] for x in r]
    diagonal, beside = (torch.tensor(x, dtype=torch.float64) for x in (alphas, betas))
    T = diagonal.diag() + beside[1:-1].diag(-1)  # eigvalsh reads the lower half
    return torch.linalg.eigvalsh(T)[-1].item()


# %% [markdown]
# ## A ravine
# The loss $v u^2 / 2$ is 0 all along $u = 0$: a ravine whose floor is level, and whose
# curvature $v$ falls towards one end. Plain descent stops where it meets the floor.
# SAM cannot rest: it looks beyond the floor, and there the slope along $v$ is not 0.

# %% ravine
def descend(rho, steps=150):
    """The path of u and v, from the side of the narrow end. With rho = 0: plain."""
    w = torch.tensor([0.1, 10.0], requires_grad=True)
    optimizer = SAM([w], SGD, rho=rho, lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = w[1] * w[0] ** 2 / 2
        loss.backward()
        return loss

    path = [w.tolist()]
    for _ in range(steps):
        optimizer.step(closure)
        path.append(w.tolist())
    return np.array(path).T


paths = {"SAM": descend(0.5), "plain descent": descend(0.0)}
fig, ax = plt.subplots(figsize=(5.6, 3))
for (u, v), style in zip(paths.values(), ["C0-", "C1-o"]):
    ax.plot(v, u, style, lw=0.8, ms=5, markevery=[-1])
v, u = np.meshgrid(np.linspace(1, 13.3, 60), np.linspace(-1, 1, 60))
ax.contour(v, u, v * u**2 / 2, [0.2, 0.5, 1, 2, 4], colors="0.5", linewidths=0.6)
ax.text(10.2, 0, "plain descent\nstays", color="C1", ha="right", va="center")
ax.text(7.5, -0.5, "SAM moves on", color="C0", ha="center", va="top")
ax.set(xlabel="along the ravine: its curvature $v$", ylabel="across it: $u$")
ax.set(xlim=(13.3, 1), ylim=(-1, 1))
plt.show()

# %% [markdown]
# ## Digits with wrong labels
# 500 handwritten digits to train on, 125 held out, 1172 to test on. A share of the
# training *and* held-out labels is replaced by a wrong one, as in the paper's Table 4:
# who has wrong labels has them everywhere. Only the test labels are right.

# %% data
TRAIN, HELD = 500, 125
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 12 - 0.4  # mean near 0
classes = torch.tensor(digits.target)


def task(seed, noise):
    """Images, labels: to train on, held out, to test on. And which labels are wrong."""
    seen = TRAIN + HELD
    order = torch.randperm(len(pixels), generator=stream(seed, "split"))
    wrong = torch.randperm(seen, generator=stream(seed, "wrong labels")) < noise * seen
    shift = torch.randint(1, 10, (seen,), generator=stream(seed, "their classes"))
    x, y = pixels[order], classes[order]
    y[:seen] = (y[:seen] + wrong * shift) % 10
    parts = [slice(TRAIN), slice(TRAIN, seen), slice(seen, None)]
    return [t[part] for part in parts for t in (x, y)] + [wrong[:TRAIN]]


def tasks(noise):
    """The same, with the seed as the leading axis."""
    return [torch.stack(t) for t in zip(*[task(seed, noise) for seed in seeds])]


# %% network
SHAPES = [(64, 64), (1, 64), (64, 64), (1, 64), (64, 10), (1, 10)]  # with ReLU
SIZES = [i * o for i, o in SHAPES]


def initial(seed):  # He et al. 2015; biases 0
    rng, layers = stream(seed, "weights"), []
    for i, o in SHAPES:
        W = torch.randn(i * o, generator=rng) * (2 / i) ** 0.5
        layers.append(W if i > 1 else 0 * W)
    return torch.cat(layers)


def network(w, x):  # w[network, n], x[network, image, 64] -> logits[network, image, 10]
    parts = [t.view(-1, *s) for t, s in zip(w.split(SIZES, dim=1), SHAPES)]
    W1, b1, W2, b2, W3, b3 = parts
    x = torch.baddbmm(b1, x, W1).relu()
    x = torch.baddbmm(b2, x, W2).relu()
    return torch.baddbmm(b3, x, W3)


def losses(w, x, y):  # mean cross-entropy of each network
    logits = network(w, x).transpose(1, 2)
    return F.cross_entropy(logits, y, reduction="none").mean(1)


def gradient(w, x, y):
    w = w.detach().requires_grad_()
    return torch.autograd.grad(losses(w, x, y).sum(), w)[0]


# %% training
NOISE = 0.4  # share of wrong labels
EPOCHS = 30
BATCH = 125
LR, MOMENTUM, DECAY = 0.3, 0.9, 5e-4
LOOKS = 10  # times at which the weights are kept, beside the start

# tuned on other seeds, by test accuracy: SAM's radius, SGD's weight decay, and both
RHO = 0.4
TUNED = 2e-2
BOTH = {"rho": 0.2, "decay": 1e-2}


def train(arms, random=False, epochs=EPOCHS):
    """Train every arm, {name: what differs from SGD}, on every seed.

    All are one ensemble. They share nothing, for the loss is the sum of theirs: it
    only saves time. Returns {name: weights[look, seed, n]}, from first to last.
    """
    plain = {"noise": NOISE, "rho": 0.0, "decay": DECAY}
    settings = [plain | arm for arm in arms.values()]
    x, y = (torch.cat(t) for t in zip(*[tasks(s["noise"])[:2] for s in settings]))
    each = [(s["rho"], s["decay"]) for s in settings for _ in seeds]
    rho, decay = torch.tensor(each).T[:, :, None]
    w = torch.stack([initial(seed) for seed in seeds]).repeat(len(arms), 1)
    orders = [stream(seed, "batches") for seed in seeds]
    directions = [stream(seed, "random direction") for seed in seeds]

    def order(rng):
        return torch.randperm(TRAIN, generator=rng)

    def anywhere(rng):
        return torch.randn(sum(SIZES), generator=rng)

    def drawn(function, rngs):  # the same for every arm
        return torch.stack([function(rng) for rng in rngs]).repeat(len(arms), 1)

    v, rows, looks = torch.zeros_like(w), torch.arange(len(w))[:, None], [w]
    steps, step = epochs * TRAIN // BATCH, 0
    for epoch in range(epochs):
        for batch in drawn(order, orders).split(BATCH, dim=1):
            xb, yb = x[rows, batch], y[rows, batch]
            g = drawn(anywhere, directions) if random else gradient(w, xb, yb)
            if rho.any():  # equations 2 (p = 2) and 3 of the paper
                eps = rho * g / g.norm(dim=1, keepdim=True)
                g = gradient(w + eps, xb, yb)
            v = MOMENTUM * v + g + decay * w
            w = w - LR * (1 + np.cos(np.pi * step / steps)) / 2 * v
            step += 1
        if (epoch + 1) % (epochs // LOOKS) == 0:
            looks.append(w)
    looks = torch.stack(looks).unflatten(1, (len(arms), len(seeds)))
    return dict(zip(arms, looks.unbind(1)))


# %% evaluate
noisy, clean = tasks(NOISE), tasks(0.0)


@torch.no_grad()
def right(w, x, y):  # per cent of the images that each network gives their label
    return 100 * (network(w, x).argmax(-1) == y).float().mean(1)


@torch.no_grad()
def by_heart(w, x, y, wrong):  # per cent of the wrong labels that it gives as well
    learned = (network(w, x).argmax(-1) == y) & wrong
    return 100 * learned.sum(1) / wrong.sum(1)


def best_held_out(choices, data):
    """Of the weights[choice, seed, n], those that get most *held-out* labels right."""
    score = torch.stack([right(w, *data[2:4]) for w in choices])
    best = score.argmax(0)  # the first of equals
    return choices[best, torch.arange(len(seeds))], best


# %% sharpness
def sharpest(w, x, y, size, starts=seeds, steps=10):
    """The largest eigenvalue of S H S and its eigenvector, for each network.

    H is the Hessian of its training loss, S = diag(size). Lanczos iteration: H is only
    multiplied with vectors, and S H S becomes a small tridiagonal matrix T.
    """
    w = w.detach().requires_grad_()
    g = torch.autograd.grad(losses(w, x, y).sum(), w, create_graph=True)[0]
    rngs = [stream(seed, "Lanczos") for seed in starts]
    q = torch.stack([torch.randn(w.shape[1], generator=rng) for rng in rngs])
    Q, HQ = [], []
    for _ in range(steps):
        Q.append(q / q.norm(dim=1, keepdim=True))
        HQ.append(size * torch.autograd.grad(g, w, size * Q[-1], retain_graph=True)[0])
        q, basis = HQ[-1], torch.stack(Q, dim=1)  # [network, step, n]
        for _ in range(2):  # orthogonal to all before, twice against rounding
            q = q - ((basis @ q[:, :, None]) * basis).sum(1)
    T = basis @ torch.stack(HQ, dim=1).transpose(1, 2)
    values, vectors = torch.linalg.eigh((T + T.transpose(1, 2)) / 2)
    return values[:, -1], (vectors[:, :, -1:] * basis).sum(1)


def rescale(w, s):  # relu(s z) / s = relu(z): the function stays the same
    W1, b1, W2, *rest = w.split(SIZES, dim=1)
    return torch.cat([s * W1, s * b1, W2 / s, *rest], dim=1)


# %% arms
decays = {"decay_05": 5e-3, "decay_10": 1e-2, "tuned": TUNED, "decay_40": 4e-2}
radii = {"rho_10": 0.1, "rho_20": 0.2, "sam": RHO}
looks = train(
    {"sgd": {}, "sgd_clean": {"noise": 0.0}}
    | {name: {"decay": decay} for name, decay in decays.items()}
)
looks |= train(
    {"both": BOTH, "sam_clean": {"noise": 0.0, "rho": RHO}}
    | {name: {"rho": rho} for name, rho in radii.items()}
)

# %% controls
looks |= train({"random": {"rho": RHO}}, random=True)
looks |= train({"longer": {}}, epochs=2 * EPOCHS)  # as many gradients as SAM

# %% outcomes
ends = {name: weights[-1] for name, weights in looks.items()}
ends["stopped"], stop = best_held_out(looks["sgd"], noisy)
ends["stopped_longer"], _ = best_held_out(looks["longer"], noisy)
ends["stopped_clean"], _ = best_held_out(looks["sgd_clean"], clean)
for name, swept in [("picked_decay", decays), ("picked_rho", radii)]:
    ends[name], _ = best_held_out(torch.stack([ends[arm] for arm in swept]), noisy)

accuracy, loss, heart = {}, {}, {}
for name, w in ends.items():
    x, y, _, _, x_test, y_test, wrong = clean if "clean" in name else noisy
    accuracy[name] = right(w, x_test, y_test)
    loss[name] = losses(w, x, y)
    heart[name] = by_heart(w, x, y, wrong)

# %% curvatures
shown = ["sgd", *decays, *radii, "both", "random", "longer", "stopped"]
raw, aware = (
    {name: sharpest(ends[name], *noisy[:2], size(ends[name]))[0] for name in shown}
    for size in (torch.ones_like, torch.abs)  # each weight's unit: 1, or its own size
)

twin, x_test = rescale(ends["sam"], 10), noisy[4]
with torch.no_grad():
    moved = (network(twin, x_test) - network(ends["sam"], x_test)).abs().max().item()
twin_raw, _ = sharpest(twin, *noisy[:2], torch.ones_like(twin))
twin_aware, _ = sharpest(twin, *noisy[:2], twin.abs())

# %% curves
def band(ax, x, runs, style, **look):  # runs[x, seed]: mean and range over the seeds
    ax.plot(x, runs.mean(1), style, **look)
    low, high = runs.amin(1), runs.amax(1)
    ax.fill_between(x, low, high, color=style[:2], alpha=0.2, lw=0)


curves = {}  # [look, seed]
for name in ["sam", "sgd", "tuned", "random", "longer"]:
    x, y, _, _, x_test, y_test, wrong = noisy
    curves[name] = (
        torch.stack([right(w, x_test, y_test) for w in looks[name]]),
        torch.stack([by_heart(w, x, y, wrong) for w in looks[name]]),
    )

fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.6), sharex=True)
for name, label, style, gradients, offset in [
    ("sam", "SAM", "C0-D", 2, (0, 7)),
    ("tuned", "SGD, tuned decay", "C5-.P", 1, (0, -16)),
    ("sgd", "SGD", "C1-o", 1, (6, 4)),
    ("random", "random\ndirection", "C2:^", 1, (6, -24)),
    ("longer", "SGD, twice\nas long", "C4--s", 2, (0, -31)),
]:
    t = np.linspace(0, gradients * EPOCHS, LOOKS + 1)
    for ax, curve in zip(axes, curves[name]):
        band(ax, t, curve, style, ms=3.5, lw=1.4)
    at = {"xytext": offset, "textcoords": "offset points"}
    at["ha"] = "left" if offset[0] else "right" if gradients == 2 else "center"
    axes[1].annotate(label, (t[-1], curve[-1].mean()), color=style[:2], **at)
moment = stop.float().mean() * EPOCHS / LOOKS
axes[0].plot(moment, accuracy["stopped"].mean(), "C1*", ms=12, mec="white")
axes[0].set(title="test images right (%)", ylim=(40, 100))
axes[1].set(title="wrong labels learned (%)", ylim=(-14, 102))
fig.supxlabel("gradients computed (passes over the training data)", fontsize=10)
plt.show()

# %% sweeps
rhos, swept = [0.0, *radii.values()], [DECAY, *decays.values()]
by_rho = torch.stack([accuracy[name] for name in ["sgd", *radii]])
by_decay = torch.stack([accuracy[name] for name in ["sgd", *decays]])
fig, axes = plt.subplots(1, 2, figsize=(5.6, 3), sharey=True)
band(axes[0], rhos, by_rho, "C0-D")
band(axes[1], swept, by_decay, "C1-o")
for ax, x in zip(axes, [0.0, DECAY]):
    ax.axhline(accuracy["stopped"].mean(), color="C1", ls=":")
    ax.text(x, accuracy["stopped"].mean() + 0.5, "SGD stopped early", color="C1")
axes[0].set(xlabel=r"SAM: radius $\rho$", ylabel="test images right (%)")
axes[1].set(xlabel="SGD: weight decay", xscale="log", xticks=swept)
axes[1].set_xticklabels([f"{d:g}" for d in swept], rotation=45)
axes[1].minorticks_off()
plt.show()

# %% flatness
fig, axes = plt.subplots(1, 2, figsize=(5.6, 4), sharey=True)
for ax, sharpness in zip(axes, [raw, aware]):
    for names, style in [
        (["sgd", *radii], "C0-D"),
        (["sgd", *decays], "C5-P"),
        (["sgd"], "C1o"),
        (["both"], "C3X"),
        (["stopped"], "C1*"),
        (["longer"], "C4s"),
        (["random"], "C2^"),
    ]:
        x = torch.stack([sharpness[name] for name in names])
        y = torch.stack([accuracy[name] for name in names])
        ax.plot(x, y, style[:2] + ".", ms=3, alpha=0.5)
        ax.plot(x.mean(1), y.mean(1), style, ms=5.5, lw=1.2)
    for name, label, colour, (dx, dy), ha in [
        ("sam", "SAM", "C0", (0, 7), "center"),
        ("tuned", "decay", "C5", (-7, -3), "right"),
        ("decay_40", "more decay", "C5", (0, -14), "center"),
        ("both", "both", "C3", (0, 7), "center"),
        ("stopped", "stopped", "C1", (-7, -6), "right"),
        ("longer", "twice as long", "C4", (0, -15), "center"),
        ("random", "SGD, random", "C2", (4, -16), "center"),
    ]:
        at = sharpness[name].mean(), accuracy[name].mean()
        look = {"xytext": (dx, dy), "textcoords": "offset points", "ha": ha}
        ax.annotate(label, at, color=colour, fontsize=8, **look)
axes[0].plot(twin_raw, accuracy["sam"], "C0.", ms=3, alpha=0.5)
axes[0].plot(twin_raw.mean(), accuracy["sam"].mean(), "C0D", ms=5.5, mfc="none")
axes[0].text(twin_raw.mean(), 82, "SAM,\nrescaled", color="C0", fontsize=8, ha="center")
axes[0].set(ylabel="test images right (%)", xlabel=r"raw: $\lambda_1$ of $H$")
axes[1].set_xlabel(r"scale-aware: $\lambda_1$ of $|w|\,H\,|w|$")
for ax, ticks in zip(axes, [[1, 3, 10, 30], [0.03, 0.1, 0.3, 1]]):
    ax.set(xscale="log", xlim=(0.8 * ticks[0], 1.5 * ticks[-1]), xticks=ticks)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
plt.show()

# %% [markdown]
# Three arms in motion. Left, five networks each; right, the training loss around the
# first of them, along the direction that is its sharpest at that moment.

# %% in-motion
from matplotlib.animation import FuncAnimation

line, slices = torch.linspace(-1, 1, 13), {}  # name: [look, place]
for name in ["sgd", "tuned", "sam"]:
    first = looks[name][:, 0]
    x, y = (t[:1].expand(len(first), *t.shape[1:]) for t in noisy[:2])
    starts = seeds[:1] * len(first)
    _, u = sharpest(first, x, y, torch.ones_like(first), starts, steps=5)
    with torch.no_grad():
        places = [losses(first + s * u, x, y) for s in line]
    slices[name] = torch.stack(places, dim=1)

fig, (left, right_) = plt.subplots(1, 2, figsize=(5.6, 3.2), layout="constrained")
moving = {}
for name, style in [("sgd", "C1o"), ("tuned", "C5P"), ("sam", "C0D")]:
    trails = left.plot([], torch.empty(0, len(seeds)), style[:2], lw=1, alpha=0.5)
    (heads,) = left.plot([], [], style, ms=6)
    (valley,) = right_.plot([], [], style + "-", ms=7, lw=1.8, markevery=[6])
    moving[name] = trails, heads, valley
left.text(65, 60, "SGD", color="C1")
left.text(20, 95, "SGD, tuned decay", color="C5")
left.text(17, 50, "SAM", color="C0")
left.set(xlabel="wrong labels learned (%)", ylabel="test images right (%)")
left.set(xlim=(-3, 103), ylim=(0, 103))
right_.set(xlabel="along the sharpest direction", ylabel="training loss")
right_.set(xlim=(-1, 1), ylim=(0, 5))


def look(k):
    """Draw the state of all at look k."""
    for name, (trails, heads, valley) in moving.items():
        tested, learned = curves[name]
        for seed, trail in enumerate(trails):
            trail.set_data(learned[: k + 1, seed], tested[: k + 1, seed])
        heads.set_data(learned[k], tested[k])
        valley.set_data(line, slices[name][k].clamp(max=5.4))  # no further than seen
    left.set_title(f"epoch {k * EPOCHS // LOOKS}")


animation = FuncAnimation(fig, look, frames=LOOKS + 1, interval=800)
plt.show()
animation

# %% measures
per_seed = {
    # test images right, in per cent; at 40 % wrong labels where nothing else is said
    **accuracy,
    "best_moment": curves["sgd"][0].amax(0),  # of SGD, known by the test set alone
    # differences in points
    "gain": accuracy["sam"] - accuracy["sgd"],
    "gain_random": accuracy["random"] - accuracy["sgd"],
    "gain_stopped": accuracy["stopped"] - accuracy["sgd"],
    "gain_stopped_clean": accuracy["stopped_clean"] - accuracy["sgd_clean"],
    "gain_tuned": accuracy["tuned"] - accuracy["sgd"],
    "gain_longer": accuracy["longer"] - accuracy["sgd"],
    "gain_clean": accuracy["sam_clean"] - accuracy["sgd_clean"],
    "lead_stopped": accuracy["sam"] - accuracy["stopped"],
    "lead_tuned": accuracy["sam"] - accuracy["tuned"],
    "lead_both": accuracy["both"] - accuracy["tuned"],
    "loss_40": accuracy["tuned"] - accuracy["decay_40"],
    # wrong labels learned by heart, in per cent
    **{f"heart_{name}": heart[name] for name in shown},
    "spared": heart["sgd"] - heart["sam"],
    "spared_random": heart["sgd"] - heart["random"],
    # training loss, and sharpness in both units
    **{f"loss_{name}": loss[name] for name in shown},
    **{f"raw_{name}": raw[name] for name in shown},
    **{f"aware_{name}": aware[name] for name in shown},
    "flatter": raw["sgd"] / raw["sam"],
    "flatter_random": raw["sgd"] / raw["random"],
    "flatter_longer": raw["sgd"] / raw["longer"],
    "flatter_longer_aware": aware["sgd"] / aware["longer"],
    "tuned_to_sam": raw["tuned"] / raw["sam"],
    "tuned_to_sam_aware": aware["tuned"] / aware["sam"],
    "rescaled": twin_raw / raw["sam"],
    "rescaled_aware": twin_aware / aware["sam"],
}

# %% [markdown]
# ## Take it home
# On a bowl with the Hessian 1 a step of SAM can be written down:
# $w \leftarrow w - \eta \, (w + \rho \, w / \|w\|_2)$. From (3, 4), at distance 5, with
# a rate of 0.1 and a radius of 0.5, it leads to (2.67, 3.56).

# %% use
w = torch.tensor([3.0, 4.0], requires_grad=True)
optimizer = SAM([w], torch.optim.SGD, rho=0.5, lr=0.1)


def closure():
    loss = (w**2).sum() / 2
    loss.backward()
    return loss


optimizer.step(closure)
sharpness = hessian_top_eigenvalue((w**2).sum() / 2, [w])
print(f"w = ({w[0]:.2f}, {w[1]:.2f}), sharpness {sharpness:.2f}")



# %% results
def rounded(values):  # to four significant digits
    return [float(f"{v:.4g}") for v in values.tolist()]


results = {
    "seeds": seeds,
    **{name: rounded(values) for name, values in per_seed.items()},
    "moved": float(f"{moved:.4g}"),  # largest change of a logit by rescaling
    "ravine": round(paths["SAM"][1, -1], 2),  # where SAM is after its steps from v = 10
    "ravine_plain": round(paths["plain descent"][1, -1], 2),
    "rhos": rhos,
    "by_rho": [rounded(row) for row in by_rho],
    "decays": swept,
    "by_decay": [rounded(row) for row in by_decay],
    "noise": NOISE,
    "rho": RHO,
    "decay": DECAY,
    "tuned_decay": TUNED,
    "both_rho": BOTH["rho"],
    "both_decay": BOTH["decay"],
    "train": TRAIN,
    "held": HELD,
    "epochs": EPOCHS,
    "batch": BATCH,
    "lr": LR,
    "momentum": MOMENTUM,
    "parameters": sum(SIZES),
}
for name, value in results.items():
    print(f"{name}: {value}")
