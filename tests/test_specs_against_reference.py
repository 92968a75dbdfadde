"""Every network that `data/networks.csv` has measured on public code: its spec has the same size and the same cost."""

from __future__ import annotations

import pytest
from gallery import COUNTERPARTS, WITHOUT_SPEC, Counterpart, measured

import archdsl
from archdsl.analyses import totals
from archdsl.driver import open_spec
from archdsl.resources import specs_folder

SPECS = sorted(path.stem for path in specs_folder().glob("*.arch"))
MEASURED = measured()
LISTED = [pair for pair in COUNTERPARTS if pair.reference in MEASURED]
SMALLER = ("mobilenet@192", "mobilenet@160", "mobilenet@128")
"""The same network as one that was measured at a larger input."""


def test_every_measured_network_has_a_spec_or_a_reason() -> None:
    assert set(MEASURED) == {pair.reference for pair in LISTED} | set(WITHOUT_SPEC)


@pytest.mark.parametrize("pair", LISTED, ids=str)
def test_same_size_and_cost(pair: Counterpart) -> None:
    row = MEASURED[pair.reference]
    graph = archdsl.load(pair.spec, **pair.settings).graph
    nodes = totals.nodes_in(graph, training=pair.training)
    assert totals.parameters(graph, nodes) == row.params
    assert totals.buffers(graph, nodes) == row.buffers
    assert ([node.output.dims for node in graph.inputs] == [row.input]) is (pair.spec not in SMALLER)
    differs = bool(pair.macs_differ) or pair.spec in SMALLER
    assert (totals.macs(graph, totals.nodes_in(graph)) != row.macs) is differs


@pytest.mark.parametrize("spec", SPECS)
def test_says_where_it_is_from_and_what_holds_of_each_variant(spec: str) -> None:
    network = open_spec(spec).network
    assert network is not None
    assert network.doc
    assert network.citation
    stated = {expect.variant for expect in network.expectations}
    assert None in stated or stated >= set(network.variants)
