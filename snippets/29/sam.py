# %% [markdown]
# # SAM: sharpness-aware minimization
#
# Two settings of the weights can have the same training loss and yet sit
# differently: one in a narrow ravine, one in a wide valley. SAM asks for a low loss
# *everywhere within a small ball* around the weights. It does not search the ball:
# it takes one normalised step uphill, and descends with the gradient found there.
#
# P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, "Sharpness-Aware Minimization for
# Efficiently Improving Generalization", ICLR 2021, arXiv:2010.01412.
#
# $$\min_w \; \max_{\|\epsilon\|_2 \le \rho} L(w + \epsilon) \qquad
# \hat\epsilon = \rho \, \frac{\nabla L(w)}{\|\nabla L(w)\|_2} \qquad
# w \leftarrow w - \eta \, \nabla L(w + \hat\epsilon)$$
#
# Whether flatness is *why* a network generalises is not settled. So everything here
# runs next to its control: the same number of gradients, a random direction, the
# opposite direction, a tuned weight decay, and a change of scale that makes the
# flattest solution sharp without changing one prediction.

# %% setup
import os

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
seeds = [SEED + i for i in range(5)]

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
            decay stays outside the maximum, as in the paper.

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
# ## What SAM asks for
# A loss with two valleys, one as deep as the other. Within a distance $\rho$ of the
# narrow one the loss is high, so it does not survive the inner maximum.

# %% worst-case
w = torch.linspace(-4, 4, 1601)  # steps of 0.005
loss = 0.2 * (w - 1.1) ** 2 - 1.06 * torch.exp(-((w + 1.2) ** 2) / 0.03)
worst = F.max_pool1d(loss[None], 121, stride=1, padding=60)[0]  # radius 60 steps

fig, ax = plt.subplots(figsize=(5.6, 3))
ax.plot(w, loss, "C1")
ax.plot(w, worst, "C0--")
ax.plot(w[loss.argmin()], loss.min(), "C1o", ms=8)
ax.plot(w[worst.argmin()], worst.min(), "C0D", ms=8)
ax.text(-0.98, 0.08, "loss $L(w)$", color="C1")
ax.text(-0.98, 1.02, r"worst loss within $\rho$ of $w$", color="C0")
ax.plot([0.8, 1.4], [-0.12, -0.12], "C0|-", lw=1)
ax.text(1.1, -0.16, r"$2\rho$", color="C0", ha="center", va="top")
ax.set(xlabel="weight $w$", ylabel="loss", xlim=(-2.3, 3), ylim=(-0.35, 1.9))
plt.show()

# %% [markdown]
# ## Digits with wrong labels
# 1000 handwritten digits to train on, 797 to test on. A share of the *training*
# labels is replaced by a wrong one, as in the paper's Table 4; the test labels are
# right. The network is large enough to learn the wrong labels too, one by one.

# %% data
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 12 - 0.4  # mean near 0
classes = torch.tensor(digits.target)


def task(seed, noise, n=1000):
    """x[n, 64], labels y[n] of which a share is wrong, wrong[n], x and y to test."""
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(pixels), generator=rng)
    x, y = pixels[order], classes[order]
    wrong = torch.randperm(n, generator=rng) < noise * n
    shift = torch.randint(1, 10, (n,), generator=rng)
    return x[:n], (y[:n] + wrong * shift) % 10, wrong, x[n:], y[n:]


# %% network
def initial(seed):  # 64-64-64-10 with ReLU; He et al. 2015
    rng = torch.Generator().manual_seed(seed)
    for i, o in [(64, 64), (64, 64), (64, 10)]:
        yield torch.randn(i, o, generator=rng) * (2 / i) ** 0.5
        yield torch.zeros(1, o)


def network(params, x):  # x[member, n, 64] -> logits[member, n, 10]
    W1, b1, W2, b2, W3, b3 = params
    x = torch.baddbmm(b1, x, W1).relu()
    x = torch.baddbmm(b2, x, W2).relu()
    return torch.baddbmm(b3, x, W3)


def losses(params, x, y):  # mean cross-entropy of each member
    logits = network(params, x).transpose(1, 2)
    return F.cross_entropy(logits, y, reduction="none").mean(1)


# %% ensembles
def norms(tensors):  # of each network by itself, over all its parameters
    return sum(t.flatten(1).square().sum(1) for t in tensors).sqrt().view(-1, 1, 1)


class EnsembleSAM(SAM):
    """Many networks in one: the leading axis of each tensor counts them."""

    def direction(self, grads):
        scale = torch.where(norms(grads) > 0, 1 / norms(grads), 0.0)
        return [g * scale for g in grads]


class RandomSAM(EnsembleSAM):
    """Control: a random direction of the same length."""

    rng = torch.Generator()

    def direction(self, grads):
        noise = [torch.randn(g.shape, generator=self.rng) for g in grads]
        return super().direction(noise)


class AntiSAM(EnsembleSAM):
    """Control: downhill in place of uphill, which is the same as a negative rho."""

    def direction(self, grads):
        return [-d for d in super().direction(grads)]


# %% evaluate
@torch.no_grad()
def evaluate(params, x, y, wrong, x_test, y_test):
    """Test images right, and wrong training labels learned by heart, in per cent."""
    right = network(params, x_test).argmax(-1) == y_test
    fitted = (network(params, x).argmax(-1) == y) & wrong
    share = fitted.sum(1) / wrong.sum(1).clamp_min(1)
    return 100 * torch.stack([right.float().mean(1), share])


# %% fit
EPOCHS, BATCH, LR, MOMENTUM = 40, 64, 0.1, 0.9


def fit(optimizer, params, data, epochs, member_seeds):
    """Returns [time, (right, by heart), seed] of the first arm, at eleven times, and
    its first network, each parameter with the time as its leading axis."""
    x, y = data[:2]
    steps = x.shape[1] // BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    rngs = [torch.Generator().manual_seed(seed) for seed in member_seeds]
    rows, first, curves = torch.arange(len(rngs))[:, None], slice(len(seeds)), []
    shots = []
    for epoch in range(epochs + 1):
        if epoch % (epochs // 10) == 0:
            arm = [p[first] for p in params], *[t[first] for t in data]
            curves.append(evaluate(*arm))
            shots.append([p[:1].detach().clone() for p in params])
        if epoch == epochs:
            return torch.stack(curves), [torch.cat(p) for p in zip(*shots)]
        order = torch.stack([torch.randperm(x.shape[1], generator=r) for r in rngs])
        for batch in order.split(BATCH, dim=1)[:steps]:

            def closure(xb=x[rows, batch], yb=y[rows, batch]):
                optimizer.zero_grad()
                loss = losses(params, xb, yb).sum()
                loss.backward()
                return loss

            optimizer.step(closure)
            schedule.step()


# %% train
def train(kind, rho, arms, epochs=EPOCHS):
    """One network for each arm (noise, weight decay) and seed, as one ensemble.

    They share nothing, for the loss is the sum of theirs: it only saves time.
    """
    members = [(noise, decay, seed) for noise, decay in arms for seed in seeds]
    data = [task(seed, noise) for noise, _, seed in members]
    data = [torch.stack(t) for t in zip(*data)]
    params = [torch.stack(t) for t in zip(*[initial(seed) for *_, seed in members])]
    params = [p.requires_grad_() for p in params]
    optimizer = kind(params, SGD, rho=rho, lr=LR, momentum=MOMENTUM)
    decay = torch.tensor([decay for _, decay, _ in members]).view(-1, 1, 1)

    def weight_decay(*_):  # that of torch.optim.SGD, but a number for each network
        for p in params:
            p.grad.add_(decay * p.detach())

    optimizer.base_optimizer.register_step_pre_hook(weight_decay)
    member_seeds = [seed for *_, seed in members]
    curves, shots = fit(optimizer, params, data, epochs, member_seeds)
    final = evaluate(params, *data).unflatten(1, (len(arms), len(seeds)))
    x, y = data[:2]
    run = {"params": params, "x": x, "y": y, "curves": curves, "final": final}
    return run | {"shots": shots}


# %% headline
RHO, DECAY, NOISE = 0.3, 5e-4, 0.4
TUNED, TUNED_SAM = 1e-2, 5e-3  # the best weight decay of each, found on other seeds
noises, decays = [NOISE, 0.0, 0.2, 0.6], [5e-3, 1e-2, 2e-2]
arms = [(noise, DECAY) for noise in noises] + [(NOISE, decay) for decay in decays]
sgd = train(EnsembleSAM, 0.0, arms)  # rho = 0 is plain SGD, bit for bit
sam = train(EnsembleSAM, RHO, arms)

# %% controls
ANTI_RHO = 0.1
RandomSAM.rng.manual_seed(SEED)
longer = train(EnsembleSAM, 0.0, arms[:1], epochs=2 * EPOCHS)
random = train(RandomSAM, RHO, arms[:1])
anti = train(AntiSAM, ANTI_RHO, arms[:1])

# %% curves
def band(ax, x, runs, style, **look):  # runs[x, seed]: mean and range over the seeds
    ax.plot(x, runs.mean(1), style, **look)
    low, high = runs.amin(1), runs.amax(1)
    ax.fill_between(x, low, high, color=style[:2], alpha=0.2, lw=0)


fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.6), sharex=True)
for name, style, run, offset in [
    ("SAM", "C0-D", sam, (2, 8)),
    ("SGD", "C1-o", sgd, (20, 16)),
    ("random\ndirection", "C2:^", random, (2, -30)),
    ("anti-SAM", "C3-.v", anti, (2, 8)),
    ("SGD, twice\nas long", "C4--s", longer, (2, -31)),
]:
    t = np.linspace(0, EPOCHS if run is sgd else 2 * EPOCHS, 11)
    for ax, curve in zip(axes, run["curves"].unbind(1)):  # [time, seed]
        band(ax, t, curve, style, ms=3.5, lw=1.4)
    at = {"xytext": offset, "textcoords": "offset points", "ha": "right"}
    axes[1].annotate(name, (t[-1], curve[-1].mean()), color=style[:2], **at)
axes[0].set(title="test images right (%)", ylim=(40, 100))
axes[1].set(title="wrong labels learned (%)", ylim=(-2, 102))
fig.supxlabel("gradients computed (passes over the training data)", fontsize=10)
plt.show()

# %% noise
fig, ax = plt.subplots(figsize=(5.6, 3.2))
percent, order = 100 * np.sort(noises), np.argsort(noises)
for name, style, run, paper, at in [
    ("SAM", "C0-D", sam, 93.4, (41.5, 94.4)),
    ("SGD", "C1-o", sgd, 68.8, (26, 68)),
]:
    runs = run["final"][0, order]
    band(ax, percent, runs, style)
    ax.text(61.5, runs[-1].mean(), name, color=style[:2], va="center")
    ax.plot(40, paper, "*", color=style[:2], ms=12, mfc="none")
    ax.text(*at, f"paper: {paper}", color=style[:2])
ax.set(xlabel="wrong training labels (%)", ylabel="test images right (%)")
ax.set(xlim=(-2, 68), ylim=(45, 101), xticks=percent)
plt.show()

# %% [markdown]
# ## How sharp?
# The curvature of the training loss along its sharpest direction is the largest
# eigenvalue of its Hessian, $\lambda_1$. And since SAM speaks of a ball, we also climb
# within the ball: in one step, as SAM does, and in twenty.


# %% sharpness
def member(run, i):  # one network of an ensemble, with leaves of its own
    one = slice(i, i + 1)
    params = [p.detach()[one].requires_grad_() for p in run["params"]]
    return params, run["x"][one], run["y"][one]


def eigenvalues(run, arm):
    first = arms.index(arm) * len(seeds)
    nets = [member(run, first + i) for i in range(len(seeds))]
    tops = [hessian_top_eigenvalue(losses(*n).sum(), n[0], 12) for n in nets]
    return np.array(tops)


plain, clean = arms[:2]
compared = {
    "sgd": (sgd, plain),
    "sam": (sam, plain),
    "sgd_clean": (sgd, clean),
    "sam_clean": (sam, clean),
    "sgd_tuned": (sgd, (NOISE, TUNED)),
    "sam_tuned": (sam, (NOISE, TUNED_SAM)),
    "longer": (longer, plain),
    "random": (random, plain),
    "anti": (anti, plain),
}
eigen = {name: eigenvalues(*net) for name, net in compared.items()}


# %% ascent
def rise(run, arm, steps, length):
    """Loss gained by climbing within the ball of radius RHO, for each seed."""
    first = arms.index(arm) * len(seeds)
    some = slice(first, first + len(seeds))
    x, y = run["x"][some], run["y"][some]
    w = [p.detach()[some] for p in run["params"]]
    eps = [torch.zeros_like(p) for p in w]
    for _ in range(steps):
        at = [(p + e).requires_grad_() for p, e in zip(w, eps)]
        grads = torch.autograd.grad(losses(at, x, y).sum(), at)
        eps = [e + length * g / norms(grads) for e, g in zip(eps, grads)]
        outside = (norms(eps) / RHO).clamp_min(1)
        eps = [e / outside for e in eps]  # back to the rim
    with torch.no_grad():
        up = losses([p + e for p, e in zip(w, eps)], x, y)
        return (up - losses(w, x, y)).tolist()


climbs = {
    f"{name}_{steps}": rise(*compared[name], steps, length)
    for name in ["sgd_clean", "sam_clean"]
    for steps, length in [(1, RHO), (20, RHO / 2)]
}


# %% sharpest-directions
def sharpest(run, members, count=2, iterations=15):
    """Top eigenvectors of the first networks, all at once, by power iteration."""
    some = slice(members)
    w = [p.detach()[some].requires_grad_() for p in run["params"]]
    loss = losses(w, run["x"][some], run["y"][some]).sum()
    grads = torch.autograd.grad(loss, w, create_graph=True)
    rng, found = torch.Generator().manual_seed(0), []
    for _ in range(count):
        v = torch.randn(members, sum(p[0].numel() for p in w), generator=rng)
        for _ in range(iterations):
            for u in found:  # stay orthogonal to those found before
                v = v - (v * u).sum(1, keepdim=True) * u
            v = v / v.norm(dim=1, keepdim=True)
            parts = v.split([p[0].numel() for p in w], dim=1)
            parts = [t.view_as(p) for t, p in zip(parts, w)]
            Hv = torch.autograd.grad(grads, w, parts, retain_graph=True)
            v = torch.cat([h.flatten(1) for h in Hv], dim=1)
        found.append(v / v.norm(dim=1, keepdim=True))
    return found  # each [seed, n]


directions = {"SGD": sharpest(sgd, len(seeds)), "SAM": sharpest(sam, len(seeds))}


# %% landscape
@torch.no_grad()
def landscape(run, i, u, v, a, b):
    """L(w + a u + b v) - L(w) of seed i, for many coordinates a, b."""
    w, x, y = member(run, i)
    sizes = [p.numel() for p in w]
    u, v = ([t.view_as(p) for t, p in zip(d[i].split(sizes), w)] for d in (u, v))
    z = []
    for s, t in zip(a.view(-1, 1, 1).split(25), b.view(-1, 1, 1).split(25)):
        at = [p + s * du + t * dv for p, du, dv in zip(w, u, v)]
        z.append(losses(at, x.expand(len(s), -1, -1), y.expand(len(s), -1)))
    return torch.cat(z) - losses(w, x, y)


side = torch.linspace(-0.8, 0.8, 25)
a, b = torch.cartesian_prod(side, side).T
surfaces = {
    name: landscape(run, 0, *directions[name], a, b).view(25, 25)
    for name, run in [("SGD", sgd), ("SAM", sam)]
}

# %% surface
fig, axes = plt.subplots(1, 2, figsize=(5.6, 2.9), subplot_kw={"projection": "3d"})
top = max(z.max() for z in surfaces.values()).item()
plane = np.meshgrid(side, side, indexing="ij")
ticks, look = [-0.8, 0, 0.8], {"vmin": -0.15 * top, "vmax": 0.7 * top, "lw": 0.2}
for ax, (name, z) in zip(axes, surfaces.items()):
    ax.plot_surface(*plane, z.numpy(), cmap="viridis", rasterized=True, **look)
    ax.set_title(rf"{name}: $\lambda_1$ = {eigen[name.lower()][0]:.1f}", y=0.92)
    ax.set(xlabel="sharpest", ylabel="second", xticks=ticks, yticks=ticks)
    ax.set_zlim(0, top)
    ax.view_init(20, -58)
    ax.set_box_aspect((1, 1, 0.85), zoom=0.98)
    ax.grid(False)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0, 0, 0, 0))  # transparent, for dark pages too
plt.show()

# %% slices
line, nowhere = torch.linspace(-1, 1, 25), torch.zeros(25)
anywhere = torch.randn(directions["SGD"][0].shape, generator=RandomSAM.rng)
anywhere = anywhere / anywhere.norm(dim=1, keepdim=True)

fig, ax = plt.subplots(figsize=(5.6, 3.4))
for name, colour, run, height in [("SGD", "C1", sgd, 1.9), ("SAM", "C0", sam, 0.55)]:
    for u, dash in [(directions[name][0], "-"), (anywhere, ":")]:
        z = [landscape(run, i, u, u, line, nowhere) for i in range(len(seeds))]
        band(ax, line, torch.stack(z, dim=1), colour + dash)
    tops = eigen[name.lower()]
    label = rf"{name}, $\lambda_1$ = {tops.min():.2f} to {tops.max():.2f}"
    ax.text(0, height, label, color=colour, ha="center")
ax.text(0, -0.1, "both, random directions", ha="center", va="top")
ax.set(xlabel="distance from the solution, along its sharpest direction")
ax.set(ylabel="rise of the training loss", ylim=(-0.45, 4.2))
plt.show()

# %% [markdown]
# The training of both in motion. Left, five networks each; right, the training loss
# around the first of them, along the direction that is its sharpest at that moment.

# %% in-motion
from matplotlib.animation import FuncAnimation

times = len(sgd["curves"])
line = torch.linspace(-1, 1, 17)
slices = {}  # name: [time, place]
for name, run in [("SGD", sgd), ("SAM", sam)]:
    x, y = run["x"][:1].expand(times, -1, -1), run["y"][:1].expand(times, -1)
    film = {"params": run["shots"], "x": x, "y": y}
    (u,) = sharpest(film, times, count=1, iterations=10)
    rises = [landscape(film, t, u, u, line, 0 * line) for t in range(times)]
    slices[name] = torch.stack(rises) + losses(run["shots"], x, y)[:, None]

fig, (left, right) = plt.subplots(1, 2, figsize=(5.6, 3.2), layout="constrained")
moving = {}
for name, run, style in [("SGD", sgd, "C1o"), ("SAM", sam, "C0D")]:
    trails = left.plot([], torch.empty(0, len(seeds)), style[:2], lw=1, alpha=0.5)
    (heads,) = left.plot([], [], style, ms=6)
    (valley,) = right.plot([], [], style + "-", ms=7, lw=1.8, markevery=[8])
    moving[name] = run["curves"], trails, heads, valley
left.text(65, 60, "SGD", color="C1")
left.text(20, 93, "SAM", color="C0")
left.set(xlabel="wrong labels learned (%)", ylabel="test images right (%)")
left.set(xlim=(-3, 103), ylim=(0, 103))
right.set(xlabel="along the sharpest direction", ylabel="training loss")
right.set(xlim=(-1, 1), ylim=(0, 5))


def look(k):
    """Draw the state of both at time k."""
    for name, (curves, trails, heads, valley) in moving.items():
        for seed, trail in enumerate(trails):
            trail.set_data(curves[: k + 1, 1, seed], curves[: k + 1, 0, seed])
        heads.set_data(curves[k, 1], curves[k, 0])
        valley.set_data(line, slices[name][k].clamp(max=5.4))  # no further than seen
    left.set_title(f"epoch {k * EPOCHS // (times - 1)}")


animation = FuncAnimation(fig, look, frames=times, interval=800)
plt.show()
animation

# %% [markdown]
# ## Is it the flatness?
# Three checks that the usual telling leaves out: accuracy against sharpness over all
# arms, a weight decay that was tuned, and a change of scale after Dinh et al. 2017.

# %% flatness
fig, ax = plt.subplots(figsize=(5.6, 3.8))
for name, marker, key, va in [
    ("SAM", "C0D", "sam", "top"),
    ("SAM, tuned decay", "C0X", "sam_tuned", "bottom"),
    ("SGD", "C1o", "sgd", "top"),
    ("SGD, tuned decay", "C1P", "sgd_tuned", "bottom"),
    ("random direction", "C2^", "random", "bottom"),
    ("anti-SAM", "C3v", "anti", "top"),
    ("SGD, twice as long", "C4s", "longer", "top"),
]:
    run, arm = compared[key]
    runs = run["final"][0, arms.index(arm)]
    ax.plot(eigen[key], runs, marker, ms=5)
    y = runs.min() - 1 if va == "top" else runs.max() + 1
    ax.text(eigen[key].mean(), y, name, color=marker[:2], ha="center", va=va)
ax.set(xscale="log", xlim=(0.6, 40), ylim=(56, 101), ylabel="test images right (%)")
ax.set_xlabel(r"sharpness: top eigenvalue $\lambda_1$ of the Hessian")
ax.set_xticks([1, 2, 5, 10, 20])
ax.xaxis.set_major_formatter("{x:g}")
ax.minorticks_off()
plt.show()

# %% weight-decay
fig, ax = plt.subplots(figsize=(5.6, 3.2))
swept = [DECAY, *decays]
sweep = [arms.index((NOISE, decay)) for decay in swept]
band(ax, swept, sam["final"][0, sweep], "C0-D")
band(ax, swept, sgd["final"][0, sweep], "C1-o")
ax.text(7e-4, 95.6, "SAM", color="C0")
ax.text(9e-4, 73.5, "SGD", color="C1")
ax.set(xscale="log", xlabel="weight decay", ylabel="test images right (%)")
ax.set(ylim=(66, 98), xticks=swept, xticklabels=swept)
ax.minorticks_off()
plt.show()

# %% rescale
scales, rescaled, moved = [0.1, 0.3, 1.0, 3.0, 10.0], [], []
for i in range(len(seeds)):
    (W1, b1, W2, b2, W3, b3), x, y = member(sam, i)
    logits = network((W1, b1, W2, b2, W3, b3), x)
    row = []
    for s in scales:  # relu(s z) / s = relu(z): the function stays the same
        twin = [t.detach() for t in (s * W1, s * b1, W2 / s, b2, W3, b3)]
        twin = [t.requires_grad_() for t in twin]
        row.append(hessian_top_eigenvalue(losses(twin, x, y).sum(), twin, 12))
        moved.append((network(twin, x) - logits).abs().max().item())
    rescaled.append(row)

# %% rescaling
fig, ax = plt.subplots(figsize=(5.6, 3.2))
band(ax, scales, torch.tensor(rescaled).T, "C0-D")
ax.axhspan(eigen["sgd"].min(), eigen["sgd"].max(), color="C1", alpha=0.2, lw=0)
ax.axhline(eigen["sgd"].mean(), color="C1", ls="--")
ax.set(xscale="log", yscale="log", xticks=scales, yticks=[1, 3, 10, 30, 100])
for axis in (ax.xaxis, ax.yaxis):
    axis.set_major_formatter("{x:g}")
ax.minorticks_off()
ax.set_xlabel("scale of the first layer; the second is divided by it")
ax.set_ylabel(r"sharpness $\lambda_1$")
ax.text(0.1, 7.7, "SGD", color="C1", va="bottom")
ax.text(1, 20, "SAM: the same predictions\nat every point", color="C0", ha="center")
plt.show()

# %% measures
final = {k: run["final"][:, arms.index(arm)] for k, (run, arm) in compared.items()}
right, by_heart = ({k: f[i] for k, f in final.items()} for i in range(2))
per_seed = {
    # test images right, in per cent; at 40 % noise where nothing else is said
    **right,
    "stopped": sgd["curves"][:, 0].amax(0),  # SGD at its best time on the test set
    # differences in points
    "gain": right["sam"] - right["sgd"],
    "gain_longer": right["sam"] - right["longer"],
    "gain_random": right["random"] - right["sgd"],
    "gain_anti": right["anti"] - right["sgd"],
    "gain_tuned": right["sgd_tuned"] - right["sgd"],
    "gain_both": right["sam_tuned"] - right["sgd_tuned"],
    "gain_clean": right["sam_clean"] - right["sgd_clean"],
    # wrong labels learned by heart, in per cent
    **{f"{k}_by_heart": v for k, v in by_heart.items() if "_" not in k},
    # sharpness
    **{f"lambda_{k}": v for k, v in eigen.items()},
    "flatter": eigen["sgd"] / eigen["sam"],
    "flatter_clean": eigen["sgd_clean"] / eigen["sam_clean"],
    "flatter_random": eigen["sgd"] / eigen["random"],
    "flatter_tuned": eigen["sgd_tuned"] / eigen["sam"],
    "rescaled": np.array(rescaled)[:, -1] / eigen["sam"],  # first layer times ten
    "rescaled_down": np.array(rescaled)[:, 0] / eigen["sam"],  # and divided by ten
    **{f"climb_{k}": v for k, v in climbs.items()},
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
    return [float(f"{v:.4g}") for v in np.asarray(values).tolist()]


results = {
    "seeds": seeds,
    **{name: rounded(values) for name, values in per_seed.items()},
    "moved": rounded([max(moved)])[0],  # largest change of a logit by rescaling
    "noises": noises,
    "sgd_by_noise": [rounded(row) for row in sgd["final"][0, : len(noises)]],
    "sam_by_noise": [rounded(row) for row in sam["final"][0, : len(noises)]],
    "decays": swept,
    "sgd_by_decay": [rounded(row) for row in sgd["final"][0, sweep]],
    "sam_by_decay": [rounded(row) for row in sam["final"][0, sweep]],
    "rho": RHO,
    "anti_rho": ANTI_RHO,
    "tuned": TUNED,
    "tuned_sam": TUNED_SAM,
    "epochs": EPOCHS,
    "batch": BATCH,
    "lr": LR,
    "momentum": MOMENTUM,
    "parameters": sum(p[0].numel() for p in sam["params"]),
}
for name, value in results.items():
    print(f"{name}: {value}")
