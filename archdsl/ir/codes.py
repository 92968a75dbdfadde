"""What can be wrong with a graph that is read from JSON."""

from __future__ import annotations

from archdsl.diagnostics import Code

CODES = {
    "bad-graph-file": Code(
        summary="A graph file is no JSON, or its keys and values are not those of the format.",
        explanation="`docs/graph.schema.json` is the format. `--emit json` writes it; nothing else need be written "
        "by hand. The message names the key at fault, or the place where the text stops being JSON.",
        example='{"format": "archdsl-graph-1", "nodes": [}',
    ),
    "broken-graph": Code(
        summary="A graph file has the right form, but no network that holds together.",
        explanation="The rules are those that every graph keeps: nodes come after those they take from, their ids "
        "are the paths of their scopes and a name, shapes are what the ops make of their inputs, there is a main "
        "output. The message names the first that is broken.",
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
