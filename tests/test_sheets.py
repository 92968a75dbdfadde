"""Exercise sheets: what is left blank, and that the solution's arithmetic comes to the numbers of the table."""

from __future__ import annotations

import json
import re

import pytest
from arithmetic import equations
from latex_reader import read

import archdsl
from archdsl.backends.tables import FORMATS, render
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.request import Request
from archdsl.backends.tables.table import BLANK, Table

SAMPLE = (
    "alexnet@two_gpu",
    "lenet",
    "googlenet",
    "resnet@18",
    "mobilenet",
    "unet",
    "textcnn",
    "densenet@121",
    "fcn@8s",
)
WORKED = ("output", "params", "macs", "field")


def sheet(spec: str, **options: object) -> Table:
    columns = ["path", "op", *WORKED]
    return build(archdsl.load(spec).graph, Request(columns=columns, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", SAMPLE)
def test_every_formula_comes_to_the_number_of_the_table(spec: str) -> None:
    """The numbers are those of the same rows in the JSON of the table without solution."""
    solved = sheet(spec, solution=True)
    plain = sheet(spec, rows="op")
    numbers = {line.path: line.values for line in plain.lines}
    worked = 0
    for line in solved.lines:
        if line.opened or not line.path:
            continue
        _, _, shape, params, macs, field = numbers[line.path]
        sizes = equations(str(line.values[2]).partition(": ")[2]) if ": " in str(line.values[2]) else []
        assert set(sizes) <= set(shape[1:]), line.path
        assert equations(str(line.values[3])) == [params], line.path
        assert equations(str(line.values[4])) == [macs], line.path
        if field != "global" and " = " in str(line.values[5]):
            assert set(equations(str(line.values[5]))) == set(field if isinstance(field, tuple) else [field])
        worked += len(sizes)
    assert worked >= 3


@pytest.mark.parametrize("spec", SAMPLE)
def test_sheet_and_solution_have_the_same_rows(spec: str) -> None:
    asked, solved = sheet(spec, blank=WORKED), sheet(spec, blank=WORKED, solution=True)
    assert [line.path for line in asked.lines] == [line.path for line in solved.lines]
    for ask, answer in zip(asked.lines, solved.lines, strict=True):
        for blank, value in zip(ask.values, answer.values, strict=True):
            assert str(blank) in (str(value), BLANK) or ask.opened or not ask.path
            assert value != BLANK


def test_ops_that_leave_the_shape_have_no_row() -> None:
    ops = {line.values[1].split(" ")[0] for line in sheet("vgg@D_bn", blank=["params"]).lines if line.path}
    assert {"conv", "max_pool", "flatten", "linear"} == ops - {""}


@pytest.mark.parametrize("format", FORMATS)
def test_there_is_a_line_to_write_on_for_each_blank(format: str) -> None:
    table = sheet("alexnet@single", blank=["shape", "params"], format=format)
    blanks = sum(value is BLANK for line in table.lines for value in line.values)
    blanks += sum(value is BLANK for value in table.total or ())
    assert blanks == 12 + 8 + 1
    printed = render(format, table)
    match format:
        case "text":
            assert len(re.findall("_{12}", printed)) == blanks
        case "markdown":
            assert len(re.findall(r"(?:\\_){12}", printed)) == blanks
        case "html":
            assert printed.count('class="number blank"></td>') == blanks
        case "latex":
            assert sum(cell.line > 0 for p in read(printed).panels for row in p.rows for cell in row) == blanks
        case "json":
            data = json.loads(printed)
            assert data["facts"] == {}
            assert {row["params"] for row in data["rows"]} == {None, 0}
        case "csv":
            assert "34944" not in printed


def test_a_blank_column_is_shown_even_if_no_one_asked_for_it() -> None:
    table = build(archdsl.load("lenet").graph, Request(blank=["field"]))
    assert "field" in [column.name for column in table.columns]
