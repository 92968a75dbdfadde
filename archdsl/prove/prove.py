"""Compares a network with its reference: structure, parameters, outputs and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import nn

from archdsl.analyses import totals
from archdsl.ir.graph import Graph, Node
from archdsl.prove.canonical import form
from archdsl.prove.causes import Causes
from archdsl.prove.colors import Parts
from archdsl.prove.differences import divergences
from archdsl.prove.folded import at_inference
from archdsl.prove.form import Form, Part
from archdsl.prove.layouts import put_first, said
from archdsl.prove.match import Pairs, match
from archdsl.prove.notes import left_out, rates
from archdsl.prove.numbers import compare
from archdsl.prove.origins import Origins
from archdsl.prove.report import Difference, ProofReport
from archdsl.prove.rules import normalize
from archdsl.prove.runs import joined
from archdsl.prove.sides import Side, of_graph, of_module, of_reference
from archdsl.prove.weights import WeightMap


def prove(
    graph: Graph, reference: str | nn.Module, structure_only: bool = False, inference: bool = False
) -> ProofReport:
    """Compares a network with a reference, given as a name (`torchvision:resnet50`) or a module.

    The inputs have the shapes of the graph's inputs. With `structure_only` nothing is run, and a reference given by
    name needs no memory for its weights. `inference` tells that the graph is for inference alone, as ONNX models are.
    Executes the reference's code. Raises `CompileError` if the reference cannot be imported. A difference is no error:
    the report lists it.
    """
    inputs = [node.output for node in graph.inputs]
    if isinstance(reference, str):
        theirs = of_reference(reference, inputs, meta=structure_only)
    else:
        theirs = of_module(reference, inputs)
    return prove_sides(replace(of_graph(graph), inference=inference), theirs, structure_only)


def prove_sides(ours: Side, theirs: Side, structure_only: bool = False) -> ProofReport:
    """Compares any two networks, each compiled or imported, as `prove` does.

    Where they differ and one is for inference alone, they are compared as they are at inference.
    """

    def compare(ours: Side, theirs: Side) -> ProofReport:
        return _compared(ours, theirs, structure_only)

    report = compare(ours, theirs)
    return report if report.weights else at_inference(report, ours, theirs, compare)


def _compared(ours: Side, theirs: Side, structure_only: bool) -> ProofReport:
    trained = [any(output.training for output in side.graph.outputs) for side in (ours, theirs)]
    forms = (form(ours.graph, all(trained)), form(theirs.graph, all(trained)))
    lasts = put_first(forms)
    forms = (normalize(forms[0]), normalize(forms[1]))
    notes = (*left_out(ours, theirs, all(trained)), *said(lasts))
    parts = [found.parts() for found in forms]
    pairs = match(*parts)
    if pairs is None:
        found = tuple(_differences(ours, theirs, forms))
        return ProofReport(ours.title, theirs.title, 0, 0, found, notes, None, None, structure_only)
    weights = WeightMap(ours.title, theirs.title, tuple(_correspondence(parts[0], pairs, ours, theirs)))
    nodes = [ours.graph.node(part.node) for part in parts[0] if part.home]
    numbers = None if structure_only else compare(ours, theirs, weights, _outputs(forms, pairs), lasts)
    notes = (*notes, *rates(pairs, ours, theirs))
    parameters = totals.parameters(ours.graph, nodes)
    return ProofReport(ours.title, theirs.title, len(pairs), parameters, (), notes, weights, numbers, structure_only)


def _differences(ours: Side, theirs: Side, forms: tuple[Form, ...]) -> Iterator[Difference]:
    parts = (forms[0].parts(), forms[1].parts())
    found = joined(divergences(*parts, Origins((ours.graph, theirs.graph), parts)))
    causes = Causes(ours.graph)
    for divergence in found:
        around = [_node(part, ours) for part in (divergence.after, divergence.before)]
        here = _node(divergence.ours, ours)
        nodes = [node for node in ([here] if here else around) if node]
        decided = [causes.of_arguments(node, divergence.names) or causes.of_presence(node) for node in nodes]
        uses = [causes.uses(node) for node in nodes]
        yield Difference(
            divergence.what,
            here,
            _node(divergence.theirs, theirs),
            around[0],
            around[1],
            frozenset().union(*decided),
            frozenset().union(*uses),
        )
    if not found:
        yield Difference("the same ops in the same order, but connected or sharing weights differently", None, None)


def _node(part: Part | None, side: Side) -> Node | None:
    return None if part is None else side.graph.node(part.node)


def _correspondence(parts: Parts, pairs: Pairs, ours: Side, theirs: Side) -> Iterator[tuple[str, str]]:
    """Pairs of corresponding names in the two state_dicts, theirs and ours, each once.

    Weights of an op that the language lacks have names in the code that it was imported from, and none in a spec.
    """
    seen: set[str] = set()
    for here in parts:
        named = _keys(here, ours), _keys(pairs[here], theirs)
        for mine, its in zip(*named, strict=True) if all(named) else ():
            if mine not in seen:
                seen.add(mine)
                yield its, mine


def _keys(part: Part, side: Side) -> list[str]:
    if part.slots:
        return [side.key(part.node, slot) for slot in part.slots]
    return list(side.keys.get(part.node, {}).values()) if part.home else []


def _outputs(forms: tuple[Form, ...], pairs: Pairs) -> list[tuple[int, int]]:
    """Pairs of corresponding results, by their numbers: ours, theirs."""
    places = {part: place for place, part in enumerate(forms[1].outputs)}
    return [(place, places[pairs[part]]) for place, part in enumerate(forms[0].outputs)]
