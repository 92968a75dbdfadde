"""The error of an emitted class for arguments that need layers which no use of it in the spec has.

The class raises `not_compiled("Added", ("paths",), paths=paths)`: its name, the settings of the network from which the
arguments come, and the arguments. The text of the error has the command that writes a file with these layers.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence

from archdsl import formula
from archdsl.backends.python.code import Line, Suite
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.documents import shown
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.settings import names_in
from archdsl.formula import name
from archdsl.ir.graph import Graph, Scope, Written

DEFINITION = '''\
def not_compiled(owner: str, settings: tuple[str, ...], **arguments: object) -> ValueError:
    """The error for arguments that need layers which the spec did not have when it was compiled."""
    given = ", ".join(f"{name}={value}" for name, value in arguments.items())
    shown = {k: f'"{list(v)}"' if isinstance(v, tuple) else v for k, v in arguments.items()}
    spec = "SPEC"
    options = "".join(f" --{setting} {shown.get(setting, '...')}" for setting in settings)
    how = f"run: archdsl compile {spec}{options}" if settings else f"use them in {spec} first"
    return ValueError(f"{owner} has no layers for {given}; to have them, {how}")
'''


def definition(graphs: Sequence[Graph]) -> str:
    """The text of the function `not_compiled`, for a file with these networks."""
    header = graphs[0].header
    variant = f"@{header.variant}" if header.variant and len(graphs) == 1 else ""
    return DEFINITION.replace("SPEC", f"{shown(header.spec)}{variant}")


def refusal(title: str, missing: ast.expr, settings: Collection[str]) -> Suite:
    """`if paths != 32: raise not_compiled(...)`: refuses arguments under the condition `missing`."""
    arguments = [ast.keyword(own, name(own)) for own in _names(missing)]
    where = ast.Tuple([ast.Constant(own) for own in settings], ast.Load())
    error = ast.Call(name("not_compiled"), [ast.Constant(title), where], arguments)
    return Suite(f"if {text_of(missing)}:", (Line(f"raise {text_of(error)}"),))


def broken(rule: ast.expr, reason: str) -> Suite:
    """`if filters % 96 != 0: raise ValueError(...)`: refuses settings that a `require` of the spec forbids."""
    given: list[ast.expr] = []
    for own in _names(rule):
        given += [ast.Constant(f"{', ' if given else ''}{own} = "), ast.FormattedValue(name(own), -1)]
    error = ast.Call(name("ValueError"), [ast.JoinedStr([*given, ast.Constant(f": {reason}")])], [])
    return Suite(f"if {text_of(formula.negated(rule))}:", (Line(f"raise {text_of(error)}"),))


def _names(missing: ast.expr) -> list[str]:
    """The variables of a condition, in the order in which they occur."""
    known = formula.names(missing)
    found = (node.id for node in ast.walk(missing) if isinstance(node, ast.Name))
    return list(dict.fromkeys(own for own in found if own in known))


CHANNELS = frozenset(("out", "width", "multiplier", "dims"))
"""Arguments of ops that say how many channels come out."""


def settings_behind(outline: Outline, scope: Scope, own: str, known: Collection[str]) -> set[str]:
    """Those of the `known` settings from which a name in the text around a scope is computed.

    If it asks for a fact of a value (`it.channels`), all settings are included that decide any number of channels.
    """
    return _behind(outline, [(scope, own)], known, lambda: channel_settings(outline, known))


def channel_settings(outline: Outline, known: Collection[str]) -> set[str]:
    """Those of the `known` settings from which some number of channels in the network is computed."""
    names = [
        (outline.graph.scopes[written.home], own)
        for node in outline.graph
        for argument, written in node.written
        if argument in CHANNELS and written.home is not None
        for own in names_in(written.expression)
    ]
    return _behind(outline, names, known, set)


def _behind(
    outline: Outline, names: Sequence[tuple[Scope, str]], known: Collection[str], asked: Callable[[], set[str]]
) -> set[str]:
    """The settings from which names are computed, each in the text of a scope; `asked` has those of `it.channels`."""
    found: set[str] = set()
    pending, seen = list(names), set(_paths(names))
    while pending:
        here, called = pending.pop()
        written = _said(here, called)
        if written is not None and written.values:
            found |= asked()
        if written is not None and written.home is not None:
            home = outline.graph.scopes[written.home]
            more = [(home, inner) for inner in names_in(written.expression)]
        elif here.parent is None:
            found |= {called} & set(known)
            more = []
        else:
            more = [(outline.graph.scopes[here.parent], called)] if here.block is None else []
        pending += [pair for pair in more if (pair[0].path, pair[1]) not in seen]
        seen.update(_paths(more))
    return found


def _paths(pairs: Sequence[tuple[Scope, str]]) -> list[tuple[str, str]]:
    return [(scope.path, own) for scope, own in pairs]


def _said(scope: Scope, own: str) -> Written | None:
    lets = {let.name: let.written for let in scope.lets}
    return lets.get(own) or dict(scope.written).get(own)
