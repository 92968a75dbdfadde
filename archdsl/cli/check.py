"""`archdsl check`: everything that can be said of specs without writing a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.options import Format, FormatOption, SpecArguments, SpecOptions, grouped
from archdsl.cli.output import Report, in_short, reporting

if TYPE_CHECKING:
    from archdsl.cli.target import Target
    from archdsl.diagnostics import Diagnostic

AllOption = Annotated[bool, typer.Option("--all-variants", help="Check every variant, and the defaults.")]


@grouped
def check(
    ctx: typer.Context,
    specs: SpecArguments,
    all_variants: AllOption = False,
    *,
    options: SpecOptions,
    format: FormatOption = Format.TEXT,
) -> None:
    """Check specs: names, shapes, and the facts that they state of themselves.

    Prints a line for each network: parameters, multiply-adds (MACs), shapes. Any other option is a parameter of
    the spec: --classes 10.
    """
    from archdsl.cli.target import targets

    asked = targets(ctx, specs, options)
    with reporting(format) as report:
        for target in asked:
            _check(target, all_variants, report)


def _check(target: Target, all_variants: bool, report: Report) -> None:
    """Checks one spec: adds diagnostics with the variants that they are about to the report, and prints the results."""
    from archdsl.diagnostics import CompileError

    found: dict[Diagnostic, list[str]] = {}
    names: list[str | None] = [target.variant]
    try:
        if all_variants:
            names = list(_variants(target))
        for name in names:
            for diagnostic in _check_variant(target.of_variant(name), report.verbose):
                found.setdefault(diagnostic, []).append(name or "the defaults")
    except CompileError as error:
        report.add(error.diagnostics)
    report.add(_with_variants(diagnostic, of, len(names)) for diagnostic, of in found.items())


def _variants(target: Target) -> Iterator[str | None]:
    """None for the defaults (if every parameter has one), then the names of the variants."""
    network = target.file.network
    if network is None or all(parameter.default is not None for parameter in network.parameters):
        yield None
    if network is not None:
        yield from network.variants


def _check_variant(target: Target, verbose: bool) -> tuple[Diagnostic, ...]:
    from archdsl.diagnostics import CompileError

    if target.file.network is None and not (target.variant or target.settings or target.is_graph):
        if verbose and not target.file.problems:
            blocks = [d for d in target.file.definitions.values() if d.file.source == target.file.source]
            print(f"{target.title}: {len(blocks)} block{'s' if len(blocks) != 1 else ''}")
        return target.file.problems
    try:
        compiled = target.compile()
    except CompileError as error:
        return error.diagnostics
    if verbose:
        print(f"{target.title}: {in_short(compiled.graph)}")
    return compiled.warnings


def _with_variants(diagnostic: Diagnostic, names: list[str], of: int) -> Diagnostic:
    from dataclasses import replace

    from archdsl.diagnostics import Note

    if len(names) == of:
        return diagnostic
    return replace(diagnostic, notes=(*diagnostic.notes, Note(f"with {', '.join(names)}")))
