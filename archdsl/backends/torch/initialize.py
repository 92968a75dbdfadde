"""The initial weights that a spec asks for: one function, which `Module.apply` calls for every module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from archdsl import formula
from archdsl.backends.python.code import Code, Function, Line, Suite
from archdsl.backends.torch.bodies import Call, If, Item
from archdsl.backends.torch.choices import choice_code
from archdsl.backends.torch.classes import Classes
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.outline import Form, Member, Outline
from archdsl.backends.torch.references import module_text
from archdsl.backends.torch.starts import differing
from archdsl.ir.graph import Node, Scope
from archdsl.ops.base import Module

Statements = tuple[str, ...]


def initialization(constructions: Sequence[Construction]) -> Function | None:
    """The function `initialize`, or None if the spec leaves all initial weights to PyTorch.

    A rule for all modules of one torch class is written once. Modules with another rule are set by the class that
    holds them. This comes later, since `apply` visits the children of a module before the module. If the rule differs
    between uses of a class, the network sets it.
    """
    rules = _Rules(constructions[-1].classes)
    if not rules.any:
        return None
    arms = [*rules.general(), *rules.particular(constructions)]
    lines: list[Code] = [
        Suite(f"{'elif' if index else 'if'} isinstance(module, {target}):", tuple(statements))
        for index, (target, statements) in enumerate(arms)
    ]
    doc = ("The initial weights that the spec asks for.",)
    return Function("initialize", ("module: nn.Module",), "None", tuple(lines), doc=doc)


def _line(statement: str) -> Line:
    return Line(statement.replace("'", '"'))


def _without_bias(statements: Statements) -> Statements:
    return tuple(statement for statement in statements if ".bias" not in statement)


class _Rules:
    def __init__(self, classes: Classes) -> None:
        self.outline = outline = classes.outline
        self.nodes = [node for node in outline.graph if node.op.name != "input"]
        self.any = any(node.op.initialize("module") for node in self.nodes)
        self.differing = differing(classes) if self.any else frozenset()
        found: dict[str, Counter[Statements]] = {}
        for node in self.nodes:
            for target in _targets(outline, node):
                found.setdefault(target, Counter())[node.op.initialize("module")] += 1
        self.rules: dict[str, Statements] = {}
        self.biases: dict[str, bool] = {}
        """By torch class: whether all its modules have a bias."""
        for target, counts in found.items():
            self._enter(target, counts)

    def _enter(self, target: str, counts: Counter[Statements]) -> None:
        """Enters the most frequent rule for a torch class, including biases that only some of its modules have."""
        if () in counts:
            return  # some modules keep PyTorch's initial weights, so no rule holds for all
        chosen = _without_bias(max(counts, key=lambda statements: counts[statements]))
        alike = [statements for statements in counts if _without_bias(statements) == chosen]
        self.rules[target] = max(alike, key=len)
        self.biases[target] = len(alike) == 1

    def general(self) -> Iterator[tuple[str, list[Code]]]:
        """The rules by class; classes that the emitted file defines come before the torch classes they derive from."""
        for target in sorted(self.rules, key=lambda target: (target.startswith("nn."), target)):
            statements = self.rules[target]
            lines: list[Code] = list(map(_line, _without_bias(statements)))
            biases = tuple(_line(statement) for statement in statements if ".bias" in statement)
            if biases and not self.biases[target]:
                lines.append(Suite("if module.bias is not None:", biases))
            else:
                lines += biases
            yield target, lines

    def particular(self, constructions: Sequence[Construction]) -> Iterator[tuple[str, list[Code]]]:
        """By class: the lines for its modules that start differently from other modules of their torch class."""
        for construction in constructions:
            lines = list(self._items(construction, construction.body.items))
            hosted = self.outline.hosted[construction.body.scope.path].values()
            lines += [line for member in hosted for line in self._member(construction, member, 0, True)]
            if construction.body.scope.parent is None:
                lines += dict.fromkeys(self._apart(construction.body.scope.path))
            if lines:
                yield construction.title, lines

    def _apart(self, root: str) -> Iterator[Line]:
        """The statements of a network for modules that start differently from other uses of their class."""
        for node in self.nodes:
            starts = node.op.initialize("module")
            if node.id in self.differing and self.outline.root(node.id) == root and not self._has_rule(node, starts):
                target = module_text(self.outline, root, node.weights).replace("self", "module", 1)
                yield from map(_line, node.op.initialize(target))

    def _items(self, construction: Construction, items: Sequence[Item]) -> Iterator[Code]:
        for item in items:
            if isinstance(item, If):
                yield from self._choice(construction, item)
            elif not (isinstance(item, Call) and "." in item.path):
                use, member = max(item.members.items(), key=lambda pair: self._size(pair[1]))
                yield from self._member(construction, member, use, False)

    def _choice(self, construction: Construction, item: If) -> Iterator[Code]:
        if id(item) in construction.folded:
            yield from self._items(construction, item.arms[construction.folded[id(item)]])
            return
        flags = [formula.text(flag).replace("self.", "module.", 1) for flag in construction.flags[id(item)]]
        arms = {number: tuple(self._items(construction, arm)) for number, arm in item.arms.items()}
        yield from choice_code([formula.name(flag) for flag in flags], arms)

    def _size(self, member: Member) -> int:
        """The number of members of a member."""
        return 0 if isinstance(member, Node) else len(self.outline.members(member.path))

    def _member(self, construction: Construction, member: Member, use: int, hosted: bool) -> Iterator[Code]:
        """The statements for a member, or for the members of a sequence. An inner class has its own statements."""
        if not isinstance(member, Node):
            form = construction.classes.form(member)
            rows = (
                []
                if form is Form.CLASS
                else [
                    list(self._member(construction, inner, use, False)) for inner in self.outline.members(member.path)
                ]
            )
            yield from self._loop(construction, member, use, rows) or (line for row in rows for line in row)
            return
        starts = member.op.initialize("module")
        if not (hosted or self.outline.is_own(member)) or self._has_rule(member, starts):
            return
        if member.id in self.differing:
            return
        owner = construction.body.uses[use].path
        target = module_text(self.outline, owner, member.weights)
        yield from map(_line, member.op.initialize(target.replace("self", "module", 1)))

    def _loop(
        self, construction: Construction, member: Scope, use: int, rows: Sequence[Sequence[Code]]
    ) -> tuple[Code, ...]:
        """The statements for copies: a loop if all start alike."""
        owner = construction.body.uses[use].path
        copies = module_text(self.outline, owner, member.weights).replace("self", "module", 1)
        if len(rows) < 2 or not rows[0] or not all(isinstance(line, Line) for row in rows for line in row):
            return ()
        texts = [
            [line.text.replace(f"{copies}[{place}]", "copy") for line in row if isinstance(line, Line)]
            for place, row in enumerate(rows)
        ]
        if any(row != texts[0] for row in texts):
            return ()
        return (Suite(f"for copy in {copies}:", tuple(map(Line, texts[0]))),)

    def _has_rule(self, node: Node, starts: Statements) -> bool:
        targets = _targets(self.outline, node)
        rule = self.rules.get(targets[0], ()) if targets else ()
        return _without_bias(starts) == _without_bias(rule)


def _targets(outline: Outline, node: Node) -> tuple[str, ...]:
    """The class of a node's module, then the torch class that it derives from."""
    emission = outline.emission(node)
    if not isinstance(emission, Module):
        return ()
    if emission.support is None:
        return (emission.target,)
    base = emission.support.source.partition("(")[2].partition(")")[0]
    return (emission.target, base) if base.startswith("nn.") and base != "nn.Module" else (emission.target,)
