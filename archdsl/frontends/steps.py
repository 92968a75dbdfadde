"""Translates a trace into ops with their inputs and weights, from which the graph is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from archdsl.frontends.arrangement import BATCH, REPEATED, Arrangement, Atom, along, whole
from archdsl.frontends.aten.call import Result, Results, Trace, Translation, kind_of
from archdsl.frontends.aten.elementwise import joined_elementwise
from archdsl.frontends.aten.features import has_features_last
from archdsl.frontends.aten.literal import in_order
from archdsl.frontends.aten.pieces import pieces
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.scores import scores
from archdsl.frontends.aten.step import Made, Source, Step, TraceNode, operation
from archdsl.frontends.aten.written import region
from archdsl.frontends.naming import ModuleCall
from archdsl.frontends.nodes import NewNode
from archdsl.frontends.opaque import Counter, as_opaque, as_stored, counted_once, fixed
from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Op
from archdsl.ops.held import Permute
from archdsl.ops.internal import Input, Opaque
from archdsl.ops.learned import Learned
from archdsl.tensor import Tensor


class Translator:
    """Translates a trace: `made` is the result.

    Calls are first planned in their order, each by what is known of the values that it takes. Then those that the
    outputs need are made. `translations` are those to try for an operation, by its name; `multiply_adds` counts what a
    call costs for which there is none.
    """

    def __init__(
        self,
        trace: Trace,
        inputs: tuple[TraceNode, ...],
        outputs: tuple[TraceNode, ...],
        translations: Callable[[str], tuple[Translation, ...]],
        multiply_adds: Counter,
    ) -> None:
        self.trace = trace
        self._translations = translations
        self._multiply_adds = multiply_adds
        self.made: list[NewNode] = []
        self._steps = trace.steps
        self._results: dict[TraceNode, tuple[Placed, ...]] = {}
        """The results of the ops that calls became."""
        self._homes: dict[str, tuple[Op, Mapping[str, str]]] = {}
        self._numbers: dict[TraceNode, int] = {}
        self._shared: dict[tuple[object, ...], int] = {}
        """Learned values, and values in another shape, by what they are: each is made once."""
        for node in inputs:
            self._input(node)
        for node in trace.graph.nodes:
            if trace.is_weight(node) and trace.is_parameter(node):
                shape = trace.shape(node)
                placed = Placed.learned if len(shape) > 1 and shape[0] == 1 else Placed.parameter
                trace.placed[node] = placed(node, shape, trace.batch)
        for node in _in_order(trace, outputs):
            self._plan(node)
        read = {source for node in trace.placed for source in node.all_input_nodes if trace.is_weight(source)}
        self.buffers = {trace.keys[source.name] for source in read if not trace.is_parameter(source)}
        """The names of the buffers that outputs depend on. Not all are a node's: a mask may be what an op does."""
        results = [as_stored(trace, node) for node in outputs]
        needed = self._needed(results)
        self._counted = {key for node in needed for key in self._keys_of_ops(self._steps[node])}
        """The weights that an op has; an opaque op does not count them again."""
        for node in trace.graph.nodes:
            if node in needed:
                self._numbers[node] = self._make(self._steps[node], node)
        rows = zip(results, outputs, strict=True)
        self.results = [self._number(source, node, is_result=True) for source, node in rows]
        """For each output, the node (by number) that makes it, and which of its outputs that is."""

    def _input(self, node: TraceNode) -> None:
        tensor = Tensor(*(self.trace.dims(node) or (1,)), kind=kind_of(node.meta["val"]))
        op = Input(dims=tensor.dims, kind=tensor.kind)
        self._results[node] = (Placed.plain(Made(node), tensor, self.trace.batch),)
        self.trace.placed[node] = self._results[node][0]
        if has_features_last(self.trace.graph, node):
            turned = Step(Permute(order=(2, 1)), (Made(node),), call=node)
            lies = whole((self.trace.batch, *tensor.dims[::-1])).permuted((0, 2, 1))
            self.trace.placed[node] = Placed(turned, Tensor(*tensor.dims[::-1]), self.trace.batch, lies, node)
        self.trace.inputs.append(self._results[node][0])
        self._numbers[node] = len(self.made)
        self.made.append(NewNode(op, (), (tensor,), {}, ModuleCall("", "", node.name)))

    # --- plans -----------------------------------------------------------------------------

    def _plan(self, node: TraceNode) -> None:
        """Finds what a call becomes: a value that is there already, or a step."""
        self._follow(node)
        if operation(node) == "getitem" and not self.trace.tables[node]:
            self.trace.placed[node] = self._results[node.args[0]][node.args[1]]
            return
        if not self._translated(node) and not self._translated_with_buffers(node):
            step = as_opaque(self.trace, node, self._multiply_adds)
            self._set(node, step, self._tensors(step), step.arrangements)

    def _translated(self, node: TraceNode) -> bool:
        """Whether there is a translation of a call; if there is, the call has become it."""
        for translate in self._translations(operation(node)):
            try:
                if self._accepts(translate(self.trace.call(node)), node):
                    return True
            except (Mismatch, ValidationError):
                continue
        return False

    def _translated_with_buffers(self, node: TraceNode) -> bool:
        """Does the same with the buffers that a call takes as values of fixed numbers."""
        table = self.trace.tables[node]
        buffers = {} if table and table.weight is None else self._fixed_buffers(node)
        self.trace.placed.update(buffers)
        if buffers and self._translated(node):
            return True
        for buffer in buffers:
            del self.trace.placed[buffer]
        return False

    def _fixed_buffers(self, node: TraceNode) -> dict[TraceNode, Placed]:
        """The buffers of small numbers that a call takes and that are no values yet, as values of fixed numbers."""
        trace, found = self.trace, {}
        for source in node.all_input_nodes:
            table = trace.tables[source] if trace.is_weight(source) and source not in trace.placed else None
            step = fixed(table.numbers) if table and table.weight is None else None
            if step:
                found[source] = Placed(step, self._tensors(step)[0], trace.batch, step.arrangements[0])
        return found

    def _follow(self, node: TraceNode) -> None:
        """Notes what later calls may make an op of: scores of attention, slices with a step, and parts of values."""
        trace = self.trace
        for noted, follow in ((trace.scores, scores), (trace.pieces, pieces), (trace.regions, region)):
            found = follow(self.trace, node)
            if found:
                noted[node] = found

    def _accepts(self, found: Result, node: TraceNode) -> bool:
        """Enters a translation, if it is sound: it takes values, not weights, and gives what the call gives."""
        if isinstance(found, Step):
            return self._accepts_step(found, node)
        if isinstance(found, Results):
            return self._accepts_results(found, node)
        placed = found if isinstance(found, Placed) else self.trace.placed.get(found)
        if placed is None or placed.arrangement.shape != self.trace.shape(node):
            return False
        self.trace.placed[node] = placed
        return True

    def _accepts_step(self, found: Step, node: TraceNode) -> bool:
        step = joined_elementwise(found, self.trace) or self._standard(found)
        if step is None:
            return False
        tensors = self._tensors(step)
        batch = self.trace.batch
        arrangements = step.arrangements or tuple(whole((batch, *tensor.dims)) for tensor in tensors)
        shapes = [tuple(map(int, value.shape)) for value in _results(node)]
        if not self.trace.is_batched(node):
            rows = zip(arrangements, shapes, strict=False)
            arrangements = tuple(_same_for_all(lies, batch, shape) for lies, shape in rows)
        fits = [arrangement.shape for arrangement in arrangements] == shapes[: len(arrangements)]
        if not fits or not self._holds_weights(step):
            return False
        self._set(node, step, tensors, arrangements)
        return True

    def _accepts_results(self, found: Results, node: TraceNode) -> bool:
        step = self._standard(found.step)
        if step is None or not self._holds_weights(step):
            return False
        tensors = self._tensors(step)
        self._set(node, step, tensors, tuple(whole((self.trace.batch, *tensor.dims)) for tensor in tensors))
        self._results[node] = found.placed
        return True

    def _standard(self, step: Step) -> Step | None:
        """A step whose inputs are values of the graph, as batch, channels, positions; None if one of them is not so."""
        inputs = tuple(map(self._standard_value, step.inputs))
        return None if None in inputs else replace(step, inputs=inputs)

    def _standard_value(self, source: Source) -> Made | Step | None:
        if isinstance(source, Step):
            return self._standard(source)
        if isinstance(source, Made):
            return source
        placed = self.trace.placed.get(source)
        found = in_order(placed and (placed if self.trace.is_batched(source) else placed.for_each_sample()))
        return found.value if found else None

    def _tensors(self, step: Step) -> tuple[Tensor, ...]:
        return step.op.outputs(*self._into(step))

    def _into(self, step: Step) -> list[Tensor]:
        return [self._tensor(source) for source in step.inputs]

    def _tensor(self, source: Made | Step) -> Tensor:
        if isinstance(source, Step):
            return self._tensors(source)[source.port]
        return self._results[source.call][source.port].tensor

    def _holds_weights(self, step: Step) -> bool:
        """Whether the weights that a step learns are as large as the module's, and no other op counts them."""
        if not all(self._holds_weights(source) for source in step.inputs if isinstance(source, Step)):
            return False
        wanted = step.op.weights(*self._into(step))
        sizes = {slot: self.trace.size(weight) for slot, weight in step.weights.items()}
        if any(sizes.get(slot, 0) != weight.size for slot, weight in wanted.items() if weight.learned or slot in sizes):
            return False
        content = (step.op, self._keys(step))
        if step.op.is_tied():
            return all(key in self._homes for key in content[1].values())
        return all(self._homes.get(key, content) == content for key in content[1].values())

    def _set(
        self, node: TraceNode, step: Step, tensors: tuple[Tensor, ...], arrangements: tuple[Arrangement, ...]
    ) -> None:
        self._steps[node] = step
        rows = enumerate(zip(tensors, arrangements, strict=True))
        batch = self.trace.batch
        self._results[node] = tuple(Placed(Made(node, port), t, batch, lies, node) for port, (t, lies) in rows)
        self.trace.placed[node] = self._results[node][0]
        if not isinstance(step.op, Opaque) and not step.op.is_tied():
            self._homes.update({key: (step.op, self._keys(step)) for key in self._keys(step).values()})

    # --- the nodes that are made -----------------------------------------------------------

    def _needed(self, results: Sequence[Made | Step]) -> set[TraceNode]:
        """The calls that the outputs depend on."""
        needed: set[TraceNode] = set()
        pending = [call for source in results for call in _calls(source)]
        while pending:
            call = pending.pop()
            if call in self._steps and call not in needed:
                needed.add(call)
                pending.extend(_calls(self._steps[call]))
        return needed

    def _number(self, source: Made | Step, node: TraceNode, is_result: bool = False) -> tuple[int, int]:
        """The node (by number) that makes a value, and which of its outputs that is."""
        if isinstance(source, Step):
            return self._make(source, node, is_result), source.port
        return self._numbers[source.call], source.port

    def _make(self, step: Step, node: TraceNode, is_result: bool = False) -> int:
        inputs = tuple(self._number(source, node, is_result) for source in step.inputs)
        weights = self._keys(step)
        if isinstance(step.op, Opaque):
            step = counted_once(self.trace, step, self._counted)
            self._counted.update(weights.values())
        content = (step.op, inputs, *weights.values())
        if step.call is not None and content in self._shared:
            return self._shared[content]
        outputs = step.op.outputs(*(self.made[number].outputs[port] for number, port in inputs))
        place = _place(step, step.call or node, weights, is_result and step.call is None)
        self.made.append(NewNode(step.op, inputs, outputs, weights, place))
        if step.call is not None:
            self._shared[content] = len(self.made) - 1
        return len(self.made) - 1

    def _keys_of_ops(self, step: Step) -> Iterator[str]:
        """The weights of a step, and of those that it takes, without those of opaque ops."""
        if not isinstance(step.op, Opaque):
            yield from self._keys(step).values()
        for source in step.inputs:
            if isinstance(source, Step):
                yield from self._keys_of_ops(source)

    def _keys(self, step: Step) -> dict[str, str]:
        return {slot: self.trace.keys[weight.name] for slot, weight in step.weights.items()}


def _in_order(trace: Trace, outputs: tuple[TraceNode, ...]) -> Iterator[TraceNode]:
    """The calls that outputs may depend on, each after those that it depends on."""
    needed: set[TraceNode] = set()
    pending = list(outputs)
    while pending:
        node = pending.pop()
        if node not in needed:
            needed.add(node)
            pending.extend(node.all_input_nodes)
    return (node for node in trace.graph.nodes if node.op == "call_function" and node in needed)


def _same_for_all(lies: Arrangement, batch: int, shape: tuple[int, ...]) -> Arrangement:
    """How the result of a call lies that does not depend on the input: what is made for each sample is made once."""
    if lies.rank and lies.axes[0] == along(BATCH, batch) and shape:
        return lies.with_axis(0, along(REPEATED, shape[0], 0))
    return lies.replaced(Atom(BATCH, batch), Atom(REPEATED, batch, 0))


def _results(node: TraceNode) -> list[TraceNode]:
    value = node.meta["val"]
    return [v for v in (value if isinstance(value, tuple | list) else (value,)) if v is not None]


def _calls(source: Made | Step) -> Iterator[TraceNode]:
    """The calls whose ops make what a step takes."""
    if isinstance(source, Made):
        yield source.call
    else:
        for inner in source.inputs:
            yield from _calls(inner)


def _place(step: Step, node: TraceNode, weights: Mapping[str, str], is_result: bool) -> ModuleCall:
    """The module in which a step is made; for one that only brings a result of the network into its shape, that is the
    outermost of the modules around the call, so that the last of several equal blocks is like the others."""
    if isinstance(step.op, Learned):
        module, _, name = weights[""].rpartition(".")
        return ModuleCall(module, module, name)
    stack = node.meta.get("nn_module_stack") or {"": ("", None)}
    call, (path, _) = list(stack.items())[: 2 if is_result else None][-1]
    name = step.op.target.rpartition(".")[2] if isinstance(step.op, Opaque) else step.op.name
    return ModuleCall(path, call, name.strip("_"))
