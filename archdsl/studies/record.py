"""The CSV file that a sweep writes line by line, so that an interrupted sweep leaves only complete lines.

A row is identified by the spec, the digest of its text, and the settings. Rows that exist are not measured again.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic

KEY = ("spec", "digest")
PROBLEM = "problem"
"""The other columns: the first two and the last one."""


class Record:
    """The record of one sweep: `with Record(...) as record:`. Raises `CompileError` if the file cannot be used."""

    def __init__(self, path: Path, spec: tuple[str, str], settings: Sequence[str], measures: Sequence[str]) -> None:
        self.path = path
        self.spec = spec
        self.settings = tuple(settings)
        self.columns = (*KEY, *settings, *measures, PROBLEM)
        self.known: dict[tuple[str, ...], dict[str, str]] = {}
        """Rows that were in the file for this spec, by their settings."""
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
        rows = list(_rows(whole.decode("utf-8", "replace")))
        if rows and tuple(rows[0]) != self.columns:
            raise self._another(rows[0])
        if len(whole) < len(content):
            if not rows and not _is_start(content, self.columns):
                raise self._another([content.decode("utf-8", "replace")[:40]])
            os.ftruncate(self._file, len(whole))
        if not rows:
            self._write(self.columns)
        for row in rows[1:]:
            named = dict(zip(self.columns, row, strict=False))
            if len(row) == len(self.columns) and (named["spec"], named["digest"]) == self.spec:
                self.known[tuple(named[name] for name in self.settings)] = named

    def _another(self, header: Sequence[str]) -> CompileError:
        os.close(self._file)
        ours, theirs = ",".join(self.columns), ",".join(header)
        message = f"{self.path} holds another table: its columns are {theirs}, and this sweep's are {ours}"
        return CompileError([Diagnostic("another-table", message, help="name another file for this sweep")])

    def has(self, point: Mapping[str, str]) -> bool:
        return self._key(point) in self.known

    def row(self, point: Mapping[str, str]) -> dict[str, str]:
        """The row that the file already had for a setting."""
        return self.known[self._key(point)]

    def _key(self, point: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(point[name] for name in self.settings)

    def add(self, point: Mapping[str, str], measures: Mapping[str, Any], problem: str = "") -> None:
        """Writes one line, at once and as a whole."""
        values = {**dict(zip(KEY, self.spec, strict=True)), **point, **measures, PROBLEM: problem}
        self._write([str(values.get(name, "")) for name in self.columns])

    def _write(self, cells: Sequence[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([" ".join(cell.splitlines()) for cell in cells])
        data = line.getvalue().encode("utf-8", "replace")
        if os.write(self._file, data) < len(data):
            raise OSError(f"{self.path} cannot be written any further: is the disk full?")


def _opened(path: Path) -> int:
    """Opens a file for reading and appending. Raises `CompileError` if that is not possible."""
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "it is no regular file")
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise CompileError([Diagnostic("unwritable-file", message)]) from None


def _rows(text: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text))


def _is_start(content: bytes, columns: Sequence[str]) -> bool:
    """Whether a file without a complete line is the beginning of a header."""
    return ",".join(columns).encode().startswith(content)
