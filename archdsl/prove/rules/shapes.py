"""Rules for positions that are written one after the other: what acts at each of them may come before or after."""

from __future__ import annotations

from math import prod

from archdsl.ops.merge import Equal, Spread
from archdsl.prove.form import Dims, Form, Part, Wire
from archdsl.prove.rules.borders import is_pixelwise
from archdsl.prove.rules.merges import joined_with, joins_channels


def sink_reshapes(form: Form) -> bool:
    """`tokens -> layer_norm` becomes `layer_norm -> tokens`, if the shape is changed in positions alone."""
    sunk: dict[Wire, Wire] = {}
    moved: list[tuple[Part, Part]] = []
    for part in form.parts():
        if part.op in ("reshape", "output") or len(part.inputs) != 1 or not is_pixelwise(part):
            continue
        if _lies_otherwise(part.inputs[0]):
            after = _after(part, part.inputs[0].part)
            sunk[part.wire] = after.wire
            moved.append((part, after))
    form.replace(sunk)
    for part, after in moved:
        source = part.inputs[0].part.inputs[0]
        channels, (_, *positions) = part.dims[0][0], source.dims
        part.inputs, part.dims = [source], ((channels, *positions),)
        part.arguments = _along(part.arguments, len(positions))
        after.inputs = [part.wire]
    return bool(moved)


def _along(arguments: dict[str, object], dimensions: int) -> dict[str, object]:
    """The arguments of a convolution of kernel 1, or of another op, with as many dimensions of positions."""
    return {name: value[:1] * dimensions if isinstance(value, tuple) else value for name, value in arguments.items()}


def sink_reshapes_of_merges(form: Form) -> bool:
    """`add{a -> tokens | b -> tokens}` becomes `add{a | b} -> tokens`; a sum of which one value comes from positions in
    a row, as those of attention do, is made of rows."""
    changed = False
    for part in list(form.parts()):
        positions = _positions_before(part) if _merges_places(part) else None
        if positions is None or positions == part.dims[0][1:]:
            continue
        after = _after(part, next(wire.part for wire in part.inputs if _lies_otherwise(wire)))
        form.replace({part.wire: after.wire})
        _lay(part, positions)
        after.inputs, changed = [part.wire], True
    return changed


def _merges_places(part: Part) -> bool:
    """Whether each number of a merge is made of those at its place, or at any, where a value is a vector."""
    joins = issubclass(part.kind, Equal | Spread) or joins_channels(part)
    return joins and all(wire.dims[1:] in ((), part.dims[0][1:]) for wire in part.inputs)


def _positions_before(part: Part) -> Dims | None:
    """How the positions lie in which a merge is to be made: as all its values had them, or in a row if one had."""
    full = [wire for wire in part.inputs if len(wire.dims) > 1]
    before = {wire.part.inputs[0].dims[1:] for wire in full if _lies_otherwise(wire)}
    if len(before) == 1 and all(map(_lies_otherwise, full)):
        return before.pop()
    row = (prod(part.dims[0][1:]),)
    return row if row in before else None


def _lies_otherwise(wire: Wire) -> bool:
    """Whether a value is another one whose positions were put into another order of dimensions, and nothing else."""
    before = wire.part
    if before.op != "reshape":
        return False
    source = before.inputs[0]
    return before.dims[0][0] == source.dims[0] and len(source.dims) > 1 and source.part.op != "reshape"


def _after(part: Part, reshape: Part) -> Part:
    """A reshape that will follow a part, and gives what the part gave."""
    return Part("reshape", {}, [], part.dims, reshape.node, reshape.rank)


def _lay(part: Part, positions: Dims) -> None:
    """Makes a merge, and those that were joined with it, take and give values with the positions lying so."""
    part.inputs = [_laid(wire, positions, part) for wire in part.inputs]
    for merge in (part, *joined_with(part)):
        merge.dims = tuple((dims[0], *positions) if len(dims) > 1 else dims for dims in merge.dims)


def _laid(wire: Wire, positions: Dims, part: Part) -> Wire:
    if len(wire.dims) == 1:
        return wire
    dims = (wire.dims[0], *positions)
    if _lies_otherwise(wire) and wire.part.inputs[0].dims == dims:
        return wire.part.inputs[0]
    return Wire(Part("reshape", {}, [wire], (dims,), part.node, part.rank))
