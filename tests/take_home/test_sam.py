"""The take-home of SAM against cases whose answer is known."""

import copy
import math
import os
import pickle
import re
import subprocess
import sys
import types

import pytest
import torch
from torch.optim import SGD, Adam, AdamW

from pipeline.run.snippet import Snippet
from tests.project import ROOT

A = torch.tensor([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
DTYPES = [torch.float32, torch.float64]
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="no CUDA device here; the same cases run on the CPU"
        ),
    ),
]


@pytest.fixture
def ns(take_home):
    return take_home("29/sam")


@pytest.fixture
def alone(tmp_path):
    """A folder with the cell as `cell.py`, for programs of their own."""
    (source,) = (cell.code for cell in Snippet(ROOT, "29/sam").read() if cell.name == "take-home")
    (tmp_path / "cell.py").write_text(source)
    return tmp_path


@pytest.fixture
def SAM(ns):
    return ns["SAM"]


@pytest.fixture
def top(ns):
    return ns["hessian_top_eigenvalue"]


def closure_for(optimizer, loss_of):
    def closure():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    return closure


def quadratic(w, a=A):
    return 0.5 * w @ a.to(w) @ w


def small_net(seed=0, dropout=0.0):
    rng = torch.Generator().manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(5, 7),
        torch.nn.Tanh(),
        torch.nn.Dropout(dropout),
        torch.nn.Linear(7, 3),
    )
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=rng))
    x = torch.randn(20, 5, generator=rng)
    y = torch.randint(3, (20,), generator=rng)
    return net, lambda: torch.nn.functional.cross_entropy(net(x), y)


# ---- SAM: known answers


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_step_on_a_quadratic(SAM, dtype, device):
    a = A.to(device, dtype)
    start = torch.tensor([1.0, -2.0, 0.5], dtype=dtype, device=device)
    w = start.clone().requires_grad_()
    lr, rho = 0.1, 0.3
    optimizer = SAM([w], SGD, rho=rho, lr=lr)
    loss = optimizer.step(closure_for(optimizer, lambda: quadratic(w, a)))
    g = a @ start
    expected = start - lr * a @ (start + rho * g / g.norm())
    torch.testing.assert_close(w.detach(), expected)
    torch.testing.assert_close(loss.detach(), quadratic(start, a))
    assert w.dtype == dtype
    assert w.device.type == device


@pytest.mark.parametrize(
    ("base", "options"),
    [
        (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
        (Adam, {"lr": 0.01}),
        (AdamW, {"lr": 0.01, "weight_decay": 0.1}),
    ],
)
def test_rho_zero_is_the_base_optimizer_bit_for_bit(SAM, base, options):
    runs = []
    for make in (base, lambda p, **o: SAM(p, base, rho=0.0, **o)):
        net, loss_of = small_net(dropout=0.5)
        optimizer = make(net.parameters(), **options)
        torch.manual_seed(3)
        for _ in range(10):
            optimizer.step(closure_for(optimizer, loss_of))
        runs.append([p.detach().clone() for p in net.parameters()])
    assert all(torch.equal(p, q) for p, q in zip(*runs, strict=True))


def test_norm_is_taken_over_all_groups_and_each_has_its_rho(SAM):
    u = torch.tensor([3.0], requires_grad=True)
    v = torch.tensor([2.0], requires_grad=True)
    groups = [{"params": [u], "rho": 0.5}, {"params": [v], "lr": 1.0}]
    optimizer = SAM(groups, SGD, rho=0.1, lr=0.1)
    optimizer.step(closure_for(optimizer, lambda: (u**2 / 2 + v**2).sum()))
    # gradient (3, 4), norm 5; loss u^2/2 + v^2
    assert u.item() == pytest.approx(3 - 0.1 * (3 + 0.5 * 3 / 5))
    assert v.item() == pytest.approx(2 - 1.0 * 2 * (2 + 0.1 * 4 / 5))


def test_on_a_parabola_sam_settles_where_the_exact_cycle_says(SAM):
    # L = a w^2/2: w <- w - lr a (w + rho sign w); the 2-cycle w <-> -w has
    # |w| = lr a rho / (2 - lr a)
    a, lr, rho = 2.0, 0.3, 0.4
    w = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimizer = SAM([w], SGD, rho=rho, lr=lr)
    for _ in range(400):
        optimizer.step(closure_for(optimizer, lambda: (a * w**2 / 2).sum()))
    assert abs(w.item()) == pytest.approx(lr * a * rho / (2 - lr * a), rel=1e-9)


def test_to_first_order_sam_penalises_the_gradient_norm(SAM):
    # grad L(w + rho g/|g|) = grad (L + rho |grad L|) + O(rho^2)
    def loss_of(w):
        return (w**4).sum() / 4 + quadratic(w)

    errors = []
    for rho in (0.02, 0.01):
        w = torch.tensor([0.7, -0.4, 1.1], dtype=torch.float64, requires_grad=True)
        start = w.detach().clone()
        optimizer = SAM([w], SGD, rho=rho, lr=1.0)
        optimizer.step(closure_for(optimizer, lambda w=w: loss_of(w)))
        used = start - w.detach()
        v = start.clone().requires_grad_()
        (g,) = torch.autograd.grad(loss_of(v), v, create_graph=True)
        (penalised,) = torch.autograd.grad(loss_of(v) + rho * g.norm(), v)
        errors.append((used - penalised).norm().item())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_the_climb_has_length_rho(SAM):
    net, loss_of = small_net()
    seen = []

    def watched():
        seen.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
        return loss_of()

    optimizer = SAM(net.parameters(), SGD, rho=0.25, lr=0.1)
    optimizer.step(closure_for(optimizer, watched))
    assert len(seen) == 2
    assert (seen[1] - seen[0]).norm().item() == pytest.approx(0.25, rel=1e-4)


# ---- SAM: as an optimizer


def test_weights_are_restored_exactly(SAM):
    net, loss_of = small_net()
    before = [p.detach().clone() for p in net.parameters()]
    optimizer = SAM(net.parameters(), SGD, rho=7.3, lr=0.0)
    optimizer.step(closure_for(optimizer, loss_of))
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), before, strict=True))


def test_weights_are_restored_when_the_closure_raises(SAM):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.5, lr=0.1)
    calls = []

    def closure():
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert w.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_nan_at_zero_gradient(SAM, dtype):
    w = torch.zeros(4, dtype=dtype, requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.5, lr=0.1)
    optimizer.step(closure_for(optimizer, lambda: (w**2).sum()))
    assert torch.equal(w.detach(), torch.zeros(4, dtype=dtype))


def test_parameters_without_a_gradient_stay(SAM):
    w = torch.ones(2, requires_grad=True)
    idle = torch.ones(3, requires_grad=True)
    optimizer = SAM([w, idle], SGD, rho=0.1, lr=0.1)
    optimizer.step(closure_for(optimizer, lambda: (w**2).sum()))
    assert idle.tolist() == [1, 1, 1]
    assert idle.grad is None


@pytest.mark.parametrize(
    ("base", "options"),
    [
        (SGD, {"lr": 0.1, "momentum": 0.9}),
        (Adam, {"lr": 0.01}),
    ],
)
def test_state_dict_round_trip(SAM, base, options, tmp_path):
    net, loss_of = small_net()
    optimizer = SAM(net.parameters(), base, rho=0.2, **options)
    for _ in range(3):
        optimizer.step(closure_for(optimizer, loss_of))
    file = tmp_path / "optimizer.pt"
    torch.save(optimizer.state_dict(), file)

    twin, _ = small_net(seed=5)
    twin.load_state_dict(net.state_dict())
    other = SAM(twin.parameters(), base, rho=0.9, **{**options, "lr": 1.0})
    other.load_state_dict(torch.load(file))
    assert other.param_groups[0]["rho"] == 0.2
    assert other.param_groups[0]["lr"] == options["lr"]
    x = torch.randn(20, 5, generator=torch.Generator().manual_seed(1))

    for model, opt in ((net, optimizer), (twin, other)):
        for _ in range(4):
            opt.step(closure_for(opt, lambda m=model: (m(x) ** 2).mean()))
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(p, q)


def test_scheduler_sets_the_rate_of_the_base_optimizer(SAM):
    w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.3, lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    v, a = w.detach().clone(), A.double()
    for step in range(3):
        optimizer.step(closure_for(optimizer, lambda: quadratic(w)))
        schedule.step()
        g = a @ v
        v = v - 0.1 * 0.5**step * a @ (v + 0.3 * g / g.norm())
    torch.testing.assert_close(w.detach(), v)


def test_a_group_added_later_is_trained(SAM):
    u = torch.tensor([1.0], requires_grad=True)
    v = torch.tensor([1.0], requires_grad=True)
    optimizer = SAM([u], SGD, rho=0.1, lr=0.1, momentum=0.9)
    optimizer.add_param_group({"params": [v], "lr": 0.5})
    optimizer.step(closure_for(optimizer, lambda: (u + v).sum()))
    assert u.item() == pytest.approx(0.9)
    assert v.item() == pytest.approx(0.5)
    assert optimizer.param_groups[1]["rho"] == 0.1


def test_leaves_global_state_alone(SAM, top):
    before = (
        torch.get_rng_state(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    )
    w = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.1, lr=0.1)
    optimizer.step(closure_for(optimizer, lambda: quadratic(w)))
    grad = w.grad.clone()
    top(quadratic(w), [w], 3)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    ) == before[1:]
    assert torch.equal(w.grad, grad)
    with torch.no_grad():
        optimizer.step(closure_for(optimizer, lambda: quadratic(w)))
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("rho", [-0.05, math.nan, math.inf])
def test_senseless_rho(SAM, rho):
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="rho"):
        SAM([w], SGD, rho=rho, lr=0.1)
    with pytest.raises(ValueError, match="rho"):
        SAM([{"params": [w], "rho": rho}], SGD, lr=0.1)


def test_other_senseless_input(SAM):
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="class"):
        SAM([w], SGD([w], lr=0.1))
    with pytest.raises(ValueError, match="class"):
        SAM([w], dict)
    with pytest.raises(ValueError, match="empty"):
        SAM([], SGD, lr=0.1)
    optimizer = SAM([w], SGD, lr=0.1)
    with pytest.raises(ValueError, match="closure"):
        optimizer.step()


# ---- the top eigenvalue


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 12])
def test_eigenvalue_agrees_with_eigvalsh(top, dtype, device, n):
    m = torch.randn(n, n, generator=torch.Generator().manual_seed(n))
    m = (m + m.T).to(device, dtype)
    w = torch.ones(n, dtype=dtype, device=device, requires_grad=True)
    value = top(0.5 * w @ m @ w, [w], 50)
    assert isinstance(value, float)
    exact = torch.linalg.eigvalsh(m.cpu().double())[-1].item()
    assert value == pytest.approx(exact, rel=1e-4, abs=1e-5)


def test_eigenvalue_of_a_network(top):
    net, _ = small_net()
    net = net.double()
    params = list(net.parameters())
    names = [name for name, _ in net.named_parameters()]
    x = torch.randn(20, 5, dtype=torch.float64, generator=torch.Generator())
    y = torch.arange(20) % 3

    def loss_at(flat):
        parts = flat.split([p.numel() for p in params])
        at = {n: t.view_as(p) for n, t, p in zip(names, parts, params, strict=True)}
        logits = torch.func.functional_call(net, at, x)
        return torch.nn.functional.cross_entropy(logits, y)

    flat = torch.cat([p.detach().flatten() for p in params])
    H = torch.autograd.functional.hessian(loss_at, flat)
    exact = torch.linalg.eigvalsh(H)[-1].item()
    loss = torch.nn.functional.cross_entropy(net(x), y)
    assert top(loss, params, 30) == pytest.approx(exact, rel=1e-6)


def test_eigenvalue_is_the_largest_not_the_largest_in_magnitude(top):
    w = torch.ones(3, requires_grad=True)
    loss = (torch.tensor([-10.0, 1.0, 2.0]) * w**2).sum() / 2
    assert top(loss, [w], 3) == pytest.approx(2, rel=1e-5)
    loss = (torch.tensor([-10.0, -1.0, -2.0]) * w**2).sum() / 2
    assert top(loss, [w], 3) == pytest.approx(-1, rel=1e-5)


def test_eigenvalue_of_logistic_regression(top):
    # the Hessian is X^T diag(p (1 - p)) X / n
    rng = torch.Generator().manual_seed(0)
    X = torch.randn(50, 6, generator=rng, dtype=torch.float64)
    y = torch.randint(2, (50,), generator=rng).double()
    w = torch.randn(6, generator=rng, dtype=torch.float64).requires_grad_()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(X @ w, y)
    p = torch.sigmoid(X @ w.detach())
    exact = torch.linalg.eigvalsh((X.T * (p * (1 - p))) @ X / 50)[-1].item()
    assert top(loss, [w], 6) == pytest.approx(exact, rel=1e-9)


def test_eigenvalue_rises_to_the_limit_from_below(top):
    m = torch.diag(torch.arange(1.0, 41.0, dtype=torch.float64))
    w = torch.ones(40, dtype=torch.float64, requires_grad=True)
    values = [top(0.5 * w @ m @ w, [w], k) for k in (1, 3, 9, 27, 40)]
    assert values == sorted(values)
    assert values[-1] <= 40 + 1e-9
    assert values[-1] == pytest.approx(40)


def test_eigenvalue_of_repeated_and_of_no_curvature(top):
    w = torch.ones(5, requires_grad=True)
    idle = torch.ones(4, requires_grad=True)
    assert top((w**2).sum(), [w], 20) == pytest.approx(2)
    assert top((w**2).sum(), [w, idle], 20) == pytest.approx(2, rel=1e-5)
    assert top(w.sum(), [w], 20) == 0.0
    assert top(w.sum() + (idle**2).sum(), [w, idle], 9) == pytest.approx(2, rel=1e-5)


def test_eigenvalue_scales_as_the_reparametrisation_says(top):
    # w = s u: the Hessian in u is s^2 times that in w
    u = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    once, thrice = top(quadratic(u), [u], 3), top(quadratic(3 * u), [u], 3)
    assert thrice == pytest.approx(9 * once)


def test_eigenvalue_is_the_same_each_time_and_changes_nothing(top):
    net, loss_of = small_net()
    params = list(net.parameters())
    before = [p.detach().clone() for p in params]
    values = {top(loss_of(), params, 10) for _ in range(3)}
    assert len(values) == 1
    assert all(torch.equal(p, q) for p, q in zip(params, before, strict=True))
    assert all(p.grad is None for p in params)
    loss = loss_of()
    with torch.no_grad():
        assert top(loss, params, 10) in values


def test_eigenvalue_of_senseless_input(top):
    w = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="one finite"):
        top(w**2, [w], 5)
    with pytest.raises(ValueError, match="one finite"):
        top((w / 0).sum(), [w], 5)
    with pytest.raises(ValueError, match="graph"):
        top((w.detach() ** 2).sum(), [w], 5)
    with pytest.raises(ValueError, match="parameters"):
        top((w**2).sum(), [], 5)
    with pytest.raises(ValueError, match="parameters"):
        top((w**2).sum(), [torch.ones(3)], 5)
    with pytest.raises(ValueError, match="iterations"):
        top((w**2).sum(), [w], 0)


@pytest.mark.parametrize("way", ["deepcopy", "pickle"])
def test_a_copy_is_complete_and_independent(SAM, way, monkeypatch):
    module = types.ModuleType("pasted")  # pickle finds a class by its module
    module.SAM = SAM
    monkeypatch.setitem(sys.modules, "pasted", module)
    monkeypatch.setattr(SAM, "__module__", "pasted")

    net = torch.nn.Linear(3, 2)
    optimizer = SAM(net.parameters(), SGD, rho=0.2, lr=0.1, momentum=0.9)
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))

    def train(model, opt, steps):
        for _ in range(steps):
            opt.step(closure_for(opt, lambda: (model(x) ** 2).mean()))

    train(net, optimizer, 3)  # momentum has built up
    pair = (net, optimizer)
    if way == "deepcopy":
        twin, other = copy.deepcopy(pair)
    else:
        twin, other = pickle.loads(pickle.dumps(pair))
    assert other.state is other.base_optimizer.state is not optimizer.state
    assert other.param_groups is other.base_optimizer.param_groups
    assert other.param_groups[0]["params"][0] is twin.weight

    before = [p.detach().clone() for p in net.parameters()]
    train(twin, other, 4)
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), before, strict=True))
    train(net, optimizer, 4)
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(p, q)
    schedule = torch.optim.lr_scheduler.ExponentialLR(other, 0.5)
    train(twin, other, 1)
    schedule.step()
    assert other.base_optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


# ---- SAM: what practitioners have


def flat(params):
    return torch.cat([p.detach().flatten() for p in params])


def test_the_closure_can_ask_which_pass_it_is(SAM):
    w = torch.ones(2, requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.1, lr=0.1)
    seen = []

    def closure():
        seen.append((optimizer.ascending, optimizer.perturbed))
        loss = (w**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert seen == [(True, False), (False, True)]
    assert (optimizer.ascending, optimizer.perturbed) == (False, False)
    optimizer.param_groups[0]["rho"] = 0  # one pass: its gradient is for the descent
    optimizer.step(closure)
    assert seen[2:] == [(False, False)]


def test_batch_norm_can_be_frozen_in_the_second_pass(SAM):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    x = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    optimizer = SAM(net.parameters(), SGD, rho=0.5, lr=0.1)
    expected = copy.deepcopy(net)
    expected(x)  # one pass at w

    def closure():
        for norm in norms:
            norm.track_running_stats = not optimizer.perturbed
        loss = net(x).square().mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    for name, value in expected[1].named_buffers():
        assert torch.equal(getattr(net[1], name), value), name


WORKER = """
import os, sys
from contextlib import nullcontext

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

rank = int(sys.argv[1])
exec(open("cell.py").read())
dist.init_process_group("gloo", init_method=f"file://{os.getcwd()}/meeting", rank=rank, world_size=2)
net = torch.nn.Linear(3, 1, bias=False).double()
torch.nn.init.ones_(net.weight)
model = DistributedDataParallel(net)
x = torch.tensor([[[1.0, 2, 3]], [[0, -1, 4]]], dtype=torch.float64)[rank]
optimizer = SAM(model.parameters(), torch.optim.SGD, rho=0.3, lr=0.1)


def closure():
    with model.no_sync() if optimizer.ascending else nullcontext():
        loss = (model(x) ** 2).sum() / 2
        loss.backward()
    return loss


for _ in range(2):
    optimizer.step(closure)
print(net.weight.tolist()[0])
dist.destroy_process_group()
"""


def test_each_worker_climbs_by_itself_without_sync(alone):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank)],
            cwd=alone,
            env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [worker.communicate(timeout=120) for worker in started]
    assert [worker.returncode for worker in started] == [0, 0], outputs
    # loss (x w)^2 / 2 on each worker: g = x (x w), climbed along g / |g|, then averaged
    w = torch.ones(3, dtype=torch.float64)
    xs = torch.tensor([[1.0, 2, 3], [0, -1, 4]], dtype=torch.float64)
    for _ in range(2):
        gradients = []
        for x in xs:
            g = x * (x @ w)
            gradients.append(x * (x @ (w + 0.3 * g / g.norm())))
        w = w - 0.1 * sum(gradients) / 2
    for stdout, _ in outputs:
        assert eval(stdout) == pytest.approx(w.tolist(), rel=1e-12)


def steps_of(SAM, take, **options):
    """The weights of a small network after three steps that `take` makes."""
    net, loss_of = small_net()
    optimizer = SAM(net.parameters(), SGD, rho=0.2, lr=0.1, momentum=0.9, **options)
    for _ in range(3):
        take(optimizer, loss_of)
    return flat(net.parameters())


def by_closure(optimizer, loss_of):
    optimizer.step(closure_for(optimizer, loss_of))


def test_loops_and_closures_of_other_packages_do_the_same(SAM):
    def two_steps(optimizer, loss_of):
        loss_of().backward()
        optimizer.first_step(zero_grad=True)
        loss_of().backward()
        optimizer.second_step(zero_grad=True)

    def without_zero_grad(optimizer, loss_of):
        def closure():
            loss = loss_of()
            loss.backward()
            return loss

        closure()  # some want the first gradient before the step
        optimizer.step(closure)

    expected = steps_of(SAM, by_closure)
    assert torch.equal(steps_of(SAM, two_steps), expected)
    assert torch.equal(steps_of(SAM, without_zero_grad), expected)


def test_a_first_step_without_the_second_is_refused(SAM):
    w = torch.ones(2, requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.1, lr=0.1)
    (w**2).sum().backward()
    optimizer.first_step()
    with pytest.raises(RuntimeError, match="second_step goes in between"):
        optimizer.first_step()


def with_scaler(scaler):
    def take(optimizer, loss_of):
        def closure():
            loss = loss_of()
            scaler.scale(loss).backward()
            return loss

        optimizer.step(closure, scaler)
        scaler.update()

    return take


@pytest.mark.parametrize("fused", [False, True])  # a fused optimizer takes the scale off by itself
def test_a_gradient_scaler_changes_nothing_but_the_scale(SAM, fused):
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)  # a power of two: exact
    assert torch.equal(steps_of(SAM, with_scaler(scaler), fused=fused), steps_of(SAM, by_closure, fused=fused))


def test_gradients_are_clipped_in_the_pass_that_moves_the_weights(SAM):
    # by hand: after the scale is taken off, and not in the pass that climbs
    w = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.5, lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)

    def closure():
        loss = (w**2).sum() / 2
        scaler.scale(loss).backward()
        if not optimizer.ascending:
            scaler.unscale_(optimizer.base_optimizer)
            torch.nn.utils.clip_grad_norm_([w], 1.0)
        return loss

    optimizer.step(closure, scaler)
    scaler.update()
    # uphill (3.3, 4.4), clipped to (0.6, 0.8)
    assert w.tolist() == pytest.approx([3 - 0.06, 4 - 0.08], rel=1e-5)


def test_a_gradient_scaler_skips_a_step_that_overflows(SAM):
    net, loss_of = small_net()
    before = flat(net.parameters())
    optimizer = SAM(net.parameters(), SGD, rho=0.2, lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, backoff_factor=2.0**-100)
    take = with_scaler(scaler)
    for p in net.parameters():
        p.register_hook(lambda g: g * 100)
    take(optimizer, loss_of)
    assert torch.equal(flat(net.parameters()), before)
    take(optimizer, loss_of)
    assert flat(net.parameters()).isfinite().all()
    assert not torch.equal(flat(net.parameters()), before)


def test_a_gradient_scaler_in_torchs_own_way_is_told_what_to_do(SAM):
    w = torch.ones(2, requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.1, lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale((w**2).sum()).backward()
    with pytest.raises(ValueError, match=r"with a GradScaler step\(closure, scaler\)"):
        scaler.step(optimizer)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_autocast_it_learns_as_in_single_precision(SAM, dtype):
    losses = {}
    for precision in (torch.float32, dtype):
        net, loss_of = small_net()
        optimizer = SAM(net.parameters(), SGD, rho=0.05, lr=0.5)
        scaler = torch.amp.GradScaler("cpu", enabled=precision == torch.float16)

        def closure(loss_of=loss_of, scaler=scaler, precision=precision):
            with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
                loss = loss_of()
            scaler.scale(loss).backward()
            return loss

        for _ in range(30):
            optimizer.step(closure, scaler)
            scaler.update()
        losses[precision] = loss_of().item()
    assert losses[dtype] == pytest.approx(losses[torch.float32], rel=0.03)
    assert losses[dtype] < 1.0


@pytest.mark.parametrize(
    ("dtype", "size"), [(torch.float16, 1e-7), (torch.bfloat16, 1e-30), (torch.float32, 1e-37), (torch.float64, 1e-300)]
)
def test_the_climb_has_length_rho_however_small_the_gradient(SAM, dtype, size):
    w = torch.zeros(3, dtype=dtype, requires_grad=True)
    optimizer = SAM([w], SGD, rho=0.25, lr=0.1)
    w.grad = torch.tensor([3.0, 0.0, 4.0], dtype=dtype) * size
    expected = w.grad.double() / w.grad[2].double()  # as rounded, and none so small
    expected = expected / expected.norm()
    optimizer.first_step()
    torch.testing.assert_close(w.detach().double(), 0.25 * expected, rtol=2 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bit_weights_that_a_small_step_cannot_move(SAM, dtype):
    for size, rho in ((1.0, 0.5), (100.0, 0.01)):
        w = torch.full((50,), size, dtype=dtype, requires_grad=True)
        optimizer = SAM([w], SGD, rho=rho, lr=0.1)
        closure = closure_for(optimizer, lambda w=w: (w * torch.linspace(0.5, 1, 50)).sum())
        if size == 1:
            optimizer.step(closure)
            assert not torch.equal(w, torch.ones_like(w))
        else:
            with pytest.raises(RuntimeError, match="keep the weights in float32"):
                optimizer.step(closure)
            assert torch.equal(w, torch.full_like(w, size))
            assert not optimizer.perturbed


def test_weights_of_several_precisions_and_none_at_all(SAM):
    u = torch.ones(2, dtype=torch.float64, requires_grad=True)
    v = torch.zeros(2, dtype=torch.bfloat16, requires_grad=True)
    nothing = torch.zeros(0, requires_grad=True)
    optimizer = SAM([u, v, nothing], SGD, rho=5.0, lr=1.0)
    u.grad, v.grad, nothing.grad = torch.full_like(u, 3), torch.full_like(v, 4), nothing.detach()
    optimizer.first_step()
    assert u.tolist() == pytest.approx([1 + 3 / 2**0.5] * 2)  # the norm of (3, 3, 4, 4) is 5 sqrt 2
    assert v.tolist() == pytest.approx([4 / 2**0.5] * 2, rel=1e-2)


def test_sparse_gradients(SAM):
    runs = []
    for sparse in (True, False):
        table = torch.nn.Embedding(6, 3, sparse=sparse)
        with torch.no_grad():
            table.weight.copy_(torch.arange(18.0).view(6, 3) / 10)
        optimizer = SAM(table.parameters(), SGD, rho=0.3, lr=0.1)
        places = torch.tensor([1, 1, 4])  # a row twice: its gradient comes in two parts
        for _ in range(3):
            optimizer.step(closure_for(optimizer, lambda t=table, at=places: (t(at) ** 3).sum()))
        runs.append(table.weight.detach())
    torch.testing.assert_close(*runs)


def test_a_checkpoint_of_the_base_optimizer_alone(SAM):
    net, loss_of = small_net()
    base = SGD(net.parameters(), lr=0.3, momentum=0.9)
    loss_of().backward()
    base.step()
    optimizer = SAM(net.parameters(), SGD, rho=0.2, lr=0.1, momentum=0.9)
    optimizer.load_state_dict(base.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.3
    assert optimizer.param_groups[0]["rho"] == 0.2
    for p in net.parameters():
        assert torch.equal(optimizer.state[p]["momentum_buffer"], base.state[p]["momentum_buffer"])
    before = flat(net.parameters())
    by_closure(optimizer, loss_of)
    assert not torch.equal(flat(net.parameters()), before)
    base.load_state_dict(optimizer.state_dict())  # and the way back


# ---- the top eigenvalue: memory and precision

MEASURE = """
import resource
import torch

exec(open("cell.py").read())
torch.set_num_threads(1)
layers = [torch.nn.Linear(1200, 1200) for _ in range(3)]
net = torch.nn.Sequential(*layers)
x = torch.randn(8, 1200)
hessian_top_eigenvalue(net(x).square().mean(), [layers[2].bias], 2)  # what torch takes once
weights = sum(p.numel() * 4 for p in net.parameters())
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
hessian_top_eigenvalue(net(x).square().mean(), net.parameters(), 40)
# not ru_maxrss, which begins at the memory of the process that started this one
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
print((peak - before) / weights)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory from /proc")
def test_eigenvalue_takes_the_memory_that_it_says(top, alone):
    (times,) = re.findall(r"at most (\w+) times", top.__doc__)
    done = subprocess.run([sys.executable, "-c", MEASURE], cwd=alone, capture_output=True, text=True)
    assert float(done.stdout) <= {"ten": 10}[times], done.stderr


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_eigenvalue_of_half_precision(top, dtype):
    a = A.to(dtype)  # its numbers have no rounding
    w = torch.ones(3, dtype=dtype, requires_grad=True)
    exact = torch.linalg.eigvalsh(A.double())[-1].item()
    assert top(quadratic(w, a), [w], 3) == pytest.approx(exact, rel=4 * torch.finfo(dtype).eps)


def test_eigenvalue_of_weights_of_several_precisions(top):
    u = torch.ones(2, dtype=torch.float64, requires_grad=True)
    v = torch.ones(2, requires_grad=True)
    assert top((u**2).sum() + 3 * (v**2).sum(), [u, v], 4) == pytest.approx(6, rel=1e-5)


def test_eigenvalue_with_a_sparse_gradient_says_what_to_do(top):
    table = torch.nn.Embedding(6, 3, sparse=True)
    with pytest.raises(ValueError, match="sparse=False"):
        top((table(torch.tensor([1, 2])) ** 2).sum(), [table.weight], 5)
