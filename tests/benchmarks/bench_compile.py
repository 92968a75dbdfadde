"""How long compiling takes, as ratios within one run. `make bench` prints them; nothing is asserted on time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import torch
from measure import beside, deep, process, report, seconds

from archdsl.backends.torch.load import load, module
from archdsl.backends.torch.source import source
from archdsl.driver import collection_paused


def bench_check_as_a_process() -> None:
    """A whole `archdsl check` beside the import of torch alone."""
    ours, theirs = beside(process("-m", "archdsl", "check", "resnet"), process("-c", "import torch"))
    report("archdsl check resnet / import torch, seconds", ours, theirs, 0.4)


def bench_a_thousand_layers_against_export() -> None:
    """Text to source of 1,004 layers, beside torch.export of the module that comes out."""
    ours = seconds(lambda: source(deep(1004)))
    net = module(deep(1004), device="meta").eval()
    image = (torch.randn(1, 3, 64, 64, device="meta"),)
    theirs = seconds(lambda: torch.export.export(net, image), 1)
    report("1,004 layers to source / torch.export, seconds", ours, theirs, 0.1)


def bench_ten_times_as_deep() -> None:
    """Time and memory of 10,000 layers over those of 1,000."""
    small, large = (seconds(lambda n=n: source(deep(n))) for n in (1000, 10_000))
    report("10,000 / 1,000 layers, seconds", large, small, 12)
    small, large = (peak(lambda n=n: source(deep(n))) for n in (1000, 10_000))
    report("10,000 / 1,000 layers, MiB", large, small, 12)


def peak(run: Callable[[], object]) -> float:
    """MiB that Python holds at most."""
    tracemalloc.start()
    with collection_paused():
        run()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size / 2**20


def bench_import_of_the_module() -> None:
    """Loading and building the emitted module of 10,000 layers over one of 1,000."""
    texts = [source(deep(n)) for n in (1000, 10_000)]
    print(f"source of 1,000 and 10,000 layers, characters: {len(texts[0])}, {len(texts[1])}")

    def build(text: str) -> None:
        with torch.device("meta"):
            load(text).Deep()

    small, large = (seconds(lambda t=text: build(t)) for text in texts)
    report("building 10,000 / 1,000 layers, seconds", large, small, 12)
