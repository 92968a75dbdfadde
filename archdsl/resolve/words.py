"""Bare words that stand for themselves as arguments: `padding=valid`, `schedule=linear`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin

from archdsl.ops.base import REGISTRY
from archdsl.ops.initialize import INITIALIZERS


@cache
def words() -> frozenset[str]:
    """Every word that an argument of some op or initializer admits, from their own declarations.

    Names of ops are not among them: `act=tanh` is the op, and where a word is wanted the op's name will do.
    """
    kinds = (*REGISTRY.values(), *INITIALIZERS.values())
    fields = (field for kind in kinds for field in kind.model_fields.values())
    return frozenset(word for field in fields for word in _literals(field.annotation)) - {"like", *REGISTRY}


def _literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
    for part in get_args(annotation):
        yield from _literals(part)
