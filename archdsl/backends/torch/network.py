"""The class of the network itself: its `forward` says every shape, and what it gives while training and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archdsl.backends.torch.body import Call, Step
from archdsl.backends.torch.classes import Blueprint, constructor, settle
from archdsl.backends.torch.code import Class, Code, Function, Line, Suite
from archdsl.backends.torch.forward import Context, Forward
from archdsl.backends.torch.names import legal
from archdsl.ir.graph import Graph, Output, Value


def network_classes(blueprint: Blueprint, graph: Graph, initialized: bool) -> Iterator[Class]:
    """The network, after the tuple that it returns where it has further outputs."""
    takes = input_names(graph)
    settled = settle(blueprint, list(takes.values()))
    last = (Line("self.apply(initialize)"),) if initialized else ()
    if len(graph.outputs) > 1:
        yield _result_class(graph, result_name(blueprint.name))
    results = [value for output in graph.outputs for value in output.values]
    steps = blueprint.structures.steps[""]
    context = Context(blueprint.structures.outline, "", steps, settled.in_forward, shapes=True)
    forward = Forward(context, takes, results)
    lines = tuple(_forward_lines(forward, graph, steps, result_name(blueprint.name)))
    methods = (constructor(settled, last), _forward(graph, takes, lines, result_name(blueprint.name)))
    yield Class(blueprint.name, "nn.Module", blueprint.doc, methods=methods)


def result_name(network: str) -> str:
    return f"{network}Output"


def input_names(graph: Graph) -> Mapping[Value, str]:
    """`x` for a single input; several by their names."""
    if len(graph.inputs) == 1:
        return {Value(graph.inputs[0].id): "x"}
    return {Value(node.id): legal(node.name) for node in graph.inputs}


def _result_class(graph: Graph, name: str) -> Class:
    partly = any(not output.training for output in graph.outputs[1:])
    fields = tuple(Line(f"{output.name}: {_field_type(output, partly)}") for output in graph.outputs)
    when = "" if partly else " while training"
    return Class(name, "NamedTuple", (f"What the network gives{when}: its output and the further ones.",), fields)


def _field_type(output: Output, partly: bool) -> str:
    kind = "tuple[Tensor, ...]" if output.several else "Tensor"
    return f"{kind} | None" if output.training and partly else kind


def _forward(graph: Graph, takes: Mapping[Value, str], lines: Sequence[Code], name: str) -> Function:
    arguments = ("self", *(f"{take}: Tensor" for take in takes.values()))
    further = graph.outputs[1:]
    only_training = all(output.training for output in further)
    result = "Tensor" if not further else f"Tensor | {name}" if only_training else name
    shapes = ", ".join(str(node.output) for node in graph.inputs)
    return Function("forward", arguments, result, tuple(lines), shapes)


def _forward_lines(forward: Forward, graph: Graph, steps: Sequence[Step], name: str) -> Iterator[Code]:
    """What serves only training comes last, so that evaluation leaves before it."""
    trained = [step for step in steps if _is_training_only(graph, step)]
    forward.run(step for step in steps if step not in trained)
    forward.flush()
    yield from forward.lines
    if len(graph.outputs) == 1:
        yield Line(f"return {_result(forward, graph.outputs[0])}")
        return
    if any(output.training for output in graph.outputs):
        forward.lines = []
        forward.run(trained)
        forward.flush()
        everything = Line(f"return {name}({', '.join(_result(forward, output) for output in graph.outputs)})")
        yield Suite("if self.training:", (*forward.lines, everything))
    yield Line(f"return {_evaluated(forward, graph, name)}")


def _evaluated(forward: Forward, graph: Graph, name: str) -> str:
    """What is returned when not training: the output alone, if all others are for training."""
    if all(output.training for output in graph.outputs[1:]):
        return _result(forward, graph.outputs[0])
    results = ("None" if output.training else _result(forward, output) for output in graph.outputs)
    return f"{name}({', '.join(results)})"


def _result(forward: Forward, output: Output) -> str:
    if not output.several:
        return forward.read(output.values[0]).text
    texts = list(_elements(forward, output.values))
    if len(texts) == 1:
        return f"tuple({texts[0][1:]})" if texts[0].startswith("*") else f"({texts[0]},)"
    return f"({', '.join(texts)})"


def _elements(forward: Forward, values: Sequence[Value]) -> Iterator[str]:
    """Values one by one; those that a loop has put in a list, together."""
    lists = {held[0]: (held, name) for held, name in forward.variables.lists.items()}
    index = 0
    while index < len(values):
        held, name = lists.get(values[index], ((), ""))
        if held and values[index : index + len(held)] == held:
            yield f"*{name}"
            index += len(held)
        else:
            yield forward.read(values[index]).text
            index += 1


def _is_training_only(graph: Graph, step: Step) -> bool:
    return isinstance(step, Call) and all(value.node in graph.training_only for value in step.gives)
