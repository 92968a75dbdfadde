"""`archdsl show`: prints what each stage of the compiler makes of a spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from archdsl.cli.options import Format, FormatOption, SpecArgument, SpecOptions, grouped
from archdsl.cli.output import reporting

if TYPE_CHECKING:
    from archdsl.cli.target import Target


def _parse(target: Target) -> str:
    from archdsl.cli.outline import outline
    from archdsl.driver import read_spec
    from archdsl.syntax.parser import parse

    source, _ = read_spec(target.spec)
    return outline(parse(source))


def _resolve(target: Target) -> str:
    from archdsl.cli.outline import outline
    from archdsl.diagnostics import CompileError

    if target.file.problems:
        raise CompileError(target.file.problems)
    return outline(target.file)


def _expand(target: Target) -> str:
    from archdsl.ir.dump import dump

    return dump(target.compile().graph)


def _emit(target: Target) -> str:
    from archdsl.outputs import source_written

    return source_written(target.compile().graph)


class Stage(NamedTuple):
    """One stage of the compiler, and how to show what it makes."""

    name: str
    about: str
    show: Callable[[Target], str]


STAGES = {
    stage.name: stage
    for stage in (
        Stage("parse", "the syntax tree", _parse),
        Stage("resolve", "names found and parameters typed", _resolve),
        Stage("expand", "the graph", _expand),
        Stage("emit", "PyTorch source", _emit),
    )
}
"""The stages by name, in the order in which they run."""


def stages(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """Completes the name of a stage."""
    return [(stage.name, stage.about) for stage in STAGES.values()]


UntilOption = Annotated[
    str,
    typer.Option(
        "--until",
        metavar="STAGE",
        help="; ".join(f"{stage.name}: {stage.about}" for stage in STAGES.values()) + ".",
        autocompletion=stages,
    ),
]


@grouped
def show(
    ctx: typer.Context,
    spec: SpecArgument,
    until: UntilOption = "expand",
    *,
    options: SpecOptions,
    format: FormatOption = Format.TEXT,
) -> None:
    """Show what the compiler has made of a spec after one of its stages.

    Any other option is a parameter of the spec: --phi 3. `SPEC --help` lists them.
    """
    from archdsl.cli.target import target

    asked = target(ctx, spec, options)
    if until not in STAGES:
        ctx.fail(f"There is no stage '{until}'; it may be {', '.join(STAGES)}.")
    with reporting(format) as report:
        print(STAGES[until].show(asked).rstrip("\n"))
        report.result_printed = True
