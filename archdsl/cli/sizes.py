"""`archdsl sizes`: which input sizes a network takes."""

from __future__ import annotations

import typer

from archdsl.cli.options import (
    DEPTH,
    STEPS,
    DepthOption,
    FileOption,
    Format,
    SetOption,
    SpecArgument,
    StepsOption,
    TableFormatOption,
    VariantOption,
)
from archdsl.cli.output import format_of, put, reporting
from archdsl.cli.progress import progress
from archdsl.cli.studies import JobsOption, subject


def sizes(
    ctx: typer.Context,
    spec: SpecArgument,
    format: TableFormatOption = None,
    output: FileOption = None,
    jobs: JobsOption = None,
    variant: VariantOption = None,
    settings: SetOption = None,
    max_steps: StepsOption = STEPS,
    max_depth: DepthOption = DEPTH,
) -> None:
    """Find out which input sizes a network takes, and why not others.

    The network is compiled with one size after the other: through the setting that gives the size, else in place of the
    declared one. Any other option is a parameter of the spec: --classes 10.
    """
    from archdsl.cli.target import target
    from archdsl.studies.sizes import sizes as survey
    from archdsl.studies.sizes_table import sizes_table

    asked = target(ctx, spec, variant, settings, max_steps, max_depth)
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind = format_of(format, output)
        network = subject(asked)
        with progress("sizes") as tell:
            found = survey(network, jobs, tell)
        put(kind, output, sizes_table(f"{network.network.name} ({network.title})", found))
