"""Models of text, imported: what transformers computes by many calls is one op, and what only looks like it is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archdsl
from archdsl.counterparts import bert, gpt2
from archdsl.frontends.torch import from_torch
from archdsl.prove.report import report_text

pytest.importorskip("transformers")

WIDTH, HEADS, WORDS, VOCABULARY = 24, 4, 12, 50
DEPTH = 2


@pytest.mark.parametrize(("spec", "made"), [("bert", bert), ("gpt2", gpt2)])
def test_a_small_one_is_proven_whole(spec: str, made: Callable[[int, int, int], str]) -> None:
    net = archdsl.load(spec, words=WORDS, vocabulary=VOCABULARY, depth=DEPTH, width=WIDTH, heads=HEADS)
    reference = made(DEPTH, WIDTH, HEADS).replace("(", f"(vocab_size={VOCABULARY}, ")
    report = net.prove(reference)
    assert report.ok, report_text(report)


# --- idioms, and what is almost one ----------------------------------------------------------------


class Layer(nn.Module):
    """Words become vectors, of which something is computed."""

    def __init__(self, compute: Callable[[Layer, Tensor], Tensor]) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(16, WIDTH)
        self.keys = nn.Linear(WIDTH, WIDTH // 2)
        self.scale = nn.Parameter(torch.ones(WIDTH))
        self.compute = compute

    def forward(self, tokens: Tensor) -> Tensor:
        return self.compute(self, self.words(tokens)).transpose(1, 2)


def in_heads(x: Tensor, heads: int = HEADS) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def positions(order: Tensor) -> Callable[[Layer, Tensor], Tensor]:
    return lambda self, x: x + self.places(order.unsqueeze(0))


def mean_square(axis: int) -> Callable[[Layer, Tensor], Tensor]:
    return lambda self, x: self.scale * (x * torch.rsqrt(x.pow(2).mean(axis, keepdim=True) + 1e-6))


def turned(swap: bool, base: float = 10_000.0) -> Callable[[Layer, Tensor], Tensor]:
    size = WIDTH // HEADS
    rates = 1.0 / base ** (torch.arange(0, size, 2) / size)
    angles = (torch.arange(WORDS).unsqueeze(1) * rates).repeat(1, 2)

    def compute(self: Layer, x: Tensor) -> Tensor:
        q = in_heads(x)
        one, other = q[..., : size // 2], q[..., size // 2 :]
        halves = torch.cat((-other, one) if swap else (-one, other), -1)
        return (q * angles.cos() + halves * angles.sin()).transpose(1, 2).flatten(2)

    return compute


def asked(mask: Tensor | None, shared: str = "") -> Callable[[Layer, Tensor], Tensor]:
    def compute(self: Layer, x: Tensor) -> Tensor:
        q = in_heads(x)
        k = in_heads(self.keys(x), 2) if shared else q
        if shared == "one after the other":
            k = k[:, :, None].expand(-1, -1, 2, -1, -1).flatten(1, 2)
        elif shared == "in turns":
            k = k[:, None].expand(-1, 2, -1, -1, -1).flatten(1, 2)
        return F.scaled_dot_product_attention(q, k, k, mask).transpose(1, 2).flatten(2)

    return compute


SQUARE = torch.ones(WORDS, WORDS, dtype=torch.bool)


@pytest.mark.parametrize(
    ("compute", "names"),
    [
        (positions(torch.arange(WORDS)), "embedding positions embedding add"),
        (positions(torch.arange(WORDS).flip(0)), ""),
        (mean_square(-1), "embedding rms_norm"),
        (mean_square(1), ""),
        (turned(swap=True), "embedding rotary"),
        (turned(swap=True, base=500_000.0), "embedding rotary"),
        (turned(swap=False), ""),
        (asked(SQUARE), "embedding attend"),
        (asked(SQUARE.tril()), "embedding attend"),
        (asked(SQUARE.triu()), ""),
        (asked(SQUARE.tril(1)), ""),
        (asked(SQUARE, shared="one after the other"), "embedding linear attend"),
        (asked(SQUARE, shared="in turns"), ""),
        (asked(None, shared="one after the other"), "embedding linear attend"),
        (asked(None, shared="in turns"), ""),
        (lambda self, x: F.linear(x, self.words.weight), "embedding linear"),
    ],
)
def test_is_one_op_or_is_not_taken_for_one(compute: Callable[[Layer, Tensor], Tensor], names: str) -> None:
    graph = from_torch(Layer(compute), torch.zeros(2, WORDS, dtype=torch.long))
    found = [node.op.name for node in graph if node.op.name != "input"]
    assert found == names.split() if names else not {"positions", "rms_norm", "rotary", "attend"} & set(found)


def test_the_arguments_are_read_off_the_tables() -> None:
    graphs = [
        from_torch(Layer(compute), torch.zeros(2, WORDS, dtype=torch.long))
        for compute in (turned(swap=True, base=500_000.0), asked(SQUARE.tril()), asked(SQUARE))
    ]
    rotary, causal, all_of_them = (next(reversed(list(graph))).op for graph in graphs)
    assert (rotary.heads, rotary.base) == (HEADS, 500_000.0)
    assert (causal.heads, causal.causal, all_of_them.causal) == (HEADS, True, False)


def test_a_sum_of_products_with_numbers_is_no_rotation() -> None:
    graph = from_torch(Layer(lambda _, x: x * 0.5 + x * 0.25), torch.zeros(2, WORDS, dtype=torch.long))
    assert [node.op.name for node in graph] == ["input", "embedding", "scale", "scale", "add"]
