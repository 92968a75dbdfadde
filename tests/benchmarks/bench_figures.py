"""How long drawing takes, beside `import torch`, and how it grows. `make bench` prints it; nothing is asserted."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from bench_compile import LARGE, large
from measure import at_most, exponent, report, rounds

from archdsl.backends.figures import FIGURES, draw

NETWORKS = (
    "lenet", "alexnet@single", "vgg@D", "googlenet", "resnet@50", "resnet@152", "densenet@121", "unet@2015", "nasnet",
    "mobilenet_v2", "efficientnet", "hourglass@8", "inception_resnet@v2",
)  # fmt: skip
"""Small and large ones, with branches, skips and deep nests."""
KINDS = tuple(name for name, figure in FIGURES.items() if figure.of == "graph")
GOAL = 0.5
TIMES = 3


def bench_figures_as_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole commands, beside the import of torch alone: the least of each, taken in turns."""
    monkeypatch.chdir(tmp_path)
    calls = [(name, kind) for name in NETWORKS for kind in KINDS]
    drawn = [["-m", "archdsl", "draw", name, "--figure", kind, "-o", "x.svg"] for name, kind in calls]
    theirs, *ours = (min(column) for column in zip(*rounds([["-c", "import torch"], *drawn], TIMES), strict=True))
    for (name, kind), mine in sorted(zip(calls, ours, strict=True), key=lambda pair: -pair[1]):
        report(f"{kind} of {name} / import torch, seconds of the processor", mine, theirs, GOAL)


@pytest.mark.parametrize("figure", KINDS)
@pytest.mark.parametrize("kind", LARGE)
def bench_growth_of_figures(kind: str, figure: str) -> None:
    """The power with which drawing grows, from a quarter of the size to all of it."""
    _, count = LARGE[kind]
    sizes = count // 4, count // 2, count
    taken, power = exponent(lambda n: partial(draw, large(kind, n), figure), sizes)
    told = ", ".join(f"{seconds:.2f}" for seconds in taken)
    print(f"{figure} of {count // 4:,} to {count:,} {kind}: {told} s, exponent {power:.2f} {at_most(1.15, power)}")
