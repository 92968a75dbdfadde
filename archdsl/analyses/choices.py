"""Reads arguments of commands: words that must be one of a few, and numbers with a prefix such as 67T."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import inf
from typing import TypeVar

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.suggest import nearest

T = TypeVar("T")

PREFIXES: Mapping[str, float] = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


def choose(kind: str, names: Iterable[str], known: Mapping[str, T]) -> tuple[T, ...]:
    """The values of `names` in `known`. Raises `CompileError` that lists every unknown name and what is known."""
    names = tuple(names)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CompileError([_unknown(kind, name, known) for name in unknown])
    return tuple(known[name] for name in names)


def _unknown(kind: str, name: str, known: Iterable[str]) -> Diagnostic:
    known = list(known)
    meant = nearest(name, known)
    mean = f"did you mean `{meant}`? " if meant else ""
    return Diagnostic("unknown-choice", f"there is no {kind} `{name}`", help=f"{mean}there are {', '.join(known)}")


def quantity(option: str, text: str) -> float:
    """`67T`, `4.8e12` or `989_000G` as a number above 0. Raises `CompileError`.

    >>> quantity("--peak", "67T")
    67000000000000.0
    """
    match = re.fullmatch(r"(?P<number>[\d_]*\.?\d+(?:[eE][+-]?\d+)?) ?(?P<prefix>[KMGTP]?)", text.strip())
    value = float(match["number"].replace("_", "")) * PREFIXES[match["prefix"]] if match else 0.0
    if not 0 < value < inf:
        help = "a number above 0, with K, M, G, T or P for thousands, millions and so on: 67T"
        raise CompileError([Diagnostic("wrong-type", f"{option} is not a quantity: `{text}`", help=help)])
    return value
