"""Arguments and options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from archdsl.analyses.measures import COMPARED
from archdsl.backends.tables import FORMATS
from archdsl.cli.complete import formats, measures, spec_names, variants


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
FileOption = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file.")]
TableFormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"{', '.join(FORMATS)}.",
        show_default="as -o is named, else text",
        autocompletion=formats,
    ),
]
MeasuresOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B",
        help=f"Of {', '.join(COMPARED)}.",
        show_default=False,
        autocompletion=measures,
    ),
]
ExactOption = Annotated[bool, typer.Option("--exact", help="Numbers in full.")]
PrecisionOption = Annotated[
    str, typer.Option("--precision", metavar="NAME", help="Of all numbers: fp64, fp32, bf16 or fp16.")
]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="PATH", help="A file or a folder; - is standard output.")
]

STEPS = 250_000
DEPTH = 64
