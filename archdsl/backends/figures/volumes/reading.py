"""Graph -> the columns of a picture of volumes: a stage each, with its stacks, and what skips some of them.

Where a stage forks, all between the fork and the join is one block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from archdsl.backends.figures.items import LIGHT, Box, Item, OpRow, Tag
from archdsl.backends.figures.label import block_arguments, notation, scope_name, short
from archdsl.backends.figures.overview import Stage, stages_of
from archdsl.backends.figures.view import Viewer
from archdsl.backends.figures.volumes.stacks import Column, Kind, Maker, Run, Skip, merged, shortened, times
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Family

KINDS: Mapping[Family, Kind] = {
    Family.INPUT: Kind.INPUT,
    Family.CONV: Kind.CONV,
    Family.LINEAR: Kind.LINEAR,
    Family.RECURRENT: Kind.RECURRENT,
    Family.EMBED: Kind.EMBED,
    Family.POOL: Kind.POOL,
    Family.OPAQUE: Kind.OTHER,
}
"""Other families change no sizes, and are not drawn unless they are all that a stage has."""
LARGER = 1.5
"""What makes its input this much larger is drawn as upsampling; less comes of a border."""
RESAMPLING = frozenset({"upsample", "resize", "pixel_shuffle"})


def columns_of(viewer: Viewer, most: int = 0) -> tuple[list[Column], list[Skip]]:
    """The columns from left to right, and what skips some of them. Of more than `most`, those in the middle are one."""
    graph, stages = viewer.graph, stages_of(viewer, most)
    makers = {value: i for i, stage in enumerate(stages) for value in stage.outputs}
    columns, skips, closed = [], list[Skip](), _closed(graph, stages)
    for i, stage in enumerate(stages):
        passing = {value: makers[value] for value in stage.inputs if makers.get(value, i) < i - 1}
        column = _Reader(graph, frozenset(passing), closed).column(stage)
        columns.append(column)
        skips += _skips(passing, i, column)
    return columns, skips


def _closed(graph: Graph, stages: Sequence[Stage]) -> frozenset[str]:
    """Blocks of which not every use can be opened: all their uses are drawn as blocks, so that equal looks equal."""
    reader = _Reader(graph, frozenset(), frozenset())
    boxes = [stage.item for stage in stages if isinstance(stage.item, Box)]
    inner = (member for box in boxes for member in box.view.items)
    return frozenset(
        box.scope.block for box in inner if isinstance(box, Box) and box.scope.block and reader.opened(box) is None
    )


def _skips(passing: Mapping[Value, int], end: int, column: Column) -> Iterator[Skip]:
    """One for each pair of columns, and one for each op on the way."""
    plain: dict[int, Value] = {}
    for value, start in passing.items():
        if value in column.lanes:
            yield Skip(start, end, value, column.lanes[value])
        else:
            plain.setdefault(start, value)
    yield from (Skip(start, end, value) for start, value in plain.items())


class _Reader:
    """Reads the volumes of one column.

    `skips` are the values that come to it past others, `closed` the blocks that stay closed.
    """

    def __init__(self, graph: Graph, skips: frozenset[Value], closed: frozenset[str]) -> None:
        self.graph, self.skips, self.closed = graph, skips, closed

    def column(self, stage: Stage) -> Column:
        item, lanes = stage.item, dict[Value, OpRow]()
        if isinstance(item, Box) and self._is_stage(item):
            members = [member for member in item.view.items if not isinstance(member, Tag)]
            lanes = {row.inputs[0]: row for row in self._lanes(members, stage.outputs)}
            self.skips |= {row.outputs[0] for row in lanes.values()}
            runs = list(self._runs([m for m in members if m not in lanes.values()], item.scope.block or ""))
        else:
            runs = list(self._runs([item], ""))
        if all(run.kind is Kind.FILL for run in runs):
            runs.append(Run(Kind.OTHER, (stage.made or stage.outputs)[0]))
        return Column(stage, tuple(shortened(merged(self.graph, runs))), lanes)

    def _is_stage(self, box: Box) -> bool:
        """Whether a box is a stage, of which the inside is drawn; one for several stages is a block."""
        own = box.scope.kind in ("stage", "output", "copy") and box.count == 1 and not box.rest
        return own and (box.scope.block or "") not in self.closed

    def _lanes(self, members: Sequence[Item], leaving: Sequence[Value]) -> Iterator[OpRow]:
        """Rows of ops between a skip and the join that it goes to, whose values go nowhere else."""
        users = Counter(value for member in members for value in member.inputs)
        joins = {
            value
            for member in members
            if isinstance(member, OpRow) and member.nodes[0].op.family is Family.MERGE
            for value in member.inputs
        }
        for row in members:
            if isinstance(row, OpRow) and row.count == 1 and len(row.inputs) == len(row.outputs) == 1:
                (value,), (made,) = row.inputs, row.outputs
                heavy = [node for node in row.nodes if node.op.family not in LIGHT]
                lone = users[value] == users[made] == 1 and len(heavy) <= 1
                if value in self.skips and lone and made in joins and made not in leaving:
                    yield row

    def _runs(self, members: Sequence[Item], name: str) -> Iterator[Run]:
        for segment in self._segments(members):
            if len(segment) == 1:
                yield from self._single(segment[0])
            elif blocks := _uses_of_one(segment):
                yield from merged(self.graph, map(self._block, blocks))
            else:
                whole = name if len(segment) == len(members) else ""
                yield Run(Kind.BLOCK, segment[-1].outputs[-1], 1, (Maker(whole or _branches(segment)),))

    def _segments(self, members: Sequence[Item]) -> Iterator[list[Item]]:
        """Parts between which one value alone goes on, but for skips."""
        last = {value: i for i, member in enumerate(members) for value in member.inputs if value not in self.skips}
        made = {value for member in members for value in member.outputs}
        reach = max((i for value, i in last.items() if value not in made), default=-1)
        segment: list[Item] = []
        for i, member in enumerate(members):
            segment.append(member)
            if reach <= i:
                yield segment
                segment = []
            reach = max([reach, *(last.get(value, -1) for value in member.outputs)])
        if segment:
            yield segment

    def _single(self, item: Item) -> Iterator[Run]:
        if isinstance(item, OpRow):
            yield from self._fills(item)
            yield from self._row(item)
        elif isinstance(item, Box):
            inner = self.opened(item) if (item.scope.block or "") not in self.closed else None
            yield from inner if inner is not None else [self._block(item)]

    def _fills(self, row: OpRow) -> Iterator[Run]:
        """What comes past other columns into a join."""
        if row.nodes[0].op.family is Family.MERGE:
            yield from (Run(Kind.FILL, value) for value in row.inputs if value in self.skips)

    def _row(self, row: OpRow) -> Iterator[Run]:
        for i, node in enumerate(row.nodes):
            if kind := self._kind(node):
                cut = self._cut(row.nodes[i:])
                text = ", ".join([notation(self.graph, node), *(short(op.op).split()[-1] for op in cut)])
                yield Run(kind, Value((cut or [node])[-1].id), row.count, (Maker(text, row.count),))

    def _cut(self, nodes: Sequence[Node]) -> list[Node]:
        """The ops after the first of a row that cut its map, or put a border around it."""
        made, found = nodes[0].output, list[Node]()
        for node in nodes[1:]:
            resized = node.op.family is Family.RESHAPE and node.output.rank == made.rank and node.output != made
            if self._kind(node) or not (resized or node.op.family in LIGHT):
                break
            if resized:
                found.append(node)
        return found

    def _kind(self, node: Node) -> Kind | None:
        """What draws an op; None for one that changes no sizes, or only the order of the numbers."""
        if node.op.family is Family.CONV or node.op.name in RESAMPLING:
            before, after = self.graph.tensors_into(node.id)[0].frame, node.output.frame
            if before and after and after[0] >= LARGER * before[0]:
                return Kind.UP
        return KINDS.get(node.op.family)

    def opened(self, box: Box) -> list[Run] | None:
        """What a block consists of, where that is a chain of equal volumes, or of two kinds; None if it is not."""
        if len(box.inputs) != 1 or len(box.outputs) != 1 or box.inputs[0] in self.skips:
            return None
        members = [member for member in box.view.items if not isinstance(member, Tag)]
        runs = merged(self.graph, self._runs(members, ""))
        if any(run.kind is Kind.BLOCK for run in runs) or len(runs) > 2:
            return None
        if len(runs) == 2 and (box.count > 1 or runs[0].kind is runs[1].kind):
            return None
        return [times(run, box.count) for run in runs]

    def _block(self, box: Box) -> Run:
        scope = box.scope
        unnamed = scope.copy is not None and not scope.block and scope.parent is not None
        name = str(scope.parent).rpartition(".")[2] if unnamed else scope.block or scope_name(scope)
        told = Maker(name, box.count, tuple(block_arguments(self.graph, scope)) if scope.block else ())
        places = self.graph.places
        value = max(box.outputs, key=lambda value: places[value.node])
        return Run(Kind.BLOCK, value, box.count, (told,))


def _uses_of_one(segment: Sequence[Item]) -> list[Box]:
    """The members, if all are uses of one block: each may take what the one before the last made, too."""
    boxes = [item for item in segment if isinstance(item, Box)]
    names = {box.scope.block for box in boxes}
    return boxes if len(boxes) == len(segment) and len(names) == 1 and names != {None} else []


def _branches(segment: Sequence[Item]) -> str:
    """`4 branches`, by the join that ends them."""
    count = max(len(item.inputs) for item in segment)
    return f"{count} branches" if count > 1 else "branches"
