"""Codes for errors in names, arguments and imports, which are found before a network is expanded."""

from __future__ import annotations

from archdsl.diagnostics import Code

CODES: dict[str, Code] = {
    "unknown-name": Code(
        "A name has no meaning at the place where it stands.",
        "Names are ops, blocks of this file or imported ones, parameters, and values named by `as`, `path` or a "
        "stage above. A value can be used only below the line that names it.",
        """\
network Net:
    input image: 3 x 32 x 32
    convv(8, 3)
""",
    ),
    "duplicate-name": Code(
        "Two things in one block or network have the same name.",
        "A name means one thing throughout a block or a network, in its loops and branches too, so that a reader never "
        "has to ask which one is meant. Only the arms of an `if`, of which one is built, may give the same name.",
        """\
network Net:
    input image: 3 x 32 x 32
    conv(8, 3) as a
    conv(8, 3) as a
""",
    ),
    "loop-of-stages": Code(
        "A loop over stages holds something else too, or is not in a network.",
        "`stage s{i}:` in a loop makes the stages s0, s1 and so on, as if they were written one by one. Nothing but "
        "`let` can stand beside them, since the steps of each turn belong to a stage.",
        """\
network Net:
    input image: 3 x 32 x 32
    for i, width in enumerate([8, 16]):
        stage s{i}: conv(width, 3)
        relu
""",
    ),
    "reserved-name": Code(
        "A step or a value has a name that is taken by the language or by PyTorch.",
        "`it`, `input` and `x` are part of the language. Names of stages and steps become attributes of the emitted "
        "module, and every PyTorch module has `train`, `half` and `forward` already.",
        """\
network Net:
    input image: 3 x 32 x 32
    stage half: conv(8, 3)
""",
    ),
    "name-style": Code(
        "A block or a network is not written in CamelCase.",
        "Ops are written `snake_case`, blocks and networks `CamelCase`, so that a reader sees which is which.",
        """\
block my_block: relu

network Net:
    input image: 3 x 32 x 32
    my_block
""",
    ),
    "unknown-argument": Code(
        "An op or a block has no argument of that name.",
        "An unknown argument is always an error; it is never ignored.",
        """\
network Net:
    input image: 3 x 32 x 32
    conv(8, kernl=3)
""",
    ),
    "wrong-arguments": Code(
        "The arguments do not fit: too many, given twice, or without the name that is needed.",
        "Arguments come in the order of the declaration; those of `first`, `last` and `defaults` always have a name.",
        """\
network Net:
    input image: 3 x 32 x 32
    relu(3)
""",
    ),
    "unknown-parameter": Code(
        "The network has no parameter or scaling coefficient of that name.",
        "Only what `param` and `scaling` declare can be set, by a variant or from outside.",
        """\
network Net:
    param width: int = 8
    variants:
        wide: widht = 16
    input image: 3 x 32 x 32
    conv(width, 3)
""",
        exit_code=2,
    ),
    "unknown-variant": Code(
        "The network has no variant of that name.",
        "Variants are declared in the network's `variants:`.",
        """\
# $ archdsl check net.arch --variant 20
network Net:
    param width: int = 8
    variants:
        wide: width = 16
    input image: 3 x 32 x 32
    conv(width, 3)
    expect wid: params == 1
""",
        exit_code=2,
    ),
    "missing-input": Code(
        "A network does not say what flows into it.",
        "All shapes are inferred from the declared inputs.",
        """\
network Net:
    conv(8, 3)
""",
    ),
    "unreachable": Code(
        "Lines follow a `return`.",
        "`return` names the values that leave a block, so it is the block's last line.",
        """\
block Two:
    return input, input
    relu

network Net:
    input image: 3 x 32 x 32
    Two -> add
""",
    ),
    "import-not-found": Code(
        "There is no file for an import.",
        "`from blocks.residual import Bottleneck` looks for `blocks/residual.arch` beside the spec, then in the "
        "library that comes with archdsl.",
        """\
from blocks.residuel import Bottleneck

network Net:
    input image: 3 x 32 x 32
    conv(8, 3)
""",
    ),
    "import-outside": Code(
        "An import leads to a file outside the spec's folder and the library.",
        "A spec can import only specs beside it or in the library. A link to a file elsewhere is refused too.",
        """\
# link: elsewhere.arch
from elsewhere import Block

network Net:
    input image: 3 x 32 x 32
    Block
""",
    ),
    "import-cycle": Code(
        "Two files import each other.",
        "Put what both of them need into a third file.",
        """\
from other import Other

block Mine: relu

network Net:
    input image: 3 x 32 x 32
    Other
# file: other.arch
from net import Mine

block Other: Mine
""",
    ),
    "unused-name": Code(
        "A name is defined, and nothing uses it. (A warning.)",
        "This is about values named by `path` or by `as (a, b)`, about `let`, `shared` and the index of `repeat`, "
        "about settings, functions and inputs, and, in a file with a network, about blocks and imports. There is no "
        "warning for parameters of blocks, nor for `as` with one name, which is the name of the step.",
        """\
network Net:
    input image: 3 x 32 x 32
    let y = conv(16, 3)
    relu
""",
    ),
    "unknown-code": Code(
        "A comment `# allow: ...` names no warning that can be allowed.",
        "Only warnings can be allowed; errors have to be mended. Several codes are separated by commas, and a reason "
        "may follow in parentheses: `# allow: dropped-rows (as published)`.",
        """\
network Net:
    input image: 3 x 7 x 7
    conv(8, 3, stride=3, padding=0)  # allow: droped-rows
""",
    ),
    "unused-allow": Code(
        "A comment allows a warning that does not occur. (A warning.)",
        "It would hide such a warning later. `archdsl check FILE` considers all variants of the file.",
        """\
network Net:
    input image: 3 x 7 x 7
    conv(8, 3)  # allow: dropped-rows
""",
    ),
}
