"""Rows in words: `Bottleneck 128 ×4, first /2`, `max_pool 3×3, /2; lrn`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from archdsl.analyses.notation import notation, plain, size
from archdsl.analyses.rows import Member, Row
from archdsl.analyses.summary import Summary
from archdsl.ir.graph import Node, Scope

MOST = 6
"""Parts of a closed stage that are named."""

MANY = 3
"""Of more numbers than these a block's arguments go without their names, as in a paper's table."""


def members_text(summary: Summary, row: Row) -> str:
    """All that a row stands for. An opened stage says nothing: its parts follow."""
    if not row.opened:
        text = _list(summary, row.members)
        return text + _times(row.copies) if isinstance(row.main, Node) else text
    block = _block(summary, row.main) if isinstance(row.main, Scope) and row.main.block else ""
    return (block + _times(row.copies)).lstrip()


def _times(copies: int) -> str:
    return f" ×{copies}" if copies > 1 else ""


def _list(summary: Summary, members: Iterable[Member]) -> str:
    texts = list(_texts(summary, members))
    return "; ".join(texts[:MOST]) + (f"; and {len(texts) - MOST} more" if len(texts) > MOST else "")


def _texts(summary: Summary, members: Iterable[Member]) -> Iterator[str]:
    for _, run in groupby(members, key=_kind):
        first, *others = run
        if isinstance(first, Node):
            yield notation(summary.graph, first, first.op.name)
        elif first.block is not None:
            yield _copies(summary, [first, *(scope for scope in others if isinstance(scope, Scope))])
        else:
            yield _list(summary, _content(summary, first)) + _times(len(others) + 1)


def _kind(member: Member) -> object:
    """Equal for copies of one block that follow each other."""
    if isinstance(member, Node):
        return member.id
    return (member.parent, member.block) if member.kind == "copy" else member.path


def _content(summary: Summary, scope: Scope) -> Iterator[Member]:
    for member in summary.graph.children[scope.path]:
        if isinstance(member, Scope) and member.kind == "copies":
            yield from summary.graph.children[member.path]
        else:
            yield member


# --- blocks --------------------------------------------------------------------------------


def _copies(summary: Summary, scopes: Sequence[Scope]) -> str:
    """`Bottleneck 128 ×4, first /2`: what most copies were given, and in what the first and the last differ."""
    usual = scopes[1 if len(scopes) > 1 else 0]
    text = _block(summary, usual) + _times(len(scopes))
    for name, scope in (("first", scopes[0]), ("last", scopes[-1])):
        others = [argument for argument in scope.arguments if argument not in usual.arguments]
        if others:
            text += f", {name} {', '.join(_arguments(others, said=True))}"
    return text


def _block(summary: Summary, scope: Scope) -> str:
    """A block with its arguments, but for those that are the same wherever this network uses it."""
    varying = summary.varying[str(scope.block)]
    arguments = [(name, value) for name, value in scope.arguments if name in varying]
    if len(arguments) > MANY and all(type(value) is int for _, value in arguments):
        return f"{scope.block} {', '.join(plain(value) for _, value in arguments)}"
    return f"{scope.block} {', '.join(_arguments(arguments))}".strip()


def _arguments(arguments: Iterable[tuple[str, Any]], said: bool = False) -> Iterator[str]:
    """`64`, `7×7`, `/2`, `expand 6`; `said`: also what is the usual (stride 1, false)."""
    for name, value in arguments:
        if name == "stride":
            if value != 1 or said:
                yield f"/{size(value)}"
        elif name == "kernel":
            yield f"{value}×{value}" if isinstance(value, int) else size(value)
        elif isinstance(value, bool):
            if value or said:
                yield name if value else f"not {name}"
        elif name in ("out", "width", "channels"):
            yield plain(value)
        elif isinstance(value, int | float | str):
            yield f"{name} {plain(value)}"
        elif isinstance(value, list | tuple):
            yield f"{name} [{plain(value)}]"
