"""Notes on two equal networks: what the proof leaves out, and momenta and probabilities that differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import isclose

from archdsl.ir.graph import Node
from archdsl.ops.norm import Bn
from archdsl.ops.regularize import Regularization
from archdsl.prove.causes import Causes
from archdsl.prove.match import Pairs
from archdsl.prove.report import PLACES_ALSO, Difference, Kind, position
from archdsl.prove.sides import Side


def left_out(ours: Side, theirs: Side, trained: bool) -> Iterator[str]:
    """Notes on what was left out of the comparison: training outputs and entries that serve no output."""
    for side, where in ((ours, "here"), (theirs, "there")):
        names = [output.name for output in side.graph.outputs if output.training]
        if names and not trained:
            yield f"training outputs that exist only {where} are left out: {', '.join(names)}"
        if side.unused:
            count = len(side.unused)
            entries, serve = ("entry", "serves") if count == 1 else ("entries", "serve")
            shown = ", ".join(side.unused[:2]) + (" ..." if count > 2 else "")
            yield f"{count} {entries} of the state_dict {serve} no output {where}: {shown}"


def rates(pairs: Pairs, ours: Side, theirs: Side) -> Iterator[str]:
    """Notes on momenta and probabilities that differ, with the place in the spec. The proof does not compare these."""
    causes = Causes(ours.graph)
    yield from _momenta(pairs, ours, theirs, causes)
    yield from _chances(pairs, ours, theirs, causes)


def _momenta(pairs: Pairs, ours: Side, theirs: Side, causes: Causes) -> Iterator[str]:
    found: dict[tuple[float, float], list[Node]] = defaultdict(list)
    for here, there in pairs.items():
        if here.op == "bn":
            mine, its = ours.graph.node(here.node), theirs.graph.node(there.node)
            assert isinstance(mine.op, Bn)
            assert isinstance(its.op, Bn)
            found[mine.op.momentum, its.op.momentum].append(mine)
    for (mine_momentum, its_momentum), nodes in found.items():
        if mine_momentum != its_momentum:
            said = f"momentum {mine_momentum:g} here, {its_momentum:g} there, in {len(nodes)} bn"
            yield f"{said}: not compared{_places(nodes, 'momentum', causes)}"


def _chances(pairs: Pairs, ours: Side, theirs: Side, causes: Causes) -> Iterator[str]:
    """Notes on probabilities of dropouts and drop paths that differ, since these ops are left out of the comparison."""
    said: list[str] = []
    more: list[Node] = []
    fewer: list[Node] = []
    for name in ("dropout", "channel_dropout", "drop_path"):
        mine, its = (_probabilities(side, name) for side in (ours, theirs))
        if len(mine) != len(its) or any(map(_differ, mine, its)):
            said.append(f"{name} {_in_short(mine)} here, {_in_short(its)} there")
            more += _without(_dropping(ours, name), its)
            fewer += _without(_dropping(theirs, name), mine)
    if said:
        places = _places(more, "p", causes) if more else _missing(fewer, pairs, ours, theirs)
        yield f"{'; '.join(said)}: not compared{places}"


def _missing(nodes: Sequence[Node], pairs: Pairs, ours: Side, theirs: Side) -> str:
    """`; missing after specs/net.arch:12 head.relu`: our counterpart of the node before it in the reference."""
    partners = {its.node: mine.node for mine, its in pairs.items()}
    for node in nodes:
        before = node.id
        while before not in partners and theirs.graph.inputs_of(before):
            before = theirs.graph.inputs_of(before)[0].node
        if before in partners:
            mine = ours.graph.node(partners[before])
            return f"; missing after {position(mine.span)} {mine.id}"
    return ""


def _places(nodes: Sequence[Node], argument: str, causes: Causes) -> str:
    """The places of nodes, and those that decide an argument: `; see specs/net.arch:12 head.dropout`."""
    kind = Kind("", [], frozenset(causes.of_arguments(nodes[0], [argument])), frozenset(causes.uses(nodes[0])))
    for node in nodes:
        kind.add(Difference("", node, None, None, None, causes.of_arguments(node, [argument]), causes.uses(node)))
    more = f" and {len(nodes) - 1:,} more" if len(nodes) > 1 else ""
    also = "".join(f", {place}" for place in kind.also[:PLACES_ALSO])
    return f"; see {position(nodes[0].span)} {nodes[0].id}{more}{also}"


def _dropping(side: Side, name: str) -> list[Node]:
    """The nodes of the op `name` with a probability above 0; of those that are one module, the first."""
    found = {node.weights: node for node in reversed(list(side.graph)) if node.op.name == name and _rate(node) > 0}
    return list(reversed(found.values()))


def _rate(node: Node) -> float:
    assert isinstance(node.op, Regularization)
    return node.op.p


def _without(nodes: Sequence[Node], others: Sequence[float]) -> list[Node]:
    """The nodes that remain if each of the other probabilities is paired with one node of the same probability."""
    left = list(others)
    found = []
    for node in nodes:
        same = next((p for p in left if not _differ(p, _rate(node))), None)
        if same is None:
            found.append(node)
        else:
            left.remove(same)
    return found


def _probabilities(side: Side, name: str) -> list[float]:
    """The probabilities above 0 of all drops of one op, sorted, since branches have no common order.

    Those of 0 are ignored, since most networks leave out such an op.
    """
    more = side.drop_paths if name == "drop_path" else ()
    return sorted(p for p in (*map(_rate, _dropping(side, name)), *more) if p > 0)


def _differ(one: float, other: float) -> bool:
    return not isclose(one, other, rel_tol=1e-6)


def _in_short(values: list[float]) -> str:
    """Values in short: `in no place`, `0.2 in 1 place`, `0.0125 to 0.175 in 9 places`."""
    if not values:
        return "in no place"
    ends = dict.fromkeys(f"{value:.4g}" for value in (values[0], values[-1]))
    return f"{' to '.join(ends)} in {len(values)} place{'s' if len(values) > 1 else ''}"
