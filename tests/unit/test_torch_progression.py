"""Copies that differ by number."""

from __future__ import annotations

from itertools import pairwise

from archdsl.backends.torch.progression import Progression, as_ratio, segments
from archdsl.backends.torch.vectors import ANY


def parts(*rows: tuple[int, ...]) -> list[tuple[tuple[int, ...], Progression]] | None:
    """Segments of copies with one number each; a row for each use of the class."""
    found = segments([(len(row), (row,)) for row in rows], apart=False)
    return found and [(segment.counts, segment.series[0]) for segment in found]


def test_equal_copies() -> None:
    assert parts((64, 64, 64)) == [((3,), Progression((64,), (0,)))]


def test_a_first_copy_of_its_own() -> None:
    assert parts((3, 64, 64)) == [((1,), Progression((3,), (ANY,))), ((2,), Progression((64,), (0,)))]


def test_a_last_copy_of_its_own() -> None:
    assert parts((64, 64, 2)) == [((2,), Progression((64,), (0,))), ((1,), Progression((2,), (ANY,)))]


def test_a_progression() -> None:
    assert parts((64, 96, 128)) == [((3,), Progression((64,), (32,)))]


def test_two_different_copies_are_no_progression() -> None:
    assert parts((64, 96)) == [((1,), Progression((64,), (ANY,))), ((1,), Progression((96,), (ANY,)))]


def test_uses_are_cut_alike() -> None:
    assert parts((3, 64, 64, 64), (8, 32)) == [
        ((1, 1), Progression((3, 8), (ANY, ANY))),
        ((3, 1), Progression((64, 32), (0, ANY))),
    ]


def test_no_rule() -> None:
    assert parts((4, 5, 8, 8, 5, 4, 5)) is None


def test_fractions_that_were_rounded_each_for_itself() -> None:
    rates = tuple(0.2 * i / 26 for i in range(3, 12))
    assert len({b - a for a, b in pairwise(rates)}) > 1
    found = segments([(len(rates), (rates,))], apart=False)
    assert found is not None
    ((start,), (step,)) = found[0].series[0].start, found[0].series[0].step
    assert all(abs(start + step * i - rate) < 1e-12 * rate for i, rate in enumerate(rates))
    assert as_ratio(start, step, "i") == "0.1 * (3 + i) / 13"


def test_true_is_not_one() -> None:
    assert parts((True, 1, True, 1, True)) is None
