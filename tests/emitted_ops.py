"""One op's emission as a module that runs: what a writer does for a whole network, for a single op."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from archdsl.backends.torch.layouts import has_positions
from archdsl.ops.base import Expression, Module, Op
from archdsl.tensor import Tensor


def source(op: Op, inputs: tuple[Tensor, ...], last: bool = False) -> str:
    """Python that defines `Net`, whose forward is the op on values with the channels first.

    If the op wants the channels last, or takes either and `last` is true, they are moved before it and after it.
    """
    wanted = op.layout_for(*inputs)
    last = wanted == "last" or (last and wanted == "either")
    wants = [op.layout_of(place, *inputs) for place in range(len(inputs))]
    sides = [last if layout in (wanted, None) else layout == "last" for layout in wants]
    inputs = tuple(
        Tensor(*x.dims, kind=x.kind, last=side and has_positions(x)) for x, side in zip(inputs, sides, strict=True)
    )
    emission = op.torch(*inputs)
    supports = dict.fromkeys(emission.support.definitions() if emission.support else ())
    names = tuple(f"x{i}" for i in range(len(inputs)))
    moved = tuple(f"{x}.movedim(1, -1)" if t.last else x for x, t in zip(names, inputs, strict=True))
    making, call = ["super().__init__()"], ""
    match emission:
        case Module():
            values = [*map(repr, emission.args), *(f"{name}={value!r}" for name, value in emission.kwargs)]
            making.append(f"self.op = {emission.target}({', '.join(values)})")
            making += op.initialize("self.op")
            call = f"self.op({', '.join(moved)})" + ("[0]" if emission.pair else "")
        case Expression():
            if emission.borrows:
                making.append(f"self.op = nn.Embedding{op.weights(*inputs)['weight'].shape}")
            call = emission.written(moved, {"module": "self.op"})
    body = "".join(f"        {line}\n" for line in making)
    shapes = op.outputs(*inputs)
    if last and len(shapes) > 1:
        call = f"tuple(y.movedim(-1, 1) for y in {call})"
    elif last and has_positions(shapes[0]):
        call = f"({call}).movedim(-1, 1)"
    forward = f"    def forward(self, {', '.join(names)}):\n        return {call}\n"
    definitions = "\n\n".join(support.source for support in supports)
    return f"{definitions}\n\nclass Net(nn.Module):\n    def __init__(self):\n{body}\n{forward}"


def build(
    op: Op, inputs: tuple[Tensor, ...], device: str = "cpu", dtype: torch.dtype = torch.float32, last: bool = False
) -> nn.Module:
    """The emitted module, made on `device`; `last` is as in `source`."""
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": torch.Tensor}
    exec(compile(source(op, inputs, last), f"<{op.name}>", "exec"), namespace)
    with torch.device(device):
        module: nn.Module = namespace["Net"]()
    return module.to(dtype)


def values(
    inputs: tuple[Tensor, ...], batch: int = 2, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, ...]:
    """Random values of these shapes; tokens are 0 to 6."""
    return tuple(
        torch.randint(7, (batch, *t.dims), device=device)
        if t.kind == "int"
        else torch.randn(batch, *t.dims, device=device, dtype=dtype)
        for t in inputs
    )


def as_held(op: Op, taken: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """The values in the order of memory that the op wants: with the channels of each position side by side."""
    inputs = tuple(Tensor(*x.shape[1:]) for x in taken)
    wants = [op.layout_of(place, *inputs) for place in range(len(inputs))]
    return tuple(
        x.movedim(1, -1).contiguous().movedim(-1, 1) if x.dim() > 2 and layout == "last" else x
        for x, layout in zip(taken, wants, strict=True)
    )


def outputs(result: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (result,) if isinstance(result, torch.Tensor) else tuple(result)
