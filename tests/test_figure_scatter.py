"""Scatter: discs lie and measure as their numbers say, names touch nothing, tables that are wrong are refused."""

from __future__ import annotations

import csv
from functools import cache
from itertools import combinations
from math import hypot, log10
from pathlib import Path
from random import Random

import pytest

from archdsl.backends.figures import FigureError, as_scene_of, written
from archdsl.backends.figures.charts.scatter import Dot, Scatter
from archdsl.studies.scatter import DATA, scatter
from tests.pictures import Box, Picture, own_shapes
from tests.test_figures import fits_a_slide_with_text_that_can_be_read, nothing_is_outside_of_the_page


@cache
def shipped() -> Scatter:
    return scatter("errors.csv")


def made(seed: int, number: int) -> Scatter:
    """Networks in families, with any numbers."""
    random = Random(seed)
    dots = [
        Dot(
            f"n@{i}",
            str(i),
            f"Family {i % 7}",
            int(10 ** random.uniform(5, 8.3)),
            int(10 ** random.uniform(7, 10.5)),
            random.uniform(15, 45),
            f"Source {i % 3}",
        )
        for i in range(number)
    ]
    return Scatter("made", tuple(dots))


CASES = {
    "shipped": shipped,
    **{f"{n} of seed {seed}": lambda s=seed, n=n: made(s, n) for seed in range(4) for n in (1, 3, 12, 40)},
}
every_case = pytest.mark.parametrize("case", CASES)


@cache
def picture(case: str) -> Picture:
    return Picture(written(as_scene_of(CASES[case](), "scatter")))


def discs(found: Picture) -> list[tuple[dict[str, str], Box]]:
    groups = [group for group in found.groups() if group.get("data-kind") == "disc"]
    return [(dict(group.attrib), own_shapes(group)[0]) for group in groups]


@every_case
def test_discs_lie_where_their_numbers_say(case: str) -> None:
    """In the order of MACs to the right and of errors downwards, and by one scale each."""
    found = [(log10(int(data["data-macs"])), float(data["data-error"]), box) for data, box in discs(picture(case))]
    for axis, low in ((0, "left"), (1, "top")):
        high = {"left": "right", "top": "bottom"}[low]
        places = sorted((one[axis], (getattr(one[2], low) + getattr(one[2], high)) / 2) for one in found)
        (first, start), (last, end) = places[0], places[-1]
        for number, place in places:
            share = (number - first) / (last - first) if last > first else 0.0
            assert place == pytest.approx(start + share * (end - start), abs=0.2)


@every_case
def test_areas_are_parameters(case: str) -> None:
    found = [(int(data["data-parameters"]), box.right - box.left) for data, box in discs(picture(case))]
    most, widest = max(found)
    for parameters, wide in found:
        assert wide == pytest.approx(max(widest * (parameters / most) ** 0.5, 4.0), abs=0.03)


@every_case
def test_names_touch_no_name_and_no_disc(case: str) -> None:
    found = picture(case)
    for one, other in combinations(found.texts(), 2):
        assert not one.meets(other), f"{one} and {other} overlap"
    for _, box in discs(found):
        x, y, radius = (box.left + box.right) / 2, (box.top + box.bottom) / 2, (box.right - box.left) / 2
        for text in found.texts():
            away = hypot(max(text.left - x, 0, x - text.right), max(text.top - y, 0, y - text.bottom))
            assert away > radius - 1.5, f"{text} lies on a disc"


@every_case
def test_it_fits_a_slide(case: str) -> None:
    fits_a_slide_with_text_that_can_be_read(picture(case))
    nothing_is_outside_of_the_page(picture(case))


def test_every_family_and_source_is_told() -> None:
    words = " ".join(picture("shipped").words)
    for dot in shipped().dots:
        assert dot.family in words
        assert dot.source in words
    assert "MobileNet 0.25 (49.4 %)" in words, "what is outside of the axes"


def test_counts_are_those_of_the_networks() -> None:
    found = {dot.spec: dot for dot in shipped().dots}
    assert (found["vgg@D_bn"].parameters, found["vgg@D_bn"].macs) == (138_365_992, 15_470_264_320)
    assert found["mobilenet@0.5"].macs == 149_497_088


def test_the_table_cites_every_error() -> None:
    with (DATA / "errors.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(shipped().dots)
    assert all(any(year in row["source"] for year in ("2017", "2018")) for row in rows)
    specs = {row["spec"] for row in rows}
    assert len(specs) == len(rows)
    assert {row["base"] for row in rows} - {""} <= specs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column spec, family, error, source"),
        ("spec,family,error,source\n", "has no rows"),
        ("spec,family,error\nlenet,LeNet,1\n", "has no column source"),
        ("spec,family,error,source\nlenet,LeNet,none,LeCun\n", ":2 the error is none"),
        ("spec,family,error,source\nlenet,LeNet,nan,LeCun\n", ":2 the error is nan"),
        ("spec,family,error,source\nlenet,LeNet,0.8,\n", ":2 no source is given"),
    ],
)
def test_wrong_tables_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(FigureError, match=message):
        scatter(str(path))


def test_a_table_that_is_not_there_is_refused() -> None:
    with pytest.raises(FigureError, match="cannot be read"):
        scatter("nowhere/errors.csv")
