"""`archdsl sizes`: finds out which input sizes a network accepts."""

from __future__ import annotations

import typer

from archdsl.cli.options import FileOption, Format, JobsOption, SpecArgument, SpecOptions, TableFormatOption, grouped
from archdsl.cli.output import format_of, keep, progress, put, reporting
from archdsl.cli.studies import subject


@grouped
def sizes(
    ctx: typer.Context,
    spec: SpecArgument,
    format: TableFormatOption = None,
    output: FileOption = None,
    jobs: JobsOption = None,
    *,
    options: SpecOptions,
) -> None:
    """Find out which input sizes a network accepts, and why not others.

    The network is compiled with one size after the other. If a setting gives the size, that setting is varied, else
    the size in the `input` line. Any other option is a parameter of the spec: --classes 10.
    """
    from archdsl.cli.target import target
    from archdsl.studies.sizes import sizes as survey
    from archdsl.studies.sizes_table import sizes_table

    asked = target(ctx, spec, options)
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind = format_of(format, output)
        keep(asked, output)
        network = subject(asked)
        with progress("sizes") as tell:
            found = survey(network, jobs, tell)
        put(kind, output, sizes_table(f"{network.network.name} ({network.title})", found))
