"""What a class says of arguments that need other layers than any use of it in the spec has.

The class raises `not_compiled("Added", ("paths",), paths=paths)`: its name, the settings of the network from which the
arguments come, and their values. The text of the error says which command writes a file that has the layers.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

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
    """The error for arguments that need other layers than the spec had when it was compiled."""
    given = ", ".join(f"{name}={value}" for name, value in arguments.items())
    spec = "SPEC"
    options = "".join(f" --{setting} ..." for setting in settings)
    how = f"run: archdsl compile {spec}{options}" if settings else f"use it so in {spec} first"
    return ValueError(f"{owner} has no layers for {given}; to have them, {how}")
'''


def definition(graphs: Sequence[Graph]) -> str:
    """The function that makes the error, for a file with these networks."""
    header = graphs[0].header
    variant = f"@{header.variant}" if header.variant and len(graphs) == 1 else ""
    return DEFINITION.replace("SPEC", f"{shown(header.spec)}{variant}")


def refusal(title: str, missing: ast.expr, settings: Collection[str]) -> Suite:
    """`if paths != 32: raise not_compiled(...)`: ends what would need another class than this one."""
    arguments = [ast.keyword(own, name(own)) for own in _names(missing)]
    where = ast.Tuple([ast.Constant(own) for own in settings], ast.Load())
    error = ast.Call(name("not_compiled"), [ast.Constant(title), where], arguments)
    return Suite(f"if {text_of(missing)}:", (Line(f"raise {text_of(error)}"),))


def _names(missing: ast.expr) -> list[str]:
    """The variables of a condition, in its order."""
    known = formula.names(missing)
    found = (node.id for node in ast.walk(missing) if isinstance(node, ast.Name))
    return list(dict.fromkeys(own for own in found if own in known))


def settings_behind(outline: Outline, scope: Scope, own: str, known: Collection[str]) -> Iterator[str]:
    """Those of the `known` settings of the network that a name of the text around a scope comes from.

    What is asked of a value (`it.channels`) may come from any of them.
    """
    seen: set[tuple[str, str]] = set()
    pending: list[tuple[Scope | None, str]] = [(scope, own)]
    while pending:
        here, called = pending.pop()
        if here is None or here.parent is None:
            yield from (called,) if called in known else ()
        written = None if here is None else _said(here, called)
        if here is None or (here.path, called) in seen:
            continue
        seen.add((here.path, called))
        if written is None:
            around = None if here.parent is None else outline.graph.scopes[here.parent]
            pending += [(around, called)] if around is not None and here.block is None else []
        elif written.values:
            yield from known
        else:
            home = None if written.home is None else outline.graph.scopes[written.home]
            pending += [(home, inner) for inner in sorted(names_in(written.expression))]


def _said(scope: Scope, own: str) -> Written | None:
    lets = {let.name: let.written for let in scope.lets}
    return lets.get(own) or dict(scope.written).get(own)
