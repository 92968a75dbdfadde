"""Finds short rules that turn the names of a public network's weights into ours.

The names of a network repeat themselves: all blocks of a stage begin alike, and all blocks have the same parts. So a
map of hundreds of names comes down to few rules:

    layer2.  ->  conv3.                              starts: what a name begins with, the longest that fits
    downsample.0  ->  shortcut.conv                  parts: what may stand in the rest of the name
    denselayer(n)  ->  n - 1                         a part whose number is moved

`renaming` looks for parts that save the most starts, and tries the rules on every name. Names that no rule would get
right are starts themselves, so the rules always are the map.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Name = tuple[str, ...]
"""The words of a name, between its dots."""

FEW_CANDIDATES = 40
"""How many of the most frequent differences are tried as parts."""

LONGEST_PART = 3
"""The most words of a part."""


@dataclass(frozen=True, slots=True)
class Part:
    """Words in the middle of a name, and what stands for them: `downsample.0` and `shortcut.conv`.

    With a `shift`, both are one word that ends in a number, which grows by the shift.
    """

    theirs: str
    ours: str
    shift: int | None = None

    @property
    def pattern(self) -> str:
        """A regular expression, between the borders of words."""
        number = "" if self.shift is None else r"(\d+)"
        return rf"\b{re.escape(self.theirs)}{number}\b"

    def applied(self, rest: str) -> str:
        """The rest of a name, with the part replaced wherever it stands."""
        if self.shift is None:
            return re.sub(self.pattern, lambda _: self.ours, rest)
        shift = self.shift
        return re.sub(self.pattern, lambda found: f"{self.ours}{int(found[1]) + shift}", rest)


@dataclass(frozen=True, slots=True)
class Renaming:
    """The rules: what names begin with, theirs and ours, and parts of the rest, in the order in which they apply."""

    starts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...] = ()

    def renamed(self, name: str) -> str | None:
        """Our name; None if no start fits."""
        for theirs, ours in self.starts:
            if name.startswith(theirs):
                return ours + _replaced(name.removeprefix(theirs), self.parts)
        return None

    def __len__(self) -> int:
        return len(self.starts) + len(self.parts)


def renaming(pairs: Sequence[tuple[str, str]], foreign: Iterable[str] = ()) -> Renaming:
    """The rules for pairs of names, theirs and ours. `foreign` are their names that must get none of our names.

    Each of their names stands in one pair.
    """
    modules, foreign = _modules(pairs), tuple(foreign)
    parts: tuple[Part, ...] = ()
    length = _length(modules, parts)
    while True:
        tried = [more for part in _candidates(modules, parts) for more in ((*parts, part), (part, *parts))]
        lengths = [(_length(modules, more), more) for more in tried]
        found = min(lengths, key=lambda pair: pair[0], default=(length, parts))
        if found[0] >= length:
            break
        length, parts = found
    return _without_idle(pairs, foreign, _with_parts(pairs, foreign, parts))


def _length(pairs: Sequence[tuple[str, str]], parts: tuple[Part, ...]) -> int:
    """The words of the parts, and of what differs after them."""
    words = sum(len(part.theirs.split(".")) + len(part.ours.split(".")) for part in parts)
    left = {_difference(_replaced(theirs, parts), ours) for theirs, ours in pairs}
    return words + sum(len(theirs) + len(ours) for theirs, ours in left)


def _without_idle(pairs: Sequence[tuple[str, str]], foreign: Sequence[str], found: Renaming) -> Renaming:
    """The same rules without parts that save no start."""
    for part in found.parts:
        other = _with_parts(pairs, foreign, tuple(kept for kept in found.parts if kept is not part))
        if len(other) <= len(found):
            return _without_idle(pairs, foreign, other)
    return found


def _modules(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs without the last word where it is the same (`weight`, `bias`), each once."""
    found: dict[tuple[str, str], None] = {}
    for theirs, ours in pairs:
        a, b = theirs.rpartition("."), ours.rpartition(".")
        found[(a[0], b[0]) if a[2] == b[2] and a[0] and b[0] else (theirs, ours)] = None
    return list(found)


def _difference(theirs: str, ours: str) -> tuple[Name, Name]:
    a, b = theirs.split("."), ours.split(".")
    while a and b and a[-1] == b[-1]:
        a.pop()
        b.pop()
    return tuple(a), tuple(b)


def _with_parts(pairs: Sequence[tuple[str, str]], foreign: Sequence[str], parts: tuple[Part, ...]) -> Renaming:
    """The fewest starts that are right together with these parts, the longest first."""
    root = _Branch()
    for theirs, ours in pairs:
        root.enter(theirs, ours)
    for name in foreign:
        root.enter(name, None)
    starts = sorted(root.starts(parts), key=lambda pair: (-len(pair[0]), pair[0]))
    return Renaming(tuple(_as_read(starts, [theirs for theirs, _ in pairs])), parts)


def _as_read(starts: Sequence[tuple[str, str]], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The starts in the order of the names, except that one which begins another comes after it."""
    first = {theirs: next(i for i, name in enumerate(names) if name.startswith(theirs)) for theirs, _ in starts}
    left = sorted(starts, key=lambda pair: first[pair[0]])
    while left:
        free = (one for one in left if not any(o is not one and o[0].startswith(one[0]) for o in left))
        chosen = next(free)
        left.remove(chosen)
        yield chosen


@dataclass(slots=True)
class _Branch:
    """All names that begin with the same words."""

    start: str = ""
    names: list[tuple[str, str | None]] = field(default_factory=list)
    branches: dict[str, _Branch] = field(default_factory=dict)

    def enter(self, theirs: str, ours: str | None) -> None:
        branch = self
        branch.names.append((theirs, ours))
        words = theirs.split(".")
        for place, word in enumerate(words):
            last = place == len(words) - 1
            start = f"{branch.start}{word}{'' if last else '.'}"
            branch = branch.branches.setdefault(start, _Branch(start))
            branch.names.append((theirs, ours))

    def starts(self, parts: tuple[Part, ...]) -> Iterator[tuple[str, str]]:
        """The shortest start that is right for all names here, else those of the branches."""
        ours = self._ours(parts) if self.start else None
        if ours is not None:
            yield self.start, ours
            return
        for branch in self.branches.values():
            yield from branch.starts(parts)

    def _ours(self, parts: tuple[Part, ...]) -> str | None:
        """What stands for this start in our names of all these; None if there is no such text."""
        found: set[str] = set()
        for theirs, ours in self.names:
            rest = _replaced(theirs.removeprefix(self.start), parts)
            if ours is None or not ours.endswith(rest):
                return None
            start = ours[: len(ours) - len(rest)]
            if rest and start and not start.endswith("."):
                return None
            found.add(start)
            if len(found) > 1:
                return None
        return found.pop() if found else None


def _replaced(rest: str, parts: Iterable[Part]) -> str:
    for part in parts:
        rest = part.applied(rest)
    return rest


def _candidates(pairs: Sequence[tuple[str, str]], known: tuple[Part, ...]) -> list[Part]:
    """Parts that would mend the ends of the differences which are left, those of the most names first."""
    counts: Counter[Part] = Counter()
    for theirs, ours in pairs:
        counts.update(_differences(*_difference(_replaced(theirs, known), ours)))
    return [part for part, count in counts.most_common(FEW_CANDIDATES) if count > 1 and part not in known]


def _differences(theirs: Sequence[str], ours: Sequence[str]) -> Iterator[Part]:
    for long in range(1, min(LONGEST_PART, len(theirs)) + 1):
        for short in range(1, min(LONGEST_PART, len(ours)) + 1):
            yield Part(".".join(theirs[-long:]), ".".join(ours[-short:]))
    if theirs and ours:
        a, b = (re.fullmatch(r"(\D*)(\d+)", word) for word in (theirs[-1], ours[-1]))
        if a and b and a[1]:
            yield Part(a[1], b[1], int(b[2]) - int(a[2]))


def covering(names: Sequence[str], kept: Sequence[str]) -> tuple[str, ...]:
    """The fewest starts that all of `names` have, and none of `kept`."""
    found: dict[str, None] = {}
    for name in names:
        words = name.split(".")
        starts = [".".join(words[:count]) + "." for count in range(1, len(words))] + [name]
        found[next(start for start in starts if not any(other.startswith(start) for other in kept))] = None
    return tuple(found)
