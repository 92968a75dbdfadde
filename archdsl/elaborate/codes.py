"""Codes for problems with settings, and for those found while a network's graph is built."""

from __future__ import annotations

from archdsl.diagnostics import Code


def _net(*lines: str) -> str:
    """A network of these lines, on a 32x32 image."""
    return "\n".join(["network Net:", "    input image: 3 x 32 x 32", *(f"    {line}" for line in lines)]) + "\n"


CODES: dict[str, Code] = {
    "wrong-type": Code(
        "A value is not of the kind that is needed.",
        "The message says what was expected and what was found. A number of channels is a whole number: round a "
        "fraction.",
        _net("conv(2.5, 3)"),
        exit_code=2,
    ),
    "out-of-range": Code(
        "A number is too small or too large for what it is used for.",
        "Sizes and counts begin at 1, probabilities lie between 0 and 1.",
        _net("conv(0, 3)"),
        exit_code=2,
    ),
    "missing-argument": Code(
        "An op or a block needs an argument that was not given.",
        "Arguments without a default have to be written, in order or by name.",
        _net("conv(8)"),
    ),
    "missing-setting": Code(
        "A parameter of the network has neither a value nor a default.",
        "Give it on the command line, in a variant, or write a default.",
        _net("param width: int", "conv(width, 3)"),
    ),
    "requirement-broken": Code(
        "The settings break a rule that the network states by `require`.",
        "The message quotes the reason that is written with the rule.",
        _net("param width: int = 7", 'require width % 2 == 0 "an even width"', "conv(width, 3)"),
    ),
    "unused-setting": Code(
        "A setting was given that changes nothing. (A warning.)",
        "Everything that is computed from it is set by the variant, or given as well: the variants of EfficientNet set "
        "width, depth and resolution, so `--variant b3 --phi 1` is b3. Without the variant, the formula is used.",
        "$ archdsl check net.arch --variant wide --phi 2\n"
        + _net(
            "param phi: float = 1",
            "scaling:",
            "    width = 8 * phi",
            "variants:",
            "    wide: width = 32",
            "conv(width, 3)",
        ),
    ),
    "division-by-zero": Code(
        "An expression divides by zero.",
        "The message names the part that is 0.",
        _net("let width = 8 / (image.channels - 3)", "conv(width, 3)"),
    ),
    "number-too-large": Code(
        "A number is larger than any count in a network can be.",
        "A slip in a power or a product is the usual reason.",
        _net("let width = 2 ^ 1000", "conv(8, 3)"),
    ),
    "list-too-long": Code(
        "A list has more elements than any list of a spec needs.",
        "Elements of inner lists count too, each time they occur. A slip in a product is the usual reason.",
        _net("let widths = [8, 16] * 100_000", "conv(widths[0], 3)"),
    ),
    "unstated-tolerance": Code(
        "`~` needs to be told how far apart two numbers may be.",
        "Before a written number, the tolerance is half of its last digit. Before anything else, write it: `± 2%`.",
        _net("param width: int = 8", 'require width ~ width "about the same"', "conv(width, 3)"),
    ),
    "not-callable": Code(
        "Something that is not an op, a block or a function is given arguments.",
        "Only ops, blocks and functions take arguments.",
        _net("let width = 8", "let wider = width(2)", "conv(wider, 3)"),
    ),
    "not-a-step": Code(
        "A step is neither an op, a block nor a value of the network.",
        "Only these can stand in a chain. A number belongs into the arguments of a step.",
        _net("let width = 8", "conv(width, 3) -> width"),
    ),
    "unknown-attribute": Code(
        "A value does not have the property that is asked for.",
        "A value of the network has `channels`, `frames`, `height`, `width`, `length` and `shape`, as far as its shape "
        "has them.",
        _net("conv(image.chanels, 3)"),
    ),
    "index-out-of-range": Code(
        "A list is asked for an element that it does not have.",
        "Elements are numbered from 0.",
        _net("let widths = [8, 16]", "conv(widths[2], 3)"),
    ),
    "nothing-flows": Code(
        "A step stands where no value flows.",
        "In a network of several inputs, begin the first line with the name of one of them.",
        "network Net:\n    input left: 3 x 32 x 32\n    input right: 3 x 32 x 32\n    conv(8, 3)\n",
    ),
    "value-in-chain": Code(
        "A value's name stands where something already flows.",
        "A value's name can only begin a chain. To join two values, use an op of several inputs such as `add`.",
        _net("conv(8, 3) as a", "conv(8, 3) -> a"),
    ),
    "wrong-row": Code(
        "A row of a table has more or fewer elements than the loop over the table has names.",
        "`for k, c in rows` takes every row apart: the first element is k, the second c. All rows are of one length.",
        _net("for kernel, width in [[3, 16], [5]]:", "    conv(width, kernel)"),
    ),
    "wrong-number-of-values": Code(
        "More or fewer values flow into a step than it takes.",
        "Join values by `concat` or `add`, or name the block's inputs by `from`.",
        _net("parallel{conv(8, 3) | conv(8, 3)} -> relu"),
    ),
    "no-output": Code(
        "A network, or one of its outputs, ends with several values, or with none.",
        "The last value that flows is the network's output. Each further output is one value, declared by `output`.",
        _net("parallel{conv(8, 3) | conv(8, 3)}"),
    ),
    "shared-mismatch": Code(
        "A shared module is used on values that need different weights.",
        "`shared` means one set of weights for every use, so what flows in has the same channels everywhere.",
        _net("shared head = conv(8, 3)", "head -> conv(16, 3) -> head"),
    ),
    "dropped-rows": Code(
        "A window does not divide its input: rows or columns at the end are never seen. (A warning.)",
        "(H - F + 2P) / S is not a whole number, and the remainder is dropped. Every framework does this silently. If "
        "it is what you want, say so on the line: `# allow: dropped-rows`.",
        "network Net:\n    input image: 3 x 7 x 7\n    conv(8, 3, stride=3, padding=0)\n",
    ),
    "ambiguous-it": Code(
        "`it.channels` in a chain that begins with another value, which has other channels. (A warning.)",
        "`it` belongs to the line: it is what flows into it, whatever the chain begins with. There is no warning in a "
        "join with another branch that comes from `it`, because branches have to match.",
        _net("conv(8, 3) as skip", "conv(16, 3)", "path p = skip -> conv(it.channels, 1)", "add{it | p}"),
    ),
    "unusual-number": Code(
        "A number is far outside the usual range, but would be usual for another framework's argument. (A warning.)",
        "The message says what the number does here, and the help what was probably meant: `bn(64)` sets `eps`, "
        "Keras's momentum of 0.99 is 0.01 here, and a softmax over one channel is always 1.",
        _net("conv(64, 3)", "bn(64) -> relu"),
    ),
    "width-as-kernel": Code(
        "A convolution is written with the channels that come in, as in other frameworks. (A warning.)",
        "In a spec they are never written. `conv(3, 16, 3)` means 3 channels that come out, a window of 16x16 and a "
        "stride of 3.",
        _net("conv(3, 16, 3)"),
    ),
    "channels-last": Code(
        "An input's channels seem to be written last, or not at all. (A warning.)",
        "Shapes are channels first: `3 x 224 x 224`. Two numbers are a sequence, channels x length.",
        "network Net:\n    input image: 32 x 32 x 3\n    conv(8, 3)\n",
    ),
    "lone-branch": Code(
        "A join is left with one branch, so it joins nothing. (A warning.)",
        "`| if c: X` is a branch only if `c` holds. `| if c then X` is always a branch: if `c` does not hold, the "
        "value passes unchanged, as in the shortcut of a residual block. There is no warning if the missing branch "
        "would only have passed a value on (`| if c: it`), nor for branches made by `for`.",
        _net("conv(8, 3)", "add{conv(8, 3) | if it.channels != 8: conv(8, 1)}"),
    ),
    "unused-steps": Code(
        "No output depends on what some steps make. (A warning.)",
        "They are left out: neither counted nor drawn nor emitted. They are kept only if something else asks for their "
        "shape, or if they are copies beside other copies that are used.",
        _net("conv(16, 3) as a", "image -> conv(8, 3)"),
    ),
    "nested-too-deep": Code(
        "Blocks are nested deeper than the limit.",
        "A block that uses itself needs an `if` that ends the recursion. `--max-depth` raises the limit.",
        "block Again: Again\n\n" + _net("Again"),
    ),
    "too-many-steps": Code(
        "Expanding the network takes more steps than the limit.",
        "A slip in a number of copies is the usual reason, or a function that calls itself twice. A node or a turn of "
        "a loop is a step, a block is two, and 20 evaluations of expressions or elements of lists are one. The "
        "line that takes most of them is shown. `--max-steps` raises the limit.",
        _net("relu * 10_000_000"),
    ),
    "expectation-failed": Code(
        "A fact that the spec expects does not hold.",
        "`expect` lines state what the paper says. `~` allows half of the last digit written.",
        _net("conv(8, 3)", "expect params == 225"),
    ),
}
