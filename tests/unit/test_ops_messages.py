"""What a student is told: each message stands alone and has both values in it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import archdsl.ops
from archdsl.ops.base import Mismatch
from archdsl.ops.codes import CODES
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor

CLIP = Tensor(3, 16, 56, 56)
MAP = Tensor(64, 56, 56)
TOKENS = Tensor(128, kind="int")

CASES: list[tuple[str, dict[str, Any], tuple[Tensor, ...], str, str | None, str]] = [
    (
        "conv",
        {"out": 64, "kernel": 3, "groups": 3},
        (MAP,),
        "channels-not-divisible",
        "groups",
        "64 channels do not split into 3 groups",
    ),
    (
        "conv",
        {"out": 64, "kernel": 3, "groups": 3},
        (Tensor(3, 8, 8),),
        "channels-not-divisible",
        "groups",
        "64 output channels do not split into 3 groups",
    ),
    (
        "conv",
        {"out": 8, "kernel": 7, "padding": 0},
        (Tensor(3, 5, 5),),
        "kernel-too-large",
        "kernel",
        "a 7x7 kernel does not fit a 5x5 input with padding 0",
    ),
    (
        "conv",
        {"out": 8, "kernel": 3, "dilation": 4, "padding": (0, 1, 0, 1)},
        (Tensor(3, 5, 5),),
        "kernel-too-large",
        "kernel",
        "a 3x3 kernel spread to 9x9 does not fit a 5x5 input with padding [0, 1, 0, 1]",
    ),
    (
        "conv",
        {"out": 8, "kernel": 7, "padding": "valid"},
        (Tensor(3, 5),),
        "kernel-too-large",
        "kernel",
        "a kernel of 7 does not fit an input of length 5 with padding 0",
    ),
    (
        "conv",
        {"out": 8, "kernel": 2},
        (MAP,),
        "lopsided-padding",
        "kernel",
        "a kernel of 2 at stride 1 cannot keep the size with the same padding on both sides",
    ),
    (
        "conv",
        {"out": 8, "kernel": (1, 7)},
        (Tensor(3, 50),),
        "wrong-rank",
        "kernel",
        "kernel 1x7 is for channels x height x width, but 3x50 is channels x length",
    ),
    (
        "conv",
        {"out": 8, "kernel": 3, "padding": (1, 2, 3)},
        (MAP,),
        "wrong-rank",
        "padding",
        "padding has 3 numbers; for the value 64x56x56 it takes 1, 2 (height, width) or 4 (left, right, top, bottom)",
    ),
    (
        "conv",
        {"out": 8, "kernel": 3},
        (Tensor(4096),),
        "wrong-rank",
        None,
        "`conv` takes channels x length, channels x height x width or channels x frames x height x width, "
        "got the vector 4096",
    ),
    ("conv", {"out": 8, "kernel": 3}, (TOKENS,), "wrong-kind", None, "`conv` takes numbers, got 128 of int"),
    (
        "embedding",
        {"count": 9, "width": 8},
        (MAP,),
        "wrong-kind",
        None,
        "`embedding` takes tokens (whole numbers), got 64x56x56",
    ),
    (
        "linear",
        {"out": 10},
        (Tensor(64, 7, 7),),
        "wrong-rank",
        None,
        "`linear` takes a vector, or channels x length, got 64x7x7",
    ),
    (
        "add",
        {},
        (Tensor(256, 56, 56), Tensor(512, 28, 28)),
        "shape-mismatch",
        None,
        "`add` needs equal shapes, got 256x56x56 and 512x28x28",
    ),
    (
        "concat",
        {},
        (MAP, MAP, Tensor(64, 28, 28)),
        "shape-mismatch",
        None,
        "`concat` needs equal height and width, got 64x56x56, 64x56x56 and 64x28x28",
    ),
    (
        "mul",
        {},
        (MAP, Tensor(64, 1)),
        "wrong-rank",
        None,
        "`mul` needs values with equally many dimensions, got 64x56x56 and 64x1",
    ),
    (
        "mul",
        {},
        (MAP, Tensor(32)),
        "shape-mismatch",
        None,
        "`mul` needs equal shapes, or gates of size 1 in a dimension, got 64x56x56 and 32",
    ),
    (
        "add",
        {},
        (MAP, Tensor(1, 56, 56)),
        "shape-mismatch",
        None,
        "`add` needs equal shapes, got 64x56x56 and 1x56x56",
    ),
    (
        "sub",
        {},
        (Tensor(32), MAP),
        "shape-mismatch",
        None,
        "`sub` needs equal shapes, or one number for each channel, got 32 and 64x56x56",
    ),
    (
        "add",
        {},
        (MAP, Tensor(64, 1)),
        "shape-mismatch",
        None,
        "`add` needs equal shapes, or one number for each channel, got 64x56x56 and 64x1",
    ),
    (
        "reshape",
        {"dims": (16, 5)},
        (Tensor(16, 5, 5),),
        "shape-mismatch",
        "dims",
        "`reshape` to 16x5 = 80 numbers, but 16x5x5 is 400",
    ),
    ("reshape", {"dims": (10,)}, (Tensor(12),), "shape-mismatch", "dims", "`reshape` to 10, but 12 flow in"),
    ("tokens", {}, (Tensor(8),), "wrong-rank", None, "`tokens` takes channels x height x width, got the vector 8"),
    (
        "token",
        {"index": 9},
        (Tensor(64, 9),),
        "out-of-bounds",
        "index",
        "there is no token 9 in 64x9: its 9 tokens are counted from 0",
    ),
    (
        "token",
        {"index": 0},
        (Tensor(64, 9, 9),),
        "wrong-rank",
        None,
        "`token` takes channels x length, got 64x9x9",
    ),
    (
        "mul",
        {},
        (MAP, Tensor(32, 1, 1)),
        "shape-mismatch",
        None,
        "`mul` needs equal shapes, or gates of size 1 in a dimension, got 64x56x56 and 32x1x1",
    ),
    (
        "max_pool",
        {"kernel": 2, "stride": 1, "padding": 1, "dilation": 3},
        (Tensor(4, 8, 2),),
        "bad-padding",
        "dilation",
        "a window would cover only padding: its taps, 3 apart, step over the length 2 of 4x8x2",
    ),
    (
        "max_pool",
        {"kernel": 3, "padding": 2},
        (MAP,),
        "bad-padding",
        "padding",
        "padding 2 is more than half the kernel of 3: a window would lie outside the input",
    ),
    (
        "max_pool",
        {"kernel": 3, "stride": 2, "ceil": True, "padding": "tf_same"},
        (MAP,),
        "bad-padding",
        "ceil",
        "`max_pool` rounds up only with the same padding on both sides, at most half the kernel, "
        "got [0, 1, 0, 1] with a kernel of 3x3",
    ),
    (
        "up_conv",
        {"out": 8, "kernel": 3, "output_padding": 1},
        (MAP,),
        "bad-padding",
        "output_padding",
        "output_padding 1 must be less than the stride 1 or the dilation 1",
    ),
    (
        "up_conv",
        {"out": 8, "kernel": 3, "padding": (1, 1)},
        (Tensor(64, 56),),
        "wrong-rank",
        "padding",
        "padding 1x1 is for channels x height x width, but 64x56 is channels x length",
    ),
    (
        "crop",
        {"size": 8, "offset": (2, 2)},
        (Tensor(64, 56),),
        "wrong-rank",
        "offset",
        "offset 2x2 is for channels x height x width, but 64x56 is channels x length",
    ),
    (
        "split",
        {"parts": (16, 16)},
        (MAP,),
        "channels-not-divisible",
        "parts",
        "the parts 16 + 16 = 32 do not add up to 64 channels",
    ),
    ("split", {"parts": 3}, (MAP,), "channels-not-divisible", "parts", "64 channels do not split into 3 parts"),
    (
        "channel_slice",
        {"start": 16, "stop": 80},
        (MAP,),
        "out-of-bounds",
        "stop",
        "channels 16 to 80 cannot be taken from 64 channels",
    ),
    (
        "center_crop",
        {"size": "like"},
        (Tensor(8, 28, 28), MAP),
        "out-of-bounds",
        "size",
        "a crop of 56x56 does not fit 8x28x28",
    ),
    (
        "crop",
        {"size": 28, "offset": 5},
        (Tensor(8, 32, 32),),
        "out-of-bounds",
        "size",
        "a crop of 28x28 at offset 5x5 does not fit 8x32x32",
    ),
    ("trim", {"sides": 28}, (MAP,), "out-of-bounds", "sides", "cutting 56x56 pixels leaves nothing of 64x56x56"),
    (
        "pad",
        {"sides": 8, "mode": "reflect"},
        (Tensor(3, 8, 8),),
        "out-of-bounds",
        "sides",
        "a reflect border of 8 needs more than the 8 pixels of 3x8x8",
    ),
    (
        "fractional_max_pool",
        {"ratio": 0.5, "size": 3},
        (MAP,),
        "bad-choice",
        "size",
        "`fractional_max_pool` takes either a ratio or a size, got both",
    ),
    (
        "resize",
        {"size": 9, "align_corners": True},
        (MAP,),
        "bad-choice",
        "align_corners",
        "`resize` aligns corners only with mode=bilinear",
    ),
    (
        "instance_norm",
        {},
        (Tensor(64, 1, 1),),
        "shape-mismatch",
        None,
        "`instance_norm` needs more than one position in each channel, got 64x1x1",
    ),
    (
        "linear",
        {"out": 2_000_000_000},
        (Tensor(4096),),
        "too-large",
        None,
        "`linear` would have 8,194,000,000,000 parameters, more than the limit of 1,099,511,627,776",
    ),
    (
        "upsample",
        {"factor": 1_000_000},
        (MAP,),
        "too-large",
        None,
        "`upsample` would have 200,704,000,000,000,000 elements, more than the limit of 1,099,511,627,776",
    ),
    (
        "concat",
        {},
        (CLIP, Tensor(3, 8, 56, 56)),
        "shape-mismatch",
        None,
        "`concat` needs equal frames, height and width, got 3x16x56x56 and 3x8x56x56",
    ),
    (
        "conv",
        {"out": 8, "kernel": (3, 3), "stride": 2},
        (CLIP,),
        "wrong-rank",
        "kernel",
        "kernel 3x3 is for channels x height x width, but 3x16x56x56 is channels x frames x height x width",
    ),
    (
        "avg_pool",
        {"kernel": 3, "stride": 2, "ceil": True},
        (Tensor(3, 2, 5, 5),),
        "kernel-too-large",
        "ceil",
        "`avg_pool` rounds up only where the window of 3x3x3 fits into the clip 3x2x5x5",
    ),
    ("relu", {}, (MAP, MAP), "wrong-number-of-values", None, "`relu` takes 1 value, got 2"),
    ("add", {}, (), "wrong-number-of-values", None, "`add` takes at least 1 value, got 0"),
    ("resize", {"size": "like"}, (MAP,), "wrong-number-of-values", None, "`resize` takes 2 values, got 1"),
    ("resize", {"size": 7}, (MAP, MAP), "wrong-number-of-values", None, "`resize` takes 1 value, got 2"),
    (
        "attend",
        {"heads": 2, "windows": 8, "bias": "like"},
        (MAP, MAP, MAP, Tensor(2, 64, 64)),
        "bad-choice",
        "bias",
        "inside windows, `bias` has no place: `relative=true` learns one",
    ),
    (
        "attend",
        {"windows": 4, "grid": True},
        (CLIP, CLIP, CLIP),
        "wrong-rank",
        "grid",
        "a grid spans a map, got the clip 3x16x56x56",
    ),
    (
        "attend",
        {"windows": (8, 7, 5)},
        (CLIP, CLIP, CLIP),
        "shape-mismatch",
        "windows",
        "a clip of 16x56x56 does not fall into windows of 8x7x5",
    ),
    (
        "bucket_bias",
        {"heads": 2, "buckets": 5},
        (TOKENS,),
        "bad-choice",
        "buckets",
        "5 buckets are not as many for keys before the query as for those after it",
    ),
    ("bucket_bias", {"heads": 2, "buckets": 2}, (TOKENS,), "bad-choice", "buckets", "2 buckets are not at least 4"),
    (
        "bucket_bias",
        {"heads": 2, "farthest": 8},
        (TOKENS,),
        "bad-choice",
        "farthest",
        "the first 8 distances have a bucket each, so the last bucket cannot begin at 8",
    ),
    (
        "bucket_bias",
        {"heads": 2},
        (MAP,),
        "wrong-rank",
        None,
        "`bucket_bias` takes channels x length, or tokens, got 64x56x56",
    ),
    (
        "offset_bias",
        {"heads": 2},
        (CLIP,),
        "wrong-rank",
        None,
        "`offset_bias` takes a map or a sequence, got 3x16x56x56",
    ),
]


@pytest.mark.parametrize(("name", "arguments", "inputs", "code", "argument", "message"), CASES)
def test_message(
    name: str, arguments: dict[str, Any], inputs: tuple[Tensor, ...], code: str, argument: str | None, message: str
) -> None:
    with pytest.raises(Mismatch) as caught:
        REGISTRY[name](**arguments).outputs(*inputs)
    assert str(caught.value) == message
    assert (caught.value.code, caught.value.argument) == (code, argument)
    if argument is not None:
        assert argument in REGISTRY[name].model_fields


def test_help_is_an_edit() -> None:
    with pytest.raises(Mismatch) as caught:
        REGISTRY["linear"](out=10).outputs(Tensor(64, 7, 7))
    assert caught.value.help == (
        "put `flatten`, or `global_avg_pool -> flatten`, before it; "
        "for the same weights at every position write `linear(10, over=channels)`"
    )


def raised_codes() -> set[str]:
    """The codes written in the ops' own sources."""
    found = {"shape-mismatch"}
    for path in Path(archdsl.ops.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    return found


def test_every_code_is_explained() -> None:
    assert raised_codes() - {"wrong-number-of-values"} == set(CODES)


def test_every_code_has_a_case() -> None:
    assert {code for _, _, _, code, _, _ in CASES} == raised_codes()


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("conv", {"out": 10_000_000_000, "kernel": 3}, "out"),
        ("conv", {"out": 64, "kernel": 3.0}, "kernel"),
        ("conv", {"out": True, "kernel": 3}, "out"),
        ("conv", {"out": 64, "kernel": 0}, "kernel"),
        ("conv", {"out": 64, "kernel": []}, "kernel"),
        ("conv", {"out": 64, "kernel": 3, "padding": "sane"}, "padding"),
        ("conv", {"out": 64, "kernel": 3, "padding": -1}, "padding"),
        ("conv", {"out": 64, "kernel": 3, "kernl": 3}, "kernl"),
        ("conv", {"out": 64}, "kernel"),
        ("dropout", {"p": 1.5}, "p"),
        ("drop_path", {"p": 1.0}, "p"),
        ("drop_path", {"p": float("nan")}, "p"),
        ("scale", {"factor": float("inf")}, "factor"),
    ],
)
def test_arguments_are_checked(name: str, arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        REGISTRY[name](**arguments)
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("kernel", [[1, 7], (1, 7)])
def test_lists_and_shapes_are_sizes(kernel: Any) -> None:
    assert REGISTRY["conv"](out=8, kernel=kernel).kernel == (1, 7)
