"""What the commands that compare and vary networks share: options, columns, printing of sheets."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archdsl.cli.output import in_color, width

if TYPE_CHECKING:
    from archdsl.backends.sheet import Column, Sheet
    from archdsl.cli.target import Target
    from archdsl.studies.subject import Subject

SUFFIXES = {".txt": "text", ".md": "markdown", ".csv": "csv", ".json": "json"}

MeasuresOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B",
        help="Of params, buffers, macs, flops, live, kept, field and layers.",
        show_default=False,
    ),
]


def subject(target: Target) -> Subject:
    """The subject of a study. Raises `CompileError` for settings that the network does not have."""
    from archdsl.diagnostics import CompileError, Diagnostic
    from archdsl.studies.subject import Subject

    if target.is_graph:
        message = f"{target.spec} is a graph: it has no settings and no sizes to vary"
        raise CompileError([Diagnostic("no-network", message)])
    target.check_settings()
    return Subject(target.file, target.variant, target.settings, target.limits)


def bytes_of(precision: str) -> int:
    """Bytes of a number. Raises `CompileError` for an unknown precision."""
    from archdsl.analyses.choices import choose
    from archdsl.analyses.memory import PRECISIONS

    (width,) = choose("precision", [precision], PRECISIONS)
    return width


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def columns(names: Iterable[str]) -> list[Column]:
    """The columns of measures. Raises `CompileError` for names that are none."""
    from archdsl.analyses.choices import choose
    from archdsl.backends.sheet import Column
    from archdsl.studies.measures import MEASURES

    units: dict[str, Any] = {"B": "B", "px": "number", "": "count"}
    found = choose("column", names, MEASURES)
    return [Column(m.name, m.title, "number" if m.name == "layers" else units[m.unit]) for m in found]


def meanings(names: Iterable[str], precision: str) -> list[str]:
    """Notes on measures that could be misunderstood."""
    from archdsl.studies.measures import MEASURES

    about = [f"{name}: {MEASURES[name].about}" for name in names if name in ("live", "kept")]
    return [f"{'; '.join(about)}, {precision}"] if about else []


def format_of(format: str | None, output: Path | None) -> str:
    """The format that is asked for. Raises `CompileError` for an unknown one."""
    from archdsl.analyses.choices import choose
    from archdsl.backends.sheet import FORMATS

    name = format or (SUFFIXES.get(output.suffix, "text") if output else "text")
    choose("format", [name], FORMATS)
    return name


def put(sheet: Sheet, format: str, output: Path | None) -> None:
    """Prints a sheet, or writes it. Raises `CompileError` where it cannot be written."""
    from archdsl.backends.sheet import render
    from archdsl.files import write

    if output is None or output == Path("-"):
        print(render(sheet, format, width(), color=in_color(sys.stdout)), end="")
        return
    write({output: render(sheet, format)})
    print(f"wrote {output}")
