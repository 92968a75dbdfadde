"""Gives a network that has no scopes blocks and stages, which are found from the flow of its values alone.

`regions` finds the blocks, and `stages` the stages. Takes time linear in the network, but for a logarithm.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from archdsl.frontends.nodes import NewNode
from archdsl.frontends.regions import Region, Regions
from archdsl.frontends.stages import Stages

CONTAINER = "Sequential"
"""The class of stages and copies, which says nothing."""


def outlined(made: Sequence[NewNode], results: Collection[tuple[int, int]]) -> tuple[list[NewNode], dict[str, str]]:
    """The nodes with their places inside the blocks and stages that are found, and the classes of these by path.

    `results` are the outputs of the network. The path of a node's module, or "", is put behind that of its scope, but
    for a number: that is a place in a container, and in a block no name.
    """
    outline = _Outline(Regions(made, results))
    placed = []
    for node, scope in zip(made, outline.scopes, strict=True):
        own = "" if node.place.module.isdecimal() else node.place.module
        module = ".".join(filter(None, (scope, own)))
        placed.append(replace(node, place=replace(node.place, module=module)))
    return placed, outline.classes


class _Outline:
    """The path of the innermost scope around each node, and the class of each scope by its path."""

    def __init__(self, regions: Regions) -> None:
        self.classes: dict[str, str] = {}
        stages = Stages(regions).names
        inside: dict[str | Region, dict[Region, None]] = defaultdict(dict)
        for stage, holders in zip(stages, regions.holders, strict=True):
            outer: str | Region = stage
            for region in holders:
                inside[outer][region] = None
                outer = region
        paths: dict[str | Region, str] = {stage: stage for stage in stages}
        self.classes |= {stage: CONTAINER for stage in paths.values() if stage}
        pending: list[str | Region] = [*paths]
        for scope in pending:
            for path, region in self._named(paths[scope], list(inside[scope])):
                paths[region] = path
                self.classes[path] = region.kind
                pending.append(region)
        rows = zip(stages, regions.holders, strict=True)
        self.scopes = [paths[holders[-1] if holders else stage] for stage, holders in rows]

    def _named(self, scope: str, regions: Sequence[Region]) -> Iterator[tuple[str, Region]]:
        """Paths for the blocks in a scope. Those of one class, each of which follows the one before, are copies."""
        runs: list[list[Region]] = []
        for region in regions:
            if runs and runs[-1][-1].last == region.before and runs[-1][-1].kind == region.kind:
                runs[-1].append(region)
            else:
                runs.append([region])
        counts: Counter[str] = Counter()
        for run in runs:
            name = run[0].kind.lower() + "s" * (len(run) > 1)
            counts[name] += 1
            name += str(counts[name]) if counts[name] > 1 else ""
            path = f"{scope}.{name}" if scope else name
            if len(run) > 1:
                self.classes[path] = CONTAINER
            yield from ((f"{path}.{number}" if len(run) > 1 else path, region) for number, region in enumerate(run))
