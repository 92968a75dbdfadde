"""The list of everything that can be measured of a network: tables, comparisons, sweeps and searches all read it.

A measure has a value for each node, with a rule that combines several nodes; for a part of the network; or only for
the network as a whole. Importing this module is fast, so that help texts and completion can read the list too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from archdsl.analyses.memory import Schedule
    from archdsl.analyses.receptive_field import Field
    from archdsl.analyses.summary import Basis, Part, Summary
    from archdsl.ir.graph import Graph, Node

Unit: TypeAlias = Literal["count", "number", "ratio", "bytes", "seconds", "share", "size"]
"""The unit of a measure. A `count` is shown rounded (25.6 M), a `number` in full; a `size` is in pixels."""

Value: TypeAlias = "int | float | str | tuple[float, ...] | None"
"""A measured value, not rounded. A tuple has a number for each dimension; None means that there is no value."""

GLOBAL = "global"
"""Stands for the receptive field of a value without positions, such as the output of a global pooling."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that can be measured of a network or its parts.

    `name` is used in options and programs, `heading` in tables; `about` says in a few words what is measured. At least
    one of these functions is given:

    - `node` gives the value of one node. `together` says how several nodes are combined: by the "sum", by the largest
      value ("most"), or by the value at the "end", which is that of the node whose output leaves the group.
    - `part` gives the value of a row of a table or of the whole network, if it does not follow from the nodes' values.
    - `graph` gives the number by which networks are compared, if that is not the combination of all nodes.

    `needs` is the option of `archdsl table` without which there is no value. `option` is the name of the limit in
    `archdsl fit`, if it is not `name`; the empty text means that `fit` has no such limit.
    """

    name: str
    heading: str
    unit: Unit
    about: str
    node: Callable[[Summary, Node], Value] | None = None
    together: Literal["sum", "most", "end"] = "sum"
    part: Callable[[Part], Value] | None = None
    graph: Callable[[Summary], float] | None = None
    needs: Literal["", "machine", "convention"] = ""
    option: str | None = None

    @property
    def adds(self) -> bool:
        """Whether any ops have a value together, wherever they are: sums, shares, quotients and largest values do."""
        return (self.node is not None and self.together != "end") or (
            self.part is not None and self.part is not _layers
        )

    @property
    def is_compared(self) -> bool:
        """Whether networks can be compared by it: it is one number for a network, and needs no option."""
        return not self.needs and (self.graph is not None or (self.node is not None and self.together != "end"))

    @property
    def is_limited(self) -> bool:
        """Whether `fit` has a limit for it: this is so for counts and bytes that several nodes have together."""
        counted = self.node is not None and self.unit in ("count", "bytes")
        return self.is_compared and counted and self.option != ""

    def of(self, part: Part) -> Any:
        """The value of a part of the network: a node, a scope, a row of a table, or the whole."""
        if self.part is not None:
            return self.part(part)
        if self.node is None:
            return self.graph(part.summary) if self.graph and part.is_network else None
        if self.together == "end":
            return part.summary.of_node(self, part.result.node)
        return self.combined(part.summary.of_member(self, member) for member in part.members)

    def of_one(self, summary: Summary, node: Node) -> Any:
        """The value of a node, if nodes have this measure."""
        assert self.node is not None, self.name
        return self.node(summary, node)

    def combined(self, values: Iterable[Any]) -> Any:
        """The value of several nodes or parts together, from their own values."""
        return sum(values) if self.together == "sum" else max(values, default=0)

    def of_network(self, summary: Summary) -> Any:
        """The number by which networks are compared."""
        return self.graph(summary) if self.graph else self.of(summary.total)


# --- counts ----------------------------------------------------------------------------------
# Parameters and buffers are counted at the node that uses them first, so that a sum counts shared ones once.


def _params(summary: Summary, node: Node) -> int:
    return node.op.params(*summary.inputs[node.id]) if node.id in summary.first_uses else 0


def _buffers(summary: Summary, node: Node) -> int:
    return node.op.buffers(*summary.inputs[node.id]) if node.id in summary.first_uses else 0


def _macs(summary: Summary, node: Node) -> int:
    return node.op.macs(*summary.inputs[node.id]) * summary.basis.batch


def _flops(summary: Summary, node: Node) -> int:
    inputs = summary.inputs[node.id]
    return (2 * node.op.macs(*inputs) + node.op.rest(*inputs).count) * summary.basis.batch


def _cache(summary: Summary, node: Node) -> int:
    """Bytes of keys and values of earlier positions, for all samples of the batch."""
    return node.op.cache(*summary.inputs[node.id]) * summary.basis.width * summary.basis.batch


def _count(summary: Summary, node: Node) -> int:
    return summary.basis.convention.count(summary.graph, node) * summary.basis.batch


def _layers(part: Part) -> int:
    """By how many weighted layers the part makes the network deeper."""
    return part.summary.depth if part.is_network else part.summary.depth_inside(part)


# --- memory and time -------------------------------------------------------------------------


def _memory(summary: Summary, node: Node) -> int:
    return summary.written(node)


def _live(summary: Summary, node: Node) -> int:
    return summary.inference.live.get(node.id, 0) * summary.basis.batch


def _kept(summary: Summary, node: Node) -> int:
    return summary.training.kept[node.id]


def _traffic(summary: Summary, node: Node) -> int:
    return summary.moved(node)


def _time(summary: Summary, node: Node) -> float:
    return summary.seconds(node)


def _fused(summary: Summary, node: Node) -> float:
    return summary.fused.get(node.id, 0.0)


def _quotient(one: str, other: str) -> Callable[[Part], Value]:
    """One measure divided by another; None where the latter is 0."""

    def divided(part: Part) -> Value:
        below = getattr(part, other)
        return getattr(part, one) / below if below else None

    return divided


def _share(name: str) -> Callable[[Part], Value]:
    """A part's share of what the whole network has."""

    def share(part: Part) -> Value:
        whole = getattr(part.summary.total, name)
        return getattr(part, name) / whole if whole else None

    return share


# --- receptive fields ------------------------------------------------------------------------


def _of_field(
    number: Callable[[Field], float], smallest: bool = False, gates: bool = True
) -> Callable[[Summary, Node], Value]:
    """A number for each dimension of a node's receptive field, or one number if all dimensions have the same."""

    def value(summary: Summary, node: Node) -> Value:
        found = (summary.fields if gates else summary.conv_fields).fields[node.id]
        fields = found.smallest if smallest else found.largest
        if not fields:
            return None
        if not any(field.moves for field in fields):
            return GLOBAL
        values = [number(field) for field in fields]
        whole = tuple(int(v) if v == int(v) else v for v in values)
        return whole[0] if len(set(whole)) == 1 else whole

    return value


def _last_map(summary: Summary) -> float:
    """The longer side of the receptive field, in pixels, of the last map before positions are pooled or flattened.

    It is infinite if that map sees the whole input.
    """
    last = summary.last_map
    if last is None:
        return inf
    return max(field.size if field.moves else inf for field in summary.field(last).largest)


# --- the list --------------------------------------------------------------------------------

ALL = (
    Measure("params", "params", "count", "learned numbers", _params),
    Measure("params%", "params %", "share", "share of the learned numbers", part=_share("params")),
    Measure("buffers", "buffers", "count", "kept numbers that are not learned", _buffers),
    Measure("macs", "MACs", "count", "multiply-adds of convolutions and matrix products", _macs),
    Measure("macs%", "MACs %", "share", "share of the multiply-adds", part=_share("macs")),
    Measure("flops", "FLOPs", "count", "2 × MACs and all other operations", _flops),
    Measure("count", "count", "count", "operations by the convention's rule", _count, needs="convention"),
    Measure("layers", "layers", "number", "weighted layers in depth", part=_layers, graph=lambda s: s.depth),
    Measure(
        "conv_field",
        "conv field",
        "size",
        "receptive field in pixels by convolutions and poolings, without gates",
        _of_field(lambda field: field.size, gates=False),
        "end",
    ),
    Measure(
        "field",
        "field",
        "size",
        "receptive field in pixels, over all paths",
        _of_field(lambda field: field.size),
        "end",
        graph=_last_map,
    ),
    Measure(
        "smallest",
        "smallest",
        "size",
        "receptive field along the smallest path",
        _of_field(lambda field: field.size, smallest=True),
        "end",
    ),
    Measure(
        "jump",
        "jump",
        "size",
        "input pixels from one position to the next",
        _of_field(lambda field: field.stride),
        "end",
    ),
    Measure(
        "centre",
        "centre",
        "size",
        "middle of the first position's field, in input pixels",
        _of_field(lambda field: field.centre),
        "end",
    ),
    Measure("memory", "memory", "bytes", "memory of all outputs", _memory, option=""),
    Measure("live", "live", "bytes", "activations that inference holds at once", _live, "most", option="memory"),
    Measure(
        "kept",
        "kept",
        "bytes",
        "activations that training keeps for the backward pass",
        _kept,
        graph=lambda s: s.training.total,
        option="training-memory",
    ),
    Measure("cache", "cache", "bytes", "keys and values that generating word by word keeps", _cache),
    Measure("traffic", "traffic", "bytes", "inputs, outputs and weights, read or written once", _traffic),
    Measure(
        "intensity",
        "FLOPs/B",
        "ratio",
        "operations per byte of traffic",
        part=_quotient("flops", "traffic"),
        graph=lambda s: s.total.intensity,
    ),
    Measure(
        "time",
        "time",
        "seconds",
        "the least time on the machine, by each op's own roofline",
        _time,
        needs="machine",
    ),
    Measure(
        "fused",
        "fused",
        "seconds",
        "the same where normalizations, activations and sums are computed with the op before them",
        _fused,
        needs="machine",
    ),
)
"""All measures, in the order in which they are shown. To add a measure, add an entry here; nothing else is needed."""

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in ALL}

COMPARED: Mapping[str, Measure] = {name: measure for name, measure in MEASURES.items() if measure.is_compared}
"""The measures that `compare`, `sweep` and `diff` offer."""

LIMITED: Mapping[str, Measure] = {measure.option or measure.name: measure for measure in ALL if measure.is_limited}
"""The measures that `fit` can keep below a limit, by the name of its option."""


# --- measuring -------------------------------------------------------------------------------


def summarize(graph: Graph, basis: Basis | None = None) -> Summary:
    """The costs of a graph; each is computed when it is asked for.

    Raises `CompileError` if the machine of the `basis` has no peak for its precision.

    >>> from archdsl.driver import compile_network, open_spec
    >>> facts = summarize(compile_network(open_spec("resnet"), "50").graph)
    >>> facts.total.params, facts.total.macs, facts.depth, facts.scopes["conv5"].params
    (25557032, 4089184256, 50, 14964736)
    """
    from archdsl.analyses.summary import Basis, Summary

    basis = basis or Basis()
    if basis.machine is not None:
        basis.machine.peak(basis.precision)
    return Summary(graph, basis, MEASURES)


def measure(
    graph: Graph, names: Iterable[str], precision: str = "fp32", schedule: Schedule | None = None
) -> dict[str, Any]:
    """The values by which networks are compared, of the whole network and for one sample, by the names of measures.

    `schedule` says in which order inference runs the nodes; by default that of the graph.
    """
    from archdsl.analyses.summary import Basis

    basis = Basis(precision=precision)
    summary = summarize(graph, basis if schedule is None else replace(basis, schedule=schedule))
    return {name: COMPARED[name].of_network(summary) for name in names}
