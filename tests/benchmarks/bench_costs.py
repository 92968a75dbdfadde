"""How long costs take, as ratios within one run. `make bench` prints them; nothing is asserted on time."""

from __future__ import annotations

from measure import beside, deep, process, report, seconds

from archdsl.analyses.measures import summarize
from archdsl.analyses.rows import CUTS, rows
from archdsl.backends.tables import render
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.request import Request
from archdsl.driver import collection_paused
from archdsl.ir.graph import Graph


def everything(graph: Graph) -> None:
    """All analyses and the rows of every kind of table."""
    with collection_paused():
        summary = summarize(graph)
        for cut in CUTS.values():
            rows(summary, cut)


def bench_table_as_a_process() -> None:
    """A whole `archdsl table` beside the import of torch alone."""
    words = ("-m", "archdsl", "table", "resnet@152")
    ours, theirs = beside(process(*words), process("-c", "import torch"))
    report("table resnet@152 / import torch, seconds", ours, theirs, 0.5)


def bench_analyses_grow_linearly() -> None:
    """Ten times the layers."""
    small, large = deep(1_000), deep(10_000)
    report(
        "analyses of 10,000 / 1,000 layers", seconds(lambda: everything(large)), seconds(lambda: everything(small)), 12
    )


def bench_tables_grow_linearly() -> None:
    """The same with every op in a row, as text and as data."""
    small, large = deep(1_000), deep(10_000)

    def table(graph: Graph, format: str) -> str:
        request = Request(rows="op", format=format)
        with collection_paused():
            return render(format, build(graph, request))

    for format in ("text", "csv", "html"):
        taken = [seconds(lambda graph=graph, format=format: table(graph, format)) for graph in (large, small)]
        report(f"{format} table of 10,000 / 1,000 layers", *taken, 12)
