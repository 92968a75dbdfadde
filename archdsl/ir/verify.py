"""Checks that a graph is valid, when it is made and after every pass. A violation is a bug in archdsl, not a spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from math import isfinite
from typing import Any

from archdsl.ir.builder import join
from archdsl.ir.graph import Choice, Graph, Node, Scope, Setting, Step, Value
from archdsl.ir.words import choices, expressions, misnamed, unreadable
from archdsl.ops.base import Mismatch
from archdsl.tensor import Tensor
from archdsl.text import is_output, is_step, shown


class Bug(AssertionError):
    """Raised for an invalid graph. `violation` says what is wrong, and `after` which stage or pass made it.

    `rule` is the rule that is broken: the docstring of the function below that checks it; "" if a pass failed.
    """

    def __init__(self, violation: str, after: str, rule: str = "") -> None:
        self.violation = violation
        self.after = after
        self.rule = rule
        broken = f" (the rule: {rule})" if rule else ""
        super().__init__(f"this is a bug in archdsl: after {after}, {violation}{broken}")


def verify(graph: Graph, after: str) -> None:
    """Raises `Bug` unless the graph is valid. `after` is the stage or pass that made it. Takes linear time."""
    for rule in RULES:
        for violation in rule(graph):
            raise Bug(violation, after, (rule.__doc__ or "").partition("\n")[0])


def _scopes(graph: Graph) -> Iterator[str]:
    """Scopes form a tree whose root is the network."""
    root = graph.scopes.get("")
    if root is None or root.kind != "network" or root.parent is not None or root.weights:
        yield "there is no scope for the network"
    for scope in graph.scopes.values():
        if scope.path == "":
            continue
        if scope.parent is None or scope.parent not in graph.scopes:
            yield f"scope {scope.path} lies in {scope.parent}, which does not exist"
        elif not _is_named_in(scope.path, scope.parent):
            yield f"scope {scope.path} has no legal name in its parent {scope.parent!r}"
        elif scope.path in graph:
            yield f"{scope.path} is both a scope and a node"
        if scope.copy is not None and not 0 <= scope.copy[0] < scope.copy[1]:
            yield f"scope {scope.path} is copy {scope.copy[0]} of {scope.copy[1]}"
        if scope.kind == "copy" and (scope.copy is None or not scope.name.isdecimal()):
            yield f"scope {scope.path} is a copy without a number"
        elif scope.kind == "network":
            yield f"scope {scope.path} is a second network"


def _copies(graph: Graph) -> Iterator[str]:
    """Copies are in a scope that is not a block and contains only copies."""
    homes = {scope.parent for scope in graph.scopes.values() if scope.kind == "copy"}
    members = [(scope.path, scope.parent, scope.kind == "copy") for scope in graph.scopes.values()]
    members += [(node.id, node.scope, False) for node in graph]
    for path, home, is_copy in members:
        if home in homes and not is_copy:
            yield f"{path} stands among the copies in scope {home}"
    for home in homes:
        if home is None or home not in graph.scopes or graph.scopes[home].block is not None:
            yield f"scope {home!r} has copies, and is a block"


def _names(graph: Graph) -> Iterator[str]:
    """A node's id is the path of its scope and a legal name."""
    for node in graph:
        if node.scope not in graph.scopes:
            yield f"node {node.id} lies in scope {node.scope}, which does not exist"
        elif not _is_named_in(node.id, node.scope):
            yield f"node {node.id} has no legal name in its scope {node.scope!r}"


def _is_named_in(path: str, parent: str) -> bool:
    name = path.rpartition(".")[2]
    return path == join(parent, name) and is_step(name)


def _words(graph: Graph) -> Iterator[str]:
    """All names are legal, and no text has invisible characters."""
    for owner, what, text in misnamed(graph):
        yield f"{owner} has the {what} `{shown(text, 60)}`, which is not one"
    for owner, what, text in unreadable(graph):
        yield f"{owner} has the {what} `{shown(text, 60)}`, with a control character in it"
    for output in graph.outputs[1:]:
        if not is_output(output.name):
            yield f"output `{output.name}` has no legal name"


def _order(graph: Graph) -> Iterator[str]:
    """Every input of a node is an output of a node before it."""
    ports: dict[str, int] = {}
    for node in graph:
        for value in graph.inputs_of(node.id):
            if value.node not in ports:
                yield f"node {node.id} takes {value.node}, which does not come before it"
            elif not 0 <= value.port < ports[value.node]:
                yield f"node {node.id} takes output {value.port} of {value.node}, which has {ports[value.node]}"
        ports[node.id] = len(node.outputs)


def _edges(graph: Graph) -> Iterator[str]:
    """The networkx graph, if it was made, has the same nodes in the same order, and one edge for each input."""
    if "network" not in vars(graph):
        return
    if list(graph.network) != [node.id for node in graph]:
        yield "networkx has other nodes than the graph"
    for node in graph:
        edges = graph.network.in_edges(node.id, keys=True, data="port")
        found = {slot: Value(source, port) for source, _, slot, port in edges}
        if found != dict(enumerate(graph.inputs_of(node.id))):
            yield f"networkx has other edges into {node.id} than the graph"


def _shapes(graph: Graph) -> Iterator[str]:
    """The shapes of outputs are those that the op gives for its inputs."""
    for node in graph:
        try:
            outputs = node.op.outputs(*graph.tensors_into(node.id))
        except Mismatch as error:
            yield f"node {node.id} cannot take its inputs: {error}"
        else:
            if outputs != node.outputs:
                yield f"node {node.id} gives {_listed(outputs)}, not {_listed(node.outputs)} as recorded"


def _weights(graph: Graph) -> Iterator[str]:
    """Nodes that share weights have the same op and equally many of them, and their name is not that of a scope.

    A node that takes its weight from another's module has another op, but a weight of the same shape.

    An imported module may have its own weights and also parts: then the node is inside the scope of that name.
    """
    homes: dict[str, list[Node]] = {}
    for node in graph:
        homes.setdefault(node.weights, []).append(node)
    for scope in graph.scopes.values():
        if any(node.scope != scope.path for node in homes.get(scope.weights, ())):
            yield f"the weights {scope.weights} are both those of a scope and those of a node"
    for home, nodes in homes.items():
        owners = [node for node in nodes if not node.op.is_tied()]
        states = {_state(graph, node) for node in owners} if len(nodes) > 1 else set()
        shapes = {node.op.state(*graph.tensors_into(node.id)).get("weight") for node in nodes if owners != nodes}
        if not owners:
            yield f"node {nodes[0].id} takes the weight {home}, which no node declares"
        if len(states - {None}) > 1 or len({type(node.op) for node in owners}) > 1 or len(shapes) > 1:
            yield f"nodes {_listed(node.id for node in nodes)} share the weights {home} but differ"


def _state(graph: Graph, node: Node) -> tuple[object, int, int] | None:
    """The op and the numbers of parameters and buffers of a node; None if it has none, since then none can differ."""
    inputs = graph.tensors_into(node.id)
    params, buffers = node.op.params(*inputs), node.op.buffers(*inputs)
    return (node.op, params, buffers) if params or buffers else None


def _results(graph: Graph) -> Iterator[str]:
    """The network has a main output, names are unique, results exist, and a block gives what it makes or takes."""
    if not graph.outputs or graph.outputs[0].name != "output" or graph.outputs[0].training:
        yield "the first output is not the main one"
    for name, count in Counter(output.name for output in graph.outputs).items():
        if count > 1:
            yield f"{count} outputs are named {name}"
    for output in graph.outputs:
        if not output.values or (len(output.values) > 1 and not output.several):
            yield f"output {output.name} has {len(output.values)} values"
        yield from _missing(graph, output.values, f"output {output.name}")
    taken = _taken(graph)
    for scope in graph.scopes.values():
        named = [value for _, value in scope.names]
        yield from _missing(graph, (*scope.results, *named), f"scope {scope.path}")
        outside = [value for value in scope.results if not value.node.startswith(f"{scope.path}.")]
        strange = set(outside).difference(named, taken.get(scope.path, ())) if scope.block else ()
        if strange:
            given = _listed(value.node for value in outside if value in strange)
            yield f"scope {scope.path} gives {given}, which it neither makes nor takes"
        if tuple(name for name, _ in scope.names[: len(scope.ports)]) != scope.ports:
            yield f"scope {scope.path!r} has the ports {_listed(scope.ports)}, which are not the first of its names"


def _taken(graph: Graph) -> dict[str, set[Value]]:
    """What the nodes in each block take, also from outside of it."""
    taken: dict[str, set[Value]] = {path: set() for path, scope in graph.scopes.items() if scope.block}
    for node in graph:
        for scope in graph.ancestry(node.scope):
            if scope.path in taken:
                taken[scope.path].update(graph.inputs_of(node.id))
    return taken


def _missing(graph: Graph, values: Iterable[Value], owner: str) -> Iterator[str]:
    for value in values:
        if value.node not in graph or not 0 <= value.port < len(graph.node(value.node).outputs):
            yield f"{owner} gives output {value.port} of {value.node}, which does not exist"


def _facts(graph: Graph) -> Iterator[str]:
    """Arguments, named numbers and settings are plain data, so that a graph can be stored."""
    for scope in graph.scopes.values():
        facts = [
            *scope.arguments,
            *((let.name, let.value) for let in scope.lets),
            *scope.turn,
        ]
        for name, value in facts:
            if not _is_plain(value):
                yield f"`{name}` of scope {scope.path!r} is a {type(value).__name__}, not plain data"
    for setting in _settings(graph):
        if not _is_plain(setting.value):
            yield f"setting `{setting.name}` is a {type(setting.value).__name__}, not plain data"


def _settings(graph: Graph) -> Iterator[Setting]:
    yield from graph.header.settings
    for scope in graph.scopes.values():
        yield from scope.settings


def _expressions(graph: Graph) -> Iterator[str]:
    """An expression uses the names of a scope around it, and names only values that exist."""
    for owner, scope, name, written in expressions(graph):
        if written.home is not None and not _lies_in(graph, scope, written.home):
            yield f"`{name}` of {owner} uses the names of {written.home}, which is no scope around it"
        yield from _missing(graph, (value for _, value in written.values), f"`{name}` of {owner}")


def _lies_in(graph: Graph, scope: str, home: str) -> bool:
    return home in graph.scopes and (home in ("", scope) or scope.startswith(f"{home}."))


def _texts(graph: Graph) -> Iterator[str]:
    """Written arguments are parameters of their op or block, steps are members of their scope, each once, and at most
    one arm of an `if` was taken."""
    for node in graph:
        unknown = [name for name, _ in node.written if name not in type(node.op).model_fields]
        if unknown:
            yield f"node {node.id} was given {_listed(unknown)}, which `{node.op.name}` does not take"
    for scope in graph.scopes.values():
        known = dict(scope.arguments)
        unknown = [
            n for n in (*dict(scope.written), *scope.omitted, *scope.units, *dict(scope.labels)) if n not in known
        ]
        if unknown:
            yield f"scope {scope.path!r} was given {_listed(unknown)}, which are not among its arguments"
        for step, count in Counter(_members(scope.steps)).items():
            member = graph.node(step).scope if step in graph else None
            parent = graph.scopes[step].parent if step in graph.scopes else member
            if parent != scope.path or step == scope.path:
                yield f"scope {scope.path!r} has the step {step}, which is not one of its members"
            elif count > 1:
                yield f"scope {scope.path!r} has the step {step} {count} times"
        for choice in choices(scope.steps):
            yield from _choice(graph, scope, choice)


def _steps(graph: Graph) -> Iterator[str]:
    """The steps of a scope's text are all its members, in the order of the nodes, each in one stretch of them."""
    met: dict[str, list[str]] = {path: [] for path, scope in graph.scopes.items() if scope.steps}
    for node in graph:
        member = node.id
        for scope in graph.ancestry(node.scope):
            if scope.path in met and met[scope.path][-1:] != [member]:
                met[scope.path].append(member)
            member = scope.path
    for path, found in met.items():
        steps = [step for step in _members(graph.scopes[path].steps) if step in graph or graph.children[step]]
        wrong = next(((one, other) for one, other in zip_longest(steps, found) if one != other), None)
        if wrong is not None:
            said, is_next = wrong
            step = "no step more" if said is None else f"the step {said}"
            yield f"scope {path!r} has {step}, where the nodes have {is_next or 'no more'}"


def _leaving(graph: Graph) -> Iterator[str]:
    """What leaves a scope that has a text is a value that the text gives or names, or what a stage in it gives."""
    for node in graph:
        for value in graph.inputs_of(node.id):
            inner = graph.node(value.node).scope
            if inner == node.scope:
                continue
            around = {scope.path for scope in graph.ancestry(node.scope)}
            for scope in _hiding(value, (scope for scope in graph.ancestry(inner) if scope.path not in around)):
                yield f"node {node.id} takes {value.node}, which scope {scope.path} neither gives nor names"


def _hiding(value: Value, scopes: Iterable[Scope]) -> Iterator[Scope]:
    """Of the scopes around a value, from the inside to the outside, those outside of which it has no name."""
    of_stage = False
    for scope in scopes:
        shown = value in scope.results or any(value == named for _, named in scope.names)
        of_stage = of_stage or (shown and scope.kind == "stage")
        if scope.steps and not shown and not of_stage:
            yield scope


def _members(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Choice):
            yield from _members(step.steps)
        else:
            yield step


def _choice(graph: Graph, scope: Scope, choice: Choice) -> Iterator[str]:
    conditions = len(choice.conditions)
    if not conditions or choice.arms not in (conditions, conditions + 1):
        yield f"an `if` of scope {scope.path!r} has {choice.arms} arms and {conditions} conditions"
    elif not 0 <= choice.taken <= conditions:
        yield f"an `if` of scope {scope.path!r} took arm {choice.taken}, and has {choice.arms}"
    given = (value for _, values in choice.gives for value in values)
    yield from _missing(graph, (*choice.before, *given), f"an `if` of scope {scope.path!r}")


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, float):
        return isfinite(value)
    return value is None or isinstance(value, bool | int | str)


def _listed(things: Iterable[Tensor | str]) -> str:
    return ", ".join(map(str, things))


RULES = (
    _scopes,
    _names,
    _copies,
    _words,
    _order,
    _edges,
    _shapes,
    _weights,
    _results,
    _facts,
    _expressions,
    _texts,
    _steps,
    _leaving,
)
"""The checks in order. Each relies on those before it, and is not run if one of them found a violation."""
