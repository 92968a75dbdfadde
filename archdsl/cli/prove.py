"""`archdsl prove`: shows whether a network is the same as a public implementation of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli import SPEC_ERROR
from archdsl.cli.complete import spec_names
from archdsl.cli.options import Format, FormatOption, Purpose, SpecOptions, grouped
from archdsl.cli.output import keep, reporting
from archdsl.readers import REFERENCES, is_reference, readable_files, reader_of
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.prove.report import ProofReport
    from archdsl.prove.sides import Side

OursArgument = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A spec, as for other commands; or another reference, as for --against.",
        autocompletion=spec_names,
        show_default=False,
    ),
]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="REFERENCE",
        help=f"{REFERENCES}, or a file: {readable_files()}.",
        show_default=False,
    ),
]
ForOption = Annotated[
    Purpose | None,
    typer.Option("--for", help="Compare the network with what `compile --for` writes of it.", show_default=False),
]
StructureOption = Annotated[bool, typer.Option("--structure", help="Compare the structure only; run nothing.")]
MapOption = Annotated[
    Path | None,
    typer.Option("--write-map", metavar="FILE", help="Write which weights correspond, as JSON, to load checkpoints."),
]


@grouped
def prove(
    ctx: typer.Context,
    spec: OursArgument,
    against: AgainstOption = None,
    for_: ForOption = None,
    structure: StructureOption = False,
    write_map: MapOption = None,
    *,
    options: SpecOptions,
    format: FormatOption = Format.TEXT,
) -> None:
    """Prove that a network is the same as its public implementation. This executes the implementation's code.

    Compares the structure, pairs the weights, and runs both in float64 with the same random weights, to compare
    outputs in evaluation and in training, and gradients. Prints where they differ. The exit code is 0 only if all of
    this agrees, 1 if the two differ. Any other option is a parameter of the spec: --classes 10.

    With --for inference, the network is compared with the one that `archdsl compile --for inference` writes of it.
    """
    if (against is None) == (for_ is None):
        ctx.fail("Name what the network is compared with: --against REFERENCE, or --for inference.")
    if against is None:
        _prove_inference(ctx, spec, options, structure, write_map, format)
        return
    proof = None
    if write_map is not None and write_map.suffix != ".json":
        ctx.fail(f"A map of weights is written as JSON; write --write-map {write_map.with_suffix('.json')}.")
    with reporting(format) as report:
        from archdsl.packages import require

        require("torch", "a proof")
        from archdsl.prove.prove import prove_sides

        ours = _ours(ctx, spec, options, structure, write_map)
        theirs = _theirs(against, ours, structure)
        proof = prove_sides(ours, theirs, structure)
        _write_map(proof, write_map)
        _print(proof, format, write_map)
        report.result_printed = True
    if proof is None or not proof.ok:
        raise typer.Exit(SPEC_ERROR)


def _prove_inference(
    ctx: typer.Context, spec: str, options: SpecOptions, structure: bool, write_map: Path | None, format: Format
) -> None:
    """Compares a network with the one for inference, and prints what was found."""
    from archdsl.cli.target import target

    for option, given in (("--structure", structure), ("--write-map", write_map is not None)):
        if given:
            ctx.fail(f"{option} is for networks of others: leave it out with --for.")
    if is_reference(spec):
        ctx.fail("--for takes a spec; import the network as a spec first.")
    proof = None
    with reporting(format) as report:
        from archdsl.packages import require

        require("torch", "a proof")
        from archdsl.prove.inference import prove_inference

        proof = prove_inference(target(ctx, spec, options).compile().graph)
        print(json.dumps(proof.to_json(), indent=2) if format is Format.JSON else proof)
        report.result_printed = True
    if proof is None or not proof.ok:
        raise typer.Exit(SPEC_ERROR)


def _theirs(against: str, ours: Side, structure: bool) -> Side:
    """The network that the other one is compared with."""
    from archdsl.cli.translated import default_graph
    from archdsl.driver import split_variant
    from archdsl.prove.sides import of_graph, of_reference
    from archdsl.readers import translator_of

    if translator_of(split_variant(against)[0]):
        return of_graph(default_graph(against))
    return of_reference(against, [node.output for node in ours.graph.inputs], meta=structure)


def _ours(
    ctx: typer.Context,
    spec: str,
    options: SpecOptions,
    structure: bool,
    write_map: Path | None,
) -> Side:
    """The network to prove: that of a spec or, if the name is a reference, that of its code."""
    from archdsl.cli.target import target
    from archdsl.frontends.load import load_reference
    from archdsl.prove.sides import of_graph, of_reference

    if is_reference(spec):
        keep((), write_map)
        inputs = [node.output for node in load_reference(spec).inputs]
        return of_reference(spec, inputs, meta=structure)
    asked = target(ctx, spec, options)
    keep(asked, write_map)
    return of_reference(spec, (), meta=structure) if reader_of(spec) else of_graph(asked.compile().graph)


def _write_map(proof: ProofReport, path: Path | None) -> None:
    from archdsl.files import write

    if path is not None and proof.weights is not None:
        write({path: proof.weights.to_json()})


def _print(proof: ProofReport, format: Format, path: Path | None) -> None:
    from archdsl.prove.report import report_json, report_text

    if format is Format.JSON:
        print(report_json(proof))
        return
    print(report_text(proof))
    if path is not None:
        place = shown(str(path))
        print(f"wrote {place}" if proof.weights else f"{place} is not written: the structures differ")
