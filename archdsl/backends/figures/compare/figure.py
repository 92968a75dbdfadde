"""Networks side by side: what they share stands in one place, what only one has is in colour.

Small ones, whose every op fits, are panels with a row for each depth; others are rows of layers, in columns of one
resolution. The first form that fits the slide with text of 14 points is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.backends.figures.compare.names import told
from archdsl.backends.figures.compare.panels import panels
from archdsl.backends.figures.compare.rows import rows
from archdsl.backends.figures.known import FigureError
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import Head, description, slide
from archdsl.backends.figures.scene import Scene
from archdsl.ir.graph import Graph

FEWEST, MOST = 2, 4
"""Networks on one slide."""


def compare(graphs: Sequence[Graph], options: Options) -> Scene:
    """Two to four networks side by side. Raises `FigureError` where they do not fit a slide."""
    if not FEWEST <= len(graphs) <= MOST:
        raise FigureError(
            f"compare shows {FEWEST} to {MOST} networks, and got {len(graphs)}; one alone is shown by overview, block "
            "or graph, and `archdsl compare` makes a table of any number"
        )
    about = told(graphs)
    drawing = panels(graphs, about, options) or rows(graphs, about, options)
    if drawing is None:
        raise FigureError(
            f"{about.title}: these networks do not fit side by side with text of 14 points, even with their blocks "
            "folded; overview, block and graph show each alone, and `archdsl compare` makes a table"
        )
    names = [f"{name}: {description(graph)}" for name, graph in zip(about.names, graphs, strict=True)]
    head = Head(about.title, about.common, f"{about.title}: compare", " ".join(names))
    return slide(head, drawing.picture, options, drawing.keys)
