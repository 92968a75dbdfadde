"""Bare words that stand for themselves as arguments: `padding=valid`, `schedule=linear`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin

from archdsl.ops.base import REGISTRY


@cache
def words() -> frozenset[str]:
    """Every word that some op's argument admits, from the ops' own declarations."""
    fields = (field for op in REGISTRY.values() for field in op.model_fields.values())
    return frozenset(word for field in fields for word in _literals(field.annotation)) - {"like"}


def _literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
    for part in get_args(annotation):
        yield from _literals(part)
