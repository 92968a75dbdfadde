"""Keras's JSON as data: models, their layers, and which values each call of a layer takes.

Keras 2 and Keras 3 write the same content in two forms. Here both become one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.limits import DEPTH
from archdsl.text import shown

MODELS = frozenset({"Functional", "Model", "Sequential"})
"""Classes of layers that consist of layers."""

HISTORY = "__keras_tensor__"
"""The class of a value in Keras 3, whose `keras_history` says which layer makes it."""


class Reference(NamedTuple):
    """A value: the name of the layer that makes it, in which of its calls, and which of its results."""

    layer: str
    call: int
    port: int


@dataclass(frozen=True)
class Layer:
    """A layer: its class, its arguments, and for each call the values that it takes. `model` is a nested model.

    The function of `keras.ops` that a model calls is a layer, too: `ops.Pad`. What it is given beside values is in
    `config` by the names of its parameters, and in a list called `given` by place. `before` are layers whose result
    goes to this one alone, and which are read together with it, the first of them first.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    calls: tuple[tuple[Reference, ...], ...]
    model: Model | None = None
    before: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class Model:
    """A model: its layers by name, the layers that are its inputs in order, and its results."""

    name: str
    layers: Mapping[str, Layer]
    inputs: tuple[str, ...]
    outputs: tuple[Reference, ...]


def refused(message: str, help: str | None = None, code: str = "bad-model-file") -> CompileError:
    """The error for a file that is not as it should be."""
    return CompileError([Diagnostic(code, message, help=help)])


def model_of(data: Any, depth: int = 0) -> Model:
    """The model that a part of the file describes. Raises `CompileError`."""
    config = data.get("config") if isinstance(data, Mapping) else None
    kind = str(data.get("class_name")) if isinstance(data, Mapping) else ""
    if kind not in MODELS:
        raise refused(
            f"a model of the class `{shown(kind, 60)}` is not read: only Functional and Sequential models say "
            "in the file how their layers are joined"
        )
    if depth > DEPTH:
        raise refused(f"models are nested deeper than {DEPTH} levels")
    if kind == "Sequential":
        name, rows = ("sequential", config) if isinstance(config, list) else _named(config)
        return _sequential(name, _layers(rows, depth), config)
    name, rows = _named(config)
    assert isinstance(config, Mapping)
    layers = {layer.name: layer for layer in _layers(rows, depth)}
    inputs = [reference.layer for reference in _references(config.get("input_layers"))]
    outputs = tuple(_references(config.get("output_layers")))
    if not inputs or not outputs:
        raise refused(f"the model `{shown(name, 60)}` has no inputs or no outputs")
    for missing in (name for name in (*inputs, *(o.layer for o in outputs)) if name not in layers):
        raise refused(f"there is no layer `{shown(missing, 60)}`, which is an input or output of `{shown(name, 60)}`")
    return Model(name, layers, tuple(inputs), outputs)


def _named(config: Any) -> tuple[str, Any]:
    if not isinstance(config, Mapping):
        raise refused("a model has no `config`")
    return str(config.get("name", "model")), config.get("layers")


def _layers(rows: Any, depth: int) -> list[Layer]:
    if not isinstance(rows, list) or not rows:
        raise refused("a model has no list of layers")
    layers = [_layer(row, depth) for row in rows]
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise refused(f"two layers are called `{shown(layer.name, 60)}`")
        seen.add(layer.name)
    return layers


def _layer(row: Any, depth: int) -> Layer:
    if not isinstance(row, Mapping) or not isinstance(row.get("class_name"), str):
        raise refused("a layer has no class")
    kind, config = row["class_name"], row.get("config")
    model = model_of(row, depth + 1) if kind in MODELS else None
    if not isinstance(config, Mapping):
        config = {}
    name = row.get("name") or config.get("name")
    if not isinstance(name, str):
        raise refused(f"a layer of the class `{shown(kind, 60)}` has no name")
    calls = row.get("inbound_nodes") or ()
    if not isinstance(calls, list | tuple):
        raise refused(f"`inbound_nodes` of the layer `{shown(name, 60)}` is no list")
    if "ops" in str(row.get("module")).split("."):
        kind, config = f"ops.{kind}", {**config, **_given(calls)}
    return Layer(name, kind, config, tuple(tuple(_references(call)) for call in calls), model)


def _given(calls: Sequence[Any]) -> dict[str, Any]:
    """What the only call of a function is given beside values: by name, and in the list `given` what has a place."""
    call = calls[0] if len(calls) == 1 else None
    args, kwargs = (call.get("args"), call.get("kwargs")) if isinstance(call, Mapping) else (None, None)
    named = kwargs if isinstance(kwargs, Mapping) else {}
    placed = args if isinstance(args, list) else []
    found = {str(key): value for key, value in named.items() if not any(_references(value))}
    return {**found, "given": [value for value in placed if not any(_references(value))]}


def _sequential(name: str, layers: Sequence[Layer], config: Any) -> Model:
    """A chain of layers. The first is an input, or says the shape of one, or the model does."""
    first = layers[0]
    rows = list(layers)
    if first.kind != "InputLayer":
        shape = first.config.get("batch_input_shape") or first.config.get("batch_shape")
        shape = shape or (config.get("build_input_shape") if isinstance(config, Mapping) else None)
        if shape is None and first.model is not None:
            inner = first.model.layers[first.model.inputs[0]].config
            shape = inner.get("batch_input_shape") or inner.get("batch_shape")
        dtype = "int32" if first.kind == "Embedding" else "float32"
        free = next(one for one in ("input", "input_", "input__") if all(layer.name != one for layer in layers))
        rows.insert(0, Layer(free, "InputLayer", {"batch_shape": shape, "dtype": dtype}, ()))
    chained = [rows[0]]
    for layer in rows[1:]:
        calls = ((Reference(chained[-1].name, 0, 0),),)
        chained.append(Layer(layer.name, layer.kind, layer.config, calls, layer.model))
    last = Reference(chained[-1].name, 0, 0)
    return Model(name, {layer.name: layer for layer in chained}, (chained[0].name,), (last,))


def _references(part: Any, depth: int = 0) -> Iterator[Reference]:
    """The values in a part of the file: `["name", 0, 0]` in Keras 2, objects with a history in Keras 3."""
    if depth > 8:
        raise refused("the inputs of a layer are nested deeper than 8 levels")
    if isinstance(part, Mapping):
        if part.get("class_name") == HISTORY:
            config = part.get("config")
            yield from _references(config.get("keras_history") if isinstance(config, Mapping) else None, depth + 1)
            return
        for inner in part.values():
            yield from _references(inner, depth + 1)
    elif isinstance(part, list | tuple):
        if len(part) >= 3 and isinstance(part[0], str) and all(type(number) is int for number in part[1:3]):
            if part[1] < 0 or part[2] < 0:
                raise refused(f"`{shown(str(part), 60)}` names no value")
            yield Reference(part[0], part[1], part[2])
            # In Keras 2 further arguments of a call may be values, too.
            part = part[3:]
        for inner in part:
            yield from _references(inner, depth + 1)
