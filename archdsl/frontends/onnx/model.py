"""An ONNX model as plain data, read from its file: nodes, weights, inputs and outputs. Nothing of it is executed."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from archdsl import limits
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.onnx.trimmed import Damaged, TooLarge, Trimmer
from archdsl.ops.base import LARGEST, LIMIT
from archdsl.text import clean

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto

Numbers: TypeAlias = "np.ndarray[Any, Any]"
Dim: TypeAlias = int | str | None
"""A size, the name of one that is left open, or one that is open and has no name."""

OWN = frozenset({"", "ai.onnx"})
"""The domain of ONNX's own operators."""


@dataclass(frozen=True)
class Weight:
    """An initializer: its shape and type (a number of ONNX's), and what is needed to read its numbers."""

    name: str
    shape: tuple[int, ...]
    element: int
    tensor: TensorProto = field(repr=False, compare=False)
    folder: Path = Path()
    """Where files lie that hold numbers of the model."""

    @property
    def size(self) -> int:
        return prod(self.shape)

    @cached_property
    def numbers(self) -> Numbers | None:
        """The numbers; None if they are many, so that they were not read, or in another file that is not there."""
        return numbers_of(self.tensor, self.folder)


@dataclass(frozen=True, slots=True, eq=False)
class OnnxNode:
    """A node. `attributes` are numbers, texts, lists of these, or arrays. `properties` are what the exporter noted.

    `inputs` are those of the operator, and then what the graphs inside it (of If, Loop and Scan) take from outside.
    """

    index: int
    name: str
    kind: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    properties: Mapping[str, str]
    proto: NodeProto = field(repr=False)

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or the default."""
        return self.attributes.get(name, default)

    def input(self, index: int) -> str:
        """The name of an input; "" for one that is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True, slots=True)
class OnnxInput:
    """An input: its type is a number of ONNX's, and its shape may leave sizes open; None if it is not stated."""

    name: str
    element: int
    dims: tuple[Dim, ...] | None


@dataclass(frozen=True)
class Model:
    """A model. `version` is that of ONNX's operators, `producer` the program that wrote the file."""

    name: str
    producer: str
    version: int
    nodes: tuple[OnnxNode, ...]
    weights: Mapping[str, Weight]
    inputs: tuple[OnnxInput, ...]
    outputs: tuple[str, ...]
    stated: Mapping[str, tuple[int, tuple[Dim, ...]]]
    """What the file itself says of values between nodes."""
    folder: Path
    """Where the file lies."""


def read_model(path: Path, name: str) -> Model:
    """The model in a file, which messages call `name`. Raises `CompileError` if it is none, damaged or too large."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
            _refuse_other_files(start, name)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
                content = Trimmer(view).trimmed("model")
    except FileNotFoundError:
        raise wrong("file-not-found", f"there is no file {name}") from None
    except IsADirectoryError:
        raise wrong("unreadable-file", f"{name} is a folder, not an ONNX model") from None
    except TooLarge as error:
        raise wrong("file-too-large", f"{name} is no network of a usual size: {error}") from None
    except Damaged as error:
        raise not_onnx(name, str(error)) from None
    except OSError as error:
        raise wrong("unreadable-file", f"{name} cannot be read: {error.strerror or error}") from None
    return _plain(_parsed(content, name), name, path.parent)


OTHERS = {
    b"PK\x03\x04": "a zip archive, as torch.save and torch.export write them",
    b"version https://git-lfs": "a pointer of Git LFS; `git lfs pull` fetches the file itself",
    b"\x89HDF": "an HDF5 file",
    b"<": "a text with tags, such as a web page",
    b"{": "JSON",
}
"""What files are that begin in this way, and no model does."""


def _refuse_other_files(start: bytes, name: str) -> None:
    if not start:
        raise not_onnx(name, "it is empty")
    for beginning, what in OTHERS.items():
        if start.startswith(beginning):
            raise not_onnx(name, f"it is {what}")


def wrong(code: str, message: str, help: str | None = None) -> CompileError:
    """An error of a file."""
    return CompileError([Diagnostic(code, clean(message), help=help)])


def not_onnx(name: str, why: str) -> CompileError:
    """The error of a file that is no ONNX model, or a damaged one."""
    return wrong(
        "bad-onnx-file",
        f"{name} is not an ONNX model, or is damaged: {why}",
        "`python -m onnx.checker` tells more; a model that was downloaded may not be complete",
    )


def _parsed(content: bytes, name: str) -> ModelProto:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto
    from onnx.inliner import inline_local_functions

    try:
        proto = ModelProto.FromString(content)
        return inline_local_functions(proto) if proto.functions else proto
    except DecodeError:
        raise not_onnx(name, "its parts are not those of a model") from None
    except Exception as error:
        raise not_onnx(name, f"its functions cannot be written out: {_first_line(error)}") from None


def _plain(proto: ModelProto, name: str, folder: Path) -> Model:
    graph = proto.graph
    if not graph.node or not graph.output:
        raise not_onnx(name, "it has no nodes, or no outputs")
    if len(graph.node) > limits.STEPS:
        raise wrong("file-too-large", f"{name} has {len(graph.node):,} nodes; at most {limits.STEPS:,} are read")
    if not all(isinstance(text, str) for text in _names(graph)):
        raise not_onnx(name, "one of its names is no text")
    weights = weights_of(graph, name, folder)
    if graph.sparse_initializer:
        raise not_onnx(name, "it has sparse weights, which are not read")
    try:
        nodes = tuple(plain_node(index, node) for index, node in enumerate(graph.node))
    except (ValueError, TypeError, UnicodeDecodeError) as error:
        raise not_onnx(name, _first_line(error)) from None
    inputs = tuple(_input(value.name, value.type) for value in graph.input if value.name not in weights)
    inputs, given = _without_weights(inputs, nodes)
    weights |= {one.name: _weight(one, name, folder) for one in given}
    stated = {v.name: found for v in (*graph.value_info, *graph.output) if (found := _stated(v.type))}
    version = max((o.version for o in proto.opset_import if o.domain in OWN), default=0)
    _check_version(version, name)
    outputs = tuple(value.name for value in graph.output)
    producer = f"{proto.producer_name} {proto.producer_version}".strip()
    return Model(graph.name, producer, version, nodes, weights, inputs, outputs, stated, folder)


def _names(graph: GraphProto) -> Iterator[object]:
    """All names in a graph. One that is no text is read as bytes."""
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (part for entry in node.metadata_props for part in (entry.key, entry.value))
        yield from (attribute.name for attribute in node.attribute)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    yield from (tensor.name for tensor in graph.initializer)


def _check_version(version: int, name: str) -> None:
    from onnx.defs import onnx_opset_version

    newest = onnx_opset_version()
    if not 1 <= version <= newest:
        said = f"version {version} of ONNX's operators, and the installed package onnx knows 1 to {newest}"
        raise wrong("bad-onnx-file", f"{name} asks for {said}", "pip install -U onnx")


def weights_of(graph: GraphProto, name: str, folder: Path) -> dict[str, Weight]:
    """The initializers of a graph in the file `name`, which lies in `folder`. Raises `CompileError`."""
    return {tensor.name: _weight(tensor, name, folder) for tensor in graph.initializer}


def _weight(tensor: TensorProto, name: str, folder: Path) -> Weight:
    shape = tuple(tensor.dims)
    if any(not 0 <= size <= LIMIT for size in shape) or prod(shape) > LARGEST or len(shape) > MOST_DIMS:
        raise not_onnx(name, f"the weight {tensor.name} has the shape {'x'.join(map(str, shape[:MOST_DIMS]))}")
    return Weight(tensor.name, shape, tensor.data_type, tensor, folder)


MOST_DIMS = 12
"""Dimensions of a tensor; more than that is taken for a mistake."""


def plain_node(index: int, node: NodeProto) -> OnnxNode:
    """A node as plain data. `index` is its place among the nodes of the model."""
    from onnx.helper import get_attribute_value

    attributes = {a.name: _attribute(get_attribute_value(a)) for a in node.attribute}
    properties = {entry.key: entry.value for entry in node.metadata_props}
    kind, domain = node.op_type, "" if node.domain in OWN else node.domain
    inputs = tuple(dict.fromkeys((*node.input, *_from_outside(node)))) if has_graphs(node) else tuple(node.input)
    return OnnxNode(index, node.name, kind, domain, inputs, tuple(node.output), attributes, properties, node)


def has_graphs(node: NodeProto) -> bool:
    """Whether a node holds graphs, as If, Loop and Scan do."""
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def _from_outside(node: NodeProto) -> Iterator[str]:
    """The values that the graphs in a node take, and do not make."""
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
            own = {value.name for value in (*graph.input, *graph.initializer)}
            for inner in graph.node:
                taken = (*inner.input, *(_from_outside(inner) if has_graphs(inner) else ()))
                yield from (name for name in taken if name and name not in own)
                own.update(inner.output)


def _attribute(value: Any) -> Any:
    """An attribute as plain data. Numbers are the shortest that single precision takes for the same."""
    from onnx import TensorProto

    if isinstance(value, float):
        return shortest(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, TensorProto):
        return numbers_of(value)
    if isinstance(value, str | int):
        return value
    if isinstance(value, Sequence) or hasattr(value, "__iter__"):
        return [_attribute(one) for one in value]
    return value


def shortest(value: float) -> float:
    """The shortest number that is the same in single precision: 1e-05 for 9.999999747378752e-06."""
    return float(str(np.float32(value)))


def numbers_of(tensor: TensorProto, folder: Path | None = None) -> Numbers | None:
    """The numbers of a tensor; None if they are not in what was read, nor in a file in the folder of the model."""
    from onnx import TensorProto, numpy_helper

    count = prod(tensor.dims)
    if any(size < 0 for size in tensor.dims) or count > limits.NUMBERS:
        return None
    if tensor.data_location == TensorProto.EXTERNAL:
        told = {entry.key: entry.value for entry in tensor.external_data}
        content = _content(told, folder) if folder is not None else None
        if content is None:
            return None
        tensor = TensorProto(dims=tensor.dims, data_type=tensor.data_type, raw_data=content)
    try:
        found = numpy_helper.to_array(tensor)
    except Exception:
        # Numbers that were left out, or are fewer than the shape says.
        return None
    return found.astype(np.float32) if found.dtype.kind == "V" or str(found.dtype) == "bfloat16" else found


def _content(told: Mapping[str, str], folder: Path) -> bytes | None:
    """The bytes that a tensor says are in a file; None unless they are in one inside the folder."""
    try:
        path = (folder / told["location"]).resolve()
        offset, length = int(told.get("offset", 0)), int(told["length"])
        if not path.is_relative_to(folder.resolve()) or not path.is_file() or not 0 < length <= LONGEST:
            return None
        with path.open("rb") as file:
            file.seek(offset)
            found = file.read(length)
    except (KeyError, ValueError, OSError):
        return None
    return found if len(found) == length else None


LONGEST = 8 * limits.NUMBERS
"""Bytes of the numbers of a tensor that are read from a file of their own."""


def _input(name: str, given: TypeProto) -> OnnxInput:
    if not given.HasField("tensor_type"):
        return OnnxInput(name, 0, None)
    found = _stated(given)
    return OnnxInput(name, given.tensor_type.elem_type, found[1] if found else None)


def _without_weights(
    inputs: tuple[OnnxInput, ...], nodes: Sequence[OnnxNode]
) -> tuple[tuple[OnnxInput, ...], list[TensorProto]]:
    """The inputs but for those that are weights, of a file that holds none; and these as tensors without numbers.

    Where the batch is open, inputs of fixed size whose names are paths are weights.
    """
    from onnx import TensorProto

    taken = {node.input(place) for node in nodes for place in WEIGHTED.get(node.kind, ())}
    found = {one.name for one in inputs if one.dims and all(isinstance(dim, int) for dim in one.dims)}
    is_open = any(one.dims and not isinstance(one.dims[0], int) for one in inputs)
    found = {name for name in found if name in taken or (is_open and "." in name)}
    if len(found) == len(inputs):
        return inputs, []
    tensors = [
        TensorProto(name=one.name, data_type=one.element, dims=[dim for dim in one.dims or () if isinstance(dim, int)])
        for one in inputs
        if one.name in found
    ]
    return tuple(one for one in inputs if one.name not in found), tensors


WEIGHTED: Mapping[str, Sequence[int]] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "LayerNormalization", "InstanceNormalization"), (1, 2)),
    "BatchNormalization": (1, 2, 3, 4),
    "PRelu": (1,),
}
"""The inputs of operators that are always weights."""


def _stated(given: TypeProto) -> tuple[int, tuple[Dim, ...]] | None:
    """The type of a value and its sizes; None if they are not stated."""
    tensor = given.tensor_type
    if not given.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    return tensor.elem_type, tuple(_dims(tensor.shape.dim))


def _dims(dims: Any) -> Iterator[Dim]:
    for dim in dims:
        yield dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else dim.dim_param or None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
