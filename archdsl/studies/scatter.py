"""A table of errors -> its networks, each compiled to count what it costs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from math import isfinite
from os.path import isfile
from pathlib import Path

from archdsl.analyses import totals
from archdsl.backends.figures.charts.scatter import Dot, Scatter
from archdsl.backends.figures.known import FigureError
from archdsl.driver import compile_network, open_spec, split_variant
from archdsl.text import shown

COLUMNS = ("spec", "family", "error", "source")
"""Those that a table must have; `base` and `label` may be there too."""
DATA = Path(__file__).parent.parent / "data"
"""Tables that come with archdsl."""
MOST = 500
"""Rows of a table: each is a network to compile."""


def scatter(name: str) -> Scatter:
    """The networks of a CSV file: a path, or the name of one that comes with archdsl, `errors.csv`.

    `spec` names a network, `resnet@50`; `error` is in %, as `source` prints it. `base` is the spec that the network is
    another form of, and `label` what it is called in its family, where that is not its variant. Raises `FigureError`,
    and `CompileError` where a network cannot be compiled.
    """
    rows = list(_rows(name))
    if not rows:
        raise FigureError(f"the table {shown(name)} has no rows")
    return Scatter(Path(name).stem, tuple(_dot(name, line, row) for line, row in rows))


def _rows(name: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of the file with their lines."""
    path = Path(name) if isfile(name) or not isfile(DATA / Path(name).name) or Path(name).name != name else DATA / name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        wanted = f"`scatter` is drawn from a CSV file with the columns {', '.join(COLUMNS)}"
        raise FigureError(f"the table `{shown(name)}` cannot be read: {shown(why).lower()}; {wanted}") from None
    reader = csv.DictReader(text.splitlines(), restkey="")
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise FigureError(
            f"the table {shown(name)} has no column {', '.join(missing)}; a table has {', '.join(COLUMNS)}"
        )
    for number, row in enumerate(reader):
        if number >= MOST:
            raise FigureError(f"the table {shown(name)} has more than {MOST} rows")
        yield reader.line_num, {key: (value or "").strip() for key, value in row.items() if key}


def _dot(name: str, line: int, row: Mapping[str, str]) -> Dot:
    for column in COLUMNS:
        if not row[column]:
            raise FigureError(f"in {shown(name)}:{line} no {column} is given")
    spec, variant = split_variant(row["spec"])
    graph = compile_network(open_spec(spec), variant).graph
    nodes = totals.nodes_in(graph)
    label = row.get("label") or (variant or "").partition("_")[0]
    counts = totals.parameters(graph, nodes), totals.macs(graph, nodes)
    return Dot(row["spec"], label, row["family"], *counts, _error(name, line, row), row["source"], row.get("base", ""))


def _error(name: str, line: int, row: Mapping[str, str]) -> float:
    try:
        error = float(row["error"])
    except ValueError:
        error = float("nan")
    if not isfinite(error) or not 0 <= error <= 100:
        raise FigureError(f"in {shown(name)}:{line} the error is {shown(row['error'])}, and not a number of percent")
    return error
