"""`archdsl table`: what a network costs, and where."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.options import Format, OutputOption, SpecArgument, SpecOptions, grouped
from archdsl.cli.output import in_color, reporting, width

if TYPE_CHECKING:
    from archdsl.backends.table import Request
    from archdsl.ir.graph import Graph

SUFFIXES = {".txt": "text", ".md": "markdown", ".csv": "csv", ".tex": "latex", ".html": "html", ".json": "json"}

RowsOption = Annotated[
    str | None, typer.Option("--rows", metavar="KIND", help="stage, block or op.", show_default="stage")
]
LevelsOption = Annotated[
    int | None, typer.Option("--depth", metavar="N", min=1, help="Levels of rows; 1: a row for each stage.")
]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", metavar="A,B", help="Which columns, in this order.", show_default="what fits")
]
TableFormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="text, markdown, csv, latex, html or json.",
        show_default="as -o is named, else text",
    ),
]
LayoutOption = Annotated[str, typer.Option("--layout", metavar="ORDER", help="Of shapes: chw or hwc.")]
ConventionOption = Annotated[
    str, typer.Option("--convention", metavar="NAME", help="Whose count of operations: paper, fvcore, thop or torch.")
]
PrecisionOption = Annotated[
    str, typer.Option("--precision", metavar="NAME", help="Of all numbers: fp64, fp32, bf16 or fp16.")
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
    str | None, typer.Option("--blank", metavar="A,B", help="Columns left empty, for an exercise sheet.")
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
    exact: Annotated[bool, typer.Option("--exact", help="Numbers in full.")] = False,
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
    from archdsl.backends.table import Request
    from archdsl.cli.target import target
    from archdsl.driver import collection_paused

    asked = target(ctx, spec, options)
    request = Request(
        rows,
        depth,
        _words(columns) if columns else None,
        format or _format_of(output),
        layout,
        exact,
        convention,
        precision,
        batch,
        training,
        machine,
        peak,
        bandwidth,
        _words(blank or ""),
        solution,
    )
    with reporting(Format.TEXT) as report:
        compiled = asked.compile()
        report.add(compiled.warnings)
        with collection_paused():
            _put(compiled.graph, request, output, asked.name)
        report.result_printed = True


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _format_of(output: Path | None) -> str:
    return SUFFIXES.get(output.suffix, "text") if output else "text"


def _put(graph: Graph, request: Request, output: Path | None, name: str) -> None:
    """Prints the table, or writes it to a file, or into a folder under the network's name."""
    from archdsl.backends.table import build, render
    from archdsl.files import write

    if output is None or output == Path("-"):
        print(render(build(graph, request, width()), request.format, width(), color=in_color(sys.stdout)), end="")
        return
    path = output
    if output.is_dir():
        suffix = next(suffix for suffix, format in SUFFIXES.items() if format == request.format)
        path = output / f"{name}_table{suffix}"
    write({path: render(build(graph, request), request.format)})
    print(f"wrote {path}")
