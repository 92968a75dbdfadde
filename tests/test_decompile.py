"""Specs that are written of networks that have none: each must be the network that it was written of."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from random_specs import spec, template
from torch import nn

import archdsl
from archdsl.cli import main
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.load import import_reference
from archdsl.frontends.recorded import recorded, recording
from archdsl.frontends.torch import imported
from archdsl.ir.graph import Graph
from archdsl.prove.prove import prove, prove_sides
from archdsl.prove.report import report_text
from archdsl.prove.sides import of_graph

SPECS = sorted(path.stem for path in (Path(__file__).parent.parent / "specs").glob("*.arch"))
LINES = Path(__file__).parent / "data" / "decompiled_lines.csv"
"""The most lines that the spec of a public network may have. The numbers may fall, and not rise."""


def assert_same(text: str, graph: Graph) -> None:
    """The text compiles, without a warning, to a network of the same structure and weights."""
    network = archdsl.loads(text)
    proof = prove_sides(of_graph(network.graph), of_graph(graph), structure_only=True)
    assert proof.ok, f"{report_text(proof)}\n{text}"


@pytest.mark.sampled
@pytest.mark.parametrize("name", SPECS)
def test_the_gallery_is_written_again(name: str) -> None:
    """Spec, graph, spec, graph: the two graphs are equal."""
    graph = archdsl.load(name).graph
    assert_same(spec_of(graph), graph)


@pytest.mark.sampled
@pytest.mark.parametrize("start", range(0, 120, 12))
def test_random_networks_are_written_again(start: int) -> None:
    """They use all of the language: copies, shared modules, branches of all kinds, several inputs and outputs."""
    for seed in range(start, start + 12):
        try:
            graph = archdsl.loads(spec(template(seed), 0)).graph
        except CompileError:
            continue
        assert_same(spec_of(graph), graph)


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (8, ["mul{one | other} -> add{it | given}"]),
        (4, ["split(parts=2) as (first, second)", "add{add{first | one} | mul{second | other}}"]),
    ],
    ids=["a join of learned values alone", "a join of one part and a learned value"],
)
def test_joins_with_learned_values_are_written_again(width: int, lines: list[str]) -> None:
    head = ["network Net:", "input given: 8 x 4", f"learned one: {width} x 4", f"learned other: {width} x 4"]
    graph = archdsl.loads("\n    ".join([*head, *lines]) + "\n").graph
    assert_same(spec_of(graph), graph)


def public() -> list[tuple[str, int]]:
    with LINES.open() as file:
        return [(row["network"], int(row["lines"])) for row in csv.DictReader(file)]


@pytest.mark.sampled
@pytest.mark.parametrize(("reference", "lines"), public())
def test_public_networks_become_short_specs(reference: str, lines: int) -> None:
    found = import_reference(reference)
    text = spec_of(found.graph, found.recorded, reference)
    assert_same(text, found.graph)
    assert len(text.splitlines()) <= lines, text


@pytest.mark.parametrize("reference", ["torchvision:resnet18", "torchvision:mobilenet_v3_small"])
def test_a_written_spec_computes_what_the_code_does(reference: str) -> None:
    found = import_reference(reference)
    text = spec_of(found.graph, found.recorded, reference)
    proof = prove(archdsl.loads(text).graph, reference)
    assert proof.ok, report_text(proof)


@pytest.mark.parametrize("padding", [0, 49])
def test_the_padding_token_of_an_embedding_is_written(padding: int) -> None:
    module = nn.Sequential(nn.Embedding(50, 8, padding_idx=padding), nn.Linear(8, 2))
    network = archdsl.loads(spec_of(imported(module, torch.zeros(2, 12, dtype=torch.long)).graph))
    assert [layer.padding_idx for layer in network.module().modules() if isinstance(layer, nn.Embedding)] == [padding]
    assert network.prove(module).ok


def test_the_origin_is_no_part_of_the_language() -> None:
    graph = archdsl.load("lenet").graph
    assert "Read from nets:make(name='a')." in spec_of(graph, origin='nets:make(name="a")')


def test_resnet_reads_like_the_paper() -> None:
    found = import_reference("torchvision:resnet50")
    text = spec_of(found.graph, found.recorded, "torchvision:resnet50")
    assert "stage layer3: Bottleneck(256) * 6 first(stride=2)" in text
    assert "if stride != 1 or input.channels != planes * 4 then" in text


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor, memory: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        return x + self.one(memory) * self.two(x).sigmoid() * gate


class Decoders(nn.Module):
    """Blocks in a row, which all read the same values; `late` makes these values after the one that flows."""

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.read, self.gates, self.late = nn.Linear(8, 16), nn.Linear(8, 16), late
        self.layers = nn.ModuleList(Decoder() for _ in range(3))
        self.last = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.gates(x).relu() if self.late else None
        memory, gate = self.read(x), self.read(x.tanh()).tanh()
        y = memory.relu() if y is None else y
        for layer in self.layers:
            y = layer(y, memory, gate)
        return self.last(y)


@pytest.mark.parametrize("late", [False, True])
def test_blocks_in_a_row_that_read_the_same_values_are_one_stage(late: bool) -> None:
    with recording() as calls:
        module = Decoders(late)
    found = imported(module, torch.zeros(2, 8), "net:Decoders")
    text = spec_of(found.graph, recorded(found.modules, module, calls))
    assert_same(text, found.graph)
    assert text.count("Decoder(") == 2, text
    assert "* 3" in text


class Level(nn.Module):
    """A level of a U-Net, which holds the level below: half the size, twice the channels."""

    def __init__(self, channels: int, below: nn.Module | None) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.below = nn.Identity() if below is None else below
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.up(self.below(self.down(x).relu())).sigmoid()


def test_a_class_whose_uses_hold_one_another_is_a_block_that_calls_itself() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), Level(8, Level(16, Level(32, Level(64, None)))))
    found = imported(module, torch.zeros(2, 3, 64, 64), "net:made")
    text = spec_of(found.graph, recorded(found.modules, module, {}))
    assert_same(text, found.graph)
    assert text.count("block Level") == 1, text


@pytest.mark.parametrize(
    ("reference", "saying", "size"),
    [
        (
            "timm.layers:NonLocalAttn(in_channels=16, rd_channels=8)",
            "parallel{conv(8, 1) | conv(8, 1) | conv(8, 1)}",
            9,
        ),
        ("timm:tf_efficientnet_b0", "padding=tf_same", 75),
    ],
)
def test_what_code_takes_from_the_size_of_images_holds_at_other_sizes(reference: str, saying: str, size: int) -> None:
    """Attention to all pixels, and padding as in TensorFlow: the text at another size is the code at that size."""
    channels = 3 if "efficientnet" in reference else 16
    found, other = (import_reference(reference, [((channels, pixels, pixels), "float")]) for pixels in (64, size))
    text = spec_of(found.graph, found.recorded, reference)
    assert saying in text
    network = archdsl.loads(text, resolution=size)
    assert prove_sides(of_graph(network.graph), of_graph(other.graph), structure_only=True).ok


# --- the command -----------------------------------------------------------------------------


class NamedAsOps(nn.Module):
    """Inputs, modules and outputs have the names of ops, some of which the network uses."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.flatten = nn.Conv2d(3, 8, 3), nn.Linear(8, 3)

    def forward(self, relu: torch.Tensor, softmax: torch.Tensor) -> dict[str, torch.Tensor]:
        linear = self.flatten(torch.relu(self.conv(relu) * softmax).mean((2, 3)))
        return {"main": torch.relu(linear), "linear": linear, "add": linear + 1, "gelu": softmax}


def test_values_have_no_names_of_ops_that_the_text_uses(tmp_path: Path) -> None:
    net = archdsl.from_torch(NamedAsOps(), (torch.zeros(2, 3, 8, 8), torch.zeros(2, 8, 1, 1)))
    path = tmp_path / "named.arch"
    path.write_text(spec_of(net.graph))
    again = archdsl.load(str(path))
    assert prove_sides(of_graph(again.graph), of_graph(net.graph), structure_only=True).ok
    assert [output.name for output in again.graph.outputs] == ["output", "linear_out", "add", "gelu"]


def test_import_writes_and_proves_a_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.arch"
    assert main(["import", "torchvision:squeezenet1_1", "-o", str(path)]) == 0
    lines = len(path.read_text().splitlines())
    said = f"wrote {path}: {lines} lines, proven to have the structure and the weights of torchvision:squeezenet1_1"
    assert said in " ".join(capsys.readouterr().out.split())
    assert archdsl.load(path).params == 1_235_496


def test_import_never_replaces_a_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.arch"
    path.write_text("mine")
    assert main(["import", "torchvision:squeezenet1_1", "-o", str(path)]) == 2
    assert path.read_text() == "mine"
    assert "is there already" in capsys.readouterr().err
