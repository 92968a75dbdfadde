"""The classical picture of a network: every tensor an oblique box with its true size, from left to right, or in a U."""

from __future__ import annotations

from archdsl.backends.figures.fold import lengths
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE, page
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.view import Viewer
from archdsl.backends.figures.volumes.captions import Writer
from archdsl.backends.figures.volumes.reading import columns_of
from archdsl.backends.figures.volumes.row import in_rows
from archdsl.backends.figures.volumes.u import in_a_u
from archdsl.ir.graph import Graph

LONG = 30
"""No slide holds more columns than this."""


def volumes(graph: Graph, options: Options) -> Scene:
    """A column for each stage; a network with skips between equal sizes is a U, others wrap after nine columns.

    Of more stages than fit, those in the middle are one column.
    """
    viewer = Viewer(graph)
    for most in lengths(viewer.closed, LONG):
        columns, skips = columns_of(viewer, most)
        writer = Writer(graph, columns, options.colours, options.paper.width - 2 * EDGE)
        picture = in_a_u(graph, columns, skips, writer, options) or in_rows(graph, columns, skips, writer, options)
        scene = page(graph, "volumes", picture, options, (), writer.keys())
        if not scene.notes:
            break
    return scene
