"""Loads published weights: finds the reference they belong to, and which of them is which weight of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archdsl.counterparts import COUNTERPARTS
from archdsl.ir.graph import Graph
from archdsl.prove.prove import prove
from archdsl.prove.report import report_text
from archdsl.prove.weights import WeightMap


def published(graph: Graph, state_dict: Mapping[str, Any], source: str) -> WeightMap:
    """Which entry of a state_dict is which weight of `graph`; `source` is a reference, or a package as `torchvision`.

    The structure of the two is proven on the way. Executes the reference's code. Raises ValueError where the
    two differ, where the package has no counterpart of this network, or where the state_dict is not that of one.
    """
    references = [source] if ":" in source else list(_counterparts(graph, source))
    if not references:
        title = f"{graph.header.spec}{f'@{graph.header.variant}' if graph.header.variant else ''}"
        raise ValueError(f"{title} has no counterpart in {source} that is known; name one: from_='{source}:NAME'")
    for reference in references:
        report = prove(graph, reference, structure_only=True)
        if report.weights is None:
            raise ValueError(report_text(report))
        if all(key in state_dict for key, _ in report.weights.pairs if not key.endswith("num_batches_tracked")):
            return report.weights
    raise ValueError(f"these are not the entries of {' or '.join(references)}")


def _counterparts(graph: Graph, package: str) -> Iterator[str]:
    """The entries of the table for this spec, variant and settings."""
    header = graph.header
    settings = {setting.name: setting.value for setting in header.settings}
    name = Path(header.spec).stem + (f"@{header.variant}" if header.variant else "")
    for pair in COUNTERPARTS:
        same = pair.spec == name and all(settings.get(key) == value for key, value in pair.settings.items())
        if same and pair.reference.startswith(f"{package}:"):
            yield pair.reference.removesuffix("+aux")
