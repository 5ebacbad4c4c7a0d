"""induction_scores against patterns whose scores are known in closed form.

The fixture take_home(name) gives the namespace of the snippet's cell take-home.
"""

import math
import re

import pytest
import torch


@pytest.fixture
def scores(take_home):
    return take_home("29/mechanistic_interpretability")["induction_scores"]


def pattern(rows, dtype=torch.float64):
    """One head's [T, T] pattern as the [1, 1, 1, T, T] that the function takes."""
    return torch.as_tensor(rows, dtype=dtype)[None, None, None]


def shift(T, back, dtype=torch.float64):
    """Row t looks at t - back; where that does not exist, at position 0."""
    A = torch.zeros(T, T, dtype=dtype)
    A[torch.arange(T), (torch.arange(T) - back).clamp(min=0)] = 1
    return A


def uniform(T, dtype=torch.float64):
    A = torch.ones(T, T, dtype=dtype).tril()
    return A / A.sum(-1, keepdim=True)


# ---- known answers ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("T", "p"), [(8, 4), (12, 5), (48, 24), (48, 8)])
def test_shift_matrices_score_exactly_one_and_zero(scores, T, p, dtype):
    both = torch.stack([shift(T, 1, dtype), shift(T, p - 1, dtype)])[:, None, None]
    got = scores(both, p)
    assert got["previous_token"].shape == got["induction"].shape == (2, 1)
    assert got["previous_token"][0, 0] == 1
    assert got["induction"][1, 0] == 1
    assert got["induction"][0, 0] == 0
    # a shift by p - 1, clamped to position 0, looks at t - 1 in row 1 alone
    assert got["previous_token"][1, 0] == pytest.approx(1 / (T - 1))


def test_a_head_that_looks_at_itself_scores_zero(scores):
    got = scores(pattern(torch.eye(9)), 4)
    assert got["previous_token"].item() == got["induction"].item() == 0


@pytest.mark.parametrize(("T", "p"), [(2, 1), (10, 3), (48, 16)])
def test_uniform_causal_attention_scores_the_mean_of_one_over_i_plus_one(scores, T, p):
    got = scores(pattern(uniform(T)), p)

    def mean(rows):
        return sum(1 / (i + 1) for i in rows) / len(rows)

    assert got["previous_token"].item() == pytest.approx(mean(range(1, T)))
    assert got["induction"].item() == pytest.approx(mean(range(p, T)))


def hand_wired(tokens, V, sharp=1e3):
    """Two layers by hand, positions and tokens one-hot. Head 0.0 looks at t - 1 and
    writes that token into a second slot; head 1.0 matches the present token with
    that slot, except at position 0, which follows nothing, and writes the token it
    finds."""
    n, T = tokens.shape
    X = torch.nn.functional.one_hot(tokens, V).double()
    P = torch.eye(T, dtype=torch.float64)
    future = torch.full((T, T), -math.inf, dtype=torch.float64).triu(1)
    back = torch.diag(torch.ones(T - 1, dtype=torch.float64), -1)  # W_Q W_K^T, layer 0
    A0 = (sharp * (P @ back @ P.T) + future).softmax(-1).expand(n, T, T)
    previous = A0 @ X
    A1 = (sharp * (X @ previous.mT - P[0]) + future).softmax(-1)
    return torch.stack([A0, A1])[:, None], A1 @ X


@pytest.mark.parametrize("p", [4, 7, 12])
def test_a_hand_wired_induction_circuit_copies_and_scores_one(scores, p):
    V, T = 20, 2 * p
    g = torch.Generator().manual_seed(p)
    segment = torch.rand(16, V, generator=g).argsort(1)
    tokens = segment[:, torch.arange(T) % p]
    A, logits = hand_wired(tokens, V)
    got = scores(A, p)
    assert torch.equal(logits.argmax(-1)[:, p:-1], tokens[:, p + 1 :])
    assert got["previous_token"][0, 0].item() == pytest.approx(1)
    assert got["induction"][1, 0].item() == pytest.approx(1)
    assert got["induction"][0, 0].item() == pytest.approx(0)


# ---- further ground truths --------------------------------------------------------


@pytest.mark.parametrize("decay", [0.1, 0.7, 2.0])
def test_attention_that_decays_with_distance_is_a_geometric_series(scores, decay):
    T, p = 20, 6
    t = torch.arange(T, dtype=torch.float64)
    A = torch.exp(-decay * (t[:, None] - t)).tril()
    A = A / A.sum(-1, keepdim=True)
    z = math.exp(-decay)

    def expected(distance, rows):  # z^distance / (1 + z + ... + z^i)
        terms = [z**distance * (1 - z) / (1 - z ** (i + 1)) for i in rows]
        return sum(terms) / len(terms)

    got = scores(pattern(A), p)
    assert got["previous_token"].item() == pytest.approx(expected(1, range(1, T)))
    assert got["induction"].item() == pytest.approx(expected(p - 1, range(p, T)))


@pytest.mark.parametrize("copies", [2, 3, 4, 5])
def test_attention_shared_by_all_occurrences_scores_the_mean_of_one_over_k(scores, copies):
    """A head that spreads over every earlier occurrence gets 1/k in the k-th repeat."""
    p = 5
    T = copies * p
    A = torch.zeros(T, T, dtype=torch.float64)
    for t in range(T):
        seen = t // p  # earlier occurrences of token t
        for k in range(1, seen + 1):
            A[t, t - k * p + 1] = 1 / seen
        if not seen:
            A[t, 0] = 1
    expected = sum(1 / k for k in range(1, copies)) / (copies - 1)
    assert scores(pattern(A), p)["induction"].item() == pytest.approx(expected)


def test_scores_are_linear_in_the_pattern(scores):
    T, p, a = 24, 8, 0.3
    parts = [scores(pattern(A), p) for A in (shift(T, p - 1), uniform(T))]
    mixed = scores(pattern(a * shift(T, p - 1) + (1 - a) * uniform(T)), p)
    for name, value in mixed.items():
        expected = a * parts[0][name] + (1 - a) * parts[1][name]
        torch.testing.assert_close(value, expected)


def test_with_period_two_the_two_targets_are_the_same(scores):
    g = torch.Generator().manual_seed(0)
    A = torch.rand(2, 3, 4, 9, 9, generator=g, dtype=torch.float64).tril()
    A = A / A.sum(-1, keepdim=True)
    got = scores(A, 2)
    rows = A.diagonal(-1, -2, -1)[..., 1:]  # rows 2..8 of t - 1
    torch.testing.assert_close(got["induction"], rows.mean((-2, -1)))


def test_periods_may_differ_between_sequences(scores):
    """Every row counts the same, so sequences weigh by their number of rows."""
    T, periods = 12, torch.tensor([3, 5, 9])
    g = torch.Generator().manual_seed(1)
    A = torch.rand(2, 2, 3, T, T, generator=g, dtype=torch.float64).tril()
    A = A / A.sum(-1, keepdim=True)
    got = scores(A, periods)["induction"]
    each = torch.stack([scores(A[:, :, i : i + 1], int(p))["induction"] for i, p in enumerate(periods)])
    weight = (T - periods).double()[:, None, None]
    torch.testing.assert_close(got, (weight * each).sum(0) / weight.sum())
    same = scores(A, torch.tensor([4, 4, 4]))["induction"]
    torch.testing.assert_close(same, scores(A, 4)["induction"])


def test_heads_and_layers_keep_their_places(scores):
    T, p = 12, 4
    A = uniform(T).repeat(3, 2, 5, 1, 1)
    A[2, 1] = shift(T, p - 1)
    A[0, 0] = shift(T, 1)
    got = scores(A, p)
    assert got["induction"].shape == (3, 2)
    assert divmod(got["induction"].argmax().item(), 2) == (2, 1)
    assert divmod(got["previous_token"].argmax().item(), 2) == (0, 0)


# ---- bad input --------------------------------------------------------------------

GOOD = torch.eye(6)[None, None, None]


@pytest.mark.parametrize(
    ("attention", "period", "says"),
    [
        (torch.eye(6), 3, "[L, H, B, T, T]"),
        (torch.zeros(1, 1, 0, 6, 6), 3, "non-empty"),
        (torch.eye(6, dtype=torch.long)[None, None, None], 3, "float"),
        (torch.full((1, 1, 1, 6, 5), 0.2), 3, "square"),
        (torch.ones(1, 1, 1, 1, 1), 1, "T >= 2"),
        (torch.randn(1, 1, 1, 6, 6), 3, "softmax"),
        (GOOD * 2, 3, "sum to 1"),
        (GOOD * math.nan, 3, "sum to 1"),
        (torch.tensor([[2.0, -1.0], [0.5, 0.5]])[None, None, None], 1, ">= 0"),
        (GOOD, 0, "from 1 to T - 1"),
        (GOOD, -2, "from 1 to T - 1"),
        (GOOD, 6, "from 1 to T - 1"),
        (GOOD, 100, "from 1 to T - 1"),
        (GOOD, 3.0, "integer"),
        (GOOD, True, "integer"),
        (GOOD, torch.tensor([3.0]), "integer"),
        (GOOD, torch.tensor([3, 3]), "one int or a tensor"),
        (GOOD, torch.tensor([[3]]), "one int or a tensor"),
        (GOOD, torch.tensor([], dtype=torch.long), "one int or a tensor"),
    ],
)
def test_senseless_input_is_refused_with_a_reason(scores, attention, period, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        scores(attention, period)


# ---- dtypes, devices, side effects ------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_dtype_is_kept(scores, dtype):
    g = torch.Generator().manual_seed(2)
    logits = torch.randn(2, 2, 3, 10, 10, generator=g, dtype=torch.float64)
    exact = logits.softmax(-1)
    got = scores(exact.to(dtype), 4)
    for name, value in scores(exact, 4).items():
        assert got[name].dtype == dtype
        torch.testing.assert_close(got[name].double(), value, atol=4e-3, rtol=1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here; the same cases run on the CPU")
@pytest.mark.parametrize("period", [4, torch.tensor([4, 5, 6])])
def test_cuda_tensors_give_the_same_on_their_device(scores, period):
    A = torch.rand(2, 2, 3, 10, 10).softmax(-1)
    got = scores(A.cuda(), period)
    for name, value in scores(A, period).items():
        assert got[name].device.type == "cuda"
        torch.testing.assert_close(got[name].cpu(), value)


def test_gradients_pass_and_non_contiguous_input_is_taken(scores):
    logits = torch.zeros(3, 10, 10, 2, 2, requires_grad=True)
    A = logits.softmax(2).permute(3, 4, 0, 1, 2)
    scores(A, 4)["induction"].sum().backward()
    assert logits.grad.abs().sum() > 0


def test_inputs_and_global_state_are_left_alone(scores):
    A = torch.rand(1, 2, 3, 10, 10).softmax(-1)
    period = torch.tensor([3, 4, 5])
    kept = A.clone(), period.clone()
    before = (
        torch.get_rng_state(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        A._version,
        period._version,
    )
    scores(A, period)
    after = (
        torch.get_rng_state(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        A._version,
        period._version,
    )
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert torch.equal(A, kept[0])
    assert torch.equal(period, kept[1])
    with torch.no_grad():
        scores(A, period)
        assert not torch.is_grad_enabled()
