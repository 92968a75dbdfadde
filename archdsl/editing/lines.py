"""What comes out of each line of a spec, and what the line costs: shown at its end while it is typed.

A line of a block stands for all uses of the block: its shapes are those of the first and the last use, its costs those
of all uses together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from archdsl.analyses import totals
from archdsl.analyses.notation import count, plain, shape
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.node import nodes_in

HEADED = re.compile(r"(stage|output|repeat|for)\b")
"""The statements that have lines of their own below them."""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What is known of the line with this number (from 1).

    `shapes` are those that come out of it, in the order of its uses, each once; `value` is the value of a named number.
    `params` counts shared weights once, `macs` are multiply-adds for one input; both are of all uses together.
    """

    line: int
    shapes: tuple[str, ...] = ()
    uses: int = 1
    params: int = 0
    macs: int = 0
    value: str = ""

    @property
    def text(self) -> str:
        """`64×56×56 … 512×7×7   1.2 M params, 231 M MACs`, or `= 32`."""
        ends = (self.shapes[0], self.shapes[-1]) if len(self.shapes) > 1 else self.shapes
        costs = [f"{count(self.params)} params"] * bool(self.params) + [f"{count(self.macs)} MACs"] * bool(self.macs)
        return "   ".join(
            part for part in (self.value and f"= {self.value}", " … ".join(ends), ", ".join(costs)) if part
        )


def lines(graph: Graph, source: Source, spec: tree.Spec) -> list[LineFacts]:
    """The facts of each line of a text that has any, in order. `spec` is the text's tree."""
    found: dict[int, _Line] = {}
    places = _Places(source, spec)
    for node in graph:
        for line, item in _items(graph, node, places):
            found.setdefault(line, _Line()).add(item, node)
    facts = {line: part.facts(line, graph) for line, part in found.items()}
    for line, values in _values(graph, places).items():
        facts.setdefault(line, LineFacts(line, value=" … ".join(dict.fromkeys((values[0], values[-1])))))
    return [facts[line] for line in sorted(facts)]


class _Item(NamedTuple):
    """A part of a line that a node belongs to: its stretch, who it is, and what comes out of it."""

    start: int
    end: int
    owner: str
    tensors: tuple[str, ...]


@dataclass
class _Line:
    """The parts of one line, by their stretches, and all nodes that belong to them."""

    items: dict[tuple[int, int], dict[str, tuple[str, ...]]] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    def add(self, item: _Item, node: Node) -> None:
        self.items.setdefault((item.end, -item.start), {})[item.owner] = item.tensors
        self.nodes[node.id] = node

    def facts(self, line: int, graph: Graph) -> LineFacts:
        """The last and widest part of the line gives its shape."""
        last = self.items[max(self.items)]
        shapes = dict.fromkeys(", ".join(tensors) for tensors in last.values() if tensors)
        counted = [node for node in self.nodes.values() if node.id not in graph.training_only]
        nodes = counted or list(self.nodes.values())
        return LineFacts(line, tuple(shapes), len(last), totals.parameters(graph, nodes), totals.macs(graph, nodes))


class _Places:
    """Where the parts of a text end: a join ends after its branches, and a stage of several lines is its first line."""

    def __init__(self, source: Source, spec: tree.Spec) -> None:
        self.source = source
        self.joins = {step.target.span.start: _end(step.target) for step in _merges(spec.items)}

    def holds(self, span: Span) -> bool:
        ours = self.source.path
        return span.source == self.source or (ours is not None and span.source.path == ours)

    def line(self, offset: int) -> int:
        return self.source.position(offset)[0]

    def of_node(self, span: Span) -> tuple[int, int]:
        return span.start, max(self.joins.get(span.start, span.end), span.end)

    def of_scope(self, scope: Scope) -> tuple[int, int]:
        """The stretch of a scope's text; of a stage or a loop with lines of its own, the line that begins it."""
        start, end = scope.span.start, scope.span.end
        if HEADED.match(scope.span.text) and "\n" in scope.span.text.rstrip():
            end = self.source.text.find("\n", start)
        return start, end


def _end(merge: Any) -> int:
    """Where a join's result is shown: after its braces, or, if its branches are lines of their own, at its name."""
    if merge.inline:
        return int(merge.span.end)
    first = merge.op.span.end if merge.op is not None else merge.span.start + 1
    return int(first)


def _merges(part: Any) -> Iterator[tree.Step]:
    return (node for node in nodes_in(part) if isinstance(node, tree.Step) and isinstance(node.target, tree.Merge))


def _items(graph: Graph, node: Node, places: _Places) -> Iterator[tuple[int, _Item]]:
    """The parts of lines that a node belongs to: its own step, and the uses of the blocks and stages around it."""
    if places.holds(node.span):
        start, end = places.of_node(node.span)
        yield places.line(max(start, end - 1)), _Item(start, end, node.id, tuple(map(shape, node.outputs)))
    for scope in graph.ancestry(node.scope):
        if places.holds(scope.span):
            start, end = places.of_scope(scope)
            results = () if scope.kind == "network" else _shapes(graph, scope.results)
            yield places.line(max(start, end - 1)), _Item(start, end, scope.path, results)


def _shapes(graph: Graph, values: Iterable[Value]) -> tuple[str, ...]:
    return tuple(shape(graph.tensor(value)) for value in values)


def _values(graph: Graph, places: _Places) -> dict[int, list[str]]:
    """The values of named numbers and of scaling coefficients, by the line that computes them."""
    found: dict[int, list[str]] = {}
    written = [(let.written, let.value) for scope in graph.scopes.values() for let in scope.lets]
    formulas = [s for s in graph.header.settings if s.origin not in ("default", "given")]
    written += [(setting.written, setting.value) for setting in formulas if setting.written is not None]
    for how, value in written:
        span = how.expression.span
        if places.holds(span) and not isinstance(how.expression, tree.Number):
            found.setdefault(places.line(max(span.start, span.end - 1)), []).append(plain(value))
    return found
