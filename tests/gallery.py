"""What was measured of public implementations, beside the table of those that a spec is the same network as."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from archdsl.counterparts import COUNTERPARTS, WITHOUT_SPEC, Counterpart

__all__ = ["COUNTERPARTS", "WITHOUT_SPEC", "Counterpart", "Measured", "measured"]

NETWORKS = Path(__file__).parent / "data" / "networks.csv"


@dataclass(frozen=True, slots=True)
class Measured:
    """One row of `networks.csv`: learned numbers, kept ones, multiply-adds at `input` (channels first)."""

    reference: str
    input: tuple[int, ...]
    params: int
    buffers: int
    macs: int


def measured() -> dict[str, Measured]:
    """The rows of `networks.csv` by reference."""
    with NETWORKS.open(newline="") as file:
        rows = [_measured(row) for row in csv.DictReader(file)]
    return {row.reference: row for row in rows}


def _measured(row: dict[str, str]) -> Measured:
    base, plus, part = row["system"].partition("+")
    return Measured(
        f"{row['reference']}:{base}{plus}{part}",
        tuple(map(int, row["input"].split("x"))),
        int(row["params"]),
        int(row["buffers"]),
        int(row["macs"]),
    )
