"""Graph -> the nodes of an ONNX file, as data: what is computed at inference, and nothing else.

Each op gives its own nodes (`Op.onnx`). Here they get names, and the values that they take in the layout that they
want. A node that gives an op's value has the op's path as its name, and so has the value: `conv4.2.conv1`. Further
nodes of an op have their operator behind the path: `block.2.attend.Softmax`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from archdsl.ir.graph import Graph, Node, Output, Value
from archdsl.ops.nodes import Constant, Constants, Made, Nodes
from archdsl.tensor import Kind, Tensor

BATCH = "batch"
"""The name of the first dimension, whose size is open."""

SIZE = "batch:size"
"""The name of the value that holds that size. No path has a colon."""


class Form(NamedTuple):
    """The dimensions of a value, of which the batch is a name, and what it holds."""

    dims: tuple[str | int, ...]
    kind: Kind = "float"


@dataclass(frozen=True, slots=True)
class Named:
    """A node with its name, and the op of the graph that it computes, or a part of it; None for moves of values."""

    name: str
    made: Made
    op: Node | None = None


@dataclass
class Draft:
    """The content of an ONNX file: nodes in order, and by name what they take and give."""

    nodes: list[Named] = field(default_factory=list)
    constants: Mapping[str, Constant] = field(default_factory=dict)
    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    inputs: dict[str, Form] = field(default_factory=dict)
    outputs: dict[str, Form] = field(default_factory=dict)
    values: dict[str, Form] = field(default_factory=dict)


def drafted(graph: Graph) -> Draft:
    """The nodes of a graph whose ops all have a form in ONNX. Outputs that exist only in training are left out."""
    return _Drafting(graph).draft()


class _Drafting:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.file = Draft()
        self.constants = Constants()
        self.names: dict[tuple[Value, bool], str] = {}
        """The name of each value with its channels first (False) and last (True), as far as it has been needed."""
        self.same: dict[Value, Value] = {}
        """Values that are another one at inference: those of a dropout."""
        self.alone: set[str] = set()
        """The names of values that are the same for all samples: their batch is 1."""
        self.batches: dict[str, str] = {}
        """What stands for such a value where it is needed for each sample."""
        self.has_size = False
        """Whether there is a node for the number of samples."""
        self.returned: dict[str, str] = {}
        """Values that the network returns, with the names of its outputs."""

    def draft(self) -> Draft:
        for node in self.graph:
            if node.op.name == "input":
                self.names[Value(node.id), False] = node.id
                self.file.inputs[node.id] = self._form(node.id, node.output)
            elif node.id not in self.graph.training_only:
                self._add(node)
        taken = {*self.file.inputs, *self.file.values, *self.file.weights}
        for output in self.graph.outputs:
            if not output.training:
                self._return(output, taken)
        self._drop_unused()
        return self.file

    # --- one op ----------------------------------------------------------------------------

    def _add(self, node: Node) -> None:
        inputs = self.graph.inputs_of(node.id)
        if node.op.identity_at_inference:
            self.same[Value(node.id)] = self._origin(inputs[0])
            return
        last = self._is_last(node)
        sides = [self._side(node, place, last) for place in range(len(inputs))]
        names = [self._name(value, side) for value, side in zip(inputs, sides, strict=True)]
        tensors = [self._tensor(value, side) for value, side in zip(inputs, sides, strict=True)]
        to = Nodes(node.id, names, self.constants, lambda slot: self._weight(node, slot), self._with_batch)
        results = node.op.onnx(to, *tensors)
        self._take(node, to.made, (results,) if isinstance(results, str) else results, last)

    def _take(self, node: Node, made: list[Made], results: tuple[str, ...], last: bool) -> None:
        """Enters the nodes of an op, of which those that give its values get their names."""
        own = {name for each in made for name in each.outputs}
        paths = [node.id if len(results) == 1 else f"{node.id}:{port}" for port in range(len(results))]
        new = {result: path for result, path in zip(results, paths, strict=True) if result in own}
        for each in made:
            each.inputs = [new.get(name, name) for name in each.inputs]
            each.outputs = [new.get(name, name) for name in each.outputs]
            is_result = any(result in new and new[result] in each.outputs for result in results)
            self.file.nodes.append(Named(node.id if is_result else each.outputs[0], each, node))
        alone = self._is_alone(node)
        for port, (result, tensor) in enumerate(zip(results, node.outputs, strict=True)):
            name, side = new.get(result, result), last and has_positions(tensor)
            self.names[Value(node.id, port), side] = name
            if alone:
                self.alone.add(name)
            if result in own:
                self.file.values[name] = self._form(name, _turned(tensor, side))

    def _weight(self, node: Node, slot: str) -> str:
        name = node.key(slot)
        self.file.weights[name] = node.op.weights(*self.graph.tensors_into(node.id))[slot].shape
        return name

    def _is_alone(self, node: Node) -> bool:
        """Whether the values of a node are the same for all samples."""
        inputs = map(self._origin, self.graph.inputs_of(node.id))
        return node.op.reads_shape_alone or all(self._names_of(value) <= self.alone for value in inputs)

    # --- layouts ---------------------------------------------------------------------------

    def _is_last(self, node: Node) -> bool:
        """Whether an op takes and gives its values with the channels last.

        One that takes either does so if one of its values is at hand in that layout, since what made that value, a
        linear layer of a transformer, is most often what follows too.
        """
        wanted = node.op.layout_for(*self.graph.tensors_into(node.id))
        if wanted != "either":
            return wanted == "last"
        placed = (
            value
            for place, value in enumerate(self.graph.inputs_of(node.id))
            if has_positions(self.graph.tensor(value)) and self._wanted(node, place) is not None
        )
        return node.op.is_simpler_last or any((self._origin(value), True) in self.names for value in placed)

    def _wanted(self, node: Node, place: int) -> str | None:
        return node.op.layout_of(place, *self.graph.tensors_into(node.id))

    def _side(self, node: Node, place: int, last: bool) -> bool:
        """Whether a node takes one of its inputs with the channels last."""
        value = self._origin(self.graph.inputs_of(node.id)[place])
        if not has_positions(self.graph.tensor(value)):
            return False
        wanted = self._wanted(node, place)
        if wanted is None:  # it takes what is there
            return (value, False) not in self.names
        return last if wanted == "either" else wanted == "last"

    def _name(self, value: Value, last: bool) -> str:
        """The name of a value in one layout. If it is at hand only in the other one, a node is added that moves it."""
        value = self._origin(value)
        if (value, last) not in self.names:
            before = self.names[value, not last]
            name = f"{before}.{'last' if last else 'first'}"
            rank = self.graph.tensor(value).rank
            order = (0, *range(2, rank + 1), 1) if last else (0, rank, *range(1, rank))
            self.file.nodes.append(Named(name, Made("Transpose", [before], [name], {"perm": order})))
            if before in self.alone:
                self.alone.add(name)
            self.names[value, last] = name
            self.file.values[name] = self._form(name, self._tensor(value, last))
        return self.names[value, last]

    def _tensor(self, value: Value, last: bool) -> Tensor:
        return _turned(self.graph.tensor(value), last)

    def _names_of(self, value: Value) -> set[str]:
        return {self.names[value, last] for last in (False, True) if (value, last) in self.names}

    def _origin(self, value: Value) -> Value:
        return self.same.get(value, value)

    def _form(self, name: str, tensor: Tensor) -> Form:
        dims = (*tensor.spatial, tensor.channels) if tensor.last else tensor.dims
        return Form((1 if name in self.alone else BATCH, *dims), tensor.kind)

    # --- values that are the same for all samples --------------------------------------------

    def _with_batch(self, name: str) -> str:
        """A value, repeated for each sample if it is the same for all."""
        if name not in self.alone:
            return name
        if name not in self.batches:
            ones = Nodes(name, (), self.constants, str, str).ints(*[1] * (self._rank(name) - 1))
            size, repeated = f"{name}.sizes", f"{name}.each"
            self._add_plain("Concat", [self._batch(), ones], size, axis=0)
            self._add_plain("Expand", [name, size], repeated)
            self.batches[name] = repeated
        return self.batches[name]

    def _rank(self, name: str) -> int:
        """How many dimensions a value has that is the same for all samples, with the batch."""
        if name in self.file.values:
            return len(self.file.values[name].dims)
        return len(self.file.weights[name] if name in self.file.weights else self.constants.named[name].dims)

    def _batch(self) -> str:
        """The number of samples, as a vector of one number: of the first input, of which all have as many."""
        if not self.has_size:
            self._add_plain("Shape", [next(iter(self.file.inputs))], SIZE, start=0, end=1)
            self.has_size = True
        return SIZE

    def _add_plain(self, kind: str, inputs: list[str], output: str, **attributes: int) -> None:
        self.file.nodes.append(Named(output, Made(kind, inputs, [output], attributes)))

    # --- outputs ---------------------------------------------------------------------------

    def _return(self, output: Output, taken: set[str]) -> None:
        """Names the values of an output, as no other value is called (`taken`)."""
        for place, value in enumerate(output.values):
            name = self._with_batch(self._name(value, False))
            wanted = f"{output.name}.{place}" if output.several else output.name
            while wanted in taken:
                wanted += "_"
            taken.add(wanted)
            if name in self.returned or name in self.file.inputs or name in self.file.weights:
                self._add_plain("Identity", [name], wanted)
            else:
                self.returned[name] = wanted
            self.file.outputs[wanted] = self._form(wanted, self.graph.tensor(value))

    # --- what is not needed ------------------------------------------------------------------

    def _drop_unused(self) -> None:
        """Leaves out what no output needs: values of which only the shape was read, and the weights of such."""
        kept, needed = [], set(self.file.outputs)
        for node in reversed(self.file.nodes):
            made = node.made
            made.inputs, made.outputs = map(self._as_returned, (made.inputs, made.outputs))
            if needed & set(made.outputs):
                kept.append(node)
                needed |= set(made.inputs)
        self.file.nodes = kept[::-1]
        self.file.constants = {name: one for name, one in self.constants.named.items() if name in needed}
        self.file.weights = {name: dims for name, dims in self.file.weights.items() if name in needed}
        self.file.values = {name: form for name, form in self.file.values.items() if name in needed}

    def _as_returned(self, names: list[str]) -> list[str]:
        """Names of values, among which outputs of the network have theirs."""
        return [self.returned.get(name, name) for name in names]


def has_positions(tensor: Tensor) -> bool:
    """Whether a value has channels and positions, so that the channels may be first or last."""
    return tensor.kind == "float" and tensor.rank > 1


def _turned(tensor: Tensor, last: bool) -> Tensor:
    return Tensor(*tensor.dims, kind=tensor.kind, last=last)
