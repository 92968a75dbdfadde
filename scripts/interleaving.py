"""Ways of doing the same, measured in turns: a machine that slows down slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

Run = Callable[[], object]


def processor_time(run: Run) -> float:
    """Seconds of the processor that this process takes for a run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def interleaved(runs: Sequence[Run], times: int, seconds: Callable[[Run], float] = processor_time) -> tuple[float, ...]:
    """The median `seconds` of each run, taken in turns; a first round, which fills caches, is not counted."""
    taken = [[seconds(run) for run in runs] for _ in range(times + 1)]
    return tuple(medians(taken[1:]))


def medians(taken: Sequence[Sequence[float]]) -> list[float]:
    """The median of each column."""
    return [median(column) for column in zip(*taken, strict=True)]
