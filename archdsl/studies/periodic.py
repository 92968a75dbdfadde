"""Sets of sizes with a period, such as `16·k + 12`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pattern:
    """The sizes whose remainder on division by `period` is one of `remainders`."""

    period: int
    remainders: tuple[int, ...]

    def __contains__(self, size: int) -> bool:
        return size % self.period in self.remainders

    @property
    def is_everything(self) -> bool:
        """Whether every size belongs to the pattern."""
        return len(self.remainders) == self.period

    def __str__(self) -> str:
        """`16·k + 12`, `a multiple of 8`, `4·k + 1 or 2`; if few sizes are missing, these are named as exceptions."""
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
    """The pattern with the shortest period that successive sizes follow; None if there is no period up to `longest`.

    `found` says for each size whether it belongs to the set; it must have at least twice `longest` sizes.
    """
    sizes = sorted(found)
    for period in range(1, longest + 1):
        if all(found[size] == found[size + period] for size in sizes if size + period in found):
            remainders = sorted({size % period for size in sizes[:period] if found[size]})
            return Pattern(period, tuple(remainders))
    return None


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The first and the last number of each run of successive numbers."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def listed(numbers: Iterable[int], most: int = 8) -> str:
    """Numbers in words: `1, 2 or 5`, `0 to 7 or 12`; only the first ones if there are more than `most`."""
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in runs(numbers)]
    if len(texts) > most:
        texts = [*texts[:most], f"{len(texts) - most} more"]
    return _joined(texts)


def _joined(texts: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])) if texts else ""
