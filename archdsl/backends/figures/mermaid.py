"""The stages of a network as a Mermaid flowchart, which READMEs show as a figure.

    flowchart TB
        image(["image"]) -->|"3×224×224"| conv1["conv1<br/>7×7, 64, /2"]

The boxes are those of the overview, with what it says in them. A line has the shape of what flows along it, and is
dotted where it leads to an output that exists in training only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from archdsl.analyses.notation import shape
from archdsl.backends.figures.items import data_inputs, nodes_of
from archdsl.backends.figures.overview import LONG, Stage, stages_of
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph, Output, Value

WORDS = frozenset(
    "end graph flowchart subgraph style linkstyle class classdef click call href default direction".split()
)
"""Words of Mermaid that no box may have as its name."""


def mermaid(graph: Graph) -> str:
    """The text of a Mermaid file."""
    return "\n".join(_Flowchart(graph).lines()) + "\n"


class _Flowchart:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.stages = stages_of(Viewer(graph), LONG, training=True)
        self.nodes = [nodes_of(graph, stage.item) for stage in self.stages]
        self.stage_of = {node.id: i for i, nodes in enumerate(self.nodes) for node in nodes}
        self.outputs = [output for output in graph.outputs if not self._has_box(output)]
        self.names = self._unique([*(stage.path for stage in self.stages), *(o.name for o in self.outputs)])

    def _has_box(self, output: Output) -> bool:
        """Whether an output is a box already, with the steps that make it."""
        stages = [self.stage_of.get(value.node) for value in output.values]
        return any(stage is not None and self.stages[stage].further for stage in stages)

    def lines(self) -> Iterator[str]:
        header = self.graph.header
        yield from ("---", f'title: "{header.name}{f" {header.variant}" if header.variant else ""}"', "---")
        yield "flowchart TB"
        for i, stage in enumerate(self.stages):
            yield f"    {self.names[i]}{_box(stage)}"
        outputs = self.names[len(self.stages) :]
        for name, output in zip(outputs, self.outputs, strict=True):
            yield f'    {name}(["{_escaped(output.name)}"])'
        for i, nodes in enumerate(self.nodes):
            only_training = all(node.id in self.graph.training_only for node in nodes)
            for source, value in self._sources(i).items():
                yield self._line(self.names[source], value, self.names[i], only_training)
        for name, output in zip(outputs, self.outputs, strict=True):
            yield from self._to(output, name)

    def _sources(self, own: int) -> Mapping[int, Value]:
        """The stages that a stage takes values from, with a value from each."""
        found: dict[int, Value] = {}
        for node in self.nodes[own]:
            for value in data_inputs(self.graph, node):
                source = self.stage_of.get(value.node, own)
                if source != own:
                    found.setdefault(source, value)
        return found

    def _to(self, output: Output, name: str) -> Iterator[str]:
        seen: set[int] = set()
        for value in output.values:
            source = self.stage_of.get(value.node)
            if source is not None and source not in seen:
                seen.add(source)
                yield self._line(self.names[source], value, name, output.training)

    def _line(self, source: str, value: Value, target: str, only_training: bool) -> str:
        arrow = "-.->" if only_training else "-->"
        return f'    {source} {arrow}|"{_escaped(shape(self.graph.tensor(value)))}"| {target}'

    def _unique(self, paths: Sequence[str]) -> list[str]:
        """A name for each box: its path, as far as Mermaid takes it."""
        found: dict[str, None] = {}
        for path in paths:
            name = re.sub(r"\W", "_", path, flags=re.ASCII)
            while name.lower() in WORDS or name in found:
                name += "_"
            found[name] = None
        return list(found)


def _box(stage: Stage) -> str:
    text = "<br/>".join(map(_escaped, (stage.title, *stage.lines)))
    return f'(["{text}"])' if stage.source else f'["{text}"]'


def _escaped(text: str) -> str:
    """A text in quotes. Signs that mean something to Mermaid or in HTML are written as entities."""
    return re.sub(r'[#"<>&`\\]', lambda found: f"#{ord(found[0])};", text)
