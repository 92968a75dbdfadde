"""Small ONNX models, written as text: what does not begin with `x` among the inputs is a weight with random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper, parser

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
