"""Graph -> what the page says of each op, block and stage, as plain data for JSON. Nothing is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.analyses.measures import GLOBAL, summarize
from archdsl.analyses.receptive_field import ReceptiveField, moves, receptive_fields
from archdsl.analyses.rows import Row, path_of
from archdsl.analyses.summary import Basis, Part, Summary
from archdsl.ir.dump import value_text, written
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.source import Span
from archdsl.webpage.levels import Levels


def facts(graph: Graph, levels: Levels, rows: Sequence[Row]) -> dict[str, Any]:
    """`places` has an entry for each path that is drawn, and for the network, "". What is as usual is left out of it.

    - `kind`: "op", or that of the scope; `what`: the op with its arguments, or the block with those of this use
    - `shape`: dimensions of the output; `params` (learned numbers), `macs`, `memory` (bytes of all outputs at fp32)
    - `field`: the receptive field in input pixels, over all paths; `convs`: without gates, where that is another
    - `line`: number of an entry of `lines`: the spec's file, line number and text
    - `level`: path of the scope in whose drawing it is (not for the network); `box`: the box there, if not its own
    - `drawing`: number of the drawing of its inside, if it has one
    - `row`: number of the table's row that counts it, if there is one
    """
    return _Facts(graph, levels, rows).all()


class _Facts:
    def __init__(self, graph: Graph, levels: Levels, rows: Sequence[Row]) -> None:
        self.graph, self.levels = graph, levels
        self.summary = summarize(graph)
        self.further = summarize(graph, Basis(training=True)) if graph.training_only else self.summary
        self.ungated = receptive_fields(graph, gates=False).fields
        self.rows = {path_of(member): number for number, row in enumerate(rows) for member in row.facts.members}
        self.lines: dict[tuple[str, int], int] = {}
        self.texts: list[list[Any]] = []

    def all(self) -> dict[str, Any]:
        network = {**self._of(self.graph.scopes[""]), "drawing": 0}
        places = {"": network} | {path: self._placed(path) for path in self.levels.places}
        return {"places": places, "lines": self.texts}

    def _placed(self, path: str) -> dict[str, Any]:
        graph, place = self.graph, self.levels.places[path]
        member = graph.node(path) if path in graph else graph.scopes[path]
        found = {**self._of(member), "level": place.level}
        optional = {
            "box": place.box if place.box != path else None,
            "drawing": self.levels.of.get(path),
            "row": self._row(member),
        }
        return found | {name: value for name, value in optional.items() if value is not None}

    def _of(self, member: Node | Scope) -> dict[str, Any]:
        part = self._part(member)
        summary: Summary = part.summary
        result = summary.result(member)
        field, ungated = _pixels(summary.field(result.node)), _pixels(self.ungated[result.node])
        return {
            "kind": "op" if isinstance(member, Node) else member.kind,
            "what": written(member.op) if isinstance(member, Node) else _block(member),
            "shape": list(self.graph.tensor(result).dims),
            "params": part.params,
            "macs": part.macs,
            "memory": part.memory,
            "field": field,
            **({"convs": ungated} if ungated != field else {}),
            "line": self._line(member.span),
        }

    def _part(self, member: Node | Scope) -> Part:
        """Its costs; what serves training outputs alone is counted only there."""
        summary = self.summary if self.summary.holds(member) else self.further
        return summary.nodes[member.id] if isinstance(member, Node) else summary.scopes[member.path]

    def _line(self, span: Span) -> int:
        name, line = span.source.name, span.line
        if (name, line) not in self.lines:
            self.lines[name, line] = len(self.texts)
            self.texts.append([name, line, span.source.line(line).strip()])
        return self.lines[name, line]

    def _row(self, member: Node | Scope) -> int | None:
        """The innermost row that counts a node or scope."""
        path: str | None = path_of(member)
        parent = member.scope if isinstance(member, Node) else member.parent
        while path is not None:
            if path in self.rows:
                return self.rows[path]
            path, parent = parent, self.graph.scopes[parent].parent if parent is not None else None
        return None


def _block(scope: Scope) -> str:
    """`Bottleneck(width=64, stride=1)`; of what is no block, its title, if it has one."""
    if scope.block is None:
        return scope.title or ""
    arguments = ", ".join(f"{name}={value_text(value)}" for name, value in scope.arguments)
    return f"{scope.block}({arguments})"


def _pixels(field: ReceptiveField) -> int | str | list[int]:
    """A number, one for each dimension where they differ, "global" for all of the input, or "none"."""
    if not field.largest:
        return "none"
    if not moves(field):
        return GLOBAL
    sizes = list(field.size)
    return sizes[0] if len(set(sizes)) == 1 else sizes
