"""Arguments and options that several commands have."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from archdsl.cli.complete import spec_names, variants


class Format(StrEnum):
    """How diagnostics are printed."""

    TEXT = "text"
    LINE = "line"
    JSON = "json"


SpecArgument = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A file, or the name of a spec of the library; `efficientnet@b3` names a variant.",
        autocompletion=spec_names,
        show_default=False,
    ),
]
SpecArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC",
        help="Files, or names of specs of the library; `efficientnet@b3` names a variant.",
        autocompletion=spec_names,
        show_default=False,
    ),
]
VariantOption = Annotated[
    str | None, typer.Option("--variant", metavar="NAME", help="One of the spec's variants.", autocompletion=variants)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A=1,B=2", help="Settings, for names that are options of this command too."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How errors and warnings are printed.")]
StepsOption = Annotated[
    int, typer.Option("--max-steps", metavar="N", min=1, help="Most nodes and turns of loops that a network may have.")
]
DepthOption = Annotated[
    int, typer.Option("--max-depth", metavar="N", min=1, max=1000, help="How deep blocks may be nested.")
]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="PATH", help="A file or a folder; - is standard output.")
]


def one_of(words: Iterable[str]) -> str:
    """`parse, resolve, expand or emit`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


STEPS = 250_000
DEPTH = 64
