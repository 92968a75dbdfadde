"""The arguments of a Keras layer, each checked when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archdsl.diagnostics import CompileError
from archdsl.frontends.keras.config import refused
from archdsl.ops.arguments import compact
from archdsl.ops.base import Op
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor
from archdsl.text import shown

LARGEST = 10**9

SIZES = frozenset({"kernel", "stride", "dilation", "padding", "output_padding", "factor", "sides"})
"""Arguments of ops that have a number for each dimension."""

ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "relu": ("relu", {}),
    "relu6": ("relu6", {}),
    "sigmoid": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "softmax": ("softmax", {}),
    "log_softmax": ("log_softmax", {}),
    "silu": ("silu", {}),
    "swish": ("silu", {}),
    "gelu": ("gelu", {}),
    "elu": ("elu", {}),
    "leaky_relu": ("leaky_relu", {"slope": 0.2}),
    "hard_sigmoid": ("hard_sigmoid", {}),
    "hard_silu": ("hard_swish", {}),
    "hard_swish": ("hard_swish", {}),
    "mish": ("mish", {}),
    "exponential": ("exp", {}),
    "linear": ("identity", {}),
}
"""Keras's activations by name, and the ops that they are. `hard_sigmoid` is that of Keras 3."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of one layer. `version` is that of Keras, and `last` says whether channels are last."""

    layer: str
    kind: str
    config: Mapping[str, Any]
    version: int
    last: bool

    def wrong(self, key: str, expected: str) -> CompileError:
        """The error for an argument that is not as it should be."""
        given = shown(str(self.config.get(key)), 60)
        return refused(f"the layer `{shown(self.layer, 60)}` ({self.kind}) has {key} = {given}; expected {expected}")

    def whole(self, key: str, usual: int | None = None, least: int = 1) -> int:
        """A whole number."""
        value = self.config.get(key, usual)
        if type(value) is not int or not least <= value <= LARGEST:
            raise self.wrong(key, f"a whole number from {least}")
        return value

    def number(self, key: str, usual: float = 0.0) -> float:
        """A number; a list of one number, as Keras 2 writes some, is that number."""
        value = self.config.get(key, usual)
        value = usual if value is None else value
        if isinstance(value, Mapping):
            value = value.get("config", {}).get("value") if isinstance(value.get("config"), Mapping) else None
        if type(value) not in (int, float) or not abs(value) <= LARGEST:
            raise self.wrong(key, "a number")
        return float(value)

    def truth(self, key: str, usual: bool) -> bool:
        """A truth value."""
        value = self.config.get(key, usual)
        if type(value) is not bool:
            raise self.wrong(key, "true or false")
        return value

    def sizes(self, key: str, count: int, usual: int = 1) -> tuple[int, ...]:
        """A size for each dimension of the positions, in Keras's order, which is the order here too."""
        value = self.config.get(key, usual)
        value = [value] * count if type(value) is int else value
        if not isinstance(value, list | tuple) or len(value) != count:
            raise self.wrong(key, f"{count} whole numbers")
        if not all(type(one) is int and 0 < one <= LARGEST for one in value):
            raise self.wrong(key, "whole numbers from 1")
        return tuple(value)

    def sides(self, key: str, count: int) -> list[int]:
        """Pixels at each side as ops take them: left, right, top, bottom, front, back."""
        value = self.config.get(key, 1)
        value = [value] * count if type(value) is int else value
        if isinstance(value, list) and count == 1 and len(value) == 2 and all(type(one) is int for one in value):
            value = [value]
        rows = [[one, one] if type(one) is int else one for one in value] if isinstance(value, list) else []
        flat = [one for row in rows if isinstance(row, list) for one in row]
        if len(rows) != count or len(flat) != 2 * count or not all(type(n) is int and 0 <= n <= LARGEST for n in flat):
            raise self.wrong(key, "pixels for each side")
        return [one for row in reversed(rows) for one in row]

    def axis(self, rank: int, key: str = "axis", usual: int = -1) -> int:
        """An axis as a place in our order, without the batch: 0 is the channels. `rank` counts without the batch."""
        value = self.config.get(key, usual)
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if type(value) is not int or not -rank <= value <= rank or value == 0:
            raise self.wrong(key, "an axis other than the batch")
        place = value - 1 if value > 0 else value + rank
        return (place + 1) % rank if self.last else place

    def refuse_other(self, key: str, *usual: Any) -> None:
        """Refuses an argument that has another value than the usual ones."""
        if self.config.get(key, usual[0]) not in usual:
            raise self.wrong(key, " or ".join(map(str, usual)))

    def activation(self, key: str = "activation") -> list[Op]:
        """The op of an activation, by its name; none for the linear one."""
        value = self.config.get(key)
        if isinstance(value, Mapping):
            value = value.get("config")
            value = value.get("name") if isinstance(value, Mapping) else value
        name = "linear" if value is None else str(value).rpartition(">")[2]
        if name not in ACTIVATIONS or (name == "hard_sigmoid" and self.version < 3):
            raise self.wrong(key, f"one of {', '.join(ACTIVATIONS)}")
        op, arguments = ACTIVATIONS[name]
        return [] if op == "identity" else [made(op, **arguments)]

    def padding(self, x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> str:
        """`valid`; `tf_same` for Keras's `same`, or `same` where both are the same at every size."""
        value = self.config.get("padding", "valid")
        if value not in ("valid", "same"):
            raise self.wrong("padding", "valid or same")
        rows = zip(kernel, stride, dilation, strict=True)
        is_even = all(k == 1 or (s == 1 and (k - 1) * d % 2 == 0) for k, s, d in rows)
        return "valid" if value == "valid" else "same" if is_even else "tf_same"


def made(op: str, **arguments: Any) -> Op:
    """The op with this name and these arguments. Sizes that are the same in all dimensions become one number."""
    return REGISTRY[op](**{name: _as_written(name, value) for name, value in arguments.items()})


def _as_written(name: str, value: Any) -> Any:
    return compact(tuple(value)) if name in SIZES and isinstance(value, tuple | list) else value
