"""Measures one setting in all ways: each alone first, for memory and errors, then all in turns, for their time."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, inf
from pathlib import Path
from typing import Any

import torch
from cuda_record import OUT_OF_MEMORY, Row
from cuda_settings import FOLDED, OURS, THEIRS, WAY_OF, Setting, Way
from cuda_ways import PREPARED
from devices import Device, is_out_of_memory
from interleaving import interleaved
from records import said
from torch import Tensor, nn

import archdsl
from archdsl.analyses.measures import summarize
from archdsl.analyses.summary import Basis
from archdsl.backends.torch.extras import NONE
from archdsl.backends.torch.load import load
from archdsl.frontends.references import build
from archdsl.outputs import inference_written
from archdsl.prove.numbers import difference, randomize, tensors

SAMPLE = 8
"""With so many images outputs are compared with those in double precision."""

LOG = Path(__file__).parent.parent / "build" / "bench_cuda.log"

RATE = 1e-12

TURNS = 1.5
"""So much longer than they should take all turns may take before time is over."""


@dataclass
class Begun:
    """Said before a way is prepared: if nothing follows, it has ended the process."""

    way: str


@dataclass(eq=False)
class Ready:
    """A way that runs: its row so far, how often it is called in a round, and how many seconds all rounds take."""

    row: Row
    run: Callable[[], object]
    calls: int
    lasts: float
    failed: str = ""

    def __call__(self) -> None:
        self.run()


class Modules:
    """The modules of a setting's network, all with the same weights, in single precision on the CPU."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.network = archdsl.load(setting.spec)

    @cached_property
    def theirs(self) -> nn.Module:
        module = build(self.setting.reference)
        randomize(module)
        return module

    @cached_property
    def ours(self) -> nn.Module:
        if self.setting.reference:
            made: nn.Module = self.network.load_weights(self.theirs.state_dict(), from_=self.setting.reference)
        else:
            made = self.network.module()
            randomize(made)
        return made

    @cached_property
    def folded(self) -> nn.Module:
        written = inference_written(self.network.graph, NONE)
        made: nn.Module = getattr(load(written.text), written.name)().load(self.ours.eval().state_dict())
        return made

    def of(self, way: Way) -> nn.Module:
        """A copy of the module that a way runs, for its task."""
        found = {OURS: lambda: self.ours, FOLDED: lambda: self.folded, THEIRS: lambda: self.theirs}[way.module]()
        return deepcopy(found).train(self.setting.task == "training")

    def exact(self, images: Tensor) -> list[Tensor]:
        """The outputs in double precision, in evaluation."""
        public = self.theirs if self.setting.reference else self.ours
        return tensors(deepcopy(public).to(images.device).double().eval()(images.double()))

    def bound(self, device: Device) -> float | None:
        """The least seconds of inference on the device if neighbouring ops are computed together; None if unknown."""
        machine = device.machine()
        if machine is None or self.setting.task != "inference":
            return None
        basis = Basis(precision=device.precision, batch=self.setting.batch, machine=machine)
        bound: float = summarize(self.network.graph, basis).total.fused
        return bound


def measured(setting: Setting, device: Device, ways: Sequence[Way], until: float = inf) -> Iterator[Begun | Row]:
    """The rows of a setting, and before each way is prepared a word of it.

    What fails is a row at once, and the next way follows. Those that run are measured in turns at the end, by the time
    `until` of `time.monotonic`: a way that is not prepared when that has to begin is given up.
    """
    _set_up_pytorch()
    with torch.set_grad_enabled(setting.task == "training"):
        trial = _Trial(setting, device)
        ready: list[Ready] = []
        with suppress(TooLate):
            for way in ways:
                yield Begun(way.name)
                with at_most(until - time.monotonic() - TURNS * sum(one.lasts for one in ready) - 1):
                    found = trial.ready(way)
                if isinstance(found, Ready):
                    ready.append(found)
                else:
                    yield found
        yield Begun("")
        yield from in_turns(ready, device)


class TooLate(BaseException):
    """Raised where work is when its time is over. No compiler takes it for an error of its own."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises `TooLate` in what takes longer."""

    def late(*_: object) -> None:
        raise TooLate

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds) if seconds < inf else 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _set_up_pytorch() -> None:
    """cuDNN chooses the fastest convolutions, and compilers keep each block: they would keep eight of a class."""
    torch._dynamo.config.cache_size_limit = 1000
    torch._dynamo.config.accumulated_cache_size_limit = 10_000
    torch.backends.cudnn.benchmark = True
    torch._dynamo.reset()


class _Trial:
    """What all ways of a setting have in common."""

    def __init__(self, setting: Setting, device: Device) -> None:
        self.setting, self.device = setting, device
        self.modules = Modules(setting)
        dims = self.modules.network.graph.inputs[0].output.dims
        images = torch.randn(setting.batch, *dims, generator=torch.Generator().manual_seed(0)).to(device.dtype)
        self.images = images.to(device.name, memory_format=torch.channels_last)
        self.empty = Row(
            device.card(),
            device.versions(),
            setting.spec,
            setting.task,
            setting.batch,
            precision=device.precision,
            bound=self.modules.bound(device),
        )

    @cached_property
    def exact(self) -> list[Tensor]:
        return self.modules.exact(self.images[:SAMPLE])

    def ready(self, way: Way) -> Ready | Row:
        """The way as it runs, or a row that says why it does not."""
        row = replace(self.empty, way=way.name)
        try:
            return self._ready(way, row)
        except Exception as error:  # of PyTorch, a compiler or a driver: a row that says so, and no end
            return replace(row, failed=failure(error))

    def _ready(self, way: Way, row: Row) -> Ready:
        # What all ways share is there before the clock and the memory of this one are read.
        exact = self.exact if self.setting.task == "inference" else []
        module = self.modules.of(way)
        before, begin = self.device.held(), time.perf_counter()
        run = self._run(way, module)
        results: list[object] = []
        self.device.seconds(lambda: results.append(run()))
        row.ready_seconds = time.perf_counter() - begin
        if exact:
            found = [output[:SAMPLE].double() for output in tensors(results.pop())]
            row.error = max(difference(*pair) for pair in zip(found, exact, strict=True))
            del found
        # CUDA graphs are recorded in the second call, which takes their memory.
        peaks = [self.device.peak(run) for _ in range(3)]
        row.peak_bytes = max((peak - before for peak in peaks if peak is not None), default=None)
        row.kernels = self.device.kernels(run)
        begin = time.perf_counter()
        once = self.device.seconds(run)
        passed = time.perf_counter() - begin
        calls = max(1, ceil(self.device.least / max(once, 1e-6)))
        return Ready(row, run, calls, calls * passed * (self.device.rounds + 1))

    def _run(self, way: Way, module: nn.Module) -> Callable[[], object]:
        prepare = PREPARED[way.how]
        module = module.to(self.device.name, memory_format=torch.channels_last)
        if self.setting.task == "inference":
            forward = prepare(module.to(self.device.dtype), self.images, self.device)
            return lambda: forward(self.images)
        return training_step(module, prepare(module, self.images, self.device), self.images, self.device)


def training_step(
    module: nn.Module, forward: Callable[[Tensor], Any], images: Tensor, device: Device
) -> Callable[[], object]:
    """A step of stochastic gradient descent with momentum: weights in single precision, the rest in the device's.

    The loss is the mean square of all outputs, which takes next to no time of its own. The rate is so small that
    weights stay in range over any number of steps.
    """
    optimizer = torch.optim.SGD(module.parameters(), lr=RATE, momentum=0.9)

    def step() -> None:
        with torch.autocast(device.name, device.dtype, enabled=device.dtype is not torch.float32):
            outputs = tensors(forward(images))
            loss = sum(
                (output.float().square().mean() for output in outputs), start=torch.zeros((), device=images.device)
            )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def in_turns(ready: Sequence[Ready], device: Device) -> Iterator[Row]:
    """The rows of ways that run, with the median time of each over rounds in which each runs once."""

    def seconds(one: Callable[[], object]) -> float:
        assert isinstance(one, Ready)
        if one.failed:
            return inf
        try:
            return device.seconds(one.run, one.calls)
        except Exception as error:  # memory may be less now than when it ran alone
            one.failed = failure(error)
            return inf

    taken = interleaved(ready, device.rounds, seconds) if ready else ()
    clocks = device.clocks()
    for one, median in zip(ready, taken, strict=True):
        yield replace(one.row, seconds=None if one.failed else median, clocks=clocks, failed=one.failed)


def failure(error: Exception) -> str:
    return OUT_OF_MEMORY if is_out_of_memory(error) else said(error)


def send_measured(
    send: Callable[[Any], None], setting: Setting, device: Callable[[], Device], ways: Sequence[str], until: float
) -> None:
    """Sends what is `measured` in the ways of these names, and None at the end. A process of its own does this.

    What compilers and drivers say meanwhile goes into `LOG`.
    """
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("a") as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
    for found in measured(setting, device(), [WAY_OF[name] for name in ways], until):
        send(found)
    send(None)
