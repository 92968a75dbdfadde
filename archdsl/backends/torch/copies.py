"""Runs of copies -> `*(Bottleneck(256, 64) for _ in range(2))`: however many there are, the text stays short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from archdsl.backends.torch.channels import combined
from archdsl.backends.torch.formula import IN_CHANNELS, MISSING, Formula
from archdsl.backends.torch.names import Namespace
from archdsl.backends.torch.progression import Progression, Segment, segments
from archdsl.backends.torch.template import Run, Slot
from archdsl.backends.torch.vectors import Vector, constant, literal, plain
from archdsl.ir.graph import Scope

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


def _segment(maker: Maker, run: Run, segment: Segment) -> str:
    """Copies alike, or each a step further than the one before."""
    element = maker.make(run.template, iter(segment.series))
    count = _count(maker, run, segment.counts)
    _flow_on(maker, run, segment, count)
    if count.text == "1":
        return element
    moving = any(constant(progression.step) != 0 for progression in segment.series)
    return f"*({element} for {maker.index if moving else '_'} in range({count.text}))"


def _count(maker: Maker, run: Run, counts: Vector) -> Formula:
    value = constant(counts)
    if value is not MISSING:
        return literal(value)
    names = [Formula(name) for name in maker.variables.vectors]
    fewer = (combined(f"a0 - {less}", name) for less in (1, 2) for name in names)
    found = maker.variables.first((*names, *fewer), counts)
    return maker.variables.use(found) if found else maker.settle(run.count, counts)


def _flow_on(maker: Maker, run: Run, segment: Segment, count: Formula) -> None:
    """What flows out of these copies flows into the next: what a copy gives, or a step more than the last one took."""
    site = run.count.site
    assert isinstance(site, Scope)
    takes = maker.outline.interfaces[site.path].takes
    gives = maker.outline.interfaces[f"{site.path}.{run.names[0]}"].gives
    if len(takes) != 1 or len(gives) != 1:
        return
    formulas = [formula for formula in maker.channels.of(gives[0]) if maker.index not in formula.names]
    for slot, progression in zip(run.template.slots, segment.series, strict=True):
        if slot.field in (IN_CHANNELS, "in") and constant(progression.step) != 0:
            start, step = maker.settle(slot, progression.start), maker.settle(slot, progression.step)
            formulas.append(combined("a0 + a1 * a2", start, step, count))
    maker.channels.set(takes[0], formulas)


def _listed(maker: Maker, run: Run, counts: Vector, series: Sequence[Vector]) -> str:
    """Copies whose numbers follow no rule: `*(Unit(width) for width in (64, 96, 160))`."""
    names = Namespace(maker.variables.vectors if maker.variables.count > 1 else ())
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
