"""Measures how well the steps after a part of one network agree with the steps after a part of another.

Where two networks begin to differ, this decides whether a step was changed, added or left out: the choice after which
most of the following steps agree. It works like the alignment of two texts (as in `diff`), with steps in place of
letters, along the paths of two graphs.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from archdsl.ops.base import Op
from archdsl.prove.colors import Parts, signature
from archdsl.prove.form import Part

PAIRS = 2_000_000
"""The most pairs of parts that are compared. In larger networks, only parts at about the same place are."""

USERS = 3
"""The most users of a part that are followed."""

NEW_RUN = 0.5
"""The cost of beginning to skip steps, beside 1 for each step: to skip one block is better than single steps."""

NEVER = float("-inf")


class Choices(NamedTuple):
    """The score of each choice: two parts are counterparts (`both`), ours is additional, or theirs is missing here."""

    both: float
    ours: float
    theirs: float


NEITHER = Choices(NEVER, NEVER, NEVER)


class Futures:
    """Compares what follows a part of ours and one of theirs. In both lists of parts, each comes after its inputs."""

    def __init__(self, ours: Parts, theirs: Parts, users: Mapping[Part, list[Part]]) -> None:
        self.parts = (ours, theirs)
        self.places = tuple({part: place for place, part in enumerate(parts)} for parts in (ours, theirs))
        self.next = tuple(_following(places, users) for places in self.places)
        self.alike = _Likeness()
        self.rows: list[dict[int, Choices]] = [{} for _ in ours]
        width = max(PAIRS // max(len(ours), 1), 50)
        for here, part in reversed(list(enumerate(ours))):
            middle = here * len(theirs) // len(ours)
            row = self.rows[here]
            for there in reversed(range(max(middle - width, 0), min(middle + width, len(theirs)))):
                row[there] = self._choices(here, there, part, theirs[there])

    def choices(self, part: Part, other: Part) -> Choices:
        """The score of each choice for two parts."""
        here, there = self.places[0].get(part), self.places[1].get(other)
        if here is None or there is None:  # it had a counterpart, which was then given to another part
            return Choices(0.0, NEVER, NEVER)
        return self._choices(here, there, part, other)

    def run(self, mine: Part, its: Part, is_ours: bool) -> list[Part]:
        """The successive steps to skip, of ours or of theirs, from the given one on."""
        run, side = [mine if is_ours else its], 0 if is_ours else 1
        while True:
            followers = [self.parts[side][place] for place in self.next[side][self.places[side][run[-1]]]]
            options = [(self.choices(one, its) if is_ours else self.choices(mine, one), one) for one in followers]
            found, part = max(options, key=lambda option: option[0][1 + side], default=(NEITHER, None))
            if part is None or found[1 + side] <= max(found) - NEW_RUN:
                return run
            run.append(part)

    def _choices(self, here: int, there: int, part: Part, other: Part) -> Choices:
        mine, its, row = self.next[0][here], self.next[1][there], self.rows[here]
        both = NEVER if mine or its else 0.0
        ours = theirs = NEVER
        for a in mine:
            following = self.rows[a]
            after = following.get(there, NEITHER)
            ours = max(ours, after.ours, max(after) - NEW_RUN)
            for b in its:
                both = max(both, *following.get(b, NEITHER))
        for b in its:
            after = row.get(b, NEITHER)
            theirs = max(theirs, after.theirs, max(after) - NEW_RUN)
        return Choices(both + self.alike(part, other), ours - _weight(part), theirs - _weight(other))


def _following(places: Mapping[Part, int], users: Mapping[Part, list[Part]]) -> list[list[int]]:
    """For each part, its users with the longest way to the end. A shortcut past a block would skip it at no cost."""
    found: list[list[int]] = [[] for _ in places]
    heights = [0] * len(places)
    for part, place in reversed(list(places.items())):
        takers = sorted({places[user] for user in users.get(part, ()) if user in places})
        longest = max((heights[taker] for taker in takers), default=-1)
        heights[place] = longest + 1
        found[place] = [taker for taker in takers if heights[taker] == longest][:USERS]
    return found


class _Likeness:
    """`likeness`, computed once for all parts that look the same."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, int] = {}
        self.looks: dict[Part, int] = {}
        self.known: dict[tuple[int, int], float] = {}

    def __call__(self, part: Part, other: Part) -> float:
        key = self._look(part), self._look(other)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = likeness(part, other)
        return known

    def _look(self, part: Part) -> int:
        look = self.looks.get(part)
        if look is None:
            look = self.looks[part] = self.numbers.setdefault(signature(part), len(self.numbers))
        return look


def likeness(part: Part, other: Part) -> float:
    """How similar two steps are: 2 if equal, below -2 (which is the cost of skipping both) if nothing is in common."""
    if part.op != other.op:
        return _likeness_of_ops(part, other)
    if part.arguments == other.arguments:
        return 2.0 + 0.1 * (part.dims == other.dims)
    names = {*part.arguments, *other.arguments}
    same = [name for name in names if part.arguments.get(name) == other.arguments.get(name)]
    return 0.5 + len(same) / len(names)


def _likeness_of_ops(part: Part, other: Part) -> float:
    """How similar two steps of different ops are: more so if the ops are of one family."""
    if "output" in (part.op, other.op):
        return NEVER
    if {part.op, other.op} == {"conv", "linear"}:
        return 0.0
    known = part.kind is not Op and other.kind is not Op
    return -0.5 if known and part.kind.family == other.kind.family else -1.5


def _weight(part: Part) -> float:
    """The cost of skipping a step."""
    return 0.2 if part.op in ("flatten", "reshape") else 1.0
