"""Warns of given settings without effect, because all that depends on them is set by the variant or given too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from archdsl.diagnostics import Diagnostic, Note
from archdsl.ir.graph import Setting
from archdsl.resolve.model import Network
from archdsl.source import Source, Span
from archdsl.syntax import tree


def unused_settings(network: Network, settings: Iterable[Setting]) -> Iterator[Diagnostic]:
    """A warning for each given setting on which nothing in the network depends. This is judged by names in the text."""
    origins = {setting.name: setting.origin for setting in settings}
    live = _live(network, origins)
    for name, origin in origins.items():
        if origin == "given" and name not in live:
            yield _warning(network, name, origins)


def _live(network: Network, origins: dict[str, str]) -> set[str]:
    """The names that statements, inputs or defaults use, and the names from which these were computed."""
    pending = set(names_in((network.flow.statements, network.inputs, network.defaults)))
    live: set[str] = set()
    while pending:
        name = pending.pop()
        live.add(name)
        pending |= set(_dependencies(network, name, origins.get(name, ""))) - live
    return live


def _dependencies(network: Network, name: str, origin: str) -> Iterator[str]:
    """The names in the expression from which `name` got its value."""
    functions = {**network.file.functions, **network.functions}
    if name in functions:
        yield from names_in(functions[name].value)
    if origin.startswith("variant "):
        variant = network.variants[origin.removeprefix("variant ")]
        yield from names_in(a.value for a in variant.assignments if a.name.name == name)
    elif origin != "given":
        yield from _formula(network, name)


def _formula(network: Network, name: str) -> Iterator[str]:
    yield from names_in(parameter.default for parameter in network.parameters if parameter.name == name)
    yield from names_in(formula.value for formula in network.scaling if formula.name.name == name)


def names_in(part: Any) -> Iterator[str]:
    """Every name in a part of the syntax tree, or in a tuple of parts."""
    if isinstance(part, tree.Name):
        yield part.name
    elif isinstance(part, Source | Span | str):
        return
    elif is_dataclass(part):
        for field in fields(part):
            yield from names_in(getattr(part, field.name))
    elif isinstance(part, Iterable):
        for item in part:
            yield from names_in(item)


def _warning(network: Network, name: str, origins: dict[str, str]) -> Diagnostic:
    users = [other for other in origins if name in _formula(network, other)]
    message = f"`{name}` has no effect: "
    if not users:
        return Diagnostic("unused-setting", f"{message}nothing in {network.name} uses it", severity="warning")
    shown = [f"`{user}`" for user in users]
    follow = f"{' and '.join(filter(None, [', '.join(shown[:-1]), shown[-1]]))} follow{'s' * (len(users) == 1)} from it"
    by = {origins[user]: None for user in users}
    setters = " and ".join("the call" if origin == "given" else origin for origin in by)
    variants = [network.variants[origin.removeprefix("variant ")] for origin in by if origin.startswith("variant ")]
    return Diagnostic(
        "unused-setting",
        f"{message}{follow}, but {setters} set{'s' * (len(by) == 1)} {'it' if len(users) == 1 else 'them'}",
        notes=tuple(Note(f"variant {variant.name} stands here", variant.span) for variant in variants),
        severity="warning",
    )
