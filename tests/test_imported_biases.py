"""Biases of attention by distance are recognized in traces by the numbers that they pick of their table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from restated import t5
from torch import Tensor, nn
from torch.nn import functional as F

import archdsl
from archdsl.frontends.collections import declare_operators
from archdsl.ir.graph import Graph
from archdsl.ops.relative import BucketBias, OffsetBias

declare_operators()
import timm  # noqa: E402

HEADS, SIZE = 2, 3


class Biased(nn.Module):
    """Attention whose scores get a bias that a function makes of a table; causal if it says so."""

    def __init__(self, rows: int, bias: Callable[[Tensor, int], Tensor], written_out: bool = False) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(rows, HEADS))
        self.bias, self.written_out = bias, written_out
        self.qkv = nn.Linear(6, 3 * HEADS * SIZE)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, length = x.shape
        parts = self.qkv(x.transpose(1, 2)).reshape(batch, length, 3, HEADS, SIZE).permute(2, 0, 3, 1, 4)
        q, k, v = parts.unbind(0)
        bias = self.bias(self.table, length)
        if self.written_out:
            y = ((q @ k.mT) * SIZE**-0.5 + bias).softmax(-1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return y.transpose(1, 2).flatten(2).transpose(1, 2)


def apart(length: int) -> Tensor:
    """From each query to each key."""
    place = torch.arange(length)
    return place - place[:, None]


def by_offset(table: Tensor, length: int) -> Tensor:
    return table[length - 1 - apart(length)].permute(2, 0, 1)[None]


def turned_round(table: Tensor, length: int) -> Tensor:
    """By the offset from the query to the key: not the one that the op has, but of as many numbers."""
    return table[length - 1 + apart(length)].permute(2, 0, 1)[None]


def in_buckets(table: Tensor, length: int, causal: bool = False, farthest: int = 128) -> Tensor:
    """As transformers computes it, with logarithms in single precision."""
    after, count = apart(length), len(table) if causal else len(table) // 2
    distance = (-after).clamp(min=0) if causal else after.abs()
    near = count // 2
    far = (distance.float() / near).log() / torch.tensor(farthest / near).log() * (count - near)
    large = (near + far.to(torch.long)).clamp(max=count - 1)
    bucket = torch.where(distance < near, distance, large) + (0 if causal else count * (after > 0))
    bias = F.embedding(bucket, table).permute(2, 0, 1)[None]
    return bias.masked_fill(after > 0, torch.finfo(torch.float32).min) if causal else bias


def biases(graph: Graph) -> list[OffsetBias | BucketBias]:
    return [node.op for node in graph if isinstance(node.op, OffsetBias | BucketBias)]


def imported(module: nn.Module, length: int = 10) -> archdsl.Network:
    return archdsl.from_torch(module, torch.zeros(2, 6, length))


@pytest.mark.parametrize("written_out", [False, True])
@pytest.mark.parametrize(
    ("rows", "bias", "op"),
    [
        (19, by_offset, OffsetBias(heads=2)),
        (32, in_buckets, BucketBias(heads=2)),
        (12, lambda table, length: in_buckets(table, length, farthest=8), BucketBias(heads=2, buckets=12, farthest=8)),
        (6, lambda table, length: in_buckets(table, length, causal=True, farthest=9), None),
    ],
)
def test_a_bias_by_distance_is_an_op(
    rows: int, bias: Callable[[Tensor, int], Tensor], op: OffsetBias | BucketBias | None, written_out: bool
) -> None:
    """Of a short text, several numbers for `farthest` agree: the smallest is taken."""
    module = Biased(rows, bias, written_out)
    net = imported(module)
    (found,) = biases(net.graph)
    assert found == op if op else (found.causal, found.buckets) == (True, 6)
    assert net.prove(module).ok


@pytest.mark.parametrize("written_out", [False, True])
def test_what_is_no_such_bias_is_held_as_it_is(written_out: bool) -> None:
    module = Biased(19, turned_round, written_out)
    net = imported(module)
    assert biases(net.graph) == []
    assert net.prove(module).ok


@pytest.mark.parametrize("op", [BucketBias(heads=1), BucketBias(heads=1, buckets=10, farthest=40, causal=True)])
def test_buckets_are_those_of_the_emitted_module(op: BucketBias) -> None:
    words = "network Net:\n    input tokens: 60 of int\n    bucket_bias(1, buckets={}, farthest={}, causal={})\n"
    module = archdsl.loads(words.format(op.buckets, op.farthest, str(op.causal).lower())).module()
    (weight,) = module.parameters()
    weight.data[:, 0] = torch.arange(op.buckets)
    (rows,) = module(torch.zeros(1, 60, dtype=torch.long))[0].long()
    by_distance = torch.tensor(op.buckets_of(60))
    assert (rows == by_distance[apart(60) + 59]).all()


def small_beit() -> nn.Module:
    sizes = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 4, "num_classes": 5}
    return timm.models.beit.Beit(**sizes, use_abs_pos_emb=False, use_rel_pos_bias=True, init_values=0.1)


def test_beit_is_proven_and_comes_back_from_its_own_code() -> None:
    net = archdsl.load("beit", resolution=32, patch=8, width=24, heads=4, depth=2, classes=5)
    assert net.prove(small_beit()).ok
    assert net.prove(net.module()).ok


def test_t5_is_proven_and_comes_back_from_its_own_code() -> None:
    """transformers normalizes in single precision, so that its numbers are compared elsewhere."""
    sizes = {"vocabulary": 50, "width": 12, "size": 5, "hidden": 20, "depth": 1, "heads": 2}
    net = archdsl.load("t5", source_words=40, target_words=20, **sizes)
    theirs = t5(vocab_size=50, d_model=12, d_kv=5, d_ff=20, num_layers=1, num_heads=2)
    assert net.prove(theirs, structure_only=True).ok
    assert net.prove(net.module()).ok


def test_parts_that_are_joined_only_to_be_taken_apart_are_not_joined() -> None:
    """The biases of queries and values in BEiT are joined, with zeros for the keys, to be that of one layer."""
    graph = archdsl.from_torch(small_beit(), torch.zeros(2, 3, 32, 32)).graph
    steps = [node.op.name for node in graph if node.scope.startswith("blocks.0.attn")]
    assert steps == [
        "linear",
        "split",
        "learned",
        "add",
        "learned",
        "add",
        "offset_bias",
        "attend",
        "linear",
        "dropout",
    ]
