"""How long compiling takes, as ratios within one run. `make bench` prints them; nothing is asserted on time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import pytest
import torch
from interleaving import medians
from measure import at_most, deep, exponent, processor_seconds, report, rounds, seconds

from archdsl import load as loaded
from archdsl.backends.figures import draw
from archdsl.backends.tables import render
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.request import Request
from archdsl.backends.torch.load import load, module
from archdsl.backends.torch.schedule import emitted
from archdsl.backends.torch.source import source
from archdsl.driver import Limits, collection_paused, compile_network
from archdsl.ir.graph import Graph
from archdsl.resolve.resolve import resolve
from archdsl.source import Source

COMMANDS = {
    "check resnet": 0.2,
    "table resnet@50": 0.24,
    "compile efficientnet --phi 3 -o x.py": 0.3,
    "list": 0.25,
}
"""Each with what it may take of the time of `import torch`."""


def bench_commands_as_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole commands, beside the import of torch alone."""
    monkeypatch.chdir(tmp_path)
    taken = rounds([["-c", "import torch"], *(["-m", "archdsl", *command.split()] for command in COMMANDS)])
    theirs, *ours = medians(taken)
    for (command, goal), mine in zip(COMMANDS.items(), ours, strict=True):
        report(f"archdsl {command} / import torch, seconds of the processor", mine, theirs, goal)


EMITTED = {"resnet@152": 0.04, "densenet@201": 0.06, "efficientnet@b7": 0.07, "nasnet": 0.08}
"""Each with what writing its source may take of the time of `import torch`."""


@pytest.mark.parametrize("name", EMITTED)
def bench_source_of_the_gallery(name: str) -> None:
    """From graph to text, beside the import of torch alone."""
    graph = loaded(name).graph
    theirs = min(processor_seconds("-c", "import torch") for _ in range(3))
    with collection_paused():
        ours = seconds(lambda: source(graph), 7)
    report(f"source of {name} / import torch, seconds", ours, theirs, EMITTED[name])


HEAD = "network N:\n    input image: 3 x 64 x 64\n"


def stages(count: int) -> str:
    return HEAD + "".join(f"    stage s{i}: conv(8, 3) -> bn -> relu\n" for i in range(count))


def branches(count: int) -> str:
    return f"{HEAD}    stage s: concat{{{' | '.join(['conv(4, 1)'] * count)}}}\n"


def layers(count: int) -> str:
    return f"{HEAD}    stage s:\n        repeat {count}:\n            conv(8, 3) -> relu\n"


def written(count: int) -> str:
    return f"{HEAD}    stage s:\n" + "        conv(8, 3) -> relu\n" * count


def copies(count: int) -> str:
    block = "block Unit(width):\n    add:\n        | conv(width, 3) -> bn -> relu\n        | it\n    relu\n"
    return f"{HEAD}    stage s: conv(8, 3) -> Unit(8) * {count}\n{block}"


LARGE = {
    "stages": (stages, 5000),
    "branches": (branches, 3000),
    "layers in a loop": (layers, 50_000),
    "layers written out": (written, 20_000),
    "copies of a block": (copies, 10_000),
}
OUTPUTS: dict[str, Callable[[Graph], object]] = {
    "source": source,
    "overview": draw,
    "table": lambda graph: render("text", build(graph, Request(), schedule=emitted)),
}
"""What is made of them, each of which should grow as they do."""


@lru_cache(maxsize=2)
def large(kind: str, count: int) -> Graph:
    write, _ = LARGE[kind]
    return compile_network(resolve(Source(f"{count}.arch", write(count))), limits=Limits(steps=10**7)).graph


@pytest.mark.parametrize("output", ["graph", *OUTPUTS])
@pytest.mark.parametrize("kind", LARGE)
def bench_growth(kind: str, output: str) -> None:
    """The power with which the time grows from half the size, from text to graph and from graph to each output."""
    _, count = LARGE[kind]
    sizes = count // 2, count
    if output == "graph":
        large.cache_clear()
        taken, power = exponent(lambda n: partial(large, kind, n), sizes)
    else:
        taken, power = exponent(lambda n: partial(OUTPUTS[output], large(kind, n)), sizes)
    what = f"{output} of {sizes[0]:,} and {sizes[1]:,} {kind}"
    print(f"{what}: {taken[0]:.2f} and {taken[1]:.2f} s, exponent {power:.2f} {at_most(1.15, power)}")


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
