"""Finds names that a file defines and does not use, from its text alone.

A name counts as used if it stands anywhere else in the same definition, so those that are found are certainly unused.
A path is used where a name that its steps are given is.
Parameters of blocks are left out, since blocks that replace each other need the same ones. So are names given by `as`,
since they are the names of steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from archdsl.diagnostics import Diagnostic
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.model import File, Unused
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.node import Node
from archdsl.syntax.parser import parse

Item: TypeAlias = tree.Import | tree.Defaults | tree.Define | tree.Block | tree.Network


class _Look(NamedTuple):
    """One item of a file: how often each name is used in it, and the parts that define names."""

    uses: Counter[str]
    definitions: list[Any]


def unused_names(file: File) -> tuple[Unused, ...]:
    """The warnings for unused names. In a file without a network, blocks are there for other files."""
    looks = [(item, _look(item)) for item in parse(file.source).items]
    everywhere: Counter[str] = Counter()
    for _, look in looks:
        everywhere.update(look.uses)
    found: list[Unused] = []
    for item, look in looks:
        found += _in_bodies(look, file)
        elsewhere = everywhere.copy()
        elsewhere.subtract(look.uses)
        found += _of_file(item, elsewhere, file)
        if isinstance(item, tree.Network):
            found += _of_network(item, everywhere)
    return tuple(found)


# --- where names stand ------------------------------------------------------------------------


def _one(part: Any) -> tuple[tree.Name, ...]:
    return (part.name,)


def _several(part: Any) -> tuple[tree.Name, ...]:
    names: tuple[tree.Name, ...] = part.names
    return names


NAMES: dict[type, Callable[[Any], tuple[tree.Name, ...]]] = {
    **dict.fromkeys((tree.Binding, tree.Import, tree.Each, tree.For, tree.Comprehension), _several),
    tree.Repeat: lambda part: (part.index,) if part.index else (),
    tree.Define: lambda part: (part.name, *part.parameters),
    tree.Ports: lambda part: (*part.names, *((part.rest,) if part.rest else ())),
    **dict.fromkeys((tree.Path, tree.Let, tree.Shared, tree.Learned, tree.Output, tree.Stage, tree.Input), _one),
    **dict.fromkeys((tree.Parameter, tree.Assignment, tree.Block, tree.Network), _one),
}
"""For each kind of part that defines or sets names, a function that gives these names."""


def _look(item: Item) -> _Look:
    """Counts the names in an item wherever they stand, and subtracts those places where they are defined."""
    uses: Counter[str] = Counter()
    definitions: list[Any] = []
    pending: list[Any] = [item]
    while pending:
        part = pending.pop()
        if type(part) is tuple:
            pending.extend(part)
        elif isinstance(part, Node):
            names = NAMES.get(type(part))
            if names is not None:
                definitions.append(part)
                for name in names(part):
                    uses[name.name] -= 1
            elif isinstance(part, tree.Name | tree.VariantOf | tree.Attribute):
                uses[part.name] += 1
            pending.extend(getattr(part, field) for field in part.__match_args__)
    return _Look(uses, definitions)


# --- what nothing uses ------------------------------------------------------------------------


def _in_bodies(look: _Look, file: File) -> Iterator[Unused]:
    """The unused names that lines of a block or network give."""
    for made in look.definitions:
        for name in NAMES[type(made)](made):
            if look.uses[name.name] > 0:
                continue
            match made:
                case tree.Let():
                    yield _let(made, file)
                case tree.Path() if not _is_taken_apart(made, look):
                    help = f"join it with what flows, for example `add{{it | {name.name}}}`, or remove it"
                    yield _unused(name, made.span, "; its steps are left out", help)
                case tree.Binding(several=True) | tree.Repeat() | tree.Shared() | tree.Learned():
                    yield _unused(name, name.span)


def _is_taken_apart(path: tree.Path, look: _Look) -> bool:
    """Whether names that are given in a path, `path p = ... -> split(2) as (a, b)`, are used: then its steps are."""
    inside = (made for made in look.definitions if isinstance(made, tree.Binding) and path.span.holds(made.span))
    return any(look.uses[name.name] > 0 for made in inside for name in made.names)


def _let(made: tree.Let, file: File) -> Unused:
    """The warning for an unused `let`. If it names a step, the step is not part of the network."""
    value, name = made.value, made.name.name
    function = value.function.name if isinstance(value, tree.Call) else ""
    if function in file.functions or not (function in file.definitions or function in REGISTRY):
        return _unused(made.name, made.span)
    step = value.span.text
    help = f"to make it part of the network, write `{step} as {name}`"
    return _unused(made.name, made.span, f", so `{step}` is not part of the network", help)


def _of_network(item: tree.Network, uses: Counter[str]) -> Iterator[Unused]:
    """The unused settings and functions of a network."""
    for declared in item.items:
        match declared:
            case tree.Parameter() | tree.Define():
                names = [declared.name]
            case tree.Scaling(assignments=assignments):
                names = [assignment.name for assignment in assignments]
            case _:
                continue
        yield from (_unused(name, name.span) for name in names if uses[name.name] <= 0)


def _of_file(item: Item, uses_elsewhere: Counter[str], file: File) -> Iterator[Unused]:
    """The unused imports, blocks and functions. If a setting can be a block, every block may be used from outside."""
    match item:
        case tree.Define():
            names: tuple[tree.Name, ...] = (item.name,)
        case tree.Block() | tree.Import() if file.network is not None and not _takes_blocks(file):
            names = (item.name,) if isinstance(item, tree.Block) else item.names
        case _:
            return
    yield from (_unused(name, name.span) for name in names if uses_elsewhere[name.name] <= 0)


def _takes_blocks(file: File) -> bool:
    return file.network is not None and any(p.type in ("block", "op") for p in file.network.parameters)


def _unused(name: tree.Name, whole: Span, consequence: str = "", help: str = "use it, or remove it") -> Unused:
    message = f"nothing uses `{name.name}`{consequence}"
    return Unused(Diagnostic("unused-name", message, name.span, help=help, severity="warning"), whole)
