"""Explains where every argument and every size of a node comes from, down to the lines of the spec.

A number is explained by the names in its expression: named numbers, arguments of blocks, functions, scaling
coefficients, settings. All of these are stored in the graph, so a graph that was read from a file can be explained too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.analyses.working import length
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.elaborate.costs import costs
from archdsl.elaborate.derive import Derivation, Fact
from archdsl.elaborate.values import Problem
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.suggest import nearest
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of one node. `defaults` are arguments that were not given; `scopes` has the innermost first."""

    node: Node
    inputs: tuple[tuple[str, Tensor], ...]
    arguments: tuple[Fact, ...]
    defaults: tuple[Fact, ...]
    sizes: tuple[Fact, ...]
    costs: tuple[Fact, ...]
    scopes: tuple[Scope, ...]


def explain(graph: Graph, name: str) -> Explanation:
    """The explanation of a node, given by its id or by the last part of its id if no other node has it.

    Raises `CompileError` if there is no such node, or several.
    """
    node = _find(graph, name)
    inputs = tuple((value.node, graph.tensor(value)) for value in graph.inputs_of(node.id))
    tensors = graph.tensors_into(node.id)
    arguments = _arguments(graph, node)
    return Explanation(
        node,
        inputs,
        tuple(fact for fact in arguments if fact.origin != "default"),
        tuple(fact for fact in arguments if fact.origin == "default"),
        tuple(_sizes(node, tensors)),
        tuple(costs(graph, node)),
        graph.ancestry(node.scope)[:-1],
    )


def _arguments(graph: Graph, node: Node) -> tuple[Fact, ...]:
    """The node's arguments. Raises `CompileError` if the graph was read from a file with a wrong expression."""
    try:
        return tuple(Derivation(graph).arguments(node))
    except Problem as problem:
        raise CompileError([problem.diagnostic]) from None


def _find(graph: Graph, name: str) -> Node:
    if name in graph:
        return graph.node(name)
    found = [node for node in graph if name in (node.label, node.name)]
    if len(found) == 1:
        return found[0]
    inside = [node.id for node in graph if node.id.startswith(f"{name}.")]
    if name in graph.scopes and inside:
        what = f"`{name}` is a {'stage' if graph.scopes[name].kind == 'stage' else 'block'}, not a node"
        help = f"its nodes are {_some(inside)}"
    elif found:
        what, help = f"{len(found)} nodes are called `{name}`", f"they are {_some([node.id for node in found])}"
    else:
        what = f"the network has no node `{name}`"
        ids = [node.id for node in graph]
        meant = nearest(name, ids)
        help = f"did you mean `{meant}`?" if meant else f"its nodes are {_some(ids)}"
    raise CompileError([Diagnostic("unknown-node", what, help=help)])


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:6]) + (f" and {len(ids) - 6} more" if len(ids) > 6 else "")


# --- sizes ---------------------------------------------------------------------------------


def _sizes(node: Node, inputs: tuple[Tensor, ...]) -> Iterator[Fact]:
    """The output's channels and its size in pixels, with their arithmetic if it follows from the op's window."""
    output = node.output
    for other in node.outputs[1:]:
        yield Fact("output", str(other))
    if not inputs or output.kind == "int":
        yield Fact("output", str(output))
        return
    yield _size("channels", output.channels, _channels(node, inputs))
    for dimension, (name, size) in enumerate(zip(output.sides, output.spatial, strict=False)):
        yield _size(name, size, _pixels(node, inputs, dimension))


UNCHANGED = "as it comes in"


def _size(name: str, size: int, worked: str) -> Fact:
    return Fact(name, str(size), origin=UNCHANGED) if worked == UNCHANGED else Fact(name, str(size), worked)


def _channels(node: Node, inputs: tuple[Tensor, ...]) -> str:
    channels = [tensor.channels for tensor in inputs]
    if "out" in type(node.op).model_fields:
        return "out"
    if len(channels) > 1 and sum(channels) == node.output.channels:
        return " + ".join(map(str, channels))
    return UNCHANGED if channels[0] == node.output.channels else ""


def _pixels(node: Node, inputs: tuple[Tensor, ...], dimension: int) -> str:
    """The arithmetic for an op with a sliding window, `floor((300 + 1 + 1 - 3) / 2) + 1`; else the empty text."""
    size = node.output.spatial[dimension]
    if dimension >= len(inputs[0].spatial):
        return ""
    before = inputs[0].spatial[dimension]
    window = node.op.window(*inputs)
    if window is None or window.so_far:
        return UNCHANGED if size == before else ""
    if window.everything:
        return ""
    found = length(window, dimension, before, size)
    if found is None:
        return ""
    if found.is_multiple:
        return f"{before} × {found.stretch}"
    if found.reach == found.stride == found.stretch == 1 and found.start + found.end == 0:
        return UNCHANGED
    wide = str(before) if found.stretch == 1 else f"({before} - 1) × {found.stretch} + 1"
    sum = f"{wide}{_signed(found.start)}{_signed(found.end)} - {found.reach}"
    rounding = "ceil" if found.rounded == "up" else "floor"
    return f"{rounding}(({sum}) / {found.stride}) + 1" if found.stride > 1 else f"{sum} + 1"


def _signed(padding: int) -> str:
    return "" if padding == 0 else f" {'+' if padding > 0 else '-'} {abs(padding)}"
