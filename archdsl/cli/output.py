"""Prints what a command found: results on standard output, diagnostics as `Report` says, and the exit code."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import typer

from archdsl.backends.tables import FORMATS, render
from archdsl.cli import INTERRUPTED, OK, SPEC_ERROR, WRONG_CALL
from archdsl.cli.options import Format
from archdsl.diagnostics import CompileError, Diagnostic, limited
from archdsl.text import shown

if TYPE_CHECKING:
    from pathlib import Path

    from archdsl.backends.tables.table import Table, Unit
    from archdsl.cli.target import Target
    from archdsl.ir.graph import Graph


class Report:
    """The diagnostics of one run, each once.

    As text, they are printed to standard error. As lines or JSON, which programs read, they are printed to standard
    output, unless the command has printed its result there (`result_printed`).
    """

    def __init__(self, format: Format) -> None:
        self.format = format
        self.diagnostics: dict[Diagnostic, None] = {}
        self.result_printed = False

    @property
    def verbose(self) -> bool:
        """Whether messages for people, such as `wrote net.py`, may be printed to standard output."""
        return self.format is Format.TEXT

    def add(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Adds diagnostics; equal ones are kept once."""
        self.diagnostics.update(dict.fromkeys(diagnostics))

    def print(self) -> None:
        """Prints the diagnostics in the format of the run."""
        from archdsl.report import render_json, render_line, render_text

        shown = limited(self.diagnostics)
        stream = sys.stderr if self.verbose or self.result_printed else sys.stdout
        match self.format:
            case Format.JSON:
                text = render_json(shown)
            case Format.LINE:
                text = "\n".join(map(render_line, shown))
            case Format.TEXT:
                text = render_text(shown, color=in_color(stream), width=width())
        if text:
            print(text, file=stream)

    @property
    def exit_code(self) -> int:
        """The exit code that the errors mean; warnings do not change it."""
        return max((_exit_code(found) for found in self.diagnostics if found.severity == "error"), default=OK)


@contextmanager
def reporting(format: Format) -> Iterator[Report]:
    """Collects the diagnostics of the `with` block, those of a `CompileError` too; at its end, prints them.

    Raises `typer.Exit` with the exit code that they mean, if there are errors.
    """
    report = Report(format)
    try:
        yield report
    except CompileError as error:
        report.add(error.diagnostics)
    except KeyboardInterrupt:
        # Older releases of typer would say "Aborted!" and end with 1.
        raise typer.Exit(INTERRUPTED) from None
    report.print()
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _exit_code(diagnostic: Diagnostic) -> int:
    from archdsl.codes import CODES

    if diagnostic.span is None:
        return CODES[diagnostic.code].exit_code
    return WRONG_CALL if diagnostic.span.source.name.startswith("--") else SPEC_ERROR


def in_color(stream: TextIO | None) -> bool:
    """Whether to print colors: `stream` is a terminal that shows them, and NO_COLOR is not set."""
    return (
        stream is not None and stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def width() -> int:
    """The number of columns of the terminal; 80 where there is no terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def words(text: str) -> list[str]:
    """The words of a list with commas: `params, macs` is `["params", "macs"]`."""
    return [word.strip() for word in text.split(",") if word.strip()]


def format_of(format: str | None, output: Path | None) -> str:
    """The format of tables: `format` if given, else the one that the suffix of `output` means, else text.

    Raises `CompileError` for an unknown format.
    """
    from archdsl.analyses.choices import choose

    suffixes = {suffix: name for name, suffix in FORMATS.items()}
    name = format or (suffixes.get(output.suffix, "text") if output else "text")
    choose("format", [name], FORMATS)
    return name


def keep(target: Target | Iterable[Target], *places: Path | None) -> None:
    """Raises `CompileError` if one of the output files `places` is a spec, or a file that the command reads.

    A place that is None or `-` names no file.
    """
    from archdsl.files import refuse_overwriting

    targets = target if isinstance(target, Iterable) else [target]
    named = [place for place in places if place is not None and str(place) != "-"]
    refuse_overwriting(named, [path for each in targets for path in each.read])


def put_out(content: str | bytes) -> None:
    """Writes what a command has made to standard output, which a terminal is not for if it is no text."""
    if isinstance(content, str):
        sys.stdout.write(content)
        return
    if sys.stdout.isatty():
        message = "standard output is a terminal, and this form is no text"
        raise CompileError([Diagnostic("unwritable-file", message, help="name a file with -o")])
    sys.stdout.flush()
    sys.stdout.buffer.write(content)


def put(format: str, output: Path | None, *tables: Table) -> None:
    """Prints tables as wide as the terminal, or writes them to `output`.

    Raises `CompileError` if the file cannot be written.
    """
    from archdsl.files import write

    if output is None or str(output) == "-":
        print(render(format, *tables, width=width(), color=in_color(sys.stdout)), end="")
        return
    write({output: render(format, *tables)})
    print(f"wrote {shown(str(output))}")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table of texts. A column whose heading begins with `>` is aligned to the right, as numbers are."""
    from archdsl.backends.tables.table import Column, Table, lines

    units: list[Unit] = ["number" if text.startswith(">") else "text" for text in headings]
    named = enumerate(zip(headings, units, strict=True))
    columns = [Column(text, text.removeprefix(">"), unit, leads=not index) for index, (text, unit) in named]
    put("text", None, Table("", columns, lines(list(rows))))


def in_short(graph: Graph) -> str:
    """Size, costs and shapes of a network in a line: `25,557,032 params, 4.09 G MACs, 3x224x224 -> 1000`."""
    from archdsl.analyses import totals
    from archdsl.analyses.notation import count

    nodes = totals.nodes_in(graph)
    inputs = " + ".join(str(node.output) for node in graph.inputs)
    output = graph.tensor(graph.outputs[0].values[0])
    params, macs = totals.parameters(graph, nodes), totals.macs(graph, nodes)
    return f"{params:,} params, {count(macs)} MACs, {inputs} -> {output}"


EVERY = 0.1
"""Seconds between two updates of the progress bar."""


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows a progress bar; yields a function to call with how many items are done and how many there are."""
    if not in_color(sys.stderr):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    parts = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # The bar has no thread of its own (`auto_refresh=False`), since processes are forked while it is shown.
    with Progress(*parts, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=None)
        shown = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown >= EVERY or done == total:
                shown = now
                bar.update(task, completed=done, total=total, refresh=True)

        yield tell
