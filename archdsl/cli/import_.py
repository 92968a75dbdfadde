"""`archdsl import`: makes a graph of a network that is Python code."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.options import Format, FormatOption, OutputOption
from archdsl.cli.output import in_short, reporting
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.frontends.torch import Imported
    from archdsl.ir.graph import Graph
    from archdsl.tensor import Kind

SPEC = ".arch"

ReferencesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="REFERENCE",
        help="torchvision:NAME, timm:NAME, pytorchcv:NAME, or package.module:factory. Several become variants of one "
        "spec.",
        show_default=False,
    ),
]
InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="Shape of an input: channels x height x width, as in 3x224x224 (clips have frames before the height: "
        "3x16x112x112); `128 int` for tokens. Once for each input.  [default: the shape that the package states for "
        "the network]",
    ),
]


ProveOption = Annotated[
    bool,
    typer.Option(help="Prove that a spec that is written is the same network: its structure and its weights."),
]


def import_(
    references: ReferencesArgument,
    output: OutputOption = None,
    input: InputOption = None,
    prove: ProveOption = True,
    format: FormatOption = Format.TEXT,
) -> None:
    """Import a network that is Python code. This executes that code.

    With `-o net.arch` it is written as a spec, which is then proven to be the same network. Several networks of one
    family become one spec with a variant for each, and each variant is proven. Otherwise a network's graph is
    written as JSON, or in another form of `compile --emit` that the suffix of -o names. Prints what the network costs.
    A graph keeps operations that the language has no op for as opaque nodes, and they are listed; a spec has none.
    """
    from archdsl.files import refuse_overwriting, refuse_replacing_spec, write, write_spec
    from archdsl.outputs import OUTPUTS, output_of, written

    shapes = [_shape(text) for text in input or ()]
    if None in shapes:
        bad = (input or [])[shapes.index(None)]
        raise typer.BadParameter(f"'{bad}' is not a shape; write one like 3x224x224, or '128 int' for tokens.")
    path = output or Path(f"{re.sub(r'[^a-zA-Z0-9_]+', '_', references[0])}.json")
    suffixes = [SPEC, *(output.suffix for output in OUTPUTS if output.name != "torch")]
    if path != Path("-") and path.suffix not in suffixes:
        raise typer.BadParameter(f"{path} must end in one of {', '.join(suffixes)}.")
    if len(references) > 1 and path.suffix != SPEC:
        raise typer.BadParameter("several networks are written as one spec: give it a name, as in -o nets.arch.")
    if len(set(references)) < len(references):
        twice = next(one for place, one in enumerate(references) if one in references[:place])
        raise typer.BadParameter(f"{twice} is named twice.")
    with reporting(format) as report:
        if path.suffix == SPEC:
            refuse_replacing_spec(path)
        elif path != Path("-"):
            refuse_overwriting([path])
        from archdsl.frontends.load import import_reference

        found = [import_reference(reference, [shape for shape in shapes if shape]) for reference in references]
        kind = output_of(path.suffix)
        if path.suffix == SPEC:
            text, said = _spec(found, references, prove)
        else:
            text, said = written(found[0].graph, kind.name if kind else "json"), ""
        if path == Path("-"):
            sys.stdout.write(text)
            report.result_printed = True
            return
        if path.suffix == SPEC:
            write_spec(path, text)
        else:
            write({path: text})
        if report.verbose:
            for one in found:
                _print_summary(one.graph)
                if one.left_out:
                    print(one.left_out)
            print(f"wrote {shown(str(path))}{said}")


def _spec(found: Sequence[Imported], references: Sequence[str], prove: bool) -> tuple[str, str]:
    """The text of a spec for imported networks, and what is said of it when it is written."""
    from archdsl.decompile.spec import Member, spec_of_all

    members = [Member(one.graph, one.recorded, reference) for one, reference in zip(found, references, strict=True)]
    text, variants = spec_of_all(members)
    said = f": {len(text.splitlines())} lines" + (f", variants {', '.join(variants)}" if variants else "")
    if not prove:
        return text, f"{said}, not proven"
    for place, (one, reference) in enumerate(zip(found, references, strict=True)):
        _prove(text, variants[place] if variants else None, one, reference)
    of = references[0] if len(references) == 1 else "its own network"
    each = ", each proven" if variants else ", proven"
    return text, f"{said}{each} to have the structure and the weights of {of}"


def _prove(text: str, variant: str | None, found: Imported, reference: str) -> None:
    """Raises `CompileError` if a spec is not the network that it was made from; this would be a fault of archdsl."""
    import archdsl
    from archdsl.frontends.references import build
    from archdsl.prove.prove import prove_sides
    from archdsl.prove.report import report_text
    from archdsl.prove.sides import of_graph, of_imported

    theirs = of_imported(found, reference, lambda: build(reference))
    proof = prove_sides(of_graph(archdsl.loads(text, variant).graph), theirs, structure_only=True)
    assert proof.ok, report_text(proof)


def _shape(text: str) -> tuple[tuple[int, ...], Kind] | None:
    """Dimensions and kind of numbers of `3x224x224` or `128 int`; None for text that is no shape."""
    found = re.fullmatch(r"(\d+(?:[x×]\d+)*)(?:\s+(?:of\s+)?(int|float))?", text.strip())
    if found is None:
        return None
    return tuple(map(int, re.split("[x×]", found[1]))), "int" if found[2] == "int" else "float"


def _print_summary(graph: Graph) -> None:
    from archdsl.frontends.load import opaque_nodes

    print(f"{graph.header.spec}: {len(graph):,} nodes, {in_short(graph)}")
    by_target: dict[str, list[str]] = {}
    for node in opaque_nodes(graph):
        by_target.setdefault(node.op.target, []).append(node.id)  # type: ignore[attr-defined]
    if by_target:
        print("kept as opaque nodes, since the language has no op for them:")
    for target, ids in by_target.items():
        print(f"  {target} x {len(ids)}: {', '.join(ids[:3])}{' ...' if len(ids) > 3 else ''}")
