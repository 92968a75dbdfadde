"""The roofline model (Williams et al. 2009): the least time that a network needs on a machine.

An op takes as long as its arithmetic at the machine's peak or its memory traffic at the full bandwidth, whichever is
longer. Traffic is each op's inputs, outputs and weights, once: nothing is fused, nothing stays in a cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from archdsl.analyses.memory import tensor_bytes
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's memory `bandwidth` in bytes per second, and its `peaks`: operations per second, by precision.

    Peaks are those for dense matrices. `source` cites where both come from.
    """

    name: str
    title: str
    bandwidth: float
    peaks: Mapping[str, float]
    source: str

    def peak(self, precision: str) -> float:
        """Operations per second at this precision. Raises `CompileError` if the machine has no number for it."""
        if precision in self.peaks:
            return self.peaks[precision]
        known = ", ".join(self.peaks)
        what = f"the peak of {self.title} for {precision} is not known"
        raise CompileError([Diagnostic("no-peak", what, help=f"choose from {known}, or give --peak")])


MACHINES: Mapping[str, Machine] = {
    machine.name: machine
    for machine in (
        Machine(
            "h200",
            "NVIDIA H200 SXM",
            4.8e12,
            {"fp64": 34e12, "fp32": 67e12, "bf16": 989e12, "fp16": 989e12},
            "NVIDIA H200 Tensor Core GPU datasheet: 4.8 TB/s; FP64 34, FP32 67, BF16 and FP16 989 TFLOPS without "
            "sparsity",
        ),
        Machine(
            "h100",
            "NVIDIA H100 SXM",
            3.35e12,
            {"fp64": 34e12, "fp32": 67e12, "bf16": 989e12, "fp16": 989e12},
            "NVIDIA H100 Tensor Core GPU datasheet: 3.35 TB/s; FP64 34, FP32 67, BF16 and FP16 989 TFLOPS without "
            "sparsity",
        ),
        Machine(
            "a100",
            "NVIDIA A100 80GB SXM",
            2.039e12,
            {"fp64": 9.7e12, "fp32": 19.5e12, "bf16": 312e12, "fp16": 312e12},
            "NVIDIA A100 Tensor Core GPU datasheet: 2,039 GB/s; FP64 9.7, FP32 19.5, BF16 and FP16 312 TFLOPS without "
            "sparsity",
        ),
        Machine(
            "cpu",
            "AMD EPYC 9654, one socket",
            460.8e9,
            {"fp64": 96 * 2.4e9 * 16, "fp32": 96 * 2.4e9 * 32},
            "AMD EPYC 9004 series datasheet: 96 cores at 2.4 GHz (base clock), 12 channels of DDR5-4800; Zen 4 does "
            "two 256-bit multiply-adds a cycle, which is 32 FP32 or 16 FP64 operations",
        ),
    )
}


def own_machine(peak: float, bandwidth: float, precision: str) -> Machine:
    """A machine given by two numbers: operations per second and bytes per second."""
    return Machine("own", "the machine given", bandwidth, {precision: peak}, "as given")


def changed(machine: Machine, peak: float | None, bandwidth: float | None, precision: str) -> Machine:
    """The machine with another peak for one precision, or another bandwidth."""
    peaks = {**machine.peaks, precision: peak} if peak else machine.peaks
    if not peak and not bandwidth:
        return machine
    return replace(machine, peaks=peaks, bandwidth=bandwidth or machine.bandwidth, source=f"{machine.source}; changed")


def traffic(graph: Graph, node: Node, width: int, batch: int = 1) -> int:
    """Bytes that a node reads and writes, with `width` bytes for a number. A view moves none."""
    tensors = graph.tensors_into(node.id)
    if not tensors or node.op.is_view(*tensors):
        return 0
    taken = [graph.tensor(value) for value in dict.fromkeys(graph.inputs_of(node.id))]
    moved = sum(tensor_bytes(tensor, width) for tensor in (*taken, *node.outputs))
    return moved * batch + (node.op.params(*tensors) + node.op.buffers(*tensors)) * width


def roofline(operations: int, moved: int, machine: Machine, precision: str) -> float:
    """The least time that an op takes, in seconds, for its operations and the bytes `moved`.

    Raises `CompileError` if the machine has no peak for the precision.
    """
    return max(operations / machine.peak(precision), moved / machine.bandwidth)
