"""How two networks differ: what was added, removed and changed, its cost, and whether checkpoints still load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archdsl.analyses.measures import COMPARED, measure
from archdsl.backends.torch.schedule import emitted
from archdsl.ir.graph import Graph
from archdsl.studies.changes import Finder
from archdsl.studies.entries import Cost, Entry, joined
from archdsl.studies.pairing import Pairing, pair
from archdsl.studies.weights import Loading, state


@dataclass(frozen=True)
class NetworkDifference:
    """How two networks differ. `followers` is the number of ops of which only shapes changed, `follows` their costs."""

    before: Graph
    after: Graph
    entries: tuple[Entry, ...]
    follows: Cost
    followers: int
    measures: tuple[Mapping[str, float], Mapping[str, float]]
    """The measures of both networks by name: those of `archdsl compare`."""
    settings: tuple[tuple[str, Any, Any], ...]
    """The settings that differ: name and both values. None stands for a network without the setting."""
    loading: Loading

    @property
    def is_none(self) -> bool:
        """Whether the two networks are equal."""
        return not self.entries and not self.followers


def difference(before: Graph, after: Graph, precision: str = "fp32") -> NetworkDifference:
    """How the network `after` differs from `before`; `precision` (`fp32`) is that of weights and values."""
    pairing = pair(before, after)
    finder = Finder(pairing)
    entries = [*joined(finder.inside("")), *finder.outputs()]
    return NetworkDifference(
        before,
        after,
        tuple(entries),
        finder.follows,
        finder.followers,
        (measure(before, COMPARED, precision, emitted), measure(after, COMPARED, precision, emitted)),
        tuple(_settings(before, after)),
        Loading(state(before), state(after), _moved(pairing)),
    )


def _settings(before: Graph, after: Graph) -> Iterator[tuple[str, Any, Any]]:
    tables = [{setting.name: setting.value for setting in graph.header.settings} for graph in (before, after)]
    for name in dict.fromkeys((*tables[0], *tables[1])):
        ours, theirs = (table.get(name) for table in tables)
        if ours != theirs:
            yield name, ours, theirs


def _moved(pairing: Pairing) -> dict[str, str]:
    """Names in a checkpoint of the first network, and the names under which their tensors fit the second."""
    ours, theirs = state(pairing.before), state(pairing.after)
    found: dict[str, str] = {}
    for one, other in pairing.nodes.items():
        here, there = pairing.before.node(one), pairing.after.node(other)
        if here.weights == there.weights:
            continue
        for name in here.op.state(*pairing.before.tensors_into(one)):
            given, wanted = here.key(name), there.key(name)
            if ours[given] == theirs.get(wanted):
                found[given] = wanted
    return found
