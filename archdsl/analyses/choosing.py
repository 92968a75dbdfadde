"""Chooses the segments that run again in the backward pass: the fewest further multiply-adds for what may be kept.

A class of modules is cut into segments in one way, since its code says where they begin and end. Which of them run
again, or whether all of it does, is decided for each module. In a network of one class with one module, every choice is
weighed, and the result is the best. In others, multiply-adds are given a price in bytes. For a price, the best cut of
each class is found, inner classes first. The highest price at which enough is saved decides. Modules that need not
choose as for this price then choose as for a slightly higher one, and segments that are not needed are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from archdsl.analyses.recomputation import Gain, Recomputation, Segment

ROUNDS = 24
"""How often the range in which a price lies is halved."""

FACTORS = (0.0, 1.0, 4.0, 16.0, 64.0, 1e9)
"""The network is cut as for these multiples of a price."""

HIGHER = 1.2
"""How much higher the price is as for which some modules choose."""

RETRIES = 12
"""How often more is saved than was needed, where segments turn out to keep what others would save."""

LIMITS = 8
"""How many limits are tried for what a segment may compute again."""

CHEAP = 1e9
"""A price at which only segments without multiply-adds pay."""

FRONT = 4000
"""The most choices that are remembered for the beginning of a network of one class."""


Span: TypeAlias = tuple[int, int]
"""The first step of a segment, and the step behind its last one."""


class Place(NamedTuple):
    """One segment of one module: the numbers of the class and of the module, and its first and last steps."""

    owner: int
    module: int
    start: int
    stop: int


@dataclass(frozen=True)
class Steps:
    """A class: how many steps its modules have, and for each module the segments by their first and last steps.

    `inner` has, for each module and step, the modules of other classes that the step runs: numbers of class and module.
    """

    length: int
    segments: Sequence[Mapping[Span, Segment]]
    inner: Sequence[Sequence[Sequence[tuple[int, int]]]]


@dataclass(frozen=True)
class Chosen:
    """The segments that run again, with the bytes that are kept then, and the multiply-adds that are added.

    `hidden` are the most bytes that one of them computes again.
    """

    segments: Mapping[Place, Segment]
    kept: int
    macs: int
    hidden: int


class Unreachable(Exception):
    """Less than the network can train with; `nearest` is the choice with the least memory."""

    def __init__(self, nearest: Chosen) -> None:
        super().__init__()
        self.nearest = nearest


def chosen(network: Recomputation, classes: Sequence[Steps], most: int, counts_hidden: bool = False) -> Chosen:
    """The segments with which at most `most` bytes are kept. The last of the `classes` is the network.

    With `counts_hidden`, the values that the largest segment computes again count too. Without, no segment computes
    more again than may be kept, or else as little more as can be: little is gained while it runs. In a network of one
    class with one module, that is left to the best choice. Raises `Unreachable`.
    """
    choosing = _Choosing(network, classes)
    if choosing.plain <= most:
        return choosing.result({})
    if not counts_hidden:
        sizes = [] if choosing.is_chain else [most, *(size for size in reversed(choosing.sizes()) if size > most)]
        for limit in [*sizes, choosing.plain]:
            one = _Choosing(network, classes, limit)
            least = one.result(one.at(0.0))
            if least.kept <= most:
                return one.within(most)
        raise Unreachable(least)
    tried = [_Choosing(network, classes, largest) for largest in choosing.sizes()]
    least = min((one.result(one.at(0.0)) for one in tried), key=_held)
    if _held(least) > most:
        raise Unreachable(least)
    fitting = [one for one in tried if one.result(one.at(0.0)).kept + one.largest <= most]
    return min((one.within(most - one.largest) for one in fitting), key=lambda one: one.macs, default=least)


def _held(one: Chosen) -> int:
    return one.kept + one.hidden


class _Choosing:
    """Chooses among the segments that compute at most `largest` bytes again."""

    def __init__(self, network: Recomputation, classes: Sequence[Steps], largest: int | None = None) -> None:
        self.network, self.classes = network, classes
        self.plain = network.kept()
        self.largest = self.plain if largest is None else largest
        self.gains: list[dict[Span, dict[int, Gain]]] = [self._gains(one) for one in classes]
        self.order: list[int] = []
        """The classes, inner ones before outer ones."""
        self._enter(len(classes) - 1, set())

    def _enter(self, owner: int, seen: set[int]) -> None:
        seen.add(owner)
        inner = sorted({other for module in self.classes[owner].inner for step in module for other, _ in step})
        for other in inner:
            if other not in seen:
                self._enter(other, seen)
        self.order.append(owner)

    @property
    def is_chain(self) -> bool:
        """Whether there is one class, with one module."""
        return len(self.classes) == 1 and len(self.classes[0].segments) == 1

    def sizes(self) -> list[int]:
        """Some of the sizes that segments have, the largest among them, each about twice the one before."""
        found = [gain.hidden for owner in self.gains for row in owner.values() for gain in row.values()]
        sizes: list[int] = []
        for size in sorted(found, reverse=True):
            if not sizes or 2 * size <= sizes[-1]:
                sizes.append(size)
        return sizes[:LIMITS] or [0]

    def _gains(self, steps: Steps) -> dict[Span, dict[int, Gain]]:
        """By segment: what it saves in each module in which it saves anything."""
        found: dict[Span, dict[int, Gain]] = {}
        for module, segments in enumerate(steps.segments):
            for span, segment in segments.items():
                if not self.network.is_possible(segment):
                    continue
                gain = self.network.gain(segment)
                if gain.saved > 0 and gain.hidden <= self.largest:
                    found.setdefault(span, {})[module] = gain
        return found

    def result(self, places: Mapping[Place, Gain]) -> Chosen:
        """What a choice comes to."""
        segments = {p: self.classes[p.owner].segments[p.module][p.start, p.stop] for p in sorted(places)}
        gains = places.values()
        hidden = max((gain.hidden for gain in gains), default=0)
        return Chosen(segments, self.network.kept(segments.values()), sum(gain.macs for gain in gains), hidden)

    def within(self, most: int) -> Chosen:
        """The choice with the fewest multiply-adds that keeps at most `most` bytes, which has to be possible."""
        need = self.plain - most
        for _ in range(RETRIES):
            places = self._exact(need) if self.is_chain else self._priced(need)
            if places is None:
                break
            found = self.result(places)
            if found.kept <= most:
                return found
            need += found.kept - most
        return self.result(self.at(0.0))

    def _priced(self, need: int) -> dict[Place, Gain] | None:
        """A good choice that saves so many bytes, as far as segments do not depend on each other; None without one.

        The network itself is cut as for several prices, since its segments are large: with one of them less, there may
        be a better price for all the rest.
        """
        price = self._highest(need, {})
        if price is None:
            return None
        network = len(self.classes) - 1
        cuts = {tuple(_Priced(self, price * factor).cuts[network]) for factor in FACTORS}
        best: dict[Place, Gain] | None = None
        for cut in sorted(cuts, key=str):
            own = self._highest(need, {network: cut})
            if own is not None:
                found = self._between(_Priced(self, own, {network: cut}), need)
                best = found if best is None or _macs(found) < _macs(best) else best
        return best

    def _highest(self, need: int, cuts: Mapping[int, Sequence[Span | int]]) -> float | None:
        """The highest price at which so much is saved, if some classes are cut in a given way."""
        low, high = 0.0, 1.0
        if _saved(self._at(low, cuts)) < need:
            return None
        while _saved(self._at(high, cuts)) >= need and high < CHEAP:
            low, high = high, high * 8
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            low, high = (middle, high) if _saved(self._at(middle, cuts)) >= need else (low, middle)
        return low

    # --- one class with one module ---------------------------------------------------------

    def _exact(self, need: int) -> dict[Place, Gain] | None:
        """The best choice: for the steps before each place, the ways of which none saves more for less.

        Ways that end with other segments are kept apart, since what a segment takes may be something that the one
        before it would have kept.
        """
        fronts: list[dict[Span | None, list[_Way]]] = [{None: [_Way(0, 0, None, None)]}]
        for stop in range(1, self.classes[0].length + 1):
            found: dict[Span | None, list[_Way]] = {None: [way for ways in fronts[-1].values() for way in ways]}
            for span, gains in self.gains[0].items():
                if span[1] == stop and 0 in gains:
                    found[span] = list(self._continued(fronts[span[0]], Place(0, 0, *span), gains[0]))
            fronts.append({last: _best(ways) for last, ways in found.items()})
        ways = _best([way for ways in fronts[-1].values() for way in ways])
        way = next((way for way in ways if way.saved >= need), None)
        return None if way is None else dict(_parts(way))

    def _continued(self, fronts: Mapping[Span | None, Sequence[_Way]], place: Place, gain: Gain) -> Iterator[_Way]:
        segments = self.classes[0].segments[0]
        for last, ways in fronts.items():
            shared = self.network.shared(segments[last], segments[place.start, place.stop]) if last else 0
            for way in ways:
                yield _Way(way.macs + gain.macs, way.saved + gain.saved - shared, (place, gain), way)

    # --- several modules -------------------------------------------------------------------

    def at(self, price: float) -> dict[Place, Gain]:
        """The best choice if a multiply-add is worth `price` bytes."""
        return self._at(price, {})

    def _at(self, price: float, cuts: Mapping[int, Sequence[Span | int]]) -> dict[Place, Gain]:
        return self._of_network(_Priced(self, price, cuts))

    def _of_network(self, priced: _Priced) -> dict[Place, Gain]:
        return dict(priced.places(len(self.classes) - 1, 0))

    def _between(self, cheap: _Priced, need: int) -> dict[Place, Gain]:
        """A choice that saves enough: a given one, with modules that choose as for a higher price.

        Those are changed for which that spares the most multiply-adds, as long as enough is saved.
        """
        dear = _Priced(self, cheap.price * HIGHER, cheap.cuts)
        found = self._of_network(cheap)
        spare = _saved(found) - need
        changes = []
        for owner, module in cheap.opened(len(self.classes) - 1, 0):
            now, then = dict(cheap.places(owner, module)), dict(dear.places(owner, module))
            changes.append((_macs(now) - _macs(then), _saved(now) - _saved(then), now, then))
        for _, lost, now, then in sorted(changes, key=lambda change: (-change[0], change[1])):
            if lost <= spare and now != then:
                spare -= lost
                found = {place: gain for place, gain in found.items() if place not in now} | then
        return _least(found, need)


class _Priced:
    """The best choice in each module if a multiply-add is worth `price` bytes; `cuts` are those of the classes."""

    def __init__(
        self, choosing: _Choosing, price: float, cuts: Mapping[int, Sequence[Span | int]] = MappingProxyType({})
    ) -> None:
        self.classes, self.gains, self.price = choosing.classes, choosing.gains, price
        self.cuts: dict[int, Sequence[Span | int]] = {}
        self.worth: dict[tuple[int, int], float] = {}
        self.whole: dict[tuple[int, int], Gain] = {}
        """The modules that run again as a whole."""
        for owner in choosing.order:
            steps = choosing.classes[owner]
            # A class that contains itself, as a recursive block does, has inner modules of which nothing is known yet.
            opened = [[sum(self.worth.get(one, 0.0) for one in step) for step in module] for module in steps.inner]
            modules = range(len(steps.segments))
            self.cuts[owner] = cuts[owner] if owner in cuts else self._cut(owner, opened, modules)
            self._weigh(owner, opened)
            if owner not in cuts and any((owner, module) in self.whole for module in modules):
                others = [module for module in modules if (owner, module) not in self.whole]
                self.cuts[owner] = self._cut(owner, opened, others)
                self._weigh(owner, opened)

    def _value(self, gain: Gain | None) -> float:
        return max(0.0, gain.saved - self.price * gain.macs) if gain else 0.0

    def _is_whole(self, owner: int, span: Span) -> bool:
        """Whether a segment is all of a module other than the network: no code has to be cut for it."""
        return owner + 1 < len(self.classes) and span == (0, self.classes[owner].length)

    def _cut(self, owner: int, opened: Sequence[Sequence[float]], modules: Sequence[int]) -> list[Span | int]:
        """How a class is best cut for these modules: segments, and the numbers of steps that are in none of them."""
        ends: dict[int, list[tuple[int, float]]] = {}
        for span, gains in self.gains[owner].items():
            if not self._is_whole(owner, span):
                ends.setdefault(span[1], []).append((span[0], sum(self._value(gains.get(m)) for m in modules)))
        best: list[float] = [0.0]
        last: list[Span | int] = [-1]
        for stop in range(1, self.classes[owner].length + 1):
            best.append(best[-1] + sum(opened[module][stop - 1] for module in modules))
            last.append(stop - 1)
            for start, value in ends.get(stop, ()):
                if best[start] + value > best[stop]:
                    best[stop], last[stop] = best[start] + value, (start, stop)
        found: list[Span | int] = []
        stop = self.classes[owner].length
        while stop:
            part = last[stop]
            found.append(part)
            stop = part if isinstance(part, int) else part[0]
        return found

    def _weigh(self, owner: int, opened: Sequence[Sequence[float]]) -> None:
        """Decides for each module of a class whether it runs again as a whole or in parts."""
        for module, steps in enumerate(opened):
            self.whole.pop((owner, module), None)
            values = (
                steps[part] if isinstance(part, int) else self._value(self.gains[owner][part].get(module))
                for part in self.cuts[owner]
            )
            self.worth[owner, module] = sum(values)
            span = 0, self.classes[owner].length
            gain = self.gains[owner].get(span, {}).get(module) if self._is_whole(owner, span) else None
            if gain is not None and self._value(gain) > self.worth[owner, module]:
                self.whole[owner, module], self.worth[owner, module] = gain, self._value(gain)

    def places(self, owner: int, module: int) -> Iterator[tuple[Place, Gain]]:
        """The segments that run again in a module, and in modules inside of it."""
        pending = [(owner, module)]
        while pending:
            owner, module = pending.pop()
            if (owner, module) in self.whole:
                yield Place(owner, module, 0, self.classes[owner].length), self.whole[owner, module]
                continue
            pending += self.opened(owner, module)
            for part in self.cuts[owner]:
                gain = None if isinstance(part, int) else self.gains[owner][part].get(module)
                if gain is not None and not isinstance(part, int) and gain.saved > self.price * gain.macs:
                    yield Place(owner, module, *part), gain

    def opened(self, owner: int, module: int) -> list[tuple[int, int]]:
        """The modules inside of one that are in none of its segments."""
        parts = (part for part in self.cuts[owner] if isinstance(part, int))
        return [one for part in parts for one in self.classes[owner].inner[module][part]]


class _Way(NamedTuple):
    """A choice for the first steps of a chain: what it costs and saves, its last segment, and the way before that."""

    macs: int
    saved: int
    last: tuple[Place, Gain] | None
    before: _Way | None


def _parts(way: _Way) -> Iterator[tuple[Place, Gain]]:
    """The segments of a way."""
    last: _Way | None = way
    while last is not None:
        if last.last is not None:
            yield last.last
        last = last.before


def _best(ways: list[_Way]) -> list[_Way]:
    """The ways of which none saves as much for as little; of very many, some."""
    found: list[_Way] = []
    for way in sorted(ways, key=lambda way: (way.macs, -way.saved)):
        if not found or way.saved > found[-1].saved:
            found.append(way)
    step = len(found) // FRONT + 1
    return found if step == 1 else [*found[:-1:step], found[-1]]


def _saved(places: Mapping[Place, Gain]) -> int:
    return sum(gain.saved for gain in places.values())


def _macs(places: Mapping[Place, Gain]) -> int:
    return sum(gain.macs for gain in places.values())


def _least(places: Mapping[Place, Gain], need: int) -> dict[Place, Gain]:
    """What is left of a choice without the segments that are not needed: the dearest are left out first."""
    left = dict(places)
    spare = _saved(places) - need
    for place, gain in sorted(places.items(), key=lambda row: (-row[1].macs, row[1].saved)):
        if gain.saved <= spare:
            spare -= gain.saved
            del left[place]
    return left
