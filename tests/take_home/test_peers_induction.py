"""Our functions beside those of the field's own packages (tests/peers.txt), where these are installed."""

import os

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # random weights: nothing is to be downloaded


def peer(name):
    return pytest.importorskip(
        name, reason=f"{name} is not installed: pip install -r tests/peers.txt -c requirements.lock brings it"
    )


# ---- induction_scores


@pytest.fixture
def induction_scores(take_home):
    return take_home("29/mechanistic_interpretability")["induction_scores"]


def repeated(copies, first, length=25, vocabulary=50):
    """A random segment, said over and over, in sequences [1, T]; perhaps with a first token for the start."""
    segment = torch.randperm(vocabulary - 1, generator=torch.Generator().manual_seed(copies))[:length]
    start = [torch.tensor([vocabulary - 1])] * first
    return torch.cat([*start, *[segment] * copies])[None]


@pytest.fixture(scope="module")
def hooked():
    """A transformer of TransformerLens with random weights, large ones, so that no head looks everywhere alike."""
    lens = peer("transformer_lens")
    sizes = {"n_layers": 3, "n_heads": 4, "d_model": 32, "d_head": 8, "d_mlp": 64, "n_ctx": 128, "d_vocab": 50}
    config = lens.TransformerBridgeConfig(**sizes, act_fn="gelu", seed=0, initializer_range=1.0)
    return peer("transformer_lens.model_bridge").TransformerBridge.boot_native(config)


@pytest.mark.parametrize("copies", [2, 4])
@pytest.mark.parametrize("first", [0, 1])
def test_agrees_with_the_head_detector_of_transformer_lens(induction_scores, hooked, copies, first, monkeypatch):
    """It takes the share of all attention, we a mean over the places that exist: the two differ by a known factor."""
    tokens = repeated(copies, first)
    T = tokens.shape[1]
    monkeypatch.setattr(hooked, "to_tokens", lambda text: tokens)
    detect = peer("transformer_lens.head_detector").detect_head
    theirs = {name: detect(hooked, "", f"{name}_head") for name in ("induction", "previous_token")}
    cache = hooked.run_with_cache(tokens)[1]
    ours = induction_scores([cache["pattern", layer] for layer in range(3)], tokens)
    assert theirs["induction"].std() > 0.005  # heads that differ
    places = 25 * copies * (copies - 1) / 2
    torch.testing.assert_close(ours["prefix_matching"] * places / T, theirs["induction"], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours["previous_token"] * (T - 1) / T, theirs["previous_token"], atol=1e-6, rtol=1e-5)
    if copies == 2:
        torch.testing.assert_close(ours["induction"], ours["prefix_matching"])


def test_takes_the_layouts_of_transformer_lens(induction_scores, hooked):
    tokens = torch.cat([repeated(2, 1), repeated(2, 1).roll(3, 1)])
    cache = hooked.run_with_cache(tokens)[1]
    layers = [cache["pattern", layer] for layer in range(3)]
    expected = induction_scores(layers, tokens)
    stacked = induction_scores(cache.stack_activation("pattern"), tokens)  # [layer, batch, head, query, key]
    torch.testing.assert_close(stacked, expected)
    alone = hooked.run_with_cache(tokens[:1], remove_batch_dim=True)[1]
    with pytest.raises(ValueError, match=r"pattern\[None\]"):
        induction_scores(alone.stack_activation("pattern"), tokens[:1])
    mended = induction_scores([alone["pattern", layer][None] for layer in range(3)], tokens[:1])
    torch.testing.assert_close(mended, induction_scores([A[:1] for A in layers], tokens[:1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_takes_the_attentions_of_hugging_face(induction_scores, dtype):
    transformers = peer("transformers")
    torch.manual_seed(0)  # Hugging Face takes no generator
    config = transformers.GPT2Config(vocab_size=50, n_positions=64, n_embd=32, n_layer=3, n_head=4)
    model = transformers.GPT2LMHeadModel._from_config(config, attn_implementation="eager").to(dtype).eval()
    tokens = repeated(2, 0).expand(2, -1)
    attentions = model(tokens, output_attentions=True).attentions
    scores = induction_scores(attentions, tokens)
    by_hand = torch.stack([A.float().diagonal(1 - 25, -2, -1)[..., 1:].mean((0, 2)) for A in attentions])
    torch.testing.assert_close(scores["induction"], by_hand)
    assert scores["induction"].shape == (3, 4)
    model.train()
    with pytest.raises(ValueError, match="without dropout"):
        induction_scores(model(tokens, output_attentions=True).attentions, tokens)
