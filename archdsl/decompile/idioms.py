"""Ops that code says otherwise than a spec does, as a spec says them: none computes anything else afterwards.

Code pads where an argument of the next op would do, numbers pixels before an attention, and cuts a value into slices.
To add an idiom, write a function of a draft and put it into `IDIOMS`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import TypeAlias

from archdsl.decompile.draft import Draft, Part
from archdsl.ir.graph import Graph, Output, Value
from archdsl.ir.recorded import Recorded
from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Family, Op
from archdsl.ops.crop import Pad
from archdsl.ops.regularize import Dropout
from archdsl.ops.reshape import ChannelSlice, Split
from archdsl.tensor import Tensor

Pads: TypeAlias = "tuple[tuple[int, int], ...]"
"""How many pixels are added before and behind, in each dimension."""

PADDED = frozenset({"conv", "depthwise", "avg_pool"})
"""Ops that take zeros at the border as a padding of theirs."""


def leave_out_nothing(draft: Draft) -> None:
    """Leaves out what never changes a value: an identity, and a dropout of nothing."""
    values: dict[Value, Value] = {}
    for part in list(draft.parts.values()):
        if part.op.name == "identity" or (isinstance(part.op, Dropout) and part.op.p == 0):
            values[Value(part.id)] = values.get(part.inputs[0], part.inputs[0])
            del draft.parts[part.id]
    draft.redirect(values)


# --- sequences of pixels ---------------------------------------------------------------------


def tokens_first(draft: Draft) -> None:
    """A normalization of a map whose pixels are numbered after it and beside it comes after the numbering."""
    numbered = {part.inputs[0]: part for part in draft.parts.values() if part.op.name == "tokens"}
    users = draft.users()
    values: dict[Value, Value] = {}
    for part in list(draft.parts.values()):
        after = _only(users[Value(part.id)])
        if after and after.op.name == "tokens" and part.op.family is Family.NORM and part.inputs[0] in numbered:
            part.inputs = [Value(numbered[part.inputs[0]].id)]
            part.outputs = part.op.outputs(draft.tensor(part.inputs[0]))
            values[Value(after.id)] = Value(part.id)
            del draft.parts[after.id]
    draft.redirect(values)
    draft.order()


def attend_to_maps(draft: Draft) -> None:
    """An attention to pixels that are numbered before it and laid out as a map after it takes and gives maps."""
    users = draft.users()
    for part in [part for part in draft.parts.values() if part.op.name == "attend"]:
        numbered = [draft.parts[value.node] for value in part.inputs]
        after = _only(users[Value(part.id)])
        if after is None or after.op.name != "reshape" or any(one.op.name != "tokens" for one in numbered):
            continue
        maps = [one.inputs[0] for one in numbered]
        with suppress(Mismatch):
            if part.op.outputs(*map(draft.tensor, maps)) == after.outputs:
                part.inputs, part.outputs = maps, after.outputs
                del draft.parts[after.id]
                draft.redirect({Value(after.id): Value(part.id)})
    _leave_out_unused(draft, "tokens")


def _leave_out_unused(draft: Draft, op: str) -> None:
    """Leaves out parts of this op whose value nothing takes."""
    users = draft.users()
    for part in list(draft.parts.values()):
        if part.op.name == op and not users[Value(part.id)]:
            del draft.parts[part.id]


# --- padding as in TensorFlow ------------------------------------------------------------------


def pad_as_tensorflow(draft: Draft) -> None:
    """Windows that are padded as TensorFlow pads them say so, in place of the pixels of this resolution.

    Pixels that are added behind alone may also be a border that the author gave. So this is done where paddings of
    several sizes, lopsided ones among them, are all that rule's, or a class says so by its name.
    """
    found = list(_padded_as_tensorflow(draft))
    amounts = {pads for _, _, _, pads in found}
    is_rule = len(amounts) > 1 and any(before != behind for pads in amounts for before, behind in pads)
    folded: list[Part] = []
    for part, pad, op, _ in found:
        if not is_rule and not _is_named_so(draft, part):
            continue
        part.op = op
        if pad is not None:
            part.inputs = list(pad.inputs)
            del draft.parts[pad.id]
        _dissolve_single(draft, part)
        folded.append(part)
    for part in _alike(draft, folded):
        part.op = _as_tensorflow(part.op, draft.tensor(part.inputs[0]), _pads(draft, part)) or part.op


def _alike(draft: Draft, parts: Sequence[Part]) -> Iterator[Part]:
    """What stands elsewhere for one of these parts: with the same arguments, or alone of its op, in the same class."""
    kinds = {(_kind(draft, part), part.op.name) for part in parts}
    said = {(_kind(draft, part), _unpadded(part.op)) for part in parts}
    counts = Counter((part.region, part.op.name) for part in draft.parts.values())
    for part in draft.parts.values():
        kind = _kind(draft, part)
        alone = (kind, part.op.name) in kinds and counts[part.region, part.op.name] == 1
        if alone or (kind, _unpadded(part.op)) in said:
            yield part


def _kind(draft: Draft, part: Part) -> str:
    return draft.regions[part.region].recorded.kind.rstrip("0123456789")


def _unpadded(op: Op) -> str:
    return f"{op.name} {op.model_dump(exclude={'padding'})}"


def _padded_as_tensorflow(draft: Draft) -> Iterator[tuple[Part, Part | None, Op, Pads]]:
    """The parts that may be padded by that rule, a padding before them that this replaces, and the pixels."""
    users = draft.users()
    for part in draft.parts.values():
        pads = _pads(draft, part)
        if pads is None:
            continue
        before = draft.parts.get(part.inputs[0].node)
        if before and isinstance(before.op, Pad) and _only(users[Value(before.id)]) is part:
            if before.op.mode != "constant" or before.op.value or part.op.name not in PADDED or any(map(any, pads)):
                continue
            x = draft.tensor(before.inputs[0])
            pads, pad = before.op.window(x).padding, before
            op = _as_tensorflow(part.op, x, pads, counted=True)
        elif any(one != other for one, other in pads):
            pad, op = None, _as_tensorflow(part.op, draft.tensor(part.inputs[0]), pads)
        else:
            continue
        if op is not None:
            yield part, pad, op, pads


def _pads(draft: Draft, part: Part) -> Pads | None:
    """The pixels that a window adds; None for an op that has no padding."""
    if "padding" not in type(part.op).model_fields or not part.inputs:
        return None
    window = part.op.window(*map(draft.tensor, part.inputs))
    return window.padding if window is not None and not window.everything else None


def _as_tensorflow(op: Op, x: Tensor, pads: Pads | None, counted: bool = False) -> Op | None:
    """The op with the rule in place of these pixels; None if they are others. An average may have `counted` them."""
    counts = {"include_padding": True} if counted and op.name == "avg_pool" else {}
    with suppress(Exception):
        found = type(op).model_validate({**op.model_dump(), "padding": "tf_same", **counts})
        window = found.window(x)
        return found if window is not None and window.padding == pads else None
    return None


def _is_named_so(draft: Draft, part: Part) -> bool:
    return "Same" in _kind(draft, part)


def _dissolve_single(draft: Draft, part: Part) -> None:
    """Dissolves a region that holds nothing else."""
    while part.region and sum(part.region in draft.around(other.region) for other in draft.parts.values()) == 1:
        draft.dissolve(part.region)


# --- slices ------------------------------------------------------------------------------------


def split_slices(draft: Draft) -> None:
    """Slices that together are all channels of a value, each once, become one `split`."""
    slices: dict[tuple[Value, str], list[tuple[int, Part]]] = defaultdict(list)
    for part in draft.parts.values():
        if isinstance(part.op, ChannelSlice):
            slices[part.inputs[0], part.region].append((part.op.start, part))
    outputs: dict[Value, Value] = {}
    for (value, _), found in slices.items():
        (_, first), *others = found
        starts, parts = zip(*sorted(found, key=lambda pair: pair[0]), strict=True)
        channels = [part.outputs[0].channels for part in parts]
        if not others or [*starts, draft.tensor(value).channels] != list(accumulate(channels, initial=0)):
            continue
        first.op, first.outputs = Split(parts=_parts(channels)), tuple(part.outputs[0] for part in parts)
        outputs |= {Value(part.id): Value(first.id, port) for port, part in enumerate(parts)}
        for _, part in others:
            del draft.parts[part.id]
    draft.redirect(outputs)


def _parts(channels: Sequence[int]) -> int | tuple[int, ...]:
    return len(channels) if len(set(channels)) == 1 else tuple(channels)


def _only(users: Iterable[Part | Output]) -> Part | None:
    """The part that alone takes a value."""
    found = list(users)
    return found[0] if len(found) == 1 and not isinstance(found[0], Output) else None


IDIOMS = (leave_out_nothing, tokens_first, attend_to_maps, pad_as_tensorflow, split_slices)
"""In the order in which they are looked for."""


def drafted(graph: Graph, recorded: Mapping[str, Recorded]) -> Draft:
    """The draft of a graph, with its idioms as a spec says them, divided as a person would divide it."""
    draft = Draft(graph, recorded)
    for idiom in IDIOMS:
        idiom(draft)
    draft.divide()
    return draft
