"""The turns of a loop: for each, the variables with their values. Several variables take the rows of a table apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from archdsl.diagnostics import Note
from archdsl.elaborate.values import Listed, Problem, describe, plain
from archdsl.source import Span
from archdsl.syntax import tree

Turn: TypeAlias = tuple[tuple[str, Any], ...]
"""The variables of a loop in one turn, with their values."""


def rows(names: Sequence[tree.Name], found: Sequence[Any], over: Span) -> list[Turn]:
    """The turns of `for k, c in over`, where `found` are the elements of the list.

    Raises `Problem` for the first row that does not have as many elements as there are names.
    """
    if len(names) == 1:
        return [((names[0].name, value),) for value in found]
    for place, row in enumerate(found):
        if not isinstance(row, list) or len(row) != len(names):
            raise _wrong_row(names, over, row, f"{place + 1} of {len(found)}")
    return [tuple(zip((name.name for name in names), row, strict=True)) for row in found]


def plain_turn(turn: Turn) -> Turn:
    """The variables of a turn in the form in which the graph stores them."""
    return tuple((name, plain(value)) for name, value in turn)


def _wrong_row(names: Sequence[tree.Name], loop: Span, row: Any, place: str) -> Problem:
    header = names[0].span.to(loop)
    said = ", ".join(name.name for name in names)
    if not isinstance(row, list):
        return Problem(
            "wrong-row",
            f"element {place} is {describe(row)}, but the names `{said}` need a list of {len(names)} elements",
            header,
            help=f"make each element a list, `[[...], [...]]`, or give the loop one name: `for {names[0].name} in ...`",
        )
    written = row.span if isinstance(row, Listed) else None
    count = f"{len(row)} element{'s' if len(row) != 1 else ''}"
    return Problem(
        "wrong-row",
        f"row {place}, {describe(row)}, has {count}, but the loop has {len(names)} names: {said}",
        written or header,
        notes=(Note("the loop stands here", header),) if written else (),
        help="give every row as many elements as the loop has names",
    )
