"""What each of several devices holds, computes and sends in one step of training, by the way the network is spread.

    pipeline   stages that pass on their values, microbatch by microbatch
    ddp        a copy of the network on each device; gradients are averaged
    fsdp       each device keeps a share of all weights, and gathers those of a block while the block runs

Bytes are those that one device sends by ring algorithms (Patarasuk and Yuan 2009, Bandwidth optimal all-reduce
algorithms for clusters of workstations): an all-gather or a reduce-scatter of N bytes sends (n - 1) / n · N, an
all-reduce twice as much. Buffers, and what says how large a message is, are not counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod

from archdsl.analyses import memory, totals
from archdsl.ir.graph import Graph, Node, Value

SCHEDULES = ("1f1b", "gpipe")
"""The orders of forward and backward passes of a pipeline: each stage begins backward passes as soon as it can
(Narayanan et al. 2019, PipeDream), or when all forward passes are done (Huang et al. 2019, GPipe)."""


SAMPLES = 32
"""The samples of a step, for each device, where nothing else is said; about as many as ImageNet is trained with."""

MICROBATCHES = 4
"""The microbatches of a pipeline, for each stage, where nothing else is said. The bubble is then found to be negligible
(Huang et al. 2019, section 2.3)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The part of a network that one device of a pipeline has, with the values that it receives and passes on."""

    title: str
    nodes: tuple[Node, ...]
    takes: tuple[Value, ...]
    gives: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """One device: the learned numbers that it keeps, the multiply-adds of its forward passes in a step, the bytes of
    activations that it keeps for backward passes at its fullest, and the bytes that it sends in a step."""

    title: str
    params: int
    macs: int
    kept: int
    sent: int


def bubble(stages: int, microbatches: int) -> float:
    """The share of a step in which a device of a pipeline waits, (p - 1) / (m + p - 1), if stages take equally long.

    Source: Huang et al. 2019, GPipe: efficient training of giant neural networks using pipeline parallelism, section
    2.3. It is the same for both schedules.
    """
    return (stages - 1) / (microbatches + stages - 1)


def pipeline(
    graph: Graph, stages: Sequence[Stage], width: int, batch: int, microbatches: int, schedule: str
) -> Iterator[Device]:
    """The devices of a pipeline. `width` is the bytes of a number, `batch` the samples of a step.

    Activations are those that autograd keeps and those that a stage receives and passes on, for each microbatch whose
    backward pass is still to come.
    """
    for number, stage in enumerate(stages):
        waiting = microbatches if schedule == "gpipe" else min(microbatches, len(stages) - number)
        kept = memory.training_of_part(graph, stage.nodes, stage.takes, stage.gives, width, batch // microbatches)
        forward = stage.gives if number + 1 < len(stages) else ()
        backward = [value for value in stage.takes if graph.node(value.node).op.name != "input"]
        sent = sum(memory.tensor_bytes(graph.tensor(value), width) for value in (*forward, *backward))
        params, macs = totals.parameters(graph, stage.nodes), totals.macs(graph, stage.nodes)
        yield Device(stage.title, params, macs * batch, kept * waiting, sent * batch)


def copied(graph: Graph, count: int, width: int, batch: int) -> Iterator[Device]:
    """The devices of DDP, each with `batch` samples of its own: gradients go through one all-reduce."""
    nodes = totals.nodes_in(graph, training=True)
    params, macs = totals.parameters(graph, nodes), totals.macs(graph, nodes)
    kept = memory.training(graph, width, batch).total
    for _ in range(count):
        yield Device("a copy", params, macs * batch, kept, _over_ring(2 * params * width, count))


def sharded(graph: Graph, blocks: Iterable[str], count: int, width: int, batch: int) -> Iterator[Device]:
    """The devices of FSDP, each with `batch` samples of its own. `blocks` are the paths of what is gathered as a whole.

    The weights of blocks are gathered for the forward and again for the backward pass, those of the rest once;
    gradients are reduced and scattered (Rajbhandari et al. 2020, ZeRO: memory optimizations toward training trillion
    parameter models, section 7.2.2). PyTorch shares out each weight by its first dimension, and fills up what is sent.
    """
    nodes = totals.nodes_in(graph, training=True)
    shapes = dict(_learned(graph, nodes))
    inside = {key for key in shapes if any(key.startswith(f"{block}.") for block in blocks)}
    macs, kept = totals.macs(graph, nodes), memory.training(graph, width, batch).total
    filled = {key: ceil(shape[0] / count) * count * prod(shape[1:]) for key, shape in shapes.items()}
    sent = sum(size * (3 if key in inside else 2) for key, size in filled.items()) * width
    for number in range(count):
        params = sum(_rows(shape[0], count, number) * prod(shape[1:]) for shape in shapes.values())
        yield Device(f"share {number + 1} of {count}", params, macs * batch, kept, _over_ring(sent, count))


def _rows(rows: int, count: int, number: int) -> int:
    """How many of a weight's rows a device has: as many as `torch.chunk` gives it."""
    each = ceil(rows / count)
    return max(0, min(rows - number * each, each))


def _over_ring(size: int, count: int) -> int:
    """The bytes that one device sends so that `size` bytes go around a ring."""
    return size * (count - 1) // count


def _learned(graph: Graph, nodes: Collection[Node]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of each learned weight; a single number counts as a row."""
    for node in nodes:
        for name, weight in node.op.weights(*graph.tensors_into(node.id)).items():
            if weight.learned:
                yield node.key(name), weight.shape or (1,)
