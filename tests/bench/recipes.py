"""What the cited papers did, as plainly as it can be written, to time it beside the snippets.

Only the cost of a step is measured, so the inputs are random numbers of the right shape: nothing is downloaded and
nothing is learnt. Seconds to the phenomenon = measured seconds a step × the steps that the paper reports. Wherever a
source leaves a choice, the cheaper one is taken: the estimates err towards too few seconds.

In ``source``: "(seen)" was read in a copy of the paper's text or in its authors' code, "(memory)" was not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import backward  # Tensor.backward has no types

ENOUGH = 1.0  # seconds of timed steps for each recipe


@dataclass(frozen=True)
class Recipe:
    """One paper's training, of which one step can be run."""

    concept: str
    what: str
    steps: int  # optimizer steps of one network (a chain of them, for self-training) to the phenomenon
    source: str
    step: Callable[[], None]
    parts: int = 1  # ``step`` does one of so many equal parts of the paper's batch


def seconds_to_phenomenon(recipe: Recipe) -> tuple[float, float]:
    """CPU seconds on one thread: of one of the paper's steps (measured), of all its steps (estimated)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        recipe.step()  # warms up
        times: list[float] = []
        while sum(times) < ENOUGH:
            start = time.process_time()
            recipe.step()
            times.append(time.process_time() - start)
    finally:
        torch.set_num_threads(threads)
    per_step = recipe.parts * statistics.median(times)
    return per_step, recipe.steps * per_step


def grokking() -> Recipe:
    width, vocabulary, batch = 128, 97 + 2, 512  # 97 numbers, ÷ and =
    layer = nn.TransformerEncoderLayer(width, nhead=4, dim_feedforward=4 * width, dropout=0, batch_first=True)
    embed, places = nn.Embedding(vocabulary, width), nn.Embedding(4, width)
    decoder = nn.TransformerEncoder(layer, num_layers=2)
    net = nn.ModuleList([embed, places, decoder, nn.Linear(width, vocabulary)])
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0)
    tokens, answers = torch.randint(97, (batch, 4)), torch.randint(97, (batch,))  # a ÷ b =
    mask = nn.Transformer.generate_square_subsequent_mask(4)

    def step() -> None:
        x = decoder(embed(tokens) + places.weight, mask=mask, is_causal=True)
        _descend(optimizer, F.cross_entropy(net[3](x[:, -1]), answers))

    return Recipe(
        "29/grokking",
        "transformer, 2 layers, width 128; division mod 97",
        100_000,
        "Power et al. 2022, Figure 1 (seen): 'close to 10^6 steps', 'very little evidence of any generalization until "
        "10^5'; 10^5 is taken. Network: A.1.2 (seen, quoted) and github.com/openai/grok (seen); batch 512; "
        "Adam without weight decay, as there.",
        step,
    )


def neural_collapse() -> Recipe:
    part, parts = 16, 8  # of the batch of 128: a whole one takes several seconds
    net = _resnet(channels=1, widths=(64, 128, 256, 512), blocks=2)
    x, y = torch.randn(part, 1, 32, 32), torch.randint(10, (part,))

    def step() -> None:  # the optimizer, once in eight parts, is left out
        net.zero_grad()
        backward(F.cross_entropy(net(x), y))

    return Recipe(
        "29/neural_collapse",
        "ResNet-18, 32×32 images, 350 epochs",
        350 * (50_000 // 128),
        "Papyan et al. 2020: ResNet-18, padded MNIST, batch 128, 350 epochs in the authors' notebook "
        "github.com/neuralcollapse/neuralcollapse (seen), there on 60,000 images; 5,000 a class (memory) is taken.",
        step,
        parts,
    )


def sam() -> Recipe:
    part, parts, rho = 64, 4, 0.1  # of the batch of 256
    net = _resnet(channels=3, widths=(16, 32, 64), blocks=5)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    x, y = torch.randn(part, 3, 32, 32), torch.randint(10, (part,))

    def gradient() -> list[Tensor]:
        net.zero_grad()
        backward(F.cross_entropy(net(x), y))
        return [w.grad for w in net.parameters() if w.grad is not None]

    def step() -> None:
        gradients = [g.clone() for g in gradient()]
        uphill = [rho * g / nn.utils.get_total_norm(gradients) for g in gradients]
        with torch.no_grad():
            for w, e in zip(net.parameters(), uphill, strict=True):
                w.add_(e)
        gradient()
        with torch.no_grad():
            for w, e in zip(net.parameters(), uphill, strict=True):
                w.sub_(e)
        optimizer.step()

    return Recipe(
        "29/sam",
        "ResNet-32, CIFAR-10 with noisy labels, 200 epochs",
        200 * (50_000 // (part * parts)),
        "Foret et al. 2021, section 3.3 (seen): ResNet-32, 200 epochs, rho 0.1; C.1 (seen): batch 256 for CIFAR-10. "
        "The plain SGD run that it is compared with is not counted.",
        step,
        parts,
    )


def mechanistic_interpretability() -> Recipe:
    width, heads, vocabulary, context = 768, 12, 2**16, 512
    embed, unembed = nn.Embedding(vocabulary, width), nn.Linear(width, vocabulary, bias=False)
    layers = nn.ModuleList(nn.MultiheadAttention(width, heads, batch_first=True) for _ in range(2))
    norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
    places = nn.Parameter(torch.randn(context, width))
    tokens = torch.randint(vocabulary, (1, context + 1))
    mask = nn.Transformer.generate_square_subsequent_mask(context)

    # The gradient adds up over the parts, as it would over a batch.
    def step() -> None:  # a part of a batch of some 10^6 tokens; the optimizer, once in 1953 parts, is left out
        x = embed(tokens[:, :-1])
        for attend, norm in zip(layers, norms, strict=False):
            y = norm(x)
            at = y + places  # places for queries and keys alone: Press et al., as the paper has it
            x = x + attend(at, at, y, attn_mask=mask, need_weights=False, is_causal=True)[0]
        logits = unembed(norms[2](x))
        backward(F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()))

    return Recipe(
        "29/mechanistic_interpretability",
        "2 attention layers, width 768, 10^9 tokens of text",
        1000,
        "Olsson et al. 2022, Model Details (seen): d_model 768, 12 heads, 2^16 tokens of vocabulary, context 8192, "
        "10,000 steps of 10^6 tokens, phase change 'at approximately 1-3 billion tokens in the small models' (2.5 to 5 "
        "elsewhere in the paper); 1 is taken. Measured on 512 tokens of context, where attention costs less. "
        "The layer norms are an assumption.",
        step,
        10**6 // context,
    )


def self_training() -> Recipe:
    c, latent, batch = 64, 20, 256
    encoder = nn.Sequential(
        *(nn.Conv2d(1, c, 4, 2, 1), nn.ReLU(), nn.Conv2d(c, 2 * c, 4, 2, 1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(2 * c * 7 * 7, 2 * latent)),
    )
    decoder = nn.Sequential(
        *(nn.Linear(latent, 2 * c * 7 * 7), nn.Unflatten(1, (2 * c, 7, 7)), nn.ConvTranspose2d(2 * c, c, 4, 2, 1)),
        *(nn.ReLU(), nn.ConvTranspose2d(c, 1, 4, 2, 1), nn.Sigmoid()),
    )
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, weight_decay=1e-5)

    def step() -> None:
        with torch.no_grad():  # the last generation's images are drawn anew for each batch
            x = decoder(torch.randn(batch, latent))
        mu, log_variance = encoder(x).chunk(2, 1)
        y = decoder(mu + (log_variance / 2).exp() * torch.randn_like(mu))
        kl = (mu**2 + log_variance.exp() - log_variance - 1).sum() / 2
        _descend(optimizer, F.binary_cross_entropy(y, x, reduction="sum") + kl)

    return Recipe(
        "29/self_training",
        "convolutional VAE, MNIST, 5 generations of 30 epochs",
        5 * 30 * -(-60_000 // batch),
        "Shumailov et al. 2024 (2305.17493): VAE_experiments.ipynb of the authors' code, in a copy (seen): network, "
        "Adam, batch 256, 30 epochs. The figure shows generations 5, 10 and 20 (memory); 5 is taken.",
        step,
    )


# By concept; made when called, for the networks take memory.
RECIPES: dict[str, Callable[[], Recipe]] = {
    "29/grokking": grokking,
    "29/mechanistic_interpretability": mechanistic_interpretability,
    "29/neural_collapse": neural_collapse,
    "29/sam": sam,
    "29/self_training": self_training,
}


class _Block(nn.Module):
    """He et al. 2016: two 3×3 convolutions and a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()),
            *(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)),
        )
        self.shortcut = nn.Sequential()
        if before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def _resnet(channels: int, widths: Iterable[int], blocks: int) -> nn.Sequential:
    """For images of 32×32: one convolution of stride 1, then stages, of which all but the first halve the image."""
    last = next(iter(widths))
    layers: list[nn.Module] = [nn.Conv2d(channels, last, 3, 1, 1, bias=False), nn.BatchNorm2d(last), nn.ReLU()]
    for width in widths:
        for block in range(blocks):
            layers.append(_Block(last, width, 1 if block or width == last else 2))
            last = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 10))


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    backward(loss)
    optimizer.step()


def main() -> None:
    for make in RECIPES.values():
        recipe = make()
        per_step, total = seconds_to_phenomenon(recipe)
        print(f"{recipe.concept}: {recipe.what}: {recipe.steps:,} steps × {per_step:.3g} s = {total:,.0f} s")
        print(f"    {recipe.source}")


if __name__ == "__main__":
    main()
