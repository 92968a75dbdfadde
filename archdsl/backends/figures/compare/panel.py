"""One small network as a panel: branches side by side, an op's height given by its row, lines from op to op."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from archdsl.backends.figures import parts
from archdsl.backends.figures.compare.look import alone, path
from archdsl.backends.figures.compare.series import Fork, Piece, Series, pieces
from archdsl.backends.figures.items import value_name
from archdsl.backends.figures.label import SIGNS
from archdsl.backends.figures.scene import Group, Item, Line, Point, Shape, Text, Wire
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Value
from archdsl.ops.base import Family

HIGH = 24.0
"""Of a box."""
CHIP, NEXT = 8.0, 2.0
"""Across a light op, and from it to what is before it."""
DISC = 20.0
"""Across a sign."""
LANE = 20.0
"""For an identity at the left of other branches."""
SKIP, BUS = 4.0, 10.0
"""Below an op: where an identity turns aside, and where branches do."""


class Room(NamedTuple):
    """How much is left free: between a text and its box, between branches, and more for … between equal ones."""

    padding: float
    gap: float
    dots: float


WIDE, TIGHT = Room(7.0, 14.0, 18.0), Room(5.0, 8.0, 12.0)


@dataclass(frozen=True, slots=True)
class Way:
    """A line that has not arrived: its points so far, what it comes from, and whether it is an identity."""

    points: tuple[Point, ...]
    source: str
    value: str
    skip: bool = False


class Panel:
    """Widths and places of one network. `rows` is the row of each piece, once it is known, in rows from 0."""

    def __init__(self, of: Series, network: int, theme: Theme, chips: bool, room: Room) -> None:
        self.start, *rest = of
        self.series: Series = tuple(rest)
        self.network, self.theme, self.chips, self.room = network, theme, chips, room
        self.x: dict[Piece, float] = {}
        self.spans: dict[Piece, tuple[float, float]] = {}
        self.axes: dict[int, list[float]] = {}
        self.folds: dict[Piece, int] = {}
        self.left, self.right = self._measure(self.series)
        self._place(self.series, 0.0)

    # --- across ---

    def _wide(self, piece: Piece) -> float:
        return DISC if piece.is_sign else width(self.text(piece), SIZE) + 2 * self.room.padding

    def text(self, piece: Piece) -> str:
        """What stands in a box; of equal branches that meet in it, how many they are."""
        many = self.folds.get(piece, 0)
        return f"{piece.text} of {many}" if many else piece.text

    def _aside(self, piece: Piece) -> float:
        return (CHIP + NEXT) * len(piece.chips) if self.chips else 0.0

    def _measure(self, of: Series) -> tuple[float, float]:
        left = right = 0.0
        for i, member in enumerate(of):
            if isinstance(member, Piece):
                half = (self._wide(member) + self._aside(member)) / 2
                size = half, half
            else:
                join = self._join(of, i)
                if join is not None and member.total:
                    self.folds[join] = member.total
                size = self._fork(member, join)
            left, right = max(left, size[0]), max(right, size[1])
        return left, right

    def _join(self, of: Series, i: int) -> Piece | None:
        after = of[i + 1] if i + 1 < len(of) else None
        return after if isinstance(after, Piece) else None

    def _fork(self, fork: Fork, join: Piece | None) -> tuple[float, float]:
        main, side = self._main(fork, join)
        if main is not None:
            left, right = self._measure(main)
            own = sum(self._measure(side)) + self.room.gap if side else LANE
            return left + own, right
        real = [branch for branch in fork.branches if branch]
        lanes = LANE * (len(fork.branches) - len(real))
        if len(real) == 1:
            left, right = self._measure(real[0])
            return left + lanes, right
        total = (
            lanes
            + sum(sum(self._measure(b)) for b in real)
            + self.room.gap * (len(real) - 1)
            + self.room.dots * bool(fork.total)
        )
        return total / 2, total / 2

    def _main(self, fork: Fork, join: Piece | None) -> tuple[Series | None, Series]:
        """Of two branches into a sign: that which runs straight down, and that which comes from the left."""
        if join is None or not join.is_sign or len(fork.branches) != 2:
            return None, ()
        one, other = fork.branches
        longer = sum(1 for _ in pieces(one)) >= sum(1 for _ in pieces(other))
        return (one, other) if longer else (other, one)

    def _place(self, of: Series, x: float) -> None:
        for i, member in enumerate(of):
            if isinstance(member, Piece):
                self.x[member] = x
                begin = x - (self._wide(member) + self._aside(member)) / 2
                before = of[i - 1] if i else None
                axes = self.axes.get(id(before), []) if member.inputs > 1 and not member.is_sign else []
                low, high = begin, begin + self._wide(member)
                self.spans[member] = min([low, *(a - 12 for a in axes)]), max([high, *(a + 12 for a in axes)])
            else:
                self.axes[id(member)] = self._place_fork(member, self._join(of, i), x)

    def _place_fork(self, fork: Fork, join: Piece | None, x: float) -> list[float]:
        """Places branches; gives the axis of each, of an identity its lane."""
        main, side = self._main(fork, join)
        if main is not None:
            left, _ = self._measure(main)
            own = x - left - self.room.gap - self._measure(side)[1] if side else x - left - LANE / 2
            self._place(main, x)
            self._place(side, own)
            return [x if branch is main else own for branch in fork.branches]
        real = [branch for branch in fork.branches if branch]
        start, _ = self._fork(fork, join)
        edge, axes = x - start, []
        lanes = iter([edge + LANE * (i + 0.4) for i in range(len(fork.branches) - len(real))])
        edge += LANE * (len(fork.branches) - len(real))
        for branch in fork.branches:
            if not branch:
                axes.append(next(lanes))
                continue
            if fork.total and branch is fork.branches[-1]:
                edge += self.room.dots
            left, right = self._measure(branch)
            axes.append(edge + left)
            self._place(branch, edge + left)
            edge += left + right + self.room.gap
        return axes

    # --- down ---

    def depths(self) -> list[list[Piece]]:
        """The pieces in each row, by the longest way from the top."""
        rows: list[list[Piece]] = []

        def put(of: Series, row: int) -> int:
            for member in of:
                if isinstance(member, Piece):
                    rows.extend([] for _ in range(row + 1 - len(rows)))
                    rows[row].append(member)
                    row += 1
                else:
                    row = max(put(branch, row) for branch in member.branches)
            return row

        put(self.series, 0)
        return rows

    def times(self) -> dict[Piece, int]:
        """For how many equal ops each stands: the last of equal branches for those that are not drawn, too."""
        found: dict[Piece, int] = {}

        def visit(of: Series, many: int) -> None:
            for member in of:
                if isinstance(member, Piece):
                    found[member] = many
                    continue
                for branch in member.branches:
                    last = branch is member.branches[-1]
                    visit(branch, many * (1 + len(member.hidden) * last))

        visit(self.series, 1)
        return found

    def spread(self, own: dict[Piece, float], last: float) -> dict[Piece, float]:
        """The row of each piece, of which short branches beside longer ones stand evenly in what these take."""
        rows = dict(own)

        def visit(of: Series, low: float, high: float) -> None:
            for i, member in enumerate(of):
                if isinstance(member, Piece):
                    low = rows[member] + 1
                    continue
                after = of[i + 1] if i + 1 < len(of) else None
                end = rows[after] - 1 if isinstance(after, Piece) else high
                several = sum(1 for branch in member.branches if branch) > 1
                for branch in member.branches:
                    chain = [piece for piece in branch if isinstance(piece, Piece)]
                    if several and len(chain) == len(branch):
                        step = (end - low + 1) / max(len(chain), 1)
                        rows.update({piece: low + (k + 0.5) * step - 0.5 for k, piece in enumerate(chain)})
                    visit(branch, low, end)

        visit(self.series, 0, last)
        return rows

    # --- drawing ---

    def items(self, y: Callable[[Piece], float], top: float, bottom: float, only: set[Piece]) -> Iterator[Item]:
        """Lines, then boxes. `y` gives the middle of each piece; the line from the input comes from `top`."""
        assert isinstance(self.start, Piece)
        self.y = y
        lines: list[Item] = []
        dots: list[Item] = []
        entry = Way(((0.0, top),), path(self.network, self.start.node.id), value_name(Value(self.start.node.id)))
        (end,) = self._run(self.series, [entry], lines, dots)
        wire = Wire(end.value, end.source)
        yield from lines
        yield Line((*end.points, (end.points[-1][0], bottom)), self.theme.ink, arrow=True, wire=wire)
        yield from dots
        for piece in pieces(self.series):
            yield self._box(piece, piece in only)

    def _run(self, of: Series, ways: list[Way], lines: list[Item], dots: list[Item]) -> list[Way]:
        for member in of:
            if isinstance(member, Piece):
                lines += [self._line(way, member) for way in ways]
                y = self.y(member) + (DISC if member.is_sign else HIGH) / 2
                last = member.nodes[-1].id
                ways = [Way(((self.x[member], y),), path(self.network, last), value_name(Value(last)))]
            else:
                (way,) = ways
                axes = self.axes[id(member)]
                ways = []
                for branch, x in zip(member.branches, axes, strict=True):
                    ways += self._run(branch, [way], lines, dots) if branch else [self._identity(way, x)]
                if member.total:
                    dots += self._dots(member)
        return ways

    def _identity(self, way: Way, x: float) -> Way:
        (startx, y), *_ = way.points
        return replace(way, points=((startx, y), (startx, y + SKIP), (x, y + SKIP)), skip=True)

    def _line(self, way: Way, piece: Piece) -> Line:
        x, y = way.points[-1]
        middle, high = self.y(piece), (DISC if piece.is_sign else HIGH) / 2
        low, right = self.spans[piece]
        if piece.is_sign and abs(x - self.x[piece]) > 1:
            points: tuple[Point, ...] = (*way.points, (x, middle), (low, middle))
        elif abs(x - self.x[piece]) < 0.01 or (piece.inputs > 1 and low < x < right):
            points = (*way.points, (x, middle - high))
        else:
            points = (*way.points, (x, y + BUS), (self.x[piece], y + BUS), (self.x[piece], middle - high))
        stroke, line = (self.theme.skip, 1.8) if way.skip else (self.theme.ink, 1.4)
        wire = Wire(way.value, way.source, path(self.network, piece.node.id))
        return Line(points, stroke, line, (), True, len(points) > 2, wire=wire)

    def _dots(self, fork: Fork) -> Iterator[Text]:
        """`…` before the last of equal branches, beside each of its ops."""
        *_, before, last = fork.branches
        for one, other in zip(pieces(before), pieces(last), strict=True):
            x = (self.spans[one][1] + self._aside(one) + self.spans[other][0]) / 2
            yield Text(x, self.y(one), "…", SIZE, self.theme.ink, True)

    def _box(self, piece: Piece, only: bool) -> Group:
        low, high = self.spans[piece]
        y, family = self.y(piece), piece.node.op.family
        if piece.is_sign:
            items = parts.sign(self.x[piece], y, piece.text, self.theme, DISC)
            items = (self._look(_shape(items[0]), only), *items[1:])
        else:
            shape = parts.box(low, y - HIGH / 2, high - low, HIGH, family, self.theme)
            if family is Family.MERGE:
                shape = replace(shape, fill=self.theme.stage, line=1.4)
            items = (self._look(shape, only), *self._label(piece, y))
        id = path(self.network, piece.node.id)
        data = (("kind", "op"), ("path", id), ("op", piece.node.op.name), ("output", str(piece.node.output)))
        chips = self._chips(piece, high, y) if self.chips else ()
        return Group((Group(items, id, piece.text, (*data, ("only", str(int(only))))), *chips))

    def _look(self, shape: Shape, only: bool) -> Shape:
        return alone(shape, self.theme) if only else shape

    def _label(self, piece: Piece, y: float) -> Sequence[Item]:
        text, x = self.text(piece), (self.spans[piece][0] + self.spans[piece][1]) / 2
        if piece.text in SIGNS:
            of = text.removeprefix(piece.text).strip() or f"of {piece.inputs}"
            disc = parts.sign(x - 8 - width(of, SIZE) / 2, y, piece.text, self.theme, 16)
            return (*disc, Text(x + 6, y, of, SIZE, self.theme.ink))
        return (Text(x, y, text, SIZE, self.theme.ink),)

    def _chips(self, piece: Piece, x: float, y: float) -> Iterator[Item]:
        for i, node in enumerate(piece.chips):
            left = x + NEXT + i * (CHIP + NEXT)
            shape = parts.box(left, y - HIGH / 2, CHIP, HIGH, node.op.family, self.theme)
            shape = replace(shape, radius=min(shape.radius, CHIP / 2), corner=shape.corner)
            id = path(self.network, node.id)
            yield Group((shape,), id, node.op.name, (("kind", "op"), ("path", id), ("op", node.op.name)))


def _shape(item: Item) -> Shape:
    assert isinstance(item, Shape)
    return item
