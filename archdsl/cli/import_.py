"""`archdsl import`: makes a graph or a spec of a network that is Python code, or a file of another tool."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.options import Format, FormatOption, OutputOption
from archdsl.cli.output import Report, in_short, reporting
from archdsl.readers import readable_files, translator_of
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.ir.graph import Graph
    from archdsl.ir.imported import Imported
    from archdsl.tensor import Kind

SPEC = ".arch"

ReferenceArgument = Annotated[
    str,
    typer.Argument(
        metavar="REFERENCE",
        help=f"torchvision:NAME, timm:NAME, pytorchcv:NAME, package.module:factory, or a file: {readable_files()}.",
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
    reference: ReferenceArgument,
    output: OutputOption = None,
    input: InputOption = None,
    prove: ProveOption = True,
    format: FormatOption = Format.TEXT,
) -> None:
    """Import a network that is Python code, which is executed, or a file of another tool.

    With `-o net.arch` it is written as a spec, which is then proven to be the same network. Otherwise its graph is
    written as JSON, or in another form of `compile --emit` that the suffix of -o names. Prints what the network costs.
    A graph keeps operations that the language has no op for as opaque nodes, and they are listed; a spec has none.
    """
    from archdsl.files import refuse_overwriting, refuse_replacing_spec, write, write_spec
    from archdsl.outputs import OUTPUTS, output_of, written

    shapes = [_shape(text) for text in input or ()]
    if None in shapes:
        bad = (input or [])[shapes.index(None)]
        raise typer.BadParameter(f"'{bad}' is not a shape; write one like 3x224x224, or '128 int' for tokens.")
    path = output or Path(f"{re.sub(r'[^a-zA-Z0-9_]+', '_', reference)}.json")
    suffixes = [SPEC, *(output.suffix for output in OUTPUTS if output.name != "torch")]
    if path != Path("-") and path.suffix not in suffixes:
        raise typer.BadParameter(f"{path} must end in one of {', '.join(suffixes)}.")
    with reporting(format) as report:
        if path.suffix == SPEC:
            refuse_replacing_spec(path)
        elif path != Path("-"):
            refuse_overwriting([path])
        from archdsl.driver import split_variant

        if translator_of(split_variant(reference)[0]):
            if shapes:
                raise typer.BadParameter(f"{reference} becomes a spec, whose parameter `resolution` is the size.")
            _import_translated(reference, path, prove, report)
            return
        from archdsl.frontends.load import import_reference

        found = import_reference(reference, [shape for shape in shapes if shape])
        graph = found.graph
        kind = output_of(path.suffix)
        if path.suffix == SPEC:
            text, said = _spec(found, reference, prove)
        else:
            text, said = written(graph, kind.name if kind else "json"), ""
        if path == Path("-"):
            sys.stdout.write(text)
            report.result_printed = True
            return
        if path.suffix == SPEC:
            write_spec(path, text)
        else:
            write({path: text})
        if report.verbose:
            _print_summary(graph)
            if found.left_out:
                print(found.left_out)
            print(f"wrote {shown(str(path))}{said}")


def _import_translated(reference: str, path: Path, prove: bool, report: Report) -> None:
    """Imports a file that is read as a spec with all its variants, and as a graph with one of them."""
    from archdsl.cli.translated import default_graph, spec_text
    from archdsl.files import write, write_spec
    from archdsl.outputs import output_of, written

    kind = output_of(path.suffix)
    is_spec = path.suffix == SPEC
    text, said = (
        spec_text(reference, prove)
        if is_spec
        else (
            written(default_graph(reference), kind.name if kind else "json"),
            "",
        )
    )
    if path == Path("-"):
        sys.stdout.write(text)
        report.result_printed = True
        return
    if is_spec:
        write_spec(path, text)
    else:
        write({path: text})
    if report.verbose:
        print(f"wrote {shown(str(path))}{said}")


def _spec(found: Imported, reference: str, prove: bool) -> tuple[str, str]:
    """The text of a spec for an imported network, and what is said of it when it is written."""
    from archdsl.decompile.spec import spec_of

    text = spec_of(found.graph, found.recorded, reference)
    said = f": {len(text.splitlines())} lines"
    if not prove:
        return text, f"{said}, not proven"
    _prove(text, found, reference)
    return text, f"{said}, proven to have the structure and the weights of {reference}"


def _prove(text: str, found: Imported, reference: str) -> None:
    """Raises `CompileError` if a spec is not the network that it was made from; this would be a fault of archdsl."""
    import archdsl
    from archdsl.frontends.references import build
    from archdsl.prove.prove import prove_sides
    from archdsl.prove.report import report_text
    from archdsl.prove.sides import of_graph, of_imported

    theirs = of_imported(found, reference, lambda: build(reference))
    proof = prove_sides(of_graph(archdsl.loads(text).graph), theirs, structure_only=True)
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
