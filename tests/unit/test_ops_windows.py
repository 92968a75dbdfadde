"""Sliding windows: sizes, padding and what an output sees, against torch on random arguments."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import product
from typing import Any

import pytest
import torch
from emitted_ops import build, outputs
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from archdsl.ops.base import Example, Family, Mismatch, Op
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor

LENGTH = st.integers(1, 24)
KERNEL = st.integers(1, 6)
STRIDE = st.integers(1, 4)
PADDING = st.integers(0, 4)
DILATION = st.integers(1, 3)


def pair(values: st.SearchStrategy[int]) -> st.SearchStrategy[int | tuple[int, int]]:
    return values | st.tuples(values, values)


def refuses(layer: nn.Module, given: torch.Tensor) -> bool:
    """Whether torch raises, or answers with nothing at all, or with minus infinity: the largest number of none."""
    try:
        return not is_answer(layer(given))
    except (RuntimeError, ValueError):
        return True


def is_answer(result: torch.Tensor) -> bool:
    return result.numel() > 0 and (result.is_meta or bool(result.isfinite().all()))


def agrees(op: Op, x: Tensor, reference: nn.Module | None, device: str = "meta") -> None:
    """The op takes `x` just if torch's own layer does; the shape is torch's, and so is the emission's."""
    given = torch.ones(2, *x.dims, device=device)
    try:
        (shape,) = op.outputs(x)
    except Mismatch:
        assert reference is None or refuses(reference, given)
        return
    for layer in (build(op, (x,), device), *([reference] if reference is not None else [])):
        result = layer(given)
        assert tuple(result.shape[1:]) == shape.dims
        assert is_answer(result)


@settings(max_examples=150, deadline=None)
@given(
    st.tuples(LENGTH, LENGTH), pair(KERNEL), pair(STRIDE), pair(PADDING), pair(DILATION), st.integers(1, 4), st.data()
)
def test_convolution(
    spatial: tuple[int, int], kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int, data: st.DataObject
) -> None:
    into, out = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    op = REGISTRY["conv"](out=out, kernel=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups)
    if into % groups or out % groups:
        with pytest.raises(Mismatch, match=f"channels do not split into {groups} groups"):
            op.outputs(Tensor(into, *spatial))
        return
    layer = nn.Conv2d(into, out, kernel, stride, padding, dilation, groups, device="meta")
    agrees(op, Tensor(into, *spatial), layer)


@settings(max_examples=150, deadline=None)
@given(
    st.tuples(LENGTH, LENGTH), pair(KERNEL), pair(STRIDE), pair(PADDING), pair(PADDING), pair(DILATION), st.booleans()
)
def test_transposed_convolution(
    spatial: tuple[int, int], kernel: Any, stride: Any, padding: Any, more: Any, dilation: Any, bias: bool
) -> None:
    op = REGISTRY["up_conv"](
        out=3, kernel=kernel, stride=stride, padding=padding, output_padding=more, dilation=dilation, bias=bias
    )
    layer = nn.ConvTranspose2d(2, 3, kernel, stride, padding, more, 1, bias, dilation)
    agrees(op, Tensor(2, *spatial), layer, "cpu")  # on meta torch checks no output padding


@settings(max_examples=200, deadline=None)
@given(st.tuples(LENGTH, LENGTH), pair(KERNEL), pair(STRIDE) | st.none(), pair(PADDING), DILATION, st.booleans())
def test_max_pool(spatial: tuple[int, int], kernel: Any, stride: Any, padding: Any, dilation: int, ceil: bool) -> None:
    op = REGISTRY["max_pool"](kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil=ceil)
    layer = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil)
    # Dilated windows may be padded further than torch's own layer allows.
    agrees(op, Tensor(2, *spatial), layer if torch_takes(kernel, padding) or ceil else None, "cpu")


@pytest.mark.parametrize("dilation", range(1, 7))
def test_max_pool_refuses_just_what_would_see_padding_alone(dilation: int) -> None:
    for length, kernel, stride, padding in product(range(1, 6), (2, 3, 4), (1, 2, 3), range(7)):
        extent = dilation * (kernel - 1) + 1
        if padding > extent // 2 or length + 2 * padding < extent:
            continue  # refused for other reasons
        starts = range(-padding, length + padding - extent + 1, stride)
        blind = any(all(not 0 <= start + dilation * tap < length for tap in range(kernel)) for start in starts)
        op = REGISTRY["max_pool"](kernel=kernel, stride=stride, padding=padding, dilation=dilation)
        with pytest.raises(Mismatch, match="cover only padding") if blind else nullcontext():
            op.outputs(Tensor(1, length))


@settings(max_examples=200, deadline=None)
@given(st.tuples(LENGTH, LENGTH), pair(KERNEL), pair(STRIDE) | st.none(), pair(PADDING), st.booleans(), st.booleans())
def test_avg_pool(spatial: tuple[int, int], kernel: Any, stride: Any, padding: Any, ceil: bool, include: bool) -> None:
    op = REGISTRY["avg_pool"](kernel=kernel, stride=stride, padding=padding, ceil=ceil, include_padding=include)
    agrees(op, Tensor(2, *spatial), nn.AvgPool2d(kernel, stride, padding, ceil, include))


def torch_takes(kernel: int | tuple[int, int], padding: int | tuple[int, int]) -> bool:
    kernels = (kernel, kernel) if isinstance(kernel, int) else kernel
    paddings = (padding, padding) if isinstance(padding, int) else padding
    return all(p <= k // 2 for p, k in zip(paddings, kernels, strict=True))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["max_pool", "avg_pool", "lp_pool", "stochastic_pool"]),
    st.lists(LENGTH, min_size=1, max_size=2),
    KERNEL,
    STRIDE,
    st.sampled_from(["same", "tf_same", "valid", (0, 1), (1, 0, 0, 1)]),
)
def test_every_rule_of_padding_in_a_pool(name: str, spatial: list[int], kernel: int, stride: int, padding: Any) -> None:
    agrees(REGISTRY[name](kernel=kernel, stride=stride, padding=padding), Tensor(3, *spatial), None)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(LENGTH, min_size=1, max_size=2),
    KERNEL,
    STRIDE,
    DILATION,
    st.sampled_from(["same", "tf_same", "valid", (0, 1), (1, 0, 2, 1)]),
)
def test_every_rule_of_padding_in_a_convolution(
    spatial: list[int], kernel: int, stride: int, dilation: int, padding: Any
) -> None:
    op = REGISTRY["conv"](out=2, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    agrees(op, Tensor(3, *spatial), None)
    if padding == "tf_same":
        assert op.outputs(Tensor(3, *spatial))[0].spatial == tuple(-(-n // stride) for n in spatial)


@settings(max_examples=60, deadline=None)
@given(st.tuples(LENGTH, LENGTH), pair(st.integers(1, 4)), st.floats(0.1, 0.95))
def test_fractional_max_pool(spatial: tuple[int, int], kernel: Any, ratio: float) -> None:
    op = REGISTRY["fractional_max_pool"](kernel=kernel, ratio=ratio)
    agrees(op, Tensor(2, *spatial), nn.FractionalMaxPool2d(kernel, output_ratio=ratio))


# --- the size formula of the lectures ---------------------------------------------------------


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 1), (5, 2), (9, 4)])
def test_same_padding_keeps_the_size(kernel: int, padding: int) -> None:
    op = REGISTRY["conv"](out=1, kernel=kernel)
    assert op.outputs(Tensor(1, 32, 32)) == (Tensor(1, 32, 32),)
    assert op.window(Tensor(1, 32, 32)).padding == ((padding, padding),) * 2


def test_lecture_numbers() -> None:
    assert REGISTRY["conv"](out=32, kernel=5, padding=0).outputs(Tensor(3, 224, 224)) == (Tensor(32, 220, 220),)
    assert REGISTRY["conv"](out=8, kernel=5).params(Tensor(3, 32, 32)) == 608
    assert REGISTRY["linear"](out=28 * 28 * 8, bias=True).params(Tensor(32 * 32 * 3)) == 19_273_856


# --- rows that no window reaches --------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "length", "dropped"),
    [
        (REGISTRY["conv"](out=1, kernel=3, stride=3, padding=0), 7, 1),
        (REGISTRY["max_pool"](kernel=2), 7, 1),
        (REGISTRY["max_pool"](kernel=2, ceil=True), 7, 0),
        (REGISTRY["max_pool"](kernel=3, stride=2), 112, 0),
        (REGISTRY["conv"](out=1, kernel=7, stride=2), 224, 0),
        (REGISTRY["conv"](out=1, kernel=1, stride=2), 56, 0),
        (REGISTRY["conv"](out=1, kernel=1, stride=3), 57, 0),
        (REGISTRY["conv"](out=1, kernel=4, stride=4), 224, 0),
        (REGISTRY["conv"](out=1, kernel=4, stride=4, padding=1), 224, 1),
        (REGISTRY["conv"](out=1, kernel=11, stride=4, padding=0), 227, 0),
        (REGISTRY["conv"](out=1, kernel=11, stride=4, padding=0), 224, 1),
        (REGISTRY["max_pool"](kernel=2, stride=2, padding="tf_same"), 7, 0),
    ],
)
def test_dropped_rows(op: Op, length: int, dropped: int) -> None:
    x = Tensor(1, length)
    assert op.dropped(x) == (dropped,)
    seen = rows_seen(op, x)
    last = max(i for rows in seen for i in rows)
    assert dropped == 0 or last == length - 1 - dropped


# --- what an output sees -----------------------------------------------------------------------


def rows_seen(op: Op, x: Tensor, others: tuple[Tensor, ...] = (), dimension: int = 0) -> list[set[int]]:
    """For each row of the output, the rows of the input that change it; on the emitted module itself."""
    still, moved = unmoved_and_moved(x, dimension)
    rest = tuple(torch.ones(1, *t.dims) for t in others)
    pairs = [(still, moved), *((ones, ones.expand(len(moved), *ones.shape[1:])) for ones in rest)]
    return rows_changed(op, (x, *others), pairs, dimension)


def rows_attended(op: Op, inputs: tuple[Tensor, ...], dimension: int) -> list[set[int]]:
    """The same for attention: which rows of the keys and of their values change what is answered to the queries."""
    q, k, v, *bias = inputs
    keys, values = unmoved_and_moved(k, dimension), unmoved_and_moved(v, dimension)
    queries, *added = [(ones, ones.expand(len(keys[1]), *ones.shape[1:])) for ones in map(all_ones, (q, *bias))]
    return rows_changed(op, inputs, [queries, keys, values, *added], dimension)


def all_ones(x: Tensor) -> torch.Tensor:
    return torch.ones(1, *x.dims)


def unmoved_and_moved(x: Tensor, dimension: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Zeros, and for each row a sample in which that row alone is something else."""
    length = x.spatial[dimension]
    still = torch.zeros(1, *x.dims)
    moved = torch.zeros(length, *x.dims)
    amount = 2 + 0.01 * torch.arange(x.channels)
    for row in range(length):
        index = (row, slice(None), *(slice(None) if d != dimension else row for d in range(len(x.spatial))))
        moved[index] += amount.view(-1, *(1,) * (len(x.spatial) - 1))
    return still, moved


def rows_changed(
    op: Op, inputs: tuple[Tensor, ...], pairs: list[tuple[torch.Tensor, torch.Tensor]], dimension: int
) -> list[set[int]]:
    """For each row of the output, the samples in which it differs."""
    module = build(op, inputs).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_().add_(0.01)
    before, after = (outputs(module(*values))[0] for values in zip(*pairs, strict=True))
    changed = (after - before).abs() > 1e-5
    if changed.dim() > 2 + dimension:
        changed = changed.movedim(2 + dimension, 1).flatten(2).any(2)
    else:
        changed = changed.flatten(1).any(1, keepdim=True)
    return [set(torch.nonzero(column).flatten().tolist()) for column in changed.unbind(1)]


def seeable(example: Example) -> Example:
    """A recurrent layer with few channels: with many, its gates are all open or all shut, and no change shows."""
    if example.op.family != Family.RECURRENT:
        return example
    op = example.op.model_copy(update={"width": 6, "start": None})
    x = Tensor(8, 10)
    return Example(op, (x,), op.outputs(x)[0])


# Statistics do not count as seeing; mirrored borders see what they mirror; chance sees one of several places; where
# positions are numbered anew, tests/test_receptive_field.py computes what they see.
# Positions are numbered, and distances looked up, whatever lies there.
NUMBERED = {"positions", "bucket_bias", "offset_bias"}
EXCEPT = NUMBERED | {"instance_norm", "group_norm", "pad", "fractional_max_pool", "reshape", "tokens"}
SEEING = [
    (name, seeable(example))
    for name in sorted(REGISTRY)
    if name not in EXCEPT and not REGISTRY[name].internal
    for example in REGISTRY[name].examples()
    if example.inputs and example.inputs[0].spatial and example.inputs[0].size < 60_000
]


@pytest.mark.parametrize(("name", "example"), SEEING, ids=lambda v: "" if isinstance(v, Example) else v)
def test_windows_are_what_outputs_see(name: str, example: Example) -> None:
    x, *others = example.inputs if name != "attend" else example.inputs[1:]
    window = example.op.window(*example.inputs)
    for dimension, length in enumerate(x.spatial):
        if name == "attend":
            seen = rows_attended(example.op, example.inputs, dimension)
        else:
            seen = rows_seen(example.op, x, tuple(others), dimension)
        for position, rows in enumerate(seen):
            first, last = (position, position) if window is None else window.reach(dimension, position, position)
            if window is not None and window.everything:
                first, last = 0, length - 1
            inside = set(range(max(first, 0), min(last, length - 1) + 1))
            assert rows <= inside
            assert not rows or {min(rows), max(rows)} <= rows
            if window is None or (max(window.dilation) == 1 and not getattr(example.op, "grid", False)):
                assert rows == inside  # a grid sees from one border to the other, with gaps


def test_positions_see_nothing() -> None:
    assert rows_seen(REGISTRY["positions"](), Tensor(8, 10)) == [set()]


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 14), st.sampled_from(["nearest", "bilinear", "aligned", "adaptive", "fraction"])
)
def test_windows_of_resampling(length: int, out: int, mode: str) -> None:
    x = Tensor(1, length)
    if mode == "adaptive":
        op = REGISTRY["adaptive_avg_pool"](size=out)
    elif mode == "fraction":
        if out + 1 > length:
            return
        op, x = REGISTRY["fractional_max_pool"](kernel=(2, 1), size=(out, 1)), Tensor(1, length, 1)
    else:
        op = REGISTRY["resize"](
            size=out, mode="nearest" if mode == "nearest" else "bilinear", align_corners=mode == "aligned"
        )
    window = op.window(x)
    for position, rows in enumerate(rows_seen(op, x)):
        first, last = (0, length - 1) if window.everything else window.reach(0, position, position)
        inside = set(range(max(first, 0), min(last, length - 1) + 1))
        assert rows <= inside if mode == "fraction" else rows == inside


@settings(max_examples=100, deadline=None)
@given(st.integers(3, 12), KERNEL, STRIDE, st.integers(0, 3), DILATION)
def test_windows_of_transposed_convolutions(length: int, kernel: int, stride: int, padding: int, dilation: int) -> None:
    op = REGISTRY["up_conv"](out=1, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    x = Tensor(1, length)
    try:
        op.outputs(x)
    except Mismatch:
        return
    window = op.window(x)
    for position, rows in enumerate(rows_seen(op, x)):
        first, last = window.reach(0, position, position)
        inside = set(range(max(first, 0), min(last, length - 1) + 1))
        assert rows <= inside
        if dilation == 1:
            assert rows == inside


def test_a_window_covers_a_stretch_of_outputs() -> None:
    window = REGISTRY["conv"](out=1, kernel=3, stride=2).window(Tensor(1, 20))
    assert window.reach(0, 2, 4) == (window.reach(0, 2, 2)[0], window.reach(0, 4, 4)[1]) == (3, 9)
