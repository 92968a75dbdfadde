"""What the tests of clusters let workers do. It imports little, since each worker imports it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from archdsl.resolve.resolve import resolve
from archdsl.source import Source
from archdsl.studies.ranges import Point
from archdsl.studies.subject import Subject
from archdsl.studies.trial import Trial, Trier

NET = """\
network Net:
    param width: int = 8
    require width % 8 == 0 "an eight in every width"
    input image: 3 x 32 x 32
    conv(width, 3) -> relu
"""


@cache
def subject() -> Subject:
    """The network of `NET`. It is not read before a test asks for it: only then have tests a cache of their own."""
    return Subject(resolve(Source("net.arch", NET)))


@dataclass(frozen=True)
class Logged:
    """Measures points, and writes down beforehand which process measures which width."""

    log: Path
    measures: tuple[str, ...] = ("params",)
    coefficients: tuple[str, ...] = ()

    def __call__(self, point: Point) -> Trial:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()} {point['width']}\n")
        time.sleep(0.004)
        return Trier(subject(), self.measures)(point)

    @property
    def entries(self) -> list[tuple[int, str]]:
        """Processes and widths, in the order in which they began."""
        lines = [line.split() for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return [(int(process), width) for process, width in lines]


class Missing:
    """What only an archdsl with more modules can read."""

    def __reduce__(self) -> Any:
        return import_module, ("archdsl.of_tomorrow",)

    def __call__(self, item: int) -> int:
        return item


def die(item: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return item


def divided(item: int) -> float:
    return 1 / item
