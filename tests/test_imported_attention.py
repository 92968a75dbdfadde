"""Attention of PyTorch's own modules, imported: queries from elsewhere than keys and values, learned queries, any order
of samples and positions. Each is whole, and computes what PyTorch does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archdsl
from archdsl.analyses import totals
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.load import opaque_nodes
from archdsl.frontends.torch import from_torch, imported
from archdsl.network import Network
from archdsl.prove.published import published_by
from archdsl.prove.report import report_text
from archdsl.prove.weights import load_weights

WIDTH, HEADS = 16, 4


class Applied(nn.Module):
    """A function of a module, perhaps a learned value, and the inputs."""

    def __init__(
        self, inner: nn.Module, compute: Callable[..., object], learned: tuple[int, ...] = (), words: int = 0
    ) -> None:
        super().__init__()
        self.inner, self.compute = inner, compute
        self.queries = nn.Parameter(torch.randn(learned)) if learned else None
        self.words = nn.Embedding(words, WIDTH, padding_idx=0) if words else nn.Identity()

    def forward(self, *values: Tensor) -> object:
        learned = () if self.queries is None else (self.queries,)
        return self.compute(self.inner, *learned, *map(self.words, values))


def attention(batch_first: bool = True) -> nn.Module:
    return nn.MultiheadAttention(WIDTH, HEADS, batch_first=batch_first)


def decoder() -> nn.Module:
    return nn.TransformerDecoder(nn.TransformerDecoderLayer(WIDTH, HEADS, 24, batch_first=True), 2)


def encoder() -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, HEADS, 24, batch_first=True), 2)


def causal(length: int) -> Tensor:
    return nn.Transformer.generate_square_subsequent_mask(length)


def of_samples_second(attend: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    x, y = x.transpose(0, 1), y.transpose(0, 1)
    return attend(x, y, y, need_weights=False)[0].transpose(0, 1)


def of_learned(attend: nn.Module, q: Tensor, x: Tensor) -> Tensor:
    """The learned queries have the samples second, as DETR has them."""
    memory = x.transpose(0, 1)
    return attend(q.expand(-1, len(x), -1), memory, memory, need_weights=False)[0].transpose(0, 1)


LONG, SHORT = torch.zeros(2, 9, WIDTH), torch.zeros(2, 7, WIDTH)
TEXTS = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 7, dtype=torch.long)

NETWORKS: dict[str, tuple[Applied, tuple[Tensor, ...], str]] = {
    "other keys": (
        Applied(attention(), lambda m, x, y: m(x, y, y, need_weights=False)[0]),
        (SHORT, LONG),
        "linear(32)",
    ),
    "other values too": (
        Applied(attention(), lambda m, x, y: m(x, y, x + y, key_padding_mask=None, need_weights=False)[0]),
        (SHORT, SHORT),
        "attend(heads=4)",
    ),
    "samples second": (
        Applied(attention(False), of_samples_second),
        (SHORT, LONG),
        "attend(heads=4)",
    ),
    "causal": (
        Applied(attention(), lambda m, x: m(x, x, x, attn_mask=causal(9), is_causal=True, need_weights=False)[0]),
        (LONG,),
        "attend(heads=4, causal=true)",
    ),
    "learned queries, samples second": (Applied(attention(False), of_learned, (5, 1, WIDTH)), (LONG,), "attend"),
    "learned queries of a decoder": (
        Applied(decoder(), lambda m, q, x: m(q.unsqueeze(0).repeat(len(x), 1, 1), x), (5, WIDTH)),
        (LONG,),
        "TransformerDecoderLayer(other) * 2",
    ),
    "weights that are a result": (
        Applied(attention(), lambda m, x: m(x, x, x)),
        (LONG,),
        "softmax_along(3) as",
    ),
    "an encoder of features": (Applied(encoder(), lambda m, x: m(x)), (LONG,), "TransformerEncoderLayer * 2"),
    "two texts": (
        Applied(
            nn.Transformer(WIDTH, HEADS, 1, 2, 24, batch_first=True),
            lambda m, x, y: m(x, y, tgt_mask=causal(7), tgt_is_causal=True),
            words=30,
        ),
        TEXTS,
        "causal=true",
    ),
}


def written(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[str, Network]:
    """The spec of a module, and the network that it describes; every node has an op of the language."""
    graph = from_torch(module, inputs)
    assert not opaque_nodes(graph)
    text = spec_of(graph)
    return text, archdsl.loads(text)


@pytest.mark.parametrize("name", NETWORKS)
def test_attention_is_whole_and_computes_the_same(name: str) -> None:
    module, inputs, part = NETWORKS[name]
    text, network = written(module, inputs)
    assert part in text, text
    report = network.prove(module)
    assert report.ok, report_text(report)


def test_weights_are_loaded_from_rows_of_the_state_dict() -> None:
    module, inputs, _ = NETWORKS["other keys"]
    _, network = written(module, inputs)
    weights = network.prove(module, structure_only=True).weights
    assert weights
    rows = {theirs for theirs, _ in weights.pairs if "in_proj" in theirs}
    assert rows == {f"inner.in_proj_{of}[{place}]" for of in ("weight", "bias") for place in ("0:16", "16:48")}
    own = network.load_weights(module.state_dict(), from_="test_imported_attention:other_keys")
    values = tuple(torch.randn(value.shape) for value in inputs)
    torch.testing.assert_close(own.eval()(*values), module.eval()(*values))
    state = {key: value for key, value in module.state_dict().items() if key != "inner.in_proj_bias"}
    with pytest.raises(ValueError, match=r"has no .*inner\.in_proj_bias\[0:16\]"):
        load_weights(own, state, weights)


def other_keys() -> nn.Module:
    return NETWORKS["other keys"][0]


def test_a_file_with_renamed_weights_cannot_divide_an_entry() -> None:
    module, inputs, _ = NETWORKS["other keys"]
    _, network = written(module, inputs)
    with pytest.raises(CompileError) as found:
        published_by(network.graph, "test_imported_attention:other_keys")
    (diagnostic,) = found.value.diagnostics
    assert "inner.in_proj_" in diagnostic.message
    assert "net.load_weights(state_dict, from_='test_imported_attention:other_keys')" in (diagnostic.help or "")


class Rows(nn.Module):
    """Two layers with some rows of one weight: all of them, or not the last; each row once, or some twice."""

    def __init__(self, first: slice, second: slice) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12, WIDTH))
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        parts = (F.linear(x, self.weight[self.first]), F.linear(x, self.weight[self.second]))
        return torch.cat(parts, -1)


@pytest.mark.parametrize(
    ("first", "second", "layers"),
    [
        (slice(8, 12), slice(0, 8), ["weight[8:12]", "weight[0:8]"]),
        (slice(0, 8), slice(8, 11), []),
        (slice(0, 8), slice(4, 12), []),
    ],
)
def test_all_rows_are_divided_among_layers_or_none(first: slice, second: slice, layers: list[str]) -> None:
    module = Rows(first, second)
    found = imported(module, torch.zeros(2, WIDTH))
    assert [row["weight"] for row in found.keys.values() if "weight" in row] == layers
    assert totals.parameters(found.graph, found.graph) == 12 * WIDTH
    if layers:
        report = archdsl.loads(spec_of(found.graph)).prove(module)
        assert report.ok, report_text(report)
