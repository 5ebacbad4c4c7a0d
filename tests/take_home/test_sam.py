"""The take-home of SAM against cases whose answer is known."""

import copy
import math
import pickle
import sys
import types

import pytest
import torch
from torch.optim import SGD, Adam, AdamW

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
