"""Reads the description of a Keras model, as `model.to_json()` and `.keras` archives have it, without Keras."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from archdsl.frontends.finished import finished
from archdsl.frontends.keras.arguments import Arguments, made
from archdsl.frontends.keras.chains import MOVES, chained
from archdsl.frontends.keras.config import Layer, Model, Reference, model_of, refused
from archdsl.frontends.keras.layers import IDENTITIES, JOINS, LAYERS, PREPARATIONS, ops_of
from archdsl.frontends.naming import ModuleCall
from archdsl.frontends.nodes import NewNode
from archdsl.ir.imported import Imported
from archdsl.limits import STEPS
from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Op
from archdsl.tensor import Kind, Tensor
from archdsl.text import as_name, shown

Value = tuple[int, int]
"""A node by its number, and which of its outputs."""

INTEGERS = frozenset({"int8", "int16", "int32", "int64", "uint8"})


def keras_network(data: Mapping[str, Any], name: str, inputs: Sequence[Tensor]) -> Imported:
    """The network of a Keras model. `inputs` are the shapes of inputs, channels first; without them, the file's.

    Raises `CompileError` for a model that is damaged or has layers that are not read.
    """
    model = model_of(data)
    _refuse_unknown(model)
    version = str(data.get("keras_version", "3"))
    reader = _Reader(3 if version.startswith("3") else 2, _channels_last(model), inputs)
    results = reader.model(model, "", None)
    leaves = {node.place.module for node in reader.made}
    classes = {**reader.classes, "": _class_name(model.name)}
    outputs = [("" if len(results) == 1 else as_name(o.layer), v) for o, v in zip(model.outputs, results, strict=True)]
    is_flat = not any("." in path for path in leaves)
    found = finished(reader.made, outputs, len(outputs), classes, leaves, reader.texts, name, outline=is_flat)
    return replace(found, left_out=_left_out(reader.prepared))


def _class_name(name: str) -> str:
    return as_name("".join(part[:1].upper() + part[1:] for part in name.replace("-", "_").split("_")))


def _left_out(prepared: Sequence[str]) -> str:
    if not prepared:
        return ""
    layers = ", ".join(f"`{shown(name, 40)}`" for name in prepared)
    return f"left out, since they change images by constants before the network begins: {layers}"


def _all_layers(model: Model) -> list[Layer]:
    """All layers, those of nested models too."""
    found: list[Layer] = []
    pending = [model]
    while pending:
        for layer in pending.pop().layers.values():
            found.append(layer)
            pending += [layer.model] if layer.model else []
    return found


def _kind(layer: Layer) -> str:
    """The class of a layer without the package that registered it."""
    return layer.kind.rpartition(">")[2]


def _refuse_unknown(model: Model) -> None:
    """Raises `CompileError` that names all classes of layers that are not read."""
    known = {*LAYERS, *JOINS, *MOVES, *IDENTITIES, *PREPARATIONS, "InputLayer"}
    unknown = {layer.kind: layer for layer in reversed(_all_layers(model)) if not layer.model}
    unknown = {kind: layer for kind, layer in unknown.items() if _kind(layer) not in known}
    if unknown:
        listed = ", ".join(f"{shown(kind, 60)} (`{shown(layer.name, 40)}`)" for kind, layer in unknown.items())
        help = "export the model to ONNX, or name its PyTorch code: `archdsl import package.module:factory`"
        raise refused(f"layers of these classes are not read: {listed}", help, "unknown-layer")


def _channels_last(model: Model) -> bool:
    """Whether channels are last. All layers that say so must agree."""
    said = {str(layer.config["data_format"]) for layer in _all_layers(model) if layer.config.get("data_format")}
    if len(said) > 1 or not said <= {"channels_last", "channels_first"}:
        raise refused(f"layers have several data formats: {', '.join(sorted(shown(one, 40) for one in said))}")
    return said != {"channels_first"}


class _Reader:
    def __init__(self, version: int, last: bool, shapes: Sequence[Tensor]) -> None:
        self.version, self.last, self.shapes = version, last, list(shapes)
        self.made: list[NewNode] = []
        self.classes: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.prepared: list[str] = []
        self.calls: Counter[str] = Counter()
        """How often each layer was called so far."""

    # --- models -----------------------------------------------------------------------------

    def model(self, model: Model, path: str, given: Sequence[Value] | None) -> list[Value]:
        """Builds the layers of a model, each after those that it takes; gives its results."""
        model = chained(model)
        values: dict[Reference, Value] = {}
        waiting: dict[tuple[str, int], list[tuple[str, int]]] = {}
        missing: dict[tuple[str, int], int] = {}
        ready: deque[tuple[str, int]] = deque((name, 0) for name in model.inputs)
        for layer in model.layers.values():
            if layer.name in model.inputs:
                continue
            for call, taken in enumerate(layer.calls):
                if not taken:
                    raise refused(f"the layer `{shown(layer.name, 60)}` is called without values")
                makers = {(reference.layer, reference.call) for reference in taken}
                missing[layer.name, call] = len(makers)
                for maker in makers:
                    waiting.setdefault(maker, []).append((layer.name, call))
        while ready:
            name, call = ready.popleft()
            results = self.call(model, model.layers[name], call, path, values, given)
            values.update({Reference(name, call, port): value for port, value in enumerate(results)})
            for user in waiting.get((name, call), ()):
                missing[user] -= 1
                if not missing[user]:
                    ready.append(user)
        return [self.value(values, reference, model.name) for reference in model.outputs]

    def call(
        self,
        model: Model,
        layer: Layer,
        call: int,
        path: str,
        values: Mapping[Reference, Value],
        given: Sequence[Value] | None,
    ) -> list[Value]:
        """One call of a layer."""
        place = f"{path}.{as_name(layer.name)}" if path else as_name(layer.name)
        if layer.name in model.inputs:
            if given is not None:
                return [self.handed(given, model.inputs.index(layer.name), layer)]
            return [self.input(layer, place, len(model.inputs) == 1)]
        taken = [self.value(values, reference, layer.name) for reference in layer.calls[call]]
        if layer.model:
            self.classes[place] = _class_name(layer.model.name)
            return self.model(layer.model, place, taken)
        steps = [Arguments(one.name, _kind(one), one.config, self.version, self.last) for one in (*layer.before, layer)]
        kind = steps[-1].kind
        if kind in PREPARATIONS and all(self.made[number].op.name == "input" for number, _ in taken):
            self.prepared.append(layer.name)
            return taken
        tensors = tuple(self.made[number].outputs[port] for number, port in taken)
        try:
            return self.chain(ops_of(steps, tensors), taken, place, kind)
        except (Mismatch, ValidationError) as error:
            said = str(error) if isinstance(error, Mismatch) else error.errors()[0]["msg"]
            raise refused(f"the layer `{shown(layer.name, 60)}` ({kind}) does not fit: {shown(said)}") from None

    def handed(self, given: Sequence[Value], index: int, layer: Layer) -> Value:
        if index >= len(given):
            raise refused(f"a nested model gets no value for its input `{shown(layer.name, 60)}`")
        return given[index]

    def value(self, values: Mapping[Reference, Value], reference: Reference, user: str) -> Value:
        if reference not in values:
            raise refused(f"`{shown(user, 60)}` takes a value of `{shown(reference.layer, 60)}` that nothing makes")
        return values[reference]

    # --- nodes ------------------------------------------------------------------------------

    def input(self, layer: Layer, place: str, alone: bool) -> Value:
        """An input of the network. If it is the only one, it has no other name than that."""
        shape = layer.config.get("batch_shape") or layer.config.get("batch_input_shape")
        dtype = layer.config.get("dtype")
        kind: Kind = "int" if isinstance(dtype, str) and dtype in INTEGERS else "float"
        tensor = self.shapes.pop(0) if self.shapes else self.tensor(layer, shape, kind)
        place = "input" if alone else place
        return self.node(made("input", dims=tensor.dims, kind=tensor.kind), (), place)[0]

    def tensor(self, layer: Layer, shape: Any, kind: Kind) -> Tensor:
        sizes = shape[1:] if isinstance(shape, list) else []
        if not sizes or not all(type(size) is int and 0 < size < 10**9 for size in sizes):
            what = "has no fixed size" if isinstance(shape, list) else "has no shape"
            help = "import it with a size, channels first: `archdsl import FILE --input 3x224x224 -o net.arch`"
            raise refused(f"the input `{shown(layer.name, 60)}` {what} in the file", help)
        dims = (sizes[-1], *sizes[:-1]) if self.last else tuple(sizes)
        return Tensor(*dims, kind=kind)

    def chain(self, ops: Sequence[Op], taken: Sequence[Value], place: str, kind: str) -> list[Value]:
        """The ops of a layer, one after the other. A learned value is no step: the op after it takes it, too."""
        values: tuple[Value, ...] = tuple(taken)
        beside: tuple[Value, ...] = ()
        for index, op in enumerate(ops):
            home = place if index == 0 else f"{place}_{op.name}"
            self.texts[home] = f"{kind} {op.name}"
            results = self.node(op, () if op.name == "learned" else (*values, *beside), home)
            if op.name == "learned":
                beside = results
            else:
                values, beside = results, ()
        return list(values)

    def node(self, op: Op, taken: tuple[Value, ...], place: str) -> tuple[Value, ...]:
        if len(self.made) >= STEPS:
            raise refused(f"the model has more than {STEPS:,} ops")
        inputs = tuple(self.made[number].outputs[port] for number, port in taken)
        weights = {slot: f"{place}.{slot}" if slot else place for slot in op.state(*inputs)}
        outputs = op.outputs(*inputs)
        self.classes.setdefault(place, op.name)
        self.calls[place] += 1
        call = f"{place}@{self.calls[place]}"
        self.made.append(NewNode(op, taken, outputs, weights, ModuleCall(place, call, op.name)))
        return tuple((len(self.made) - 1, port) for port in range(len(outputs)))
