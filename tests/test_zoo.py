"""The record of imported public models: the smallest tenth of each package's sample is measured again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from zoo import measured, prepare
from zoo_record import Row, markdown, rows, sample


def smallest() -> Iterator[Row]:
    known = rows()
    for references in sample().values():
        found = sorted(
            (known[name] for name in references if name in known), key=lambda row: (row.nodes, row.reference)
        )
        yield from [row for row in found if row.nodes][: -(-len(references) // 10)]


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    prepare()


@pytest.mark.parametrize("row", list(smallest()), ids=lambda row: row.reference)
def test_a_model_is_what_the_record_says(row: Row) -> None:
    """Nodes, counts and proof. How long its texts are may change; whether there are any may not.

    (Outputs are compared by `scripts/zoo.py --numbers` alone.)
    """
    found = measured(row.reference)
    assert (found.python > 0, found.lines > 0) == (row.python > 0, row.lines > 0)
    assert replace(found, python=0, lines=0) == replace(row, python=0, lines=0, largest="")


def test_the_record_holds_models_of_the_sample_alone() -> None:
    assert set(rows()) <= {name for references in sample().values() for name in references}


def test_the_page_says_what_differs() -> None:
    """Counts that differ stand out, and what is not measured is said."""
    text = markdown()
    missing = sum(len(references) for references in sample().values()) - len(rows())
    assert (f"Not measured yet are {missing} models" in text) == (missing > 0)
    for row in rows().values():
        if row.nodes and row.macs != row.torch_macs:
            assert f"**{row.macs:,}** ({row.torch_macs:,})" in text
