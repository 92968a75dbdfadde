"""An op that does not take what flows into it, and the words of edits: for the modules that look for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archdsl.ir.builder import Builder, Made, Ref
from archdsl.ops.base import Op
from archdsl.source import Span
from archdsl.tensor import Tensor

FAR = 300
"""Steps before the one at fault in which the reason is looked for."""


class Refusal(NamedTuple):
    """An op that does not take what flows in: what that is, the text of the step, and what is built so far.

    `argument` is the name of the argument at fault, if one is. `help` is the op's own advice, which knows nothing of
    the text.
    """

    builder: Builder
    op: Op
    refs: tuple[Ref, ...]
    span: Span
    argument: str | None
    help: str | None

    @property
    def text(self) -> str:
        return on_one_line(self.span)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(map(self.builder.tensor, self.refs))

    def line(self) -> Iterator[Made]:
        """What made the first value that flows in, what made the first value of that, and so on, not too far."""
        ref = self.refs[0]
        for _ in range(FAR):
            made = self.builder.made(ref)
            yield made
            if not made.inputs:
                return
            ref = made.inputs[0]

    def joined_to(self, made: Made) -> str | None:
        """What stands between a step and this one where nothing but an arrow does."""
        source, end = made.span.source, made.span.end
        is_before = source == self.span.source and end <= self.span.start
        between = source.text[end : self.span.start] if is_before else ""
        return between if re.fullmatch(r"\s*->\s*", between) else None


def on_one_line(span: Span) -> str:
    return " ".join(span.text.split())


def instead(old: str, line: int, new: str) -> str:
    """The edit in words."""
    return f"instead of `{old}` (line {line}) write `{new}`"


def shape_of_input(made: Made) -> str | None:
    """The shape of an input as it is written, where it is of plain numbers."""
    shape = on_one_line(made.span).partition(":")[2].strip()
    return shape if made.op.name == "input" and re.fullmatch(r"\d+(?: [x×] \d+)*", shape) else None
