"""What a network is written as: one list, and one way to the text, whoever asks."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from calls import Caller
from torch import nn

import archdsl
from archdsl.cli import complete
from archdsl.outputs import BY_NAME, OUTPUTS, Output, output_of, written
from archdsl.passes.pipeline import named

NETS = """\
import torch
from torch import nn


class Numbered(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()), nn.Conv2d(4, 2, 1))


class Opaque(nn.Module):
    def forward(self, x):
        return torch.flip(x, [3])
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with networks in Python."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("some_nets.py").write_text(NETS)
    return tmp_path


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
def test_an_output_is_what_it_says(output: Output) -> None:
    module, _, function = output.writer.partition(":")
    assert getattr(import_module(f"archdsl.{module}"), function).__doc__
    assert len(named(output.passes)) == len(output.passes)
    assert output_of(output.suffix) is output
    assert BY_NAME[output.name] is output
    content = written(archdsl.load("lenet").graph, output.name)
    assert content.endswith("\n") if isinstance(content, str) else output.name == "onnx"


def test_the_command_line_and_completion_list_them(call: Caller) -> None:
    names = [output.name for output in OUTPUTS]
    assert f"one or several of {','.join(names)}" in " ".join(call("compile", "--help").out.split())
    assert [name for name, _ in complete.emitted(None, "")] == names
    found = call("compile", "lenet", "--emit", ",".join(names), "-o", "out")
    assert found.code == 0
    assert {path.name for path in Path("out").iterdir()} == {f"lenet{output.suffix}" for output in OUTPUTS}


def test_an_imported_network_is_written_alike_by_all(call: Caller) -> None:
    assert call("import", "some_nets:Numbered", "--input", "3x8x8", "-o", "net.json").code == 0
    text = call("compile", "net.json", "-o", "-").out
    assert "self.conv0 = nn.Conv2d(in_channels, 4, 3)" in text
    compile(text, "net.py", "exec")
    assert call("show", "net.json", "--until", "emit").out == text
    net = archdsl.load("net.json")
    assert net.source() == text
    net.save("net.py")
    assert Path("net.py").read_text() == text
    assert isinstance(net.module(), nn.Module)
    assert set(net.module().state_dict()) >= {"conv0.weight", "part1.bn0.running_mean", "conv2.bias"}
    assert net.prove("some_nets:Numbered").ok


@pytest.mark.parametrize("name", ["net.json", Path("net.json")], ids=["text", "path"])
def test_a_graph_file_is_loaded_as_it_was_written(name: str | Path) -> None:
    network = archdsl.load("lenet")
    network.save("net.json")
    again = archdsl.load(name)
    assert again.graph == network.graph
    assert again.source() == network.source()
    assert repr(again) == repr(network)
    assert again.warnings == ()


def test_a_graph_file_has_no_settings() -> None:
    archdsl.load("lenet").save("net.json")
    with pytest.raises(archdsl.CompileError, match=r"net\.json is a graph, and has no parameter `classes`"):
        archdsl.load("net.json", classes=3)
    with pytest.raises(archdsl.CompileError, match=r"net\.json is a graph, and has no variant `5`"):
        archdsl.load("net.json@5")
    with pytest.raises(archdsl.CompileError, match=r"no\.json"):
        archdsl.load("no.json")


def test_what_no_op_says_is_written_nowhere(call: Caller) -> None:
    assert call("import", "some_nets:Opaque", "--input", "3x8x8", "-o", "net.json").code == 0
    message = "flip is aten.flip, which no op of the language expresses"
    assert message in call("show", "net.json", "--until", "emit").err
    assert message in call("compile", "net.json").err
    net = archdsl.load("net.json")
    for write in (net.source, net.module, lambda: net.save("net.py")):
        with pytest.raises(archdsl.CompileError, match=r"flip is aten\.flip"):
            write()
    assert not Path("net.py").exists()


def test_numbered_modules_of_public_networks_are_written(call: Caller) -> None:
    """vgg16 of torchvision ended in a KeyError where the names were not made legal."""
    assert call("import", "torchvision:vgg16", "-o", "vgg.json").code == 0
    found = call("show", "vgg.json", "--until", "emit")
    assert found.code == 0
    compile(found.out, "vgg.py", "exec")


def test_an_unknown_suffix_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"nothing to write as '\.gif'; it may be \.py, .*, \.svg, \.pdf, \.png"):
        archdsl.load("lenet").save("net.gif")
