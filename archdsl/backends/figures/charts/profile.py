"""Along the depth of a network: multiply-adds, parameters and memory of each part, and how far each sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from typing import NamedTuple

from archdsl.analyses import totals
from archdsl.analyses.notation import count
from archdsl.backends.figures.charts.room import Area, Room, along, between
from archdsl.backends.figures.charts.slots import (
    EVERYTHING,
    FINENESS,
    NOTHING,
    Band,
    Fineness,
    Slot,
    bands,
    holding_themselves,
)
from archdsl.backends.figures.options import Options, Paper
from archdsl.backends.figures.page import EDGE, LINE, page
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Group, Item, Line, Point, Scene, Shape, Text
from archdsl.backends.figures.style import BLUE, GREEN, ORANGE, PURPLE, SIZE, mix
from archdsl.backends.figures.text import balanced, width, wrap
from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Family

NARROWEST: Mapping[Fineness, float] = {"layer": 16.0, "inner block": 12.0, "block": 12.0, "stage": 12.0}
"""A slot, in points: where it would be narrower, slots become coarser."""
WIDEST = 64.0
"""A slot of the widest bars."""
BESIDE = 118.0
"""The names of the lanes, left of them."""
GAP = 8.0
"""Between two bands."""
HEADROOM = 20.0
"""Above the bars of a lane: the number on the tallest."""
BELOW = 12.0
"""Between a lane's base and the next lane."""
LEAST = 240.0
"""The height of the lanes, where the page is low."""


class Lane(NamedTuple):
    """One quantity: its name, the words below it, the number of a slot, how it is written, its colour and tint."""

    name: str
    about: str
    of: Callable[[Slot], int]
    written: Callable[[int], str]
    colour: str
    tint: float


LANES = (
    Lane("MACs", "of each {}", lambda slot: slot.macs, count, ORANGE, 0.45),
    Lane("parameters", "of each {}", lambda slot: slot.params, count, BLUE, 0.9),
    Lane("outputs", "memory, fp32", lambda slot: slot.memory, lambda number: count(number, "B"), PURPLE, 0.55),
)


def profile(graph: Graph, options: Options) -> Scene:
    """A slot for each layer with weights and each pool; where these become too narrow, for each block or stage."""
    plan = _planned(graph, options.paper)
    return page(graph, "profile", _Drawing(graph, plan, options).picture(), options, ())


# --- how wide everything is ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """The bands with the left edge and the width of each, and the lines of its title; `pitch` is a slot's width.

    `upright`: titles are turned, since the bands are narrower than their words.
    """

    fineness: Fineness
    bands: tuple[Band, ...]
    places: tuple[tuple[float, float], ...]
    titles: tuple[tuple[str, ...], ...]
    pitch: float
    upright: bool

    @property
    def right(self) -> float:
        left, wide = self.places[-1]
        return left + wide


def _planned(graph: Graph, paper: Paper) -> Plan:
    """The finest slots that are wide enough; of stages, whatever fits, and a wider page where nothing does."""
    room = paper.width - 2 * EDGE - BESIDE
    finenesses = [fineness for fineness in FINENESS if fineness != "inner block" or holding_themselves(graph)]
    every = bands(graph, finenesses)
    for short, upright in ((False, False), (True, False), (True, True)):
        for fineness, found in every.items():
            named = [replace(band, title=_short(band)) for band in found] if short else found
            least = [_least(band, upright) for band in named]
            pitch = _pitch([len(band.slots) for band in named], least, room - GAP * (len(named) - 1))
            if pitch >= NARROWEST[fineness]:
                return _placed(fineness, named, least, pitch, upright)
    return _placed(fineness, named, least, NARROWEST[fineness], True)


def _short(band: Band) -> str:
    """The name of a stage in the spec, where its title is too long."""
    name = band.path.rpartition(".")[2]
    return min(name, band.title, key=len) if band.title and name else band.title


def _least(band: Band, upright: bool) -> float:
    """How wide a band must be for its title, whose words stand below each other."""
    if upright or not band.title:
        return SIZE + 4 if band.title else 0.0
    return max(width(word, SIZE, True) for word in band.title.split()) + 6


def _pitch(counts: Sequence[int], least: Sequence[float], room: float) -> float:
    """The widest slot with which all bands fit; 0 where their titles alone do not."""
    low, high = 0.0, WIDEST
    for _ in range(40):
        middle = (low + high) / 2
        fits = sum(max(number * middle, own) for number, own in zip(counts, least, strict=True)) <= room
        low, high = (middle, high) if fits else (low, middle)
    return low


def _placed(fineness: Fineness, found: list[Band], least: list[float], pitch: float, upright: bool) -> Plan:
    places, titles, x = [], [], BESIDE
    for band, own in zip(found, least, strict=True):
        wide = max(len(band.slots) * pitch, own)
        places.append((x, wide))
        titles.append((band.title,) if upright else tuple(balanced(band.title, SIZE, wide - 4, True)))
        x += wide + GAP
    return Plan(fineness, tuple(found), tuple(places), tuple(titles), pitch, upright)


# --- drawing ---------------------------------------------------------------------------------


class _Drawing:
    """Draws the bands, the lanes over them, and what is said below."""

    def __init__(self, graph: Graph, plan: Plan, options: Options) -> None:
        self.graph, self.plan, self.theme = graph, plan, options.colours
        self.right = plan.right
        paper = options.paper
        self.said = wrap(_said(graph), SIZE, max(self.right, paper.width - 2 * EDGE))
        self.head = self._head()
        high = paper.height * max(1.0, (self.right + 2 * EDGE) / paper.width)
        spare = high - 2 * EDGE - 2.5 * LINE - 8 - self.head - 2 * LINE - LINE * len(self.said) - 6
        self.lane = max(spare, LEAST) / (len(LANES) + 1)
        self.foot = self.head + self.lane * (len(LANES) + 1)
        self.tall = self.lane - HEADROOM - BELOW

    def _head(self) -> float:
        """The height of the titles."""
        if self.plan.upright:
            return max(width(band.title, SIZE, True) for band in self.plan.bands) + 14
        return 17.0 * max(len(lines) for lines in self.plan.titles) + 8

    def picture(self) -> Picture:
        below = self.foot + LINE + 10
        texts = [
            Text(0, below + LINE * (i + 0.5), line, SIZE, self.theme.faint, anchor="start")
            for i, line in enumerate(self.said)
        ]
        items = (*self._bands(), *self._lanes(), *self._field(), *texts)
        right = max([self.right, *(width(line, SIZE) for line in self.said)])
        return Picture(0, right, below + LINE * len(self.said), items)

    # --- bands and what stands at their head and foot ---

    def _bands(self) -> Iterator[Item]:
        for band, (left, wide), lines in zip(self.plan.bands, self.plan.places, self.plan.titles, strict=True):
            back = Shape(left, 0, wide, self.foot + LINE + 4, self.theme.stage, None, 0, (), "round", 6.0)
            yield Group((back,), band.path, data=(("name", band.title), ("band", band.path)))
            for i, line in enumerate(lines if band.title else ()):
                if self.plan.upright:
                    yield Text(left + wide / 2, self.head - 6, line, SIZE, self.theme.ink, True, "start", upright=True)
                else:
                    yield Text(left + wide / 2, 4 + 17.0 * (i + 0.5), line, SIZE, self.theme.ink, True)
            yield from self._labels(band, left, wide)

    def _labels(self, band: Band, left: float, wide: float) -> Iterator[Text]:
        """What each slot is, where there is room for it in all of them; else how many a band has."""
        y, slots = self.foot + LINE / 2 + 1, band.slots
        if self._named:
            for slot, (x, own) in zip(slots, self._slots(left, wide, len(slots)), strict=True):
                yield Text(x + own / 2, y, slot.label, SIZE, self.theme.ink)
        elif len(slots) > 1:
            yield Text(left + wide / 2, y, f"×{len(slots)}", SIZE, self.theme.ink)

    @cached_property
    def _named(self) -> bool:
        """Whether each slot can say what it is."""
        slots = [slot for band in self.plan.bands for slot in band.slots]
        return self.plan.fineness == "layer" and all(width(slot.label, SIZE) + 2 <= self.plan.pitch for slot in slots)

    def _slots(self, left: float, wide: float, number: int) -> Iterator[tuple[float, float]]:
        """Left edge and width of each slot of a band, in its middle."""
        own = min(wide / number, WIDEST)
        start = left + (wide - own * number) / 2
        return ((start + own * i, own) for i in range(number))

    def _placed(self) -> Iterator[tuple[int, Slot, float, float]]:
        """Every slot: the number of its band, itself, its left edge and its width."""
        for number, (band, place) in enumerate(zip(self.plan.bands, self.plan.places, strict=True)):
            for slot, (x, own) in zip(band.slots, self._slots(*place, len(band.slots)), strict=True):
                yield number, slot, x, own

    # --- lanes of bars ---

    def _lanes(self) -> Iterator[Item]:
        for number, lane in enumerate(LANES):
            base = self.head + self.lane * (number + 1) - BELOW
            yield from self._named_at(lane.name, lane.about.format(self.plan.fineness.removeprefix("inner ")), base)
            yield from self._bars(lane, base)

    def _named_at(self, name: str, about: str, base: float) -> Iterator[Item]:
        """A lane's name at its left, and its base line."""
        middle = base - self.tall / 2
        yield Text(0, middle - 9, name, SIZE, self.theme.ink, True, "start")
        yield Text(0, middle + 9, about, SIZE, self.theme.faint, False, "start")
        yield Line(((BESIDE - 4, base), (self.right, base)), self.theme.border, 1.0)

    def _bars(self, lane: Lane, base: float) -> Iterator[Item]:
        most = max(lane.of(slot) for _, slot, _, _ in self._placed()) or 1
        room = Room(Area(BESIDE - 4, base - self.tall - HEADROOM, self.right, base))
        tops: list[_Top] = []
        for band, slot, x, own in self._placed():
            number = lane.of(slot)
            tall = max(number / most * self.tall, 1.0) if number else 0.0
            tops.append(_Top(band, number, x, x + own, base - tall))
            if number:
                part = 0.8 if own > 20 else 0.86
                bar = self._bar(lane, x + own * (1 - part) / 2, base - tall, own * part, tall)
                room.taken.append(Area(bar.x, bar.y, bar.x + bar.width, base))
                data = (("kind", "bar"), ("lane", lane.name), ("number", str(number)), ("path", slot.path))
                yield Group((bar,), slot.path, f"{slot.path}: {lane.written(number)}", data)
        yield from self._numbers(lane, tops, room, base)

    def _bar(self, lane: Lane, x: float, top: float, wide: float, tall: float) -> Shape:
        fill = mix(lane.colour, self.theme.background, lane.tint)
        return Shape(x, top, wide, tall, fill, mix(lane.colour, self.theme.ink, 0.75), 1.0)

    def _numbers(self, lane: Lane, tops: list[_Top], room: Room, base: float) -> Iterator[Text]:
        """Over the largest bars of each band, and over others that are tall, where there is room."""
        runs = [_run(list(alike)) for _, alike in groupby(tops, key=lambda top: (top.band, top.number))]
        runs = sorted((run for run in runs if run.number), key=lambda run: (-run.number, run.left))
        first = [run for i, run in enumerate(runs) if run.band not in {other.band for other in runs[:i]}]
        tall = [run for run in runs if run not in first and base - run.top > self.tall * 0.1]
        done: set[tuple[int, int]] = set()
        for run in (*first, *tall):
            if (run.band, run.number) in done:
                continue
            text = Text((run.left + run.right) / 2, run.top - 9, lane.written(run.number), SIZE, self.theme.ink)
            found = room.first(
                [text, replace(text, x=run.left + 2, anchor="start"), replace(text, x=run.right - 2, anchor="end")]
            )
            if found:
                done.add((run.band, run.number))
                yield found

    # --- the receptive field ---

    def _field(self) -> Iterator[Item]:
        base = self.foot - BELOW
        sides = {node.label or node.name: _sides(node) for node in self.graph.inputs}
        flat = max(map(len, sides.values()), default=0) > 1
        yield from self._named_at("receptive field", "in pixels" if flat else "in positions", base)
        name, image = max(((name, max(own, default=0)) for name, own in sides.items()), key=lambda pair: pair[1])
        placed = list(self._placed())
        most = max([image, *(slot.field for _, slot, _, _ in placed)]) or 1
        steps = self._steps(placed, most, base)
        taken = list(between(steps))
        room = Room(Area(BESIDE - 4, base - self.tall - HEADROOM, self.right, base), taken)
        yield from self._curve(placed, steps)
        if image:
            yield from self._image(f"the {name}: {image}", base - image / most * self.tall, room)
        yield from self._sizes(placed, steps, room)

    def _curve(self, placed: list[tuple[int, Slot, float, float]], steps: tuple[Point, ...]) -> Iterator[Line]:
        """The levels of each band as a line, which begins a point before the last one ends, so that none is seen."""
        for number in range(len(self.plan.bands)):
            own = [i for i, slot in enumerate(placed) if slot[0] == number]
            points = steps[2 * own[0] : 2 * own[-1] + 2]
            if own[0]:
                x, y = steps[2 * own[0] - 1]
                points = tuple(dict.fromkeys(((x - 1, y), (x, y), *points)))
            yield Line(points, mix(GREEN, self.theme.ink, 0.85), 1.8, radius=0.0)

    def _steps(self, placed: list[tuple[int, Slot, float, float]], most: int, base: float) -> tuple[Point, ...]:
        """One level for each slot, which reaches halfway to its neighbours."""
        edges = [
            placed[0][2],
            *((a[2] + a[3] + b[2]) / 2 for a, b in pairwise(placed)),
            self.right,
        ]
        points: list[Point] = []
        for (_, slot, _, _), left, right in zip(placed, edges, edges[1:], strict=False):
            y = base - (1.0 if slot.field == EVERYTHING else max(slot.field, 0) / most) * self.tall
            points += [(left, y), (right, y)]
        return tuple(points)

    def _image(self, words: str, y: float, room: Room) -> Iterator[Item]:
        """The size of the input, as a dashed line."""
        dashed = Line(((BESIDE - 4, y), (self.right, y)), self.theme.faint, 1.0, (4, 3))
        room.taken += along(dashed)
        yield dashed
        for x in range(int(BESIDE), int(self.right), 40):
            text = Text(x, y, words, SIZE, self.theme.faint, False, "start")
            found = room.first([replace(text, y=y + 10), replace(text, y=y - 10)])
            if found:
                yield found
                return

    def _sizes(
        self, placed: list[tuple[int, Slot, float, float]], steps: tuple[Point, ...], room: Room
    ) -> Iterator[Text]:
        """The field at the end of each band, from the end of the network on; the first that is everything says so."""
        ends = [
            i
            for i, (slot, after) in enumerate(zip(placed, [*placed[1:], None], strict=True))
            if after is None or after[0] != slot[0]
        ]
        whole = [i for i in range(len(placed)) if placed[i][1].field == EVERYTHING]
        if whole:
            left, right, y = steps[2 * whole[0]][0], steps[2 * whole[-1] + 1][0], steps[2 * whole[-1]][1]
            yield from self._beside("everything", (left + right) / 2, left, right, y, room)
        for i in reversed(ends):
            slot = placed[i][1]
            (left, y), (right, _) = steps[2 * i], steps[2 * i + 1]
            known = i != ends[0] and placed[ends[ends.index(i) - 1]][1].field == slot.field
            if slot.field != EVERYTHING and not known:
                words = "none" if slot.field == NOTHING else str(slot.field)
                yield from self._beside(words, (left + right) / 2, left, right, y, room)

    def _beside(self, words: str, middle: float, left: float, right: float, y: float, room: Room) -> Iterator[Text]:
        """A text above its step, or below it."""
        text = Text(middle, y - 10, words, SIZE, self.theme.ink)
        ends = [text, replace(text, x=right - 3, anchor="end"), replace(text, x=left + 3, anchor="start")]
        found = room.first([*ends, *(replace(one, y=y + 10) for one in ends)])
        if found:
            yield found


def _sides(node: Node) -> tuple[int, ...]:
    """How long an input is in each direction in which it has positions."""
    return node.output.dims if node.output.kind == "int" else node.output.spatial


@dataclass(frozen=True, slots=True)
class _Top:
    """A bar, or several equal ones side by side: band, number, edges, and the y of its top."""

    band: int
    number: int
    left: float
    right: float
    top: float


def _run(alike: list[_Top]) -> _Top:
    return replace(alike[0], right=alike[-1].right)


def _said(graph: Graph) -> str:
    """What a reader should know of the bars, and where most of the costs lie."""
    told = "Bars are linear, one scale a lane; a thin bar is not zero."
    nodes = totals.nodes_in(graph)
    macs, params = _most(graph, nodes, totals.macs), _most(graph, nodes, totals.parameters)
    if not (macs and params):
        return told
    if macs == params == (macs[0], "all"):
        return f"{told} All MACs and parameters lie in {macs[0]}."
    if macs[0] == params[0]:
        return f"{told} Most MACs and parameters lie in {macs[0]} ({macs[1]} and {params[1]})."
    return f"{told} Most MACs lie in {macs[0]} ({macs[1]}), most parameters in {params[0]} ({params[1]})."


PLURALS = {
    Family.CONV: "convolutions",
    Family.LINEAR: "linear layers",
    Family.RECURRENT: "recurrent layers",
    Family.EMBED: "embeddings",
}


def _most(graph: Graph, nodes: list[Node], cost: Callable[[Graph, list[Node]], int]) -> tuple[str, str] | None:
    """The kind of layer in which more than half of a cost lies, and how much of it."""
    whole = cost(graph, nodes)
    for family, name in PLURALS.items():
        own = cost(graph, [node for node in nodes if node.op.family is family])
        if own * 2 > whole:
            return name, "all" if own == whole else f"{min(own / whole, 0.999):.1%}".replace("%", " %")
    return None
