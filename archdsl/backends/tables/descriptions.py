"""Columns that describe a row: its path, its ops in words (`Bottleneck 128 ×4, first /2`), its window, its shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from archdsl.analyses.notation import notation, plain, size
from archdsl.analyses.rows import Row
from archdsl.analyses.summary import Member, Summary
from archdsl.backends.tables.table import Unit, Value, shown
from archdsl.ir.graph import Node, Scope
from archdsl.ops.arguments import spread
from archdsl.ops.base import Family, Window

MOST = 6
"""The most parts of a stage that are named, if its parts have no rows of their own."""

MANY = 3
"""If a block has more arguments than these and all are numbers, they are listed without names, as in papers' tables."""


def members_text(row: Row, bare: Collection[str] = ()) -> str:
    """The ops and blocks of a row in words. A stage whose parts have rows of their own has no text, or its block.

    Of the blocks in `bare` only the name is given: their arguments have columns.
    """
    summary = row.facts.summary
    if not row.opened:
        text = _list(summary, row.members, bare)
        return text + _times(row.copies) if isinstance(row.main, Node) else text
    block = _block(summary, row.main, bare) if isinstance(row.main, Scope) and row.main.block else ""
    return (block + _times(row.copies)).lstrip()


def _times(copies: int) -> str:
    return f" ×{copies}" if copies > 1 else ""


def _list(summary: Summary, members: Iterable[Member], bare: Collection[str]) -> str:
    texts = list(_texts(summary, members, bare))
    return "; ".join(texts[:MOST]) + (f"; and {len(texts) - MOST} more" if len(texts) > MOST else "")


def _texts(summary: Summary, members: Iterable[Member], bare: Collection[str]) -> Iterator[str]:
    for _, run in groupby(members, key=_kind):
        first, *others = run
        if isinstance(first, Node):
            yield notation(summary.graph, first, first.op.name)
        elif first.block is not None:
            yield copies_text(summary, [first, *(scope for scope in others if isinstance(scope, Scope))], bare)
        else:
            yield _list(summary, _content(summary, first), bare) + _times(len(others) + 1)


def _kind(member: Member) -> object:
    """A value that is equal for adjacent copies of one block."""
    if isinstance(member, Node):
        return member.id
    return (member.parent, member.block) if member.kind == "copy" else member.path


def _content(summary: Summary, scope: Scope) -> Iterator[Member]:
    for member in summary.graph.children[scope.path]:
        if isinstance(member, Scope) and member.kind == "copies":
            yield from summary.graph.children[member.path]
        else:
            yield member


def kinds(nodes: Sequence[Node]) -> str:
    """How many ops there are of each kind, the most frequent first: `53 bn, 49 relu, 16 add, max_pool`."""
    counts = Counter(node.op.name for node in nodes)
    return ", ".join(f"{number} {name}" if number > 1 else name for name, number in counts.most_common())


# --- blocks --------------------------------------------------------------------------------


def copies_text(summary: Summary, scopes: Sequence[Scope], bare: Collection[str] = ()) -> str:
    """`Bottleneck 128 ×4, first /2`: the arguments of most copies, and those of the first and last that differ."""
    usual = scopes[1 if len(scopes) > 1 else 0]
    text = _block(summary, usual, bare) + _times(len(scopes))
    if usual.block in bare:
        return text
    for name, scope in (("first", scopes[0]), ("last", scopes[-1])):
        others = [argument for argument in scope.arguments if argument not in usual.arguments]
        if others:
            text += f", {name} {', '.join(_arguments(others, said=True))}"
    return text


def _block(summary: Summary, scope: Scope, bare: Collection[str]) -> str:
    """A block with its arguments, except those that are the same wherever this network uses it."""
    if scope.block in bare:
        return scope.block or ""
    varying = summary.varying[str(scope.block)]
    arguments = [(name, value) for name, value in scope.arguments if name in varying]
    if len(arguments) > MANY and all(type(value) is int for _, value in arguments):
        return f"{scope.block} {', '.join(plain(value) for _, value in arguments)}"
    return f"{scope.block} {', '.join(_arguments(arguments))}".strip()


def _arguments(arguments: Iterable[tuple[str, Any]], said: bool = False) -> Iterator[str]:
    """Arguments in short: `64`, `7×7`, `/2`, `expand 6`. A stride of 1 and false are listed only with `said`."""
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


# --- windows -------------------------------------------------------------------------------


def leading(row: Row) -> Node | None:
    """The op that a row is about: the row's own, or the only one with MACs (else the only pool) of a scope."""
    summary = row.facts.summary
    if isinstance(row.main, Node):
        return row.main
    if row.opened or row.copies > 1:
        return None
    inside = summary.nodes_in(row.members)
    working = [node for node in inside if summary.nodes[node.id].macs] or [
        node for node in inside if node.op.family is Family.POOL
    ]
    return working[0] if len(working) == 1 else None


def _window(row: Row) -> tuple[Node, Window] | None:
    """The row's op and its sliding window; None for ops without one, such as a global pooling."""
    node = leading(row)
    window = node.op.window(*row.facts.summary.inputs[node.id]) if node else None
    has_kernel = node is not None and "kernel" in type(node.op).model_fields
    return (node, window) if node and window and has_kernel else None


def _window_text(row: Row) -> Value:
    """`7×7, /2`: the kernel, and the stride unless it is 1."""
    kernel, stride = _of_window("kernel")(row), _of_window("stride")(row)
    if kernel is None:
        return None
    return shown("shape", kernel) + (f", /{shown('size', stride)}" if set(stride) != {1} else "")


def _of_window(name: str) -> Callable[[Row], Value]:
    def value(row: Row) -> Value:
        found = _window(row)
        if found is None:
            return None
        _, window = found
        return window.stretch if name == "stride" and window.stretch else getattr(window, name)

    return value


def _padding(row: Row) -> Value:
    """The padding in pixels, a number for each dimension; if its two ends differ, left, right, top and bottom."""
    found = _window(row)
    if found is None:
        return None
    node, window = found
    if node.op.name == "up_conv":
        (x,) = row.facts.summary.inputs[node.id]
        return spread(getattr(node.op, "padding"), x, "padding")  # noqa: B009
    if all(start == end for start, end in window.padding):
        return tuple(start for start, _ in window.padding)
    return tuple(side for pair in reversed(window.padding) for side in pair)


def _groups(row: Row) -> Value:
    node = leading(row)
    if node is None or node.op.family is not Family.CONV:
        return None
    if node.op.name == "depthwise":
        return row.facts.summary.inputs[node.id][0].channels
    return getattr(node.op, "groups", 1)


# --- the list ------------------------------------------------------------------------------


def _input(row: Row) -> Value:
    summary = row.facts.summary
    first = summary.nodes_in(row.members[:1])[0]
    return summary.inputs[first.id][0]


def _repeats(row: Row) -> Value:
    """How many times a row has its block, one after the other; None for a row whose parts have rows of their own."""
    if row.opened:
        return None
    return max(Counter(use.block for use in row.uses).values(), default=row.copies)


def _last_output(summary: Summary) -> Value:
    return summary.graph.tensor(summary.graph.outputs[0].values[0])


def _line(row: Row) -> Value:
    return f"{row.main.span.source.name}:{row.main.span.line}"


def _title(row: Row) -> Value:
    return row.main.title if isinstance(row.main, Scope) else None


@dataclass(frozen=True, slots=True)
class Description:
    """A column that describes a row and measures nothing: `of` gives its value for a row, `total` for the network."""

    name: str
    heading: str
    unit: Unit
    about: str
    of: Callable[[Row], Value]
    total: Callable[[Summary], Value] = lambda summary: None


DESCRIPTIONS: Mapping[str, Description] = {
    description.name: description
    for description in (
        Description("path", "stage", "text", "path in the network", lambda row: row.path, lambda summary: "total"),
        Description("op", "op", "text", "the ops and blocks, ×n for n copies", members_text),
        Description("title", "title", "text", "title of the stage", _title),
        Description("line", "line", "text", "file and line of the spec", _line),
        Description("window", "window", "name", "kernel and stride: 7×7, /2", _window_text),
        Description("kernel", "kernel", "shape", "size of the window in pixels", _of_window("kernel")),
        Description("stride", "stride", "size", "pixels from one window to the next", _of_window("stride")),
        Description("padding", "padding", "size", "pixels around the input", _padding),
        Description(
            "dilation", "dilation", "size", "pixels from one weight of the window to the next", _of_window("dilation")
        ),
        Description("groups", "groups", "number", "groups of a convolution", _groups),
        Description("input", "input", "shape", "shape of the input", _input),
        Description("output", "output", "shape", "shape of the output", lambda row: row.output, _last_output),
        Description("arguments", "arguments", "text", "the arguments of the block that most rows are of", members_text),
        Description("repeats", "n", "number", "copies of the row's block", _repeats),
    )
}
"""The columns by name, in the order in which they are shown; measures follow them."""
