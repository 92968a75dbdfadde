"""`archdsl show`: what each stage of the compiler makes of a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.complete import stages
from archdsl.cli.options import Format, FormatOption, SpecArgument, SpecOptions, grouped
from archdsl.cli.output import reporting

if TYPE_CHECKING:
    from archdsl.cli.target import Target

UntilOption = Annotated[
    str,
    typer.Option("--until", metavar="STAGE", help="parse, resolve, expand or emit.", autocompletion=stages),
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
    """Show what a stage of the compiler makes of a spec.

    parse: the syntax tree; resolve: names found and parameters typed; expand: the graph; emit: PyTorch source. Any
    other option is a parameter of the spec: --phi 3. `SPEC --help` lists them.
    """
    from archdsl.cli.target import target

    asked = target(ctx, spec, options)
    if until not in STAGES:
        ctx.fail(f"There is no stage '{until}'; it may be {', '.join(STAGES)}.")
    with reporting(format) as report:
        print(STAGES[until](asked).rstrip("\n"))
        report.result_printed = True


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
    from archdsl.backends.torch.source import source

    return source(target.compile().graph)


STAGES = {"parse": _parse, "resolve": _resolve, "expand": _expand, "emit": _emit}
