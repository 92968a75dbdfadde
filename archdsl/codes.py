"""Every code that a diagnostic can have, by the stage that reports it, and the reference page made from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from archdsl.analyses.codes import CODES as TABLE_CODES
from archdsl.backends.figures.codes import CODES as FIGURE_CODES
from archdsl.diagnostics import Code
from archdsl.elaborate.codes import CODES as ELABORATE_CODES
from archdsl.frontends.codes import CODES as FRONTEND_CODES
from archdsl.ir.codes import CODES as GRAPH_CODES
from archdsl.ops.codes import CODES as OP_CODES
from archdsl.resolve.codes import CODES as RESOLVE_CODES
from archdsl.studies.codes import CODES as STUDY_CODES
from archdsl.syntax.codes import CODES as SYNTAX_CODES
from archdsl.text import HIDDEN

BLOCKS_ALONE = """\
block Unit(width):
    conv(width, 3) -> relu
"""

NET = """\
network Net:
    input image: 3 x 32 x 32
    conv(8, 3)
"""

COMMAND_CODES = {
    "more-diagnostics": Code(
        summary="A file has more errors, or warnings, than are shown.",
        explanation="The first twenty of a file are shown, errors before warnings. Mend those first: the others are "
        "often their consequences. The place shown is that of the first one left out.",
        example="block Unit:\n" + "    conv(8, kernl=3)\n" * 22,
    ),
    "no-network": Code(
        summary="A spec that is to be compiled or drawn holds blocks only.",
        explanation="Such a file is a library for others to import. `archdsl check` reads it; there is nothing to "
        "compile.",
        example=f"$ archdsl compile net.arch\n{BLOCKS_ALONE}",
        exit_code=2,
    ),
    "unknown-node": Code(
        summary="`archdsl explain` is asked for a node that the network does not have.",
        explanation="Nodes are named by their paths, as in tables, figures and state dicts. Several nodes may end "
        "in the same name: the message lists what can be meant.",
        example=f"$ archdsl explain net.arch relu\n{NET}",
        exit_code=2,
    ),
    "not-in-onnx": Code(
        summary="A network is to be written in ONNX, and one of its ops has no form there.",
        explanation="The message says why. What serves training alone is left out of such a file, and is not meant.",
        example="""\
$ archdsl compile net.arch --emit onnx
network Net:
    input image: 3 x 32 x 32
    conv(8, 3) -> fractional_max_pool(ratio=0.7)
""",
    ),
    "not-in-keras": Code(
        summary="A network is to be written in Keras, and Keras has no layers for one of its ops.",
        explanation="The message names the op, the node and the reason. Networks of vectors and maps can be written; "
        "transformers, recurrent networks, clips and steps that share weights cannot. Write another form of it.",
        example="""\
$ archdsl compile net.arch --emit keras
network Net:
    input image: 3 x 32 x 32
    conv(8, 3) -> fractional_max_pool(ratio=0.7)
""",
    ),
    "bad-weights": Code(
        summary="A file of weights cannot be read, or its weights are not those of the network.",
        explanation="A checkpoint is a state_dict: tensors by the names that the emitted module gives them, in a file "
        "of `torch.save` or of safetensors. With `--from` it may be that of a public implementation. Nothing in the "
        "file is executed, so a file that holds more than tensors is refused.",
        example=f"$ archdsl compile net.arch --emit onnx --weights net.arch -o net.onnx\n{NET}",
        exit_code=2,
    ),
    "no-head": Code(
        summary="`compile --features` or `--timm` is asked for a network without the head that they need.",
        explanation="Features are the one value that a head takes: the stages at the end of the network, from the "
        "first after which no value has positions, or else the last stage. `--timm` needs a classifier of images "
        "whose last layer is linear. The message says what the network has instead.",
        example=f"$ archdsl compile net.arch --features\n{NET}",
    ),
    "cannot-cut": Code(
        summary="`--parallel pipeline=N` is asked for a network that cannot be cut into so many stages.",
        explanation="A network is cut before stages, blocks, copies of a block, and layers. It is not cut between two "
        "uses of the same weights, inside a block, nor where a stage would have to change what it receives. The "
        "message says where that is so. A network with several outputs is no pipeline: a schedule takes the loss of "
        "one. `--parallel fsdp` needs no cut.",
        example=f"$ archdsl compile net.arch --parallel pipeline=3\n{NET}",
    ),
    "unbalanced-pipeline": Code(
        summary="A stage of a pipeline takes much longer than the others, which wait for it.",
        explanation="The largest stage has more than one and a half times the mean multiply-adds. A network is cut so "
        "that its most expensive stage is as cheap as it can be, and not inside a block nor between two uses of the "
        "same weights, so that more stages may not help. `archdsl table --parallel` shows what each has.",
        example="""\
$ archdsl compile net.arch --parallel pipeline=2
network Net:
    input image: 3 x 32 x 32
    stage body: conv(64, 3) -> relu
    stage head: global_avg_pool -> flatten -> linear(10)
""",
    ),
    "other-network": Code(
        summary="`compile --published` names a network that is not the same as the spec's.",
        explanation="Its weights would not fit, or would compute something else. `archdsl prove` lists the "
        "differences.",
        example="$ archdsl compile net.arch --published torchvision:resnet18\n"
        "network Net:\n    input image: 3 x 64 x 64\n"
        "    global_avg_pool -> flatten -> linear(1000)\n",
    ),
    "overwritten-file": Code(
        summary="A command would write over a spec, or over the file that it reads.",
        explanation="Results go to files of their own; only `archdsl fmt` writes specs. Links lead to the files that "
        "they stand for. Nothing has been written.",
        example=f"$ archdsl table net.arch -o net.arch\n{NET}",
        exit_code=2,
    ),
    "unwritable-file": Code(
        summary="A file cannot be written.",
        explanation="The message has the system's reason. Files are written whole or not at all: what stood there "
        "before still does.",
        example=f"$ archdsl compile net.arch -o /dev/null/net.py\n{NET}",
        exit_code=2,
    ),
}

STAGES: dict[str, Mapping[str, Code]] = {
    "Reading": SYNTAX_CODES,
    "Names, arguments and imports": RESOLVE_CODES,
    "Settings and expansion": ELABORATE_CODES,
    "Ops and shapes": OP_CODES,
    "Graph files": GRAPH_CODES,
    "Imported networks": FRONTEND_CODES,
    "Tables": TABLE_CODES,
    "Figures": FIGURE_CODES,
    "Comparisons, sweeps and searches": STUDY_CODES,
    "Commands": COMMAND_CODES,
}

CODES: dict[str, Code] = {name: code for table in STAGES.values() for name, code in table.items()}
assert len(CODES) == sum(map(len, STAGES.values())), "two stages explain one code"


class CodeExample(NamedTuple):
    """What makes a code appear: files by name, a command to run, and links that lead out of the files' folder.

    The command is None for a graph file, which is read by `archdsl.ir.serialize.from_json`.
    """

    command: str | None
    files: dict[str, str]
    links: tuple[str, ...]


def read_example(text: str) -> CodeExample:
    """Takes the `example` of a `Code` apart."""
    if text.startswith("{"):
        return CodeExample(None, {"net.json": text}, ())
    command = "archdsl check net.arch"
    if text.startswith("$ "):
        command, _, text = text.removeprefix("$ ").partition("\n")
    first, *others = re.split(r"^# file: (\S+)\n", text, flags=re.MULTILINE)
    files = {"net.arch": first} if first.strip() else {}
    files |= dict(zip(others[::2], others[1::2], strict=True))
    return CodeExample(command, files, tuple(re.findall(r"^# link: (\S+)$", text, flags=re.MULTILINE)))


INTRODUCTION = """\
# Diagnostics

<!-- Generated by `make docs` from the tables of codes. -->

Every error and warning has a code that names the problem. The codes are listed by the stage that reports them,
each with an example and what archdsl prints for it.
"""


def reference(render: Callable[[CodeExample], str]) -> str:
    """The text of `docs/diagnostics.md`. `render` gives what the compiler prints for an example."""
    return "\n".join([INTRODUCTION, *_sections(render)])


def _sections(render: Callable[[CodeExample], str]) -> Iterator[str]:
    for stage, table in STAGES.items():
        yield f"## {stage}\n"
        for name, code in sorted(table.items()):
            example = read_example(code.example)
            yield f"### `{name}`\n\n{code.summary} {code.explanation}\n"
            for file, text in example.files.items():
                if len(example.files) > 1:
                    yield f"`{file}`:\n"
                yield _fenced(file.rpartition(".")[2], text)
            command = "" if example.command in (None, "archdsl check net.arch") else f"$ {example.command}\n"
            yield _fenced("text", command + render(example))


def _fenced(language: str, text: str) -> str:
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")  # bytes that are no text
    shown = HIDDEN.sub("\N{REPLACEMENT CHARACTER}", shown)
    return f"```{language}\n{shown.strip(chr(10))}\n```\n"
