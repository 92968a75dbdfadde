"""Parts of public networks are imported by the path of their module, at the shape that the network gives to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from archdsl.analyses.totals import parameters
from archdsl.cli import main
from archdsl.diagnostics import CompileError
from archdsl.frontends.load import import_reference
from archdsl.frontends.references import build, divided


def backbone() -> nn.Module:
    """The module itself."""
    return build("torchvision:fasterrcnn_resnet50_fpn").get_submodule("backbone")


def test_the_backbone_of_a_detector_is_imported() -> None:
    """A detector makes the shorter side 800 pixels; the published feature maps have strides of 4 to 64."""
    found = import_reference("torchvision:fasterrcnn_resnet50_fpn#backbone")
    (image,) = found.graph.inputs
    assert image.output.dims == (3, 800, 800)
    shapes = [found.graph.node(value.node).outputs[value.port].dims for o in found.graph.outputs for value in o.values]
    assert shapes == [(256, -(-800 // stride), -(-800 // stride)) for stride in (4, 8, 16, 32, 64)]
    assert parameters(found.graph, list(found.graph)) == sum(p.numel() for p in backbone().parameters())


def test_a_part_is_taken_at_the_shape_that_the_network_gives_to_it() -> None:
    graph = import_reference("torchvision:resnet18#layer3.0").graph
    assert [node.output.dims for node in graph.inputs] == [(128, 28, 28)]
    assert graph.node(graph.outputs[0].values[0].node).output.dims == (256, 14, 14)


def test_the_command_writes_and_proves_a_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", "torchvision:resnet18", "--module", "layer2", "-o", "part.arch"]) == 0
    assert "proven to have the structure and the weights of torchvision:resnet18#layer2" in capsys.readouterr().out
    assert main(["prove", "part.arch", "--against", "torchvision:resnet18#layer2", "--structure"]) == 0
    assert main(["prove", "part.arch", "--against", "torchvision:resnet18#layer1", "--structure"]) == 1
    assert main(["import", "torchvision:resnet18#layer2", "--module", "0", "-o", "other.arch"]) == 2
    assert "names a part already" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("reference", "message", "help"),
    [
        ("torchvision:resnet18#layr3", "has no part `layr3`", "did you mean `torchvision:resnet18#layer3`?"),
        ("torchvision:resnet18#layer3.7", "has no part", "the parts of `layer3` are `layer3.0`, `layer3.1`"),
        ("torchvision:mobilenet_v3_small#head", "has no part", "its parts are `features`, `avgpool`, `classifier`"),
        ("torchvision:densenet121#features.unknown", "has no part", "and 4 more"),
        ("timm:crossvit_tiny_240#blocks", "only holds modules", "name one of its own parts: `blocks.0`"),
        ("torchvision:googlenet#aux1", "is not called", "--input 3x224x224"),
    ],
)
def test_a_wrong_part_is_explained(reference: str, message: str, help: str) -> None:
    with pytest.raises(CompileError) as raised:
        import_reference(reference)
    (diagnostic,) = raised.value.diagnostics
    assert message in diagnostic.message
    assert help in (diagnostic.help or "")


def test_what_a_part_takes_may_be_given() -> None:
    """GoogLeNet's auxiliary classifier is called in training alone."""
    graph = import_reference("torchvision:googlenet#aux1", [((512, 14, 14), "float")]).graph
    assert graph.node(graph.outputs[0].values[0].node).output.dims == (1000,)


def test_a_sign_in_an_argument_begins_no_part() -> None:
    assert divided('nets:make(name="a#b")') == ('nets:make(name="a#b")', "")
    assert divided('nets:make(name="a#b")#stem.0') == ('nets:make(name="a#b")', "stem.0")
