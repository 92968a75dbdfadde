"""The numbers of an ONNX model's weights, by the names and in the layout of the module that is emitted for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from archdsl.frontends.onnx.model import wrong
from archdsl.frontends.onnx.reader import read_with_sources
from archdsl.frontends.onnx.sources import Source
from archdsl.prove.sides import of_graph

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

    from archdsl.tensor import Tensor


def onnx_weights(path: str | PathLike[str], inputs: Sequence[Tensor] = ()) -> dict[str, Any]:
    """A state_dict for the module of `archdsl.load(path)`, with the numbers of the ONNX model at `path`.

    Matrices that ONNX keeps transposed are turned. Weights in files of their own are read beside it. `inputs` are
    shapes for inputs whose sizes the file leaves open. Raises `CompileError`.
    """
    name = fspath(path)
    found, sources = read_with_sources(Path(name), name, inputs)
    tensors = _tensors(name)
    side = of_graph(found.graph)
    state = {}
    for node, row in found.keys.items():
        for slot, key in row.items():
            shape = found.graph.node(node).op.state(*found.graph.tensors_into(node))[slot]
            state[side.key(node, slot)] = torch.from_numpy(_numbers(tensors, sources[key], name)).reshape(shape)
    return state


def _tensors(name: str) -> Mapping[str, TensorProto]:
    """The file's tensors of numbers by name."""
    import onnx

    try:
        model: ModelProto = onnx.load(name)
    except Exception as error:
        raise wrong("bad-onnx-file", f"the weights of {name} cannot be read: {error}") from None
    constants = {node.output[0]: a.t for node in model.graph.node for a in node.attribute if a.name == "value"}
    return constants | {tensor.name: tensor for tensor in model.graph.initializer}


def _numbers(tensors: Mapping[str, TensorProto], source: Source, name: str) -> Any:
    from onnx import numpy_helper

    try:
        found = numpy_helper.to_array(tensors[source.name]) if source.numbers is None else source.numbers
        numbers = found.astype("float32")
    except Exception as error:
        raise wrong("bad-onnx-file", f"the weight {source.name} of {name} cannot be read: {error}") from None
    if source.rows:
        return source.rows.of(numbers)
    return (numbers.T if source.columns else numbers).copy()
