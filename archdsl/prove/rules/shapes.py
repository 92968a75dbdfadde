"""A rule for positions that are written one after the other: what acts at each of them may come before or after."""

from __future__ import annotations

from archdsl.prove.form import Form, Part, Wire
from archdsl.prove.rules.borders import is_pixelwise


def sink_reshapes(form: Form) -> bool:
    """`tokens -> layer_norm` becomes `layer_norm -> tokens`, if the shape is changed in positions alone."""
    sunk: dict[Wire, Wire] = {}
    moved: list[tuple[Part, Part]] = []
    for part in form.parts():
        if part.op in ("reshape", "output") or len(part.inputs) != 1 or not is_pixelwise(part):
            continue
        before = part.inputs[0].part
        if before.op == "reshape" and before.dims[0][0] == before.inputs[0].dims[0]:
            after = Part("reshape", {}, [], part.dims, before.node, before.rank)
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
