"""`archdsl compare`: a table of several networks, a line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from archdsl.cli.complete import measures as measures_known
from archdsl.cli.networks import NetworkArguments, networks
from archdsl.cli.options import (
    ExactOption,
    FileOption,
    Format,
    MeasuresOption,
    NetworkOptions,
    PrecisionOption,
    TableFormatOption,
    grouped,
)
from archdsl.cli.output import format_of, keep, put, reporting, words
from archdsl.cli.studies import check_precision

if TYPE_CHECKING:
    from archdsl.cli.target import Target
    from archdsl.diagnostics import Diagnostic

DEFAULT = ("params", "macs", "live", "field", "layers")

SortOption = Annotated[
    str | None,
    typer.Option(
        "--sort",
        metavar="COLUMN",
        help="Sort by this measure, smallest first.",
        show_default=False,
        autocompletion=measures_known,
    ),
]
ReverseOption = Annotated[bool, typer.Option("--reverse", help="Reverse the order of the lines.")]
AllOption = Annotated[bool, typer.Option("--all-variants", help="Compare every variant of each spec.")]


@grouped
def compare(
    ctx: typer.Context,
    networks_: NetworkArguments,
    sort: SortOption = None,
    reverse: ReverseOption = False,
    all_variants: AllOption = False,
    columns_: MeasuresOption = None,
    format: TableFormatOption = None,
    output: FileOption = None,
    exact: ExactOption = False,
    precision: PrecisionOption = "fp32",
    *,
    options: NetworkOptions,
) -> None:
    """Compare networks in a table, a line for each.

    archdsl compare resnet@50 @101 mobilenet alpha=0.5 --sort macs prints three lines, fewest MACs first. Any other
    option is a setting of all of them: --classes 10.
    """
    from archdsl.studies.tables import comparison, measured

    asked = networks(ctx, networks_, options)
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind = format_of(format, output)
        keep([target for _, target in asked], output)
        check_precision(precision)
        measures = words(columns_) if columns_ is not None else list(DEFAULT)
        wanted = list(dict.fromkeys([*measures, *([sort] if sort else [])]))
        measured(wanted)
        rows = _rows(_all_variants(asked) if all_variants else asked, wanted, precision, report.add)
        if sort is not None:
            rows.sort(key=lambda row: row[sort] or 0, reverse=reverse)
        elif reverse:
            rows.reverse()
        put(kind, output, comparison(rows, measures, precision, exact))


def _all_variants(asked: list[tuple[str, Target]]) -> list[tuple[str, Target]]:
    """Each spec once with every variant, whichever was named; a spec without variants stays as it is."""
    found: dict[str, Target] = {}
    for label, target in asked:
        network = target.file.network
        spec, *own = label.split(" ")
        for variant in network.variants if network else []:
            name = f"{spec.partition('@')[0]}@{variant}"
            found[" ".join([name, *own])] = target.of_variant(variant)
        if network is None or not network.variants:
            found[label] = target
    return list(found.items())


def _rows(asked: list[tuple[str, Target]], measures: list[str], precision: str, report: Any) -> list[dict[str, Any]]:
    """A row for each network: values by name of column. Raises `CompileError` with the errors of all networks."""
    from archdsl.analyses.measures import measure
    from archdsl.backends.torch.schedule import emitted
    from archdsl.diagnostics import CompileError

    rows: list[dict[str, Any]] = []
    wrong: dict[Diagnostic, None] = {}
    for label, target in asked:
        try:
            compiled = target.compile()
        except CompileError as error:
            wrong.update(dict.fromkeys(error.diagnostics))
            continue
        report(warning for warning in compiled.warnings if warning.code == "unused-setting")
        graph = compiled.graph
        inputs = " + ".join(str(node.output) for node in graph.inputs)
        rows.append({"network": label, "input": inputs, **measure(graph, measures, precision, emitted)})
    if wrong:
        raise CompileError(wrong)
    return rows
