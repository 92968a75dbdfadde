"""The network that the page shows beside its own: a spec in the folder or the library, or a variant of the text."""

from __future__ import annotations

import re
from os.path import isfile
from pathlib import Path

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import compile_network, open_spec, split_variant
from archdsl.editing.checking import Spec, shown_variants
from archdsl.ir.graph import Graph
from archdsl.resources import specs_folder
from archdsl.suggest import help_for
from archdsl.text import shown

NAME = re.compile(r"[\w.-]+(/[\w.-]+)*")


def second_graph(spec: Spec, asked: str) -> Graph:
    """The graph of `other@variant`, or of `@variant` of the spec itself. Raises `CompileError`."""
    name, variant = split_variant(asked)
    file = open_spec(_place(name, spec.path.parent if spec.path else None)) if name else spec.file
    return compile_network(file, variant or shown_variants(file.network)[0]).graph


def _place(name: str, folder: Path | None) -> Path:
    """The file of a name, in the folder or the library and nowhere else; links that lead out are not followed."""
    file = name if name.endswith(".arch") else f"{name}.arch"
    for place in filter(None, (folder, specs_folder())):
        path = place / file
        if NAME.fullmatch(file) and isfile(path) and path.resolve().is_relative_to(place.resolve()):
            return path
    message = f"neither the folder nor the library has a spec `{shown(name)}`"
    known = [path.stem for path in specs_folder().glob("*.arch")]
    raise CompileError([Diagnostic("file-not-found", message, help=help_for(name, known))])
