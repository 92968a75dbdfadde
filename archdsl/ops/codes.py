"""Codes for ops that cannot take the values that flow into them, or whose arguments contradict each other."""

from __future__ import annotations

from archdsl.diagnostics import Code


def _net(*lines: str) -> str:
    """A network of these lines on a 64x56x56 value."""
    return "\n".join(["network Net:", "    input image: 64 x 56 x 56", *(f"    {line}" for line in lines)]) + "\n"


CODES: dict[str, Code] = {
    "shape-mismatch": Code(
        "Values that an op joins differ in shape, or a value's size does not suit the op.",
        "Sums, means and maxima need equal shapes, a concatenation equal height and width (and frames). The message "
        "lists the shapes; the notes say where each value came from. A stride, a missing projection or an unpadded "
        "convolution in one branch is the usual reason.",
        _net("add{it | conv(64, 3, stride=2)}"),
    ),
    "wrong-rank": Code(
        "A value, or an argument, has the wrong number of dimensions.",
        "Convolutions and pools take channels x length, channels x height x width or channels x frames x height x "
        "width; a fully connected layer takes a vector. A size such as 1x7 has one number for each dimension after "
        "the channels.",
        _net("linear(10)"),
    ),
    "wrong-kind": Code(
        "Tokens flow into an op that needs numbers, or numbers into one that needs tokens.",
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
        "The input has become smaller than the network was made for. Use a larger input, smaller strides or more "
        "padding.",
        _net("conv(64, 57, padding=valid)"),
    ),
    "lopsided-padding": Code(
        "The padding `same` would have to be larger on one side than on the other.",
        "An even kernel at stride 1 cannot keep the size with equal padding on both sides. Frameworks differ in what "
        "they do then, so the spec has to say it: `padding=tf_same` puts the odd pixel at the end, `padding=valid` "
        "pads nothing, a number pads all sides equally, and [left, right, top, bottom] each side by its own number.",
        _net("conv(64, 2)"),
    ),
    "bad-padding": Code(
        "A padding is not possible with the other arguments.",
        "A pool's padding is at most half its kernel, or a window would lie outside the input. With a dilation larger "
        "than the input, a window may cover only padding, which has no largest value. Rounding up (`ceil`) needs the "
        "same padding on both sides. A transposed convolution's output padding is less than its stride or dilation.",
        _net("max_pool(3, padding=2)"),
    ),
    "bad-choice": Code(
        "Arguments of an op contradict each other.",
        "The message says which arguments can be combined.",
        _net("fractional_max_pool(2, ratio=0.7, size=40)"),
    ),
    "out-of-bounds": Code(
        "An op asks for channels or pixels that the value does not have.",
        "Crops and slices must lie inside the value, and a mirrored border is narrower than the value.",
        _net("center_crop(64)"),
    ),
    "too-large": Code(
        "A value, or the weights of an op, are too large for any computer's memory.",
        "More than 2^40 numbers (about a trillion) are taken for a typing mistake.",
        _net("conv(2_000_000_000, 5)"),
    ),
}
