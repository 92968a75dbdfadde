"""Calls as other tools write them, with the numbers that they have, as steps of a spec. A leaf."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.foreign import ARGUMENTS, NO_ARGUMENTS, Meaning, folded

JOINS = ("add", "sub", "concat", "mul", "maximum", "mean")
"""Ops whose inputs are branches."""

INTO = {"conv": 3, "linear": 2, "up_conv": 3}
"""Ops that PyTorch's classes give the channels that flow in first, and with how many numbers they are then called."""

OWN = frozenset(own for names in ARGUMENTS.values() for own in names)
"""Names of arguments that other tools may have, too."""

Argument = tuple[str | None, str]
"""The name of an argument, if it is written, and its value as text."""


def join(op: str, arguments: Sequence[Argument]) -> str | None:
    """`concat{a | b}` for `concat(a, b)`, `cat([a, b], dim=1)`; None where there are no two branches."""
    values = [value for name, value in arguments if name is None]
    listed = re.fullmatch(r"\[([\w.]+(?:\s*,\s*[\w.]+)*)\]", values[0]) if values else None
    branches = re.split(r"\s*,\s*", listed[1]) if listed else values
    return f"{op}{{{' | '.join(branches)}}}" if op in JOINS and len(branches) > 1 else None


def called(word: str, meaning: Meaning, arguments: Sequence[Argument]) -> str | None:
    """What a call of `word` means, by its own numbers: `conv(16, 3)` for `Conv2D(16, 3)`; None where that is unsure."""
    op = re.match(r"\w+", meaning.code)
    if op is None or (joined := join(op[0], arguments)):
        return joined if op else None
    if op[0] == "reshape":
        return _reshaped(arguments)
    example = re.fullmatch(r"(\w+)\(([^()]*)\)", meaning.code)
    if example is None or not arguments:
        return None
    plain = [value for name, value in arguments if name is None]
    named = [_named(name, value) for name, value in arguments if name is not None]
    if _has_channels_in(word, op[0], plain, arguments):
        plain = plain[1:]
    given = {text.partition("=")[0] for text in named if text}
    added = [text for text in example[2].split(", ") if "=" in text and text.partition("=")[0] not in given]
    if not plain or "" in named:
        return None
    return f"{op[0]}({', '.join((*plain, *(text for text in named if text), *added))})"


def _reshaped(arguments: Sequence[Argument]) -> str | None:
    """`reshape(16 x 5 x 5)` for `Unflatten(1, [16, 5, 5])`; None where no sizes are listed."""
    listed = re.fullmatch(r"[\[(]([\w\s,]+)[\])]", arguments[-1][1]) if arguments else None
    sizes = re.split(r"\s*,\s*", listed[1].strip(" ,")) if listed else []
    return f"reshape({' x '.join(sizes)})" if sizes else None


def _named(name: str, value: str) -> str | None:
    """An argument by its name here; None for what is not written, "" where there is no such argument."""
    key = folded(name)
    if name in OWN:
        return f"{name}={value}"
    if key in ARGUMENTS:
        return f"{ARGUMENTS[key][0]}={value}"
    return None if "is not written" in NO_ARGUMENTS.get(key, "") else ""


def _has_channels_in(word: str, op: str, plain: Sequence[str], arguments: Sequence[Argument]) -> bool:
    """Whether the first number is of the channels that flow in: PyTorch's `Conv2d(3, 64, 3)`, not Keras's `Conv2D`."""
    names = {folded(name) for name, _ in arguments if name is not None}
    count = len(plain) + ("kernelsize" in names)
    return op in INTO and count >= INTO[op] and not word.endswith(("1D", "2D", "3D", "Transpose"))
