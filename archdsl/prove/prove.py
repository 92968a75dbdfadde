"""Is a network the same as its reference? Structure, parameters, outputs and gradients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import isclose

from torch import nn

from archdsl.analyses import totals
from archdsl.ir.graph import Graph, Node
from archdsl.ops.norm import Bn
from archdsl.ops.regularize import Regularization
from archdsl.prove.canonical import form
from archdsl.prove.colors import Parts
from archdsl.prove.differences import divergences
from archdsl.prove.form import Form, Part
from archdsl.prove.match import Pairs, match
from archdsl.prove.numbers import compare
from archdsl.prove.report import Difference, ProofReport
from archdsl.prove.rules import normalize
from archdsl.prove.sides import Side, of_graph, of_module, of_reference
from archdsl.prove.weights import WeightMap


def prove(graph: Graph, reference: str | nn.Module, structure_only: bool = False) -> ProofReport:
    """Compares a network with a reference: `torchvision:resnet50`, or a module, at the sizes of the graph's inputs.

    With `structure_only` nothing is computed, and a reference that goes by name needs no memory for its weights.
    Executes the reference's code. Raises `CompileError` where it cannot be imported; a network that differs is
    no error.
    """
    inputs = [node.output for node in graph.inputs]
    if isinstance(reference, str):
        theirs = of_reference(reference, inputs, meta=structure_only)
    else:
        theirs = of_module(reference, inputs)
    return prove_sides(of_graph(graph), theirs, structure_only)


def prove_sides(ours: Side, theirs: Side, structure_only: bool = False) -> ProofReport:
    """The same for any two networks, each compiled or imported."""
    trained = [any(output.training for output in side.graph.outputs) for side in (ours, theirs)]
    forms = tuple(normalize(form(side.graph, all(trained))) for side in (ours, theirs))
    notes = tuple(_notes(ours, theirs, all(trained)))
    parts = [found.parts() for found in forms]
    pairs = match(*parts)
    if pairs is None:
        found = tuple(_differences(ours, theirs, forms))
        return ProofReport(ours.title, theirs.title, 0, 0, found, notes, None, None, structure_only)
    weights = WeightMap(ours.title, theirs.title, tuple(_correspondence(parts[0], pairs, ours, theirs)))
    nodes = [ours.graph.node(part.node) for part in parts[0] if part.home]
    numbers = None if structure_only else compare(ours, theirs, weights, _outputs(forms, pairs))
    notes = (*notes, *_momenta(pairs, ours, theirs), *_chances(ours, theirs))
    parameters = totals.parameters(ours.graph, nodes)
    return ProofReport(ours.title, theirs.title, len(pairs), parameters, (), notes, weights, numbers, structure_only)


def _differences(ours: Side, theirs: Side, forms: tuple[Form, ...]) -> Iterator[Difference]:
    found = divergences(*forms)
    for divergence in found:
        yield Difference(divergence.what, _node(divergence.ours, ours), _node(divergence.theirs, theirs))
    if not found:
        yield Difference("the same ops in the same order, but connected or shared otherwise", None, None)


def _node(part: Part | None, side: Side) -> Node | None:
    return None if part is None else side.graph.node(part.node)


def _correspondence(parts: Parts, pairs: Pairs, ours: Side, theirs: Side) -> Iterator[tuple[str, str]]:
    """Pairs of names in the two state_dicts, theirs and ours, each once."""
    seen: set[str] = set()
    for here in parts:
        for mine, its in zip(_keys(here, ours), _keys(pairs[here], theirs), strict=True):
            if mine not in seen:
                seen.add(mine)
                yield its, mine


def _keys(part: Part, side: Side) -> list[str]:
    if part.slots:
        return [side.key(part.node, slot) for slot in part.slots]
    return list(side.keys.get(part.node, {}).values()) if part.home else []


def _outputs(forms: tuple[Form, ...], pairs: Pairs) -> list[tuple[int, int]]:
    """Which result of ours is which of theirs, by their places."""
    places = {part: place for place, part in enumerate(forms[1].outputs)}
    return [(place, places[pairs[part]]) for place, part in enumerate(forms[0].outputs)]


def _notes(ours: Side, theirs: Side, trained: bool) -> Iterator[str]:
    """What was left out of the comparison."""
    for side, where in ((ours, "here"), (theirs, "there")):
        names = [output.name for output in side.graph.outputs if output.training]
        if names and not trained:
            yield f"left out, since only {where}: {', '.join(names)} (while training)"
        if side.unused:
            count = len(side.unused)
            entries, serve = ("entry", "serves") if count == 1 else ("entries", "serve")
            shown = ", ".join(side.unused[:2]) + (" ..." if count > 2 else "")
            yield f"{count} {entries} of the state_dict {serve} no output {where}: {shown}"


def _momenta(pairs: Pairs, ours: Side, theirs: Side) -> Iterator[str]:
    """Notes where the momentum of batch normalizations differs, which changes no output."""
    found: dict[tuple[float, float], list[Node]] = defaultdict(list)
    for here, there in pairs.items():
        if here.op == "bn":
            mine, its = ours.graph.node(here.node), theirs.graph.node(there.node)
            assert isinstance(mine.op, Bn)
            assert isinstance(its.op, Bn)
            found[mine.op.momentum, its.op.momentum].append(mine)
    for (mine_momentum, its_momentum), nodes in found.items():
        if mine_momentum != its_momentum:
            yield f"momentum {mine_momentum:g} here, {its_momentum:g} there, in {len(nodes)} bn: not compared"


def _chances(ours: Side, theirs: Side) -> Iterator[str]:
    """What is dropped while training is left out too; where a probability differs, that is worth a word."""
    for name in ("dropout", "channel_dropout", "drop_path"):
        here, there = (_probabilities(side, name) for side in (ours, theirs))
        if len(here) != len(there) or any(map(_differ, here, there)):
            yield f"{name} {_in_short(here)} here, {_in_short(there)} there: not compared"


def _probabilities(side: Side, name: str) -> list[float]:
    """Those above 0, the smallest first, as branches stand in no order; what is shared counts once.

    One of 0 is most often left out altogether.
    """
    found = {
        node.weights: node.op.p for node in side.graph if node.op.name == name and isinstance(node.op, Regularization)
    }
    more = side.drop_paths if name == "drop_path" else ()
    return sorted(p for p in (*found.values(), *more) if p > 0)


def _differ(one: float, other: float) -> bool:
    return not isclose(one, other, rel_tol=1e-6)


def _in_short(values: list[float]) -> str:
    """`in no place`, `0.2 in 1 place`, `0.0125 to 0.175 in 9 places`."""
    if not values:
        return "in no place"
    ends = dict.fromkeys(f"{value:.4g}" for value in (values[0], values[-1]))
    return f"{' to '.join(ends)} in {len(values)} place{'s' if len(values) > 1 else ''}"
