"""`archdsl check`: reports all errors and warnings of specs, and writes no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from archdsl.cli.options import Format, FormatOption, SpecArguments, SpecOptions, grouped
from archdsl.cli.output import Report, in_short, reporting
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.cli.target import Target
    from archdsl.diagnostics import Diagnostic
    from archdsl.resolve.allow import Allow

FixOption = Annotated[bool, typer.Option("--fix", help="Mend errors whose help is one certain edit, in the files.")]


@grouped
def check(
    ctx: typer.Context,
    specs: SpecArguments,
    *,
    options: SpecOptions,
    fix: FixOption = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Check specs: names, shapes, and the facts that their `expect` lines state.

    Checks the defaults and every variant; spec@variant checks one. Prints a line for each network: parameters,
    multiply-adds (MACs), shapes. Any other option is a parameter of the spec: --classes 10. If one is given, only
    the network with these settings is checked. With --fix, errors are mended first where their help is one certain
    edit, and each edit is printed.
    """
    from archdsl.cli.target import targets

    asked = targets(ctx, specs, options)
    with reporting(format) as report:
        for target in asked:
            if not fix or _mended(target, report):
                _check(target, report)


def _mended(target: Target, report: Report) -> bool:
    """Writes a spec anew with the edits that are certain. Returns whether it could be read and written."""
    from archdsl.diagnostics import CompileError
    from archdsl.editing.mending import mend

    try:
        steps = mend(target.spec, target.variant, target.settings)
    except CompileError as error:
        report.add(error.diagnostics)
        return False
    for line, before, after in steps if report.verbose else ():
        what = f"`{after}` instead of `{before}`" if before else f"added `{after}`"
        print(f"{shown(target.spec)}:{line}: {what}")
    return True


def _check(target: Target, report: Report) -> None:
    """Checks one spec and prints the results. Reports each diagnostic once, with the variants that have it."""
    from archdsl.diagnostics import CompileError
    from archdsl.editing.checking import merged

    try:
        names = _names(target)
        runs = [_check_variant(target.of_variant(name), report.verbose) for name in names]
    except CompileError as error:
        report.add(error.diagnostics)
        return
    if report.verbose and len(names) > 1 and all(run.allowed is not None for run in runs):
        print(f"{target.title}: checked {_listed(names)}")
    report.add(merged([(name, run.diagnostics) for name, run in zip(names, runs, strict=True)]))
    if target.variant is None and not target.settings and not target.is_graph:
        report.add(_unused_allows(target, runs))


def _names(target: Target) -> Sequence[str | None]:
    """The variants to check, None standing for the defaults: the one that is asked for, else all."""
    from archdsl.editing.checking import shown_variants

    if target.variant is not None or target.settings or target.file.network is None:
        return [target.variant]
    return shown_variants(target.file.network)


def _listed(names: Sequence[str | None]) -> str:
    """`the defaults and 5 variants`."""
    variants = sum(name is not None for name in names)
    shown = f"{variants} variant{'s' if variants != 1 else ''}"
    return f"the defaults and {shown}" if None in names else shown


class _Run(NamedTuple):
    """The result for one variant: its `diagnostics`, and the comments that `allowed` a warning.

    `allowed` is None where the variant could not be compiled, and for a file of blocks.
    """

    diagnostics: tuple[Diagnostic, ...]
    allowed: frozenset[Allow] | None


def _check_variant(target: Target, verbose: bool) -> _Run:
    from archdsl.diagnostics import CompileError

    if target.file.network is None and not (target.variant or target.settings or target.is_graph):
        if verbose and not target.file.problems:
            blocks = [d for d in target.file.definitions.values() if d.file.source == target.file.source]
            print(f"{target.title}: {len(blocks)} block{'s' if len(blocks) != 1 else ''}")
        from archdsl.driver import warnings_of_blocks

        return _Run((*target.file.problems, *warnings_of_blocks(target.file)), None)
    try:
        compiled = target.compile()
    except CompileError as error:
        return _Run(error.diagnostics, None)
    if verbose:
        print(f"{target.title}: {in_short(compiled.graph)}")
    return _Run(compiled.warnings, compiled.allowed)


def _unused_allows(target: Target, runs: Iterable[_Run]) -> Iterator[Diagnostic]:
    """Warnings for comments that allow a warning which no variant has; none if a variant could not be compiled."""
    from archdsl.resolve.allow import unused_allows

    used: set[Allow] = set()
    for run in runs:
        if run.allowed is None:
            return
        used |= run.allowed
    yield from unused_allows(target.file.source, used)
