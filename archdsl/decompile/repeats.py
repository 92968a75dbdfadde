"""Makes blocks of what containers of plain layers repeat, where networks differ in how often, or in the layers.

Code for VGG appends a convolution and what follows it to a list, so that no class says what is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.decompile.draft import CONTAINERS, Draft, Part
from archdsl.ir.graph import Value
from archdsl.ops.base import Family

FEWEST = 3
"""A container that has as many of them repeats something."""
FOLLOWING = frozenset({Family.NORM, Family.ACTIVATION})


def enclose_repeats(drafts: Sequence[Draft]) -> None:
    """Puts each convolution and what follows it into a region, in containers in which the networks differ."""
    first, *others = drafts
    for path, region in list(first.regions.items()):
        if region.recorded.kind not in CONTAINERS or any(path not in draft.regions for draft in others):
            continue
        found = [list(_runs(draft, path)) for draft in drafts]
        kinds = [[_kind(run) for run in runs] for runs in found]
        if any(row != kinds[0] for row in kinds) and max(map(len, kinds)) >= FEWEST:
            for draft, runs in zip(drafts, found, strict=True):
                for run in runs:
                    draft.enclose(_kind(run), run)


def _runs(draft: Draft, path: str) -> Iterator[list[Part]]:
    """The convolutions of a region, each with what follows it alone."""
    users = draft.users()
    for id in draft.members[path]:
        part = draft.parts.get(id)
        if part is None or part.op.family is not Family.CONV or part.weights in draft.shared.get(path, {}):
            continue
        run = [part]
        while True:
            after = users[Value(run[-1].id)]
            follower = after[0] if len(after) == 1 else None
            if not isinstance(follower, Part) or follower.region != path or follower.op.family not in FOLLOWING:
                break
            run.append(follower)
        if len(run) > 1:
            yield run


def _kind(run: Sequence[Part]) -> str:
    return "_".join(part.op.name for part in run)
