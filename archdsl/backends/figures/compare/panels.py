"""Small networks side by side, every op drawn: a panel each, and the same row for each depth in all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from archdsl.analyses.notation import count, shape
from archdsl.backends.figures import parts
from archdsl.backends.figures.compare.align import align
from archdsl.backends.figures.compare.look import Drawing, alone, counter
from archdsl.backends.figures.compare.names import Told
from archdsl.backends.figures.compare.panel import TIGHT, WIDE, Panel, Room
from archdsl.backends.figures.compare.places import pushed_apart
from archdsl.backends.figures.compare.series import Fork, NotSeries, Piece, Series, pieces, series
from archdsl.backends.figures.items import value_name
from archdsl.backends.figures.label import short
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE, LINE, Key, key
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Group, Item, Line, Shape, Text, Wire, moved
from archdsl.backends.figures.style import LOOKS, SIZE, mix
from archdsl.backends.figures.text import width, wrap
from archdsl.ir.graph import Graph
from archdsl.ops.base import Family

BETWEEN = 16.0
"""From one panel to the next."""
INSIDE = 10.0
"""In a panel, at each side."""
CLOSEST, WIDEST = 46.0, 66.0
"""From one row to the next."""
ENTRY, EXIT = 40.0, 40.0
"""Above the first row and below the last: room for the line that enters or leaves, and its shape."""
COSTS, BAR = 104.0, 30.0
"""Room for the bars of costs below a panel, and across a bar."""


def panels(graphs: Sequence[Graph], about: Told, options: Options) -> Drawing | None:
    """The panels; None where a network does not fit one, or is no series of branches that meet again."""
    try:
        read = [series(graph) for graph in graphs]
    except NotSeries:
        return None
    for room in (WIDE, TIGHT):
        drawing = _Panels(graphs, read, about, options, room)
        if drawing.fits:
            return Drawing(drawing.picture(), list(drawing.keys()))
    return None


class _Panels:
    def __init__(
        self, graphs: Sequence[Graph], read: Sequence[Series], about: Told, options: Options, room: Room
    ) -> None:
        self.graphs, self.series, self.about, self.options = graphs, read, about, options
        self.theme = options.colours
        self.tail = self._common_tail()
        self.panels = [Panel(of, i, self.theme, not self.tail, room) for i, of in enumerate(read)]
        self.wide = (options.paper.width - 2 * EDGE - BETWEEN * (len(read) - 1)) / len(read)
        self.own = [
            wrap(told, SIZE, self._beside(name, told)) for name, told in zip(about.names, about.own, strict=True)
        ]
        self.rows = self._rows()
        self.count = 1 + max((max(rows.values(), default=0) for rows in self.rows), default=0)
        self.only = self._only()
        self.pitch = min(self._free() / self.count, WIDEST)
        self.high = self.head + ENTRY + self.pitch * self.count + EXIT

    # --- what fits ---

    def _beside(self, name: str, told: str) -> float:
        """How wide what is said of a network may be: beside its name, else in lines below it."""
        beside = self.wide - 3 * INSIDE - width(name, SIZE, True)
        return beside if width(told, SIZE) <= beside else self.wide - 2 * INSIDE

    @property
    def head(self) -> float:
        """The height of the names, and of what stands below them."""
        below = [0 if self._fits_beside(i) else len(lines) for i, lines in enumerate(self.own)]
        return 28 + LINE * max(below)

    def _fits_beside(self, i: int) -> bool:
        told = self.about.own[i]
        return not told or width(self.about.names[i], SIZE, True) + width(told, SIZE) + 3 * INSIDE <= self.wide

    def _free(self) -> float:
        """The height that is left for rows."""
        keys = sum(long + 20 for long, _ in self.keys())
        legend = 8 + LINE * (1 + int(keys // (self.options.paper.width - 2 * EDGE)))
        high = self.options.paper.height - 2 * EDGE - 1.5 * LINE - legend - 6
        return high - self.head - ENTRY - EXIT - COSTS * bool(self.options.cost)

    @property
    def fits(self) -> bool:
        if self.pitch < CLOSEST or any(width(n, SIZE, True) + 2 * INSIDE > self.wide for n in self.about.names):
            return False
        inner = self.wide - 2 * INSIDE
        labels = [max(p.right, 6 + width(s, SIZE, True)) for p in self.panels for s in self._shapes(p.network)]
        if any(panel.left + panel.right > inner for panel in self.panels) or max(labels) > inner:
            return False
        bars = [sum(self._bar_width(bar) + 6 for bar in self._bars(i)) for i in range(len(self.panels))]
        return not self.options.cost or max(bars) <= inner

    # --- rows ---

    def _rows(self) -> list[dict[Piece, float]]:
        """The row of each piece, of all panels: rows of like ops are one, in the order that all have."""
        depths = [panel.depths() for panel in self.panels]
        times = {piece: n for panel in self.panels for piece, n in panel.times().items()}
        places = align(depths, lambda one, other: _likeness(one, other, times))
        found: list[dict[Piece, float]] = [{} for _ in self.panels]
        for row, place in enumerate(places):
            for own, held in zip(found, place, strict=True):
                own.update(dict.fromkeys(held or (), float(row)))
        last = float(len(places) - 1)
        return [panel.spread(own, last) for panel, own in zip(self.panels, found, strict=True)]

    def _only(self) -> set[Piece]:
        """Pieces of which there are more than in any other panel."""
        counts = [Counter(piece.mark for piece in pieces(of, True)) for of in self.series]
        return {
            piece
            for i, of in enumerate(self.series)
            for piece in pieces(of)
            if counts[i][piece.mark] > max(other[piece.mark] for j, other in enumerate(counts) if j != i)
        }

    def _common_tail(self) -> tuple[str, ...]:
        """The light ops behind every layer, if all have the same: the legend then says so, and none is drawn."""
        tails = {
            tuple(short(chip.op) for chip in piece.chips)
            for of in self.series
            for piece in pieces(of)
            if piece.node.op.family in (Family.CONV, Family.LINEAR)
        }
        return next(iter(tails)) if len(tails) == 1 else ()

    # --- the picture ---

    def picture(self) -> Picture:
        items: list[Item] = []
        for i in range(len(self.panels)):
            items += [moved(item, i * (self.wide + BETWEEN), 0) for item in self._panel(i)]
        high = self.high + COSTS * bool(self.options.cost)
        return Picture(0, len(self.panels) * (self.wide + BETWEEN) - BETWEEN, high, tuple(items))

    def _panel(self, i: int) -> Iterator[Item]:
        panel, theme = self.panels[i], self.theme
        axis = (self.wide - panel.left - panel.right) / 2 + panel.left
        yield Shape(0, 0, self.wide, self.high, None, theme.border, 1.2, (), "round", 8)
        yield from self._name(i)
        top = self.head + ENTRY - 18
        came, made = self._shapes(i)
        source = self.graphs[i].inputs[0].id
        wire = Wire(source, "", f"{i + 1}/{source}")
        yield Line(((axis, self.head), (axis, top)), theme.ink, wire=wire)
        yield Text(axis + 6, self.head + 9, came, SIZE, theme.ink, True, "start", source)
        bottom = self.high - 8
        drawn = panel.items(lambda piece: self._y(i, piece), top, bottom, self.only)
        yield from (moved(item, axis, 0) for item in drawn)
        value = value_name(self.graphs[i].outputs[0].values[0])
        yield Text(axis + 6, self.high - EXIT + 12, made, SIZE, theme.ink, True, "start", value)
        if self.options.cost:
            yield from (moved(item, 0, self.high) for item in self._cost_bars(i, axis))

    def _y(self, i: int, piece: Piece) -> float:
        return self.head + ENTRY + self.pitch * (self.rows[i][piece] + 0.5)

    def _shapes(self, i: int) -> tuple[str, str]:
        graph = self.graphs[i]
        return shape(graph.inputs[0].output), shape(graph.tensor(graph.outputs[0].values[0]))

    def _name(self, i: int) -> Iterator[Text]:
        yield Text(INSIDE, 16, self.about.names[i], SIZE, self.theme.ink, True, "start")
        if self._fits_beside(i):
            if self.about.own[i]:
                yield Text(self.wide - INSIDE, 16, self.about.own[i], SIZE, self.theme.faint, False, "end")
            return
        for k, line in enumerate(self.own[i]):
            yield Text(INSIDE, 16 + LINE * (k + 1), line, SIZE, self.theme.faint, False, "start")

    # --- costs ---

    def _bars(self, i: int) -> list[tuple[Piece, int]]:
        """Each op that costs, from left to right, with its cost: of equal branches all at the first."""
        _, of = counter(self.options.cost or "macs")
        costs: list[tuple[Piece, int]] = []

        def visit(members: Series, times: int) -> None:
            for member in members:
                if isinstance(member, Piece):
                    costs.append((member, times * of(self.graphs[i], member.nodes)))
                    continue
                for k, branch in enumerate(member.branches):
                    visit(branch, _times(member, k) * times)

        visit(self.panels[i].series, 1)
        found = [(piece, cost) for piece, cost in costs if cost]
        return sorted(found, key=lambda bar: (self.panels[i].x[bar[0]], self.rows[i][bar[0]]))

    def _bar_width(self, bar: tuple[Piece, int]) -> float:
        piece, cost = bar
        return max(width(count(cost), SIZE), width(_kernel(piece), SIZE), BAR)

    def _cost_bars(self, i: int, axis: float) -> Iterator[Item]:
        """One scale for all panels; y = 0 is the panel's lower edge."""
        cost, floor = str(self.options.cost), COSTS - 24
        most = max(value for k in range(len(self.panels)) for _, value in self._bars(k))
        bars = self._bars(i)
        wanted = [(axis + self.panels[i].x[bar[0]], self._bar_width(bar)) for bar in bars]
        for x, (piece, value) in zip(pushed_apart(wanted, self.wide, 6.0), bars, strict=True):
            tall = max(value / most * (floor - 26), 1.0)
            bar = parts.box(x - BAR / 2, floor - tall, BAR, tall, piece.node.op.family, self.theme)
            bar = alone(bar, self.theme) if piece in self.only else bar
            texts = (
                Text(x, floor - tall - 10, count(value), SIZE, self.theme.ink),
                Text(x, floor + 12, _kernel(piece), SIZE, self.theme.ink),
            )
            data = (("kind", "cost"), ("network", str(i + 1)), ("of", piece.node.id), (cost, str(value)))
            yield Group((bar, *texts), data=data)
        yield Line(((0, floor), (self.wide, floor)), self.theme.border, 1.0)

    # --- the legend ---

    def keys(self) -> Iterator[Key]:
        shown = [piece for of in self.series for piece in pieces(of[1:])]
        names: dict[Family, dict[str, None]] = {}
        for piece in shown:
            for node in (piece.node, *(() if self.tail else piece.chips)):
                names.setdefault(node.op.family, {})[short(node.op)] = None
        for family in LOOKS:
            if family in names and family not in (Family.INPUT, Family.MERGE):
                yield key(
                    self._family(family, list(names[family])),
                    (parts.box(0, 3, 26, 14, family, self.theme),),
                    self.theme,
                )
        if self.only:
            box = Shape(0, 3, 26, 14, self.theme.background, self.theme.ink)
            yield key(self._whose(), (alone(box, self.theme),), self.theme)
        if any(piece.is_sign and piece.text == "+" for piece in shown):
            yield key("sum", parts.sign(13, 10, "+", self.theme, 16), self.theme)
        if any(self._has_identity(panel.series) for panel in self.panels):
            yield key("skip", (Line(((0, 10), (26, 10)), self.theme.skip, 1.8, arrow=True),), self.theme)
        if self.options.cost:
            name, _ = counter(self.options.cost)
            grey = mix(self.theme.ink, self.theme.background, 0.2)
            yield key(f"bars: {name}", (Shape(8, 3, 10, 14, grey, self.theme.border),), self.theme)

    def _family(self, family: Family, names: Sequence[str]) -> str:
        light = family in (Family.NORM, Family.ACTIVATION) and len(names) == 1
        name = names[0] if light else family.value
        return ", ".join([name, *self.tail]) if family in (Family.CONV, Family.LINEAR) else name

    def _whose(self) -> str:
        owners = {i for i, of in enumerate(self.series) for piece in pieces(of) if piece in self.only}
        if len(owners) == 1:
            return f"only in {self.about.names[min(owners)]}"
        return "where they differ"

    def _has_identity(self, of: Series) -> bool:
        forks = [member for member in of if isinstance(member, Fork)]
        return any(not branch or self._has_identity(branch) for fork in forks for branch in fork.branches)


def _likeness(one: Sequence[Piece], other: Sequence[Piece], times: Mapping[Piece, int]) -> float:
    """Of two rows: the part of their ops that is equal; any two may be one row."""
    a, b = _marks(one, times), _marks(other, times)
    shared = sum((a & b).values()) / max(sum(a.values()), sum(b.values()))
    alike = {piece.node.op.name for piece in one} & {piece.node.op.name for piece in other}
    return 1.0 if shared == 1 else 0.2 + 0.05 * bool(alike) + 0.6 * shared


def _marks(row: Sequence[Piece], times: Mapping[Piece, int]) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for piece in row:
        found[piece.mark] += times[piece]
    return found


def _times(fork: Fork, number: int) -> int:
    """For how many branches the costs of one stand."""
    if not fork.total:
        return 1
    first = len(fork.branches) - 3
    return fork.total if number == first else int(number < first)


def _kernel(piece: Piece) -> str:
    """`3×3`: what stands below a bar."""
    return piece.text.partition(",")[0]
