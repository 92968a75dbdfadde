"""`archdsl compile`: a spec becomes files, PyTorch source above all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.complete import emitted
from archdsl.cli.options import Format, FormatOption, OutputOption, SpecArgument, SpecOptions, grouped
from archdsl.cli.output import in_short, print_table, reporting
from archdsl.outputs import BY_NAME, OUTPUTS, output_of, written

if TYPE_CHECKING:
    from archdsl.ir.graph import Graph

EmitOption = Annotated[
    str | None,
    typer.Option(
        "--emit",
        metavar="KINDS",
        help=f"Any of {','.join(BY_NAME)}  [default: {OUTPUTS[0].name}]",
        autocompletion=emitted,
    ),
]


@grouped
def compile(
    ctx: typer.Context,
    spec: SpecArgument,
    output: OutputOption = None,
    emit: EmitOption = None,
    *,
    options: SpecOptions,
    format: FormatOption = Format.TEXT,
) -> None:
    """Compile a spec to PyTorch source, and to other forms of the same graph.

    Writes efficientnet_phi3.py into the current folder, or what -o names; a path without a suffix is a folder. Any
    other option is a parameter of the spec: --phi 3, --layers "[3, 4, 6, 3]". `SPEC --help` lists them.
    """
    from archdsl.cli.target import target

    asked = target(ctx, spec, options)
    kinds = _kinds(ctx, emit, output)
    with reporting(format) as report:
        compiled = asked.compile()
        report.add(compiled.warnings)
        contents = {kind: written(compiled.graph, kind) for kind in kinds}
        if output == Path("-"):
            sys.stdout.write(contents[kinds[0]])
            report.result_printed = True
            return
        places = _places(ctx, output, asked.name, kinds)
        _write({places[kind]: contents[kind] for kind in kinds})
        if report.verbose:
            _print_run(compiled.graph)
            for path in places.values():
                print(f"wrote {path}")


# --- what is written -----------------------------------------------------------------------


def _kinds(ctx: typer.Context, emit: str | None, output: Path | None) -> list[str]:
    """What to write: what --emit says, else what the suffix of the output says, else PyTorch."""
    if emit is None:
        named = output_of(output.suffix) if output else None
        return [(named or OUTPUTS[0]).name]
    kinds = list(dict.fromkeys(kind.strip() for kind in emit.split(",") if kind.strip()))
    for kind in kinds:
        if kind not in BY_NAME:
            ctx.fail(f"There is nothing called '{kind}' to emit; it may be {', '.join(BY_NAME)}.")
    if not kinds:
        ctx.fail(f"--emit takes any of {', '.join(BY_NAME)}.")
    if output == Path("-") and len(kinds) > 1:
        ctx.fail("Standard output takes one form; --emit names several.")
    return kinds


def _places(ctx: typer.Context, output: Path | None, name: str, kinds: list[str]) -> dict[str, Path]:
    """Where each form is written: into a folder under the network's name, or to the file that was named."""
    folder = output or Path()
    if output is not None and (output.suffix or output.exists()) and not output.is_dir():
        if len(kinds) > 1:
            ctx.fail(f"{output} is one file, and --emit names {len(kinds)}; name a folder.")
        if output.suffix == ".arch":
            ctx.fail(f"{output} is a spec, which nothing is written over.")
        return {kinds[0]: output}
    return {kind: folder / f"{name}{BY_NAME[kind].suffix}" for kind in kinds}


def _write(contents: dict[Path, str]) -> None:
    from archdsl.files import write

    write(dict(contents))


# --- what is said of the run ---------------------------------------------------------------


def _print_run(graph: Graph) -> None:
    """The settings that were used, with where each came from, and what they came to."""
    header = graph.header
    variant = f", variant {header.variant}" if header.variant else ""
    print(f"{header.name} from {header.spec}{variant}")
    if header.settings:
        from archdsl.elaborate.derive import shown

        rows = [(setting.name, shown(setting.value), setting.origin) for setting in header.settings]
        print_table(("setting", ">value", "from"), rows)
    print(in_short(graph))
