"""Every network that `data/networks.csv` has measured on public code: its spec has the same size and the same cost."""

from __future__ import annotations

import pytest
from gallery import COUNTERPARTS, WITHOUT_SPEC, Counterpart, measured

import archdsl
from archdsl.analyses import totals

MEASURED = measured()
LISTED = [pair for pair in COUNTERPARTS if pair.reference in MEASURED]


def test_every_measured_network_has_a_spec_or_a_reason() -> None:
    assert set(MEASURED) == {pair.reference for pair in LISTED} | set(WITHOUT_SPEC)


@pytest.mark.parametrize("pair", LISTED, ids=str)
def test_same_size_and_cost(pair: Counterpart) -> None:
    row = MEASURED[pair.reference]
    graph = archdsl.load(pair.spec, **pair.settings).graph
    nodes = totals.nodes_in(graph, training=pair.training)
    assert [node.output.dims for node in graph.inputs] == [row.input]
    assert totals.parameters(graph, nodes) == row.params
    assert totals.buffers(graph, nodes) == row.buffers
    assert (totals.macs(graph, totals.nodes_in(graph)) == row.macs) is not bool(pair.macs_differ)
