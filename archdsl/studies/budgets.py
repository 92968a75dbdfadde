"""Reads budgets such as `--macs 1.8G` and `--memory 50MB`: the most that a measure may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from archdsl.analyses.measures import LIMITED, Measure
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.source import Source, Span

AMOUNT = re.compile(r"\s*(?P<number>(\d[\d_]*(\.\d+)?|\.\d+)(e\+?\d{1,2})?)\s*(?P<unit>\D*)", re.I)

COUNTS: Mapping[str, int] = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

BYTES: Mapping[str, int] = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("KMGT", 1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", 1)},
}

WORDS: Mapping[str, str] = {"params": "parameters"}
"""What may follow a count instead of the measure's name, as in 25M parameters."""

EXAMPLES: Mapping[str, str] = {"macs": "1.8G", "flops": "3.6G"}
"""Amounts for messages and help texts, of a usual size."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a measure may be: the `limit`, a count or bytes, and the text that was `written`."""

    measure: Measure
    limit: float
    written: str


def budget(option: str, text: str) -> Budget:
    """The budget that the text of an option, one of `LIMITED`, sets. Raises `CompileError` if it is no such amount.

    >>> budget("macs", "1.8G").limit, budget("memory", "1.5 MiB").limit, budget("params", "25_000").limit
    (1800000000.0, 1572864.0, 25000.0)
    """
    measure = LIMITED[option]
    match = AMOUNT.fullmatch(text)
    if match is None:
        raise _wrong(option, text, f"`{text}` is not an amount: write a number with a unit, such as {example(measure)}")
    number, unit = Decimal(match["number"]), "".join(match["unit"].split())
    if not number:
        raise _wrong(option, text, f"no network meets a budget of 0; write one such as {example(measure)}")
    factor = _bytes(option, text, unit) if measure.unit == "bytes" else _count(option, text, unit)
    return Budget(measure, float(number * factor), text.strip())


def _count(option: str, text: str, unit: str) -> int:
    measure = LIMITED[option]
    words = (measure.name, measure.name.removesuffix("s"), WORDS.get(measure.name, measure.name))
    letters = re.sub(rf"({'|'.join(map(re.escape, words))})$", "", unit, flags=re.I)
    if letters.upper() in COUNTS:
        return COUNTS[letters.upper()]
    help = f"write {example(measure)}"
    if option == "macs" and re.fullmatch(r"[kmgt]?flops?", unit, re.I):
        help = "one multiply-add is two FLOPs: halve the number, or give --flops"
    elif unit in BYTES:
        *others, last = (f"--{name}" for name, limited in LIMITED.items() if limited.unit == "bytes")
        help = f"{', '.join(others)} and {last} are in bytes"
    raise _wrong(option, text, f"--{option} counts {measure.about}: `{unit}` is not one of K, M, G and T", help)


def _bytes(option: str, text: str, unit: str) -> int:
    if unit in BYTES:
        return BYTES[unit]
    number = AMOUNT.fullmatch(text)
    assert number is not None
    prefix = unit.upper().rstrip("B").rstrip("I") if unit else "M"
    found = f"`{unit}` is no unit of memory" if unit else f"`{text.strip()}` has no unit"
    help = f"write {number['number']}{prefix}B (powers of 1000) or {number['number']}{prefix}iB (powers of 1024)"
    raise _wrong(
        option, text, f"--{option} is in bytes, and {found}: B, KB, MB, GB, TB, KiB, MiB, GiB, TiB", help
    ) from None


def example(measure: Measure) -> str:
    """An example of an amount of a measure, as the user may write it."""
    return EXAMPLES.get(measure.name, "50MB" if measure.unit == "bytes" else "25M")


def _wrong(option: str, text: str, message: str, help: str | None = None) -> CompileError:
    span = Span(Source(f"--{option}", text), 0, len(text))
    return CompileError([Diagnostic("bad-budget", message, span, help=help)])
