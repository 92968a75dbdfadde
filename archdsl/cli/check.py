"""`archdsl check`: reports all errors and warnings of specs, and writes no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import typer

from archdsl.cli.options import Format, FormatOption, SpecArguments, SpecOptions, grouped
from archdsl.cli.output import Report, in_short, reporting

if TYPE_CHECKING:
    from archdsl.cli.target import Target
    from archdsl.diagnostics import Diagnostic
    from archdsl.resolve.allow import Allow


@grouped
def check(
    ctx: typer.Context, specs: SpecArguments, *, options: SpecOptions, format: FormatOption = Format.TEXT
) -> None:
    """Check specs: names, shapes, and the facts that their `expect` lines state.

    Checks the defaults and every variant; spec@variant checks one. Prints a line for each network: parameters,
    multiply-adds (MACs), shapes. Any other option is a parameter of the spec: --classes 10. If one is given, only
    the network with these settings is checked.
    """
    from archdsl.cli.target import targets

    asked = targets(ctx, specs, options)
    with reporting(format) as report:
        for target in asked:
            _check(target, report)


def _check(target: Target, report: Report) -> None:
    """Checks one spec and prints the results. Reports each diagnostic once, with the variants that have it."""
    from archdsl.diagnostics import CompileError

    found: dict[object, tuple[Diagnostic, list[str]]] = {}
    try:
        names = _names(target)
        runs = [_check_variant(target.of_variant(name), report.verbose) for name in names]
    except CompileError as error:
        report.add(error.diagnostics)
        return
    if report.verbose and len(names) > 1 and all(run.allowed is not None for run in runs):
        print(f"{target.title}: checked {_listed(names)}")
    for name, run in zip(names, runs, strict=True):
        for diagnostic in run.diagnostics:
            # The same code at the same place is one mistake, even if each variant's message has other numbers.
            key = (diagnostic.code, diagnostic.span) if diagnostic.span else diagnostic
            found.setdefault(key, (diagnostic, []))[1].append(name or "the defaults")
    report.add(_with_variants(diagnostic, of, len(names)) for diagnostic, of in found.values())
    if target.variant is None and not target.settings and not target.is_graph:
        report.add(_unused_allows(target, runs))


def _names(target: Target) -> Sequence[str | None]:
    """The variants to check, None standing for the defaults: the one that is asked for, else all.

    A network with variants and a parameter without a default cannot be compiled with its defaults: they are left out.
    """
    network = target.file.network
    if target.variant is not None or target.settings or network is None:
        return [target.variant]
    complete = all(parameter.default is not None for parameter in network.parameters)
    return [*([None] if complete or not network.variants else []), *network.variants]


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


def _with_variants(diagnostic: Diagnostic, names: list[str], of: int) -> Diagnostic:
    from archdsl.diagnostics import Note

    if len(names) == of:
        return diagnostic
    return replace(diagnostic, notes=(*diagnostic.notes, Note(f"with {', '.join(names)}")))
