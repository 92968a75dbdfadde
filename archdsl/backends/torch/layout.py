"""Breaks statements that are too long for a line, where a formatter would: at their brackets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 100
"""Columns of a line."""

STEP = "    "
CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Group:
    """Brackets and the items in them, parted by commas."""

    opening: str
    items: tuple[Parts, ...]

    def __str__(self) -> str:
        inner = ", ".join("".join(map(str, item)) for item in self.items)
        return f"{self.opening}{inner}{CLOSING[self.opening]}"


Parts: TypeAlias = tuple["str | Group", ...]
"""Text with its bracketed parts taken apart."""


def lay_out(text: str, indent: int, suffix: str = "") -> Iterator[str]:
    """The lines of one statement at a depth of indentation; `suffix` follows its end."""
    line = f"{STEP * indent}{text}{suffix}"
    if len(line) <= WIDTH:
        yield line
        return
    yield from _broken(_parse(text), indent, suffix)


def _broken(parts: Parts, indent: int, suffix: str) -> Iterator[str]:
    """Breaks the last brackets that hold something."""
    line = f"{STEP * indent}{''.join(map(str, parts))}{suffix}"
    groups = [i for i, part in enumerate(parts) if isinstance(part, Group) and part.items]
    if len(line) <= WIDTH or not groups:
        yield line
        return
    at = groups[-1]
    group = parts[at]
    assert isinstance(group, Group)
    yield f"{STEP * indent}{''.join(map(str, parts[:at]))}{group.opening}"
    yield from _items(group, indent + 1)
    yield f"{STEP * indent}{CLOSING[group.opening]}{''.join(map(str, parts[at + 1 :]))}{suffix}"


def _items(group: Group, indent: int) -> Iterator[str]:
    """All on one line, else each on its own."""
    joined = ", ".join("".join(map(str, item)) for item in group.items)
    if len(STEP * indent + joined) <= WIDTH:
        yield f"{STEP * indent}{joined}"
        return
    if len(group.items) == 1:
        yield from _alone(group.items[0], indent)
        return
    for item in group.items:
        yield from _broken(item, indent, ",")


def _alone(item: Parts, indent: int) -> Iterator[str]:
    """A single item: a comprehension breaks before its `for`, anything else at its own brackets."""
    text = "".join(map(str, item))
    head, loop, tail = _split_comprehension(item)
    if not loop:
        yield from _broken(item, indent, "")
    elif len(STEP * indent + text) <= WIDTH:
        yield f"{STEP * indent}{text}"
    else:
        yield from _broken(head, indent, "")
        yield from _broken(tail, indent, "")


def _split_comprehension(item: Parts) -> tuple[Parts, bool, Parts]:
    for index, part in enumerate(item):
        if isinstance(part, str) and " for " in part:
            before, _, after = part.partition(" for ")
            return (*item[:index], before), True, (f"for {after}", *item[index + 1 :])
    return item, False, ()


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
        elif opening and token == ",":
            items.append([])
        else:
            items[-1].append(token.lstrip() if not items[-1] and opening else token)
    return tuple(stack[0][1][0])


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
