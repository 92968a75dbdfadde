"""Programs of torch.export: the same networks as their modules, and no file can have anything executed."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archdsl
from archdsl.cli import main
from archdsl.diagnostics import CompileError


class Unit(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(out)
        self.act = nn.ReLU(inplace=True)
        self.register_buffer("order", torch.arange(out).flip(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, other = self.act(self.bn(self.conv(x))).chunk(2, 1)
        return torch.cat((other, one, x), 1)[:, self.order]


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = Unit(3, 8)
        self.second = Unit(8, 16)
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.second(self.first(x))
        return {"scores": self.head(features.mean((2, 3))), "features": features}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("programs") / "small.pt2"
    batch = torch.export.Dim("batch")
    program = torch.export.export(
        Small().eval(), (torch.zeros(2, 3, 12, 12),), dynamic_shapes=({0: batch},), strict=False
    )
    torch.export.save(program, path)
    return path


def test_a_program_is_the_network_of_its_module(file: Path) -> None:
    ours, imported = archdsl.load(file), archdsl.from_torch(Small(), torch.zeros(2, 3, 12, 12))
    shape = [(node.op, node.outputs, node.weights) for node in ours.graph]
    assert shape == [(node.op, node.outputs, node.weights) for node in imported.graph]
    assert {scope.block for scope in ours.graph.scopes.values()} == {None, "Unit"}
    assert ours.params == sum(p.numel() for p in Small().parameters())


def test_a_program_is_written_as_a_spec_and_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3))
    torch.export.save(torch.export.export(module.eval(), (torch.zeros(2, 3, 12, 12),)), "net.pt2")
    assert main(["import", "net.pt2", "-o", "net.arch"]) == 0
    assert "proven to have the structure and the weights of net.pt2" in capsys.readouterr().out
    assert main(["table", "net.pt2"]) == 0
    assert main(["draw", "net.pt2", "-o", "net.svg"]) == 0


class Hostile:
    def __reduce__(self) -> Any:
        return os.system, ("touch PWNED",)


def changed(file: Path, to: Path, edit: Callable[[Any], None], pickled: bool = False) -> Path:
    """A copy of an archive with another program and, if asked for, hostile pickles as weights."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("models/model.json"):
                data = json.loads(content)
                edit(data["graph_module"])
                content = json.dumps(data).encode()
            if pickled and "/data/" in name:
                content = content.replace(b'"use_pickle": false', b'"use_pickle": true')
                content = content if name.endswith(".json") else pickle.dumps(Hostile())
            new.writestr(name, content)
    return to


def test_pickles_are_not_read(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights' numbers are not needed; the tables of indices are missing then."""
    monkeypatch.chdir(tmp_path)
    net = archdsl.load(changed(file, tmp_path / "net.pt2", lambda _: None, pickled=True))
    assert net.params == archdsl.load(file).params
    assert not Path("PWNED").exists()


def calls(module: Any, target: str, **arguments: Any) -> None:
    """Makes the first call of a program another one, whose result nothing else would have."""
    rows = [{"name": name, "arg": {_kind(value): value}, "kind": 1} for name, value in arguments.items()]
    module["graph"]["nodes"][0] |= {"target": target, "inputs": rows}


def _kind(value: Any) -> str:
    return {int: "as_int", str: "as_string", bool: "as_bool"}.get(type(value), "as_ints")


EDITS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "a call of the system": ("no operation", lambda m: calls(m, "os.system", command="touch PWNED")),
    "a function of torch": ("no operation", lambda m: calls(m, "torch.load", f="model.pt")),
    "an attribute": ("no operation", lambda m: calls(m, "torch.ops.aten.__class__.__init__")),
    "a file": ("takes a text", lambda m: calls(m, "torch.ops.aten.from_file.default", filename="PWNED", shared=True)),
    "much memory": ("tensor of", lambda m: grow(m)),
    "an expression": ("sizes without a number", lambda m: expression(m)),
    "a kind of argument": ("not read", lambda m: m["graph"]["nodes"][0]["inputs"][0].update(arg={"as_graph": {}})),
    "no nodes": ("no program", lambda m: m["graph"].pop("nodes")),
    "no outputs": ("not give a tensor", lambda m: m["signature"].update(output_specs=[])),
    "too many calls": ("more than", lambda m: m["graph"].update(nodes=m["graph"]["nodes"] * 2000)),
}


def grow(module: Any) -> None:
    module["graph"]["tensor_values"]["x"]["sizes"] = [{"as_int": 2**20}] * 4


def expression(module: Any) -> None:
    module["graph"]["tensor_values"]["x"]["sizes"][0] = {
        "as_expr": {"expr_str": "__import__('os').system('touch PWNED')"}
    }


@pytest.mark.parametrize("name", EDITS)
def test_hostile_programs_are_refused(name: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said, edit = EDITS[name]
    with pytest.raises(CompileError) as caught:
        archdsl.load(changed(file, tmp_path / "net.pt2", edit))
    assert said in str(caught.value)
    assert not Path("PWNED").exists()


def test_numbers_that_a_program_makes_are_not_made_if_they_are_many(file: Path, tmp_path: Path) -> None:
    """A trillion numbers are followed by their shape alone."""
    edit = lambda m: calls(m, "torch.ops.aten.arange.default", end=10**12)  # noqa: E731
    with pytest.raises(CompileError):
        archdsl.load(changed(file, tmp_path / "net.pt2", edit))


def test_damaged_archives_are_refused(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    (tmp_path / "cut.pt2").write_bytes(whole[:-200])
    (tmp_path / "text.pt2").write_bytes(b"text")
    with zipfile.ZipFile(tmp_path / "empty.pt2", "w") as archive:
        archive.writestr("a/version", "1")
    with zipfile.ZipFile(tmp_path / "bomb.pt2", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/models/model.json", b" " * (65 * 2**20))
    with zipfile.ZipFile(tmp_path / "deep.pt2", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/models/model.json", b"[" * 10**6)
    for name in ("cut", "text", "empty", "bomb", "deep", "missing"):
        with pytest.raises(CompileError):
            archdsl.load(tmp_path / f"{name}.pt2")
