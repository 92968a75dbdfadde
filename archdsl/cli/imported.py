"""What `archdsl import` writes, and what it says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archdsl.cli.output import in_short
from archdsl.files import SPEC
from archdsl.packages import require

if TYPE_CHECKING:
    from archdsl.ir.graph import Graph
    from archdsl.ir.imported import Imported
    from archdsl.prove.sides import Side
    from archdsl.tensor import Kind


@dataclass(frozen=True, slots=True)
class Result:
    """The content of the file, lines about the networks, and what is said of the file after its name."""

    content: str | bytes
    about: Sequence[str] = ()
    said: str = ""


def of_networks(
    references: Sequence[str], shapes: Sequence[tuple[tuple[int, ...], Kind]], suffix: str, prove: bool
) -> Result:
    """Imports networks: as one spec, or one network as a graph in the form that the suffix says."""
    from archdsl.frontends.load import import_reference

    found = [import_reference(reference, shapes) for reference in references]
    about = [line for one in found for line in _about(one, with_opaque=suffix != SPEC)]
    if suffix == SPEC:
        text, said = _spec(found, references, prove)
        return Result(text, about, said)
    return Result(in_form(found[0].graph, suffix), about)


def in_form(graph: Graph, suffix: str) -> str | bytes:
    """The graph in the form whose files end with `suffix`; JSON where there is none."""
    from archdsl.outputs import output_of, written

    kind = output_of(suffix)
    return written(graph, kind.name if kind else "json")


def _spec(found: Sequence[Imported], references: Sequence[str], prove: bool) -> tuple[str, str]:
    """The text of a spec for imported networks, and what is said of it when it is written."""
    from archdsl.decompile.spec import Member, spec_of_all

    members = [Member(one.graph, one.recorded, reference) for one, reference in zip(found, references, strict=True)]
    text, variants = spec_of_all(members)
    said = f": {len(text.splitlines())} lines" + (f", variants {', '.join(variants)}" if variants else "")
    if prove:
        require("torch", "a proof (left out with --no-prove)")
        for place, (one, reference) in enumerate(zip(found, references, strict=True)):
            _prove(text, variants[place] if variants else None, one, reference)
        each, of = (", each proven", "its own network") if variants else (", proven", references[0])
        said += f"{each} to have the structure and the weights of {of}"
    else:
        said += ", not proven"
    return text, said + _without_op(found)


def _prove(text: str, variant: str | None, found: Imported, reference: str) -> None:
    from archdsl.frontends.references import build
    from archdsl.prove.sides import of_imported

    prove_text(text, variant, of_imported(found, reference, lambda: build(reference)))


def prove_text(text: str, variant: str | None, theirs: Side) -> None:
    """Raises `AssertionError` if a spec is not the network that it was made from; this would be a fault of archdsl."""
    import archdsl
    from archdsl.prove.prove import prove_sides
    from archdsl.prove.report import report_text
    from archdsl.prove.sides import of_graph

    proof = prove_sides(of_graph(archdsl.loads(text, variant).graph), theirs, structure_only=True)
    assert proof.ok, report_text(proof)


# --- what is said --------------------------------------------------------------------------


def _about(found: Imported, with_opaque: bool) -> Iterator[str]:
    graph = found.graph
    yield f"{graph.header.spec}: {len(graph):,} nodes, {in_short(graph)}"
    opaque = _opaque([found]) if with_opaque else {}
    if opaque:
        yield "kept as opaque nodes, since the language has no op for them:"
    for target, ids in opaque.items():
        yield f"  {target} x {len(ids)}: {', '.join(ids[:3])}{' ...' if len(ids) > 3 else ''}"
    if found.left_out:
        yield found.left_out
    yield from found.notes


def _without_op(found: Sequence[Imported]) -> str:
    """Which operations of the text the language has no op for."""
    opaque = {target: len(ids) for target, ids in _opaque(found).items()}
    count = sum(opaque.values())
    names = ", ".join(f"{target} x {times}" if times > 1 else target for target, times in opaque.items())
    operations = "1 operation has" if count == 1 else f"{count:,} operations have"
    return f"; {operations} no op of the language: {names}" if opaque else ""


def _opaque(networks: Sequence[Imported]) -> dict[str, list[str]]:
    """The paths of opaque nodes, by PyTorch's name of their operation."""
    from archdsl.frontends.load import opaque_nodes

    found: dict[str, list[str]] = {}
    for network in networks:
        for node in opaque_nodes(network.graph):
            found.setdefault(node.op.target, []).append(node.id)  # type: ignore[attr-defined]
    return found
