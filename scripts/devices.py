"""What benchmarks ask of a device: its clock, its memory, how many kernels it runs, and what to write down about it."""

from __future__ import annotations

import gc
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from cuda_settings import LEAST_SECONDS, ROUNDS
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from archdsl.analyses.machine import MACHINES, Machine

Run = Callable[[], object]

CARDS = {
    "NVIDIA H200": "h200",
    "NVIDIA H100 80GB HBM3": "h100",
    "NVIDIA A100-SXM4-80GB": "a100",
}
"""Cards by the names that CUDA gives them, and the machine of the roofline that each is."""

PACKAGES = ("torch", "torchvision", "triton", "torch_tensorrt")


class Device(ABC):
    """A device that networks run on.

    `precision` is the one that they are measured in, `backend` what torch.compile compiles with. A measurement lasts
    at least `least` seconds, and is repeated in `rounds` rounds.
    """

    name: str
    precision: str
    dtype: torch.dtype
    backend: str
    rounds: int
    least: float

    @abstractmethod
    def card(self) -> str:
        """Its name, as its maker writes it."""

    @abstractmethod
    def clocks(self) -> str:
        """How fast it runs at the moment."""

    @abstractmethod
    def missing(self) -> str:
        """What is missing here to measure on it, and what installs that; "" if nothing is."""

    @abstractmethod
    def seconds(self, run: Run, calls: int = 1) -> float:
        """Seconds of a call, on average of `calls` calls one after the other."""

    @abstractmethod
    def held(self) -> int:
        """Bytes that tensors hold now; 0 where that is not known."""

    @abstractmethod
    def peak(self, run: Run) -> int | None:
        """Bytes that tensors hold at most during a run, with those that were there before; None if not known."""

    @abstractmethod
    def kernels(self, run: Run) -> int | None:
        """How many kernels a run starts on the device; None where the profiler sees none."""

    @abstractmethod
    def recorded(self, run: Run) -> Run:
        """The run as one graph of all its kernels, which is recorded in its second call; itself where there is none."""

    def machine(self) -> Machine | None:
        """The machine that its bounds are computed for; None if its numbers are not known."""
        return MACHINES[CARDS[self.card()]] if self.card() in CARDS else None

    def versions(self) -> str:
        """Those of what computes: `torch 2.13.0, torchvision 0.28.0`."""
        return ", ".join(self._versions())

    def _versions(self) -> Iterator[str]:
        for package in PACKAGES:
            try:
                yield f"{package} {version(package)}"
            except PackageNotFoundError:
                continue


class Cuda(Device):
    """The first graphics card that PyTorch sees. Times are those between two events on the card."""

    name, precision, dtype, backend, rounds, least = "cuda", "bf16", torch.bfloat16, "inductor", ROUNDS, LEAST_SECONDS

    def card(self) -> str:
        return torch.cuda.get_device_name()

    def clocks(self) -> str:
        asked = "clocks.sm,clocks.max.sm,clocks.mem,power.limit"
        return _asked(asked, "{} of {} MHz, memory {} MHz, limit {} W") or "unknown: there is no nvidia-smi"

    def missing(self) -> str:
        if torch.cuda.is_available():
            return ""
        if torch.version.cuda is None and torch.version.hip is None:
            return (
                f"PyTorch {torch.__version__} is built for CPUs alone; install a build for CUDA: "
                "https://pytorch.org/get-started/locally/ has the command"
            )
        return (
            "PyTorch sees no CUDA device; that takes an NVIDIA card and its driver, and `nvidia-smi` has to list it: "
            "https://www.nvidia.com/drivers has the driver"
        )

    def versions(self) -> str:
        driver = _asked("driver_version", "driver {}")
        return ", ".join(filter(None, (*self._versions(), f"CUDA {torch.version.cuda or torch.version.hip}", driver)))

    def seconds(self, run: Run, calls: int = 1) -> float:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        begin.record()
        for _ in range(calls):
            # What reduce-overhead has given may be overwritten: each call is a step of its own.
            torch.compiler.cudagraph_mark_step_begin()
            run()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1000 / calls

    def held(self) -> int:
        gc.collect()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        return torch.cuda.memory_allocated()

    def peak(self, run: Run) -> int:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()

    def kernels(self, run: Run) -> int | None:
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
            run()
            torch.cuda.synchronize()
        on_card = [event for event in found.events() if event.device_type == DeviceType.CUDA]
        kernels = [event for event in on_card if not getattr(event, "is_user_annotation", False)]
        return sum(not event.name.startswith(("Memcpy", "Memset")) for event in kernels) or None

    def recorded(self, run: Run) -> Run:
        return _Recorded(run)


class _Recorded:
    """A run that is called beside the graph once, as recording wants it, then recorded, and replayed from then on."""

    def __init__(self, run: Run) -> None:
        self.run, self.called = run, False
        self.graph: torch.cuda.CUDAGraph | None = None
        self.result: object = None

    def __call__(self) -> object:
        if self.graph is not None:
            self.graph.replay()
        elif self.called:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.result = self.run()
            self.graph = graph
            graph.replay()
        else:
            self.called = True
            self.result = self._beside()
        return self.result

    def _beside(self) -> object:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = self.run()
        torch.cuda.current_stream().wait_stream(stream)
        return result


class Cpu(Device):
    """The processor, on which the harness can be tried. Times are processor seconds of one thread."""

    name, precision, dtype, rounds = "cpu", "fp32", torch.float32, 5

    def __init__(self, backend: str = "inductor", least: float = 0.2) -> None:
        self.backend, self.least = backend, least
        torch.set_num_threads(1)

    def card(self) -> str:
        about = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
        names = [line.partition(": ")[2] for line in about.splitlines() if line.startswith("model name")]
        return f"{names[0] if names else 'a CPU'}, one thread"

    def clocks(self) -> str:
        return "unknown"

    def missing(self) -> str:
        return ""

    def seconds(self, run: Run, calls: int = 1) -> float:
        begin = time.process_time()
        for _ in range(calls):
            run()
        return (time.process_time() - begin) / calls

    def held(self) -> int:
        gc.collect()
        return 0

    def peak(self, run: Run) -> None:
        run()

    def kernels(self, run: Run) -> int:
        """Calls of operators that call no other."""
        with profile(activities=[ProfilerActivity.CPU]) as found:
            run()
        return sum(event.name.startswith("aten::") and not event.cpu_children for event in found.events())

    def recorded(self, run: Run) -> Run:
        return run


DEVICES: dict[str, type[Cuda] | type[Cpu]] = {"cuda": Cuda, "cpu": Cpu}


def _asked(about: str, form: str) -> str:
    """What nvidia-smi says about the first card, in a form; "" where it does not run."""
    command = ["nvidia-smi", "--id=0", f"--query-gpu={about}", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return form.format(*(cell.strip() for cell in said.strip().split(",")))


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error, perhaps one that a compiler passes on, says that memory was not enough."""
    text = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in text for words in ("out of memory", "can't allocate memory")
    )
