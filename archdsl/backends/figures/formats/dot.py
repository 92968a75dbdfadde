"""The whole graph in Graphviz's own language, for readers who want to lay it out themselves."""

from __future__ import annotations

from typing import Any

from archdsl.analyses.notation import shape
from archdsl.backends.figures.label import network_name, notation, scope_name
from archdsl.backends.figures.style import LOOKS, Theme
from archdsl.ir.graph import Graph, Node, Scope

SHAPES = {"square": "box", "round": "box", "cut": "octagon"}


def dot(graph: Graph, theme: Theme) -> str:
    """DOT text: every op a node named by its path, every scope a cluster, every value an edge with its shape."""
    from graphviz import Digraph, escape

    drawing = Digraph(
        graph_attr={"label": escape(network_name(graph.header)), "labelloc": "t", "bgcolor": theme.background},
        node_attr={"fontname": "Helvetica", "fontcolor": theme.ink},
        edge_attr={"fontname": "Helvetica", "fontcolor": theme.ink, "color": theme.ink},
    )
    drawing.attr(fontname="Helvetica", fontcolor=theme.ink)
    _members(graph, "", drawing, theme)
    for node in graph:
        for value in graph.inputs_of(node.id):
            drawing.edge(value.node, node.id, label=shape(graph.tensor(value)))
    return str(drawing.source)


def _members(graph: Graph, path: str, drawing: Any, theme: Theme) -> None:
    from graphviz import escape

    for member in graph.children[path]:
        if isinstance(member, Node):
            drawing.node(member.id, **_look(graph, member, theme))
        else:
            with drawing.subgraph(name=f"cluster_{member.path}") as cluster:
                cluster.attr(label=escape(_title(member)), style="rounded", color=theme.border)
                _members(graph, member.path, cluster, theme)


def _title(scope: Scope) -> str:
    return scope_name(scope) if scope.block or scope.kind != "copy" else scope.name


def _look(graph: Graph, node: Node, theme: Theme) -> dict[str, str]:
    from graphviz import escape

    look = LOOKS[node.op.family]
    style = ["filled", *(["rounded"] if look.corner == "round" else []), *(["dashed"] if look.dash else [])]
    return {
        "label": escape(notation(graph, node)),
        "shape": SHAPES[look.corner],
        "style": ",".join(style),
        "fillcolor": theme.fill(node.op.family),
        "color": theme.stroke(node.op.family),
    }
