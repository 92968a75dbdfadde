"""Damaged specs are answered, and what is accepted of them is sound. `make fuzz` tries many more."""

from __future__ import annotations

from collections import Counter

import pytest
from check_mutant import check
from mutants import WAYS, mutant

TEXTS = 120
"""Damaged specs that are tried."""


def test_damaged_specs_are_answered() -> None:
    counts: Counter[str] = Counter()
    ways: Counter[str] = Counter()
    for seed in range(TEXTS):
        found = mutant(seed)
        ways[found.way] += 1
        check(found.text, counts)
    assert set(ways) == set(WAYS)
    assert min(counts["parsed"], counts["written"], counts["modules"]) > 0


@pytest.mark.parametrize("output", ["draw", "table"])
def test_an_output_inside_a_loop_is_drawn_and_listed(output: str) -> None:
    import archdsl

    text = (
        "network N:\n    input image: 3 x 8 x 8\n    stage s:\n        repeat 2 as i:\n            conv(4, 1) as v\n"
        "            output early: v -> conv(2, 1)\n    conv(4, 3)\n"
    )
    network = archdsl.loads(text)
    assert "early" in (network.draw("overview").data.decode() if output == "draw" else network.table("text", rows="op"))
