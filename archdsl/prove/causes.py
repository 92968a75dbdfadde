"""Finds the places of a spec that decide what a node is: where its numbers are written, and its block is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TypeAlias

from archdsl.elaborate.derive import Derivation, Fact
from archdsl.elaborate.values import Problem
from archdsl.ir.graph import Graph, Node, Written
from archdsl.prove.origins import conditions
from archdsl.source import Span

Spans: TypeAlias = frozenset[Span]

WRITTEN_AS = {"factor": ("value",), "out": ("out", "multiplier"), "groups": ("groups",), "kernel": ("kernel", "factor")}
"""Arguments with another name in forms than in ops: the name in the form, and the possible names in the op."""


class Causes:
    """The causes for nodes of one graph. An imported graph has no text, so nothing in it has causes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._widths: dict[str, Spans] = {}

    @cached_property
    def _derivation(self) -> Derivation:
        return Derivation(self.graph)

    def of_arguments(self, node: Node, names: Iterable[str]) -> Spans:
        """The places of the numbers from which these arguments of a node are computed."""
        wanted = {known for name in names for known in (name, *WRITTEN_AS.get(name, ()))}
        written = dict(node.written)
        found = (self._spans(written[name], node.scope) for name in wanted if name in written)
        return frozenset(span for spans in found for span in spans)

    def of_presence(self, node: Node) -> Spans:
        """The places that decide whether the node exists: conditions, and the meaning of names of blocks."""
        around = self.graph.ancestry(node.scope)
        deciding = [(written, scope.path) for scope in around for written in conditions(scope.steps, node.id)]
        decided = (self._spans(written, scope, flows=False) for written, scope in deciding)
        homes = [(node.span, node.scope), *((scope.span, scope.parent) for scope in around if scope.parent is not None)]
        meant = (self._meaning(span, home) for span, home in homes)
        return frozenset(span for spans in (*decided, *meant) for span in spans)

    def uses(self, node: Node) -> Spans:
        """The places where the blocks around a node are used, and where their numbers of copies are written."""
        around = self.graph.ancestry(node.scope)[:-1]
        counts = (self._spans(scope.count, scope.path, flows=False) for scope in around if scope.count is not None)
        return frozenset(span for spans in ([scope.span for scope in around], *counts) for span in spans)

    def _meaning(self, step: Span, scope: str) -> Iterator[Span]:
        """The place that gives a step's name its meaning, if the spec does: `unit=Basic` for a step `unit(64)`."""
        name = re.match(r"\w*", step.text)
        given = name and self._derivation.names.source(name[0], scope)
        self._derivation.told.clear()
        if given:
            yield from self._all_spans(self._derivation.of("", given))

    def _spans(self, written: Written, scope: str, flows: bool = True) -> Iterator[Span]:
        self._derivation.told.clear()
        try:
            fact = self._derivation.of("", self._derivation.names.said("", written, scope))
        except Problem:  # a graph that was read from a file may have expressions that cannot be evaluated
            return
        yield written.expression.span
        yield from self._all_spans(fact, flows)

    def _all_spans(self, fact: Fact, flows: bool = True) -> Iterator[Span]:
        """The places of a fact and of those behind it; with `flows`, also those of the sizes that it asks for."""
        if fact.node:
            yield from self._channels(self.graph.node(fact.node)) if flows else ()
        elif fact.span is not None:
            yield fact.span
        for inner in fact.because:
            yield from self._all_spans(inner, flows)

    def _channels(self, node: Node) -> Spans:
        """The places of a node's number of channels: those of the width of the last layer that sets one."""
        if node.id not in self._widths:
            before = self.graph.inputs_of(node.id)[:1]
            own = self.of_arguments(node, ("out",)) if "out" in dict(node.written) else None
            inherited = self._channels(self.graph.node(before[0].node)) if own is None and before else frozenset()
            self._widths[node.id] = inherited if own is None else own
        return self._widths[node.id]
