"""`archdsl fit`: the value of a setting that meets a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from archdsl.cli import SPEC_ERROR
from archdsl.cli.options import (
    FileOption,
    Format,
    PrecisionOption,
    SheetFormatOption,
    SpecArgument,
    SpecOptions,
    grouped,
)
from archdsl.cli.output import reporting
from archdsl.cli.studies import bytes_of, columns, format_of, meanings, put, subject

if TYPE_CHECKING:
    from archdsl.backends.sheet import Sheet
    from archdsl.studies.fit import Fit
    from archdsl.studies.search import SearchStep
    from archdsl.studies.subject import Subject


def _budget(option: str, help: str) -> Any:
    return typer.Option(option, metavar="AMOUNT", help=help, show_default=False)


@grouped
def fit(
    ctx: typer.Context,
    spec: SpecArgument,
    over: Annotated[str, typer.Option("--over", metavar="SETTING", help="What is searched.", show_default=False)],
    macs: Annotated[str | None, _budget("--macs", "Multiply-adds at most: 1.8G.")] = None,
    params: Annotated[str | None, _budget("--params", "Parameters at most: 25M.")] = None,
    flops: Annotated[str | None, _budget("--flops", "Operations at most: 3.6G.")] = None,
    memory: Annotated[str | None, _budget("--memory", "Activations that inference holds at once: 50MB.")] = None,
    training_memory: Annotated[
        str | None, _budget("--training-memory", "Activations that training keeps, a sample: 1.5GiB.")
    ] = None,
    range: Annotated[
        str | None, typer.Option("--range", metavar="A:B", help="Where to look.", show_default="around its own value")
    ] = None,
    format: SheetFormatOption = None,
    output: FileOption = None,
    precision: PrecisionOption = "fp32",
    *,
    options: SpecOptions,
) -> None:
    """Find the value of a setting that meets a budget.

    archdsl fit efficientnet --macs 1.8G --over phi gives the most costly network within every budget given; it ends
    with 1 where there is none. Any other option is a parameter of the spec: --classes 10.
    """
    from archdsl.cli.target import target
    from archdsl.studies.budgets import budget
    from archdsl.studies.fit import fit as search
    from archdsl.studies.ranges import bounds

    given = {
        "macs": macs,
        "params": params,
        "flops": flops,
        "memory": memory,
        "training-memory": training_memory,
    }
    asked = target(ctx, spec, options)
    if not any(given.values()):
        ctx.fail(f"A budget is missing: {', '.join(f'--{option}' for option in given)}.")
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind, width = format_of(format, output), bytes_of(precision)
        budgets = [budget(option, text) for option, text in given.items() if text is not None]
        network = subject(asked)
        ends = bounds("--range", range) if range is not None else None
        found = search(network, over, budgets, ends, width)
        report.add(found.warnings)
        put(_sheet(network, found, precision), kind, output)
    if found.best is None:
        raise typer.Exit(SPEC_ERROR)


def _sheet(network: Subject, found: Fit, precision: str) -> Sheet:
    from archdsl.backends.sheet import Column, Sheet

    names = [budget.measure.name for budget in found.budgets]
    shown = [Column(c.name, c.heading, "number") for c in columns(names)]
    shares = [Column(f"{name}_share", "of budget", "share") for name in names]
    rows: list[list[Any]] = [
        ["budget", None, *_interleaved([int(b.limit) for b in found.budgets], [None for _ in names])]
    ]
    if found.best is not None:
        rows.append(["within", found.best.value, *_costs(found, found.best)])
    if found.beyond is not None:
        rows.append(["over" if found.best else "nearest", found.beyond.value, *_costs(found, found.beyond)])
    return Sheet(
        _title(found),
        [Column("what", ""), Column(found.name, found.name, "number"), *_interleaved(shown, shares)],
        rows,
        [f"{network.network.name} ({network.title})", *_coefficients(network, found)],
        [*_notes(found), *meanings(names, precision)],
        _facts(network, found),
        exact=True,
    )


def _facts(network: Subject, found: Fit) -> dict[str, Any]:
    return {
        "spec": network.title,
        "setting": found.name,
        "best": found.best.value if found.best else None,
        "searched": [end.value for end in found.ends],
        "tried": found.tried,
        "monotone": found.turn is None,
    }


def _interleaved(ones: list[Any], others: list[Any]) -> list[Any]:
    return [item for pair in zip(ones, others, strict=True) for item in pair]


def _costs(found: Fit, step: SearchStep) -> list[Any]:
    costs = [step.costs[budget.measure.name] for budget in found.budgets]
    shares = [cost / budget.limit for cost, budget in zip(costs, found.budgets, strict=True)]
    return _interleaved(costs, shares)


def _title(found: Fit) -> str:
    low, high = sorted(end.value for end in found.ends)
    if found.best is None:
        where = f"no {found.name} between {low:g} and {high:g}" if low != high else f"no {found.name}"
        return f"{where} meets the budget"
    return f"{found.name} = {found.best.value:g} meets the budget"


def _coefficients(network: Subject, found: Fit) -> list[str]:
    """What follows from the value that was found."""
    step = found.best or found.beyond
    assert step is not None
    settings = network.compile({found.name: step.value}).graph.header.settings
    formulas = {formula.name.name for formula in network.network.scaling} - {found.name}
    texts = [f"{setting.name} {setting.value:.6g}" for setting in settings if setting.name in formulas]
    return [f"with {found.name} = {step.value:g}: {', '.join(texts)}"] if texts else []


def _notes(found: Fit) -> list[str]:
    low, high = sorted(end.value for end in found.ends)
    tried = f"{found.tried} values were tried" + (f", from {low:g} to {high:g}" if low != high else "")
    if found.constant:
        return [f"{tried}: the cost is the same for every {found.name}."]
    if found.turn is not None:
        one, other = (step.value for step in found.turn)
        kept = "Another value may do better." if found.best else "Another value may do."
        return [f"{tried}. The cost turns between {one:g} and {other:g}, so this is the best of them. {kept}"]
    rising = found.ends[0].value < found.ends[1].value
    notes = [f"{tried}; the cost {'rises' if rising else 'falls'} with {found.name} all the way."]
    if found.best is not None and found.beyond is None:
        notes.append("That is the end of the range: a wider --range may use more of the budget.")
    return notes
