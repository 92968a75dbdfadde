"""What has to hold for every emitted module. Each property raises `Broken` and says where it does not.

`honest`: a class, used with other arguments than those it was compiled for, is the class that a compile for these
arguments writes, or says that it was not compiled for them. `settings_are_open`: so is the network with another value
of a setting. `computes`: outputs are bit by bit what the graph says, and each block takes and gives what its text says.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from types import ModuleType
from typing import Any

import torch
from emission import counted_parameters, example_inputs, expected_outputs, interpret, predicted_parameters, tensors_of
from recorded import difference_of_layouts, difference_of_records, records
from torch import Tensor, nn

from archdsl.backends.torch.load import load
from archdsl.backends.torch.source import emit
from archdsl.ir.graph import Graph, Scope, Value

REFUSAL = "; to have them, "
"""Words of the error of a class that lacks the steps for some arguments."""


HEAVY = 10**7
"""Learned numbers. With more, the meta device is faster."""


class Broken(AssertionError):
    """A property that does not hold. The text begins with its name."""


class Module:
    """A graph, and what is emitted of it.

    To be compared, networks are run on the CPU, with images that are `shrink` times smaller than the graph's: that is
    faster than the meta device, unless the network is heavy. Where it does not take such images, that device has to do.
    """

    def __init__(self, graph: Graph, shrink: int = 1) -> None:
        self.graph, self.shrink = graph, shrink
        emitted = emit(graph)
        self.text, self.name = emitted.text, emitted.name

    def load(self) -> ModuleType:
        return load(self.text, self.name.lower())

    def make(self, namespace: ModuleType | None = None, **settings: Any) -> nn.Module:
        """The network on the meta device."""
        with torch.device("meta"):
            made: nn.Module = getattr(namespace or self.load(), self.name)(**settings)
        return made

    def compare(self, name: str, found: nn.Module) -> None:
        """Raises `Broken` where a network is not this one. Weights are whatever lies in memory: only names count."""
        try:
            differs = self._difference(found)
        except Exception as error:
            raise Broken(f"{name}: {type(error).__name__}: {error}") from error
        if differs:
            raise Broken(f"{name}: {differs}")

    def _difference(self, found: nn.Module) -> str | None:
        expected = self.make()
        if differs := difference_of_layouts(found, expected):
            return differs
        inputs, theirs = self._recorded(expected)
        return difference_of_records(records(found.to_empty(device=inputs[0].device), inputs), theirs)

    def _recorded(self, network: nn.Module) -> tuple[list[Tensor], list[Counter[str]]]:
        """What this network does, and with which inputs."""
        if self.shrink == 1:
            inputs = example_inputs(self.graph)
            return inputs, records(network.to_empty(device="cpu"), inputs)
        if sum(predicted_parameters(self.graph).values()) <= HEAVY:
            with suppress(Exception):
                inputs = self._small_inputs()
                return inputs, records(network.to_empty(device="cpu"), inputs)
        inputs = example_inputs(self.graph, device="meta")
        return inputs, records(self.make(), inputs)

    def _small_inputs(self) -> list[Tensor]:
        inputs = example_inputs(self.graph)
        return [x[(..., *[slice(max(32, size // self.shrink)) for size in x.shape[2:]])] for x in inputs]

    @cached_property
    def blocks(self) -> dict[str, list[str]]:
        """Names of classes by the first line of their docstring, `Block Unit, spec.arch:12.`"""
        found: dict[str, list[str]] = {}
        for node in ast.parse(self.text).body:
            doc = ast.get_docstring(node) if isinstance(node, ast.ClassDef) else None
            if doc and doc.startswith("Block "):
                found.setdefault(" ".join(doc.split("\n\n")[0].split()), []).append(node.name)
        return found

    def words(self, doc: str) -> set[str]:
        """The names of a block's arguments that are words or truth values."""
        arguments = (pair for scope in self.uses(doc) for pair in scope.arguments)
        return {name for name, value in arguments if isinstance(value, bool | str)}

    def values(self, doc: str, argument: str) -> set[str]:
        """What an argument of a block comes to in all uses of its class."""
        return {repr(dict(scope.arguments).get(argument, ...)) for scope in self.uses(doc)}

    def uses(self, doc: str) -> list[Scope]:
        """The uses of a class, by the first line of its docstring: of its block, with the units given to it."""
        return [scope for scope in self.graph.scopes.values() if scope.block == block_of(doc) and _given(scope) in doc]


def block_of(doc: str) -> str:
    """The block in `Block Unit, spec.arch:12.`"""
    return doc.split()[1].rstrip(",")


def _given(scope: Scope) -> str:
    given = ", ".join(f"{own} = {value}" for own, value in scope.arguments if own in scope.units)
    return f", with {given}." if given else "."


# --- honest classes ------------------------------------------------------------------------


class _Incomparable(Exception):
    """A class that one of the modules wrote for fewer arguments than the other."""


def honest(first: Module, second: Module, counts: Counter[str]) -> None:
    """The second module, with the block classes of the first in place of its own, is the same network."""
    namespace, own = second.load(), first.load()
    for doc, names in second.blocks.items():
        others = first.blocks.get(doc, [])
        if len(names) != 1 or len(others) != 1:
            counts["classes only in one, or several of a block"] += 1
            continue
        adapted = _adapted(first, second, getattr(own, others[0]), getattr(namespace, names[0]), doc)
        setattr(namespace, names[0], adapted)
        counts["classes"] += 1
    try:
        swapped = second.make(namespace)
    except _Incomparable:
        counts["frozen arguments"] += 1
        return
    except Exception as error:
        if isinstance(error, ValueError) and REFUSAL in str(error):
            counts["refused"] += 1
            return
        raise Broken(f"honest: {type(error).__name__}: {error}") from error
    second.compare("honest", swapped)
    counts["honest"] += 1


def _adapted(first: Module, second: Module, one: type[nn.Module], other: type, doc: str) -> type[nn.Module]:
    """The class `one`, made as `other` is."""
    takes = _named(one)
    called = inspect.signature(other)

    def arguments(*args: Any, **kwargs: Any) -> dict[str, Any]:
        bound = called.bind(*args, **kwargs)
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if name in _named(other)}
        for name, value in [(name, value) for name, value in given.items() if name not in takes]:
            known = first.values(doc, name)
            if len(known) == 1 and known != {repr(value)} and known != {repr(_listed(value))}:
                raise _Incomparable(name)
            del given[name]
        for name in {*first.words(doc), *second.words(doc)}.difference(takes, _named(other)):
            if first.values(doc, name) != second.values(doc, name):
                raise _Incomparable(name)  # what decides in both, and is a parameter of neither
        for name in takes:
            if name not in given:
                known = second.values(doc, name)
                if len(known) != 1 or known == {repr(...)}:
                    raise _Incomparable(name)
                given[name] = ast.literal_eval(known.pop())
        return given

    class Adapted(one):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(**arguments(*args, **kwargs))

    return Adapted


def _named(made: type[nn.Module]) -> list[str]:
    """The parameters of a class; one without a constructor of its own has none."""
    takes = inspect.signature(made).parameters.values()
    return [take.name for take in takes if take.kind is take.POSITIONAL_OR_KEYWORD]


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else list(value) if isinstance(value, tuple) else value


# --- open settings -------------------------------------------------------------------------


def settings_are_open(
    module: Module, recompile: Callable[[str, Any], Graph | None], counts: Counter[str], names: Sequence[str]
) -> None:
    """The network with another value of one of these settings is the network compiled with it.

    `recompile` gives the graph for an argument's name and value, None where that is no legal spec.
    """
    namespace = module.load()
    arguments = settings_of(module, namespace)
    for name in names:
        graphs = ((value, recompile(name, value)) for value in other_values(arguments[name]))
        for value, graph in graphs:
            if graph is not None:
                _setting_is_open(module, Module(graph, module.shrink), namespace, {name: value}, counts)
                break


def settings_of(module: Module, namespace: ModuleType | None = None) -> dict[str, Any]:
    """The arguments of the network's class, with their defaults; for one that follows others, what it came to."""
    takes = inspect.signature(getattr(namespace or module.load(), module.name)).parameters
    known = {setting.name: setting.value for setting in module.graph.header.settings}
    return {name: known[name] if takes[name].default is None else takes[name].default for name in takes}


def _setting_is_open(
    module: Module, expected: Module, namespace: ModuleType, setting: dict[str, Any], counts: Counter[str]
) -> None:
    try:
        made = module.make(namespace, **setting)
    except Exception as error:
        if isinstance(error, ValueError) and REFUSAL in str(error):
            counts["settings refused"] += 1
            return
        raise Broken(f"setting {setting}: {type(error).__name__}: {error}") from error
    expected.compare(f"setting {setting}", made)
    counts["settings"] += 1


def other_values(value: Any) -> Iterator[Any]:
    """Values that a setting could have instead of this one, likelier ones first."""
    if isinstance(value, list | tuple):
        yield type(value)(next(other_values(element)) for element in value)
    elif isinstance(value, int):
        yield from (value + 4, value * 2, value + 1, max(value // 2, 1), max(value - 1, 1))
    elif value <= 1:
        yield from (value / 2 + 0.05, value / 4, 0.3)
    else:
        yield from (value * 1.25, value + 1.0, value / 2)


# --- computes ------------------------------------------------------------------------------


def computes(module: Module, ports: dict[str, tuple[str, ...]]) -> None:
    """Bit by bit what the graph says; each block takes and gives the values of its `from` and `return`, in order.

    `ports` are the names after `from`, by block; blocks without a `from` take `x`.
    """
    graph = module.graph
    network: nn.Module = getattr(module.load(), module.name)()
    inputs = example_inputs(graph)
    calls = _Calls(graph, network, ports)
    for training in (True, False):
        network.train(training)
        torch.manual_seed(0)
        with torch.no_grad():
            outputs = [output.clone() for output in tensors_of(network(*inputs))]
            calls.stop()
            in_place = [inner for inner in network.modules() if getattr(inner, "inplace", False)]
            for inner in in_place:
                inner.inplace = False
            torch.manual_seed(0)
            values = interpret(graph, network, inputs)
            for inner in in_place:
                inner.inplace = True
        expected = expected_outputs(graph, values, training)
        if len(outputs) != len(expected):
            raise Broken(f"computes: {len(outputs)} outputs, and not {len(expected)}")
        if not all(map(_same, outputs, expected)):
            raise Broken("computes: an output is not what the graph says")
        if training:
            calls.compare(values)
    if counted_parameters(network) != predicted_parameters(graph):
        raise Broken("computes: parameters are not those of the graph")


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


class _Calls:
    """What the modules of blocks are called with, and what they give."""

    def __init__(self, graph: Graph, network: nn.Module, ports: dict[str, tuple[str, ...]]) -> None:
        self.graph = graph
        self.found: dict[str, list[tuple[list[Tensor], list[Tensor]]]] = {}
        self.handles: list[Any] = []
        modules = dict(network.named_modules())
        for path, scope in graph.scopes.items():
            inner = modules.get(path)
            if scope.block is None or scope.weights != path or inner is None or not path:
                continue
            if not re.match(rf"Block {scope.block}\b", type(inner).__doc__ or "") or "forward" not in vars(type(inner)):
                continue
            self.names(scope, inner, ports)
            self.watch(path, inner)

    def names(self, scope: Scope, inner: nn.Module, ports: dict[str, tuple[str, ...]]) -> None:
        takes = inspect.signature(type(inner).forward).parameters.values()
        tensors = [take.name for take in takes if take.annotation == "Tensor"]
        wanted = list(ports.get(str(scope.block), ("x",)))
        if tensors[: len(wanted)] != wanted and not any(name.startswith("*") for name in wanted):
            raise Broken(f"names: {scope.block} takes {tensors}, and not {wanted}")

    def watch(self, path: str, inner: nn.Module) -> None:
        calls = self.found.setdefault(path, [])

        def before(_: nn.Module, args: tuple[Any, ...]) -> None:
            calls.append(([x.clone() for x in args if isinstance(x, Tensor)], []))

        def after(_: nn.Module, __: Any, result: Any) -> None:
            calls[-1][1].extend(x.clone() for x in tensors_of(result))

        self.handles += [inner.register_forward_pre_hook(before), inner.register_forward_hook(after)]

    def stop(self) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles = []

    def compare(self, values: dict[Value, Tensor]) -> None:
        for path, calls in self.found.items():
            scope = self.graph.scopes[path]
            if len(calls) == 1:
                self.compare_with(scope, "takes", calls[0][0], scope.inputs, values)
                self.compare_with(scope, "gives", calls[0][1], scope.results, values)

    def compare_with(
        self, scope: Scope, what: str, found: list[Tensor], wanted: Sequence[Value], values: dict[Value, Tensor]
    ) -> None:
        if len(found) != len(wanted):
            raise Broken(f"names: {scope.path} {what} {len(found)} values, and not {len(wanted)}")
        for tensor, value in zip(found, wanted, strict=True):
            if value in values and not _same(tensor, values[value]):
                raise Broken(f"names: {scope.path} {what} other values than its text says")


# --- how many classes ----------------------------------------------------------------------


def _numbers_of_branches(graph: Graph, scope: Scope) -> Iterator[int]:
    """Of each list of branches in the text of a block that is not all of a `concat`: how many there are."""
    joined = {graph.inputs_of(node.id) for node in graph if node.op.name == "concat"}
    for member in graph.children[scope.path]:
        if not isinstance(member, Scope) or member.block is not None:
            continue
        if member.kind == "copies" and not member.ports:  # nothing flows from one to the next
            yield from (len(graph.children[member.path]),) if member.results not in joined else ()
        yield from _numbers_of_branches(graph, member)


def _is_lent_modules(graph: Graph, scope: Scope) -> bool:
    """Whether a use is given a module that others share: it has then none of its own."""
    inside = f"{scope.path}."
    return any(
        other.path.startswith(inside) and not other.weights.startswith(scope.weights) for other in graph.scopes.values()
    )


def _values_taken(graph: Graph, scope: Scope) -> int:
    """How many values from outside are used inside, each counted once."""
    inside = {node.id for node in graph if node.id.startswith(f"{scope.path}.")}
    return len({value for node in inside for value in graph.inputs_of(node) if value.node not in inside})


def _levels_inside(graph: Graph, scope: Scope) -> int:
    """How many uses of a block are inside a use of it: one above another has an instance of another class."""
    return sum(
        other.block == scope.block and other.path.startswith(f"{scope.path}.") for other in graph.scopes.values()
    )


def few_classes(module: Module) -> None:
    """One class for a block and each block or op that is given to it, one for a region or repeat of the spec.

    Uses that take or give another number of values are classes of their own, and those that add up another number of
    branches, or join them with others: `docs/emitter.md` says so. A block that uses itself has a class for each level:
    the innermost has other steps, and each level names the class of the one below.
    """
    graph = module.graph
    given: dict[str, set[object]] = {}
    for scope in graph.scopes.values():
        if scope.block is not None:
            units = tuple((name, value) for name, value in scope.arguments if name in scope.units)
            parts = (
                repr(units),
                len(scope.ports),
                _values_taken(graph, scope),
                len(scope.results),
                tuple(_numbers_of_branches(graph, scope)),
            )
            parts += (_is_lent_modules(graph, scope), _levels_inside(graph, scope))
            given.setdefault(scope.block, set()).add(parts)
    for doc, names in module.blocks.items():
        block = block_of(doc)
        if len(names) > len(given[block]):
            raise Broken(f"classes: {len(names)} of block {block}, {', '.join(names)}")
    modules = re.findall(
        r"^class (\w+)\(nn\.Module\):\n    \"\"\"((?:Stage|Output|Copies|One of|Shared)[^\n]*)", module.text, re.M
    )
    places = Counter(doc for _, doc in modules)
    if twice := [doc for doc, count in places.items() if count > max(1, sum(map(len, given.values())))]:
        raise Broken(f"classes: several of one place, {twice[0]}")
