"""Specs of networks whose operations have no op of the language: held by signature, counted, and proven."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import archdsl
from archdsl.analyses.totals import macs
from archdsl.backends.torch.load import module as emitted
from archdsl.cli import main
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.load import opaque_nodes
from archdsl.frontends.torch import from_torch, imported
from archdsl.outputs import prepared
from archdsl.prove.prove import prove_sides
from archdsl.prove.report import report_text
from archdsl.prove.sides import of_graph, of_imported
from archdsl.prove.weights import load_weights


class Opaque(nn.Module):
    """Sorts channels, whose places come as whole numbers, and adds distances to learned points."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3)
        self.points = nn.Parameter(torch.randn(5, width))

    def forward(self, x: Tensor) -> Tensor:
        values, places = self.first(x).sort(1)
        distances = torch.cdist(values.mean((2, 3)), self.points)
        return distances + places.flatten(1).float().mean(1, keepdim=True)


class Held(nn.Module):
    """Swaps dimensions, multiplies matrices of channels, and weighs by fixed numbers."""

    def __init__(self, width: int = 8, dim: int = 2) -> None:
        super().__init__()
        self.first, self.dim = nn.Conv2d(3, width, 3), dim

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).flatten(2)
        weights = torch.linspace(0.0, 1.0, x.shape[-1]).pow(2).to(x)
        scores = (x * weights) @ x.transpose(1, 2)
        scores = scores.softmax(self.dim) / scores.sum(1, keepdim=True).abs().clamp(min=0.5)
        return scores.unflatten(1, (2, -1)).permute(0, 3, 2, 1)


class HeldTwice(nn.Module):
    """Two uses of one class, with other channels and along another dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = Held(8, 2), Held(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x).flatten(1).mean(1) - self.other(x).flatten(1).amax(1)


IMAGES = torch.zeros(2, 3, 6, 6)


def written(module: nn.Module) -> str:
    """The spec of a module, which is proven to have its structure, and to have as many parameters."""
    found = imported(module, IMAGES)
    text = spec_of(found.graph)
    net = archdsl.loads(text)
    for theirs in (of_graph(found.graph), of_imported(found, "module", lambda: module)):
        proof = prove_sides(of_graph(net.graph), theirs, structure_only=True)
        assert proof.ok, f"{report_text(proof)}\n{text}"
    assert net.params == sum(parameter.numel() for parameter in module.parameters())
    return text


def test_opaque_ops_are_held_by_their_signatures() -> None:
    text = written(Opaque())
    said = " ".join(text.split())
    assert 'opaque( "aten.sort", inputs=[8x4x4], results=[8x4x4, 8x4x4], kinds=["float", "int"]' in said
    assert 'opaque("aten.cdist", inputs=[8], results=[5], parameters=[5x8])' in said


def test_matrix_products_of_opaque_ops_count() -> None:
    """An LSTM whose output is projected: 4 gates of 6 + 4 numbers, and a projection, for each of 5 words."""
    graph = from_torch(nn.LSTM(6, 8, proj_size=4, batch_first=True), torch.zeros(2, 5, 6))
    net = archdsl.loads(spec_of(graph))
    assert net.params == 4 * 8 * (6 + 4 + 2) + 4 * 8
    assert net.macs == 5 * (4 * 8 * (6 + 4) + 4 * 8)


class Pairs(nn.Module):
    """Products that each sample needs, that all need together, and of samples by samples."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(2, 6, 4))

    def forward(self, x: Tensor) -> Tensor:
        places = torch.nn.functional.one_hot(torch.arange(12).reshape(2, 6) % 6, 6).float() @ self.table
        scores = torch.einsum("bi,ci->bc", x, x)
        return torch.cdist(x, places.flatten(0, 1)) + (scores @ x).mean()


def test_a_dimension_as_large_as_the_traced_batch_is_not_taken_for_it() -> None:
    """FlopCounterMode counts what one sample needs."""
    module = Pairs()
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 4))
    graph = from_torch(module, torch.zeros(1, 4))
    assert opaque_nodes(graph)
    assert 2 * macs(graph, list(graph)) == counter.get_total_flops()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("aten.sort", "aten.msort"),
        ("parameters=[5x8]", "parameters=[8x5]"),
        ("dim=1", "dim=2"),
        ("parameters=[5x8]", "kept=[5x8]"),
    ],
)
def test_another_signature_is_another_op(old: str, new: str) -> None:
    graph = from_torch(Opaque(), IMAGES)
    text = spec_of(graph)
    changed = "\n".join(line for line in text.replace(old, new).split("\n") if "expect" not in line)
    assert changed != text
    other = archdsl.loads(changed).graph
    assert not prove_sides(of_graph(other), of_graph(graph), structure_only=True).ok


def test_an_opaque_op_is_not_emitted() -> None:
    net = archdsl.loads(written(Opaque()))
    with pytest.raises(CompileError, match=r"is aten\.sort, which no op of the language expresses"):
        net.source()


def test_what_an_opaque_op_gives_is_known_for_its_inputs_alone() -> None:
    text = written(Opaque())
    with pytest.raises(CompileError, match=r"`aten\.sort` was imported with 8x4x4, got 8x6x6"):
        archdsl.loads(text, resolution=8)


def test_tables_and_figures_show_opaque_ops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.arch"
    path.write_text(written(Opaque()))
    assert main(["table", str(path), "--rows", "op"]) == 0
    assert "Opaque: " in capsys.readouterr().out
    assert main(["draw", str(path), "--figure", "graph", "-o", str(tmp_path / "net.svg")]) == 0
    assert "sort" in (tmp_path / "net.svg").read_text()


# --- ops of imports that PyTorch is made of ------------------------------------------------------


@pytest.mark.parametrize("make", [Held, HeldTwice])
def test_the_spec_of_an_import_is_emitted(make: Callable[[], nn.Module]) -> None:
    """The module that is emitted for the written spec computes what the imported one does."""
    torch.manual_seed(0)
    module = make().eval()
    text = written(module)
    assert "opaque" not in text
    net = archdsl.loads(text)
    proof = net.prove(module, structure_only=True)
    ours = emitted(prepared(net.graph, "torch"), device="cpu").double().eval()
    load_weights(ours, module.double().state_dict(), proof.weights)
    image = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    # Fixed numbers are kept in single precision.
    assert torch.allclose(ours(image).squeeze(), module(image).squeeze(), rtol=1e-6)


@pytest.mark.parametrize("slip", ["matrix_produc", "opaqe", "softmax_alon"])
def test_no_advice_names_ops_of_imports(slip: str) -> None:
    with pytest.raises(CompileError) as raised:
        archdsl.loads(f"network N:\n    input image: 3 x 8 x 8\n    {slip}\n")
    assert all(slip[:4] not in (diagnostic.help or "") for diagnostic in raised.value.diagnostics)


# --- the command -------------------------------------------------------------------------------


CODE = """\
import torch
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return torch.flip(torch.flip(x, [2]), [3]).cumsum(1)
"""


def test_import_says_once_what_a_spec_has_no_op_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flipped.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    assert main(["import", "flipped:Net", "--input", "3x6x6", "-o", "net.arch"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "3 operations have no op of the language: aten.flip x 2, aten.cumsum" in out
    assert out.count("aten.flip") == 1
    assert main(["prove", "net.arch", "--against", "flipped:Net", "--structure"]) == 0
    assert main(["compile", "net.arch"]) == 1
    assert "aten.flip" in capsys.readouterr().err
