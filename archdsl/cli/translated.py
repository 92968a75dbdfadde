"""`archdsl import` for files that are read as specs: what is written, and the proof that it is the same network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archdsl.driver import Compiled
    from archdsl.ir.graph import Graph
    from archdsl.resolve.model import File


def default_graph(name: str) -> Graph:
    """The graph of a file of another tool that is read as a spec, `name` or `name@variant`."""
    from archdsl.driver import compile_network, open_spec, split_variant

    path, variant = split_variant(name)
    return compile_network(open_spec(path), variant).graph


def spec_text(name: str, prove: bool) -> tuple[str, str]:
    """The text of a spec for a file of another tool, with its costs as facts, and what is said of it."""
    from archdsl.driver import open_spec, split_variant
    from archdsl.source import Source
    from archdsl.syntax.parser import parse
    from archdsl.syntax.printer import format_spec

    file = open_spec(split_variant(name)[0])
    compiled = _all(file)
    facts = "".join(f"    {line}\n" for line in _facts(compiled))
    text = format_spec(parse(Source(name, f"{file.source.text}\n{facts}")))
    said = f": {len(text.splitlines())} lines"
    if not prove:
        return text, f"{said}, not proven"
    _prove(text, compiled)
    return text, f"{said}, proven to have the structure and the weights of {name}"


def _all(file: File) -> Mapping[str | None, Compiled]:
    """The network with its defaults or, if it has variants, with each of these."""
    from archdsl.driver import compile_network, network_of

    variants: list[str | None] = [*network_of(file).variants]
    return {name: compile_network(file, name) for name in variants or [None]}


def _facts(compiled: Mapping[str | None, Compiled]) -> Iterator[str]:
    from archdsl.analyses.totals import macs, nodes_in, parameters

    for name, one in compiled.items():
        nodes = nodes_in(one.graph)
        variant = f" {name}:" if name else ""
        yield f"expect{variant} params == {parameters(one.graph, nodes):_}; macs == {macs(one.graph, nodes):_}"


def _prove(text: str, compiled: Mapping[str | None, Compiled]) -> None:
    """Raises if the text is not the network that was read: this would be a fault of archdsl."""
    from archdsl.frontends.load import require_torch
    from archdsl.resolve.resolve import resolve
    from archdsl.source import Source

    require_torch("a proof (left out with --no-prove)")
    from archdsl.prove.prove import prove_sides
    from archdsl.prove.report import report_text
    from archdsl.prove.sides import of_graph

    written = _all(resolve(Source("written.arch", text)))
    for name, one in compiled.items():
        proof = prove_sides(of_graph(written[name].graph), of_graph(one.graph), structure_only=True)
        assert proof.ok, report_text(proof)
