"""Tables as LaTeX: they say what the table says, fit the page, and compile without a line that is too long."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from latex_reader import Cell, Panel, Read, read

import archdsl
from archdsl.backends.tables import render
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.latex_fit import PAGE, pieces
from archdsl.backends.tables.latex_widths import BOLD, FIRST, KERNED, REGULAR, width
from archdsl.backends.tables.request import COLUMNS, Request
from archdsl.backends.tables.table import BLANK, Column, Table, cells, lines, total_cells
from archdsl.studies.side_by_side import side_by_side

KINDS: dict[str, dict[str, Any]] = {
    "default": {},
    "op": {"rows": "op"},
    "weighted": {"weighted_only": True, "exact": True},
    "sheet": {"blank": ["output", "params", "macs"]},
    "solution": {"solution": True, "columns": ["path", "op", "output", "params", "macs", "field"]},
    "wide": {"columns": [name for name in COLUMNS if name != "arguments"], "machine": "h200"},
    "arguments": {"arguments": True},
    "arguments to fill in": {"blank": ["arguments", "params"]},
}
SAMPLE = ("googlenet", "alexnet@two_gpu", "efficientnet", "textcnn")
BESIDE: dict[str, tuple[str, ...]] = {
    "resnet": ("18", "34", "50", "101", "152"),
    "vgg": ("A", "B", "C", "D", "E"),
    "efficientnet": ("b0", "b7"),
}


def beside(spec: str, columns: list[str] | None = None) -> Table:
    labels = [f"{spec}@{variant}" for variant in BESIDE[spec]]
    request = Request(format="latex", columns=columns)
    return side_by_side([archdsl.load(label).graph for label in labels], labels, request)


def made(spec: str, kind: str) -> Table:
    return build(archdsl.load(spec).graph, Request(format="latex", **KINDS[kind]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spec", SAMPLE)
def test_it_says_what_the_table_says_and_fits_the_page(spec: str, kind: str) -> None:
    table = made(spec, kind)
    found = read(render("latex", table))
    assert_texts(table, found)
    for panel in found.panels:
        assert wide(panel, found) <= PAGE


@pytest.mark.parametrize("columns", [None, ["output", "op", "title", "line", "params"]])
@pytest.mark.parametrize("spec", BESIDE)
def test_networks_side_by_side_fit_the_page(spec: str, columns: list[str] | None) -> None:
    table = beside(spec, columns)
    found = read(render("latex", table))
    assert_texts(table, found)
    for panel in found.panels:
        assert wide(panel, found) <= PAGE


def test_a_network_s_columns_stay_together() -> None:
    table = beside("resnet", ["output", "params", "macs", "memory"])
    found = read(render("latex", table))
    assert len(found.panels) > 1
    for panel in found.panels:
        (head,) = panel.heads[r"\endfirsthead"]
        names = [cell.text.split(" ")[0] for cell in head[1:]]
        assert all(names.count(name) == 4 for name in names)


def test_tables_of_papers_are_not_cut() -> None:
    for table in (made("googlenet", "arguments"), beside("resnet")):
        assert len(read(render("latex", table)).panels) == 1


def test_a_bracket_or_star_at_the_start_of_a_line_is_text() -> None:
    columns = [Column("a", "*"), Column("b", "[b", "stack")]
    table = Table("", columns, lines([["[1]", "x; *"], ["*", "[2; 3]"]]), ruled=True)
    assert_texts(table, read(render("latex", table)))


def assert_texts(table: Table, found: Read) -> None:
    """The panels together have each column, with the texts of the table; each has the leading column."""
    rows = [cells(table, line) for line in table.lines]
    rows += [total_cells(table)] if table.total is not None else []
    expected = {column.heading: [row[i].strip(" ") for row in rows] for i, column in enumerate(table.columns)}
    shown: dict[str, list[str]] = {}
    for panel in found.panels:
        (head,) = panel.heads[r"\endfirsthead"]
        assert [cell.text for cell in panel.heads[r"\endhead"][0]] == [cell.text for cell in head]
        assert head[0].text == table.columns[0].heading
        for index, cell in enumerate(head):
            shown[cell.text] = [BLANK if row[index].line else row[index].text for row in panel.rows]
    assert shown == expected


def wide(panel: Panel, found: Read) -> float:
    """How wide the panel is, in points, from its widest cells. Words of a wrapped column may not reach over it."""
    rows = [*panel.heads[r"\endfirsthead"], *panel.rows]
    total = found.gap * (len(panel.widths) - 1)
    for index, limit in enumerate(panel.widths):
        heading, *column = [row[index] for row in rows]
        if limit is not None:
            assert max(longest_word(cell, found.size) for cell in [heading, *column]) <= limit + 0.1
        if limit is not None and panel.numbers[index]:
            assert max(whole(cell, found.size) for cell in column) <= limit + 0.1
        total += limit or max(whole(cell, found.size) for cell in [heading, *column])
    return total


def whole(cell: Cell, size: int) -> float:
    return cell.line or cell.indent + max(width(line, size, cell.bold) for line in cell.text.split("\n"))


def longest_word(cell: Cell, size: int) -> float:
    parts = [part for word in re.split("[ \n]", cell.text) for part in pieces(word)]
    return cell.indent + max((width(part, size, cell.bold) for part in parts), default=0)


def test_the_font_is_as_large_as_fits() -> None:
    narrow = build(archdsl.load("lenet").graph, Request(format="latex", columns=["path", "op", "params"]))
    assert read(render("latex", narrow)).size == 10
    wide = read(render("latex", made("lenet", "wide")))
    assert wide.size == 8
    assert len(wide.panels) > 1


# --- with TeX --------------------------------------------------------------------------------

DOCUMENT = r"""\documentclass{article}
\usepackage[margin=1in,letterpaper]{geometry}
\usepackage{array,booktabs,longtable}
\begin{document}
%s
\end{document}
"""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_it_compiles_and_no_line_is_too_long(tmp_path: Path) -> None:
    tables = [render("latex", made(spec, kind)) for spec in SAMPLE[:2] for kind in KINDS]
    tables += [render("latex", beside(spec)) for spec in BESIDE]
    (tmp_path / "tables.tex").write_text(DOCUMENT % "\n\\clearpage\n".join(tables), encoding="utf-8")
    call = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "tables.tex"]
    for _ in range(2):
        run = subprocess.run(call, cwd=tmp_path, capture_output=True, timeout=120)
        assert run.returncode == 0, run.stdout[-2000:]
    log = (tmp_path / "tables.log").read_text(encoding="latin-1")
    assert "Overfull" not in log


@pytest.mark.skipif(shutil.which("tftopl") is None, reason="there is no tftopl here")
@pytest.mark.parametrize(("font", "widths"), [("cmr8", REGULAR), ("cmbx8", BOLD)])
def test_widths_are_those_of_the_font(font: str, widths: tuple[int, ...]) -> None:
    listing = subprocess.run(["tftopl", font], capture_output=True, text=True, timeout=60).stdout
    for part in listing.split("(CHARACTER C ")[1:]:
        letter, measured = part[0], float(part.partition("(CHARWD R ")[2].partition(")")[0])
        assert widths[ord(letter) - ord(FIRST)] == round(1000 * measured), letter
    assert width("aa", 8) == pytest.approx(16 * REGULAR[ord("a") - ord(FIRST)] * KERNED / 1000)
