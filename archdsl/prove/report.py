"""The result of a proof, as values and as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from archdsl.ir.graph import Node
from archdsl.prove.numbers import TOLERANCE, Numbers
from archdsl.prove.weights import WeightMap
from archdsl.source import Span

SHOWN = 8
"""The most kinds of differences that are shown."""

PLACES = 3
"""The most places that are shown of each kind of difference."""


PLACES_ALSO = 6
"""The most further places of the spec that are shown of each kind of difference."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference in words, `what`, and the nodes of ours and theirs; one is None if the other has no counterpart.

    A node that is missing in ours would stand `after` one node and `before` another. `causes` are the places of the
    spec from which the difference may come, such as those of the numbers that decide an argument. `uses` are the
    places where the blocks around the node are used.
    """

    what: str
    ours: Node | None
    theirs: Node | None
    after: Node | None = None
    before: Node | None = None
    causes: frozenset[Span] = frozenset()
    uses: frozenset[Span] = frozenset()

    @property
    def places(self) -> tuple[str, ...]:
        """Where to look in the spec: `specs/net.arch:4`; for a missing node, the two places around it."""
        nodes = (self.ours,) if self.ours else (self.after, self.before)
        return tuple(dict.fromkeys(position(node.span) for node in nodes if node is not None))


@dataclass(slots=True)
class Kind:
    """Differences of one kind: with the same words, or caused by the same number in the spec. `what` is the first's.

    `causes` and `uses` are those that all of them have in common.
    """

    what: str
    differences: list[Difference]
    causes: frozenset[Span]
    uses: frozenset[Span]

    def add(self, difference: Difference) -> None:
        """Adds a difference of this kind."""
        self.differences.append(difference)
        self.causes &= difference.causes
        self.uses &= difference.uses

    @property
    def also(self) -> tuple[str, ...]:
        """Further places that decide all the differences: uses of blocks, then numbers."""
        named = {place for difference in self.differences for place in difference.places}
        ordered = (*sorted(self.uses, key=_order), *sorted(self.causes, key=_order))
        return tuple(place for place in dict.fromkeys(map(position, ordered)) if place not in named)


def _order(span: Span) -> tuple[int, str, int]:
    """A key to sort places: the network's own file before those that it imports, which are in deeper folders."""
    return (span.source.name.count("/"), span.source.name, span.start)


def kinds(differences: Iterable[Difference]) -> list[Kind]:
    """The differences grouped by kind, in the order in which kinds first occur."""
    found: list[Kind] = []
    for difference in differences:
        same = next((kind for kind in found if kind.what == difference.what), None)
        same = same or next((kind for kind in found if kind.causes & difference.causes), None)
        if same:
            same.add(difference)
        else:
            found.append(Kind(difference.what, [difference], difference.causes, difference.uses))
    return found


@dataclass(frozen=True, slots=True)
class ProofReport:
    """The comparison of a network with its reference: differences of structure, pairs of weights, and numbers.

    `weights` and `numbers` are None if the structures differ; `numbers` is None too if only the structure was compared.
    `nodes` is the number of operations after both networks were brought to one form, `parameters` that of learned
    numbers. `notes` say what the proof leaves out. `inference` tells that the networks
    were compared as they are at inference, with `folded` batch normalizations made part of other layers.
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
    folded: int = 0
    inference: bool = False

    def __str__(self) -> str:
        return report_text(self)

    @property
    def ok(self) -> bool:
        """Whether the two networks agree in all that was compared."""
        if self.differences or self.weights is None:
            return False
        return self.structure_only or (self.numbers is not None and self.numbers.ok)


def report_text(report: ProofReport) -> str:
    """The report as a few lines for people, without a line end after the last."""
    return "\n".join(_lines(report))


def report_json(report: ProofReport) -> str:
    """The report as JSON for programs: an object that always has the same keys. Positions are written as file:line."""
    numbers = report.numbers
    data = {
        "ours": report.ours,
        "theirs": report.theirs,
        "ok": report.ok,
        "differences": [
            {
                "what": d.what,
                "ours": d.ours and d.ours.id,
                "at": next(iter(d.places), None),
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


def position(span: Span) -> str:
    """A place in a spec as file and line: `specs/net.arch:4`."""
    return f"{span.source.name}:{span.line}"


def _lines(report: ProofReport) -> Iterator[str]:
    yield f"{report.ours} against {report.theirs}"
    if report.differences:
        count = len(report.differences)
        yield f"structure   {count} difference{'s' if count != 1 else ''}, in the order of the data"
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
    """The lines for each kind of difference, in the order in which kinds first occur, with the first places of each."""
    found = kinds(report.differences)
    for kind in found[:SHOWN]:
        yield f"  {kind.what}"
        for difference in kind.differences[:PLACES]:
            other = "" if difference.what == kind.what else f": {difference.what}"
            yield f"    {_place(difference)}{other}"
        if len(kind.differences) > PLACES:
            yield f"    and {len(kind.differences) - PLACES:,} more like it"
        if kind.also:
            yield f"    see also {', '.join(kind.also[:PLACES_ALSO])}"
    if len(found) > SHOWN:
        yield f"  and {len(found) - SHOWN:,} more kinds of differences"


def _place(difference: Difference) -> str:
    """`specs/net.arch:4 conv1 | features.0`, or `after specs/net.arch:4 conv1 | features.1`."""
    there = difference.theirs.id if difference.theirs else "-"
    if difference.ours:
        return f"{position(difference.ours.span)} {difference.ours.id} | {there}"
    around = (("after", difference.after), ("before", difference.before))
    here = ", ".join(f"{word} {position(node.span)} {node.id}" for word, node in around if node)
    return f"{here or '-'} | {there}"


def _numbers(numbers: Numbers) -> Iterator[str]:
    if numbers.failure:
        yield f"numbers     one of the two fails on an input of {numbers.input}: {numbers.failure}"
        return
    yield f"numbers     largest relative differences in float64, input {numbers.input}"
    yield f"            outputs in evaluation {numbers.evaluation:.1e}, in training {numbers.training:.1e}"
    yield f"            gradients {numbers.gradients:.1e} ({numbers.worst})"


def _verdict(report: ProofReport) -> str:
    if report.ok:
        what = "the same structure" if report.structure_only else "the same network"
        return f"{what} at inference" if report.inference else what
    if report.numbers and not report.numbers.failure:
        return f"not proven: a difference is larger than {TOLERANCE:.0e}"
    return "not proven" if report.numbers else "not the same network"
