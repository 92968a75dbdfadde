"""Complaints about arguments by name, worded once: names are checked before expansion, values during it."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.diagnostics import Diagnostic
from archdsl.source import Span
from archdsl.suggest import hint


def too_many_arguments(owner: str, names: tuple[str, ...], span: Span | None) -> Diagnostic:
    takes = f"takes {len(names)}: {', '.join(names)}" if names else "takes none"
    return Diagnostic("wrong-arguments", f"`{owner}` has too many arguments: it {takes}", span)


def unknown_argument(owner: str, names: Iterable[str], name: str, span: Span | None) -> Diagnostic:
    """`conv` has no argument `kernl`; did you mean `kernel`?"""
    names = tuple(names)
    meant = hint(name, names)
    help = None if meant else (f"its arguments are {', '.join(names)}" if names else "it takes no arguments")
    return Diagnostic("unknown-argument", f"`{owner}` has no argument `{name}`{meant}", span, help=help)
