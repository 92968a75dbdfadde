"""Borders around maps, and windows over them: the border is the window's padding where it has the numbers for that."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from archdsl.frontends.keras.arguments import Arguments, made
from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Op
from archdsl.tensor import Tensor


def padded(a: Arguments, x: Tensor) -> list[Op]:
    """`ZeroPadding2D`, or `keras.ops.pad`."""
    mode = a.config.get("mode", "constant")
    if mode not in ("constant", "reflect"):
        raise a.wrong("mode", "constant or reflect")
    value = {"value": a.number("constant_values")} if _value(a) else {}
    return [made("pad", sides=_sides(a, x), **({"mode": mode} if mode != "constant" else value))]


def bordered(border: Arguments, a: Arguments, x: Tensor, maker: Callable[[Arguments, Tensor], list[Op]]) -> list[Op]:
    """The ops of a layer whose windows lie over a map with a border.

    Zeros around the map are the padding of a convolution, and of an average pool that counts them; what is below all
    numbers is that of a maximum pool.
    """
    sides = _sides(border, x)
    around = tuple(zip(sides[::2], sides[1::2], strict=True))[::-1]
    larger = Tensor(x.channels, *(n + sum(pair) for n, pair in zip(x.spatial, around, strict=True)), kind=x.kind)
    window, *others = maker(a, larger)
    neutral = -inf if window.name == "max_pool" else 0
    is_neutral = border.config.get("mode", "constant") == "constant" and _value(border) == neutral
    if is_neutral and a.config.get("padding", "valid") == "valid":
        own = made(window.name, **{**dict(window), "padding": _shortest(sides)})
        if _fits(own, x, window.outputs(larger)):
            return [own, *others]
    return [*padded(border, x), window, *others]


def _fits(window: Op, x: Tensor, outputs: tuple[Tensor, ...]) -> bool:
    """Whether windows with this padding give these outputs: that of a pool may be half of its kernel."""
    try:
        return window.outputs(x) == outputs
    except Mismatch:
        return False


def _sides(a: Arguments, x: Tensor) -> list[int]:
    """Pixels at the left, right, top, bottom."""
    if a.kind != "ops.Pad":
        return a.sides("padding", x.rank - 1)
    rows = a.config.get("pad_width")
    if not isinstance(rows, list) or len(rows) != x.rank + 1:
        raise a.wrong("pad_width", f"{x.rank + 1} pairs of numbers")
    inner = rows[1:-1] if a.last else rows[2:]
    outer = [rows[0], rows[-1] if a.last else rows[1]]
    if any(one not in (0, [0, 0]) for one in outer):
        raise a.wrong("pad_width", "no border at samples and channels")
    return Arguments(a.layer, a.kind, {"pad_width": inner}, a.version, a.last).sides("pad_width", x.rank - 1)


def _shortest(sides: list[int]) -> Any:
    """A number for each dimension where both of its sides are the same."""
    return tuple(sides[::2][::-1]) if sides[::2] == sides[1::2] else tuple(sides)


def _value(a: Arguments) -> Any:
    """The number in the border."""
    return a.config.get("constant_values") or 0
