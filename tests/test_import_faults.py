"""Networks that importing once crashed on, or said something wrong about."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import archdsl
from archdsl.analyses.receptive_field import receptive_fields
from archdsl.backends.figures.view import Viewer
from archdsl.cli.app import app
from archdsl.driver import Compiled
from archdsl.frontends.load import import_reference, opaque_nodes
from archdsl.frontends.recorded import recording
from archdsl.frontends.torch import from_torch
from archdsl.outputs import written
from archdsl.prove.prove import prove_sides
from archdsl.prove.sides import of_graph, of_module
from archdsl.tensor import Tensor

NETS = '''\
import torch
from torch import nn


class Grey(nn.Module):
    """Says itself how many channels it takes."""

    def __init__(self, in_channels=1):
        super().__init__()
        self.in_channels = in_channels
        self.conv = nn.Conv2d(in_channels, 4, 3)

    def forward(self, x):
        return self.conv(x)


class Mixed(nn.Module):
    """Holds a tensor that is always on the CPU."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.factors = torch.ones(4, 1, 1, device="cpu")

    def forward(self, x):
        return self.conv(x) + self.factors


class Exits(nn.Module):
    """An exit whose result is not returned in evaluation."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.exit = nn.Linear(4, 10)

    def forward(self, x):
        y = self.conv(x)
        self.exit(y.mean((2, 3)))
        return y
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "nets_of_faults.py").write_text(NETS)
    return tmp_path


def run(*words: str) -> str:
    result = CliRunner().invoke(app(), list(words))
    assert result.exit_code == 0, result.output
    return result.output


class Positions(nn.Module):
    """Adds a constant that was computed from weights alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.table = nn.Parameter(torch.zeros(1, 8, 16, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + self.table.cumsum(1)


def test_constants_see_nothing_and_can_be_shown() -> None:
    net = archdsl.from_torch(Positions(), torch.zeros(2, 3, 16, 16))
    fields = receptive_fields(net.graph)
    assert fields.fields["cumsum"].size == ()
    assert fields.fields["add"].size == (3, 3)
    assert fields.misaligned == ()
    assert "receptive field 3 pixels at add" in str(net.table())
    for figure in ("overview", "graph"):
        assert net.draw(figure).data


class Rows(nn.Module):
    """Two layers in a form that has no op."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(288, 288), nn.Linear(288, 288)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (self.one, self.two):
            x = torch.addmm(layer.bias, x.flatten(1), layer.weight).relu()
        return x


def test_numbers_beside_opaque_operations_are_said_to_be_bounds() -> None:
    table = str(archdsl.from_torch(Rows(), torch.zeros(2, 8, 6, 6)).table())
    assert "2 weighted layers in depth" in table
    assert "Opaque: 2 ops, at addmm1, addmm2; of these only shapes, params and MACs are\n  known\n" in table
    assert "So fields, depth, FLOPs and memory are at least those above" in table


class Unprintable(nn.Module):
    def __repr__(self) -> str:
        raise RuntimeError("not ready")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.relu()


def test_a_module_that_cannot_be_printed_is_called_by_its_class() -> None:
    graph = from_torch(nn.Sequential(nn.Conv2d(3, 8, 1), Unprintable()), torch.zeros(2, 3, 8, 8))
    assert [node.span.text for node in graph][-1].endswith(": Unprintable")


class Gates(nn.Module):
    """A product of a map and a vector that are both repeated to a larger shape than either has."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.vector = nn.Conv2d(8, 1, 1), nn.AdaptiveAvgPool2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.map(x).expand_as(x) * self.vector(x).expand_as(x)


def test_a_product_larger_than_its_factors_is_held_as_it_is() -> None:
    graph = from_torch(Gates(), torch.zeros(2, 8, 6, 6))
    assert opaque_nodes(graph) == ()
    assert [str(node.output) for node in graph if node.op.name == "arithmetic"] == ["8x6x6"]


def test_an_imported_module_is_a_network() -> None:
    net = archdsl.from_torch(nn.Conv2d(3, 8, 3), torch.zeros(2, 3, 8, 8))
    assert (net.params, net.macs) == (8 * 28, 8 * 27 * 36)


def test_a_network_says_its_channels(folder: Path) -> None:
    assert "1x224x224 -> 4x222x222" in run("import", "nets_of_faults:Grey", "-o", "a.json")
    assert "2x224x224 -> 4x222x222" in run("import", "nets_of_faults:Grey(in_channels=2)", "-o", "b.json")


def test_a_network_that_mixes_devices_is_made_on_the_cpu(folder: Path) -> None:
    found = import_reference("nets_of_faults:Mixed", [((3, 8, 8), "float")])
    assert found.graph.outputs[0].values[0].node == "applied"


def test_parameters_that_no_output_needs_are_said_to_be_left_out(folder: Path) -> None:
    said = "no output needs 50 of 162 parameters, which are left out: exit.weight, exit.bias"
    assert said in run("import", "nets_of_faults:Exits", "-o", "net.json")
    from nets_of_faults import Exits

    with pytest.warns(UserWarning, match=said):
        archdsl.from_torch(Exits(), torch.zeros(2, 3, 8, 8))


def test_tied_parameters_are_not_left_out() -> None:
    conv = nn.Conv2d(8, 8, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        archdsl.from_torch(nn.Sequential(nn.Sequential(conv, nn.ReLU()), nn.Sequential(conv)), torch.zeros(2, 8, 9, 9))


def test_an_operation_that_has_no_op_is_one_error() -> None:
    net = archdsl.from_torch(nn.Sequential(*(Unfolded() for _ in range(3))), torch.zeros(2, 3, 8, 8))
    with pytest.raises(archdsl.CompileError) as caught:
        net.source()
    assert len(caught.value.diagnostics) == 1
    assert "and 2 more are aten.flip, which no op of the language expresses" in str(caught.value)


class Unfolded(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flip(1)


class Alternating(nn.Module):
    """Goes through two lists side by side, so that each is left and entered again."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(4))
        self.parts = nn.ModuleList(nn.Sequential(nn.BatchNorm2d(8), nn.ReLU()) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv, part in zip(self.convs, self.parts, strict=True):
            x = part(conv(x))
        return x


def test_lists_that_alternate_are_drawn_in_the_order_of_the_data() -> None:
    net = archdsl.from_torch(Alternating(), torch.zeros(2, 8, 6, 6))
    assert Viewer(net.graph).again == {"convs", "parts"}
    for figure in ("graph", "overview"):
        assert net.draw(figure).data


def test_branches_whose_straight_lines_would_tangle_are_drawn() -> None:
    """In torchvision's GoogLeNet, two columns of boxes would each have to lie to the left of the other."""
    graph = import_reference("torchvision:googlenet", [((3, 64, 64), "float")]).graph
    assert archdsl.Network(Compiled(graph, None, ())).draw("graph").data


class Joining(nn.Module):
    """A layer of a DenseNet, which joins all maps that it is given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        return self.conv(torch.cat(maps, 1))


class Joined(nn.Module):
    """Layers of which each takes the maps of all before it; `counts` are how many maps each takes."""

    def __init__(self, counts: list[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Joining(8 + 4 * (count - 1)) for count in counts)
        self.counts = counts

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [x]
        for layer, count in zip(self.layers, self.counts, strict=True):
            maps.append(layer(maps[:count]))
        return torch.cat(maps, 1)


def test_layers_that_join_ever_more_maps_are_one_class() -> None:
    """The rule that such joins come first, each with what the one before it has joined, changes no number."""
    side = of_module(Joined([1, 2, 3, 4, 5]), [Tensor(8, 6, 6)])
    assert [len(side.graph.inputs_of(n.id)) for n in side.graph if n.op.name == "concat"] == [2] * 5
    assert written(side.graph, "torch").count("\nclass ") == 2
    proof = prove_sides(of_graph(side.graph), side)
    assert proof.ok, proof


def test_a_block_that_always_joins_two_maps_joins_them_itself() -> None:
    graph = from_torch(Joined([1, 2, 2]), torch.zeros(2, 8, 6, 6))
    assert [node.scope for node in graph if node.op.name == "concat"] == ["layers.1", "layers.2", ""]


def test_modules_compile_after_an_import() -> None:
    """An import notes how modules are made; afterwards torch.compile makes slices of a ModuleList as before."""

    class Sliced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers[1:]:
                x = layer(x)
            return x

    with recording():
        nn.Linear(2, 2)
    module, x = Sliced(), torch.ones(1, 2)
    assert torch.equal(torch.compile(module, fullgraph=True, backend="eager")(x), module(x))
