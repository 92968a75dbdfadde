"""Complaints about arguments by name, worded once: names are checked before expansion, values during it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from archdsl.diagnostics import Diagnostic
from archdsl.source import Span


def too_many_arguments(owner: str, names: tuple[str, ...], span: Span | None) -> Diagnostic:
    takes = f"takes {len(names)}: {', '.join(names)}" if names else "takes none"
    return Diagnostic("wrong-arguments", f"`{owner}` has too many arguments: it {takes}", span)


def unknown_argument(owner: str, names: Iterable[str], name: str, span: Span | None) -> Diagnostic:
    """`conv` has no argument `kernl`; did you mean `kernel`?"""
    names = tuple(names)
    close = get_close_matches(name, names, 1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    help = None if close else (f"its arguments are {', '.join(names)}" if names else "it takes no arguments")
    return Diagnostic("unknown-argument", f"`{owner}` has no argument `{name}`{hint}", span, help=help)
