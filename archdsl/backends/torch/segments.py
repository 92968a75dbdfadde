"""Writes a `forward` with segments of its steps in methods of their own, which can run again in the backward pass.

def forward(self, x: Tensor) -> Tensor:
    y = self.conv1(x)
    y = self.segment1(y)
    return self.segment2(y, x)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from archdsl.backends.python.code import Code, Function, Line
from archdsl.backends.torch.bodies import Call, If, Item, Wire, every, made
from archdsl.backends.torch.features import Part
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.writing import Layout, Words

DOC = "A part of `forward`, which may run again in the backward pass."

Cut = tuple[int, int]
"""The first step of a segment, and the step behind its last one."""


@dataclass(eq=False, slots=True)
class Segment:
    """Steps that become a method: the values that they take from other steps, and those that other steps take."""

    method: str
    items: tuple[Item, ...]
    takes: tuple[Wire, ...]
    gives: tuple[Wire, ...]


class Segmented(Forward):
    """Writes a `forward` that calls a method for each of the `cuts` of its steps; `methods` are these."""

    def __init__(
        self,
        construction: Words,
        takes: Sequence[str],
        results: Sequence[Wire],
        layout: Layout,
        shapes: bool,
        cuts: Sequence[Cut],
    ) -> None:
        self.cuts = sorted(cuts)
        self.methods: list[Function] = []
        super().__init__(construction, takes, results, layout, shapes)

    def _decided(self, items: Iterable[Item]) -> Iterator[Item]:
        decided = super()._decided(items)
        if items is not self.body.items:
            yield from decided
            return
        steps = tuple(decided)
        for number, (start, stop) in enumerate(self.cuts):
            before = self.cuts[number - 1][1] if number else 0
            yield from steps[before:start]
            yield self.segment(steps, start, stop, method_name(number))  # type: ignore[misc]
        yield from steps[self.cuts[-1][1] if self.cuts else 0 :]

    def segment(self, steps: Sequence[Item], start: int, stop: int, method: str) -> Segment:
        """The steps from `start` to `stop` as a segment."""
        inside = steps[start:stop]
        own = {self.real(wire) for item in inside for wire in made(item)}
        takes = [wire for wire in dict.fromkeys(self._read(inside)) if wire not in own]
        later = {*self._read(steps[stop:]), *map(self.real, self.body.gives)}
        gives = [wire for item in inside for wire in map(self.real, made(item)) if wire in later]
        return Segment(method, tuple(inside), tuple(takes), tuple(dict.fromkeys(gives)))

    def _read(self, items: Iterable[Item]) -> Iterator[Wire]:
        """The values that steps read and that no step of an `if` around them makes."""
        for item in items:
            if isinstance(item, If):
                own = {self.real(wire) for arm in item.arms.values() for one in every(arm) for wire in made(one)}
                inner = (wire for arm in item.arms.values() for wire in self._read(arm))
                sources = (self.real(source) for join in item.joins for source in join.sources.values())
                yield from (wire for wire in (*inner, *sources) if wire not in own)
            else:
                yield from map(self.real, item.takes)

    def run(self, items: Iterable[Item]) -> None:
        for item in items:
            if isinstance(item, Segment):
                self.flush()
                self._call_segment(item)
            else:
                super().run((item,))

    def _call_segment(self, segment: Segment) -> None:
        names = [self.read(wire).text for wire in segment.takes]
        self.methods.append(self._method(segment, names))
        self.variables.read(segment.takes)
        results = ", ".join(self._result_name(wire, segment) for wire in segment.gives)
        shapes = self.outline.shape_text([wire.values.values() for wire in segment.gives]) if self.shapes else ""
        self.lines.append(Line(f"{results} = self.{segment.method}({', '.join(names)})", shapes))

    def _result_name(self, wire: Wire, segment: Segment) -> str:
        own = self._text_name(wire)
        if own:
            return self.variables.assign(wire, self.variables.unique(own))
        return self.variables.pass_on(wire, segment.takes, self._named_later(wire), "value", let_go=False)

    def _method(self, segment: Segment, names: Sequence[str]) -> Function:
        inner = _Inside(self, segment, names)
        result = inner.run_and_return(segment.gives)
        several = len(segment.gives) > 1
        kind = f"tuple[{', '.join(['Tensor'] * len(segment.gives))}]" if several else "Tensor"
        arguments = ("self", *(f"{name}: Tensor" for name in names))
        return Function(segment.method, arguments, kind, (*inner.lines, Line(f"return {result}")), doc=(DOC,))


class _Inside(Forward):
    """Writes the method of a segment, whose steps are decided already."""

    def __init__(self, outer: Segmented, segment: Segment, names: Sequence[str]) -> None:
        self.outer = outer
        own = outer.construction
        body = replace(own.body, items=segment.items, takes=segment.takes, gives=segment.gives)
        words = Part(own.outline, body, own.title, own.folded, own.flags, own.expressions, own.numbers)
        super().__init__(words, names, segment.gives, outer.layout, shapes=outer.shapes)

    def _decided(self, items: Iterable[Item]) -> Iterator[Item]:
        self.aliases.update(self.outer.aliases)
        self._borders += self.outer._borders
        yield from items


def method_name(number: int) -> str:
    """The name of the method of a segment, by its number in the class."""
    return f"segment{number + 1}"


def shortened(lines: Sequence[Code]) -> tuple[Code, ...]:
    """The lines of a function; if the last two are `x = self.segment2(y)` and `return x`, one in their place."""
    *before, last, end = lines if len(lines) > 1 else ("", "", *lines)
    if isinstance(last, Line) and isinstance(end, Line):
        name, _, value = last.text.partition(" = self.segment")
        if value and end.text == f"return {name}":
            return (*before, Line(f"return self.segment{value}", last.comment))
    return tuple(lines)


def is_plain(items: Iterable[Item]) -> bool:
    """Whether steps can be cut anywhere: none gathers values in a list, to which steps before it have added some."""
    return not any(
        (isinstance(item, Call) and (item.whole is not None or item.optional or item.is_part))
        or (isinstance(item, If) and item.falls_away)
        or getattr(item, "lists", ())
        for item in every(items)
    )
