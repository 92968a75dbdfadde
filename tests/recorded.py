"""What a network computes, as the list of operations that PyTorch was asked for, on the meta device.

Two networks with equal records compute the same from equal weights, bit by bit: each operation is written with its
numbers, and each tensor by the operation that made it, or by its name in the state dict. So the order of operations is
that of the values that they make from each other; those that draw numbers have an order of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import torch
from emission import tensors_of
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


class _Recorder(TorchDispatchMode):
    def __init__(self, named: dict[str, Tensor]) -> None:
        super().__init__()
        self.names = {id(tensor): name for name, tensor in named.items()}
        self.kept: list[Any] = list(named.values())
        self.lines: list[str] = []
        self.drawn = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        taken = ", ".join(map(self.shown, args))
        given = ", ".join(f"{name}={self.shown(value)}" for name, value in (kwargs or {}).items())
        result = func(*args, **(kwargs or {}))
        # Whether a value is overwritten changes nothing that is computed.
        line = f"{func.overloadpacket.__name__.removesuffix('_')}({taken}; {given})"
        if torch.Tag.nondeterministic_seeded in func.tags:
            self.drawn += 1
            line += f" as number {self.drawn}"
        self.lines.append(line)
        made_by = sha1(line.encode()).hexdigest()[:10]
        for place, tensor in enumerate(result if isinstance(result, tuple | list) else (result,)):
            self.kept.append(tensor)
            self.names[id(tensor)] = f"%{made_by}.{place}"
        return result

    def shown(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return f"{self.names.get(id(value), '?')}:{'x'.join(map(str, value.shape))}"
        if isinstance(value, tuple | list):
            return f"[{', '.join(map(self.shown, value))}]"
        return repr(value)


def record(network: nn.Module, inputs: Sequence[Tensor], training: bool) -> list[str]:
    """The operations of one pass, and which values come out."""
    network.train(training)
    named = {f"input{place}": x for place, x in enumerate(inputs)}
    named |= {**dict(network.named_parameters()), **dict(network.named_buffers())}
    recorder = _Recorder(named)
    with torch.no_grad(), recorder:
        outputs = tensors_of(network(*inputs))
    return [*recorder.lines, f"gives {recorder.shown(outputs)}"]


def layout(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """The state dict: names in order, and shapes."""
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def records(network: nn.Module, inputs: Sequence[Tensor]) -> list[Counter[str]]:
    """The operations of a pass while training, and of one in evaluation."""
    return [Counter(record(network, inputs, training)) for training in (True, False)]


def difference_of_layouts(found: nn.Module, expected: nn.Module) -> str | None:
    ours, theirs = (list(layout(network).items()) for network in (found, expected))
    return None if ours == theirs else first_difference(ours, theirs)


def difference_of_records(found: Sequence[Counter[str]], expected: Sequence[Counter[str]]) -> str | None:
    """The first operation in which two networks differ, or None."""
    for ours, theirs in zip(found, expected, strict=True):
        if ours != theirs:
            return first_difference([*(ours - theirs)], [*(theirs - ours)])
    return None


def first_difference(found: Sequence[object], expected: Sequence[object]) -> str:
    for one, other in zip(found, expected, strict=False):
        if one != other:
            return f"{one}, and not {other}"
    return f"{len(found)} entries, and not {len(expected)}"
