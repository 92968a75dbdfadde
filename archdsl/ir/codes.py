"""Codes for graph files that cannot be read."""

from __future__ import annotations

from archdsl.diagnostics import Code

CODES = {
    "bad-graph-file": Code(
        summary="A graph file is not JSON, or its keys and values are not those of the format.",
        explanation="`docs/graph.schema.json` describes the format, and `--emit json` writes it. The message names the "
        "key at fault, or the place where the text stops being JSON.",
        example='{"format": "archdsl-graph-1", "nodes": [}',
    ),
    "broken-graph": Code(
        summary="A graph file has the right form, but its content is not a valid network.",
        explanation="These are rules for every graph: nodes come after those whose outputs they take, their ids are "
        "the paths of their scopes and a name, shapes are those that the ops give for their inputs, there is a main "
        "output. The message names the first rule that is broken.",
        example="""\
{
  "format": "archdsl-graph-1",
  "header": {"name": "Net", "spec": "net.arch"},
  "sources": [],
  "scopes": [],
  "nodes": [],
  "outputs": []
}
""",
    ),
}
