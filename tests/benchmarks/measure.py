"""What the benchmarks share: a network of any depth, the clock, and how a ratio is printed."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from math import log

from archdsl.driver import compile_network
from archdsl.ir.graph import Graph
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source

DEEP = """\
from blocks.residual import Bottleneck

network Deep:
    input image: 3 x 64 x 64
    stage conv1: conv(64, 7, stride=2) -> bn -> relu
    stage conv2: Bottleneck(16) * 3
    stage conv3: Bottleneck(32) * {count} first(stride=2)
    stage conv4: Bottleneck(64) * 3 first(stride=2)
    stage head: global_avg_pool -> flatten -> linear(10)
"""

PEAK = """
import re
from pathlib import Path
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""
"""Code that prints the MiB that its process has held at most."""


def deep(layers: int) -> Graph:
    """A residual network of about `layers` weighted layers, from text to verified graph."""
    count = (layers - 2) // 3 - 6
    return compile_network(resolve(Source("deep.arch", DEEP.format(count=count)), specs_folder())).graph


def seconds(run: Callable[[], object], times: int = 3) -> float:
    """The least of several runs: whatever else the machine does only adds to it."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def process(*words: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


def beside(*runs: Callable[[], object], times: int = 7) -> tuple[float, ...]:
    """The least of each, taken in turns, so that a machine that slows down slows all of them."""
    taken = [[seconds(run, 1) for run in runs] for _ in range(times)]
    return tuple(map(min, zip(*taken, strict=True)))


def processor_seconds(*words: str) -> float:
    """What a whole Python process takes of the processor, which others on the machine change little.

    Bytecode is kept as it is wherever archdsl is installed, whatever the environment says here.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rounds(processes: Sequence[Sequence[str]], times: int = 9) -> list[list[float]]:
    """The seconds of each process, taken in turns; a first round, which fills caches, is not counted."""
    return [[processor_seconds(*words) for words in processes] for _ in range(times + 1)][1:]


def exponent(run: Callable[[int], Callable[[], object]], sizes: Sequence[int]) -> tuple[list[float], float]:
    """Processor seconds at each size, and the power of the size with which they grow from the first to the last.

    `run` makes what is measured, for one size. The collector is off, as it is while a network is compiled.
    """
    taken = []
    for size in sizes:
        measured = run(size)
        gc.collect()
        gc.disable()
        start = time.process_time()
        measured()
        taken.append(time.process_time() - start)
        gc.enable()
    return taken, log(taken[-1] / taken[0]) / log(sizes[-1] / sizes[0])


def report(what: str, ours: float, theirs: float, goal: float) -> None:
    print(f"{what}: {ours:.3f} / {theirs:.3f} = {ours / theirs:.3f} {at_most(goal, ours / theirs)}")


def at_most(goal: float, found: float) -> str:
    """The goal in brackets, and whether it is missed."""
    return f"(goal: at most {goal:g}{'' if found <= goal else ', MISSED'})"
