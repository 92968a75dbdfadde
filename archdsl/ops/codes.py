"""Codes of what an op cannot do with the values that flow into it."""

from __future__ import annotations

from archdsl.diagnostics import Code


def _net(*lines: str) -> str:
    """A network of these lines on a 64x56x56 value."""
    return "\n".join(["network Net:", "    input image: 64 x 56 x 56", *(f"    {line}" for line in lines)]) + "\n"


CODES: dict[str, Code] = {
    "shape-mismatch": Code(
        "Values that an op joins differ in shape, or a value's size does not suit the op.",
        "Sums, means and maxima need equal shapes, a concatenation equal height and width. The message lists the "
        "shapes; the notes say where each value came from. A stride, a missing projection or an unpadded "
        "convolution in one branch is the usual reason.",
        _net("add{it | conv(64, 3, stride=2)}"),
    ),
    "wrong-rank": Code(
        "A value, or an argument, has the wrong number of dimensions.",
        "Convolutions and pools take channels x length or channels x height x width; a fully connected layer takes "
        "a vector. A size such as 1x7 has one number for each spatial dimension.",
        _net("linear(10)"),
    ),
    "wrong-kind": Code(
        "Tokens flow where numbers are needed, or numbers where tokens are.",
        "`input tokens: 128 of int` declares tokens; an `embedding` turns them into channels.",
        "network Net:\n    input tokens: 128 of int\n    conv(100, 3)\n",
    ),
    "channels-not-divisible": Code(
        "Channels do not fall into equal groups or parts.",
        "Grouped convolutions, group normalization, splits and shuffles need a number of channels that their groups "
        "divide.",
        _net("conv(128, 3, groups=3)"),
    ),
    "kernel-too-large": Code(
        "A window is larger than the input with its padding.",
        "The input has shrunk further than the network was made for: a larger input, less stride or more padding "
        "mends it.",
        _net("conv(64, 57, padding=valid)"),
    ),
    "lopsided-padding": Code(
        "The padding `same` would have to be larger on one side than on the other.",
        "An even kernel at stride 1 cannot keep the size with equal padding. Frameworks differ in what they do then, "
        "so the spec has to say it: `padding=tf_same` puts the odd pixel at the end, `padding=valid` pads nothing, "
        "a number pads every side alike, [left, right, top, bottom] each by its own.",
        _net("conv(64, 2)"),
    ),
    "bad-padding": Code(
        "A padding does not go with the other arguments.",
        "A pool's padding is at most half its kernel, or a window would lie outside the input. With a dilation larger "
        "than the input a window may see padding alone, which has no largest value. Rounding up goes with the same "
        "padding on both sides. A transposed convolution's output padding is less than its stride or dilation.",
        _net("max_pool(3, padding=2)"),
    ),
    "bad-choice": Code(
        "Arguments of an op contradict each other.",
        "The message says which of them go together.",
        _net("fractional_max_pool(2, ratio=0.7, size=40)"),
    ),
    "out-of-bounds": Code(
        "Channels or pixels are asked for that the value does not have.",
        "Crops and slices lie inside the value; a mirrored border is at most as wide as what it mirrors.",
        _net("center_crop(64)"),
    ),
    "too-large": Code(
        "A value or an op's parameters are beyond any memory.",
        "More than 2^40 numbers (about a trillion) are taken for a slip of the pen.",
        _net("conv(2_000_000_000, 5)"),
    ),
}
