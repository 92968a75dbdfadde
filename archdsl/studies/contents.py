"""What the stages of a network hold, as papers' tables write it: `max pool 3×3, /2; [1×1, 64; 3×3, 64; 1×1, 256] ×3`.

A stage's layers are those of the figure `compare`: normalization, activations and skips are left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from archdsl.analyses.rows import Row
from archdsl.analyses.summary import Summary
from archdsl.backends.figures.compare.track import Track, Unit, gate, track
from archdsl.backends.figures.label import short
from archdsl.backends.tables.descriptions import copies_text, members_text
from archdsl.ir.graph import Node, Scope
from archdsl.ops.base import WEIGHTED

STRIDE = re.compile(r", (/[\d×]+)")
"""A stride in the notation of an op."""


class Fold(NamedTuple):
    """A block that stands `copies` times in a row: its lines, and those of the first copy.

    Copies share a fold if they are equal but for strides in the first. If the block is written by its name, its only
    line says so, with how many copies there are. An op that is in no block has no `block`.
    """

    lines: tuple[str, ...]
    first: tuple[str, ...]
    copies: int
    block: str
    named: bool = False

    @property
    def text(self) -> str:
        """`[1×1, 64; 3×3, 64; 1×1, 256] ×3, first /2`; an op alone has no brackets."""
        if self.named:
            return self.lines[0]
        if self.copies == 1:
            return f"[{'; '.join(self.lines)}]" if len(self.lines) > 1 else self.lines[0]
        text = f"[{'; '.join(self.lines)}] ×{self.copies}"
        strides = dict.fromkeys(stride for line in self.first for stride in STRIDE.findall(line))
        return text if self.first == self.lines else f"{text}, first {', '.join(strides)}"


class Part(NamedTuple):
    """A block with its lines, or an op that is in none. `mark` is equal for parts that are equal but for strides."""

    scope: Scope | None
    lines: tuple[str, ...]
    mark: object


class Contents:
    """The content of each of the `rows` of a network, which hold every op of it."""

    def __init__(self, summary: Summary, rows: Sequence[Row]) -> None:
        self.summary, self.graph, self.rows = summary, summary.graph, rows
        self.track: Track = track(summary.graph)

    def folds(self, index: int, named: Collection[str] = ()) -> list[Fold]:
        """The blocks and ops of a row in order, equal neighbours in one; those of the blocks `named` by their names."""
        found: list[Fold] = []
        for scope, run in groupby(self._parts[index], key=lambda part: _home(part.scope)):
            parts = list(run)
            found += self._by_name(parts) if scope and scope[1] in named else _folded(parts)
        return found

    @cached_property
    def uneven(self) -> set[str]:
        """The blocks of several layers that have copies which differ in more than the stride of the first."""
        found = set()
        for parts in self._parts:
            for home, run in groupby(parts, key=lambda part: _home(part.scope)):
                copies = list(run)
                if home and len(copies[0].lines) > 1 and len(list(_folded(copies))) > 1:
                    found.add(home[1])
        return found

    def text(self, index: int, named: Collection[str] = ()) -> str:
        """The content of a row; of one without layers, its ops."""
        return "; ".join(fold.text for fold in self.folds(index, named)) or members_text(self.rows[index])

    def _by_name(self, parts: Sequence[Part]) -> Iterator[Fold]:
        scopes = [part.scope for part in parts if part.scope is not None]
        text = copies_text(self.summary, scopes)
        yield Fold((text,), (text,), len(scopes), scopes[0].block or "", named=True)

    # --- parts -----------------------------------------------------------------------------

    @cached_property
    def _parts(self) -> list[list[Part]]:
        """For each row, its blocks and the ops outside them."""
        home = {node.id: i for i, row in enumerate(self.rows) for node in self.summary.nodes_in(row.members)}
        held: list[list[Part]] = [[] for _ in self.rows]
        for unit in self.track.units:
            held[home[self.track.layers[unit.start].nodes[-1]]] += self._of_unit(unit)
        return held

    def _of_unit(self, unit: Unit) -> Iterator[Part]:
        """A block, then the ops without weights that follow it outside."""
        scope = self.graph.scopes.get(unit.path)
        lines, marks, after = list[str](), list[object](), list[str]()
        for number in range(unit.start, unit.end):
            layer = self.track.layers[number]
            lines.append(layer.text)
            marks.append(layer.mark if layer.family is None else None)
            for id, text in self._beside.get(number, ()):
                (lines if scope and id.startswith(f"{scope.path}.") else after).append(text)
        block = scope if scope and scope.block else None
        yield Part(block, tuple(lines), (block and block.block, _bare(lines), tuple(marks)))
        yield from (Part(None, (text,), text) for text in after)

    # --- lines -----------------------------------------------------------------------------

    @cached_property
    def _beside(self) -> dict[int, list[tuple[str, str]]]:
        """Ids and lines of what belongs to a layer, by its number: local response normalizations and gates."""
        layers = {id for layer in self.track.layers for id in layer.nodes}
        found: dict[int, list[tuple[str, str]]] = {}
        for node in self.graph:
            if node.id not in layers and node.id in self.summary.nodes and (text := self._told(node)):
                found.setdefault(self.track.homes[node.id], []).append((node.id, text))
        return found

    def _told(self, node: Node) -> str:
        """The line of an op that is no layer; empty for the most."""
        if node.op.name == "lrn":
            return short(node.op)
        if node.op.name != "mul":
            return ""
        outputs = [str(inner.output.channels) for inner in gate(self.graph, node) if inner.op.family in WEIGHTED]
        return f"gate {', '.join(outputs)}" if outputs else ""


def _bare(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines without strides."""
    return tuple(STRIDE.sub("", line) for line in lines)


def _home(scope: Scope | None) -> tuple[str | None, str] | None:
    """Equal for neighbouring copies of one block; None for an op in no block."""
    if scope is None:
        return None
    return (scope.parent if scope.kind == "copy" else scope.path), scope.block or ""


def _folded(parts: Sequence[Part]) -> Iterator[Fold]:
    """The folds of neighbours, those that are equal but for strides in the first in one."""
    for _, run in groupby(parts, key=lambda part: part.mark):
        equal = list(run)
        copies, scope = [part.lines for part in equal], equal[0].scope
        block = (scope.block or "") if scope else ""
        if len(copies) > 1 and set(copies[1:]) == {_bare(copies[0])}:
            yield Fold(copies[1], copies[0], len(copies), block)
            continue
        for lines, same in groupby(copies):
            yield Fold(lines, lines, len(list(same)), block)
