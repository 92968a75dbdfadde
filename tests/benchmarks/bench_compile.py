"""How long compiling takes, as ratios within one run. `make bench` prints them; nothing is asserted on time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import pytest
import torch
from archdsl.backends.table import Request, build, render
from measure import deep, exponent, medians, report, rounds, seconds

from archdsl.backends.figures import draw
from archdsl.backends.torch.load import load, module
from archdsl.backends.torch.source import source
from archdsl.driver import Limits, collection_paused, compile_network
from archdsl.ir.graph import Graph
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source

COMMANDS = {
    "check specs/resnet.arch": 0.2,
    "table specs/resnet.arch": 0.24,
    "compile specs/efficientnet.arch --phi 3": 0.3,
    "list": 0.25,
}
"""Each with what it may take of the time of `import torch`."""


def bench_commands_as_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole commands, beside the import of torch alone."""
    monkeypatch.chdir(tmp_path)
    Path("specs").symlink_to(specs_folder())
    taken = rounds([["-c", "import torch"], *(["-m", "archdsl", *command.split()] for command in COMMANDS)])
    theirs, *ours = medians(taken)
    for (command, goal), mine in zip(COMMANDS.items(), ours, strict=True):
        report(f"archdsl {command} / import torch, seconds of the processor", mine, theirs, goal)


HEAD = "network N:\n    input image: 3 x 64 x 64\n"


def stages(count: int) -> str:
    return HEAD + "".join(f"    stage s{i}: conv(8, 3) -> bn -> relu\n" for i in range(count))


def branches(count: int) -> str:
    return f"{HEAD}    stage s: concat{{{' | '.join(['conv(4, 1)'] * count)}}}\n"


def layers(count: int) -> str:
    return f"{HEAD}    stage s:\n        repeat {count}:\n            conv(8, 3) -> relu\n"


LARGE = {"stages": (stages, 5000), "branches": (branches, 3000), "layers": (layers, 50_000)}
OUTPUTS: dict[str, Callable[[Graph], object]] = {
    "source": source,
    "overview": draw,
    "table": lambda graph: render(build(graph, Request()), "text"),
}
"""What is made of them, each of which should grow as they do."""


@lru_cache(maxsize=2)
def large(kind: str, count: int) -> Graph:
    write, _ = LARGE[kind]
    return compile_network(resolve(Source(f"{count}.arch", write(count))), limits=Limits(steps=10**7)).graph


@pytest.mark.parametrize("output", ["graph", *OUTPUTS])
@pytest.mark.parametrize("kind", LARGE)
def bench_growth(kind: str, output: str) -> None:
    """The power with which the time grows over a tenfold size, from text to graph and from graph to each output."""
    _, count = LARGE[kind]
    sizes = count // 10, count
    if output == "graph":
        large.cache_clear()
        taken, power = exponent(lambda n: partial(large, kind, n), sizes)
    else:
        taken, power = exponent(lambda n: partial(OUTPUTS[output], large(kind, n)), sizes)
    what = f"{output} of {sizes[0]:,} and {sizes[1]:,} {kind}"
    print(f"{what}: {taken[0]:.2f} and {taken[1]:.2f} s, exponent {power:.2f} (goal: at most 1.15)")


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
