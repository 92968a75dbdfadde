"""What a figure shows: rows of ops, closed boxes, opened frames, tags; and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from archdsl.analyses import totals
from archdsl.backends.figures.label import SIGNS, short
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.ops.base import Family

LIGHT = frozenset({Family.NORM, Family.ACTIVATION, Family.REGULARIZE, Family.RESHAPE})
"""Families that share a row with the op they follow, or precede."""

Alike: TypeAlias = tuple[tuple[str, ...], ...]
"""Where one thing is drawn for several: the paths of what each consists of, in one order, first of what is drawn."""


class _Repeated:
    """What may be drawn once for several that follow one another, or lie side by side."""

    __slots__ = ()
    alike: Alike

    @property
    def count(self) -> int:
        """How many it stands for."""
        return max(len(self.alike), 1)


class _OfScope(_Repeated):
    __slots__ = ()
    scope: Scope

    @property
    def ends(self) -> tuple[str, str]:
        """The paths of what takes the inputs, and of what makes the outputs."""
        return self.scope.path, self.scope.path


@dataclass(frozen=True, slots=True)
class OpRow(_Repeated):
    """Ops one after the other. `scopes` are blocks with the part of the row that is all they hold: first and end."""

    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    scopes: tuple[tuple[Scope, int, int], ...] = ()
    alike: Alike = ()

    @property
    def ends(self) -> tuple[str, str]:
        """The paths of what takes the row's inputs, and of what makes its outputs."""
        return self.nodes[0].id, self.nodes[-1].id


@dataclass(frozen=True, slots=True)
class Box(_OfScope):
    """A scope that is not opened, or several alike in a row. `view` is what is not shown of the first.

    `rest`: it stands for all items of `view`, for which there is no room (`fold.py`).
    """

    scope: Scope
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    view: View
    alike: Alike = ()
    rest: bool = False


@dataclass(frozen=True, slots=True)
class OpenScope(_OfScope):
    """An opened scope. Of several alike the first is shown: `view` has its values, in the order of ours.

    `more`: it goes on from elsewhere. `title`: it is no scope, but so many paths side by side, built alike.
    """

    scope: Scope
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    view: View
    alike: Alike = ()
    more: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """A name in place of a line: where a value goes (several, with commas), or where it comes from."""

    text: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    @property
    def ends(self) -> tuple[str, str]:
        return f"tag {self.text}", f"tag {self.text}"


Item = OpRow | Box | OpenScope | Tag


@dataclass(frozen=True, slots=True)
class View:
    """Items in an order in which each follows those it takes from; `inputs` and `outputs` cross the border."""

    items: tuple[Item, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is opened: `depth` levels of scopes, and all that match one of the patterns.

    `once`: of blocks that are built alike, but for their numbers, the first only. `loosely`: paths that are alike
    but for their numbers are drawn as one. `own`: uses of this block stay closed, as it is drawn from the inside.
    `most`: of more items on the outermost way, the inner ones are one box; 0 where all are drawn. `closed`: the paths
    of what is not opened all the same.
    """

    depth: int
    expand: tuple[str, ...] = ()
    once: bool = False
    loosely: bool = False
    own: str | None = None
    most: int = 0
    closed: tuple[str, ...] = ()


def nodes_of(graph: Graph, item: Box | OpRow) -> list[Node]:
    """All ops that a box stands for, those of its repeats included."""
    if isinstance(item, Box) and item.rest:
        return [node for inner in item.view.items if isinstance(inner, Box | OpRow) for node in nodes_of(graph, inner)]
    if item.alike:
        return [node for (path,) in item.alike for node in totals.nodes_in(graph, path, training=True)]
    return list(item.nodes) if isinstance(item, OpRow) else totals.nodes_in(graph, item.scope.path, training=True)


def data_inputs(graph: Graph, node: Node) -> tuple[Value, ...]:
    """A node's inputs but for those that only lend their size."""
    inputs = graph.inputs_of(node.id)
    lent = sum(name not in node.op.operands for name in node.op.values_given())
    return inputs[: len(inputs) - lent]


def value_name(value: Value) -> str:
    """A value in a written figure: `conv1`, and `split:1` of an op's second output."""
    return f"{value.node}:{value.port}" if value.port else value.node


def is_bar(node: Node, graph: Graph) -> bool:
    """Whether a merge is drawn as a bar into which its inputs fall, not as a sign in a circle."""
    if node.op.family is not Family.MERGE:
        return False
    return short(node.op) not in SIGNS or len(graph.inputs_of(node.id)) != 2
