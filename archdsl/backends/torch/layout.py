"""Breaks statements that are too long for a line, where a formatter would: at their brackets and operators."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 100
"""Columns of a line."""

STEP = "    "
CLOSING = {"(": ")", "[": "]", "{": "}"}
SLICE = re.compile(r"\[[^\]]*:")
OPERATORS = (" + ", " * ")
"""Where an expression may be broken, the loosest first."""


@dataclass(frozen=True, slots=True)
class Group:
    """Brackets and the items in them, parted by commas."""

    opening: str
    items: tuple[Parts, ...]

    def __str__(self) -> str:
        return f"{self.opening}{', '.join(map(_text, self.items))}{CLOSING[self.opening]}"


Parts: TypeAlias = tuple["str | Group", ...]
"""Text with its bracketed parts taken apart."""


def lay_out(text: str, indent: int) -> Iterator[str]:
    """The lines of one statement at a depth of indentation."""
    if SLICE.search(text):
        text = _text(tuple(map(_spaced, _parse(text))))
    if len(STEP) * indent + len(text) <= WIDTH:
        yield STEP * indent + text
        return
    target = re.match(r"(return |[\w., ]+ = )", text)
    value = _parse(text[target.end() :]) if target else ()
    if target and len(_operands(value)) > 1:
        yield f"{STEP * indent}{target[0]}("
        yield from _item(value, indent + 1, "")
        yield f"{STEP * indent})"
    else:
        yield from _broken(_parse(text), indent, "")


def _text(parts: Parts) -> str:
    return "".join(map(str, parts))


def _broken(parts: Parts, indent: int, suffix: str) -> Iterator[str]:
    """Breaks the last brackets that hold something; `suffix` follows the end."""
    line = f"{STEP * indent}{_text(parts)}{suffix}"
    groups = [i for i, part in enumerate(parts) if isinstance(part, Group) and part.items]
    if len(line) <= WIDTH or not groups:
        yield line
        return
    at = groups[-1]
    group = parts[at]
    assert isinstance(group, Group)
    yield f"{STEP * indent}{_text(parts[:at])}{group.opening}"
    before = _text(parts[:at])[-1:]
    is_call = group.opening == "(" and (before.isalnum() or before in ("_", ")", "]"))
    yield from _items(group, indent + 1, is_call)
    yield f"{STEP * indent}{CLOSING[group.opening]}{_text(parts[at + 1 :])}{suffix}"


def _items(group: Group, indent: int, is_call: bool) -> Iterator[str]:
    """Arguments all on one line, else each on its own; elements always each on its own."""
    joined = STEP * indent + ", ".join(map(_text, group.items))
    alone = len(group.items) == 1 and (group.opening == "(" or _is_comprehension(group.items[0]))
    if len(joined) <= WIDTH and (is_call or alone):
        yield joined
        return
    for item in group.items:
        yield from _item(item, indent, "" if alone else ",")


def _item(item: Parts, indent: int, suffix: str) -> Iterator[str]:
    """One item: a comprehension is broken before its `for`, a sum before its operators, a call at its brackets."""
    if len(STEP) * indent + len(_text(item)) + len(suffix) <= WIDTH:
        yield f"{STEP * indent}{_text(item)}{suffix}"
        return
    pieces = _split(item, " for ") if len(_split(item, " for ")) > 1 else _operands(item)
    for piece in pieces[:-1]:
        yield from _broken(piece, indent, "")
    yield from _broken(pieces[-1], indent, suffix)


def _spaced(part: str | Group) -> str | Group:
    """Slices as a formatter writes them: `x[1:n]`, but `x[: n + 1]`."""
    if isinstance(part, str):
        return part
    items = tuple(tuple(map(_spaced, item)) for item in part.items)
    return Group(part.opening, tuple(map(_spaced_slice, items)) if part.opening == "[" else items)


def _spaced_slice(item: Parts) -> Parts:
    at = next((i for i, part in enumerate(item) if isinstance(part, str) and ":" in part), None)
    if at is None:
        return item
    before, _, after = str(item[at]).partition(":")
    start, stop = f"{_text(item[:at])}{before}".strip(), f"{after}{_text(item[at + 1 :])}".strip()
    if all(re.fullmatch(r"-?\w*", bound) for bound in (start, stop)):
        return item
    return (f"{start}{' ' if start else ''}:{' ' if stop else ''}{stop}",)


def _operands(parts: Parts) -> list[Parts]:
    """What is joined by the loosest operator, each operator with what follows it."""
    for operator in OPERATORS:
        pieces = _split(parts, operator)
        if len(pieces) > 1:
            return pieces
    return [parts]


def _split(parts: Parts, word: str) -> list[Parts]:
    """Parts before each ` word ` outside of brackets; the word begins what follows it."""
    pieces: list[list[str | Group]] = [[]]
    for part in parts:
        if isinstance(part, Group):
            pieces[-1].append(part)
            continue
        first, *rest = part.split(word)
        pieces[-1] += [first] if first else []
        pieces += [[f"{word.lstrip()}{text}"] for text in rest]
    return [tuple(piece) for piece in pieces]


def _parse(text: str) -> Parts:
    """Takes a statement apart at its brackets. Quoted text is left whole."""
    stack: list[tuple[str, list[list[str | Group]]]] = [("", [[]])]
    for token in _tokens(text):
        opening, items = stack[-1]
        if token in CLOSING:
            stack.append((token, [[]]))
        elif opening and token == CLOSING[opening]:
            stack.pop()
            stack[-1][1][-1].append(Group(opening, tuple(tuple(item) for item in items if item)))
        elif opening and token == "," and not _is_comprehension(items[-1]):
            items.append([])
        else:
            items[-1].append(token.lstrip() if not items[-1] and opening else token)
    return tuple(stack[0][1][0])


def _is_comprehension(item: Sequence[str | Group]) -> bool:
    """Whether an item has come to its `for`, after which a comma parts names."""
    return any(isinstance(part, str) and " for " in part for part in item)


def _tokens(text: str) -> Iterator[str]:
    """Brackets and commas one by one, what lies between them whole."""
    start, quote = 0, ""
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()[]{},":
            if start < index:
                yield text[start:index]
            yield character
            start = index + 1
    if start < len(text):
        yield text[start:]
