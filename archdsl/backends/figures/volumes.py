"""The classical picture of a network: every tensor an oblique box with its true size, from left to right, or in a U."""

from __future__ import annotations

from archdsl.backends.figures.captions import Writer
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE, page
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.stacks_read import columns_of
from archdsl.backends.figures.volumes_row import in_rows
from archdsl.backends.figures.volumes_u import in_a_u
from archdsl.ir.graph import Graph


def volumes(graph: Graph, options: Options) -> Scene:
    """A column for each stage; a network with skips between equal sizes is a U, others wrap after nine columns."""
    columns, skips = columns_of(graph)
    writer = Writer(graph, columns, options.colours, options.paper.width - 2 * EDGE)
    picture = in_a_u(graph, columns, skips, writer, options) or in_rows(graph, columns, skips, writer, options)
    return page(graph, "volumes", picture, options, (), writer.keys())
