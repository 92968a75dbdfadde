"""The views of compiled networks: a figure, a table or the emitted code; of two networks, one beside the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.backends import figures
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph
from archdsl.live.question import Question
from archdsl.webpage.colours import in_either


def view(graphs: Sequence[Graph], labels: Sequence[str], asked: Question) -> dict[str, Any]:
    """`html`, `svg` or `text`; or a `problem` where there is no such view of these networks."""
    makers = {"figure": _figure, "table": _table, "code": _code}
    try:
        return makers[asked.view](graphs, labels, asked)
    except CompileError as error:
        return {"problem": "\n".join(one.message for one in error.diagnostics)}
    except figures.FigureError as error:
        return {"problem": f"{str(error)[:1].upper()}{str(error)[1:]}"}


def kinds_of_figures() -> list[list[str]]:
    """The figures of one network: name and what each shows."""
    return [[name, kind.about] for name, kind in figures.FIGURES.items() if kind.of == "graph"]


def _figure(graphs: Sequence[Graph], labels: Sequence[str], asked: Question) -> dict[str, Any]:
    size: dict[str, Any] = {"theme": "paired", "width": asked.width, "aspect": asked.aspect}
    if len(graphs) > 1:
        scene = figures.as_scene_of(graphs, "compare", **size)
    else:
        known = dict(kinds_of_figures())
        kind = asked.figure if asked.figure in known else "overview"
        scene = figures.as_scene(graphs[0], kind, **size)
    return {"svg": in_either(figures.written(scene, "svg", "plain").decode())}


def _table(graphs: Sequence[Graph], labels: Sequence[str], asked: Question) -> dict[str, Any]:
    from archdsl.backends.tables.costs import build
    from archdsl.backends.tables.html import element
    from archdsl.backends.tables.request import Request
    from archdsl.backends.torch.schedule import emitted

    if len(graphs) > 1:
        from archdsl.studies.side_by_side import side_by_side

        table = side_by_side(graphs, labels, Request(format="html"), emitted)
    else:
        columns = ("path", "op", "output", "params", "macs", "field", "memory")
        table = build(graphs[0], Request(rows=asked.rows, columns=columns, format="html"), schedule=emitted)
    return {"html": element(table)}


def _code(graphs: Sequence[Graph], labels: Sequence[str], asked: Question) -> dict[str, Any]:
    from archdsl.outputs import source_written

    return {"text": source_written(graphs[0])}
