"""The lines above and below a table: network, counting rules and settings above, totals and exceptions below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.analyses import notation
from archdsl.analyses.conventions import CONVENTIONS
from archdsl.analyses.notation import plain, seconds, shape
from archdsl.analyses.receptive_field import first_gate, moves
from archdsl.analyses.rows import Row
from archdsl.analyses.summary import Summary
from archdsl.analyses.working import lengths
from archdsl.ir.graph import Header, Setting
from archdsl.ops.arguments import compact
from archdsl.ops.base import Family

MISALIGNED = 3
"""The most nodes that a note names."""


def count(number: float, unit: str = "") -> str:
    """A count such as `25.6 M`, with a no-break space."""
    return notation.count(number, unit).replace(" ", "\N{NO-BREAK SPACE}")


def heading(summary: Summary, columns: set[str]) -> Iterator[str]:
    """The lines above a table: citation, input, counting rules of the `columns`, settings."""
    yield from conditions(summary, columns)
    yield from _settings(summary.graph.header)


def conditions(summary: Summary, columns: set[str]) -> Iterator[str]:
    """The citation, the input and the counting rules of the `columns`."""
    header, basis = summary.graph.header, summary.basis
    if header.source:
        yield header.source
    inputs = " and ".join(
        shape(node.output) + (" tokens" * (node.output.kind == "int")) for node in summary.graph.inputs
    )
    yield f"Input {inputs}, batch {basis.batch}, {basis.precision}"
    if "macs" in columns or "macs%" in columns:
        yield f"MACs: {CONVENTIONS['paper'].rule}"
    if "flops" in columns:
        yield "FLOPs: 2 for each MAC, and 1 for each other operation"
    if "count" in columns:
        yield f"{basis.convention.name}: {basis.convention.rule}"
    if "memory" in columns:
        yield "Memory: the sum of all outputs"
    if basis.machine and columns & {"time", "intensity"}:
        yield f"Time: the least on {basis.machine.title} ({basis.machine.source})"


def rule_of_sizes(summary: Summary) -> str:
    """The line of an exercise sheet that says how sizes are computed."""
    graph = summary.graph
    up = [id for id in summary.nodes if any(n and n.rounded == "up" for n in lengths(graph, graph.node(id)))]
    rounding = f"rounded down; up at {_some(up)}" if up else "rounded down"
    return f"Size: (size before - kernel + padding at both ends)/stride + 1, {rounding}"


def rule_of_rows(weighted_only: bool) -> str:
    """The line that says which ops have rows, if not all have."""
    layers = "convolutions, linear layers, embeddings"
    which = f"layers with weights ({layers})" if weighted_only else f"{layers} and ops that change the shape"
    return f"Rows: {which}; `others` are all other ops together"


def title(header: Header) -> str:
    """The title of a network's table: `ResNet, variant 50 (specs/resnet.arch)`."""
    variant = f", variant {header.variant}" if header.variant else ""
    return f"{header.name}{variant} ({header.spec})"


def _settings(header: Header) -> Iterator[str]:
    """A line for the settings of each origin; those that were computed are listed with their formula."""
    origins = dict.fromkeys(setting.origin for setting in header.settings)
    formulas = [setting for setting in header.settings if not _is_plain(setting)]
    for origin in sorted(filter(None, origins), key=lambda o: (o == "default", o != "given")):
        named = [s for s in header.settings if s.origin == origin and _is_plain(s)]
        if named:
            word = {"given": "Given", "default": "Defaults"}.get(origin, origin[0].upper() + origin[1:])
            yield f"{word}: {', '.join(f'{s.name} = {_value(s)}' for s in named)}"
    if formulas:
        yield f"Coefficients: {', '.join(f'{s.name} = {s.origin} = {_value(s)}' for s in formulas)}"


def _is_plain(setting: Setting) -> bool:
    return setting.origin in ("default", "given") or setting.origin.startswith("variant ")


def _value(setting: Setting) -> str:
    value = setting.value
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"[{plain(value)}]" if isinstance(value, list) else plain(value)


# --- notes ---------------------------------------------------------------------------------


def notes(summary: Summary, rows: Sequence[Row], columns: set[str]) -> Iterator[str]:
    """The lines below a table: depth, receptive field, sums, and what was left out or counted elsewhere."""
    yield f"{summary.depth} weighted layers in depth{_field(summary)}"
    if "flops" in columns:
        yield _flops(summary)
    if columns & {"memory", "live", "kept"}:
        yield from _memory(summary)
    if summary.basis.machine and "time" in columns:
        yield f"Time: {seconds(summary.total.time)} if each op alone reaches the machine's peak or its bandwidth;"
        yield f"  {seconds(summary.total.fused)} if normalizations, activations and sums are fused with the op before"
    yield from _exceptions(summary, rows)


def _field(summary: Summary) -> str:
    """The largest receptive field by convolutions; nodes whose positions all see the whole input are left out."""
    fields = summary.conv_fields.fields
    placed = {id: fields[id] for id in fields if moves(fields[id]) and id in summary.nodes}
    if not placed:
        return ""
    id = max(reversed(placed), key=lambda id: placed[id].size)
    if placed[id].size == (1,) * len(placed[id].size):
        return ""
    sizes = notation.size(compact(placed[id].size))
    gate = first_gate(summary.graph, summary.fields, id)
    what = "tokens" if all(node.output.kind == "int" for node in summary.graph.inputs) else "pixels"
    return f"; receptive field {sizes} {what} at {id}" + (f", by convolutions; global from {gate} on" if gate else "")


def _flops(summary: Summary) -> str:
    batch = summary.basis.batch
    rest = " + ".join(f"{item} {count(number * batch)}" for item, number in summary.flops.rest.items())
    return f"FLOPs {count(summary.total.flops)} = 2 × {count(summary.total.macs)}" + (f" + {rest}" if rest else "")


def _memory(summary: Summary) -> Iterator[str]:
    batch, held, (largest, size) = summary.basis.batch, summary.inference, summary.largest_op
    weights = (summary.total.params + summary.total.buffers) * summary.basis.width
    yield f"Weights {count(weights, 'B')}; inference holds at most {count(held.peak * batch, 'B')} more, at {held.at}"
    yield f"M(G) = {count(size * batch, 'B')}, inputs and outputs of {largest}"
    yield f"Training keeps {count(summary.training.total, 'B')} for the backward pass"


def _exceptions(summary: Summary, rows: Sequence[Row]) -> Iterator[str]:
    yield from rule_of_copies(rows)
    yield from _bounds(summary)
    if summary.training_only and not summary.basis.training:
        outputs = ", ".join(output.name for output in summary.graph.outputs if output.training)
        yield f"Not counted: {count(summary.training_only)} params that only training outputs need: {outputs}"
    shared = [id for id, facts in summary.nodes.items() if not facts.params and _learns(summary, id)]
    if shared:
        yield f"Shared weights are counted where they are first used, not at {_some(shared)}"
    misaligned = [m.node for m in summary.fields.misaligned if m.node in summary.nodes]
    if misaligned:
        yield f"Branches whose receptive fields have different centres are joined at {_some(misaligned)}"


def _bounds(summary: Summary) -> Iterator[str]:
    """What imported operations without an op do not say, which makes numbers that are sums over nodes bounds."""
    opaque = [id for id in summary.nodes if summary.graph.node(id).op.family is Family.OPAQUE]
    if opaque:
        yield f"Opaque: {len(opaque):,} ops, at {_some(opaque)}; of these only shapes, params and MACs are known"
        yield "So fields, depth, FLOPs and memory are at least those above"
    mixing = [id for id in summary.nodes if summary.graph.node(id).op.mixes]
    if mixing:
        yield f"Fields behind {_some(mixing)} are at most those above: every position counts as seen there"


def rule_of_copies(rows: Sequence[Row]) -> Iterator[str]:
    """The line that says what a row of several copies counts, if there is one."""
    if any(row.copies > 1 for row in rows):
        yield "×n: the sum of n equal copies"


def _learns(summary: Summary, id: str) -> bool:
    return summary.graph.node(id).op.params(*summary.graph.tensors_into(id)) > 0


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - MISALIGNED} more" if len(ids) > MISALIGNED else ""
    return ", ".join(ids[:MISALIGNED]) + more
