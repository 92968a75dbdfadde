"""What to do about a fact that does not hold: a default of the language that was not meant, or another number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from archdsl.elaborate.values import Problem
from archdsl.ir.graph import Graph, Node
from archdsl.ir.rewrite import replaced
from archdsl.ops.base import Family, Mismatch


class Change(NamedTuple):
    """An argument that is seldom written, what it is then, and what may have been meant."""

    argument: str
    defaults: tuple[Any, ...]
    meant: Any
    families: tuple[Family, ...]
    why: str


PADDED = "where no padding is written it is `same` here, and 0 in PyTorch, Keras and Caffe"
BIASED = "where nothing is written of a bias there is one, as in PyTorch; papers often leave it out before `bn`"

CHANGES = (
    Change("padding", ("same", None), 0, (Family.CONV, Family.POOL), PADDED),
    Change("padding", ("same", None), 0, (Family.CONV,), PADDED),
    Change("padding", ("same", None), 0, (Family.POOL,), PADDED),
    Change("bias", (True,), False, (Family.CONV,), BIASED),
    Change("bias", (True,), False, (Family.CONV, Family.LINEAR), BIASED),
)
"""Changes of all ops of some kinds that may have been meant, the likeliest first."""


class Advice(NamedTuple):
    """Why a fact may not hold, and what to write."""

    why: str
    help: str


def meant_otherwise(graph: Graph, holds: Callable[[Graph], bool]) -> Advice | None:
    """The defaults with which a fact of the graph would hold, if there are some that people expect."""
    for change in CHANGES:
        nodes = [node for node in graph if node.op.family in change.families and _has_default(node, change)]
        if nodes and _holds(_changed(graph, nodes, change), holds):
            return Advice(change.why, f"write on a new line: `{_defaults(nodes, change)}`: then it holds")
    return None


def _has_default(node: Node, change: Change) -> bool:
    """Whether an op has the argument, and nothing was written of it."""
    fields = dict(node.op)
    has_default = change.argument in fields and fields[change.argument] in change.defaults
    return has_default and change.argument not in dict(node.written)


def _changed(graph: Graph, nodes: Iterable[Node], change: Change) -> Graph:
    update = {change.argument: change.meant}
    return replaced(graph, {node.id: node.op.model_copy(update=update) for node in nodes})


def _defaults(nodes: Iterable[Node], change: Change) -> str:
    value = str(change.meant).lower()
    names = dict.fromkeys(node.op.name for node in nodes)
    return f"defaults: {', '.join(f'{name}({change.argument}={value})' for name in names)}"


def _holds(graph: Graph, holds: Callable[[Graph], bool]) -> bool:
    """Also that every op can take what it gets then."""
    try:
        shapes_fit = all(node.op.outputs(*graph.tensors_into(node.id)) == node.outputs for node in graph)
        return shapes_fit and holds(graph)
    except (Mismatch, LookupError, Problem):
        return False
