"""Rows in words: `Bottleneck(128) ×4, first(stride=2)`, `max_pool 3×3, /2, lrn`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from archdsl.analyses.notation import notation, plain
from archdsl.analyses.rows import Member, Row
from archdsl.analyses.summary import Summary
from archdsl.ir.graph import Node, Scope

MOST = 6
"""Parts of a closed stage that are named."""


def members_text(summary: Summary, row: Row) -> str:
    """All that a row stands for. An opened row says nothing: its parts follow."""
    if row.opened:
        return _block(row.main) + _times(row.copies) if isinstance(row.main, Scope) and row.main.block else ""
    if isinstance(row.main, Node):
        return _list(summary, row.members) + _times(row.copies)
    return _list(summary, row.members)


def _times(copies: int) -> str:
    return f" ×{copies}" if copies > 1 else ""


def _list(summary: Summary, members: Sequence[Member]) -> str:
    return ", ".join(_texts(summary, members))


def _texts(summary: Summary, members: Sequence[Member]) -> Iterator[str]:
    for _, run in groupby(members, key=_kind):
        first, *others = run
        if isinstance(first, Node):
            yield notation(summary.graph, first, first.op.name)
        elif first.block is not None:
            yield _copies([first, *(scope for scope in others if isinstance(scope, Scope))])
        else:
            yield _content(summary, first) + _times(len(others) + 1)


def _kind(member: Member) -> object:
    """Equal for copies of one block that follow each other."""
    if isinstance(member, Node):
        return member.id
    return (member.parent, member.block) if member.kind == "copy" else member.path


def _content(summary: Summary, scope: Scope) -> str:
    """What a scope without a block holds, in short."""
    held: list[Member] = []
    for member in summary.graph.children[scope.path]:
        if isinstance(member, Scope) and member.kind == "copies":
            held += summary.graph.children[member.path]
        else:
            held.append(member)
    texts = list(_texts(summary, held))
    return ", ".join(texts[:MOST]) + (f" and {len(texts) - MOST} more" if len(texts) > MOST else "")


def _copies(scopes: Sequence[Scope]) -> str:
    """`Bottleneck(128) ×4, first(stride=2)`: what most copies were given, and in what the first and last differ."""
    usual = scopes[1 if len(scopes) > 1 else 0]
    text = _block(usual)
    if len(scopes) == 1:
        return text
    text += f" ×{len(scopes)}"
    ends = [("first", scopes[0])] + ([("last", scopes[-1])] if len(scopes) > 2 else [])
    for name, scope in ends:
        others = [(key, value) for key, value in scope.arguments if (key, value) not in usual.arguments]
        if others:
            text += f", {name}({', '.join(f'{key}={_shown(value)}' for key, value in others)})"
    return text


def _block(scope: Scope) -> str:
    given = {name for name, _ in scope.written}
    arguments = ", ".join(_shown(value) for name, value in scope.arguments if name in given)
    return f"{scope.block}({arguments})" if arguments else str(scope.block)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{plain(value)}]" if isinstance(value, list | tuple) else plain(value)
