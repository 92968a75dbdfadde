"""What the report of a proof calls parts, their sizes and the values of their arguments."""

from __future__ import annotations

from typing import Any

from archdsl.prove.form import Part


def named(part: Part) -> str:
    """`max pool`."""
    return {"input": "the input", "output": "the result"}.get(part.op, part.op.replace("_", " "))


def sources(part: Part) -> str:
    """The nodes whose values a part takes: `conv1 and conv2`."""
    return " and ".join(wire.part.node for wire in part.inputs)


def sizes(part: Part) -> str:
    """`64x112x112`."""
    return ", ".join("x".join(map(str, dims)) for dims in part.dims)


def value(given: Any) -> str:
    """An argument: `3` for a kernel of 3x3, `3x5`, `yes`. What is written alike is the same."""
    if isinstance(given, tuple) and given and all(isinstance(entry, int) for entry in given):
        return str(given[0]) if len(set(given)) == 1 else "x".join(map(str, given))
    is_plain = given is None or isinstance(given, bool)
    return {True: "yes", False: "no", None: "none"}[given] if is_plain else str(given)
