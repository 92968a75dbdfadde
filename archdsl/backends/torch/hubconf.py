"""Writes hubconf.py, the file in which `torch.hub.load` looks for the networks of a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.backends.python.document import WIDTH
from archdsl.backends.python.layout import lay_out
from archdsl.backends.torch.family import builder_name
from archdsl.backends.torch.names import Namespace
from archdsl.ir.graph import Graph

FILE = "hubconf.py"


def hubconf(module: str, entries: Mapping[str, str], dependencies: Sequence[str]) -> str:
    """The text of a `hubconf.py` beside the file `module`.py.

    `entries` has, by the name of each entry, what makes it in that file. `dependencies` are the packages that it needs.
    """
    named = [own if own == entry else f"{own} as {entry}" for entry, own in entries.items()]
    short = f"from {module} import {', '.join(named)}"
    imports = [short] if len(short) <= WIDTH else [f"from {module} import (", *(f"    {one}," for one in named), ")"]
    packages = ", ".join(f'"{package}"' for package in dependencies)
    entered = ", ".join(f'"{entry}"' for entry in entries)
    lines = ['"""Networks for torch.hub."""', "", *imports, "", f"dependencies = [{packages}]"]
    return "\n".join([*lines, *lay_out(f"__all__ = [{entered}]", 0), ""])


def entry_names(graphs: Sequence[Graph]) -> list[str]:
    """The names of the entries: those of the functions in a file for several variants."""
    names = Namespace()
    return [names.unique(builder_name(graph.header)) for graph in graphs]
