"""`archdsl fit`: the value of a setting that meets a budget."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from archdsl.analyses.measures import LIMITED
from archdsl.cli import SPEC_ERROR
from archdsl.cli.options import (
    DEPTH,
    STEPS,
    DepthOption,
    FileOption,
    Format,
    PrecisionOption,
    SetOption,
    SpecArgument,
    StepsOption,
    TableFormatOption,
    VariantOption,
)
from archdsl.cli.output import format_of, put, reporting
from archdsl.cli.studies import check_precision, subject
from archdsl.studies.budgets import budget, example


def fit(
    ctx: typer.Context,
    spec: SpecArgument,
    over: Annotated[str, typer.Option("--over", metavar="SETTING", help="What is searched.", show_default=False)],
    range: Annotated[
        str | None, typer.Option("--range", metavar="A:B", help="Where to look.", show_default="around its own value")
    ] = None,
    format: TableFormatOption = None,
    output: FileOption = None,
    precision: PrecisionOption = "fp32",
    variant: VariantOption = None,
    settings: SetOption = None,
    max_steps: StepsOption = STEPS,
    max_depth: DepthOption = DEPTH,
    **limits: str | None,
) -> None:
    """Find the value of a setting that meets a budget.

    archdsl fit efficientnet --macs 1.8G --over phi gives the most costly network within every budget given; it ends
    with 1 where there is none. Any other option is a parameter of the spec: --classes 10.
    """
    from archdsl.cli.target import target
    from archdsl.studies.fit import fit as search
    from archdsl.studies.ranges import bounds
    from archdsl.studies.tables import fitted

    asked = target(ctx, spec, variant, settings, max_steps, max_depth)
    given = {option: text for option in LIMITED if (text := limits[_word(option)]) is not None}
    if not given:
        ctx.fail(f"A budget is missing: {', '.join(f'--{option}' for option in LIMITED)}.")
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind = format_of(format, output)
        check_precision(precision)
        budgets = [budget(option, text) for option, text in given.items()]
        network = subject(asked)
        ends = bounds("--range", range) if range is not None else None
        found = search(network, over, budgets, ends, precision)
        report.add(found.warnings)
        put(kind, output, fitted(network, found, precision))
    if found.best is None:
        raise typer.Exit(SPEC_ERROR)


def _word(option: str) -> str:
    return option.replace("-", "_")


def _limit(option: str) -> Parameter:
    measure = LIMITED[option]
    about = f"{measure.about[0].upper()}{measure.about[1:]}, at most: {example(measure)}."
    declared = typer.Option(f"--{option}", metavar="AMOUNT", help=about, show_default=False)
    return Parameter(
        _word(option), Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=Annotated[str | None, declared]
    )


def _declare_limits(command: Any) -> None:
    """In place of `**limits` the command says that it has an option for each limit, after those that it must have."""
    *own, _ = signature(command, eval_str=True).parameters.values()
    start = [parameter.default for parameter in own].index(None)
    parameters = [*own[:start], *map(_limit, LIMITED), *own[start:]]
    command.__signature__ = signature(command).replace(parameters=parameters)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


_declare_limits(fit)
