"""Methods of a network for those who build on it: its features, its head, and the outputs of its stages.

    def forward_features(self, x: Tensor) -> Tensor: ...                    # all that comes before the head
    def forward_head(self, x: Tensor) -> Tensor: ...
    def forward_stages(self, x: Tensor, out_indices=None) -> list[Tensor]: ...

They are written by the same `Forward` as the whole, each from its own part of the steps. Names of methods and
attributes, and the keys of `feature_info`, are those of timm.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archdsl.analyses.receptive_field import receptive_fields
from archdsl.backends.python.code import Code, Function, Line
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.bodies import Body, Call, If, Item, Turns, Wire, every, made
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.head import features_of, head_of, refused
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.writing import Layout
from archdsl.formula import formula_of
from archdsl.ir.graph import Graph, Value
from archdsl.ops.base import Expression
from archdsl.tensor import Tensor


@dataclass
class Part:
    """A part of the steps of a class, with the words of the class: what a `Forward` needs."""

    outline: Outline
    body: Body
    title: str
    folded: dict[int, int]
    flags: dict[int, tuple[ast.expr, ...]]
    expressions: dict[int, Expression]
    numbers: dict[int, dict[str, str]]


@dataclass(frozen=True)
class Stage:
    """A stage whose output is one of the features: its value, its channels, and input pixels between its positions."""

    name: str
    value: Value
    channels: ast.expr
    reduction: float | None


class Features:
    """The parts of one network, before and behind the value that its head takes. Raises `CompileError` without one."""

    def __init__(self, construction: Construction, layout: Layout) -> None:
        self.construction, self.outline = construction, construction.outline
        self.layout, self.root = layout, construction.body.scope.path
        self.graph = construction.outline.networks[self.root]
        self.head = head_of(self.graph, self.root)
        (self.value,) = features_of(self.graph, self.root, self.head)
        body = construction.body
        items = [item for item in body.items if not self._is_training_only(item)]
        self.before = tuple(item for item in items if not self._in_head(item))
        behind = tuple(item for item in items if self._in_head(item))
        wires = {wire.value: wire for item in every(self.before) for wire in made(item)}
        self.wire = wires[self.value]
        outputs = {value for output in self.graph.outputs if not output.training for value in output.values}
        self.outputs = tuple(wire for wire in body.gives if wire.value in outputs)
        self.features = self._part(self.before, body.takes, (self.wire,))
        self.rest = self._part(behind, (self.wire,), self.outputs)
        self.stages = tuple(self._stages())

    def _is_training_only(self, item: Item) -> bool:
        wires = item.gives if isinstance(item, Call | Turns) else ()
        return bool(wires) and all(wire.value.node in self.graph.training_only for wire in wires)

    def _in_head(self, item: Item) -> bool:
        """Whether a step belongs to the head; one that has an `if` around it does if the steps in it do."""
        inside = [one for one in every((item,)) if not isinstance(one, If)]
        names = {path.removeprefix(f"{self.root}.") if self.root else path for path in self.head}
        return bool(inside) and all(one.path.partition(".")[0] in names for one in inside)

    def _part(self, items: Sequence[Item], takes: tuple[Wire, ...], gives: tuple[Wire, ...]) -> Part:
        own = self.construction
        body = replace(own.body, items=tuple(items), takes=takes, gives=gives)
        return Part(own.outline, body, own.title, own.folded, own.flags, own.expressions, own.numbers)

    # --- the constructor -------------------------------------------------------------------

    def lines(self) -> Iterator[Code]:
        """The lines of the constructor that say what the features are."""
        yield Line(f"self.num_features = {text_of(self._channels(self.value))}")
        rows = ", ".join(self._row(stage) for stage in self.stages)
        yield Line(f"self.feature_info = [{rows},]" if len(self.stages) > 1 else f"self.feature_info = [{rows}]")

    def _row(self, stage: Stage) -> str:
        reduction = "" if stage.reduction is None else f', "reduction": {stage.reduction}'
        return f'{{"module": "{stage.name}", "num_chs": {text_of(stage.channels)}{reduction}}}'

    def _stages(self) -> Iterator[Stage]:
        """The stages before the head whose output, the last if there are several, has positions; in order."""
        known = {wire.value for item in every(self.before) for wire in made(item)}
        reductions = Reductions(self.graph)
        for scope in self.graph.scopes.values():
            if scope.kind != "stage" or scope.parent != self.root or not scope.results:
                continue
            value = max(scope.results, key=lambda result: self.graph.places[result.node])
            if value in known and (self.graph.tensor(value).rank > 1 or value == self.value):
                yield Stage(scope.name, value, self._channels(value), reductions.of(value))

    def _channels(self, value: Value) -> ast.expr:
        """The channels of a value, in the constructor's names."""
        found = self.construction.context.of_value(value, 0)
        if found is not None:
            return self.construction.spelled_out(found)
        uses = self.construction.body.uses
        if len(uses) > 1 or self.construction.context.settings:
            raise refused(self.graph, f"the channels of {value.node} do not follow from the settings")
        return formula_of(self.graph.tensor(value).channels)

    # --- methods ---------------------------------------------------------------------------

    def methods(self, takes: Sequence[str], result: str, returned: str | None) -> Iterator[Function]:
        """The methods; `takes` are the inputs of the network, `result` and `returned` what it returns."""
        given = ("self", *(f"{take}: Tensor" for take in takes))
        inputs = self._shapes(self.construction.body.takes)
        yield Function("forward_features", given, "Tensor", tuple(self._features(takes)), inputs)
        head = ("self", "x: Tensor")
        yield Function("forward_head", head, result, tuple(self._head(returned)), self._shapes((self.wire,)))
        asked = (*given, "out_indices: Sequence[int] | None = None")
        doc = (STAGES,)
        yield Function("forward_stages", asked, "list[Tensor]", tuple(self._outputs(takes)), doc=doc)

    def _shapes(self, wires: Sequence[Wire]) -> str:
        return self.outline.shape_text([wire.values.values() for wire in wires])

    def _features(self, takes: Sequence[str]) -> Iterator[Code]:
        forward = Forward(self.features, takes, (self.wire,), self.layout, shapes=True)
        forward.run(forward.items)
        forward.flush()
        yield from forward.lines
        yield Line(f"return {forward.read(self.wire).text}")

    def _head(self, returned: str | None) -> Iterator[Code]:
        forward = Forward(self.rest, ["x"], self.outputs, self.layout, shapes=True)
        forward.run(forward.items)
        forward.flush()
        yield from forward.lines
        results = ", ".join(forward.read(wire).text for wire in self.outputs)
        yield Line(f"return {returned}({results})" if returned else f"return {results}")

    def _outputs(self, takes: Sequence[str]) -> Iterator[Code]:
        """The steps before the head; behind the last of each stage, a line that keeps its output."""
        forward = Forward(self.features, takes, (self.wire,), self.layout, shapes=True)
        forward.lines.append(Line("features = []"))
        forward.variables.fix(["features"])
        left = [stage.value for stage in self.stages]
        for item in forward.items:
            forward.run((item,))
            forward.flush()
            for wire in made(item):
                if wire.value in left:
                    left.remove(wire.value)
                    forward.lines.append(Line(f"features.append({self._first(forward.read(wire).text, wire.value)})"))
        yield from forward.lines
        yield Line("return features if out_indices is None else [features[index] for index in out_indices]")

    def _first(self, text: str, value: Value) -> str:
        """A value with its channels before its positions, wherever the code has them."""
        return f"{text}.movedim(-1, 1)" if self.graph.tensor(value).last else text


STAGES = "The outputs of the stages in `feature_info`, or of those at `out_indices`; channels come first."


class Reductions:
    """How many input pixels lie between neighbouring positions of a value, counted along its last dimension."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.fields = receptive_fields(graph, gates=False).fields

    def of(self, value: Value) -> float | None:
        """The reduction of a map, or of the map that tokens were made of; None where the input has no positions."""
        inputs = [node.output for node in self.graph.inputs if node.output.rank > 1]
        if not inputs or self.graph.tensor(value).rank == 1:
            return None
        seen: set[Value] = set()
        pending = [value]
        while pending:  # depth first, the first input first: what flows comes before what is added to it
            value = pending.pop()
            if value in seen:
                continue
            seen.add(value)
            tensor = self.graph.tensor(value)
            if tensor.rank == inputs[0].rank:
                return self._between(value, tensor, inputs[0])
            pending += reversed(self.graph.inputs_of(value.node))
        return None

    def _between(self, value: Value, tensor: Tensor, image: Tensor) -> float:
        """The distance in the receptive field; where that has none, as behind attention, the ratio of sizes."""
        field = self.fields.get(value.node)
        stride = field.largest[-1].stride if field and field.largest else 0
        reduction = stride or image.dims[-1] / tensor.dims[-1]
        return round(reduction) if reduction > 1 else reduction if reduction < 1 else 1
