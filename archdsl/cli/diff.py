"""`archdsl diff`: lists the differences between two networks."""

from __future__ import annotations

import typer

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

BOTH = ("params", "macs", "flops", "live", "field", "layers")
"""The measures that are shown of both networks unless --columns names others."""


@grouped
def diff(
    ctx: typer.Context,
    networks_: NetworkArguments,
    columns: MeasuresOption = None,
    format: TableFormatOption = None,
    output: FileOption = None,
    exact: ExactOption = False,
    precision: PrecisionOption = "fp32",
    *,
    options: NetworkOptions,
) -> None:
    """List the differences between two networks.

    Lists what the second adds, removes and changes, what each difference costs, and whether a checkpoint of the first
    loads into the second: archdsl diff resnet@50 @101, archdsl diff efficientnet efficientnet phi=1. Any other option
    is a setting of both: --classes 10.
    """
    from archdsl.studies.difference import difference
    from archdsl.studies.tables import both, differences, measured

    asked = networks(ctx, networks_, options)
    if len(asked) != 2:
        ctx.fail(f"diff compares two networks, and {len(asked)} {'is' if len(asked) == 1 else 'are'} given.")
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind = format_of(format, output)
        keep([target for _, target in asked], output)
        check_precision(precision)
        measures = words(columns) if columns is not None else list(BOTH)
        measured(measures)
        compiled = [target.compile() for _, target in asked]
        for one in compiled:
            report.add(warning for warning in one.warnings if warning.code == "unused-setting")
        found = difference(compiled[0].graph, compiled[1].graph, precision)
        labels = (asked[0][0], asked[1][0])
        entries = differences(found, labels, exact)
        tables = [entries] if kind in ("csv", "json") else [both(found, labels, measures, precision, exact), entries]
        put(kind, output, *tables)
