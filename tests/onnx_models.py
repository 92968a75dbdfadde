"""Small ONNX models, written as text: what does not begin with `x` among the inputs is a weight with random numbers."""

from __future__ import annotations

import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper, parser
from torch import nn

import archdsl
from archdsl.frontends.load import opaque_nodes
from archdsl.prove.onnx_weights import onnx_weights

VERSION = 21


def model(inputs: str, nodes: str, version: int = VERSION, **fixed: Any) -> onnx.ModelProto:
    """A model of nodes with the output `y`. Inputs are such as `float[2,3,8,8] x, float[4,3,3,3] w`. `fixed` are
    constants by name: whole numbers, fractions, or lists of them."""
    text = f'<ir_version: 8, opset_import: ["" : {version}]> net ({inputs}) => (float y) {{ {nodes} }}'
    made = parser.parse_model(text)
    chance = np.random.default_rng(0)
    for value in [value for value in made.graph.input if not value.name.startswith("x")]:
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        numbers = 0.5 * chance.standard_normal(shape) + ("var" in value.name) * 4
        made.graph.initializer.append(numpy_helper.from_array(numbers.astype(np.float32), value.name))
        made.graph.input.remove(value)
    for name, given in fixed.items():
        kind = np.float32 if any(isinstance(one, float) for one in np.array(given).reshape(-1).tolist()) else np.int64
        made.graph.initializer.append(numpy_helper.from_array(np.array(given, kind), name))
    made.graph.output[0].type.tensor_type.ClearField("shape")
    return made


def saved(made: onnx.ModelProto, path: Path) -> str:
    """Writes a model and gives its name."""
    path.write_bytes(made.SerializeToString())
    return str(path)


def outputs(path: str | Path, samples: int = 2) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """Random inputs of a model, and what onnxruntime makes of them."""
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(Path(path).read_bytes(), providers=["CPUExecutionProvider"])
    chance = np.random.default_rng(1)
    given = {}
    for one in session.get_inputs():
        shape = [dim if isinstance(dim, int) else samples for dim in one.shape]
        whole = "int" in one.type
        given[one.name] = chance.integers(0, 5, shape) if whole else chance.standard_normal(shape).astype(np.float32)
    return list(given.values()), session.run(None, given)


def exported(module: nn.Module, path: Path, *inputs: torch.Tensor, new: bool) -> str:
    """Writes a module as one of PyTorch's two exporters does, and gives the file's name."""
    kept = {"external_data": False, "verbose": False} if new else {}
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), inputs, str(path), dynamo=new, **kept)
    return str(path)


def assert_computes_the_same(path: str) -> None:
    net = archdsl.load(path)
    assert opaque_nodes(net.graph) == ()
    module = net.module().eval()
    unexpected = module.load_state_dict(onnx_weights(path), strict=False).unexpected_keys
    assert unexpected == []
    given, wanted = outputs(path)
    with torch.no_grad():
        found = module(*map(torch.from_numpy, given))
    np.testing.assert_allclose(found.numpy(), wanted[0], rtol=2e-4, atol=2e-4 * np.abs(wanted[0]).max())
