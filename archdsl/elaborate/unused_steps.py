"""Warns of steps on which no output depends. Each warning shows the largest text that is unused as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from archdsl.diagnostics import Diagnostic, Note
from archdsl.ir.graph import Graph, Node
from archdsl.ir.unused import needed, removable, scopes_around, unused
from archdsl.source import Span

LONGEST = 60
"""How many letters of a text a message quotes."""


def unused_steps(graph: Graph, told: Collection[Span]) -> Iterator[Diagnostic]:
    """A warning for each text of the graph, as it is before any pass, except those inside of `told`."""
    if not graph.idle:
        return
    yield from _inputs(graph)
    idle = unused(graph)
    gone = removable(graph)
    used = scopes_around(graph, (node.id for node in graph if node.id not in idle))
    ends: dict[Span, list[Node]] = {}
    for node in graph:
        if node.id in idle and not graph.users(node.id):
            ends.setdefault(_text(graph, node, used), []).append(node)
    for span, nodes in ends.items():
        if not any(whole.holds(span) for whole in told):
            yield _warning(graph, span, nodes, idle, gone)


def _inputs(graph: Graph) -> Iterator[Diagnostic]:
    for node in graph.inputs:
        if node.id in graph.idle:
            message = f"no output depends on the input `{node.name}`"
            yield Diagnostic("unused-name", message, node.span, help="use it, or remove it", severity="warning")


def _text(graph: Graph, node: Node, used: set[str]) -> Span:
    """The text of the outermost scope around a node in which everything is unused, or the node's own."""
    unused_scopes = [scope for scope in graph.ancestry(node.scope) if scope.path not in used]
    return unused_scopes[-1].span if unused_scopes else node.span


def _warning(graph: Graph, span: Span, ends: list[Node], idle: frozenset[str], gone: frozenset[str]) -> Diagnostic:
    steps = needed(graph, (node.id for node in ends)) & idle
    count = f"{len(steps)} steps" if len(steps) > 1 else "1 step"
    if steps <= gone:
        fate = f"{count} left out: not counted, not drawn, not emitted"
    else:
        fate = f"{count} without effect, kept because a shape is asked for or because other copies are used"
    return Diagnostic(
        "unused-steps",
        f"nothing uses what `{_short(span)}` makes",
        span,
        notes=(Note(fate), *((Note(f"the step is {ends[0].id}"),) if ends[0].scope else ())),
        help="use its value, or remove it",
        severity="warning",
    )


def _short(span: Span) -> str:
    first = span.text.partition("\n")[0].rstrip()
    return first if len(first) <= LONGEST else f"{first[:LONGEST]}..."
