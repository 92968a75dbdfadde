"""Descriptions of Keras models, written by Keras 3.15 itself: counts, shapes, both formats, and what is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import archdsl
from archdsl.cli import main
from archdsl.diagnostics import CompileError

FILES = Path(__file__).parent / "data" / "keras"

PUBLISHED = {
    "ResNet50": 25_636_712,
    "MobileNetV2": 3_538_984,
    "DenseNet121": 8_062_504,
    "EfficientNetB0": 5_330_571 - 7,
    "VGG16": 138_357_544,
    "InceptionV3": 23_851_784,
}
"""Parameters in the documents of keras.applications. Running means and variances count there; three numbers for each
channel's mean and variance and one counter of EfficientNet's `Normalization`, which is left out, do too."""


def counted_as_keras(net: archdsl.Network) -> int:
    """Parameters with the running statistics of normalizations, and without PyTorch's counters of batches."""
    norms = {node.weights: node for node in net.graph if node.op.name == "bn"}
    return net.params + sum(node.op.buffers(*net.graph.tensors_into(node.id)) - 1 for node in norms.values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_archive_has_the_published_parameters(name: str) -> None:
    assert counted_as_keras(archdsl.load(FILES / f"{name}.keras")) == PUBLISHED[name]


def test_costs_agree_with_the_gallery() -> None:
    ours, keras = archdsl.load("mobilenet_v2"), archdsl.load(FILES / "MobileNetV2.keras")
    assert (keras.params, keras.macs) == (ours.params, ours.macs)


def test_many_layers_in_one_model() -> None:
    """A nested model that is used twice, two inputs, two outputs; the count is Keras's."""
    net = archdsl.load(FILES / "twins.json")
    assert counted_as_keras(net) == 1612
    assert [str(node.output) for node in net.graph.inputs] == ["4x8x8", "4x8x8"]
    outputs = [str(net.graph.tensor(output.values[0])) for output in net.graph.outputs]
    assert outputs == ["3", "2x7x7"]
    assert net.graph.scopes["encoder"].block == "Encoder"
    convs = [node for node in net.graph if node.op.name == "conv" and node.scope == "encoder"]
    assert len(convs) == 2
    assert len({node.weights for node in convs}) == 1


def test_a_text_that_was_written_as_json_again() -> None:
    assert archdsl.load(FILES / "lenet.json").params == 73_022


def as_keras_2(data: Any) -> Any:
    """A model in the form of Keras 2: values as lists, shapes of inputs by another name."""
    if isinstance(data, list):
        return [as_keras_2(part) for part in data]
    if not isinstance(data, dict):
        return data
    made = {key: as_keras_2(value) for key, value in data.items() if key not in ("module", "registered_name")}
    if "batch_shape" in made:
        made["batch_input_shape"] = made.pop("batch_shape")
    if "inbound_nodes" in data:
        made["inbound_nodes"] = [[[*history, {}] for history in histories(call)] for call in data["inbound_nodes"]]
    return made


def histories(part: Any) -> list[list[Any]]:
    if isinstance(part, dict) and "keras_history" in part:
        return [part["keras_history"]]
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [history for one in inner for history in histories(one)]


def test_keras_2_writes_the_same_in_another_form(tmp_path: Path) -> None:
    data = as_keras_2(json.loads((FILES / "twins.json").read_text(encoding="utf-8"))) | {"keras_version": "2.15.0"}
    (tmp_path / "twins.json").write_text(json.dumps(data), encoding="utf-8")
    new, old = archdsl.load(FILES / "twins.json"), archdsl.load(tmp_path / "twins.json")
    assert [(node.id, node.op) for node in old.graph] == [(node.id, node.op) for node in new.graph]


def test_a_model_is_written_as_a_spec_and_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", str(FILES / "ResNet50.keras"), "-o", "net.arch"]) == 0
    assert "proven to have the structure and the weights of" in capsys.readouterr().out
    text = Path("net.arch").read_text(encoding="utf-8")
    assert "conv(64, 7, stride=2) -> bn -> relu -> pad(1)" in text
    assert archdsl.load("net.arch").params == 25_583_592
    assert main(["import", str(FILES / "EfficientNetB0.keras"), "-o", "net.json"]) == 0
    assert "left out" in capsys.readouterr().out


def edited(edit: Callable[[Any], None], tmp_path: Path) -> str:
    """What is said of the twins after an edit."""
    data = json.loads((FILES / "twins.json").read_text(encoding="utf-8"))
    edit(data)
    (tmp_path / "net.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        archdsl.load(tmp_path / "net.json")
    return str(caught.value)


def layer(data: Any, kind: str) -> Any:
    return next(one for one in data["config"]["layers"] if one["class_name"] == kind)


EDITS: dict[str, Callable[[Any], None]] = {
    "layers of these classes are not read: LSTM (`": lambda data: layer(data, "PReLU").update(class_name="LSTM"),
    "only Functional and Sequential models": lambda data: data.update(class_name="MyModel"),
    "has no fixed size": lambda data: layer(data, "InputLayer")["config"].update(batch_shape=[None, None, None, 3]),
    "expected a whole number from 1": lambda data: layer(data, "Conv2DTranspose")["config"].update(filters="5"),
    "expected the axis of the channels": lambda data: layer(data, "LayerNormalization")["config"].update(axis=1),
    "several data formats": lambda data: layer(data, "Conv2D")["config"].update(data_format="channels_first"),
    "does not fit": lambda data: layer(data, "Cropping2D")["config"].update(cropping=[[9, 9], [0, 0]]),
    "that nothing makes": lambda data: data["config"].update(output_layers=[["mask", 7, 0]]),
    "two layers are called": lambda data: data["config"]["layers"].append(data["config"]["layers"][0]),
    "has no inputs or no outputs": lambda data: data["config"].update(input_layers=[]),
}


@pytest.mark.parametrize("said", EDITS)
def test_what_is_not_read_is_told(said: str, tmp_path: Path) -> None:
    assert said in edited(EDITS[said], tmp_path)


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", '"text"', "3", "null", '{"class_name": 3}'])
def test_json_that_is_neither_graph_nor_model(text: str, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(text, encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        archdsl.load(tmp_path / "net.json")
    (only,) = caught.value.diagnostics
    assert only.code == "bad-model-file"


def test_hostile_files_are_refused(tmp_path: Path) -> None:
    deep = '{"class_name": "Sequential", "config": ' + "[" * 100_000
    nested: Any = {"class_name": "Sequential", "config": {"name": "a", "layers": []}}
    for _ in range(200):
        nested = {"class_name": "Sequential", "config": {"name": "a", "layers": [nested]}}
    twice: Any = json.loads((FILES / "lenet.json").read_text(encoding="utf-8"))
    twice = json.loads(twice)
    for number in range(30):  # each holds the one before it twice: 2^30 layers
        inner = [twice | {"name": "a"}, twice | {"name": "b"}]
        if number > 3:
            break
        twice = {"class_name": "Sequential", "config": {"name": f"m{number}", "layers": inner}}
    for text in (deep, json.dumps(nested), json.dumps(twice)):
        (tmp_path / "net.json").write_text(text, encoding="utf-8")
        with pytest.raises(CompileError):
            archdsl.load(tmp_path / "net.json")
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", " " * 2**26)
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("model.weights.h5", "")
    whole = (FILES / "VGG16.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[:-100])
    (tmp_path / "changed.keras").write_bytes(whole[:200] + b"\0" * 50 + whole[250:])
    for name in ("bomb", "other", "cut", "changed", "missing"):
        with pytest.raises(CompileError):
            archdsl.load(tmp_path / f"{name}.keras")
