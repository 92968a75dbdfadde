"""Writes a graph as text for people and for tests: one line for each node, indented as its scopes are.

    stage conv2: -> 0.relu2
      max_pool = max_pool(3, stride=2): ../conv1.relu -> 64x56x56
      copy 0 (1 of 2) Basic(width=64): -> relu2
        conv1 = conv(64, 3): ../max_pool -> 64x56x56

Inputs and results are written relative to the scope: `../` leads to the scope around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.ops.base import Op


def dump(graph: Graph) -> str:
    """The whole graph as text, with a line end. Equal graphs have the same text."""
    return "\n".join(_graph(graph)) + "\n"


def written(op: Op) -> str:
    """An op as in a spec: `conv(64, 7, stride=2)`. Arguments at their default are left out."""
    arguments = []
    for name, field in type(op).model_fields.items():
        value = getattr(op, name)
        if field.is_required():
            arguments.append(value_text(value))
        elif value != field.get_default(call_default_factory=True, validated_data={}):
            arguments.append(f"{name}={value_text(value)}")
    return f"{op.name}({', '.join(arguments)})" if arguments else op.name


def _graph(graph: Graph) -> Iterator[str]:
    header = graph.header
    variant = f"@{header.variant}" if header.variant else ""
    yield f"network {header.name}{variant} from {header.spec}"
    for setting in header.settings:
        yield f"  {setting.name} = {value_text(setting.value)} ({setting.origin})"
    yield from _members(graph, graph.scopes[""], "")
    for output in graph.outputs:
        training = " training" if output.training else ""
        yield f"output {output.name}{training}: {_references(output.values, '')}"


def _members(graph: Graph, scope: Scope, indent: str) -> Iterator[str]:
    for member in graph.children[scope.path]:
        if isinstance(member, Node):
            yield indent + _node(graph, member)
        else:
            yield indent + _scope(member)
            yield from _members(graph, member, indent + "  ")


def _scope(scope: Scope) -> str:
    copy = f" ({scope.copy[0] + 1} of {scope.copy[1]})" if scope.copy else ""
    arguments = ", ".join(f"{name}={value_text(value)}" for name, value in scope.arguments)
    block = f" {scope.block}({arguments})" if scope.block else ""
    title = f' "{scope.title}"' if scope.title else ""
    results = f" -> {_references(scope.results, scope.path)}" if scope.results else ""
    return f"{scope.kind} {scope.name}{copy}{block}{title}{_home(scope.weights, scope.path)}:{results}"


def _node(graph: Graph, node: Node) -> str:
    inputs = _references(graph.inputs_of(node.id), node.scope)
    label = f" as {node.label}" if node.label else ""
    outputs = ", ".join(map(str, node.outputs))
    step = f"{node.name} = {written(node.op)}{label}{_home(node.weights, node.id)}"
    return f"{step}: {f'{inputs} ' if inputs else ''}-> {outputs}"


def _home(weights: str, path: str) -> str:
    return "" if weights == path else f" with the weights of {weights}"


def _references(values: Iterable[Value], scope: str) -> str:
    return ", ".join(_relative(value.node, scope) + (f"[{value.port}]" if value.port else "") for value in values)


def _relative(id: str, scope: str) -> str:
    here, there = scope.split(".") if scope else [], id.split(".")
    common = 0
    while common < min(len(here), len(there) - 1) and here[common] == there[common]:
        common += 1
    return "../" * (len(here) - common) + ".".join(there[common:])


def value_text(value: Any) -> str:
    """A setting or an argument as in a spec: `true`, `3x3`, `[3, 4, 6, 3]`."""
    match value:
        case bool() | None:
            return str(value).lower()
        case list():
            return f"[{', '.join(map(value_text, value))}]"
        case tuple():
            return "x".join(map(value_text, value))
        case _:
            return str(value)
