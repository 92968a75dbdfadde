"""A progress bar on standard error, where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from archdsl.cli.output import in_color

EVERY = 0.1
"""Seconds from one picture of the bar to the next."""


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Inside, a function to be told how many are done and how many there are."""
    if not in_color(sys.stderr):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    parts = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Without a thread of its own, so that processes can be forked meanwhile.
    with Progress(*parts, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=None)
        shown = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown >= EVERY or done == total:
                shown = now
                bar.update(task, completed=done, total=total, refresh=True)

        yield tell
