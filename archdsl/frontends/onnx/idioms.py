"""Ops that files have as several nodes; matched backwards from the last one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isclose, sqrt

from archdsl.frontends.onnx.constants import slices
from archdsl.frontends.onnx.lowering import Lower, Lowered, Lowering
from archdsl.frontends.onnx.model import OnnxNode
from archdsl.ops.activation import Gelu, HardSigmoid, HardSwish, Mish, Silu
from archdsl.ops.base import Op

DEEPEST = 4
"""How many products inside each other are taken for one."""


def gated(net: Lowering, node: OnnxNode) -> Lowered:
    """A value times a function of it: gelu, silu, hard swish, mish."""
    for factors, constant in _factorings(net, node):
        if len(factors) != 2:
            continue
        for x, gate in (factors, factors[::-1]):
            found = _gate(net, x, gate, constant)
            if found is not None:
                value = net.value(x)
                return net.layer(node, found, value)
    return None


def _factorings(net: Lowering, node: OnnxNode) -> Iterator[tuple[list[str], float]]:
    """The factors of a product, and the number among them: with more and more of its factors taken apart."""
    factors, constant = list(node.inputs), 1.0
    if node.kind == "Div":
        number = net.number(node.inputs[1])
        if not number:
            return
        factors, constant = [node.inputs[0]], 1 / number
    for _ in range(DEEPEST):
        numbers = {name: number for name in factors if (number := net.number(name)) is not None}
        for name, number in numbers.items():
            factors.remove(name)
            constant *= number
        yield list(factors), constant
        place = next((i for i, name in enumerate(factors) if net.made_by(name, "Mul")), None)
        if place is None:
            return
        inner = net.made_by(factors[place], "Mul")
        assert inner is not None
        factors[place : place + 1] = inner.inputs


def _gate(net: Lowering, x: str, gate: str, constant: float) -> Op | None:
    """The op that is constant · x · gate; None if none is."""
    if constant == 1 and (made := net.made_by(gate, "Sigmoid", "HardSigmoid", "Tanh")) is not None:
        if made.kind == "Sigmoid" and made.inputs[0] == x:
            return Silu()
        if made.kind == "HardSigmoid" and made.inputs[0] == x and isclose(made.get("alpha", 0.2), 1 / 6, rel_tol=1e-5):
            return HardSwish()
        smooth = net.made_by(made.inputs[0], "Softplus") if made.kind == "Tanh" else None
        return Mish() if smooth and smooth.inputs[0] == x else None
    if isclose(constant, 1 / 6, rel_tol=1e-5):
        return HardSwish() if _is_clipped(net, gate, x) else None
    if isclose(constant, 0.5):
        return _gelu(net, x, _without(net, gate, "Add", 1.0))
    return None


def _gelu(net: Lowering, x: str, inner: str) -> Gelu | None:
    """Whether a value is the error function of x / sqrt(2), or its usual approximation."""
    exact, made = net.made_by(inner, "Erf"), net.made_by(inner, "Tanh")
    if exact:
        scaled = net.made_by(exact.inputs[0], "Div", "Mul")
        number = net.number(scaled.inputs[1]) if scaled else None
        wanted = sqrt(2) if scaled and scaled.kind == "Div" else sqrt(0.5)
        same = scaled is not None and scaled.inputs[0] == x and number is not None
        return Gelu() if same and isclose(number or 0, wanted, rel_tol=1e-4) else None
    if not made:
        return None
    # tanh(sqrt(2 / pi) (x + 0.044715 x^3))
    total = net.made_by(_without(net, made.inputs[0], "Mul", 0.7978845608), "Add")
    if total is None or x not in total.inputs:
        return None
    cube = net.made_by(_without(net, next(net.others(total, x), ""), "Mul", 0.044715), "Pow", "Mul")
    return Gelu(approximate=True) if cube and _is_cube(net, cube, x) else None


def _is_cube(net: Lowering, node: OnnxNode, x: str) -> bool:
    if node.kind == "Pow":
        return node.inputs[0] == x and net.number(node.inputs[1]) == 3
    square = net.made_by(next(net.others(node, x), ""), "Mul", "Pow")
    if square is None or x not in node.inputs or square.inputs[0] != x:
        return False
    return square.inputs[1] == x if square.kind == "Mul" else net.number(square.inputs[1]) == 2


def _without(net: Lowering, name: str, kind: str, number: float) -> str:
    """The other input of a node of this kind that takes this number; "" if there is none."""
    made = net.made_by(name, kind)
    for one in made.inputs if made else ():
        found = net.number(one)
        if made and found is not None and isclose(found, number, rel_tol=1e-4):
            return next(net.others(made, one), "")
    return ""


def _is_clipped(net: Lowering, name: str, x: str) -> bool:
    """Whether a value is min(max(x + 3, 0), 6)."""
    clip = net.made_by(name, "Clip")
    if clip is None:
        return False
    older = net.model.version < 11
    low, high = (clip.get("min"), clip.get("max")) if older else (net.number(clip.input(1)), net.number(clip.input(2)))
    return (low, high) == (0, 6) and _without(net, clip.inputs[0], "Add", 3.0) == x


def hard_sigmoid(net: Lowering, node: OnnxNode) -> Lowered:
    """min(max(x + 3, 0), 6) / 6."""
    for factors, constant in _factorings(net, node):
        if len(factors) == 1 and isclose(constant, 1 / 6, rel_tol=1e-5):
            clip = net.made_by(factors[0], "Clip")
            x = _without(net, clip.inputs[0], "Add", 3.0) if clip else ""
            if x and _is_clipped(net, factors[0], x):
                return net.layer(node, HardSigmoid(), net.value(x))
    return None


# --- normalizations ----------------------------------------------------------------------------


def layer_norm(net: Lowering, node: OnnxNode) -> Lowered:
    """(x - mean) / sqrt(variance + eps), times a scale, plus a shift, over the last axis."""
    for shift in node.inputs:
        scaled = net.made_by(next(net.others(node, shift), ""), "Mul") if net.is_learned(shift) else None
        for scale in scaled.inputs if scaled else ():
            if scaled is not None and net.is_learned(scale):
                found = _normalized(net, next(net.others(scaled, scale), ""))
                if found and net.shape(shift) == net.shape(scale) == net.shape(found[0])[-1:]:
                    weights = net.weight(scale, node), net.weight(shift, node)
                    return net.call(node, "layer_norm", net.value(found[0]), list(net.shape(scale)), *weights, found[1])
    return None


def _normalized(net: Lowering, name: str) -> tuple[str, float] | None:
    """The value that is centered and divided by its deviation along the last axis, and eps."""
    quotient = net.made_by(name, "Div")
    root = net.made_by(quotient.inputs[1], "Sqrt") if quotient else None
    found = _mean_square(net, root.inputs[0]) if root else None
    if quotient is None or found is None:
        return None
    centered = _same(net, quotient.inputs[0], found[0])
    mean = net.made_by(centered.inputs[1], "ReduceMean") if centered else None
    if centered is None or mean is None or mean.inputs[0] != centered.inputs[0] or not _is_over_last(net, mean):
        return None
    return centered.inputs[0], found[1]


def _same(net: Lowering, one: str, other: str) -> OnnxNode | None:
    """The subtraction that makes both values, which exporters may write twice."""
    first, second = net.made_by(one, "Sub"), net.made_by(other, "Sub")
    return first if first and second and first.inputs == second.inputs else None


def _mean_square(net: Lowering, name: str) -> tuple[str, float] | None:
    """The value whose mean square along the last axis this is, plus eps; and eps."""
    total = net.made_by(name, "Add")
    for term in total.inputs if total else ():
        mean, eps = net.made_by(term, "ReduceMean"), net.number(next(net.others(total, term), "")) if total else None
        square = net.made_by(mean.inputs[0], "Pow", "Mul") if mean and _is_over_last(net, mean) else None
        if square is None or eps is None:
            continue
        twice = square.kind == "Mul" and square.inputs[0] == square.inputs[1]
        if twice or (square.kind == "Pow" and net.number(square.inputs[1]) == 2):
            return square.inputs[0], eps
    return None


def _is_over_last(net: Lowering, node: OnnxNode) -> bool:
    rank = len(net.shape(node.inputs[0]))
    axes = node.get("axes") or net.integers(node.input(1))
    return bool(node.get("keepdims", 1)) and axes is not None and [axis % rank for axis in axes] == [rank - 1]


def rms_norm(net: Lowering, node: OnnxNode) -> Lowered:
    """x / sqrt(mean of squares + eps), times a scale."""
    for scale in node.inputs:
        name = next(net.others(node, scale), "") if net.is_learned(scale) else ""
        made = net.made_by(name, "Div", "Mul")
        root = net.made_by(made.inputs[1], "Sqrt", "Reciprocal") if made else None
        if root and made and (root.kind == "Reciprocal") == (made.kind == "Mul"):
            root = net.made_by(root.inputs[0], "Sqrt") if root.kind == "Reciprocal" else root
            found = _mean_square(net, root.inputs[0]) if root else None
            if found and found[0] == made.inputs[0] and net.shape(scale) == net.shape(found[0])[-1:]:
                weight = net.weight(scale, node)
                return net.call(node, "rms_norm", net.value(found[0]), list(net.shape(scale)), weight, found[1])
    return None


def group_norm(net: Lowering, node: OnnxNode) -> Lowered:
    """An instance normalization of groups that are one channel each, then a scale and a shift for each channel.

    Exporters compute the scale and the shift from a module's own, and give them names as constants have.
    """
    for shift in node.inputs:
        scaled = net.made_by(next(net.others(node, shift), ""), "Mul") if shift in net.weights else None
        for scale in scaled.inputs if scaled else ():
            product = next(net.others(scaled, scale), "") if scaled and scale in net.weights else ""
            back = net.made_by(product, "Reshape")
            found = _grouped(net, back) if back else None
            if found and net.is_by_channel(scale, found[0]) and net.is_by_channel(shift, found[0]):
                weights = net.weight(scale, node), net.weight(shift, node)
                return net.call(node, "group_norm", net.value(found[0]), found[1], *weights, found[2])
    return None


def plain_group_norm(net: Lowering, node: OnnxNode) -> Lowered:
    """The same without scale and shift."""
    found = _grouped(net, node)
    return net.call(node, "group_norm", net.value(found[0]), found[1], None, None, found[2]) if found else None


def _grouped(net: Lowering, back: OnnxNode) -> tuple[str, int, float] | None:
    """The value that is normalized in groups, their number, and eps."""
    norm = net.made_by(back.inputs[0], "InstanceNormalization")
    apart = net.made_by(norm.inputs[0], "Reshape") if norm else None
    if norm is None or apart is None or net.shape(apart.inputs[0]) != net.shape(back.outputs[0]):
        return None
    whole, grouped = net.shape(apart.inputs[0]), net.shape(apart.outputs[0])
    plain = [weight.numbers for name in norm.inputs[1:3] if (weight := net.weights.get(name))]
    if len(plain) < 2 or any(one is None or (one != wanted).any() for one, wanted in zip(plain, (1, 0), strict=True)):
        return None
    if len(whole) < 3 or len(grouped) != 3 or whole[0] != grouped[0] or whole[1] % grouped[1]:
        return None
    return apart.inputs[0], grouped[1], norm.get("epsilon", 1e-5)


# --- moved places ------------------------------------------------------------------------------


def rolled(net: Lowering, node: OnnxNode) -> Lowered:
    """The end of an axis, and then what is before it: places that are moved along it, as windows are."""
    parts = [net.made_by(name, "Slice") for name in node.inputs]
    if len(parts) != 2 or None in parts:
        return None
    source = parts[0].inputs[0] if parts[0] else ""
    cuts = [_cut(net, part) for part in parts if part and part.inputs[0] == source]
    shape, axis = net.shape(node.outputs[0]), node.get("axis") % len(net.shape(node.outputs[0]))
    if len(cuts) != 2 or net.shape(source) != shape or any(cut is None or cut[0] != axis for cut in cuts):
        return None
    (_, first, stop), (_, begin, end) = (cut for cut in cuts if cut)
    if (stop, begin, end) != (shape[axis], 0, first):
        return None
    return net.call(node, "roll", net.value(source), [-first], [axis])


def _cut(net: Lowering, node: OnnxNode) -> tuple[int, int, int] | None:
    """The axis of a slice, and where it begins and ends; None for one along several axes, or with a step."""
    given = [net.array(name) if name else None for name in node.inputs[1:]]
    if any(name and one is None for name, one in zip(node.inputs[1:], given, strict=True)):
        return None
    shape = net.shape(node.inputs[0])
    found = slices(node, shape, given)
    if len(found) != 1:
        return None
    ((axis, (start, stop, step)),) = found.items()
    start, stop, step = slice(start, stop, step).indices(shape[axis])
    return (axis, start, stop) if step == 1 else None


IDIOMS: dict[str, Sequence[Lower]] = {
    "Mul": (gated, hard_sigmoid, rms_norm),
    "Div": (gated, hard_sigmoid),
    "Add": (layer_norm, group_norm),
    "Concat": (rolled,),
    "Reshape": (plain_group_norm,),
}
"""What to try first, by the last node's operator."""
