"""`archdsl sweep`: measures a network over a grid of settings."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archdsl.analyses.measures import COMPARED
from archdsl.backends.tables import FORMATS
from archdsl.cli import INTERRUPTED, SPEC_ERROR
from archdsl.cli.complete import formats, measures
from archdsl.cli.options import (
    ExactOption,
    Format,
    JobsOption,
    LimitOptions,
    NetworkOptions,
    PrecisionOption,
    SpecArgument,
    SpecOptions,
    VariantOption,
    grouped,
)
from archdsl.cli.output import Report, format_of, keep, progress, put, reporting, words
from archdsl.cli.studies import check_precision, subject
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.studies.ranges import Grid
    from archdsl.studies.record import Record
    from archdsl.studies.subject import Subject
    from archdsl.studies.sweep import SweepRow
    from archdsl.studies.trial import Trier

DEFAULT = ("params", "macs", "live")

RecordOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="A CSV file; if it has rows of this sweep, it is continued."),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B",
        help=f"Which measures to show, of {', '.join(COMPARED)}, and settings of the spec.",
        show_default="params,macs,live",
        autocompletion=measures,
    ),
]
PrintedOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"{', '.join(FORMATS)}.",
        show_default="text",
        autocompletion=formats,
    ),
]
ValuesOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A=1,2", help="Values of settings, also of those that are named like an option."),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Measure on the workers of this Dask scheduler, host:port; or local: on --jobs workers that are started.",
        show_default=False,
    ),
]


@grouped
def sweep(
    ctx: typer.Context,
    spec: SpecArgument,
    columns_: ColumnsOption = None,
    format: PrintedOption = None,
    output: RecordOption = None,
    exact: ExactOption = False,
    precision: PrecisionOption = "fp32",
    jobs: JobsOption = None,
    cluster: ClusterOption = None,
    variant: VariantOption = None,
    settings: ValuesOption = None,
    *,
    limits: LimitOptions,
) -> None:
    """Measure what a network costs over a grid of settings.

    Any other option is a parameter of the spec, with one value or several, 1.1,1.2 or from:to:step: archdsl sweep
    efficientnet --phi 0:7:0.5 --alpha 1.1,1.2. Settings with which the network cannot be compiled are listed with the
    reason. With -o, an interrupted sweep keeps its rows, and the same call continues it.
    """
    from archdsl.studies.ranges import grid
    from archdsl.studies.sweep import sweep as sweep_of
    from archdsl.studies.tables import recorded, swept
    from archdsl.studies.trial import Trier

    asked = _target(ctx, spec, variant, settings, limits)
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind = _format(ctx, format, output)
        keep(asked, output)
        asked.check_settings()
        network = subject(_without_settings(asked))
        points = grid(network, asked.settings)
        check_precision(precision)
        _check_cluster(ctx, cluster, jobs)
        trier = Trier(network, *_columns(network, columns_), precision)
        with _record(output, network, points, trier) as record, progress("settings") as tell:
            done = _run(sweep_of(trier, points, record, jobs, tell, cluster), record is None, report)
        if record is not None:
            _print_summary(record, done)
        elif kind in ("csv", "json"):
            put(kind, None, recorded(network, points, trier, done.rows))
        else:
            put(kind, None, *swept(network, points, trier, done.rows, precision, exact))
    _end(done, output)


def _target(
    ctx: typer.Context, spec: str, variant: str | None, settings: list[str] | None, limits: LimitOptions
) -> Any:
    """The target of the sweep. Each of its settings is a text that may stand for several values."""
    from archdsl.cli.specs import SETTINGS
    from archdsl.cli.target import target
    from archdsl.studies.ranges import split

    for text in settings or []:
        for part in split(text):
            name, equals, value = part.partition("=")
            if equals and name.strip().isidentifier():
                ctx.meta[SETTINGS].append((name.strip(), value.strip()))
            elif ctx.meta[SETTINGS] and part is not split(text)[0]:
                before, values = ctx.meta[SETTINGS].pop()
                ctx.meta[SETTINGS].append((before, f"{values},{part}"))
            else:
                ctx.fail(f"--set takes name=value,value and not '{part}'.")
    return target(ctx, spec, SpecOptions(variant, NetworkOptions(None, limits)))


def _without_settings(asked: Any) -> Any:
    from dataclasses import replace

    bare = replace(asked, settings={})
    bare.__dict__["file"] = asked.file
    return bare


def _format(ctx: typer.Context, format: str | None, output: Path | None) -> str:
    if output is None or output == Path("-"):
        return format_of(format or ("csv" if output else None), None)
    if output.suffix != ".csv" or format not in (None, "csv"):
        ctx.fail(
            f"A sweep writes only CSV to a file; write -o {output.with_suffix('.csv')}, or leave out -o to print "
            "another format."
        )
    return "csv"


def _columns(network: Subject, text: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Splits the wanted columns into measures and settings."""
    from archdsl.analyses.choices import choose
    from archdsl.elaborate.settings import setting_names

    names = words(text) if text is not None else list(DEFAULT)
    known = {**COMPARED, **dict.fromkeys(setting_names(network.network))}
    choose("column", names, known)
    measures = tuple(name for name in names if name in COMPARED)
    return measures, tuple(name for name in names if name not in COMPARED)


def _record(output: Path | None, network: Subject, points: Grid, trier: Trier) -> AbstractContextManager[Record | None]:
    from archdsl.studies.record import Record

    if output is None or output == Path("-"):
        return nullcontext()
    spec = (network.title, network.digest)
    return Record(output, spec, list(points.dimensions), [*trier.coefficients, *trier.measures])


def _check_cluster(ctx: typer.Context, cluster: str | None, jobs: int | None) -> None:
    from archdsl.studies.connection import ANSWER, LOCAL, check_cluster

    if cluster is None:
        return
    if cluster != LOCAL and jobs is not None:
        ctx.fail("--jobs counts processes of this machine; a cluster has the workers that were started for it.")
    check_cluster(cluster)
    if cluster != LOCAL and sys.stderr.isatty():
        waits = f"waiting up to {ANSWER} seconds for the Dask scheduler at {shown(cluster, 60)}"
        print(waits, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Measured:
    """What a sweep has found so far. `rows` are kept only where they are printed: a record may have a million."""

    rows: list[SweepRow] = field(default_factory=list)
    count: int = 0
    new: int = 0
    problems: int = 0
    complete: bool = False


def _run(rows: Generator[SweepRow], printed: bool, report: Report) -> Measured:
    """Measures all rows. Ctrl-C ends the sweep and keeps what was measured."""
    done = Measured()
    try:
        for row in rows:
            _add(done, row, printed, report)
        done.complete = True
    except KeyboardInterrupt:
        rows.close()
    return done


def _add(done: Measured, row: SweepRow, printed: bool, report: Report) -> None:
    from archdsl.studies.trial import unused_settings

    done.count += 1
    done.problems += bool(row.problem)
    if row.trial is not None:
        done.new += 1
        report.add(unused_settings([row.trial]))
    if printed:
        done.rows.append(row)


def _print_summary(record: Record, done: Measured) -> None:
    before = f", {done.count - done.new:,} were there before" if done.count > done.new else ""
    without = f"; {done.problems:,} of all cannot be compiled" if done.problems else ""
    settings = f"{done.new:,} setting{'s' if done.new != 1 else ''}"
    print(f"wrote {settings} to {shown(str(record.path))}{before}{without}")


def _end(done: Measured, output: Path | None) -> None:
    if not done.complete:
        kept = "; the same call continues the sweep" if output else ""
        print(f"interrupted after {done.count:,} setting{'s' if done.count != 1 else ''}{kept}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    if done.count and done.problems == done.count:
        raise typer.Exit(SPEC_ERROR)
