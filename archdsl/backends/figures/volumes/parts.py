"""What rows and a U of volumes have in common: sizes to try, columns, and lanes with their ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from archdsl.analyses.notation import times
from archdsl.backends.figures import parts
from archdsl.backends.figures.items import LIGHT, OpRow, value_name
from archdsl.backends.figures.label import notation, short
from archdsl.backends.figures.parts import HEIGHT
from archdsl.backends.figures.scene import Group, Item, Line, Point, Text, Wire, moved
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import width
from archdsl.backends.figures.volumes.oblique import Stack, Standing, faces
from archdsl.backends.figures.volumes.stacks import Column, Kind, Skip
from archdsl.ir.graph import Graph
from archdsl.ops.base import Family

STEPS = (4.0, 3.2, 2.5, 2.0, 1.5, 1.1, 0.8)
"""What a doubling of channels may add across: the first that fits."""
BELOW = 8.0
"""From the volumes to what is written below them."""
HEADER = 2.5 * 20 + 8
"""Title and legend."""


def sizes(tallest: float, shortest: float) -> Iterator[tuple[float, float]]:
    """Heights and steps to try, in order: high, then wide, but rather lower than with fronts too thin to see."""
    heights = list(_falling(tallest, shortest))
    for steps in (STEPS[:-2], STEPS):
        usual = [tall for tall in heights if tall > tallest / 2 or steps is STEPS]
        yield from ((tall, step) for tall in usual for step in steps)


def _falling(start: float, end: float) -> Iterator[float]:
    while start > end:
        yield start
        start *= 0.9
    yield end


def facts(column: Column, graph: Graph) -> tuple[tuple[str, str], ...]:
    """What a column says to programs: its stage, its ops where that has no path, and its volumes."""
    stage = column.stage
    told = "; ".join(f"{run.count} {run.kind} {graph.tensor(run.value)}" for run in column.runs)
    nodes = (("path", stage.path), ("nodes", " ".join(stage.nodes)))
    return (*parts.facts("stage", stage.title), ("volumes", told), *parts.alike(stage.alike), *nodes)


def drawn(graph: Graph, found: Standing, x: float, axis: float, theme: Theme) -> Group:
    """A column's volumes as one thing."""
    polygons = [face for stack in found.stacks for face in faces(stack, x, axis, theme)]
    return Group(tuple(polygons), found.column.stage.path, data=facts(found.column, graph))


def chip(graph: Graph, row: OpRow, theme: Theme) -> tuple[float, Group]:
    """What stands in a lane: its width, and a box around x = 0, y = 0; a size that it cuts to is written."""
    heavy = next((node for node in row.nodes if node.op.family not in LIGHT), row.nodes[0])
    came, made = graph.tensor(row.inputs[0]).spatial, graph.tensor(row.outputs[0]).spatial
    told = ", ".join(notation(graph, node) for node in row.nodes)
    if heavy.op.family is Family.RESHAPE and came != made and len(row.nodes) == 1:
        told = f"{short(heavy.op).split()[-1]} to {times(made)}"
    wide = width(told, SIZE) + 2 * parts.PADDING
    back = parts.box(-wide / 2, -HEIGHT / 2, wide, HEIGHT, heavy.op.family, theme)
    data = (*parts.facts("op", told), ("path", row.nodes[0].id), ("nodes", " ".join(node.id for node in row.nodes)))
    return wide, Group((back, Text(0, 0, told, SIZE, theme.ink)), row.nodes[0].id, data=data)


def arriving(found: Standing, skip: Skip) -> Stack:
    """The stack onto which a skip comes down: what it brings, else the first."""
    value = skip.lane.outputs[0] if skip.lane else skip.value
    fills = [stack for stack in found.stacks if stack.run.kind is Kind.FILL]
    return next((stack for stack in fills if stack.run.value == value), (*fills, found.stacks[0])[0])


def leaving(graph: Graph, found: Standing, skip: Skip) -> Stack:
    """The stack that a skip leaves: the last of the value's size."""
    tensor = graph.tensor(skip.value)
    alike = [stack for stack in found.stacks if graph.tensor(stack.run.value) == tensor]
    return (alike or found.stacks)[-1]


def lane(
    graph: Graph,
    skip: Skip,
    points: Sequence[Point],
    ends: tuple[str, str],
    theme: Theme,
    others: Sequence[Sequence[Point]] = (),
) -> Iterator[Item]:
    """A skip along these points; its op, if it has one, stands on the longest level part.

    That is in its middle, or as near to it as the points of `others`, further skips, leave free.
    """
    name = value_name(skip.value)
    if skip.lane is None:
        yield Line(tuple(points), theme.skip, 1.8, arrow=True, wire=Wire(name, *ends))
        return
    wide, box = chip(graph, skip.lane, theme)
    level = [i for i, (a, b) in enumerate(pairwise(points)) if a[1] == b[1]]
    at = max(level, key=lambda i: abs(points[i][0] - points[i + 1][0]))
    (start, y), (end, _) = points[at], points[at + 1]
    middle = _free((start, end), y, wide, [part for other in others for part in pairwise(other)])
    half = wide / 2 if end > start else -wide / 2
    first, last = skip.lane.ends
    before, after = (*points[: at + 1], (middle - half, y)), ((middle + half, y), *points[at + 1 :])
    yield Line(before, theme.skip, 1.8, wire=Wire(name, ends[0], first))
    yield Line(after, theme.skip, 1.8, arrow=True, wire=Wire(value_name(skip.lane.outputs[0]), last, ends[1]))
    yield moved(box, middle, y)


def _free(level: tuple[float, float], y: float, wide: float, lines: Sequence[tuple[Point, Point]]) -> float:
    """The middle of a level line at the height `y`, or the nearest place for a box that upright lines do not cross."""
    upright = [(a[0], sorted((a[1], b[1]))) for a, b in lines if a[0] == b[0]]
    crossing = [x for x, (top, bottom) in upright if top < y + HEIGHT / 2 and bottom > y - HEIGHT / 2]
    middle, away = sum(level) / 2, wide / 2 + parts.PADDING
    places = [x + side * away for x in crossing for side in (-1, 1)]
    inside = [x for x in places if min(level) + away <= x <= max(level) - away]
    free = [x for x in (middle, *inside) if all(abs(x - other) >= away - 0.01 for other in crossing)]
    return min(free, key=lambda x: abs(x - middle), default=middle)


def ends(columns: Sequence[Standing], start: int, end: int) -> tuple[str, str]:
    return columns[start].column.stage.path, columns[end].column.stage.path


def handed(one: Column, other: Column) -> str | None:
    """The name of the value that a column hands to the next, if any."""
    shared = [value for value in other.stage.inputs if value in one.stage.outputs]
    return value_name(shared[0]) if shared else None
