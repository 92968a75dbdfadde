"""The words that arguments take, and that stand for themselves in a spec: `padding=valid`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin

from archdsl.ops.initialize import INITIALIZERS
from archdsl.ops.registry import REGISTRY


@cache
def words() -> frozenset[str]:
    """Every word that an argument of some op or initializer takes, from their own declarations.

    Names of ops are not among them: in `act=tanh`, `tanh` is the op. Where a word is needed, an op is read as its name.
    """
    kinds = (*REGISTRY.written().values(), *INITIALIZERS.values())
    fields = (field for kind in kinds for field in kind.model_fields.values())
    return frozenset(word for field in fields for word in _literals(field.annotation)) - {"like", *REGISTRY}


def words_of(op: str, argument: str) -> tuple[str, ...]:
    """The words that an argument of an op takes; none if there is no such op."""
    fields = REGISTRY[op].model_fields if op in REGISTRY else {}
    found = _literals(fields[argument].annotation) if argument in fields else ()
    return tuple(word for word in dict.fromkeys(found) if word != "like")


def _literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
    for part in get_args(annotation):
        yield from _literals(part)
