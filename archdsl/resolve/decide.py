"""How to say that a name has one of two meanings: where it is given first, with a condition in the line."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.source import HasSpan, Span
from archdsl.syntax import tree


def decided(text: tree.Body, first: Span, again: Span) -> str | None:
    """The line to write where a name is given `first`, in place of an `if` below that gives it `again`.

    `path skip = if stride > 1 then (conv(8, 1) -> bn) else it`; None where the two are not so simple.
    """
    start = next((given for given in text.statements if _name(given) == first), None)
    if not isinstance(start, tree.Path | tree.Let):
        return None
    for statement in text.statements:
        if isinstance(statement, tree.If) and len(statement.arms) == 1 and statement.otherwise is None:
            condition, body = statement.arms[0]
            if len(body.statements) == 1 and _name(body.statements[0]) == again:
                return _line(start, condition, body.statements[0])
    return None


def _name(statement: tree.FlowStatement) -> Span | None:
    """Where a statement gives the name of all that it makes."""
    if isinstance(statement, tree.Path | tree.Let):
        return statement.name.span
    binding = statement.steps[-1].binding if isinstance(statement, tree.Chain) else None
    return binding.names[0].span if binding and not binding.several else None


def _line(first: tree.Path | tree.Let, condition: tree.Expression, again: tree.FlowStatement) -> str | None:
    name = first.name.name
    if isinstance(first, tree.Let) != isinstance(again, tree.Let) or name in _text(condition).split():
        return None
    word = "let" if isinstance(first, tree.Let) else "path"
    values = list(_value(again)), list(_value(first))
    if not all(len(value) == 1 for value in values):
        return None
    return f"{word} {name} = if {_text(condition)} then {values[0][0]} else {values[1][0]}"


def _value(statement: tree.FlowStatement) -> Iterator[str]:
    """What a statement gives its name to, as one step or one number."""
    match statement:
        case tree.Let(value=value):
            yield _text(value)
        case tree.Path(flow=tree.Chain() as chain) | (tree.Chain() as chain):
            end = chain.steps[-1].binding
            text = _text(chain)
            text = text[: -len(_text(end))].rstrip() if end else text
            text = text.removesuffix(" as")
            yield f"({text})" if len(chain.steps) > 1 else text


def _text(part: HasSpan) -> str:
    return " ".join(part.span.text.split())
