"""`archdsl table`: what a network costs, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.backends.tables import FORMATS
from archdsl.cli.complete import columns as columns_known
from archdsl.cli.options import (
    ExactOption,
    Format,
    OutputOption,
    PrecisionOption,
    SpecArgument,
    SpecOptions,
    TableFormatOption,
    grouped,
)
from archdsl.cli.output import format_of, keep, put, reporting, width, words

if TYPE_CHECKING:
    from archdsl.cli.target import Target

RowsOption = Annotated[
    str | None, typer.Option("--rows", metavar="KIND", help="stage, block or op.", show_default="stage")
]
LevelsOption = Annotated[
    int | None, typer.Option("--depth", metavar="N", min=1, help="Levels of rows; 1: a row for each stage.")
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B",
        help="Which columns, in this order.",
        show_default="what fits",
        autocompletion=columns_known,
    ),
]
LayoutOption = Annotated[str, typer.Option("--layout", metavar="ORDER", help="Of shapes: chw or hwc.")]
ConventionOption = Annotated[
    str, typer.Option("--convention", metavar="NAME", help="Whose count of operations: paper, fvcore, thop or torch.")
]
MachineOption = Annotated[
    str | None, typer.Option("--machine", metavar="NAME", help="Times for h200, h100, a100 or cpu.")
]
PeakOption = Annotated[
    str | None, typer.Option("--peak", metavar="N", help="Operations a second, for the machine's own: 67T.")
]
BandwidthOption = Annotated[
    str | None, typer.Option("--bandwidth", metavar="N", help="Bytes a second, for the machine's own: 4.8T.")
]
BlankOption = Annotated[
    str | None,
    typer.Option(
        "--blank", metavar="A,B", help="Columns left empty, for an exercise sheet.", autocompletion=columns_known
    ),
]


@grouped
def table(
    ctx: typer.Context,
    spec: SpecArgument,
    rows: RowsOption = None,
    depth: LevelsOption = None,
    columns: ColumnsOption = None,
    format: TableFormatOption = None,
    layout: LayoutOption = "chw",
    exact: ExactOption = False,
    convention: ConventionOption = "paper",
    precision: PrecisionOption = "fp32",
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Samples at once.")] = 1,
    training: Annotated[bool, typer.Option("--training", help="Count what serves only training, too.")] = False,
    machine: MachineOption = None,
    peak: PeakOption = None,
    bandwidth: BandwidthOption = None,
    blank: BlankOption = None,
    solution: Annotated[bool, typer.Option("--solution", help="Show how the numbers come about.")] = False,
    output: OutputOption = None,
    *,
    options: SpecOptions,
) -> None:
    """Tell what a network costs: parameters, operations, receptive fields, memory.

    A row for each stage, or for each part of one that has several. With --blank or --solution every op has a row. Any
    other option is a parameter of the spec: --phi 3. `SPEC --help` lists them.
    """
    from archdsl.backends.tables.costs import Request, build
    from archdsl.backends.torch.schedule import emitted
    from archdsl.cli.target import target
    from archdsl.driver import collection_paused

    asked = target(ctx, spec, options)
    with reporting(Format.TEXT) as report:
        request = Request(
            rows,
            depth,
            words(columns) if columns else None,
            format_of(format, output),
            layout,
            exact,
            convention,
            precision,
            batch,
            training,
            machine,
            peak,
            bandwidth,
            words(blank or ""),
            solution,
        )
        place = _file(output, request.format, asked)
        keep(asked, place)
        compiled = asked.compile()
        report.add(compiled.warnings)
        with collection_paused():
            to_file = output is not None and output != Path("-")
            made = build(compiled.graph, request, 80 if to_file else width(), emitted)
            put(request.format, place, made)
        report.result_printed = True


def _file(output: Path | None, format: str, asked: Target) -> Path | None:
    """In a folder a file of the network's name."""
    return output / f"{asked.name}_table{FORMATS[format]}" if output and output.is_dir() else output
