"""Finds the head of a network: the stages at its end that turn its last features into its answer.

    stage conv5: ...                                                # 2048 x 7 x 7: the features
    stage head: global_avg_pool -> flatten -> linear(classes)       # the head

The head begins with the first of the stages from which on no value has positions any more. Where the answer itself
has positions (a map of classes, a word at each place), it is the last stage. Further outputs that are computed from the
same features belong to it.
"""

from __future__ import annotations

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph, Node, Scope, Value

Member = Scope | Node


def head_of(graph: Graph, root: str) -> tuple[str, ...]:
    """The paths of the members of the network at `root` that are its head, in order.

    Raises `CompileError` for a network without stages, and for one whose head needs more than one value.
    """
    members = [member for member in graph.children[root] if not _is_left_out(graph, member)]
    stages = [member for member in members if _is_stage(member)]
    if len(stages) < 2:
        raise refused(graph, "no features come before a head, since the network is not written in stages")
    start = _start(graph, root, members)
    if not any(map(_is_stage, members[:start])):
        raise refused(graph, "no features come before a head, since the head is its only stage")
    head = tuple(_path(member) for member in members[start:])
    features = features_of(graph, root, head)
    if len(features) != 1:
        name = head[0].removeprefix(f"{root}.")
        what = f"{len(features)} values" if features else "no value"
        raise refused(graph, f"its head, which begins with {name}, takes {what}, and features are one value")
    return head


def features_of(graph: Graph, root: str, head: tuple[str, ...]) -> tuple[Value, ...]:
    """The values that the head takes from before it, and outputs that are made before it; each once."""
    inside = {node.id for node in graph if any(_is_in(node.id, path) for path in head)}
    taken = [value for id in inside for value in graph.inputs_of(id)]
    returned = [value for output in graph.outputs if not output.training for value in output.values]
    return tuple(dict.fromkeys(value for value in (*taken, *returned) if value.node not in inside))


def _start(graph: Graph, root: str, members: list[Member]) -> int:
    """The place of the first member of the head."""
    start = len(members)
    while start and not any(_has_positions(graph, value) for value in _results(members[start - 1])):
        start -= 1
    if start in (0, len(members)):
        start = len(members) - 1
        while start and not _is_stage(members[start]):
            start -= 1
    while start and _is_output(members[start - 1]):
        start -= 1
    return start


def _is_left_out(graph: Graph, member: Member) -> bool:
    """Whether a member is an input, or only for training."""
    if isinstance(member, Node):
        return member.op.name == "input" or member.id in graph.training_only
    return bool(member.results) and all(value.node in graph.training_only for value in member.results)


def _is_stage(member: Member) -> bool:
    return isinstance(member, Scope) and member.kind == "stage"


def _is_output(member: Member) -> bool:
    return isinstance(member, Scope) and member.kind == "output"


def _results(member: Member) -> tuple[Value, ...]:
    return (Value(member.id),) if isinstance(member, Node) else member.results


def _has_positions(graph: Graph, value: Value) -> bool:
    return graph.tensor(value).rank > 1


def _path(member: Member) -> str:
    return member.id if isinstance(member, Node) else member.path


def _is_in(id: str, path: str) -> bool:
    return id == path or id.startswith(f"{path}.")


def refused(graph: Graph, why: str) -> CompileError:
    """The error for a network that has no head, or none of the kind that is asked for."""
    header = graph.header
    variant = f"@{header.variant}" if header.variant else ""
    return CompileError([Diagnostic("no-head", f"{header.spec}{variant}: {why}")])
