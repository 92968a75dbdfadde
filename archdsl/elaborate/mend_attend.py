"""What an `attend` cannot take: two values instead of three, and windows of a sequence."""

from __future__ import annotations

import re

from archdsl.elaborate.refusal import Refusal, instead, on_one_line
from archdsl.ops.attend import Attend
from archdsl.ops.base import Mismatch
from archdsl.ops.reshape import Split


def three_values(refusal: Refusal) -> str | None:
    """What to write so that three values flow into an `attend`; None for another op."""
    if not isinstance(refusal.op, Attend) or len(refusal.refs) == 1:
        return None
    found = (_split_in_three(refusal) or _read_twice(refusal)) if len(refusal.refs) == 2 else None
    return found or f"name them, and let the three flow in together: `(q, k, v) -> {refusal.text}`"


def without_windows(refusal: Refusal) -> str | None:
    """`attend(8, causal=true)` for windows of a sequence, which the language does not have."""
    if not isinstance(refusal.op, Attend) or refusal.op.windows is None or refusal.tensors[0].rank != 2:
        return None
    text = re.sub(r", *(?:windows|shift|grid|relative)=[^,()]+", "", refusal.text)
    if "windows" in text or text == refusal.text:
        return None
    why = "windows are those of maps; one that slides along a sequence, as Mistral's, cannot be said"
    return f"instead of `{refusal.text}` write `{text}`: {why}"


def _split_in_three(refusal: Refusal) -> str | None:
    """`linear(192) -> split(3)` for `linear(128) -> split(2)`."""
    split, other = map(refusal.builder.made, refusal.refs)
    if split != other or not isinstance(split.op, Split) or split.op.parts != 2:
        return None
    layer = refusal.builder.made(split.inputs[0])
    out, source = dict(layer.op).get("out"), layer.span.source.text
    arrow = source[layer.span.end : split.span.start]
    if source is not split.span.source.text or out is None or not re.fullmatch(r"\s*->\s*", arrow):
        return None
    wider = re.sub(rf"(?<=\()(out=)?{out}\b", rf"\g<1>{out // 2 * 3}", on_one_line(layer.span), count=1)
    if wider == on_one_line(layer.span):
        return None
    old = f"{on_one_line(layer.span)} -> {on_one_line(split.span)}"
    return f"{instead(old, layer.span.line, f'{wider} -> split(3)')}: queries, keys and values"


def _read_twice(refusal: Refusal) -> str | None:
    """`(words, memory, memory) -> attend(8)` for `(words, memory) -> attend(8)`."""
    line = refusal.span.source.text[: refusal.span.start].rpartition("\n")[2]
    names = re.search(r"\((\w+), *(\w+)\)\s*->\s*$", line)
    queries, memory = refusal.tensors
    if names is None:
        return None
    try:
        refusal.op.outputs(queries, memory, memory)
    except Mismatch:
        return None
    return (
        f"instead of `{names[0].rstrip()} {refusal.text}` write `({names[1]}, {names[2]}, {names[2]}) -> "
        f"{refusal.text}`: its keys and its values both come from `{names[2]}`"
    )
