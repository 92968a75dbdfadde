"""The record of networks on graphics cards: `docs/benchmarks.csv`, which `make bench-cuda` measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from records import read, write

RECORD = Path(__file__).parent.parent / "docs" / "benchmarks.csv"


OUT_OF_MEMORY = "out of memory"
"""What a way says that has failed for that."""


class Key(NamedTuple):
    """What a row is about."""

    card: str
    network: str
    task: str
    batch: int
    way: str


@dataclass
class Row:
    """What was measured of a network in one way of running it.

    `seconds` are the median of a call, or of a training step, and `bound` those that inference takes at least. `error`
    is the largest difference of outputs from those in double precision, relative to the largest output.
    `peak_bytes` are those of weights, values and whatever else it holds, but for the images. `ready_seconds` pass until
    a way has run, compilation included. A number that is missing is not known on that device, or was not measured,
    since the way has `failed`, in the words of the error.
    """

    card: str
    versions: str
    network: str
    task: str
    batch: int
    way: str = ""
    precision: str = ""
    seconds: float | None = None
    peak_bytes: int | None = None
    kernels: int | None = None
    error: float | None = None
    bound: float | None = None
    ready_seconds: float | None = None
    clocks: str = ""
    failed: str = ""

    @property
    def key(self) -> Key:
        return Key(self.card, self.network, self.task, self.batch, self.way)


class Record:
    """The rows of a table, by what they are about. Each new one is in the file at once."""

    def __init__(self, table: Path = RECORD) -> None:
        self.table = table
        self.rows = {row.key: row for row in read(Row, table)}

    def add(self, row: Row) -> None:
        self.rows[row.key] = row
        self._write()

    def forget(self, card: str, texts: Sequence[str]) -> None:
        """Drops the rows of a card of networks with one of these texts in their name."""
        self.rows = {
            key: row
            for key, row in self.rows.items()
            if key.card != card or not any(text in key.network for text in texts)
        }
        self._write()

    def _write(self) -> None:
        write(Row, self.rows.values(), self.table)
