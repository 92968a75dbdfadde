"""The class of the network: its `forward` has every shape as a comment, and returns further outputs in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from archdsl.backends.python.code import Class, Code, Function, Line, Suite
from archdsl.backends.torch.blocks import constructor
from archdsl.backends.torch.bodies import Call, Item, Turns, Wire
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.names import legal
from archdsl.backends.torch.statements import Return
from archdsl.backends.torch.writing import Layout, Words
from archdsl.ir.graph import Graph, Output, Value


@dataclass(frozen=True, slots=True)
class Further:
    """What options add to the class of a network. `forward` are the lines of its `forward`, if others than usual.
    `last` are methods behind it. If it `begins` with recomputation, the constructor switches it on."""

    bases: tuple[str, ...] = ()
    lines: tuple[Code, ...] = ()
    methods: tuple[Function, ...] = ()
    forward: tuple[Code, ...] = ()
    last: tuple[Function, ...] = ()
    begins: bool = False


PLAIN = Further()

ForwardKind = TypeVar("ForwardKind", bound=Forward)


def network_classes(
    construction: Construction,
    forward: Forward,
    doc: tuple[str, ...],
    initialized: bool,
    further: Further = PLAIN,
) -> Iterator[Class]:
    """The class of the network. Before it, the tuples that it returns if it has several outputs.

    `further` are its further base classes, lines of its constructor, and methods.
    """
    graph, title = network_of(construction), construction.title
    yield from result_classes(graph, title)
    last = (*further.lines, *((Line("self.apply(initialize)"),) if initialized else ()))
    last += (Line("self.checkpointing()"),) if further.begins else ()
    lines = further.forward or tuple(forward.lines)
    run = _forward(construction, input_names(graph), lines)
    methods = (constructor(construction, last), *further.methods, run, *further.last)
    yield Class(title, ", ".join(("nn.Module", *further.bases)), doc, methods=methods)


def write_network(words: Words, layout: Layout) -> Forward:
    """Writes the `forward` of the network. Its `statements` are those of evaluation."""
    return finish_network(Forward(words, input_names(network_of(words)), result_wires(words), layout, shapes=True))


def finish_network(forward: ForwardKind) -> ForwardKind:
    """Writes the `forward` of the network with what is prepared for it."""
    words = forward.construction
    forward.lines = list(_forward_lines(forward, network_of(words), words.title))
    return forward


def network_of(words: Words) -> Graph:
    """The graph of the network whose class this is; of several variants, the first."""
    return words.outline.networks[words.body.scope.path]


def result_wires(words: Words) -> list[Wire]:
    """The wires of all outputs, in their order."""
    wires = {wire.value: wire for wire in words.body.gives}
    return [wires[value] for output in network_of(words).outputs for value in output.values]


def result_names(graph: Graph, network: str) -> tuple[str | None, str | None]:
    """Names of the tuples that the network returns in training and in evaluation; None for a plain tensor."""
    further = graph.outputs[1:]
    if not further:
        return None, None
    if any(output.training for output in further) and not all(output.training for output in further):
        return f"{network}TrainingOutput", f"{network}Output"
    return f"{network}Output", None if further[0].training else f"{network}Output"


def result_classes(graph: Graph, network: str) -> Iterator[Class]:
    """The classes of the tuples that the network returns, if it has several outputs."""
    trained, evaluated = result_names(graph, network)
    if trained is not None:
        when = "" if trained == evaluated else " in training"
        yield _result_class(trained, graph.outputs, when)
    if evaluated is not None and evaluated != trained:
        yield _result_class(evaluated, _lasting(graph), " in evaluation")


def _result_class(name: str, outputs: Sequence[Output], when: str) -> Class:
    fields = (f"{output.name}: {'tuple[Tensor, ...]' if output.several else 'Tensor'}" for output in outputs)
    return Class(name, "NamedTuple", (f"What the network returns{when}.",), tuple(map(Line, fields)))


def _lasting(graph: Graph) -> tuple[Output, ...]:
    """The outputs that the network also has in evaluation."""
    return tuple(output for output in graph.outputs if not output.training)


def input_names(graph: Graph) -> list[str]:
    """The arguments of `forward`: `x` for a single input, else the names of the inputs."""
    if len(graph.inputs) == 1:
        return ["x"]
    return [legal(node.name) for node in graph.inputs]


def _forward(construction: Construction, takes: Sequence[str], lines: Sequence[Code]) -> Function:
    graph, body = network_of(construction), construction.body
    arguments = ("self", *(f"{take}: Tensor" for take in takes))
    results = dict.fromkeys(name or "Tensor" for name in reversed(result_names(graph, construction.title)))
    shapes = construction.outline.shape_text([wire.values.values() for wire in body.takes])
    return Function("forward", arguments, " | ".join(results), tuple(lines), shapes)


def _forward_lines(forward: Forward, graph: Graph, network: str) -> Iterator[Code]:
    """The lines of `forward`. Steps that only training needs come last, and evaluation returns before them."""
    trained = [_is_training_only(graph, item) for item in forward.items]
    forward.run(item for item, only in zip(forward.items, trained, strict=True) if not only)
    forward.flush()
    yield from forward.lines
    training, evaluation = result_names(graph, network)
    if training != evaluation:
        forward.lines = []
        lasting = list(forward.statements)
        forward.run(item for item, only in zip(forward.items, trained, strict=True) if only)
        forward.flush()
        yield Suite("if self.training:", (*forward.lines, _return(forward, graph.outputs, training)))
        forward.statements = lasting
    yield _return(forward, _lasting(graph), evaluation)


def _return(forward: Forward, outputs: Sequence[Output], name: str | None) -> Line:
    results = ", ".join(_result(forward, output) for output in outputs)
    wires = {wire.value: wire for wire in forward.body.gives}
    values = (forward.read(wires[value]) for output in outputs for value in output.values)
    forward.statements.append(Return(tuple(operand.source for operand in values)))
    return Line(f"return {results}" if name is None else f"return {name}({results})")


def _result(forward: Forward, output: Output) -> str:
    wires = {wire.value: wire for wire in forward.body.gives}
    if not output.several:
        return forward.read(wires[output.values[0]]).text
    texts = list(_elements(forward, output.values, wires))
    if len(texts) == 1:
        return f"tuple({texts[0][1:]})" if texts[0].startswith("*") else f"({texts[0]},)"
    return f"({', '.join(texts)})"


def _elements(forward: Forward, values: Sequence[Value], wires: Mapping[Value, Wire]) -> Iterator[str]:
    """The texts of values; those that a loop has put in a list are written as one `*list`."""
    lists = {
        held[0].value: (tuple(w.value for w in held), name) for held, name in forward.variables.lists.items() if held
    }
    index = 0
    while index < len(values):
        held, name = lists.get(values[index], ((), ""))
        if held and tuple(values[index : index + len(held)]) == held:
            yield f"*{name}"
            index += len(held)
        else:
            yield forward.read(wires[values[index]]).text
            index += 1


def _is_training_only(graph: Graph, item: Item) -> bool:
    made = item.gives if isinstance(item, Call | Turns) else ()
    return bool(made) and all(wire.value.node in graph.training_only for wire in made)
