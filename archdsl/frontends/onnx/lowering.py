"""Puts the nodes of a model in PyTorch's words, one after the other: calls, fixed numbers, weights."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha1
from typing import Any, TypeAlias

import numpy as np

from archdsl.diagnostics import CompileError
from archdsl.frontends.aten.table import Table
from archdsl.frontends.onnx.batches import Batch, followed, stated
from archdsl.frontends.onnx.branches import branch
from archdsl.frontends.onnx.calls import Calls, Type, Value
from archdsl.frontends.onnx.computed import Computed
from archdsl.frontends.onnx.constants import LARGEST, PICKING, folded
from archdsl.frontends.onnx.inputs import Given
from archdsl.frontends.onnx.model import Model, Numbers, OnnxNode, Weight, wrong
from archdsl.frontends.onnx.modules import Modules
from archdsl.frontends.onnx.sources import Rows, Source
from archdsl.frontends.onnx.types import FLOATS, ElementAndShape, infer
from archdsl.ops.base import Op
from archdsl.text import as_name, is_name

Lowered: TypeAlias = "Value | tuple[Value | None, ...] | None"
"""What a node becomes: a value, or one for each output, of which one without a name is None; None where the tables have
no words for it."""

Lower: TypeAlias = "Callable[[Lowering, OnnxNode], Lowered]"


class Lowering:
    """The calls of a model. `lower` gives what to try for an operator, in order.

    `single` are those of the model as it is, where it is for one sample and is read for several (`batches.py`).
    """

    def __init__(
        self,
        model: Model,
        given: Given,
        modules: Modules,
        lower: Mapping[str, Sequence[Lower]],
        name: str,
        single: Lowering | None = None,
    ) -> None:
        self.model, self.given, self.modules, self.name = model, given, modules, name
        self._single = single
        self._batches = {name: Batch(0, 1) for name in given.types}
        """Where the batch is in values that have it, for a model that is read for more samples than it says."""
        self.calls = Calls()
        self.types: dict[str, ElementAndShape] = dict(given.types)
        self.values: dict[str, Value] = {}
        self.arrays: dict[str, Numbers] = {}
        """Fixed numbers by name."""
        self.picks: dict[str, tuple[str, Numbers]] = {}
        """Values that are numbers of one weight: its name, and the place of each number in it."""
        self.weights: dict[str, Weight] = dict(model.weights)
        self.names: dict[str, str] = {}
        """The names of weights by those of their placeholders."""
        self.sources: dict[str, Source] = {}
        """Where the numbers of weights are, by the names of their placeholders."""
        self._copies: dict[tuple[object, ...], str] = {}
        self.repeated: dict[str, str] = {}
        """Weights that are copies of another one in the same module, and the name of that."""
        self._origins: dict[str, str] = {}
        """The names of weights that have others as well."""
        self.tables: dict[Value, Table] = {}
        self.done: set[OnnxNode] = set()
        """Nodes that became part of another one's call."""
        self.makers: dict[str, OnnxNode] = {}
        self.users: dict[str, list[OnnxNode]] = defaultdict(list)
        self._know(model.nodes)
        self.computed = Computed(self.weights, self.arrays, self.makers, self.types)
        self._lower = lower
        self._placeholders: dict[object, Value] = {}
        self._taken: set[str] = set()
        self.inputs = tuple(self._input(name, *given) for name, given in given.types.items())
        for weight in self.weights.values():
            self.types[weight.name] = (weight.element, weight.shape)
        for node in model.nodes:
            self._node(node)
        self.outputs = tuple(self._output(output) for output in model.outputs)
        self.calls.drop_unused(value for _, value in self.outputs)

    def _know(self, nodes: Sequence[OnnxNode]) -> None:
        """Enters who makes and who takes values."""
        for node in nodes:
            self.makers.update({output: node for output in node.outputs if output})
            for taken in dict.fromkeys(node.inputs):
                self.users[taken].append(node)

    def _input(self, name: str, element: int, shape: tuple[int, ...]) -> Value:
        # `input.1` and the like are what exporters call an input that has no name.
        own = name if is_name(name) else "x" if re.match(r"(onnx::)?input\b", name) else as_name(name)
        value = self.calls.placeholder(self._free(own), _type(element, shape))
        self.values[name] = value
        return value

    def _free(self, name: str) -> str:
        """A name for a placeholder that no other has."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def _output(self, name: str) -> tuple[str, Value]:
        if name not in self.values and name not in self.types:
            raise wrong("bad-onnx-file", f"{self.name} has the output {name}, which no node makes")
        return name, self.value(name)

    # --- nodes -----------------------------------------------------------------------------

    def _node(self, node: OnnxNode) -> None:
        if node.kind == "Constant" and not node.domain:
            self._constant(node)
            return
        self._check(node)
        if self._is_alias(node) or node in self.done or self._takes_branch(node):
            return
        arrays = {name: array for name in node.inputs if name and (array := self.array(name)) is not None}
        self._set_types(node, self._inferred(node, arrays))
        self._follow_batch(node)
        if self._folds(node, arrays) or self._picks(node, arrays):
            return
        for lower in self._lower.get(self.operator(node), ()):
            found = lower(self, node)
            if found is not None:
                self._enter(node, found)
                return
        self._enter(node, self._opaque(node))

    def _takes_branch(self, node: OnnxNode) -> bool:
        """Goes through one branch of an If whose condition is a fixed number."""
        condition = self.array(node.inputs[0]) if node.kind == "If" and not node.domain else None
        if condition is None or condition.size != 1:
            return False
        nodes, weights = branch(node, bool(condition.reshape(-1)[0]), self.name, self.model.folder)
        self._know(nodes)
        self.weights |= weights
        self.types |= {weight.name: (weight.element, weight.shape) for weight in weights.values()}
        for inner in nodes:
            self._node(inner)
        return True

    def _inferred(self, node: OnnxNode, arrays: Mapping[str, Numbers]) -> Mapping[str, ElementAndShape] | str:
        """The types of a node's results, or what is wrong."""
        batch, first = self._batch_into(node)
        by_tokens = node.kind == "Gather" and first != node.inputs[0]
        result = self._single.types.get(node.outputs[0]) if self._single and batch and not by_tokens else None
        if self._single and batch and result:
            found = stated(node, batch, self._single.shape(first), result[1])
            if found:
                self._batches[node.outputs[0]] = found
                factor = self.given.batch // self._single.given.batch
                shape = tuple(n * factor if axis == found.axis else n for axis, n in enumerate(result[1]))
                return {node.outputs[0]: (self.types[first][0], shape)}
        return infer(node, self.model.version, self.types, arrays)

    def _batch_into(self, node: OnnxNode) -> tuple[Batch | None, str]:
        """Where the batch is in the first input that has it, and the name of that input."""
        first = next((name for name in node.inputs if name in self._batches), "")
        if not first or (node.kind == "Reshape" and first != node.inputs[0]):
            return None, ""
        return self._batches[first], first

    def _follow_batch(self, node: OnnxNode) -> None:
        """Notes where the batch is in a node's results."""
        batch, first = self._batch_into(node)
        if self._single is None or batch is None or node.kind == "Shape":
            return
        for output in node.outputs:
            if output and output not in self._batches:
                one, result = self._single.shape(first), self._single.shape(output)
                self._batches[output] = followed(node, batch, one, result, self.shape(output))

    @staticmethod
    def operator(node: OnnxNode) -> str:
        """The name of a node's operator: `Conv`, `com.microsoft.FusedConv`."""
        return f"{node.domain}.{node.kind}" if node.domain else node.kind

    def _check(self, node: OnnxNode) -> None:
        for name in node.inputs:
            if name and name not in self.types:
                said = f"{name}, which is neither made before it nor an input"
                raise wrong("bad-onnx-file", f"the node {self.told(node)} of {self.name} takes {said}")

    def told(self, node: OnnxNode) -> str:
        """A node for messages: its name and operator."""
        return f"{node.name} ({node.kind})" if node.name else f"{node.index + 1} ({node.kind})"

    def _set_types(self, node: OnnxNode, found: Mapping[str, ElementAndShape] | str) -> None:
        for output in filter(None, node.outputs):
            given = None if isinstance(found, str) else found.get(output)
            self.types[output] = given or self._stated(node, output, found)

    def _stated(self, node: OnnxNode, output: str, said: object) -> ElementAndShape:
        """The type that the file states, where ONNX's rules give none, and find nothing wrong."""
        stated = self.model.stated.get(output) if not isinstance(said, str) else None
        sizes = self.given.sizes
        dims = [sizes.get(dim) if isinstance(dim, str) else dim for dim in stated[1]] if stated else [None]
        shape = tuple(dim for dim in dims if isinstance(dim, int))
        if stated is None or len(shape) < len(dims):
            raise self._unknown(node, output, said)
        return stated[0], shape

    def _unknown(self, node: OnnxNode, output: str, said: object) -> CompileError:
        why = f"ONNX says: {said}" if isinstance(said, str) else "neither ONNX's rules nor the file say it"
        taken = ", ".join(f"{name} {_shown(self.types[name][1])}" for name in node.inputs if name)
        message = f"the shape of {output} in {self.name} is not known: {self.told(node)} takes {taken}; {why}"
        return wrong("bad-onnx-file", message, "`--input 3x224x224` says for which size a model is read")

    def _enter(self, node: OnnxNode, found: Value | tuple[Value | None, ...]) -> None:
        results = found if isinstance(found, tuple) else (found,)
        for output, value in zip(node.outputs, results, strict=False):
            if value is None:
                continue
            self.values[output] = value
            shape = tuple(value.meta["val"].shape) if isinstance(value.meta["val"], Type) else None
            assert shape in (None, self.types[output][1]), (node, shape, self.types[output])

    def _constant(self, node: OnnxNode) -> None:
        (output,) = node.outputs
        for attribute in node.proto.attribute:
            if attribute.name == "value":
                self.weights[output] = Weight(
                    output, tuple(attribute.t.dims), attribute.t.data_type, attribute.t, self.model.folder
                )
                self.types[output] = (attribute.t.data_type, self.weights[output].shape)
                return
        value = next(iter(node.attributes.values()), None)
        kind = np.float32 if "float" in next(iter(node.attributes), "") else np.int64
        try:
            self._set_array(output, np.array(value, kind))
        except (TypeError, ValueError):
            raise wrong("bad-onnx-file", f"the node {self.told(node)} of {self.name} holds no numbers") from None

    def _is_alias(self, node: OnnxNode) -> bool:
        """Notes a weight that is given another name, as exporters do with equal ones, or another precision."""
        is_weight = len(node.inputs) == 1 and node.inputs[0] in self.weights
        if node.kind not in ("Identity", "Cast") or node.domain or not is_weight:
            return False
        weight, element = self.weights[node.inputs[0]], node.get("to", self.weights[node.inputs[0]].element)
        if (element in FLOATS) != (weight.element in FLOATS):
            return False
        self._origins[node.outputs[0]] = self._origins.get(weight.name, weight.name)
        self.weights[node.outputs[0]] = replace(weight, name=node.outputs[0], element=element)
        self.types[node.outputs[0]] = (element, weight.shape)
        return True

    def _folds(self, node: OnnxNode, arrays: Mapping[str, Numbers]) -> bool:
        """Computes the result, if all inputs are fixed numbers."""
        if node.kind == "Shape" and not node.domain:
            shape = self.types[node.inputs[0]][1]
            self._set_array(node.outputs[0], np.array(shape[node.get("start", 0) : node.get("end")], np.int64))
            return True
        if any(name and name not in arrays for name in node.inputs) or _size(self.types[node.outputs[0]]) > LARGEST:
            return False
        found = folded(node, [arrays.get(name) for name in node.inputs])
        if found is None or found.shape != self.types[node.outputs[0]][1]:
            return False
        self._set_array(node.outputs[0], found)
        return True

    def _set_array(self, name: str, numbers: Numbers) -> None:
        from onnx import helper

        self.arrays[name] = numbers
        self.types[name] = (helper.np_dtype_to_tensor_dtype(numbers.dtype), numbers.shape)

    def _picks(self, node: OnnxNode, arrays: Mapping[str, Numbers]) -> bool:
        """Follows a table of learned numbers that is read by fixed indices, or put in another shape."""
        first = node.inputs[0] if node.inputs else ""
        if node.kind not in PICKING or node.domain:
            return False
        if first in self.picks:
            weight, places = self.picks[first]
        elif node.kind == "Gather" and self.is_learned(first) and node.inputs[1] in arrays:
            weight, shape = first, self.weights[first].shape
            if self.weights[first].size > LARGEST or not arrays[node.inputs[1]].ndim:
                return False
            places = np.arange(self.weights[first].size).reshape(shape)
        else:
            return False
        if any(name and name not in arrays for name in node.inputs[1:]) or _size(self.types[node.outputs[0]]) > LARGEST:
            return False
        found = folded(node, [places, *(arrays.get(name) for name in node.inputs[1:])])
        if found is not None:
            self.picks[node.outputs[0]] = (weight, found)
        return found is not None

    def _opaque(self, node: OnnxNode) -> Value | tuple[Value, ...]:
        """A call that is kept by name. Fixed whole numbers, such as indices, are told as its attributes are."""
        results = [self.type(output) for output in node.outputs if output]
        about = {name: value for name, value in node.attributes.items() if isinstance(value, int | float | str | list)}
        values = []
        for place, name in enumerate(node.inputs, 1):
            numbers = self.array(name) if name else None
            if numbers is not None and numbers.dtype.kind in "biu":
                about[f"input{place}"] = _told(numbers)
            elif name:
                values.append(self.value(name))
        kind, given = self.operator(node), results[0] if len(results) == 1 else results
        call = self.calls.opaque(kind, given, values, about, self.stack(node))
        return call if isinstance(given, Type) else self.parts(call)

    # --- what tables use -------------------------------------------------------------------

    def stack(self, node: OnnxNode) -> Mapping[str, tuple[str, None]]:
        """The module that a node belongs to, in the form in which a trace says it."""
        path = self.modules.of(node)
        return {path: (path, None)}

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a value, with the batch."""
        if name not in self.types:
            raise wrong("bad-onnx-file", f"a node of {self.name} lacks an input that its operator needs")
        return self.types[name][1]

    def type(self, name: str) -> Type:
        """The type of a value. Raises `CompileError` for one that holds no numbers."""
        if 0 in self.shape(name):
            raise wrong(
                "bad-onnx-file", f"the value {name} of {self.name} holds no numbers: {_shown(self.shape(name))}"
            )
        return _type(*self.types[name])

    def array(self, name: str) -> Numbers | None:
        """The fixed numbers of a value; None for one that depends on inputs or is learned."""
        if name in self.arrays:
            return self.arrays[name]
        weight = self.weights.get(name)
        return weight.numbers if weight and not self.is_learned(name) else None

    def number(self, name: str) -> float | None:
        """The only number of a value that is fixed; None for others."""
        found = self.array(name) if name else None
        if found is None or found.size != 1 or found.dtype.kind not in "fiu":
            return None
        single = found.reshape(-1)[0]
        return float(str(single)) if found.dtype.kind == "f" else float(single)

    def integers(self, name: str) -> list[int] | None:
        """The fixed whole numbers of a value."""
        found = self.array(name) if name else None
        return None if found is None or found.dtype.kind not in "iu" else [int(n) for n in found.reshape(-1)]

    def is_learned(self, name: str) -> bool:
        """Whether this is a weight, and no constant: see `modules.is_constant`."""
        weight = self.weights.get(name)
        return weight is not None and weight.element in FLOATS and not self.modules.is_constant(weight, self.users)

    def is_by_channel(self, name: str, x: str) -> bool:
        """Whether a value has a number for each channel of another, and acts on these by broadcasting."""
        whole, shape = self.shape(x), self.shape(name)
        padded = (*[1] * (len(whole) - len(shape)), *shape)
        return len(whole) > 1 and padded == (1, whole[1], *[1] * (len(whole) - 2))

    def weight(self, name: str, node: OnnxNode, columns: bool = False, rows: Rows | None = None) -> Value | None:
        """The weight of this name as a value; None if there is none. `columns`: a matrix that is kept transposed;
        `rows`: the part that is taken.

        Exporters keep one of several weights that are equal. Those with one number throughout (the factors and shifts
        of normalizations at the start) are a weight of each module; others are shared.
        """
        weight = self.weights.get(name)
        if weight is None or weight.element not in FLOATS or not weight.size:
            return None
        numbers = weight.numbers
        is_uniform = numbers is not None and numbers.size > 0 and bool((numbers == numbers.reshape(-1)[0]).all())
        owner = self.modules.owner(node) if is_uniform else None
        name = name if is_uniform or numbers is None else self._first_copy(weight, numbers, node)
        content = (name, owner, columns, rows)
        if content not in self._placeholders:
            shape = rows.shape(weight.shape) if rows else weight.shape[::-1] if columns else weight.shape
            value = self.calls.placeholder(self._free(f"weight {name}"), Type(shape))
            given = self.computed.numbers.get(name)
            self.sources[value.name] = Source(self._origins.get(name, name), columns, rows, given)
            self.names[value.name] = f"{name}_{rows.slot}" if rows else name
            self._placeholders[content] = value
        return self._placeholders[content]

    def computed_weight(self, name: str, node: OnnxNode) -> Value | None:
        """A weight that the file computes from others, as a value; None if it is none."""
        found = self.computed.weight(name)
        if found is None:
            return None
        self.weights[name] = found
        return self.weight(name, node)

    def _first_copy(self, weight: Weight, numbers: Numbers, node: OnnxNode) -> str:
        """The name of the first weight of a module with these numbers.

        Exporters compute a weight again at each call of a module whose weight is normalized, and give it a new name.
        """
        path = self.modules.of(node)
        if not path or "." in weight.name:
            return weight.name
        first = self._copies.setdefault((path, weight.shape, sha1(numbers.tobytes()).digest()), weight.name)
        if first != weight.name:
            self.repeated[weight.name] = first
        return first

    def value(self, name: str) -> Value:
        """Any value: a result, an input, a weight, or fixed numbers."""
        if name in self.values:
            return self.values[name]
        if name in self.picks:
            self.values[name] = self._picked(name)
        elif name in self.weights and self.is_learned(name):
            user = self.users[name][0] if self.users[name] else self.model.nodes[0]
            self.values[name] = self.weight(name, user) or self._unknown_numbers(name)
        else:
            self.values[name] = self._fixed(name)
        return self.values[name]

    def _picked(self, name: str) -> Value:
        weight, places = self.picks[name]
        user = self.users[weight][0]
        source = self.weight(weight, user)
        assert source is not None
        call = self.calls.call("index", self.type(name), (source, None), self.stack(user))
        self.tables[call] = Table(np.zeros(places.shape), source, places)
        return call

    def _fixed(self, name: str) -> Value:
        numbers = self.array(name)
        if numbers is None:
            return self._unknown_numbers(name)
        return self.numbers(numbers, self.type(name))

    def numbers(self, numbers: Numbers, given: Type) -> Value:
        """Fixed numbers as a value."""
        call = self.calls.opaque("Constant", given, (), {}, {"": ("", None)})
        self.tables[call] = Table(numbers.astype(np.float32) if numbers.dtype.kind == "f" else numbers)
        return call

    def _unknown_numbers(self, name: str) -> Value:
        return self.calls.opaque("Constant", self.type(name), (), {"name": name}, {"": ("", None)})

    def call(self, node: OnnxNode, operation: str, *args: Any, shape: Sequence[int] | None = None) -> Value:
        """A call whose result has the type of the node's first output, perhaps with another shape."""
        result = self.type(node.outputs[0])
        given = result if shape is None else Type(tuple(shape), result.dtype)
        return self.calls.call(operation, given, args, self.stack(node))

    def layer(self, node: OnnxNode, op: Op, value: Value) -> Value:
        """One of our ops of one value."""
        return self.call(node, "onnx.layer", value, op)

    def takes_over(self, later: OnnxNode, node: OnnxNode, value: Value) -> None:
        """Has the result of a later node be a value that is made already. It has the type of the node's result."""
        self.types[later.outputs[0]] = self.types[node.outputs[0]]
        self.values[later.outputs[0]] = value
        self.done.add(later)
        if node.outputs[0] in self._batches:
            self._batches[later.outputs[0]] = self._batches[node.outputs[0]]

    def check_channels(self, node: OnnxNode, wanted: int) -> None:
        """Raises `CompileError` if an input has other channels than the weight is for; ONNX has no rule for it."""
        shape = self.shape(node.inputs[0])
        if len(shape) < 2 or shape[1] != wanted:
            taken = f"{node.inputs[0]} {_shown(shape)}, and its weight {_shown(self.shape(node.inputs[1]))}"
            said = f"the node {self.told(node)} of {self.name} takes {taken} is for {wanted} channels"
            raise wrong("bad-onnx-file", said)

    def parts(self, call: Value) -> tuple[Value, ...]:
        """The results of a call that has several."""
        return tuple(self.calls.result(call, index) for index in range(len(call.meta["val"])))

    def made_by(self, name: str, *kinds: str) -> OnnxNode | None:
        """The node that makes a value, if its operator is one of these."""
        node = self.makers.get(name)
        return node if node is not None and node.kind in kinds and not node.domain else None

    def only_user(self, name: str, kind: str) -> OnnxNode | None:
        """The only node that takes a value, if its operator is this."""
        found = self.users[name]
        alone = len(found) == 1 and name not in self.model.outputs and found[0].kind == kind and not found[0].domain
        return found[0] if alone and found[0].inputs.count(name) == 1 else None

    def others(self, node: OnnxNode, name: str) -> Iterator[str]:
        """The other inputs of a node."""
        return (taken for taken in node.inputs if taken != name)


def _type(element: int, shape: tuple[int, ...]) -> Type:
    return Type(shape, "float" if element in FLOATS else "int")


def _size(given: ElementAndShape) -> int:
    return int(np.prod([float(size) for size in given[1]]))


def _told(numbers: Numbers) -> str:
    """Whole numbers as an attribute tells them: all if they are few, else a digest."""
    if numbers.size <= 8:
        return str(numbers.tolist())
    return f"{_shown(numbers.shape)} {sha1(np.ascontiguousarray(numbers).tobytes()).hexdigest()[:12]}"


def _shown(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "a number"
