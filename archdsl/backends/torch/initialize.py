"""How weights start, where a spec says so: one function that `Module.apply` hands every module of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from archdsl.backends.python.code import Code, Function, Line, Suite
from archdsl.backends.torch.outline import Form, Outline
from archdsl.backends.torch.references import module_text
from archdsl.backends.torch.structure import Structures
from archdsl.ir.graph import Node
from archdsl.ops.base import Module

Statements = tuple[str, ...]


def initialization(structures: Structures, names: Mapping[int, str]) -> Function | None:
    """The function `initialize`, or None where the spec leaves it all to PyTorch. `names` are those of classes.

    What holds for all modules of one torch class is said once; the rest is said by the class that holds them,
    and comes later, since `apply` visits what a module holds before the module.
    """
    rules = _Rules(structures)
    if not rules.any:
        return None
    arms = [*rules.general(), *rules.particular(names)]
    lines: list[Code] = [
        Suite(f"{'elif' if index else 'if'} isinstance(module, {target}):", tuple(map(_line, statements)))
        for index, (target, statements) in enumerate(arms)
    ]
    doc = ("The initial weights that the spec asks for.",)
    return Function("initialize", ("module: nn.Module",), "None", tuple(lines), doc=doc)


def _line(statement: str) -> Line:
    return Line(statement.replace("'", '"'))


class _Rules:
    def __init__(self, structures: Structures) -> None:
        self.structures, self.outline = structures, structures.outline
        self.nodes = [node for node in self.outline.graph if node.op.name != "input"]
        self.any = any(node.op.initialize("module") for node in self.nodes)
        found: dict[str, Counter[Statements]] = {}
        for node in self.nodes:
            for target in _targets(self.outline, node):
                found.setdefault(target, Counter())[node.op.initialize("module")] += 1
        # A torch class of which some modules start as PyTorch has it cannot have a rule for all.
        self.rules = {
            target: max(counts, key=lambda s: counts[s]) for target, counts in found.items() if () not in counts
        }

    def general(self) -> Iterator[tuple[str, Statements]]:
        """Support classes before the torch classes that they derive from."""
        for target in sorted(self.rules, key=lambda target: (target.startswith("nn."), target)):
            yield target, self.rules[target]

    def particular(self, names: Mapping[int, str]) -> Iterator[tuple[str, Statements]]:
        """By class: the modules that start otherwise than all of their kind."""
        for number, name in names.items():
            statements: list[str] = []
            for node in self._nodes_of(self.structures.uses[number][0].path):
                if node.op.initialize("module") != self._rule(node):
                    target = module_text(self.outline, self.structures.uses[number][0].path, node.weights)
                    statements += node.op.initialize(target.replace("self", "module", 1))
            if statements:
                yield name, tuple(statements)

    def _rule(self, node: Node) -> Statements:
        targets = _targets(self.outline, node)
        return self.rules.get(targets[0], ()) if targets else ()

    def _nodes_of(self, path: str) -> Iterator[Node]:
        """The nodes that a class makes itself, those inside of its sequences included."""
        for member in self.outline.members(path):
            if isinstance(member, Node):
                if self.outline.is_own(member):
                    yield member
            elif self.outline.forms[member.path] is not Form.CLASS:
                yield from self._nodes_of(member.path)
        yield from (m for m in self.outline.hosted[path].values() if isinstance(m, Node))


def _targets(outline: Outline, node: Node) -> tuple[str, ...]:
    """The class of a node's module, then the torch class that it derives from."""
    emission = outline.emission(node)
    if not isinstance(emission, Module):
        return ()
    if emission.support is None:
        return (emission.target,)
    base = emission.support.source.partition("(")[2].partition(")")[0]
    return (emission.target, base) if base.startswith("nn.") and base != "nn.Module" else (emission.target,)
