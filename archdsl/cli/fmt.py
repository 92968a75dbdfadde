"""`archdsl fmt`: writes specs in their canonical form."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli import SPEC_ERROR
from archdsl.cli.options import Format, FormatOption
from archdsl.cli.output import reporting
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.source import Source

PathsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="PATH", help="Files and folders; - formats standard input.", show_default=False),
]
CheckOption = Annotated[bool, typer.Option("--check", help="Write nothing; say which files would change.")]


def fmt(paths: PathsArgument, check: CheckOption = False, format: FormatOption = Format.TEXT) -> None:
    """Format specs. Comments are kept, and the meaning does not change.

    With --check nothing is written, and the exit code is 1 if a file would change.
    """
    from archdsl.diagnostics import CompileError

    changed: list[Path] = []
    files = 0
    with reporting(format) as report:
        for path in paths:
            if path == Path("-"):
                sys.stdout.write(_formatted(_standard_input()))
                report.result_printed = True
                continue
            for file in _specs(path):
                files += 1
                try:
                    if _format(file, check):
                        changed.append(file)
                        if report.verbose:
                            print(f"{'would format' if check else 'formatted'} {shown(str(file))}")
                except CompileError as error:
                    report.add(error.diagnostics)
    if files and report.verbose:
        print(f"{len(changed)} of {files} file{'s' if files != 1 else ''} {'would change' if check else 'changed'}")
    if check and changed:
        raise typer.Exit(SPEC_ERROR)


def _specs(path: Path) -> Iterator[Path]:
    """The file, or every spec in the folder. Raises `CompileError` for a folder without any."""
    if not path.is_dir():
        yield path
        return
    found = sorted(path.rglob("*.arch"))
    if not found:
        from archdsl.diagnostics import CompileError, Diagnostic

        raise CompileError([Diagnostic("file-not-found", f"there is no spec in {shown(str(path))}")])
    yield from found


def _format(file: Path, check: bool) -> bool:
    """Formats a file, or with `check` only compares. Returns whether its text differs from the canonical form.

    Raises `CompileError` where it cannot be read or parsed.
    """
    from archdsl.files import write_spec
    from archdsl.syntax.parser import read_source

    source = read_source(file, file.as_posix())
    text = _formatted(source)
    if text == file.read_bytes().decode():
        return False
    if not check:
        write_spec(file, text)
    return True


def _formatted(source: Source) -> str:
    from archdsl.syntax.parser import parse
    from archdsl.syntax.printer import format_spec

    return format_spec(parse(source))


def _standard_input() -> Source:
    from archdsl.syntax.parser import source_of

    return source_of(sys.stdin.buffer.read(), "standard input")
