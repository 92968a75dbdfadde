"""Reads an ONNX model as a graph. Neither torch nor the numbers of large weights are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import prod
from pathlib import Path

from archdsl.diagnostics import CompileError
from archdsl.frontends.aten import translations as all_translations
from archdsl.frontends.aten.call import Call, Result, Trace, Translation
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.frontends.aten.table import KnownTables
from archdsl.frontends.finished import finished
from archdsl.frontends.onnx.batches import OneSample
from archdsl.frontends.onnx.inputs import BATCH, given_sizes
from archdsl.frontends.onnx.lowering import Lowering
from archdsl.frontends.onnx.model import Model, read_model
from archdsl.frontends.onnx.modules import Modules
from archdsl.frontends.onnx.sources import Source
from archdsl.frontends.onnx.tables import LOWER
from archdsl.frontends.steps import Translator
from archdsl.ir.imported import Imported
from archdsl.packages import require
from archdsl.tensor import Tensor
from archdsl.text import as_name, is_path

LONGEST_KEY = 200
"""Characters of a weight's name that is taken as it is."""


def read(path: Path, name: str, inputs: Sequence[Tensor]) -> Imported:
    """The network in an ONNX file. `inputs` are shapes for inputs whose sizes the file leaves open.

    `keys` of the result are the file's names of weights, as paths. Raises `CompileError`.
    """
    return read_with_sources(path, name, inputs)[0]


def read_with_sources(path: Path, name: str, inputs: Sequence[Tensor]) -> tuple[Imported, Mapping[str, Source]]:
    """Does the same as `read`, and says where the numbers of weights are in the file, by the names in `keys`."""
    require("onnx", f"reading {name}")
    model = read_model(path, name)
    modules = Modules(model, name)
    net = _lowered(model, modules, inputs, name)
    keys = _keys(net.names, modules)
    tables = KnownTables(net.tables)
    parameters = frozenset(key for value, key in keys.items() if not net.names[value].endswith(STATISTICS))
    trace = Trace(net.calls, keys, parameters, net.given.batch, tables)
    translator = Translator(trace, net.inputs, tuple(value for _, value in net.outputs), _translations, multiply_adds)
    modules.complete(keys.values())
    results = list(zip((key for key, _ in net.outputs), translator.results, strict=True))
    flat = not any("." in one.place.module for one in translator.made)
    found = finished(translator.made, results, len(results), modules.classes, modules.leaves(), {}, name, outline=flat)
    used = {source.name for source in net.sources.values()} | net.repeated.keys() | net.computed.parts
    unused = tuple(key for key in model.weights if key not in used and net.is_learned(key))
    sources = {key: net.sources[value] for value, key in keys.items()}
    notes = (*_notes(modules), *_stated_otherwise(model, net, name))
    return replace(found, unused=unused, inference=True, notes=notes), sources


def _notes(modules: Modules) -> Iterator[str]:
    count = modules.folded()
    if count:
        said = "1 batch normalization is" if count == 1 else f"{count} batch normalizations are"
        yield f"{said} folded into the layers before, as the exporter left them"


def _stated_otherwise(model: Model, net: Lowering, name: str) -> Iterator[str]:
    """Outputs of which the file states other sizes than its nodes give, but for the batch."""
    for output, _ in net.outputs:
        given, stated = net.shape(output), model.stated.get(output, (0, ()))[1]
        sizes = zip(given[1:], stated[1:], strict=False)
        differ = any(isinstance(wanted, int) and wanted != size for size, wanted in sizes)
        if stated and (len(stated) != len(given) or differ):
            said, found = ("x".join(map(str, shape[1:])).replace("None", "?") for shape in (stated, given))
            yield f"{name} states that the output {output} is {said} for each sample, but its nodes give {found}"


def _lowered(model: Model, modules: Modules, inputs: Sequence[Tensor], name: str) -> Lowering:
    """The calls of a model, with two samples where it takes that many: then the batch differs from axes of size 1."""
    given = given_sizes(model, inputs, BATCH, name)
    if given.batch > 1:
        try:
            return Lowering(model, given, modules, LOWER, name)
        except CompileError:
            # Some models take only one sample, though they leave the batch open.
            if not any(own.dims and not isinstance(own.dims[0], int) for own in model.inputs):
                raise
            given = given_sizes(model, inputs, 1, name)
    single = Lowering(model, given, modules, LOWER, name)
    with suppress(CompileError, OneSample):
        return Lowering(model, given.for_samples(BATCH), modules, LOWER, name, single)
    return single


STATISTICS = ("running_mean", "running_var")
"""Ends of names of what normalizations keep and do not learn."""


def _keys(names: Mapping[str, str], modules: Modules) -> dict[str, str]:
    """Paths for weights, by their placeholders: their own names where these are paths, and others where not."""
    taken: set[str] = set()
    keys = {}
    for value, name in names.items():
        key = name if len(name) <= LONGEST_KEY and is_path(name) else as_name(name[:LONGEST_KEY])
        while key in taken:
            key += "_"
        taken.add(key)
        keys[value] = key
    return keys


def layer(call: Call) -> Result:
    """One of our ops as it is."""
    return Step(call["op"], (call["self"],))


def _translations(name: str) -> tuple[Translation, ...]:
    return (layer,) if name == "onnx.layer" else all_translations(name)


def multiply_adds(trace: Trace, node: TraceNode) -> int:
    """The multiply-adds of a call that no op does, for a batch of one."""
    is_for_each = trace.is_batched(node) or trace.shape(node)[:1] == (trace.batch,)
    return _multiply_adds(node) // (max(trace.batch, 1) if is_for_each else 1)


def _multiply_adds(node: TraceNode) -> int:
    name, arguments = (
        operation(node),
        dict(zip((a.name for a in node.target._schema.arguments), node.args, strict=True)),
    )
    shape = node.meta["val"].shape if hasattr(node.meta["val"], "shape") else ()
    if name.startswith("conv_transpose"):
        return prod(_shape(arguments["input"])) * prod(_shape(arguments["weight"])[1:])
    if name.startswith("conv"):
        return prod(shape) * prod(_shape(arguments["weight"])[1:])
    if name == "linear":
        return prod(shape) * _shape(arguments["weight"])[-1]
    if name == "matmul":
        return prod(shape) * _shape(arguments["self"])[-1]
    if name == "scaled_dot_product_attention":
        rows = prod(_shape(arguments["query"])[:-1]) * _shape(arguments["key"])[-2]
        return rows * (_shape(arguments["query"])[-1] + _shape(arguments["value"])[-1])
    return _of_operator(name, [_shape(value) for value in arguments.get("inputs", ())], tuple(shape))


def _of_operator(name: str, inputs: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> int:
    """The multiply-adds of one of ONNX's operators that the tables have no words for."""
    if name in ("onnx.Conv", "onnx.ConvTranspose") and len(inputs) > 1:
        return prod(shape if name == "onnx.Conv" else inputs[0]) * prod(inputs[1][1:])
    if name in ("onnx.MatMul", "onnx.Gemm") and inputs:
        return prod(shape) * inputs[0][-1]
    if name in ("onnx.LSTM", "onnx.GRU", "onnx.RNN") and len(inputs) > 2:
        return inputs[0][0] * inputs[0][1] * (prod(inputs[1]) + prod(inputs[2]))
    return 0


def _shape(value: TraceNode) -> tuple[int, ...]:
    return tuple(value.meta["val"].shape)
