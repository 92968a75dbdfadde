"""The table of a network that is spread over several devices: a line for each."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.analyses.devices import Device, bubble
from archdsl.backends.tables.notes import title
from archdsl.backends.tables.request import Request
from archdsl.backends.tables.table import Column, Line, Table
from archdsl.ir.graph import Graph

COLUMNS = (
    Column("rank", "rank", "number", "number of the device", leads=True),
    Column("part", "part", "text", "what of the network is on the device"),
    Column("params", "params", "count", "learned numbers that the device keeps"),
    Column("macs", "MACs", "count", "multiply-adds of the forward passes of one step"),
    Column("kept_bytes", "kept", "bytes", "activations that are kept for the backward passes, at most at once"),
    Column("sent_bytes", "sent", "bytes", "what the device sends to others in one step"),
)

NOTES = {
    "pipeline": "Cut so that the stage with most multiply-adds has as few as it can. Kept: what autograd keeps and "
    "what the stage receives and passes on, of all microbatches that wait for their backward pass.",
    "ddp": "Sent: gradients, by a ring all-reduce.",
    "fsdp": "Params: what a device keeps of each weight; a block has all of its weights while it runs. Sent: weights "
    "of blocks twice, others once, and gradients once, around a ring.",
}


def of_devices(
    graph: Graph, kind: str, devices: Sequence[Device], request: Request, microbatches: int, schedule: str
) -> Table:
    """The table. The request's batch are the samples of a step: of a pipeline all, else those of each device."""
    batch, precision, exact = request.batch, request.precision, request.exact
    lines = [Line((rank, one.title, one.params, one.macs, one.kept, one.sent)) for rank, one in enumerate(devices)]
    count = len(devices)
    samples = f"{batch} sample{'s' * (batch != 1)}"
    facts: dict[str, object] = {"kind": kind, "devices": count, "batch": batch, "precision": precision}
    heading = [f"{kind} on {count} devices, {samples} a step on each, {precision}"]
    notes = [NOTES[kind]]
    if kind == "pipeline":
        waits = bubble(count, microbatches)
        most, mean = max(one.macs for one in devices), sum(one.macs for one in devices) / count
        facts |= {"microbatches": microbatches, "schedule": schedule, "bubble": waits}
        parts = f"{microbatches} microbatch{'es' * (microbatches != 1)}"
        heading = [f"pipeline of {count} stages, {samples} a step in {parts}, {schedule}, {precision}"]
        notes.append(
            f"Bubble: {100 * waits:.1f} % of a step, (p - 1) / (m + p - 1) for p = {count} stages that take equally "
            f"long and m = {microbatches} (Huang et al. 2019, GPipe, section 2.3). The largest stage has "
            f"{most / mean if mean else 1:.2f} times the mean multiply-adds."
        )
    return Table(title(graph.header), COLUMNS, lines, heading=heading, notes=notes, facts=facts, exact=exact)
