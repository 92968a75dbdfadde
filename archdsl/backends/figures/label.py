"""What is written on things, in the papers' notation: `3×3, 64, /2`, `256×56×56`, `25.6 M`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from archdsl.analyses.notation import notation as papers_notation
from archdsl.analyses.notation import plain, size
from archdsl.ir.graph import Graph, Header, Node, Scope
from archdsl.naming import snake_case
from archdsl.ops.base import Family, Op

SIGNS = ("+", "×")
"""Merges that are drawn as their sign in a circle."""


def notation(graph: Graph, node: Node) -> str:
    """An op with what a reader of the paper's table looks for: kernel, output channels, stride."""
    if node.op.family is Family.INPUT:
        return node.label or node.name
    return papers_notation(graph, node, short(node.op))


def short(op: Op) -> str:
    return op.short if op.short is not None else op.name.replace("_", " ")


def network_name(header: Header) -> str:
    """`ResNet 50`, or what was set where no variant was chosen."""
    if header.variant:
        return f"{header.name} {header.variant}"
    given = [f"{s.name} {plain(s.value)}" for s in header.settings if s.origin == "given"]
    return " ".join([header.name, ", ".join(given)]).strip()


def scope_name(scope: Scope) -> str:
    """What stands on a scope's box: a stage's title or name, a block's name and its use's own (`as`)."""
    if scope.kind in ("stage", "output"):
        return scope.title or scope.name
    named = scope.parent is not None and scope.copy is None and scope.kind == "block"
    if scope.block and named and not scope.name.startswith(snake_case(scope.block)):
        return f"{scope.block} {scope.name}"
    if scope.copy and not scope.block and scope.parent:
        index, total = scope.copy
        return f"{scope.parent.rpartition('.')[2]} {index + 1} of {total}"
    return scope.block or scope.name


class ShownArgument(NamedTuple):
    """One argument of a use of a block as it is written. `clear`: it says by itself what it is."""

    name: str
    text: str
    clear: bool


def block_arguments(graph: Graph, scope: Scope) -> list[ShownArgument]:
    """What sets a use of a block apart from this network's other uses of it: `128`, `/2`."""
    uses = [other.arguments for other in graph.scopes.values() if other.block == scope.block]
    told = []
    for i, (name, value) in enumerate(scope.arguments):
        values = [use[i][1] for use in uses if len(use) == len(scope.arguments)]
        if len(set(map(repr, values))) > 1:
            told.append(_block_argument(name, value, values))
    return [argument for argument in told if argument.text]


SMALL = 10
"""Numbers below are sizes only where other uses have larger ones."""


def _block_argument(name: str, value: Any, values: Sequence[Any]) -> ShownArgument:
    """One use's value of those of all uses. Sizes stand without their names; small numbers with them, if not usual."""
    usual = max(values, key=values.count)
    small = all(isinstance(other, int) and other < SMALL for other in values)
    if name == "stride":
        return ShownArgument(name, f"/{size(value)}" if value != 1 else "", True)
    if name == "kernel":
        return ShownArgument(name, f"{value}×{value}" if isinstance(value, int) else size(value), True)
    if isinstance(value, bool):
        return ShownArgument(name, name if value else "", True)
    if isinstance(value, float) or (isinstance(value, int) and small):
        return ShownArgument(name, f"{name} {plain(value)}" if value != usual else "", True)
    return ShownArgument(name, plain(value) if isinstance(value, int) else "", False)


def listed(arguments: Iterable[ShownArgument]) -> str:
    return ", ".join(argument.text for argument in arguments)
