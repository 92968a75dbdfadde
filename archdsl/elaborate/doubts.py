"""Warnings about single ops that are legal but seldom what is meant. Each says what is done and what may be meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from archdsl.elaborate.arguments import Call, field_names
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import Flow, Given, Unit, describe
from archdsl.ops.arguments import Unusual
from archdsl.ops.base import Op
from archdsl.source import Span

WIDE, WIDTH = 6, 16
"""Even kernels of at least `WIDTH` are taken for numbers of channels, and those of at least `WIDE` if an odd number,
which may be the kernel, follows."""


class Doubt(NamedTuple):
    """A warning before it is known whether a comment allows it."""

    code: str
    message: str
    span: Span
    help: str | None


def warn_of_writing(session: Session, unit: Unit, call: Call, inputs: tuple[Flow, ...], span: Span) -> None:
    """Warns of suspicious arguments. This comes before the op is applied, which may fail because of them."""
    if _bounds(type(call.op)):
        _warn(session, _unusual(call, span))
    if len(unit.given) > 1 and unit.given[1].name is None:
        _warn(session, _habit(unit, call, inputs, span))


def warn_of_effect(session: Session, call: Call, inputs: tuple[Flow, ...], span: Span) -> None:
    """Warns of what an op does with its inputs, after it was applied."""
    tensors = [value.tensor for value in inputs]
    dropped = call.op.dropped(*tensors)
    if any(dropped):
        _warn(session, _dropped(call, dropped, inputs, span))
    senseless = call.op.doubt(*tensors)
    if senseless is not None:
        session.warn("unusual-number", senseless, span)


def _warn(session: Session, doubts: Iterable[Doubt]) -> None:
    for doubt in doubts:
        session.warn(doubt.code, doubt.message, doubt.span, help=doubt.help)


def _dropped(call: Call, dropped: tuple[int, ...], inputs: tuple[Flow, ...], span: Span) -> Iterator[Doubt]:
    """Warns of rows, columns or frames at the end of the input that the window never reaches."""
    *others, last = (f"{count} {what}" for count, what in zip(dropped, _sides(dropped), strict=True) if count)
    lost = f"{', '.join(others)} and {last}" if others else last
    message = f"`{call.op.name}` never sees the last {lost} of its input of {inputs[0].tensor}"
    yield Doubt("dropped-rows", message, span, "change the padding, or the input's size")


def _sides(dropped: tuple[int, ...]) -> tuple[str, ...]:
    """What each dimension counts, as singular or plural: ("row", "columns")."""
    names = ("position",) if len(dropped) == 1 else ("frame", "row", "column")[-len(dropped) :]
    return tuple(name if count == 1 else f"{name}s" for name, count in zip(names, dropped, strict=True))


# --- numbers ----------------------------------------------------------------------------------


@cache
def _bounds(op: type[Op]) -> dict[str, Unusual]:
    """The arguments of an op for which values beyond a bound are seldom meant."""
    found = ((name, part) for name, field in op.model_fields.items() for part in field.metadata)
    return {name: part for name, part in found if isinstance(part, Unusual)}


def _unusual(call: Call, span: Span) -> Iterator[Doubt]:
    for name, bound in _bounds(type(call.op)).items():
        given = call.fields.get(name)
        value = getattr(call.op, name)
        if given is not None and value >= bound.least:
            message = f"`{name}` of `{call.op.name}` is {describe(given.value)}: {bound.meaning(value)}"
            yield Doubt("unusual-number", message, given.span or span, bound.other(value))


# --- channels that come in, written by habit ---------------------------------------------------


def _habit(unit: Unit, call: Call, inputs: tuple[Flow, ...], span: Span) -> Iterator[Doubt]:
    """Warns of `conv(3, 16, 3)`, which in other frameworks means 3 channels in, 16 out and a window of 3.

    There is no warning if the stride is given by name, or behind two numbers what follows them in other frameworks:
    this order of arguments is then probably meant, as in wav2vec's `conv(768, 128, padding=64, groups=16)`.
    """
    if field_names(type(call.op))[:2] != ("out", "kernel"):
        return
    written = [given for given in unit.given if given.name is None]
    numbers = [given.value for given in written]
    further = {"stride"} if len(numbers) > 2 else {"stride", "padding", "dilation", "groups"}
    if len(numbers) < 2 or any(given.name in further for given in unit.given):
        return
    if not inputs or numbers[0] != inputs[0].tensor.channels or not _is_width(numbers, call):
        return
    name, stride = call.op.name, describe(call.fields["stride"].value) if "stride" in call.fields else "1"
    channels = f"{numbers[0]} channel{'s' if numbers[0] != 1 else ''}"
    message = f"this is a window of {numbers[1]} with a stride of {stride} that gives {channels}"
    rest = [*map(_text, unit.given[1:]), *(["..."] if len(numbers) == 2 else [])]
    help = f"the channels that come in are not written: write `{name}({', '.join(rest)})`"
    yield Doubt("width-as-kernel", message, span, help)


def _is_width(numbers: list[object], call: Call) -> bool:
    """Whether the second number is an unlikely window size, and so probably a number of channels."""
    kernel, stride = numbers[1], call.fields["stride"].value if "stride" in call.fields else 1
    if not isinstance(kernel, int) or kernel % 2 or kernel == stride:
        return False
    odd = len(numbers) > 2 and isinstance(stride, int) and stride % 2 == 1
    return kernel >= WIDTH or (kernel >= WIDE and odd)


def _text(given: Given) -> str:
    return given.span.text if given.span is not None else describe(given.value)
