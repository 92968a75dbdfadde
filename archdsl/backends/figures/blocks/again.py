"""A block inside itself: the figure that shows it from the inside has a box for the inner use, and says so."""

from __future__ import annotations

from archdsl.analyses.notation import plain
from archdsl.backends.figures.items import Box
from archdsl.backends.figures.parts import PADDING, Picture, boxed
from archdsl.backends.figures.scene import Shape, Text
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import balanced, width
from archdsl.ir.graph import Scope


def again(item: Box, outer: Scope, theme: Theme) -> Picture:
    """A block inside itself: its name with the arguments that differ, in a double outline, and that it is the same."""
    name = call(item.scope, outer) + (f" ×{item.count}" if item.count > 1 else "")
    lines = [(line, True) for line in balanced(name, SIZE, 220, True)]
    lines.append(("this block again", False))
    wide = max(width(text, SIZE, bold) for text, bold in lines) + 4 * PADDING
    high = 17.0 * len(lines) + 15
    back = Shape(-wide / 2, 0, wide, high, theme.stage, theme.border, 1.4, (), "round", 7)
    inner = Shape(3 - wide / 2, 3, wide - 6, high - 6, theme.block, theme.border, 1.4, (), "round", 4)
    texts = (Text(0, 16 + 17.0 * i, text, SIZE, theme.ink, bold) for i, (text, bold) in enumerate(lines))
    return boxed(item, (back, inner, *texts), wide, high, False)


def call(inner: Scope, outer: Scope) -> str:
    """A use of a block inside another one of it, with the arguments that differ: `Hourglass(depth = 3)`."""
    differ = differing(inner, outer)
    return f"{inner.block}({differ})" if differ else str(inner.block)


def differing(inner: Scope, outer: Scope) -> str:
    """The arguments of a use of a block that differ from those of another use: `depth = 3`."""
    known = dict(outer.arguments)
    return ", ".join(f"{name} = {plain(value)}" for name, value in inner.arguments if known.get(name) != value)
