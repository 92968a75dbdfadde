"""A small graph -> a series of ops and of branches that meet again, as it is drawn from top to bottom.

An op carries the light ops behind it, up to an activation: convolution, BN and ReLU are one piece.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.backends.figures.items import data_inputs
from archdsl.backends.figures.label import SIGNS, notation, short
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Family

MOST = 400
"""Pieces of a graph that is looked at; larger ones fit no slide."""
SHOWN = 3
"""Equal branches that are drawn: two, and the last."""
TAIL = frozenset({Family.NORM, Family.ACTIVATION, Family.REGULARIZE})


class NotSeries(Exception):
    """The graph is no series of ops and of branches that meet again."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """An op with the light ops behind it. `inputs` is how many values it takes."""

    node: Node
    text: str
    chips: tuple[Node, ...]
    inputs: int

    @property
    def nodes(self) -> tuple[Node, ...]:
        return (self.node, *self.chips)

    @property
    def is_sign(self) -> bool:
        """Whether it is a sum or product of two values, a circle; other merges are bars."""
        return self.inputs == 2 and self.text in SIGNS

    @property
    def mark(self) -> tuple[object, ...]:
        """Equal for pieces that look alike."""
        chips = tuple(short(node.op) for node in self.chips)
        return (self.node.op.name, self.text, chips, self.inputs if self.inputs > 1 else 1)


@dataclass(frozen=True, slots=True, eq=False)
class Fork:
    """Branches side by side, an empty one for the identity; they meet in what follows.

    Of `total` equal branches the first two and the last stand here, if `total` is not 0: before the last, … is written.
    """

    branches: tuple[Series, ...]
    total: int = 0
    hidden: tuple[Series, ...] = ()


Series: TypeAlias = "tuple[Piece | Fork, ...]"


def series(graph: Graph) -> Series:
    """Raises `NotSeries`, also for networks of several inputs or outputs."""
    return _Reader(graph).read()


def pieces(of: Series, hidden: bool = False) -> Iterator[Piece]:
    """All ops, from top to bottom; with `hidden` also those of equal branches that are not drawn."""
    for member in of:
        if isinstance(member, Piece):
            yield member
        else:
            for branch in (*member.branches, *(member.hidden if hidden else ())):
                yield from pieces(branch, hidden)


class _Reader:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        if len(graph.inputs) != 1 or len(graph.outputs) != 1 or len(graph.outputs[0].values) != 1:
            raise NotSeries
        self.users: dict[str, list[str]] = {}
        for node in graph:
            if node.id not in graph.idle:
                for value in data_inputs(graph, node):
                    if value.port:
                        raise NotSeries
                    self.users.setdefault(value.node, []).append(node.id)
        self.pieces = self._pieces()
        self.home = {node.id: piece for piece in self.pieces for node in piece.nodes}
        self.after = {
            piece: [self.home[user] for user in self.users.get(piece.nodes[-1].id, [])] for piece in self.pieces
        }
        self.joins = self._joins()

    def read(self) -> Series:
        first, *_ = self.graph.inputs
        found = self._series(self.home[first.id], None)
        if sum(1 for _ in pieces(found, True)) != len(self.pieces):
            raise NotSeries
        return found

    def _pieces(self) -> list[Piece]:
        found: list[Piece] = []
        taken: set[str] = set()
        for node in self.graph:
            if node.id in taken or node.id in self.graph.idle:
                continue
            chips = self._tail(node) if node.op.family in (Family.CONV, Family.LINEAR) else ()
            taken |= {chip.id for chip in chips}
            found.append(Piece(node, notation(self.graph, node), chips, len(data_inputs(self.graph, node))))
            if len(found) > MOST:
                raise NotSeries
        return found

    def _tail(self, node: Node) -> tuple[Node, ...]:
        """The light ops behind one, up to the last activation; none where there is no activation."""
        tail: list[Node] = []
        while len(users := self.users.get((tail or [node])[-1].id, [])) == 1:
            other = self.graph.node(users[0])
            if other.op.family not in TAIL or self._is_result((tail or [node])[-1]):
                break
            tail.append(other)
        while tail and tail[-1].op.family is not Family.ACTIVATION:
            tail.pop()
        return tuple(tail)

    def _is_result(self, node: Node) -> bool:
        return Value(node.id) in self.graph.outputs[0].values

    def _joins(self) -> dict[Piece, Piece | None]:
        """For each piece the first behind it that all ways lead through."""
        joins: dict[Piece, Piece | None] = {}
        depth: dict[Piece, int] = {}
        for piece in reversed(self.pieces):
            users = self.after[piece]
            common: Piece | None = users[0] if users else None
            for user in users[1:]:
                other: Piece | None = user
                while common is not other and common is not None and other is not None:
                    if depth[common] >= depth[other]:
                        common = joins[common]
                    else:
                        other = joins[other]
                common = common if common is other else None
            joins[piece] = common
            depth[piece] = depth[common] + 1 if common is not None else 0
        return joins

    def _series(self, piece: Piece, stop: Piece | None) -> Series:
        """From a piece on, to before `stop`."""
        found: list[Piece | Fork] = []
        now: Piece | None = piece
        while now is not None and now is not stop:
            found.append(now)
            users = self.after[now]
            if len(users) > 1:
                join = self.joins[now]
                if join is None:
                    raise NotSeries
                found.append(self._fork(users, join))
                if join is stop:
                    break
                now = join
            else:
                now = users[0] if users else None
        return tuple(found)

    def _fork(self, users: Sequence[Piece], join: Piece) -> Fork:
        """What begins with these pieces, to before `join`. Branches that meet before it are one."""
        groups: dict[Piece | None, list[Piece]] = {}
        for user in users:
            groups.setdefault(None if user is join else self._last_before(user, join), []).append(user)
        branches: list[Series] = []
        for last, members in groups.items():
            if last is None:
                branches += [()] * len(members)
            elif len(members) == 1:
                branches.append(self._series(members[0], join))
            else:
                inner = self._meeting(members)
                branches.append((self._fork(members, inner), *self._series(inner, join)))
        return _gathered(branches)

    def _last_before(self, piece: Piece, join: Piece) -> Piece:
        """The last piece before `join` that all ways from a piece lead through; itself, if there is none."""
        while (behind := self.joins[piece]) is not join and behind is not None:
            piece = behind
        return piece

    def _meeting(self, members: Sequence[Piece]) -> Piece:
        """The first piece that all ways from all of these lead through."""
        common = set(self._way(members[0]))
        for member in members[1:]:
            common &= set(self._way(member))
        return next(piece for piece in self._way(members[0]) if piece in common)

    def _way(self, piece: Piece | None) -> Iterator[Piece]:
        while piece is not None:
            yield piece
            piece = self.joins[piece]


def _mark(of: Series) -> tuple[object, ...]:
    return tuple(member.mark if isinstance(member, Piece) else tuple(map(_mark, member.branches)) for member in of)


def _gathered(branches: Sequence[Series]) -> Fork:
    """Branches; where more than three are equal, the first two and the last."""
    marks = Counter(map(_mark, branches))
    mark, total = marks.most_common(1)[0]
    if total <= SHOWN or not mark:
        return Fork(tuple(branches))
    equal = [branch for branch in branches if _mark(branch) == mark]
    others = [branch for branch in branches if _mark(branch) != mark]
    return Fork((*others, *equal[: SHOWN - 1], equal[-1]), total, tuple(equal[SHOWN - 1 : -1]))
