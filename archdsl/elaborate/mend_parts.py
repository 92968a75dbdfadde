"""Where channels do not split into equal parts or groups: other channels before it, or other parts."""

from __future__ import annotations

import re

from archdsl.elaborate.refusal import Refusal, instead, on_one_line
from archdsl.ir.builder import Made
from archdsl.ops.reshape import Split


def divided(refusal: Refusal) -> str | None:
    """The number of channels that the step can split, where it is written; or parts of different sizes."""
    count = _count(refusal)
    if count is None:
        return None
    channels = refusal.tensors[0].channels
    if channels % count == 0:
        edits = [_other_output(refusal, count), refusal.help]
    elif isinstance(refusal.op, Split):
        edits = [_other_channels(refusal, channels, count), _unequal(refusal, channels, count)]
    else:
        edits = [refusal.help, _other_channels(refusal, channels, count)]
    return ", or ".join(edit for edit in edits if edit) or None


def _count(refusal: Refusal) -> int | None:
    """Into how many parts."""
    fields = dict(refusal.op)
    count = fields.get("parts", fields.get("groups"))
    return count if isinstance(count, int) and count > 1 else None


def _other_channels(refusal: Refusal, channels: int, count: int) -> str | None:
    """Another number in the step that made the channels; behind an input or a block, a step that makes them."""
    for made in refusal.line():
        if made.inputs and refusal.builder.tensor(made.inputs[0]).channels == channels and "out" not in dict(made.op):
            continue
        if dict(made.op).get("out") != channels:
            break
        new = _with_output(made, channels, count)
        return instead(on_one_line(made.span), made.span.line, new) if new else None
    if not isinstance(refusal.op, Split):
        return None
    return f"instead of `{refusal.text}` write `conv({_next(channels, count)}, 1) -> {refusal.text}`"


def _with_output(made: Made, channels: int, count: int) -> str | None:
    text = on_one_line(made.span)
    new, changed = re.subn(rf"(?<=\()(out=)?{channels}\b", rf"\g<1>{_next(channels, count)}", text, count=1)
    return new if changed else None


def _next(channels: int, count: int) -> int:
    """The next number of channels that splits."""
    return -(-channels // count) * count


def _unequal(refusal: Refusal, channels: int, count: int) -> str | None:
    """`split([2, 1])`: as many parts, the first of them larger."""
    if channels < count:
        return None
    rest = channels % count
    parts = [channels // count + (position < rest) for position in range(count)]
    text = re.sub(r"\(.*\)", f"({parts})", refusal.text) if "(" in refusal.text else f"{refusal.text}({parts})"
    return f"instead of `{refusal.text}` write `{text}`"


def _other_output(refusal: Refusal, count: int) -> str | None:
    """`conv(9, 3, groups=3)` or `conv(12, 3, groups=3)` for `conv(10, 3, groups=3)`."""
    out = dict(refusal.op).get("out")
    if not isinstance(out, int) or not re.search(rf"\((?:out=)?{out}\b", refusal.text):
        return None
    around = [number for number in (out // count * count, _next(out, count)) if number]
    texts = [re.sub(rf"(?<=\()(out=)?{out}\b", rf"\g<1>{number}", refusal.text, count=1) for number in around]
    return f"instead of `{refusal.text}` write `{'` or `'.join(texts)}`"
