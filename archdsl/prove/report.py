"""What a proof found, as values and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from archdsl.ir.graph import Node
from archdsl.prove.numbers import TOLERANCE, Numbers
from archdsl.prove.weights import WeightMap

SHOWN = 8
"""Most kinds of differences that are shown."""

PLACES = 3
"""Most places that are shown of each kind of difference."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`what` differs, and the nodes where it does; one of them is None where it has no counterpart."""

    what: str
    ours: Node | None
    theirs: Node | None


@dataclass(frozen=True, slots=True)
class ProofReport:
    """Of a network and its reference: where their structures differ, which weights correspond, what numbers say.

    `weights` and `numbers` are there only where the structures are equal; `numbers` is absent also where only
    the structure was asked for. `nodes` are counted after both were brought to one form. `parameters` are
    learned numbers.
    """

    ours: str
    theirs: str
    nodes: int
    parameters: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    weights: WeightMap | None
    numbers: Numbers | None
    structure_only: bool = False

    def __str__(self) -> str:
        return report_text(self)

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for holds."""
        if self.differences or self.weights is None:
            return False
        return self.structure_only or (self.numbers is not None and self.numbers.ok)


def report_text(report: ProofReport) -> str:
    """A few lines for a person, without a line end after the last."""
    return "\n".join(_lines(report))


def report_json(report: ProofReport) -> str:
    """The same for programs: an object, always with the same keys. Differences name nodes; positions are file:line."""
    numbers = report.numbers
    data = {
        "ours": report.ours,
        "theirs": report.theirs,
        "ok": report.ok,
        "differences": [
            {
                "what": d.what,
                "ours": d.ours and d.ours.id,
                "at": d.ours and _position(d.ours),
                "theirs": d.theirs and d.theirs.id,
            }
            for d in report.differences
        ],
        "nodes": report.nodes,
        "parameters": report.parameters,
        "entries": len(report.weights.pairs) if report.weights else 0,
        "numbers": None if numbers is None else asdict(numbers) | {"ok": numbers.ok},
        "notes": list(report.notes),
    }
    return json.dumps(data, indent=2)


def _position(node: Node) -> str:
    return f"{node.span.source.name}:{node.span.line}"


def _lines(report: ProofReport) -> Iterator[str]:
    yield f"{report.ours} against {report.theirs}"
    if report.differences:
        count = len(report.differences)
        yield f"structure   {count} difference{'s' if count != 1 else ''}, first come first"
        yield from _differences(report)
    else:
        yield f"structure   equal: {report.nodes:,} ops, one to one"
    if report.weights:
        yield (
            f"parameters  {report.parameters:,} in the same places; "
            f"{len(report.weights.pairs):,} entries of the state_dict correspond"
        )
    if report.numbers:
        yield from _numbers(report.numbers)
    for note in report.notes:
        yield f"note        {note}"
    yield _verdict(report)


def _differences(report: ProofReport) -> Iterator[str]:
    """Kinds of differences in the order in which they first occur, with the first places of each."""
    kinds: dict[str, list[Difference]] = {}
    for difference in report.differences:
        kinds.setdefault(difference.what, []).append(difference)
    for what, found in list(kinds.items())[:SHOWN]:
        yield f"  {what}"
        for difference in found[:PLACES]:
            yield f"    {_place(difference)}"
        if len(found) > PLACES:
            yield f"    and {len(found) - PLACES:,} more like it"
    if len(kinds) > SHOWN:
        yield f"  and {len(kinds) - SHOWN:,} more kinds of differences"


def _place(difference: Difference) -> str:
    """`specs/net.arch:4 conv1 | features.0`."""
    here = f"{_position(difference.ours)} {difference.ours.id}" if difference.ours else "-"
    there = difference.theirs.id if difference.theirs else "-"
    return f"{here} | {there}"


def _numbers(numbers: Numbers) -> Iterator[str]:
    if numbers.failure:
        yield f"numbers     the two do not both run on {numbers.input}: {numbers.failure}"
        return
    yield f"numbers     largest relative differences in float64, input {numbers.input}"
    yield f"            outputs in evaluation {numbers.evaluation:.1e}, in training {numbers.training:.1e}"
    yield f"            gradients {numbers.gradients:.1e} ({numbers.worst})"


def _verdict(report: ProofReport) -> str:
    if report.ok:
        return "the same structure" if report.structure_only else "the same network"
    if report.numbers and not report.numbers.failure:
        return f"not proven: a difference is more than {TOLERANCE:.0e}"
    return "not proven" if report.numbers else "not the same network"
