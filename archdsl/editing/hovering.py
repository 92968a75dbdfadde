"""What is known of the word under the cursor: shapes, costs, where each number comes from; or what a name means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archdsl.analyses import totals
from archdsl.analyses.notation import count, shape
from archdsl.editing.calls import signature
from archdsl.editing.naming import use_at
from archdsl.elaborate.derive import Fact
from archdsl.elaborate.explain import Explanation, explain
from archdsl.ir.dump import written
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.model import File
from archdsl.resolve.names import FUNCTIONS
from archdsl.source import Source, Span

DEEPEST = 4
"""Levels of reasons for a number that are shown."""


class Hover(NamedTuple):
    """What is shown for a stretch of the text, as Markdown."""

    span: Span
    text: str


def hover(file: File, graph: Graph | None, offset: int) -> Hover | None:
    """What is known of the word at an offset; None where there is nothing to say. Without a graph: what names mean."""
    word = _word(file.source, offset)
    if word is None:
        return None
    parts = [_of_name(file, graph, offset), *(_in_graph(graph, file.source, offset) if graph is not None else ())]
    if not any(parts):
        parts = [_of_word(word.text, file)]
    said = [part for part in parts if part]
    return Hover(word, "\n\n---\n\n".join(said)) if said else None


def _word(source: Source, offset: int) -> Span | None:
    text, start, end = source.text, offset, offset
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return Span(source, start, end) if start < end else None


# --- names and words -----------------------------------------------------------------------------


def _of_name(file: File, graph: Graph | None, offset: int) -> str:
    """The line that gives a name, and its value if it is a setting of the network."""
    use = use_at(file, offset)
    if use is None:
        return ""
    name, line = use.given.text, use.given.source.line(use.given.line).strip()
    takes = signature(name, file) if name[0].isupper() else None
    doc = f"\n\n{takes.doc}" if takes and takes.doc else ""
    values = [s for s in graph.header.settings if s.name == name] if graph is not None else []
    value = "".join(f"\n\n`{name}` is {s.value} here ({s.origin})." for s in values if use.given.source == file.source)
    place = "" if use.given.source == file.source else f"\n\nin {use.given}"
    return f"```arch\n{line}\n```{doc}{value}{place}"


def _of_word(word: str, file: File) -> str:
    """The signature of an op or a function, and what it does."""
    if word in FUNCTIONS:
        return f"`{word}`: {' '.join((FUNCTIONS[word].__doc__ or '').split('. ')[0].split())}"
    takes = signature(word, file) if word in REGISTRY.written() else None
    return f"```arch\n{takes.label}\n```\n\n{takes.doc}" if takes else ""


# --- nodes and blocks ----------------------------------------------------------------------------


def _in_graph(graph: Graph, source: Source, offset: int) -> Iterator[str]:
    """The op or the block whose step is at the offset, in its first use."""
    nodes = [node for node in graph if _at(node.span, source, offset)]
    if nodes:
        yield "\n\n".join(_of_node(graph, nodes))
        return
    scopes = [scope for scope in graph.scopes.values() if scope.path and _at(scope.span, source, offset)]
    if scopes:
        narrow = min(scopes, key=lambda scope: scope.span.end - scope.span.start)
        yield "\n\n".join(_of_scopes(graph, [scope for scope in scopes if scope.span == narrow.span]))


def _at(span: Span, source: Source, offset: int) -> bool:
    """Whether the offset is in the first word of a step: what it calls."""
    same = span.source == source or (source.path is not None and span.source.path == source.path)
    word = _word(source, span.start) if same and span.start <= offset <= span.end else None
    return word is not None and offset <= word.end


def _of_node(graph: Graph, nodes: list[Node]) -> Iterator[str]:
    """A table of costs for the first use of an op, then where its numbers come from."""
    found = explain(graph, nodes[0].id)
    uses = f", the first of {len(nodes)} uses" if len(nodes) > 1 else ""
    yield f"`{written(nodes[0].op)}`  \n**{found.node.id}**{uses}"
    into = ", ".join(shape(tensor) for _, tensor in found.inputs)
    yield f"{into} → {', '.join(map(shape, found.node.outputs))}" if into else shape(found.node.output)
    yield "\n".join(_facts(found))


def _facts(found: Explanation) -> Iterator[str]:
    for fact in (*found.costs, *found.arguments, *found.sizes):
        yield from _lines(fact, 0)
    if found.defaults:
        yield "- defaults: " + ", ".join(f"{fact.name}={fact.value}" for fact in found.defaults)


def _lines(fact: Fact, depth: int) -> Iterator[str]:
    how = (f" = {fact.worked}" if fact.worked else "") + (f", by `{fact.written}`" if fact.written else "")
    in_spec = fact.span is not None and not fact.span.source.name.startswith("--")
    place = ", ".join(part for part in (fact.origin, str(fact.span) if in_spec else "") if part)
    yield f"{'  ' * depth}- {fact.name}: **{fact.value}**{how}" + (f" ({place})" if place else "")
    for reason in fact.because if depth < DEEPEST else ():
        yield from _lines(reason, depth + 1)


def _of_scopes(graph: Graph, scopes: list[Scope]) -> Iterator[str]:
    """What a stage or a block gives and costs; of several uses, all of them together."""
    first = scopes[0]
    nodes = {node.id: node for scope in scopes for node in totals.nodes_in(graph, scope.path)}
    shapes = dict.fromkeys(", ".join(shape(graph.tensor(v)) for v in scope.results) for scope in scopes)
    uses = f", the first of {len(scopes)} uses" if len(scopes) > 1 else ""
    yield f"**{first.path}**{uses}" + (f": `{first.block}`" if first.block else "")
    yield " … ".join(dict.fromkeys((next(iter(shapes)), list(shapes)[-1])))
    params, macs = totals.parameters(graph, nodes.values()), totals.macs(graph, nodes.values())
    yield f"- params: **{params:,}**\n- MACs: **{macs:,}** ({count(macs)})"
