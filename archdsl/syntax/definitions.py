"""Finds the functions, blocks and networks that the text of a spec defines, for the positions stored in a graph.

A text that cannot be parsed defines nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from archdsl.diagnostics import CompileError
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parser import parse


@cache
def items(source: Source) -> tuple[tree.Import | tree.Defaults | tree.Define | tree.Block | tree.Network, ...]:
    """The top-level parts of a file: imports, defaults, functions, blocks and networks."""
    try:
        return parse(source).items
    except CompileError:
        return ()


@cache
def functions(source: Source) -> Mapping[str, tree.Define]:
    """The `def`s of a spec by name, including those inside its networks."""
    networks = (part for item in items(source) if isinstance(item, tree.Network) for part in item.items)
    return {**defined(items(source)), **defined(networks)}


def defined(parts: Iterable[object]) -> dict[str, tree.Define]:
    """The `def`s among some parts of a file or a network."""
    return {part.name.name: part for part in parts if isinstance(part, tree.Define)}


def definition(name: Span) -> tree.Block | tree.Network | None:
    """The block or network whose name stands at this place, or None."""
    found = (item for item in items(name.source) if isinstance(item, tree.Block | tree.Network))
    return next((item for item in found if item.name.span == name), None)


@cache
def names(source: Source) -> tuple[str, ...]:
    """The blocks and networks that a file defines or imports."""
    found: list[str] = []
    for item in items(source):
        if isinstance(item, tree.Import):
            found += (name.name for name in item.names)
        elif isinstance(item, tree.Block | tree.Network):
            found.append(item.name.name)
    return tuple(found)
