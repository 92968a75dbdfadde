"""`archdsl import` for files that are read as specs: what is written, and the proof that it is the same network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from archdsl.cli.imported import Result, in_form, prove_text
from archdsl.files import SPEC
from archdsl.packages import require

if TYPE_CHECKING:
    from archdsl.driver import Compiled
    from archdsl.ir.graph import Graph
    from archdsl.resolve.model import File


def of_file_with_variants(name: str, suffix: str, prove: bool) -> Result:
    """Imports a file that is read as a spec: as one with all its variants, or as a graph with one of them."""
    if suffix == SPEC:
        text, said = _spec(name, prove)
        return Result(text, (), said)
    return Result(in_form(default_graph(name), suffix))


def default_graph(name: str) -> Graph:
    """The graph of a file of another tool that is read as a spec, `name` or `name@variant`."""
    from archdsl.driver import compile_network, open_spec, split_variant

    path, variant = split_variant(name)
    return compile_network(open_spec(path), variant).graph


def _spec(name: str, prove: bool) -> tuple[str, str]:
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
    require("torch", "a proof (left out with --no-prove)")
    from archdsl.prove.sides import of_graph

    for name, one in compiled.items():
        prove_text(text, name, of_graph(one.graph))
