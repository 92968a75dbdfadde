"""Sets of sizes that repeat: `16·k + 12, at least 188`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pattern:
    """The sizes whose remainders by `period` are among `remainders`."""

    period: int
    remainders: tuple[int, ...]

    def __contains__(self, size: int) -> bool:
        return size % self.period in self.remainders

    @property
    def is_everything(self) -> bool:
        return len(self.remainders) == self.period

    def __str__(self) -> str:
        """`16·k + 12`, `a multiple of 8`, `4·k + 1 or 2`; where nearly all sizes belong, the exceptions are named."""
        if self.is_everything:
            return "any size"
        if not self.remainders:
            return "no size"
        if 2 * len(self.remainders) > self.period:
            rest = tuple(r for r in range(self.period) if r not in self.remainders)
            return f"anything but {Pattern(self.period, rest)}"
        if self.remainders == (0,):
            return f"a multiple of {self.period}"
        return f"{self.period}·k + {listed(self.remainders)}"


def pattern(found: Mapping[int, bool], longest: int) -> Pattern | None:
    """The shortest pattern that successive sizes follow; at least twice `longest` of them must have been tried.

    None if they have no period up to `longest`.
    """
    sizes = sorted(found)
    for period in range(1, longest + 1):
        if all(found[size] == found[size + period] for size in sizes if size + period in found):
            remainders = sorted({size % period for size in sizes[:period] if found[size]})
            return Pattern(period, tuple(remainders))
    return None


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of successive numbers."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def listed(numbers: Iterable[int], most: int = 8) -> str:
    """`1, 2 or 5`, `0 to 7 or 12`; only the first ones if there are very many."""
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in runs(numbers)]
    if len(texts) > most:
        texts = [*texts[:most], f"{len(texts) - most} more"]
    return _joined(texts)


def _joined(texts: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])) if texts else ""
