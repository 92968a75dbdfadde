"""Recurrent layers in networks: what is emitted, proven, imported and refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from applied import found_in
from check_interpreter import check_graph
from random_ops import ROUND, network_of_one_op
from torch import Tensor, nn

import archdsl
from archdsl.analyses.receptive_field import receptive_fields
from archdsl.analyses.totals import layers, nodes_in
from archdsl.backends.torch.load import load
from archdsl.diagnostics import CompileError
from archdsl.frontends.torch import from_torch
from archdsl.ops.recurrent import Recurrent
from archdsl.prove.prove import prove
from archdsl.prove.report import report_text


class Reading(nn.Module):
    """A recurrent layer of PyTorch, on channels x length."""

    def __init__(self, layer: nn.RNNBase, state: bool = False) -> None:
        super().__init__()
        self.layer, self.state = layer, state

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        sequence, last = self.layer(x.transpose(1, 2))
        return (sequence.transpose(1, 2), last) if self.state else sequence.transpose(1, 2)


def network(steps: str) -> archdsl.Network:
    return archdsl.loads(f"network Net:\n    input signal: 4 x 9\n    {steps}\n")


PROVEN = {
    "gru(6)": lambda: nn.GRU(4, 6, batch_first=True),
    "lstm(6)": lambda: nn.LSTM(4, 6, batch_first=True),
    "gru(5, layers=2, bidirectional=true)": lambda: nn.GRU(4, 5, 2, batch_first=True, bidirectional=True),
    "lstm(5, layers=3, bidirectional=true, dropout=0.5)": lambda: nn.LSTM(
        4, 5, 3, batch_first=True, bidirectional=True, dropout=0.5
    ),
}


@pytest.mark.parametrize("steps", PROVEN)
def test_is_proven_equal_to_torchs_own(steps: str) -> None:
    report = prove(network(steps).graph, Reading(PROVEN[steps]()))
    assert report.ok, report_text(report)


def test_the_spec_is_torchs_own_layer() -> None:
    net = archdsl.load("gru", words=12)
    report = prove(net.graph, Reading(nn.GRU(300, 256, batch_first=True)))
    assert report.ok, report_text(report)
    assert report.parameters == 428_544


class Translator(nn.Module):
    """Two recurrent networks, as they are written with PyTorch: the second one begins with the state of the first."""

    def __init__(self, kind: type[nn.RNNBase], layers: int, both: bool) -> None:
        super().__init__()
        self.reads = nn.Embedding(11, 6)
        self.encoder = kind(6, 5, layers, batch_first=True, bidirectional=both)
        self.writes = nn.Embedding(7, 6)
        self.decoder = kind(6, 5, layers, batch_first=True, bidirectional=both)
        self.out = nn.Linear(5 * (1 + both), 7)

    def forward(self, read: Tensor, written: Tensor) -> Tensor:
        _, state = self.encoder(self.reads(read))
        sequence, _ = self.decoder(self.writes(written), state)
        return self.out(sequence).transpose(1, 2)


@pytest.mark.parametrize(("name", "kind"), [("lstm", nn.LSTM), ("gru", nn.GRU)])
@pytest.mark.parametrize("both", [False, True])
def test_a_decoder_goes_on_where_an_encoder_ended(name: str, kind: type[nn.RNNBase], both: bool) -> None:
    layer = f"{name}(5, layers=3, bidirectional={str(both).lower()}"
    net = archdsl.loads(
        "network Net:\n    input read: 9 of int\n    input written: 4 of int\n"
        f"    path state = read -> embedding(11, 6) -> {layer}, gives=state)\n"
        f"    written -> embedding(7, 6) -> {layer}, start=state) -> linear(7)\n"
    )
    ours, theirs = net.module(dtype=torch.float64), Translator(kind, 3, both).double()
    weights = dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True))
    ours.load_state_dict(weights)
    read, written = torch.randint(11, (2, 9)), torch.randint(7, (2, 4))
    torch.testing.assert_close(ours(read, written), theirs(read, written))
    for module in (ours, theirs):
        module(read, written).square().sum().backward()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (3, True)])
def test_a_translator_is_imported_and_emitted(kind: type[nn.RNNBase], layers: int, both: bool) -> None:
    module = Translator(kind, layers, both)
    net = archdsl.from_torch(module, (torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 4, dtype=torch.long)))
    steps = [node.op for node in net.graph if isinstance(node.op, Recurrent)]
    assert [(op.gives, op.start) for op in steps] == [("state", None), ("sequence", "like")]
    assert net.prove(module).ok


def test_the_spec_is_what_one_writes_in_pytorch() -> None:
    net = archdsl.load("seq2seq", width=5, layers=2, source_vocabulary=11, target_vocabulary=7)
    reference = Translator(nn.LSTM, 2, both=False)
    reference.reads, reference.writes = nn.Embedding(11, 5), nn.Embedding(7, 5)
    reference.encoder, reference.decoder = (nn.LSTM(5, 5, 2, batch_first=True) for _ in range(2))
    assert net.prove(reference).ok
    assert net.prove(net.module()).ok


class Stated(nn.Module):
    """A recurrent layer and what a function makes of its sequence, its state, and the value that it reads."""

    def __init__(self, layer: nn.RNNBase, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layer, self.function = layer, function
        self.start = nn.Parameter(torch.randn(2, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x.transpose(1, 2))


def swapped(module: Stated, x: Tensor) -> Tensor:
    """h and c side by side, in the other order."""
    _, (h, c) = module.layer(x)
    return torch.cat([c.tanh(), h]).transpose(0, 1)


def both_ways(module: Stated, x: Tensor) -> Tensor:
    _, h = module.layer(x)
    return torch.cat([h[-2], h[-1]], 1)


def summed(module: Stated, x: Tensor) -> Tensor:
    sequence, h = module.layer(x)
    return (sequence + h[-1].unsqueeze(1)).transpose(1, 2)


def ends_of_both_ways(module: Stated, x: Tensor) -> Tensor:
    sequence, h = module.layer(x)
    return torch.cat([h[-2], h[-1], sequence.amax(1)], 1)


def joined_layer(module: Stated, x: Tensor) -> Tensor:
    sequence, h = module.layer(x)
    return torch.cat([h.transpose(0, 1).flatten(1), sequence.mean(1)], 1)


def last_layer(module: Stated, x: Tensor) -> Tensor:
    sequence, (h, _) = module.layer(x)
    return torch.cat([h[-1], sequence[:, 0]], 1)


USES: dict[str, tuple[nn.RNNBase, Callable[[Stated, Tensor], Tensor]]] = {
    "last of h": (nn.LSTM(4, 5, 2, batch_first=True), lambda m, x: m.layer(x)[1][0][-1]),
    "c": (nn.LSTM(4, 5, batch_first=True), lambda m, x: m.layer(x)[1][1].squeeze(0)),
    "both directions": (nn.GRU(4, 5, 2, batch_first=True, bidirectional=True), both_ways),
    "sequence and last": (nn.GRU(4, 5, batch_first=True), summed),
    "sequence, and the last of two layers": (nn.LSTM(4, 5, 2, batch_first=True), last_layer),
    "sequence, and both directions of the last layer": (
        nn.GRU(4, 5, 2, batch_first=True, bidirectional=True),
        ends_of_both_ways,
    ),
    "sequence, and both directions": (nn.GRU(4, 5, batch_first=True, bidirectional=True), joined_layer),
    "sequence and state": (nn.GRU(4, 5, batch_first=True), lambda m, x: m.layer(x)),
    "state": (nn.GRU(4, 5, batch_first=True), lambda m, x: m.layer(x)[1]),
    "learned start": (
        nn.GRU(4, 5, 2, batch_first=True),
        lambda m, x: m.layer(x, m.start.expand(-1, x.shape[0], -1).contiguous())[0],
    ),
    "swapped": (nn.LSTM(4, 5, 2, batch_first=True), swapped),
}


@pytest.mark.parametrize("use", USES)
def test_states_are_values(use: str) -> None:
    layer, function = USES[use]
    module = Stated(layer, function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # most do not use the start that is learned
        net = archdsl.from_torch(module, torch.randn(2, 4, 9))
    assert any(isinstance(node.op, Recurrent) for node in net.graph)
    assert net.prove(module).ok


def test_the_first_word_that_is_written_sees_all_that_was_read() -> None:
    net = archdsl.loads(
        "network Net:\n    input read: 4 x 9\n    input written: 4 x 3\n"
        "    path state = read -> gru(5, gives=state)\n    written -> gru(5, start=state)\n"
    )
    read, written = torch.randn(1, 4, 9, requires_grad=True), torch.randn(1, 4, 3, requires_grad=True)
    net.module()(read, written)[0, :, 0].sum().backward()
    assert read.grad is not None
    assert written.grad is not None
    assert read.grad.abs().sum((0, 1)).count_nonzero() == 9
    assert written.grad.abs().sum((0, 1)).count_nonzero() == 1
    (field,) = receptive_fields(net.graph).fields[net.graph.outputs[0].values[0].node].largest
    first, last = field.at(0)
    assert (max(first, 0), last) == (0, 8)


def test_what_differs_is_named() -> None:
    report = prove(network("lstm(5, layers=2)").graph, Reading(nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True)))
    assert [difference.what for difference in report.differences] == ["bidirectional no here, yes there"]


@pytest.mark.parametrize(
    "module",
    [
        Reading(nn.LSTM(4, 5, 2, batch_first=True), state=True),
        Reading(nn.LSTM(4, 5, batch_first=True, bias=False)),
        Reading(nn.LSTM(4, 5, batch_first=True, proj_size=3)),
        Reading(nn.GRU(4, 5)),
    ],
    ids=["state", "no bias", "projection", "batch second"],
)
def test_what_no_op_does_stays_opaque(module: nn.Module) -> None:
    graph = from_torch(module, torch.zeros(2, 4, 9))
    opaque = [node for node in graph if node.op.name == "opaque"]
    assert {"aten.lstm", "aten.gru"} & {getattr(node.op, "target", "") for node in opaque}
    assert sum(node.op.params(*graph.tensors_into(node.id)) for node in opaque) == sum(
        p.numel() for p in module.parameters()
    )


def test_reads_as_people_write_it() -> None:
    text = network("lstm(5) as reader\n    gru(3) * 2").source()
    assert "        reader, _ = self.reader(x.transpose(1, 2))  # 5x9\n" in text
    assert "        x, _ = self.gru(x)\n        return x\n" in text
    assert "self.reader = nn.LSTM(in_channels, 5, batch_first=True)\n" in text


def test_copies_and_stages_run() -> None:
    net = network("stage reader: lstm(5) -> relu -> gru(3) * 2\n    stage last: gru(4)")
    module = net.module()
    assert module(torch.zeros(2, 4, 9)).shape == (2, 4, 9)
    assert [name for name, _ in module.named_children()] == ["reader", "last"]


@pytest.mark.parametrize(("steps", "seen"), [("lstm(3)", range(5)), ("gru(3, bidirectional=true)", range(9))])
def test_a_field_is_where_the_gradient_is(steps: str, seen: range) -> None:
    """One way, a position sees itself and all before it; both ways, everything."""
    net = network(steps)
    x = torch.randn(1, 4, 9, requires_grad=True)
    net.module()(x)[0, :, 4].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum((0, 1)).nonzero().flatten().tolist() == list(seen)
    (field,) = receptive_fields(net.graph).fields[net.graph.outputs[0].values[0].node].largest
    first, last = field.at(4)
    assert (max(first, 0), min(last, 8)) == (seen[0], seen[-1])


def test_each_layer_counts_in_depth() -> None:
    graph = network("lstm(5, layers=3) -> gru(2)").graph
    assert layers(graph, nodes_in(graph)) == 4


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_random_arguments_compute_what_is_defined(name: str) -> None:
    compared = 0
    for seed in (seed for seed in range(8 * len(ROUND)) if ROUND[seed % len(ROUND)] == name):
        try:
            graph = archdsl.loads(network_of_one_op(seed)).graph
        except CompileError:
            continue
        check_graph(graph, seed)
        compared += 1
    assert compared >= 10


@pytest.mark.parametrize(
    ("shape", "steps", "message", "change"),
    [
        ("3 x 8 x 8", "lstm(4)", "`lstm` takes channels x length, got 3x8x8", None),
        ("5", "gru(4)", "`gru` takes channels x length, got the vector 5", None),
        ("5 of int", "gru(4)", "`gru` takes numbers, got 5 of int", ("gru", "embedding(9, 2) -> gru")),
        (
            "4 x 9",
            "gru(4, dropout=0.5)",
            "one layer has no next layer before which numbers could be dropped",
            ("dropout", "layers=2, dropout"),
        ),
        (
            "5 x 4",
            "gru(5, start=signal)",
            "the state of this `gru` is 5x1, but it starts with 5x4",
            ("start=signal", "layers=4, start=signal"),
        ),
        ("4 x 9", "lstm(4, layers=2_000)", "2,000 layers are more than the limit of 1,000", ("2_000", "2")),
    ],
)
def test_what_cannot_be_is_refused(shape: str, steps: str, message: str, change: tuple[str, str] | None) -> None:
    text = f"network Net:\n    input signal: {shape}\n    {steps}\n"
    (found,) = found_in(text)
    assert found.message == message
    if change:
        assert not found_in(text.replace(*change))


def test_a_width_is_an_argument_of_the_class() -> None:
    text = "network Net:\n    param wide: int = 5\n    input signal: 4 x 9\n    lstm(wide) -> linear(3)\n"
    open_class = load(archdsl.loads(text).source(), "wide").Net
    shapes = {name: tuple(value.shape) for name, value in open_class(wide=7).state_dict().items()}
    assert shapes == {n: tuple(v.shape) for n, v in archdsl.loads(text, wide=7).module().state_dict().items()}
