"""`archdsl fit`: finds the value of a setting that meets a budget."""

from __future__ import annotations

from dataclasses import astuple, field, make_dataclass
from typing import Annotated, Any

import typer

from archdsl.analyses.measures import LIMITED
from archdsl.cli import SPEC_ERROR
from archdsl.cli.options import (
    FileOption,
    Format,
    PrecisionOption,
    SpecArgument,
    SpecOptions,
    TableFormatOption,
    grouped,
)
from archdsl.cli.output import format_of, keep, put, reporting
from archdsl.cli.studies import check_precision, subject
from archdsl.studies.budgets import budget, example


def _limit(option: str) -> tuple[str, Any, Any]:
    """The field of `BudgetOptions` for an option such as `macs`: its name, its type and its default."""
    measure = LIMITED[option]
    about = f"{measure.about[0].upper()}{measure.about[1:]}, at most: {example(measure)}."
    declared = typer.Option(f"--{option}", metavar="AMOUNT", help=about, show_default=False)
    return option.replace("-", "_"), Annotated[str | None, declared], field(default=None)


BudgetOptions = make_dataclass("BudgetOptions", map(_limit, LIMITED), frozen=True)
"""An option for each measure that can be limited."""


@grouped
def fit(
    ctx: typer.Context,
    spec: SpecArgument,
    over: Annotated[str, typer.Option("--over", metavar="SETTING", help="The setting to vary.", show_default=False)],
    budgets: BudgetOptions,  # type: ignore[valid-type]
    range: Annotated[
        str | None, typer.Option("--range", metavar="A:B", help="Values to try.", show_default="around its own value")
    ] = None,
    format: TableFormatOption = None,
    output: FileOption = None,
    precision: PrecisionOption = "fp32",
    *,
    options: SpecOptions,
) -> None:
    """Find the value of a setting that meets a budget.

    archdsl fit efficientnet --macs 1.8G --over phi finds the most costly network that meets every budget given. The
    exit code is 1 if there is none. Any other option is a parameter of the spec: --classes 10.
    """
    from archdsl.cli.target import target
    from archdsl.studies.fit import fit as search
    from archdsl.studies.ranges import bounds
    from archdsl.studies.tables import fitted

    asked = target(ctx, spec, options)
    given = {option: text for option, text in zip(LIMITED, astuple(budgets), strict=True) if text is not None}
    if not given:
        ctx.fail(f"A budget is missing: one or several of {', '.join(f'--{option}' for option in LIMITED)}.")
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind = format_of(format, output)
        keep(asked, output)
        check_precision(precision)
        limits = [budget(option, text) for option, text in given.items()]
        network = subject(asked)
        ends = bounds("--range", range) if range is not None else None
        found = search(network, over, limits, ends, precision)
        report.add(found.warnings)
        put(kind, output, fitted(network, found, precision))
    if found.best is None:
        raise typer.Exit(SPEC_ERROR)
