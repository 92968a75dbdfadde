"""The costs of a node with the arithmetic behind them, for `archdsl explain`."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analyses.receptive_field import ReceptiveFields, first_gate, is_global, receptive_fields
from archdsl.analyses.working import field_working
from archdsl.elaborate.derive import Fact
from archdsl.ir.graph import Graph, Node


def costs(graph: Graph, node: Node) -> Iterator[Fact]:
    """The node's parameters, MACs and FLOPs for one input, and its receptive field in pixels."""
    tensors = graph.tensors_into(node.id)
    working, rest = node.op.working(*tensors), node.op.rest(*tensors)
    params, macs = node.op.params(*tensors), node.op.macs(*tensors)
    yield _fact("params", params, working.params)
    yield _fact("MACs", macs, working.macs)
    further = (Fact("further operations", f"{rest.count:,}", origin=rest.rule),) if rest.count else ()
    worked = f"2 × {macs} + {rest.count}" if further else f"2 × {macs}"
    yield Fact("FLOPs", f"{2 * macs + rest.count:,}", worked if macs else "", because=further)
    yield _field(graph, node)


def _fact(name: str, value: int, worked: str) -> Fact:
    worked = worked.replace("·", " × ").replace("/", " // ")
    return Fact(name, f"{value:,}", "" if worked == str(value) else worked)


def _field(graph: Graph, node: Node) -> Fact:
    """The receptive field in pixels. If a gate makes it global, also that of the convolutions, and the gate."""
    fields = receptive_fields(graph)
    if not fields.fields[node.id].largest:
        return Fact("receptive field", "none", origin="it depends on no input with positions")
    if not is_global(fields.fields[node.id]):
        return _sized("receptive field", graph, fields, node)
    gate = first_gate(graph, fields, node.id)
    apart = receptive_fields(graph, gates=False)
    if gate is None or is_global(apart.fields[node.id]):
        return Fact("receptive field", "global", origin="every position sees the same")
    origin = f"the gate at {gate} sees every position"
    because = _sized("by convolutions alone", graph, apart, node)
    return Fact("receptive field", "global", origin=origin, span=graph.node(gate).span, because=(because,))


def _sized(name: str, graph: Graph, fields: ReceptiveFields, node: Node) -> Fact:
    """A field that is not global, as computed from that of the value before and the step between positions."""
    here = fields.fields[node.id]
    if len(set(here.size)) > 1:
        return Fact(name, "x".join(map(str, here.size)))
    worked, _, size = field_working(graph, fields, node).rpartition(" = ")
    if not worked or "," in worked + size:
        return Fact(name, str(here.size[0]))
    (before, *_) = graph.inputs_of(node.id)
    first = fields.fields[before.node].largest[0]
    place, span = f"of {before.node}", graph.node(before.node).span
    because = (
        Fact("before", str(first.size), origin=place, span=span),
        Fact("jump", f"{first.stride:g}", origin=place),
    )
    return Fact(name, size, worked.replace("·", " × "), because=because)
