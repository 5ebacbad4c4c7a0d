"""SAM and hessian_top_eigenvalue against packages that others use (tests/peers.txt)."""

import copy

import pytest
import torch
from torch.optim import SGD, AdamW

WHERE = "is not installed: pip install -r tests/peers.txt -c requirements.lock brings it"
CLOSE = {"rtol": 0, "atol": 2e-8}  # in double precision; theirs takes the norm in single


@pytest.fixture
def ours(take_home):
    return take_home("29/sam")["SAM"]


@pytest.fixture
def theirs():
    return pytest.importorskip("pytorch_optimizer", reason=f"pytorch-optimizer {WHERE}").SAM


def network(dtype=torch.float64, norm=False):
    rng = torch.Generator().manual_seed(0)
    between = torch.nn.BatchNorm1d(7) if norm else torch.nn.Tanh()
    net = torch.nn.Sequential(torch.nn.Linear(5, 7), between, torch.nn.Linear(7, 3)).to(dtype)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=rng))
    x = torch.randn(20, 5, generator=rng).to(dtype)
    y = torch.randint(3, (20,), generator=rng)
    return net, x, y, lambda: torch.nn.functional.cross_entropy(net(x), y)


def flat(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def two_steps(optimizer, loss_of):
    loss_of().backward()
    optimizer.first_step(zero_grad=True)
    loss_of().backward()
    optimizer.second_step(zero_grad=True)


def by_closure(optimizer, loss_of):
    def closure():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    closure()  # theirs wants the first gradient before the step; ours takes it again
    optimizer.step(closure)


BASES = [
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    (AdamW, {"lr": 0.02, "weight_decay": 0.1}),
]


@pytest.mark.parametrize("take", [two_steps, by_closure])
@pytest.mark.parametrize(("base", "options"), BASES)
def test_the_same_loop_gives_the_same_weights(ours, theirs, base, options, take):
    runs = []
    for SAM in (ours, theirs):
        net, _, _, loss_of = network()
        optimizer = SAM(net.parameters(), base, rho=0.3, **options)
        for _ in range(20):
            take(optimizer, loss_of)
        runs.append(flat(net))
    torch.testing.assert_close(*runs, **CLOSE)


def test_a_checkpoint_of_theirs_is_continued_by_ours(ours, theirs):
    (net, _, _, loss_of), (twin, _, _, twin_loss) = network(), network()
    options = {"lr": 0.1, "momentum": 0.9}
    first = theirs(net.parameters(), SGD, rho=0.3, **options)
    for _ in range(5):
        two_steps(first, loss_of)
    second = ours(twin.parameters(), SGD, rho=0.9, **{**options, "lr": 1.0})
    twin.load_state_dict(net.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert second.param_groups[0]["rho"] == 0.3
    for _ in range(5):
        two_steps(first, loss_of)
        by_closure(second, twin_loss)
    torch.testing.assert_close(flat(net), flat(twin), **CLOSE)


def test_frozen_statistics_are_those_of_their_helper(ours, theirs):
    helper = pytest.importorskip("pytorch_optimizer.optimizer.utils.model")
    (net, _, _, loss_of), (twin, _, _, twin_loss) = network(norm=True), network(norm=True)
    first = theirs(net.parameters(), SGD, rho=0.3, lr=0.1)
    second = ours(twin.parameters(), SGD, rho=0.3, lr=0.1)

    def closure():
        twin[1].track_running_stats = not second.perturbed
        loss = twin_loss()
        loss.backward()
        return loss

    for _ in range(5):
        loss_of().backward()
        first.first_step(zero_grad=True)
        helper.disable_running_stats(net)
        loss_of().backward()
        first.second_step(zero_grad=True)
        helper.enable_running_stats(net)
        second.step(closure)
    torch.testing.assert_close(net[1].running_mean, twin[1].running_mean, **CLOSE)
    torch.testing.assert_close(net[1].running_var, twin[1].running_var, **CLOSE)


def test_the_top_eigenvalue_is_that_of_pyhessian(take_home):
    pyhessian = pytest.importorskip("pyhessian", reason=f"pyhessian {WHERE}")
    net, x, y, loss_of = network(torch.float32)
    measured = take_home("29/sam")["hessian_top_eigenvalue"](loss_of(), net.parameters(), 30)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        peer = pyhessian.hessian(net, torch.nn.functional.cross_entropy, (x, y), cuda=False)
        (value,), _ = peer.eigenvalues(maxIter=2000, tol=1e-9)
    assert measured == pytest.approx(value, rel=1e-5)
