"""Ways to grow a network, side by side: each coefficient alone, and all at once, with what each costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2, sqrt

from archdsl.analyses import totals
from archdsl.analyses.notation import count, shape
from archdsl.backends.figures.charts.slots import Division, divided
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE, LINE, page
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Group, Item, Line, Polygon, Scene, Shape, Text
from archdsl.backends.figures.style import ORANGE, SIZE, SKY, mix
from archdsl.backends.figures.text import balanced, width
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.ops.base import WEIGHTED, Family

BESIDE = 14.0
"""Between the widest bars of two columns."""
CLOSE = 10.0
"""Between the texts of two columns, at least."""
APART = 2.0
"""Between two stages."""
THICKEST, THINNEST = 16.0, 2.0
"""One block, in points. Below the second, a stage's height is the logarithm of its blocks."""
PLATE, SLANT, FLAT = 118.0, 0.22, 0.24
"""The largest input, across; how much of its side it is slanted, and how high it is."""
ARROW = 16.0
FACTS = 4
"""Lines below each network."""
HEAD = 3 * LINE + 2


@dataclass(frozen=True, slots=True)
class Change:
    """A coefficient and its values in the base and in the grown network: `depth`, `1`, `1.73`."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Growth:
    """A network with the coefficients that set it apart from the base, none for the base itself."""

    changes: tuple[Change, ...]
    graph: Graph


@dataclass(frozen=True, slots=True)
class Scaling:
    """The base, the base with each coefficient alone, and the network with all of them; each is compiled."""

    networks: tuple[Growth, ...]


def scaling(what: Scaling, options: Options) -> Scene:
    """A column for each network: its input, its stages upwards, and its costs below."""
    drawing = _Drawing(what, options)
    return page(what.networks[-1].graph, "scaling", drawing.picture(), options, (), drawing.keys())


# --- what is drawn of a network --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    """A bar: channels of its output, and how many blocks it has."""

    path: str
    channels: int
    blocks: int

    @property
    def layers(self) -> int:
        """How high it is drawn: a stage without blocks, such as a stem, as one."""
        return max(self.blocks, 1)


def stages_of(graph: Graph) -> list[Stage]:
    """The stages of a network."""
    last = _classifier(graph)
    return [Stage(band.path, _channels(graph, band, last), _blocks(graph, band)) for band in divided(graph, "stage")]


def _classifier(graph: Graph) -> Node | None:
    """The linear layer that makes the main output: it has as many channels as there are classes, or words."""
    (value, *_) = graph.outputs[0].values
    node = graph.node(value.node)
    while node.op.family not in WEIGHTED and graph.inputs_of(node.id):
        node = graph.node(graph.inputs_of(node.id)[0].node)
    return node if node.op.family is Family.LINEAR else None


def _blocks(graph: Graph, band: Division) -> int:
    """Copies and blocks that a stage consists of."""
    if not band.path:
        return 0
    found, pending = 0, list(graph.children[band.path])
    while pending:
        member = pending.pop()
        if isinstance(member, Scope) and member.kind == "copies":
            pending += graph.children[member.path]
        elif isinstance(member, Scope):
            found += 1
    return found


def _channels(graph: Graph, band: Division, classifier: Node | None) -> int:
    """Channels of the stage's output; of a head, the most that a map in it has, or where it has none a layer.

    The classifier itself counts by what it reads.
    """
    nodes = [node for group in band.groups for node in group]
    last = max(nodes, key=lambda node: graph.places[node.id])
    if last.output.spatial and classifier not in nodes:
        return last.output.channels
    heads = [node for node in nodes if node.op.family in (*WEIGHTED, Family.POOL) and node is not classifier]
    placed = [node for node in heads if node.output.spatial]
    if classifier in nodes and classifier and not heads:
        return graph.tensors_into(classifier.id)[0].channels
    return max(node.output.channels for node in placed or heads or [last])


def _side(graph: Graph) -> int:
    """The longer side of the largest input with a height and a width; 0: there is none."""
    return max((max(node.output.spatial) for node in graph.inputs if len(node.output.spatial) > 1), default=0)


def effect(base: Graph, grown: Graph) -> str:
    """What a coefficient does to a network, in words.

    >>> from archdsl.driver import compile_network, open_spec
    >>> mobilenet = open_spec("mobilenet")
    >>> base = compile_network(mobilenet).graph
    >>> effect(base, compile_network(mobilenet, "0.5").graph), effect(base, compile_network(mobilenet, "192").graph)
    ('narrower', 'coarser')
    """
    before, after = stages_of(base), stages_of(grown)
    deep = sum(stage.blocks for stage in after) - sum(stage.blocks for stage in before)
    wide = [b.channels - a.channels for a, b in zip(before, after, strict=False)]
    fine = _side(grown) - _side(base)
    words = []
    if deep:
        words.append("deeper" if deep > 0 else "shallower")
    if any(wide):
        words.append("wider" if sum(wide) > 0 else "narrower")
    if fine:
        words.append("finer" if fine > 0 else "coarser")
    return " and ".join(words)


# --- drawing ---------------------------------------------------------------------------------


class _Drawing:
    """Columns of the same width, whose networks stand on one line."""

    def __init__(self, what: Scaling, options: Options) -> None:
        self.networks, self.theme = what.networks, options.colours
        self.stages = [stages_of(network.graph) for network in self.networks]
        facts = [self._facts(i) for i in range(len(self.networks))]
        room = options.paper.width - 2 * EDGE
        least = max(width(line, SIZE, True) for lines in facts for line in lines) + CLOSE
        self.column = max(room / max(len(self.networks), 3), least)
        self.broad = self.column - BESIDE
        self.texts = [(self._head(i), lines) for i, lines in enumerate(facts)]
        self.plate = PLATE * FLAT + ARROW if any(map(_side, self.graphs)) else 0.0
        spare = options.paper.height - 2 * EDGE - 2.5 * LINE - 8 - HEAD - self.plate - LINE * FACTS - 16
        self.tall = max(spare, 120.0)
        self.foot = HEAD + self.tall
        self.widest = max(stage.channels for stages in self.stages for stage in stages)

    @property
    def graphs(self) -> list[Graph]:
        return [network.graph for network in self.networks]

    def picture(self) -> Picture:
        items: list[Item] = []
        for number in range(len(self.networks)):
            column = tuple(self._column(number, self.column * (number + 0.5)))
            items.append(Group(column, data=(("column", str(number)),)))
        below = self.foot + self.plate + 12
        return Picture(0, self.column * len(self.networks), below + LINE * FACTS, tuple(items))

    def _column(self, number: int, x: float) -> Iterator[Item]:
        head, facts = self.texts[number]
        for i, line in enumerate(head):
            yield Text(x, LINE * (i + 0.5), line, SIZE, self.theme.faint if i else self.theme.ink, not i)
        yield from self._bars(number, x)
        if self.plate:
            yield from self._input(number, x)
        for i, line in enumerate(facts):
            y = self.foot + self.plate + 12 + LINE * (i + 0.5)
            yield Text(x, y, line, SIZE, self.theme.ink, i in (0, FACTS - 1))

    def _head(self, number: int) -> tuple[str, ...]:
        """What sets a network apart, in a word and, where there is room for them, in numbers."""
        changes = self.networks[number].changes
        if len(changes) != 1:
            word = {0: "base", 2: "both at once", 3: "all three at once"}.get(len(changes), "all at once")
            alone = {change for network in self.networks if len(network.changes) == 1 for change in network.changes}
            return (word, *self._told([change for change in changes if change not in alone]))
        return (effect(self.networks[0].graph, self.networks[number].graph) or "changed", *self._told(changes))

    def _told(self, changes: Sequence[Change]) -> list[str]:
        """Changes in numbers, or where there is no room for them by their names."""
        told = balanced(", ".join(f"{c.name} {c.before} → {c.after}" for c in changes), SIZE, self.broad)
        if len(told) > 2 or any(width(line, SIZE) > self.broad for line in told):
            told = balanced(", ".join(change.name for change in changes), SIZE, self.broad)
        return told if changes else []

    def _facts(self, number: int) -> tuple[str, str, str, str]:
        """Input, size, parameters and multiply-adds, these also as a multiple of the base's."""
        graph, stages = self.networks[number].graph, self.stages[number]
        nodes, base = totals.nodes_in(graph), self.networks[0].graph
        macs, before = totals.macs(graph, nodes), totals.macs(base, totals.nodes_in(base))
        times = f" (×{macs / before:.{1 if macs > before else 2}f})" if number and before else ""
        blocks, widest = sum(stage.blocks for stage in stages), max(stage.channels for stage in stages)
        return (
            ", ".join(shape(node.output) for node in graph.inputs),
            f"{blocks} block{'s' if blocks > 1 else ''}, {widest} wide" if blocks else f"{widest} wide",
            f"{count(totals.parameters(graph, nodes))} parameters",
            f"{count(macs)} MACs{times}",
        )

    # --- bars ---

    @cached_property
    def unit(self) -> float:
        """The height of one block: the tallest network fills the page."""
        free = min(self.tall - APART * len(stages) for stages in self.stages)
        return min(free / max(sum(stage.layers for stage in stages) for stages in self.stages), THICKEST)

    @cached_property
    def logarithmic(self) -> bool:
        return self.unit < THINNEST

    def _thick(self, stage: Stage) -> float:
        if not self.logarithmic:
            return stage.layers * self.unit
        most = max(sum(log2(1 + stage.layers) for stage in stages) for stages in self.stages)
        free = min(self.tall - APART * len(stages) for stages in self.stages)
        return min(free / most, THICKEST) * log2(1 + stage.layers)

    def _bars(self, number: int, x: float) -> Iterator[Item]:
        """The stages, the first at the foot."""
        base = {stage.path: stage for stage in self.stages[0]}
        foot = self.foot
        for stage in self.stages[number]:
            tall, wide = self._thick(stage), sqrt(stage.channels / self.widest) * self.broad
            bar = self._bar(x - wide / 2, foot - tall, wide, tall, stage != base.get(stage.path))
            data = (("kind", "stage"), ("network", str(number)), ("path", stage.path))
            size = (("channels", str(stage.channels)), ("blocks", str(stage.blocks)))
            yield Group((bar,), title=f"{stage.path}: {stage.blocks} × {stage.channels}", data=(*data, *size))
            foot -= tall + APART

    def _bar(self, x: float, top: float, wide: float, tall: float, changed: bool) -> Shape:
        colour = ORANGE if changed else SKY
        fill = mix(colour, self.theme.background, 0.55 if changed else 0.42)
        return Shape(x, top, wide, tall, fill, mix(colour, self.theme.ink, 0.75), 1.8 if changed else 1.0)

    def _input(self, number: int, x: float) -> Iterator[Item]:
        """The image as a plate that lies below the network, its side in proportion."""
        sides = list(map(_side, self.graphs))
        changed = sides[number] != sides[0]
        long = PLATE * sides[number] / max(sides)
        top, slant, flat = self.foot + ARROW, long * SLANT, long * FLAT
        left, right = x - (long + slant) / 2, x + (long + slant) / 2
        corners = ((left + slant, top), (right, top), (right - slant, top + flat), (left, top + flat))
        fill = mix(ORANGE, self.theme.background, 0.55) if changed else self.theme.background
        stroke = mix(ORANGE, self.theme.ink, 0.75) if changed else self.theme.ink
        plate = Polygon(corners, fill, stroke, 1.8 if changed else 1.2)
        data = (("kind", "image"), ("network", str(number)), ("side", str(sides[number])))
        yield Group((plate,), data=data)
        yield Line(((x, top), (x, self.foot + 2)), self.theme.ink, 1.2, arrow=True)

    def keys(self) -> Iterator[tuple[str, Sequence[Shape]]]:
        high = "the logarithm of its blocks" if self.logarithmic else "its blocks"
        yield f"a stage: its width is the root of its channels, its height {high}", (self._bar(0, 4, 26, 12, False),)
        if len(self.networks) > 1:
            yield "not as in the base", (self._bar(0, 4, 26, 12, True),)
