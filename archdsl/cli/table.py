"""`archdsl table`: what a network costs, by stage, block or op."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.backends.tables import FORMATS
from archdsl.cli.complete import columns as columns_known
from archdsl.cli.networks import NetworkArguments, one_or_several
from archdsl.cli.options import (
    ExactOption,
    Format,
    OutputOption,
    PrecisionOption,
    SpecOptions,
    TableFormatOption,
    grouped,
)
from archdsl.cli.output import format_of, keep, put, reporting, width, words
from archdsl.cli.parallel import DevicesOption, MicrobatchesOption, ScheduleOption, Step, devices_table, step_of

if TYPE_CHECKING:
    from archdsl.backends.tables.request import Request
    from archdsl.backends.tables.table import Table
    from archdsl.cli.target import Target
    from archdsl.ir.graph import Graph

RowsOption = Annotated[
    str | None, typer.Option("--rows", metavar="KIND", help="A row for each stage, block or op.", show_default="stage")
]
LevelsOption = Annotated[
    int | None, typer.Option("--depth", metavar="N", min=1, help="Levels of rows; 1 shows a row for each stage.")
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B",
        help="Which columns to show, in this order.",
        show_default="those that fit the width",
        autocompletion=columns_known,
    ),
]
LayoutOption = Annotated[str, typer.Option("--layout", metavar="ORDER", help="Order of sizes in shapes: chw or hwc.")]
ConventionOption = Annotated[
    str, typer.Option("--convention", metavar="NAME", help="How operations are counted: paper, fvcore, thop or torch.")
]
MachineOption = Annotated[
    str | None, typer.Option("--machine", metavar="NAME", help="Show least times on h200, h100, a100 or cpu.")
]
PeakOption = Annotated[
    str | None, typer.Option("--peak", metavar="N", help="Operations per second, instead of the machine's: 67T.")
]
BandwidthOption = Annotated[
    str | None, typer.Option("--bandwidth", metavar="N", help="Bytes per second, instead of the machine's: 4.8T.")
]
BlankOption = Annotated[
    str | None,
    typer.Option(
        "--blank", metavar="A,B", help="Columns to leave empty, for an exercise sheet.", autocompletion=columns_known
    ),
]

BatchOption = Annotated[
    int | None,
    typer.Option(
        "--batch", metavar="N", min=1, help="Samples per batch.", show_default="1; 32 for each device with --parallel"
    ),
]
ArgumentsOption = Annotated[
    bool, typer.Option("--arguments", help="A column for each argument of the block that most rows are of.")
]


@grouped
def table(
    ctx: typer.Context,
    specs: NetworkArguments,
    rows: RowsOption = None,
    depth: LevelsOption = None,
    columns: ColumnsOption = None,
    format: TableFormatOption = None,
    layout: LayoutOption = "chw",
    exact: ExactOption = False,
    convention: ConventionOption = "paper",
    precision: PrecisionOption = "fp32",
    batch: BatchOption = None,
    training: Annotated[bool, typer.Option("--training", help="Count parts that only training needs, too.")] = False,
    machine: MachineOption = None,
    peak: PeakOption = None,
    bandwidth: BandwidthOption = None,
    blank: BlankOption = None,
    solution: Annotated[bool, typer.Option("--solution", help="Show how each number is computed.")] = False,
    arguments: ArgumentsOption = False,
    weighted_only: Annotated[
        bool, typer.Option("--weighted-only", help="Rows for convolutions, linear layers and embeddings only.")
    ] = False,
    parallel: DevicesOption = None,
    microbatches: MicrobatchesOption = None,
    schedule: ScheduleOption = None,
    output: OutputOption = None,
    *,
    options: SpecOptions,
) -> None:
    """Show what a network costs: parameters, operations, receptive fields, memory.

    There is a row for each stage, or for each part of a stage that has several. With --blank or --solution there is a
    row for each layer and each change of shape.

    With --parallel there is a row for each device: what it holds, computes, keeps and sends in one step of training.
    --batch are then the samples of a step: of a pipeline all, of fsdp and ddp those of each device.

    archdsl table resnet@18 @34 @50 prints several networks side by side: what each stage holds, a column for each.

    Any other option is a parameter of the spec: --phi 3. `SPEC --help` lists them.
    """
    from archdsl.backends.tables.request import Request

    asked = one_or_several(ctx, specs, options)
    of_one = {
        "--rows": rows,
        "--depth": depth,
        "--blank": blank,
        "--solution": solution,
        "--arguments": arguments,
        "--weighted-only": weighted_only,
    }
    if len(asked) > 1 and (given := [name for name, value in of_one.items() if value]):
        ctx.fail(f"{given[0]} is for the table of one network, and {len(asked)} are named; leave it out.")
    others = {"--columns": columns, "--layout": layout != "chw", "--convention": convention != "paper"}
    others |= {"--training": training, "--machine": machine, "--peak": peak, "--bandwidth": bandwidth}
    others |= {"a second network": len(asked) > 1}
    step = step_of(ctx, parallel, batch, microbatches, schedule, {**of_one, **others})
    with reporting(Format.TEXT) as report:
        request = Request(
            rows=rows,
            depth=depth,
            columns=words(columns) if columns else None,
            format=format_of(format, output),
            layout=layout,
            exact=exact,
            convention=convention,
            precision=precision,
            batch=batch or 1,
            training=training,
            machine=machine,
            peak=peak,
            bandwidth=bandwidth,
            blank=words(blank or ""),
            solution=solution,
            arguments=arguments,
            weighted_only=weighted_only,
        )
        targets = [target for _, target in asked]
        place = _file(output, request.format, targets)
        keep(targets, place)
        graphs = []
        for target in targets:
            compiled = target.compile()
            report.add(compiled.warnings)
            graphs.append(compiled.graph)
        put(request.format, place, _made(graphs, [label for label, _ in asked], request, output, step))
        report.result_printed = True


def _made(graphs: list[Graph], labels: list[str], request: Request, output: Path | None, step: Step | None) -> Table:
    """The table of one network, of one on several devices, or of several side by side."""
    from archdsl.backends.tables.costs import build
    from archdsl.backends.torch.schedule import emitted
    from archdsl.driver import collection_paused

    with collection_paused():
        if step is not None:
            return devices_table(graphs[0], step, request)
        if len(graphs) == 1:
            to_file = output is not None and output != Path("-")
            return build(graphs[0], request, 80 if to_file else width(), emitted)
        from archdsl.studies.side_by_side import side_by_side

        return side_by_side(graphs, labels, request, emitted)


def _file(output: Path | None, format: str, asked: list[Target]) -> Path | None:
    """The file to write; if `output` is a folder, a file in it that is named after the networks."""
    name = "_".join(target.name for target in asked)
    return output / f"{name}_table{FORMATS[format]}" if output and output.is_dir() else output
