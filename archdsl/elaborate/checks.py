"""What is checked of a finished graph: whether uses of shared weights agree, and whether positions have vectors."""

from __future__ import annotations

import re
from typing import Any

from archdsl.diagnostics import Note
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import Problem
from archdsl.ir.graph import Graph, Node
from archdsl.ops.embed import Embed
from archdsl.ops.position import Positions


def check_finished(graph: Graph, session: Session) -> None:
    """Reports what is wrong although every step took what flows into it."""
    _check_shared(graph, session)
    for node in graph:
        if isinstance(node.op, Embed):
            _check_positions(graph, session, node, node.op)


def _check_positions(graph: Graph, session: Session, node: Node, op: Embed) -> None:
    """Reports an embedding of positions that is shorter than the text."""
    (value,) = graph.inputs_of(node.id)
    (counted,), (length, *_) = (graph.inputs_of(value.node) or (value,))[:1], graph.tensor(value).dims
    if not isinstance(graph.node(value.node).op, Positions) or length <= op.count:
        return
    text, source = " ".join(node.span.text.split()), graph.node(counted.node)
    session.report(
        Problem(
            "out-of-bounds",
            f"`embedding` has vectors for {op.count:_} positions, and there are {length:_}",
            node.span,
            notes=(Note(f"{length:_} positions are those of `{source.span.text}`", source.span),),
            help=f"write `{_with(text, op.count, length)}`",
        )
    )


def _with(text: str, number: int, other: int) -> str:
    """A call with another number as its first argument: `linear(500)` with 1000 is `linear(1000)`."""
    written = "_?".join(str(number))
    return re.sub(rf"(?<=\()(\w+=)?{written}(?!\w)", rf"\g<1>{other}", text, count=1)


def _check_shared(graph: Graph, session: Session) -> None:
    """Reports uses of a shared module that need different weights."""
    first: dict[str, Any] = {}
    for node in graph:
        known = first.setdefault(node.weights, node)
        if known is node and not node.op.is_tied():
            continue
        ours, theirs = (n.op.params(*graph.tensors_into(n.id)) for n in (node, known))
        if node.op.is_tied():
            _check_tied(graph, session, node, known)
        elif node.op != known.op or ours != theirs:
            session.report(
                Problem(
                    "shared-mismatch",
                    f"all uses of `{node.weights}` share its weights, but this use needs {ours:_} of them "
                    f"and the first use {theirs:_}",
                    node.span,
                    notes=(*_into(graph, node), *_into(graph, known), Note("the first use is here", known.span)),
                    help=_same_input(graph, node, known),
                )
            )


def _into(graph: Graph, node: Node) -> tuple[Note, ...]:
    """Where the values that flow into a node come from."""
    sources = [graph.node(value.node) for value in graph.inputs_of(node.id)]
    rows = zip(graph.tensors_into(node.id), sources, strict=True)
    return tuple(Note(f"{tensor} comes from `{one.span.text}`", one.span) for tensor, one in rows)


def _same_input(graph: Graph, node: Node, known: Node) -> str | None:
    """A projection that gives a use of a shared module the channels that its first use has."""
    ours, theirs = (graph.tensors_into(n.id) for n in (node, known))
    if len(ours) != 1 or len(theirs) != 1 or ours[0].rank != theirs[0].rank or ours[0].kind != theirs[0].kind:
        return None
    channels, text = theirs[0].channels, " ".join(node.span.text.split())
    step = f"conv({channels}, 1)" if ours[0].rank > 2 else f"linear({channels})"
    return f"instead of `{text}` write `{step} -> {text}`: then both uses have {channels} channels"


def _check_tied(graph: Graph, session: Session, node: Node, known: Node) -> None:
    """Reports a step that takes its weight from a shared module whose weight has another shape."""
    if known.op.is_tied():
        session.report(
            Problem(
                "shared-mismatch",
                f"`{node.op.name}` takes the weight of `{node.weights}`, which no step before it uses",
                node.span,
                help=f"use it as a step where its own values are computed: value -> {node.weights}",
            )
        )
        return
    ours, theirs = (dict(n.op.state(*graph.tensors_into(n.id))).get("weight", ()) for n in (node, known))
    if ours != theirs:
        wanted, found = ("x".join(map(str, shape)) or "none" for shape in (ours, theirs))
        session.report(
            Problem(
                "shared-mismatch",
                f"`{node.op.name}` needs a weight of {wanted}, but that of `{node.weights}` is {found}",
                node.span,
                notes=(*_into(graph, node), Note(f"{found} is the weight of `{node.weights}`", known.span)),
                help=_fitting(node, ours, theirs),
            )
        )


def _fitting(node: Node, ours: tuple[int, ...], theirs: tuple[int, ...]) -> str | None:
    """A step with the shape of the weight that it takes: other outputs, or other channels before it."""
    if len(ours) != 2 or len(theirs) != 2:
        return None
    text = " ".join(node.span.text.split())
    new = _with(text, ours[0], theirs[0])
    return f"instead of `{text}` write `{new if ours[1] == theirs[1] else f'linear({theirs[1]}) -> {new}'}`"
