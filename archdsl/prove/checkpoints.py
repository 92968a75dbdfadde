"""Finds the reference to which published weights belong, and which of them corresponds to which of our weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archdsl.counterparts import COUNTERPARTS
from archdsl.ir.graph import Graph
from archdsl.ir.weight_parts import entry_of
from archdsl.prove.prove import prove
from archdsl.prove.report import report_text
from archdsl.prove.weights import WeightMap
from archdsl.readers import reader_of


def published(graph: Graph, state_dict: Mapping[str, Any], source: str) -> WeightMap:
    """Which entry of a state_dict corresponds to which weight of `graph`.

    `source` is a reference such as `torchvision:resnet50`, a file, or a package such as `torchvision`. The structures
    are proven to be equal, which executes the reference's code. Raises ValueError if they differ, if the package has no
    known counterpart of this network, or if the state_dict does not belong to a counterpart.
    """
    references = [source] if ":" in source or reader_of(source) else list(_counterparts(graph, source))
    if not references:
        title = f"{graph.header.spec}{f'@{graph.header.variant}' if graph.header.variant else ''}"
        raise ValueError(f"no counterpart of {title} in {source} is known; name one: from_='{source}:NAME'")
    for reference in references:
        report = prove(graph, reference, structure_only=True)
        if report.weights is None:
            raise ValueError(report_text(report))
        if report.inference:
            said = f"{reference} has no weights of its own for some layers: {'; '.join(report.notes)}"
            raise ValueError(f"{said}. archdsl.load({reference!r}) is the network that has them")
        keys = (entry_of(key) for key, _ in report.weights.pairs if not key.endswith("num_batches_tracked"))
        if all(key in state_dict for key in keys):
            return report.weights
    raise ValueError(f"the entries of this state_dict are not those of {' or '.join(references)}")


def _counterparts(graph: Graph, package: str) -> Iterator[str]:
    """The references in the table of counterparts for this spec, variant and settings."""
    header = graph.header
    settings = {setting.name: setting.value for setting in header.settings}
    name = Path(header.spec).stem + (f"@{header.variant}" if header.variant else "")
    for pair in COUNTERPARTS:
        same = pair.spec == name and all(settings.get(key) == value for key, value in pair.settings.items())
        if same and pair.reference.startswith(f"{package}:"):
            yield pair.reference.removesuffix("+aux")
