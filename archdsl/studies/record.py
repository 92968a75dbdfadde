"""The CSV file of a sweep. It is written line by line, so an interrupted sweep leaves only complete lines.

A row is identified by the spec, the digest of its text, and the settings. Rows in the file are not measured again.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from archdsl.analyses.measures import COMPARED
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.text import shown

KEY = ("spec", "digest")
PROBLEM = "problem"
"""The columns that are neither settings nor measures: `KEY` are the first two, `PROBLEM` is the last one."""


class Record:
    """The record of one sweep: `with Record(...) as record:`. Raises `CompileError` if the file cannot be used."""

    def __init__(self, path: Path, spec: tuple[str, str], settings: Sequence[str], measures: Sequence[str]) -> None:
        self.path = path
        self.spec = spec
        self.settings = tuple(settings)
        self.columns = (*KEY, *settings, *measures, PROBLEM)
        self.known: dict[tuple[str, ...], dict[str, str]] = {}
        """Rows for this spec that the file already had, by their settings."""
        self._file = _opened(path)
        self._begin()

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def _begin(self) -> None:
        """Reads the existing rows, or writes the header. An incomplete last line is removed."""
        with open(self._file, "rb", closefd=False) as file:
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        rows = [self._cells(number, line) for number, line in enumerate(_lines(whole), 1)]
        if rows and tuple(rows[0]) != self.columns:
            raise self._another(rows[0])
        if len(whole) < len(content):
            if not rows and not _is_start(content, self.columns):
                raise self._another([content.decode("utf-8", "replace")[:40]])
            os.ftruncate(self._file, len(whole))
        if not rows:
            self._write(self.columns)
        for number, row in enumerate(rows[1:], 2):
            if len(row) != len(self.columns):
                raise self._broken(number, f"has {len(row)} cells, and the table {len(self.columns)} columns")
            named = dict(zip(self.columns, row, strict=True))
            if (named["spec"], named["digest"]) == self.spec:
                self._check(number, named)
                self.known[tuple(named[name] for name in self.settings)] = named

    def _cells(self, number: int, line: str) -> list[str]:
        """The cells of a line. A record is always one line, so a line with an open quote is damaged."""
        try:
            (cells,) = csv.reader([line], strict=True)
        except (csv.Error, ValueError) as error:
            raise self._broken(number, f"is not a line of CSV ({error})") from None
        return cells

    def _check(self, number: int, row: Mapping[str, str]) -> None:
        """Raises `CompileError` if the cell of a measure is not a number, except in a row with a problem."""
        for name in self.columns:
            if name in COMPARED and not (_is_number(row[name]) or (row[PROBLEM] and not row[name])):
                raise self._broken(number, f"has `{shown(row[name], 60)}` for {name}, which is not a number")

    def _broken(self, number: int, what: str) -> CompileError:
        os.close(self._file)
        message = f"line {number} of {shown(str(self.path))} {what}"
        help = "correct that line, or name another file with -o"
        return CompileError([Diagnostic("broken-record", message, help=help)])

    def _another(self, header: Sequence[str]) -> CompileError:
        os.close(self._file)
        ours, theirs = ",".join(self.columns), shown(",".join(header))
        message = f"{shown(str(self.path))} holds another table: its columns are {theirs}, and this sweep's are {ours}"
        return CompileError([Diagnostic("another-table", message, help="name another file with -o")])

    def has(self, point: Mapping[str, str]) -> bool:
        """Whether the file already had a row for a point of the grid."""
        return self._key(point) in self.known

    def row(self, point: Mapping[str, str]) -> dict[str, str]:
        """The row that the file already had for a point of the grid."""
        return self.known[self._key(point)]

    def _key(self, point: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(point[name] for name in self.settings)

    def add(self, point: Mapping[str, str], measures: Mapping[str, Any], problem: str = "") -> None:
        """Writes the line of one point to the file at once, in one piece."""
        values = {**dict(zip(KEY, self.spec, strict=True)), **point, **measures, PROBLEM: problem}
        self._write([str(values.get(name, "")) for name in self.columns])

    def _write(self, cells: Sequence[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([" ".join(cell.splitlines()) for cell in cells])
        data = line.getvalue().encode("utf-8", "replace")
        if os.write(self._file, data) < len(data):
            raise OSError(f"{self.path} was not written completely: is the disk full?")


def _opened(path: Path) -> int:
    """Opens a file for reading and appending, and returns its descriptor. Raises `CompileError` if it cannot."""
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "it is not a regular file")
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError as error:
        message = f"{shown(str(path))} cannot be written: {error.strerror}"
        raise CompileError([Diagnostic("unwritable-file", message)]) from None


def _lines(content: bytes) -> list[str]:
    """The complete lines of a table. A byte-order mark and `\\r\\n`, with which other programs save, are accepted."""
    text = content.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    return text.split("\n")[:-1]


def _is_number(cell: str) -> bool:
    try:
        return isfinite(float(cell))
    except ValueError:
        return False


def _is_start(content: bytes, columns: Sequence[str]) -> bool:
    """Whether the content of a file without a complete line is the beginning of the header."""
    return ",".join(columns).encode().startswith(content)
