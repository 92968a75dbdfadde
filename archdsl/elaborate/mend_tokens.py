"""Edits for values with positions: maps beside sequences, learned values of another shape, what attention takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.elaborate.refusal import Refusal, instead, on_one_line
from archdsl.elaborate.values import Flow
from archdsl.ir.builder import Builder, Made, Ref
from archdsl.ops.attend import Attend
from archdsl.syntax import tree
from archdsl.tensor import Tensor


def in_a_row(values: Sequence[Flow], origins: Sequence[tree.Chain], same_size: bool = True) -> str | None:
    """The only map of a join as a sequence, `it -> tokens`, where all others are sequences of as many channels."""
    tensors = [value.tensor for value in values]
    maps = [place for place, tensor in enumerate(tensors) if tensor.rank > 2]
    others = [tensor for tensor in tensors if tensor.rank == 2]
    if len(maps) != 1 or len(others) != len(tensors) - 1 or len({tensor.channels for tensor in tensors}) > 1:
        return None
    if same_size and len({tensor.size for tensor in tensors}) > 1:
        return None
    text = " ".join(origins[maps[0]].span.text.split())
    return f"instead of `{text}` write `{text} -> tokens`: its pixels, row by row, are positions"


def learned_alike(builder: Builder, values: Sequence[Flow]) -> str | None:
    """The declaration of a learned value with the shape of the value that it is joined with."""
    if len(values) != 2:
        return None
    made = [builder.made(value.ref) for value in values]
    learned = [place for place, one in enumerate(made) if one.op.name == "learned"]
    if len(learned) != 1:
        return None
    declared, wanted = on_one_line(made[learned[0]].span), values[1 - learned[0]].tensor
    name, colon, rest = declared.partition(":")
    start = re.search(r" = .*", rest)
    shape = " x ".join(map(str, wanted.dims))
    new = f"{name}{colon} {shape}{start[0] if start else ''}"
    return f"{instead(declared, made[learned[0]].span.line, new)}: then both are {wanted}"


def for_attention(refusal: Refusal) -> str | None:
    """Other channels for the keys, or for the values, where they are made."""
    if not isinstance(refusal.op, Attend):
        return None
    (q, k, v), heads = refusal.tensors[:3], refusal.op.heads
    if q.channels % heads:
        return refusal.help
    size = q.channels // heads
    keys_fit = k.channels % size == 0 and heads % (k.channels // size) == 0
    which, ref, found, wanted = (
        ("values", refusal.refs[2], v, k.channels) if keys_fit else ("keys", refusal.refs[1], k, q.channels)
    )
    made = _maker(refusal.builder, ref, found)
    new = re.sub(rf"(?<=\()(out=)?{found.channels}\b", rf"\g<1>{wanted}", on_one_line(made.span), count=1)
    if new == on_one_line(made.span):
        return refusal.help
    return f"for the {which}, {instead(on_one_line(made.span), made.span.line, new)}"


def _maker(builder: Builder, ref: Ref, tensor: Tensor) -> Made:
    """The step that decided the channels of a value."""
    made = builder.made(ref)
    while "out" not in dict(made.op) and made.inputs and builder.tensor(made.inputs[0]).channels == tensor.channels:
        made = builder.made(made.inputs[0])
    return made


def numbered(refusal: Refusal) -> str | None:
    """A layer in place of an embedding, where numbers flow in that are no words."""
    width, tensor = dict(refusal.op).get("width"), refusal.tensors[0]
    if refusal.op.name != "embedding" or tensor.kind == "int":
        return None
    layer = f"conv({width}, 1)" if tensor.rank > 2 else f"linear({width})"
    return f"an embedding looks up words; for numbers write `{layer}`"
