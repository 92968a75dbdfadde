"""Converts a tree to plain JSON data and back, for the cache.

A node becomes a list: the number of its class, then its fields in order. Other values become a list that begins with a
negative number. The file into which spans point is not stored; it is passed to `decode`.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from archdsl.source import Source, Span
from archdsl.syntax import tree

TUPLE, SET, SPAN, SOURCE = -1, -2, -3, -4

CLASSES = tuple(
    made
    for made in vars(tree).values()
    if isinstance(made, type) and is_dataclass(made) and made.__module__ == tree.__name__
)


def encode(value: Any) -> Any:
    """A node, or a value in one, as plain data."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case tuple():
            return [TUPLE, *map(encode, value)]
        case frozenset():
            return [SET, *sorted(value)]
        case Span():
            return [SPAN, value.start, value.end]
        case Source():
            return [SOURCE]
    return [CLASSES.index(type(value)), *(encode(getattr(value, field.name)) for field in fields(value))]


def decode(stored: Any, source: Source) -> tree.Spec:
    """The tree that `encode` stored, with spans that point into `source`. Raises an exception (of any kind) for other
    data."""

    def made(value: Any) -> Any:
        if type(value) is not list:
            return value
        kind = value[0]
        if kind == SPAN:
            return Span(source, value[1], value[2])
        if kind >= 0:
            return CLASSES[kind](*map(made, value[1:]))
        if kind == TUPLE:
            return tuple(map(made, value[1:]))
        return frozenset(value[1:]) if kind == SET else source

    spec = made(stored)
    if not isinstance(spec, tree.Spec):
        raise TypeError(f"this is a {type(spec).__name__}")
    return spec
