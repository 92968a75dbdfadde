"""Follows the channels of each layer as Ultralytics does, and refuses rows that it could not run.

Most mistakes in such files are about channels. Nearly all of them make shapes that do not fit, which the compiler
tells. What it cannot tell is a repetition that changes channels: there, Ultralytics makes every copy for the channels
of the first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from archdsl.frontends.ultralytics.document import refused
from archdsl.frontends.ultralytics.modules import MODULES
from archdsl.frontends.ultralytics.rows import Row
from archdsl.frontends.ultralytics.settings import Settings


def check_channels(rows: Sequence[Row], settings: Settings) -> None:
    """Raises `CompileError` for the first row that is repeated and changes channels, in any scale."""
    scales = settings.scales or {"": settings.multiples}
    for scale, multiples in scales.items():
        known = {-1: settings.whole("ch", 3)}
        for row in rows:
            known[row.index] = _channels(row, known, multiples)
            _check(row, known, multiples[0], scale)


def _channels(row: Row, known: dict[int, int], multiples: tuple[Any, Any, Any]) -> int:
    """The channels that a layer makes."""
    name, before = row.module.value, known[row.takes[0]]
    if name == "Concat":
        return sum(known[number] for number in row.takes)
    if name == "CBFuse":
        return known[row.takes[-1]]
    if name == "nn.ConvTranspose2d":
        return _scaled(row.arguments[0].value, multiples, before) if row.arguments else before
    if name not in MODULES or "width" not in MODULES[name].arguments:
        return before
    given = dict(zip(MODULES[name].arguments, (part.value for part in row.arguments), strict=False))
    width = given.get("width")
    if MODULES[name].scaled:
        return _scaled(width, multiples, before)
    if type(width) is not int:
        return before
    return 4 * width if name == "ResNetLayer" and not given.get("first") else width


def _scaled(width: Any, multiples: tuple[Any, Any, Any], before: int) -> int:
    if type(width) is not int:
        return before
    _, factor, most = multiples
    scaled: float = min(width, most or width) * factor
    return ceil(scaled / 8) * 8


def _check(row: Row, known: dict[int, int], depth: Any, scale: str) -> None:
    name = row.module.value
    times = max(round(row.number.value * depth), 1) if row.number.value > 1 else 1
    before, after = known[row.takes[0]], known[row.index]
    if times == 1 or before == after or name == "Concat" or (name in MODULES and MODULES[name].repeats):
        return
    of_scale = f" at scale {scale}" if scale else ""
    raise refused(
        f"`{name}` is repeated {times} times{of_scale} and makes {after} channels of {before}: its second copy, which "
        f"Ultralytics makes for {before} channels, would get {after}",
        row.number.span,
        help=f"write a row with 1 copy that makes the {after} channels, then a row with the others",
    )
