"""induction_scores against patterns whose scores are known in closed form.

The fixture take_home(name) gives the namespace of the snippet's cell take-home.
"""

import math
import re

import pytest
import torch
import torch.nn.functional as F


@pytest.fixture
def scores(take_home):
    return take_home("29/mechanistic_interpretability")["induction_scores"]


def layer(rows, dtype=torch.float64):
    """One layer [1, H, T, T] of the heads' patterns, [T, T] or [H, T, T]."""
    rows = torch.as_tensor(rows, dtype=dtype)
    return rows.view(1, -1, *rows.shape[-2:])


def shift(T, back, dtype=torch.float64):
    """Row t looks at t - back; where that does not exist, at position 0."""
    A = torch.zeros(T, T, dtype=dtype)
    A[torch.arange(T), (torch.arange(T) - back).clamp(min=0)] = 1
    return A


def uniform(T, dtype=torch.float64):
    A = torch.ones(T, T, dtype=dtype).tril()
    return A / A.sum(-1, keepdim=True)


def attention(*shape, seed=0, dtype=torch.float64):
    """Random patterns [..., T, T] of causal heads."""
    logits = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    future = torch.ones(shape[-2:], dtype=torch.bool).triu(1)
    return logits.masked_fill(future, -math.inf).softmax(-1).to(dtype)


def said(p, T):
    """The tokens 0 ... p - 1, over and over."""
    return torch.arange(T) % p


# ---- known answers ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(("T", "p"), [(8, 4), (12, 5), (48, 24), (48, 8)])
def test_shift_matrices_score_exactly_one_and_zero(scores, T, p, dtype):
    got = scores([layer(shift(T, 1), dtype), layer(shift(T, p - 1), dtype)], said(p, T))
    assert got["previous_token"].shape == got["induction"].shape == got["prefix_matching"].shape == (2, 1)
    assert got["previous_token"][0, 0] == 1
    assert got["induction"][1, 0] == 1
    assert got["induction"][0, 0] == 0
    # a shift by p - 1, clamped to position 0, looks at t - 1 in row 1 alone
    assert got["previous_token"][1, 0] == pytest.approx(1 / (T - 1))


def test_a_head_that_looks_at_itself_scores_zero(scores):
    assert all(score == 0 for score in scores([layer(torch.eye(9))], said(4, 9)).values())


@pytest.mark.parametrize(("T", "p"), [(2, 1), (10, 3), (48, 16)])
def test_uniform_causal_attention_scores_the_mean_of_one_over_i_plus_one(scores, T, p):
    got = scores([layer(uniform(T))], said(p, T))

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
    X = F.one_hot(tokens, V).double()
    P = torch.eye(T, dtype=torch.float64)
    future = torch.full((T, T), -math.inf, dtype=torch.float64).triu(1)
    back = torch.diag(torch.ones(T - 1, dtype=torch.float64), -1)  # W_Q W_K^T, layer 0
    A0 = (sharp * (P @ back @ P.T) + future).softmax(-1).expand(n, T, T)
    previous = A0 @ X
    A1 = (sharp * (X @ previous.mT - P[0]) + future).softmax(-1)
    return [A0[:, None], A1[:, None]], A1 @ X


@pytest.mark.parametrize("p", [4, 7, 12])
@pytest.mark.parametrize("first", [False, True])
def test_a_hand_wired_induction_circuit_copies_and_scores_one(scores, p, first):
    """With a first token that marks the start, and without."""
    V, T = 20, 2 * p
    segment = torch.rand(16, V, generator=torch.Generator().manual_seed(p)).argsort(1)
    tokens = segment[:, torch.arange(T) % p]
    if first:
        tokens = torch.cat([torch.full((16, 1), V), tokens], 1)
    A, logits = hand_wired(tokens, V + 1)
    assert torch.equal(logits.argmax(-1)[:, -p:-1], tokens[:, -p + 1 :])
    got = scores(A, tokens)
    assert got["previous_token"][0, 0].item() == pytest.approx(1)
    assert got["induction"][1, 0].item() == got["prefix_matching"][1, 0].item() == pytest.approx(1)
    assert got["induction"][0, 0].item() == pytest.approx(0)


@pytest.mark.parametrize("k", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["latest", "first", "spread"])
def test_heads_of_each_kind_on_a_segment_said_k_times(scores, k, kind):
    """As the docstring says: prefix_matching is 2/k for all of them, induction tells them apart."""
    p = 5
    T = k * p
    A = torch.eye(T, dtype=torch.float64)
    for t in range(p, T):
        copies = range(t % p, t, p)
        places = {"latest": [t - p], "first": [t % p], "spread": copies}[kind]
        A[t] = sum(F.one_hot(torch.tensor(s + 1), T).double() / len(places) for s in places)
    got = scores([layer(A)], said(p, T))
    expected = {"latest": 1, "first": 1 / (k - 1), "spread": sum(1 / j for j in range(1, k)) / (k - 1)}[kind]
    assert got["induction"].item() == pytest.approx(expected)
    assert got["prefix_matching"].item() == pytest.approx(2 / k)


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

    got = scores([layer(A)], said(p, T))
    assert got["previous_token"].item() == pytest.approx(expected(1, range(1, T)))
    assert got["induction"].item() == pytest.approx(expected(p - 1, range(p, T)))


def test_on_any_tokens_the_scores_are_what_a_loop_over_all_pairs_finds(scores):
    """Random tokens with chance repeats, also side by side: nothing hangs on a period."""
    B, T = 4, 15
    tokens = torch.randint(6, (B, T), generator=torch.Generator().manual_seed(0))
    A = attention(B, 2, T, T)
    latest, every = [], []
    for b in range(B):
        for t in range(T):
            earlier = [s for s in range(t) if tokens[b, s] == tokens[b, t]]
            every += [A[b, :, t, s + 1] for s in earlier]
            latest += [A[b, :, t, s + 1] for s in earlier[-1:]]
    got = scores([A], tokens)
    torch.testing.assert_close(got["induction"][0], torch.stack(latest).mean(0))
    torch.testing.assert_close(got["prefix_matching"][0], torch.stack(every).mean(0))


def test_scores_are_linear_in_the_pattern(scores):
    T, p, a = 24, 8, 0.3
    parts = [scores([layer(A)], said(p, T)) for A in (shift(T, p - 1), uniform(T))]
    mixed = scores([layer(a * shift(T, p - 1) + (1 - a) * uniform(T))], said(p, T))
    for name, value in mixed.items():
        torch.testing.assert_close(value, a * parts[0][name] + (1 - a) * parts[1][name])


def test_with_period_two_the_two_targets_are_the_same(scores):
    A = attention(2, 4, 3, 9, 9)
    rows = A.diagonal(-1, -2, -1)[..., 1:]  # rows 2..8 of t - 1
    torch.testing.assert_close(scores(A, said(2, 9))["induction"], rows.mean((1, 3)))


def test_periods_may_differ_between_sequences(scores):
    """Every row counts the same, so sequences weigh by their number of rows."""
    T, periods = 12, [3, 5, 9]
    A = attention(2, 3, 2, T, T)
    tokens = torch.stack([said(p, T) for p in periods])
    each = torch.stack([scores(A[:, i : i + 1], tokens[i])["induction"] for i in range(3)])
    weight = torch.tensor([T - p for p in periods]).double()[:, None, None]
    torch.testing.assert_close(scores(A, tokens)["induction"], (weight * each).sum(0) / weight.sum())


# ---- layouts -----------------------------------------------------------------------


def test_heads_and_layers_keep_their_places(scores):
    T, p = 12, 4
    A = uniform(T).repeat(3, 5, 2, 1, 1)  # layer, batch, head
    A[2, :, 1] = shift(T, p - 1)
    A[0, :, 0] = shift(T, 1)
    got = scores(A, said(p, T))
    assert got["induction"].shape == (3, 2)
    assert divmod(got["induction"].argmax().item(), 2) == (2, 1)
    assert divmod(got["previous_token"].argmax().item(), 2) == (0, 0)


@pytest.mark.parametrize("kind", [list, tuple, torch.stack])
@pytest.mark.parametrize("tokens", [said(4, 10), said(4, 10)[None], said(4, 10).expand(3, 10), said(4, 10).tolist()])
def test_layers_and_tokens_as_people_have_them(scores, kind, tokens):
    layers = [attention(3, 2, 10, 10, seed=n) for n in range(4)]
    got = scores(kind(layers), tokens)
    for n, one in enumerate(layers):
        for name, value in scores([one], said(4, 10)).items():
            torch.testing.assert_close(got[name][n : n + 1], value)


# ---- bad input --------------------------------------------------------------------

GOOD = torch.eye(6)[None, None]  # one layer of one sequence and one head
TOKENS = said(3, 6)


@pytest.mark.parametrize(
    ("attention", "tokens", "says"),
    [
        ([], TOKENS, "list of layers"),
        ([None, None], TOKENS, "list of layers"),  # Hugging Face without eager attention
        ({"pattern": GOOD}, TOKENS, "list of layers"),
        (torch.eye(6), TOKENS, "list of layers"),
        (GOOD, TOKENS, "list of layers"),  # one layer, not in a list
        (GOOD[0].expand(4, 2, 6, 6), TOKENS, "pattern[None]"),  # layers stacked without a batch
        ([GOOD, GOOD.expand(1, 3, 6, 6)], TOKENS, "one shape"),
        ([torch.zeros(0, 1, 6, 6)], TOKENS, "list of layers"),
        ([GOOD.long()], TOKENS, "floats"),
        ([torch.full((1, 1, 6, 5), 0.2)], TOKENS, "[batch, head, query, key]"),
        ([torch.randn(1, 1, 6, 6)], TOKENS, "softmax"),
        ([GOOD * 2], TOKENS, "sum to 1"),
        ([GOOD * math.nan], TOKENS, "sum to 1"),
        ([F.dropout(GOOD + 0, 0.5) + 0.1], TOKENS, "dropout"),
        ([torch.tensor([[1.0, 0.0], [2.0, -1.0]])[None, None]], [0, 0], ">= 0"),
        ([torch.full((1, 1, 6, 6), 1 / 6)], TOKENS, "look ahead"),  # as in BERT
        ([GOOD.flip(-1)], TOKENS, "look ahead"),
        ([GOOD], said(7, 7), "tokens must be integers [batch, T], here [1, 6]"),  # a first token in one only
        ([GOOD], said(3, 6).expand(2, 6), "tokens must be integers [batch, T], here [1, 6]"),
        ([GOOD], TOKENS.float(), "integers"),
        ([GOOD], 3, "tokens must be integers"),  # the period
        ([GOOD], torch.arange(6), "measure on tokens that repeat"),
        ([torch.ones(1, 1, 1, 1)], [0], "measure on tokens that repeat"),
    ],
)
def test_senseless_input_is_refused_with_a_reason(scores, attention, tokens, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        scores(attention, tokens)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("wrong", ["before the softmax", "a twentieth too much"])
def test_half_precision_does_not_excuse_anything(scores, dtype, wrong):
    """The slack of old grew with T: at 512 tokens in bfloat16 it was four."""
    T = 512
    A = attention(1, 1, T, T, dtype=dtype)
    scores([A], said(T // 2, T))
    A = A * 1.05 if wrong != "before the softmax" else torch.rand(1, 1, T, T).tril().to(dtype) / 100
    with pytest.raises(ValueError, match="sum to 1"):
        scores([A], said(T // 2, T))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("T", [16, 256, 2048])
def test_rounding_is_excused(scores, dtype, T):
    for sharp in (0.1, 1, 8):
        logits = torch.randn(1, 2, T, T, generator=torch.Generator().manual_seed(T)) * sharp
        A = logits.to(dtype).masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), -math.inf).softmax(-1)
        for pattern in (A, A.float()):  # as it came, and turned into float32 afterwards
            scores([pattern], said(T // 2, T))


# ---- dtypes, devices, side effects ------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_half_precision_is_added_up_in_float32(scores, dtype):
    A = attention(2, 64, 3, 48, 48, dtype=dtype)
    exact = scores(A.double(), said(24, 48))
    for name, value in scores(A, said(24, 48)).items():
        assert value.dtype == torch.promote_types(dtype, torch.float32)
        torch.testing.assert_close(value.double(), exact[name], atol=0, rtol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here; the same cases run on the CPU")
@pytest.mark.parametrize("where", ["cpu", "cuda"])
def test_cuda_tensors_give_the_same_on_their_device(scores, where):
    A = attention(2, 3, 2, 10, 10).float()
    got = scores(A.cuda(), said(4, 10).to(where))
    for name, value in scores(A, said(4, 10)).items():
        assert got[name].device.type == "cuda"
        torch.testing.assert_close(got[name].cpu(), value)


def test_gradients_pass_and_non_contiguous_input_is_taken(scores):
    logits = torch.zeros(3, 10, 10, 2, 2, requires_grad=True)
    future = torch.ones(10, 10, dtype=torch.bool).triu(1)[..., None, None]
    A = logits.masked_fill(future, -math.inf).softmax(2).permute(3, 0, 4, 1, 2)
    scores(A, said(4, 20)[::2])["induction"].sum().backward()
    assert logits.grad.abs().sum() > 0


def test_inputs_and_global_state_are_left_alone(scores):
    A, tokens = attention(2, 3, 2, 10, 10), said(4, 10).repeat(3, 1)
    kept = A.clone(), tokens.clone()

    def state():
        return torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), A._version, tokens._version

    before, generator = state(), torch.get_rng_state()
    scores(A, tokens)
    assert state() == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.equal(A, kept[0])
    assert torch.equal(tokens, kept[1])
    with torch.no_grad():
        scores(A, tokens)
        assert not torch.is_grad_enabled()
