"""Runs of copies -> `*(Bottleneck(256, 64) for _ in range(2))`: however many there are, the text stays short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from archdsl.backends.torch.channels import combined
from archdsl.backends.torch.formula import MISSING, Formula
from archdsl.backends.torch.names import Namespace
from archdsl.backends.torch.progression import Progression, Segment, segments
from archdsl.backends.torch.template import Run, Slot
from archdsl.backends.torch.vectors import Vector, constant, literal, plain
from archdsl.ir.graph import Scope, Value

if TYPE_CHECKING:
    from archdsl.backends.torch.make import Maker, Number


def run_items(maker: Maker, run: Run, counts: Vector, series: Sequence[Vector], apart: bool) -> Iterator[str]:
    """The elements of the `nn.Sequential` that a run of copies comes to."""
    rows = [(count, tuple(values[index] for values in series)) for index, count in enumerate(counts)]
    parts = segments(rows, apart)
    if parts is None:
        yield _listed(maker, run, counts, series)
        return
    for part in parts:
        yield _segment(maker, run, part)
        _flow_on(maker, run)


def _segment(maker: Maker, run: Run, segment: Segment) -> str:
    """Copies alike, or each a step further than the one before."""
    element = maker.make(run.template, iter(segment.series))
    if constant(segment.counts) == 1:
        return element
    moving = any(constant(progression.step) != 0 for progression in segment.series)
    count = _count(maker, run, segment.counts)
    return f"*({element} for {maker.index if moving else '_'} in range({count.text}))"


def _count(maker: Maker, run: Run, counts: Vector) -> Formula:
    value = constant(counts)
    if value is not MISSING:
        return literal(value)
    fewer = (combined(f"a0 - {less}", Formula(name)) for less in (0, 1, 2) for name in maker.variables.vectors)
    found = maker.variables.first(fewer, counts)
    return maker.variables.use(found) if found else maker.settle(run.count, counts)


def _flow_on(maker: Maker, run: Run) -> None:
    """What flows out of these copies flows into the next ones."""
    site = run.count.site
    assert isinstance(site, Scope)
    takes, gives = maker.outline.interfaces[site.path].takes, _gives(maker, run)
    if len(takes) == 1 and len(gives) == 1:
        formulas = [f for f in maker.channels.of(gives[0]) if maker.index not in f.names]
        maker.channels.set(takes[0], formulas)


def _gives(maker: Maker, run: Run) -> tuple[Value, ...]:
    site = run.count.site
    assert isinstance(site, Scope)
    path = f"{site.path}.{run.names[0]}" if site.path else run.names[0]
    return maker.outline.interfaces[path].gives


def _listed(maker: Maker, run: Run, counts: Vector, series: Sequence[Vector]) -> str:
    """Copies whose numbers follow no rule: `*(Unit(width) for width in (64, 96, 160))`."""
    names = Namespace(maker.variables.vectors)
    numbers: list[Number] = []
    lists: list[tuple[str, Slot, Vector]] = []
    for slot, values in zip(run.template.slots, series, strict=True):
        if all(len(set(map(repr, row))) <= 1 for row in values):
            numbers.append(Progression(tuple(row[0] for row in values), (0,) * len(values)))
        else:
            name = names.unique(slot.field or slot.name.rpartition("_")[2])
            lists.append((name, slot, tuple(map(plain, values))))
            numbers.append(Formula(name))
    element = maker.make(run.template, iter(numbers))
    return f"*({element} for {', '.join(name for name, _, _ in lists)} in {_values(maker, lists)})"


def _values(maker: Maker, lists: Sequence[tuple[str, Slot, Vector]]) -> str:
    """What a loop over several lists runs over: literal rows where nothing varies between uses of the class."""
    known = [constant(values) for _, _, values in lists]
    if all(value is not MISSING for value in known):
        rows: tuple[Any, ...] = tuple(zip(*known, strict=True)) if len(known) > 1 else known[0]
        return literal(rows).text
    texts = [maker.settle(Slot(f"{slot.name}s", "", slot.site), values).text for _, slot, values in lists]
    return texts[0] if len(texts) == 1 else f"zip({', '.join(texts)}, strict=True)"
