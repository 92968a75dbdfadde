"""Colors of parts: numbers that two parts share only if all that comes before and after them looks the same.

They are refined over both networks together, forward and backward, until no color splits any more (color refinement;
on graphs without cycles two passes nearly always suffice).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeAlias

from archdsl.prove.form import Part

Colors: TypeAlias = dict[Part, int]

Parts: TypeAlias = Sequence[Part]
"""The parts of a network, each after its inputs."""


class Palette:
    """Gives out numbers: equal things get equal numbers, different things different ones."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def __call__(self, thing: Hashable) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))

    def new(self) -> int:
        """A number that has not been given out."""
        return self(("new", len(self._numbers)))


def refine(networks: Iterable[Parts]) -> list[Colors]:
    """Colors for the parts of each network; colors of different networks can be compared."""
    networks = list(networks)
    palette = Palette()
    colors = [{part: palette(signature(part)) for part in parts} for parts in networks]
    count = 0
    while count != (count := len({color for of_one in colors for color in of_one.values()})):
        colors = [_refined(parts, of_one, palette) for parts, of_one in zip(networks, colors, strict=True)]
    return colors


def signature(part: Part) -> Hashable:
    """What can be compared without looking at other parts: op, arguments, sizes and names of weights."""
    return (part.op, tuple(sorted(part.arguments.items())), part.dims, part.slots)


def taken(part: Part, colors: Mapping[Part, int]) -> tuple[tuple[int, int], ...]:
    """The colors of a part's inputs, sorted if the order of its inputs does not matter."""
    values = ((colors[wire.part], wire.port) for wire in part.inputs)
    return tuple(sorted(values)) if part.kind.commutative else tuple(values)


def _refined(parts: Parts, colors: Colors, palette: Palette) -> Colors:
    forward: Colors = {}
    for part in parts:
        forward[part] = palette(("takes", colors[part], taken(part, forward)))
    users: dict[Part, list[tuple[int, int, int]]] = defaultdict(list)
    backward: Colors = {}
    for part in reversed(parts):
        backward[part] = palette(("gives", forward[part], tuple(sorted(users[part]))))
        for slot, wire in enumerate(part.inputs):
            users[wire.part].append((wire.port, -1 if part.kind.commutative else slot, backward[part]))
    return _with_sharing(parts, backward, palette)


def _with_sharing(parts: Parts, colors: Colors, palette: Palette) -> Colors:
    """Refines the color of each part with shared weights by the colors of all parts that share them."""
    sharing: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        if part.home:
            sharing[part.home].append(part)
    refined = dict(colors)
    for group in sharing.values():
        if len(group) > 1:
            together = tuple(sorted(colors[part] for part in group))
            refined.update({part: palette(("shares", colors[part], together)) for part in group})
    return refined
