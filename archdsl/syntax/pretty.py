"""Fits text into a width: a `Doc` says where lines may be broken, and `render` decides where they are.

This is the algorithm of Wadler, "A prettier printer": a group is written on one line if it fits, else it is broken at
each of its own line breaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

INDENT = 4


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A line end if its group does not fit on one line, else the text `flat`. If `flat` is None, the group is always
    broken."""

    flat: str | None = " "


@dataclass(frozen=True, slots=True)
class Choose:
    """One text if the group is on one line, and another if it is broken."""

    flat: str
    broken: str


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines of `doc` are indented one level deeper."""

    doc: Doc


@dataclass(frozen=True, slots=True)
class Group:
    doc: Doc


@dataclass(frozen=True, slots=True)
class Aside:
    """Text before a line end that does not count towards the width: a trailing comment."""

    text: str


Doc = str | LineBreak | Choose | Nest | Group | Aside | tuple["Doc", ...]

_Item = tuple[int, bool, Doc]


def render(doc: Doc, width: int, level: int = 0) -> list[str]:
    """The lines of `doc`, all indented by at least `level` columns."""
    lines = [" " * level]
    pending: list[_Item] = [(level, False, doc)]
    while pending:
        indent, flat, node = pending.pop()
        match node:
            case Group(inner):
                room = width - len(lines[-1])
                pending.append((indent, flat or _fits(room, inner, pending), inner))
            case LineBreak(text) if not flat or text is None:
                lines.append(" " * indent)
            case Aside(text):
                lines[-1] += text
            case _:
                lines[-1] += _text(node, flat)
                pending.extend(_parts(indent, flat, node))
    return lines


def flat_text(doc: Doc) -> str:
    """`doc` on one line, whatever its width."""
    text = []
    pending: list[_Item] = [(0, True, doc)]
    while pending:
        indent, flat, node = pending.pop()
        text.append(_text(node, flat))
        pending.extend(_parts(indent, flat, node))
    return "".join(text)


def separated(separator: Sequence[Doc], docs: Iterable[Doc]) -> list[Doc]:
    """Several docs with `separator` between them."""
    return [part for i, doc in enumerate(docs) for part in ((*separator, doc) if i else (doc,))]


def bracketed(opening: str, docs: Sequence[Doc], closing: str, filled: bool = False) -> Doc:
    """Items in brackets: `(a, b)`, or one item per line (as many as fit if `filled`) with a comma after each."""
    if not docs:
        return opening + closing
    items = [docs[0], *(Group((",", LineBreak(), doc)) if filled else (",", LineBreak(), doc) for doc in docs[1:])]
    return Group((opening, Nest((LineBreak(""), *items)), Choose("", ","), LineBreak(""), closing))


def _fits(room: int, doc: Doc, rest: Sequence[_Item]) -> bool:
    """Whether `doc` on one line, and what follows it up to the next line end, are at most `room` wide."""
    pending: list[_Item] = [(0, True, doc)]
    following = len(rest)
    while room >= 0:
        if not pending:
            if not following:
                return True
            following -= 1
            pending.append(rest[following])
        indent, flat, node = pending.pop()
        if isinstance(node, LineBreak) and (not flat or node.flat is None):
            return not flat
        room -= len(_text(node, flat))
        pending.extend(_parts(indent, flat, node))
    return False


def _text(node: Doc, flat: bool) -> str:
    match node:
        case str():
            return node
        case LineBreak(text):
            return text or ""
        case Choose(one, several):
            return one if flat else several
        case _:
            return ""


def _parts(indent: int, flat: bool, node: Doc) -> list[_Item]:
    """The parts of a node in reverse, to be put on a stack."""
    match node:
        case tuple():
            return [(indent, flat, part) for part in reversed(node)]
        case Nest(inner):
            return [(indent + INDENT, flat, inner)]
        case Group(inner):
            return [(indent, flat, inner)]
        case _:
            return []
