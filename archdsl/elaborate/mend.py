"""Finds the change of a branch that makes the branches of a join fit. It becomes the help of the error."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from archdsl.elaborate.values import Flow
from archdsl.syntax import tree
from archdsl.tensor import Tensor

Branch = tuple[Tensor, tree.Chain]
"""The tensor that a branch gives, and the branch's text."""


def mended(
    op: str, values: Sequence[Flow], origins: Sequence[tree.Chain], strides: Callable[[tree.Call], bool]
) -> str | None:
    """What to write instead of one of the branches so that the error is gone; None if no such change is known.

    `strides` says whether the op or block of a call has an argument `stride`.
    """
    branches = [(value.tensor, origin) for value, origin in zip(values, origins, strict=True)]
    if len({tensor.kind for tensor, _ in branches}) > 1:
        return None
    if op in ("add", "sub", "mul") and (spread := _spread(branches)):
        return spread
    if len({len(tensor.spatial) for tensor, _ in branches}) > 1:
        return None
    if op == "concat":
        return _resized(branches)
    if op == "mul":
        return None
    wanted = _wanted([tensor for tensor, _ in branches])
    branch = _to_change(branches, wanted)
    if branch is not None and branch[0].dims == wanted.dims:
        wanted = _other(branches, branch)[0]
    if branch is not None and (strided := _strided(branch, wanted, strides)):
        return strided
    if branch is None:
        return _enlarged(branches) or _cropped(branches)
    which = "both" if len(branches) == 2 else "all"
    others = [origin for _, origin in branches if origin is not branch[1]]
    return (
        _conditioned(branch, others, wanted, which)
        or _widened(branch, others, wanted, which)
        or _projected(branch, wanted, which)
    )


def _wanted(tensors: Sequence[Tensor]) -> Tensor:
    """The shape that most branches have; in a tie the smallest map, and among these the one with most channels."""
    counts = Counter(tensor.dims for tensor in tensors)
    return max(tensors, key=lambda tensor: (counts[tensor.dims], -sum(tensor.spatial), tensor.channels))


def _to_change(branches: Sequence[Branch], wanted: Tensor) -> Branch | None:
    """The branch to change, which is one that only names a value if there is one. None if several do not fit."""
    others = [branch for branch in branches if branch[0].dims != wanted.dims]
    if len(others) != 1:
        return None  # changing one branch would not be enough
    if len(branches) == 2 and _names_a_value(_other(branches, others[0])) and not _names_a_value(others[0]):
        others += [_other(branches, others[0])] if others[0][0].spatial == wanted.spatial else []
    fitting = [one for one in others if _stride(one[0], wanted) or one[0].spatial == wanted.spatial]
    return max(fitting, key=_names_a_value, default=None) if len(fitting) == len(others) else None


def _spread(branches: Sequence[Branch]) -> str | None:
    """Advice for a branch without positions beside maps: to give it a number for each of their channels."""
    full = max((tensor for tensor, _ in branches), key=lambda tensor: (tensor.rank, sum(tensor.spatial)))
    wrong = [branch for branch in branches if branch[0].dims != full.dims and branch[0].channels != full.channels]
    if len(wrong) != 1 or sum(full.spatial) == len(full.spatial):
        return None
    tensor, origin = wrong[0]
    if tensor.rank not in (1, full.rank) or tensor.size != tensor.channels or tensor.channels == 1:
        return None
    step = f"linear({full.channels})" if tensor.rank == 1 else f"conv({full.channels}, 1)"
    return _instead(origin, step, f"a number for each channel of {full}")


def _other(branches: Sequence[Branch], branch: Branch) -> Branch:
    return branches[1] if branches[0] is branch else branches[0]


def _names_a_value(branch: Branch) -> bool:
    steps = branch[1].steps
    return len(steps) == 1 and isinstance(steps[0].target, tree.Name) and steps[0].target.name[:1].islower()


def _stride(tensor: Tensor, wanted: Tensor) -> str | None:
    """The stride (at most 4) with which a 1x1 convolution gives the wanted height and width; None if there is none.

    That of a clip may be another one over frames: `1x2x2`.
    """
    pairs = list(zip(tensor.spatial, wanted.spatial, strict=True))
    fitting = [[s for s in (1, 2, 3, 4) if all(-(-ours // s) == theirs for ours, theirs in of)] for of in _alike(pairs)]
    if not all(fitting) or {strides[0] for strides in fitting} <= {1}:
        return None
    same = min(set[int].intersection(*map(set, fitting)), default=None)
    frames, pixels = fitting[0][0], fitting[-1][0]
    return str(same) if same else f"{frames}x{pixels}x{pixels}"


def _alike(pairs: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Dimensions in groups that have one stride: frames, if there are any, and pixels."""
    return [group for group in (pairs[:-2], pairs[-2:]) if group]


def _strided(branch: Branch, wanted: Tensor, strides: Callable[[tree.Call], bool]) -> str | None:
    """Advice to give a call such as `Shortcut(256)` another stride, if nothing else is wrong."""
    tensor, origin = branch
    call = origin.steps[0].target
    if len(origin.steps) > 1 or not isinstance(call, tree.Call) or not strides(call):
        return None
    stride = _stride(tensor, wanted)
    if tensor.channels != wanted.channels or stride is None:
        return None
    text = " ".join(origin.span.text.split())
    return f"make the stride of `{text}` {stride} times as large: it gives {tensor}, the other branch {wanted}"


def _projected(branch: Branch, wanted: Tensor, which: str) -> str:
    """Advice to add a projection, `skip -> conv(128, 1, stride=2)`, with the channels and size of the other branch."""
    tensor, origin = branch
    if not wanted.spatial:
        return _instead(origin, f"linear({wanted.channels})", "as many numbers as the other branch")
    stride = _stride(tensor, wanted)
    if tensor.rank == 2 and not stride:
        return _instead(origin, f"linear({wanted.channels})", f"then {which} are {wanted}")
    arguments = f"{wanted.channels}, 1, stride={stride}" if stride else f"{wanted.channels}, 1"
    return _instead(origin, f"conv({arguments})", f"then {which} are {wanted}")


def _widened(branch: Branch, others: Sequence[tree.Chain], wanted: Tensor, which: str) -> str | None:
    """Advice for a residual sum of a sequence: `linear(64)` for `linear(32)` in the other branch, or a projection."""
    tensor, origin = branch
    last = others[0].steps[-1].target if len(others) == 1 else None
    if tensor.rank != 2 or tensor.spatial != wanted.spatial or origin.span.text != "it":
        return None
    text = last.span.text if isinstance(last, tree.Call) else ""
    new, changed = re.subn(rf"^linear\((out=)?{wanted.channels}\b", rf"linear(\g<1>{tensor.channels}", text)
    if not changed:
        return None
    wider = f"instead of `{text}` write `{new}`: then {which} are {tensor}"
    return f"{wider}; or {_projected(branch, wanted, which)}"


def _conditioned(branch: Branch, others: Sequence[tree.Chain], wanted: Tensor, which: str) -> str | None:
    """Advice to ask for the channels too where a projection is left out: `if stride != 1 or it.channels != width then`.

    Only where the projection has as many channels, in the same words, as another branch's last convolution.
    """
    tensor, origin = branch
    choice = origin.steps[0].target
    if len(origin.steps) > 1 or not isinstance(choice, tree.Choice) or choice.otherwise is not None:
        return None
    channels = _channels(choice.then)
    last = {next(filter(None, map(_channels, reversed(other.steps))), None) for other in others}
    if tensor.spatial != wanted.spatial or channels is None or last != {channels}:
        return None
    text, condition = " ".join(origin.span.text.split()), " ".join(choice.condition.span.text.split())
    wider = text.replace(condition, f"{condition} or it.channels != {channels}", 1)
    return f"instead of `{text}` write `{wider}`: then {which} are {wanted}"


def _channels(step: tree.Step) -> str | None:
    """The channels of a convolution as they are written, in a group those of its last; None for another step."""
    call = step.target
    if isinstance(call, tree.Group):
        return next(filter(None, map(_channels, reversed(call.chain.steps))), None)
    if not isinstance(call, tree.Call) or call.function.span.text != "conv" or not call.arguments:
        return None
    first = call.arguments[0]
    return first.value.span.text if first.name in (None, "out") else None


def _instead(origin: tree.Chain, step: str, why: str) -> str:
    text = " ".join(origin.span.text.split())
    return f"instead of `{text}` write `{text} -> {step}`: {why}"


def _enlarged(branches: Sequence[Branch]) -> str | None:
    """Advice to enlarge a branch that was pooled to a single pixel: `it -> resize(32)`."""
    if len(branches) != 2 or not branches[0][0].spatial:
        return None
    large, small = sorted(branches, key=lambda branch: -sum(branch[0].spatial))
    if set(small[0].spatial) != {1} or small[0].channels != large[0].channels:
        return None
    size = "x".join(map(str, large[0].spatial if len(set(large[0].spatial)) > 1 else large[0].spatial[:1]))
    return _instead(small[1], f"resize({size})", "then every pixel has the pooled value")


def _cropped(branches: Sequence[Branch]) -> str | None:
    """Advice to crop a value that is larger than the other, but not by a whole factor: `skip -> center_crop(it)`."""
    if len(branches) != 2:
        return None
    large, small = sorted(branches, key=lambda branch: -branch[0].size)
    fits = all(ours >= theirs for ours, theirs in zip(large[0].spatial, small[0].spatial, strict=True))
    if fits and large[0].spatial != small[0].spatial and _names_a_value(large) and small[1].span.text == "it":
        return f"crop the larger one: write `{large[1].span.text} -> center_crop(it)`"
    return None


def _resized(branches: Sequence[Branch]) -> str | None:
    """Advice to bring the maps of a `concat` to one size, by enlarging the smaller one or cropping the larger one."""
    if len(branches) != 2 or not branches[0][0].spatial:
        return None
    large, small = sorted(branches, key=lambda branch: -sum(branch[0].spatial))
    factor = _stride(large[0], small[0])
    if factor:
        return _instead(small[1], f"upsample({factor})", f"then both are {'x'.join(map(str, large[0].spatial))} pixels")
    return _cropped(branches)
