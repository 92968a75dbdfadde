"""A `linear` on the one position that a pool or a convolution left: most often a forgotten `flatten`."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.elaborate.refusal import FAR
from archdsl.ir.builder import Builder, Made, Ref
from archdsl.ops.base import Family, Mismatch, Op
from archdsl.ops.linear import Linear


def refuse_pooled(builder: Builder, op: Op, refs: Sequence[Ref]) -> None:
    """Raises `Mismatch` for a `linear` that gives C x 1 after a pool, unless it says that the position is to stay."""
    if not isinstance(op, Linear) or op.over is not None or builder.tensor(refs[0]).spatial != (1,):
        return
    made = _pooling(builder, refs[0])
    if made is not None:
        raise Mismatch(
            f"`linear` would keep the one position that `{made.op.name}` left of {builder.tensor(made.inputs[0])}",
            code="wrong-rank",
            help=f"put `flatten` before it; to keep the position write `linear({op.out}, over=channels)`",
        )


def _pooling(builder: Builder, ref: Ref) -> Made | None:
    """The pool or convolution that left one position of several; None if the position was made in another way."""
    for _ in range(FAR):
        made = builder.made(ref)
        if len(made.inputs) != 1:
            return None
        ref = made.inputs[0]
        if builder.tensor(ref).spatial != (1,):
            return made if made.op.family in (Family.POOL, Family.CONV) else None
    return None
