"""The draft of an ONNX file -> its bytes, with weights or without them, checked by `onnx` itself.

Only this file imports onnx, which is an extra of the package, and numpy, which that brings.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from archdsl.backends.onnx.draft import Draft, Form, Named, drafted
from archdsl.backends.onnx.notes import notes
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph
from archdsl.ops.nodes import Constant
from archdsl.packages import require

if TYPE_CHECKING:
    import onnx

OPSET, FORMAT = 20, 10
"""The versions of ONNX's operators (2023) and of its files, the first in which nodes have notes (2024)."""

LARGEST = 2**31 - 1
"""The most bytes of a file of the kind that ONNX uses (protocol buffers)."""


def onnx_file(graph: Graph) -> bytes:
    """The network at inference as an ONNX file without weights, which are inputs of it, with their names and shapes."""
    return _file(graph, None)


def onnx_with(graph: Graph, weights: Mapping[str, Any]) -> bytes:
    """The network at inference as an ONNX file with `weights`, named as in the emitted module's state_dict.

    They are arrays of numpy, or what numpy makes arrays of, and are kept in single precision. Raises `CompileError` if
    one is missing or has another shape, or if the file would be larger than ONNX allows.
    """
    return _file(graph, weights)


def _file(graph: Graph, weights: Mapping[str, Any] | None) -> bytes:
    require("onnx", "writing ONNX")
    import onnx

    draft = drafted(graph)
    if weights is not None:
        _expect(weights, draft.weights)
    model = _model(graph, draft)
    onnx.checker.check_model(model, full_check=True)
    if weights is not None:
        _fill(model, draft, weights)
        onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _model(network: Graph, draft: Draft) -> onnx.ModelProto:
    """The file without weights: they are further inputs."""
    from onnx import helper

    graph = helper.make_graph(
        [_node(network, each) for each in draft.nodes],
        network.header.name,
        [
            *(_described(name, form) for name, form in draft.inputs.items()),
            *(_described(name, Form(dims)) for name, dims in draft.weights.items()),
        ],
        [_described(name, form) for name, form in draft.outputs.items()],
        [_tensor(name, constant) for name, constant in draft.constants.items()],
        doc_string=network.header.doc,
        value_info=[_described(name, form) for name, form in draft.values.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, producer_name="archdsl", opset_imports=opset, ir_version=FORMAT)


def _node(network: Graph, each: Named) -> onnx.NodeProto:
    from onnx import helper

    node = helper.make_node(each.made.kind, each.made.inputs, each.made.outputs, each.name, **each.made.attributes)
    for key, text in notes(network, each.op).items() if each.op else ():
        node.metadata_props.add(key=key, value=text)
    return node


def _described(name: str, form: Form) -> onnx.ValueInfoProto:
    from onnx import TensorProto, helper

    kind = TensorProto.FLOAT if form.kind == "float" else TensorProto.INT64
    return helper.make_tensor_value_info(name, kind, form.dims)


def _tensor(name: str, constant: Constant) -> onnx.TensorProto:
    import numpy as np
    from onnx import numpy_helper

    numbers = np.frombuffer(constant.data, np.float32 if constant.kind == "float" else np.int64)
    return numpy_helper.from_array(numbers.reshape(constant.dims), name)


# --- weights ---------------------------------------------------------------------------------


def _expect(weights: Mapping[str, Any], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Raises `CompileError` unless every weight is there, has its shape, and all fit into one file."""
    missing = [name for name in wanted if name not in weights]
    if missing:
        others = [name for name in weights if name not in wanted and not name.endswith("num_batches_tracked")]
        instead = f"; instead they have {_some(others)}" if others else ""
        raise _refused(f"the weights have no {_some(missing)}{instead}", FROM if others else None)
    for name, dims in wanted.items():
        found = tuple(weights[name].shape)
        if _without_ones(found) != _without_ones(dims):
            raise _refused(f"{name} is {_times(found)} in the weights, and {_times(dims)} here")
    total = 4 * sum(prod(dims) for dims in wanted.values())
    if total > LARGEST:
        message = f"the weights are {total:,} bytes, and an ONNX file holds at most {LARGEST:,}"
        raise _refused(message, "leave the weights out: the file is then small, and has them as inputs")


FROM = "weights of another implementation need its name as well: --from torchvision, or from_="


def _without_ones(dims: tuple[int, ...]) -> list[int]:
    """The dimensions that count: a linear layer may be kept as a convolution of one pixel."""
    return [size for size in dims if size != 1]


def _refused(message: str, help: str | None = None) -> CompileError:
    return CompileError([Diagnostic("bad-weights", message, help=help)])


def _fill(model: onnx.ModelProto, draft: Draft, weights: Mapping[str, Any]) -> None:
    """Makes initializers of the inputs that are weights."""
    import numpy as np
    from onnx import numpy_helper

    del model.graph.input[len(draft.inputs) :]
    for name, dims in draft.weights.items():
        value = weights[name]
        if hasattr(value, "detach"):  # a tensor of PyTorch, perhaps in half precision or on another device
            value = value.detach().float().cpu()
        numbers = np.ascontiguousarray(np.asarray(value, dtype=np.float32))
        model.graph.initializer.append(numpy_helper.from_array(numbers.reshape(dims), name))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _times(dims: tuple[int, ...]) -> str:
    return "x".join(map(str, dims)) or "a number"
