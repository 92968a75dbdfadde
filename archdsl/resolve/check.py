"""Checks that every name is defined and every argument exists, before anything is expanded.

All blocks are checked, also those that no network uses. A parameter may hold any op or block, so calls of parameters
are only checked when the network is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from archdsl import translated
from archdsl.diagnostics import Diagnostic
from archdsl.ops.initialize import INITIALIZERS
from archdsl.resolve.expressions import Expressions, as_text
from archdsl.resolve.model import Block, File, Network, Parameter, default_calls
from archdsl.resolve.names import (
    KnownNames,
    makes_stages,
    names_in,
    unknown_argument,
)
from archdsl.source import Span
from archdsl.suggest import help_for
from archdsl.syntax import tree


def check_file(file: File) -> list[Diagnostic]:
    """The errors in the names of one file's blocks and networks, in no particular order."""
    checker = _Checker(file)
    for function in file.functions.values():
        checker.function(function, KnownNames())
    for definition in file.definitions.values():
        if definition.file is file:
            checker.definition(definition)
    file.uses.extend(checker.uses)
    file.broken.update(checker.missing)  # expansion has nothing to add about them
    return checker.found


class _Checker(Expressions):
    """Checks definitions, bodies and steps."""

    def definition(self, definition: Block | Network) -> None:
        self.use(definition.span, definition.span)
        if definition.name[0].islower():
            self.report(
                "name-style",
                f"blocks and networks are written in CamelCase, so that `{definition.name}` is not taken for an op",
                definition.span,
                help=f"call it `{''.join(part.capitalize() for part in definition.name.split('_'))}`",
            )
        if isinstance(definition, Block):
            self.block(definition)
        else:
            self.in_network = True
            self.network(definition)
            self.in_network = False
            self.functions = dict(self.file.functions)

    # --- definitions ---------------------------------------------------------------------------

    def block(self, block: Block) -> None:
        scope = KnownNames()
        scope.names.update({"it": None, "input": None})
        if block.ports is not None:
            for name in (*block.ports.names, *([block.ports.rest] if block.ports.rest else [])):
                self.bind(name, scope)
        self.parameters(block.parameters, scope)
        self.whole(block.body, scope)

    def network(self, network: Network) -> None:
        scope = KnownNames()
        self.functions.update(network.functions)
        self.parameters(network.parameters, scope)
        for assignment in network.scaling:
            self.expression(assignment.value, scope)
            self.bind(assignment.name, scope)
        for function in (*self.file.functions.values(), *network.functions.values()):
            self.function(function, scope)
        self.variants(network, scope)
        for require in network.requires:
            self.expression(require.condition, scope)
        for call in network.defaults:
            self.default(call, scope)
        for declared in network.inputs:
            self.expression(declared.shape, scope)
            self.bind(declared.name, scope)
        if not network.inputs:
            self.report(
                "missing-input",
                f"{network.name} declares no input",
                network.span,
                help="write on a new line: `input image: 3 x 224 x 224`",
            )
        scope.names.update({"it": None, "input": None})
        self.whole(network.flow, scope)
        self.expectations(network, scope)

    def parameters(self, parameters: Iterable[Parameter], scope: KnownNames) -> None:
        for parameter in parameters:
            if parameter.default is not None:
                self.expression(parameter.default, scope, word=True)
            self.bind(tree.Name(parameter.name, parameter.span), scope)
            if parameter.type == "block" or self.operation(parameter.default) is not None:
                self.holders.add(parameter.span)

    def function(self, function: tree.Define, scope: KnownNames) -> None:
        inner = KnownNames(scope)
        inner.names.update({name.name: name.span for name in function.parameters})
        for name in (function.name, *function.parameters):
            self.use(name.span, name.span)
        self.expression(function.value, inner)

    def variants(self, network: Network, scope: KnownNames) -> None:
        known = {p.name: p.span for p in network.parameters} | {a.name.name: a.name.span for a in network.scaling}
        for variant in network.variants.values():
            self.use(variant.label, variant.label)
            for assignment in variant.assignments:
                self.expression(assignment.value, scope, word=True)
                name = assignment.name
                self.use(name.span, known.get(name.name))
                if name.name not in known:
                    message = f"{network.name} has no parameter `{name.name}`"
                    self.unknown("unknown-parameter", message, name, partial(help_for, name.name, known))

    def default(self, call: tree.Call, scope: KnownNames) -> None:
        assert isinstance(call.function, tree.Name)
        if self.operation(call.function) is None:
            name = call.function
            self.unknown("unknown-name", f"there is no op or block `{name.name}`", name, lambda: self.step_meant(name))
            return
        for argument in call.arguments:
            if argument.name is None:
                self.report(
                    "wrong-arguments",
                    "an argument in `defaults` needs its name",
                    argument.span,
                    help=f"write `{call.function.name}(name={argument.span.text})`",
                )
        self.call(call, scope)

    def expectations(self, network: Network, scope: KnownNames) -> None:
        for expect in network.expectations:
            for fact in (fact for fact in expect.facts if isinstance(fact, tree.Compare)):
                # A word alone is a fact of the network, as in `layers == 50`, also where a parameter has its name.
                stages = () if isinstance(fact.left, tree.Name) else names_in(fact.left)
                for name in (*stages, *names_in(fact.right)):
                    self.refer(name, scope)
            if expect.variant in network.variants:
                label = re.compile(r"\w+\s+").match(expect.span.source.text, expect.span.start)
                place = Span(expect.span.source, label.end() if label else expect.span.start, expect.span.end)
                self.use(place, network.variants[expect.variant].label)
            if expect.variant is not None and expect.variant not in network.variants:
                self.report(
                    "unknown-variant",
                    f"{network.name} has no variant `{expect.variant}`",
                    expect.span,
                    help=help_for(expect.variant, network.variants),
                )

    # --- bodies --------------------------------------------------------------------------------

    def whole(self, text: tree.Body, scope: KnownNames) -> None:
        """Checks the body of a block or a network."""
        self.text = text
        self.body(text.statements, scope)
        self.text = None

    def body(self, statements: Iterable[tree.FlowStatement], scope: KnownNames) -> None:
        statements = tuple(statements)
        for position, statement in enumerate(statements):
            self.statement(statement, scope)
            if isinstance(statement, tree.Return) and position < len(statements) - 1:
                self.report("unreachable", "nothing runs after `return`", statements[position + 1].span)

    def flow(self, flow: tree.Chain | tree.Body, scope: KnownNames) -> None:
        if isinstance(flow, tree.Chain):
            self.chain(flow, scope)
        else:
            self.body(flow.statements, scope)

    def statement(self, statement: tree.FlowStatement, scope: KnownNames) -> None:
        match statement:
            case tree.Chain():
                self.chain(statement, scope)
            case tree.Let(name=name, value=value):
                self.expression(value, scope)
                self.bind(name, scope)
            case tree.Shared(name=name, value=value):
                self.unit(value, scope)
                self.bind(name, scope, step=True)
                self.holders.add(name.span)
            case tree.Learned(name=name, shape=shape, start=start):
                self.expression(shape, scope)
                if start is not None and not (isinstance(start, tree.Name) and start.name in INITIALIZERS):
                    self.expression(start, scope)
                self.bind(name, scope, step=True)
            case tree.Path(name=name, flow=flow):
                self.flow(flow, scope)
                self.bind(name, scope)
            case tree.Stage(name=name, flow=flow) | tree.Output(name=name, flow=flow):
                for call in default_calls(statement.defaults) if isinstance(statement, tree.Stage) else ():
                    self.default(call, scope)
                self.flow(flow, scope)
                if isinstance(statement, tree.Stage) and statement.number is not None:
                    self.numbered_stage(name, statement.number, scope)
                elif isinstance(statement, tree.Stage):
                    self.bind(name, scope, step=True)
                else:
                    self.bind(name, scope, step=True)
                    self.output_name(name)
            case tree.For() | tree.Repeat() if makes_stages(statement):
                self.loop_of_stages(statement, scope)
            case tree.Repeat(count=count, index=index, body=body):
                self.expression(count, scope)
                self.loop((index,) if index else (), body, scope)
            case tree.For(names=names, values=values, body=body):
                self.expression(values, scope)
                self.loop(names, body, scope)
            case tree.If(arms=arms, otherwise=otherwise):
                for condition, _ in arms:
                    self.expression(condition, scope)
                self.arms([body for _, body in arms] + ([otherwise] if otherwise else []), scope)
            case tree.Return(values=values):
                for item in values:
                    if not self.returns_step(item, scope):
                        self.expression(item, scope)

    def returns_step(self, item: tree.Expression | tree.Spread, scope: KnownNames) -> bool:
        """Reports `return concat(a, b)`: it names values, and makes none."""
        name = item.function if isinstance(item, tree.Call) else item
        if not isinstance(name, tree.Name) or name.name in scope or self.operation(name) is None:
            return False
        joined = translated.join(name.name, as_text(item)) if isinstance(item, tree.Call) else None
        message = f"`return` names values, and `{name.name}` is a step: what flows last leaves the block"
        self.report("wrong-type", message, item.span, help=f"write `{joined or item.span.text}` without `return`")
        return True

    def loop(self, names: Iterable[tree.Name], body: tree.Body, scope: KnownNames) -> None:
        turn = KnownNames(scope)
        for name in names:
            self.bind(name, turn)
        self.body(body.statements, turn)

    def loop_of_stages(self, loop: tree.For | tree.Repeat, scope: KnownNames) -> None:
        """Checks a loop over stages, which may hold only stages and `let`: it counts as stages written one by one."""
        self.expression(loop.values if isinstance(loop, tree.For) else loop.count, scope)
        names = loop.names if isinstance(loop, tree.For) else (loop.index,) if loop.index else ()
        turn = KnownNames(scope)
        for name in names:
            self.bind(name, turn)
        self.loops_of_stages += self.in_network
        self.body(loop.body.statements, turn)
        self.loops_of_stages -= self.in_network
        scope.numbered.update(turn.numbered)
        for inner in loop.body.statements:
            stands = isinstance(inner, tree.Let) or (isinstance(inner, tree.Stage) and inner.number is not None)
            if not (stands or makes_stages(inner)):
                self.report(
                    "loop-of-stages",
                    "a loop that makes stages can hold only stages with a number, and `let`",
                    inner.span,
                    help="move it into the stage, or after the loop",
                )

    def numbered_stage(self, name: tree.Name, number: tree.Expression, scope: KnownNames) -> None:
        """Checks `stage s{i}`. From here on, every name of an `s` with a number counts as a stage."""
        self.expression(number, scope)
        if not self.loops_of_stages:
            message = f"`stage {name.name}{{...}}` can only stand in a loop of a network, which gives its number"
            self.report("loop-of-stages", message, name.span, help="leave out its number, or put it into a loop")
        pattern = re.compile(rf"{name.name}\d+")
        for known in sorted(scope.all()):
            place = scope.find(known)
            if pattern.fullmatch(known) and place is not None:
                self.twice(tree.Name(known, name.span), place, help="choose another name for the stages")
        scope.numbered[name.name] = name.span
        self.use(name.span, name.span)

    def arms(self, bodies: Iterable[tree.Body], scope: KnownNames) -> None:
        """Checks the arms of an `if`, which may define the same names. After the `if`, the names of all are known."""
        after: dict[str, Span | None] = {}
        for body in bodies:
            arm = KnownNames(scope)
            self.body(body.statements, arm)
            for name in after.keys() & arm.names.keys():
                self.use(after[name] or body.span, arm.names[name])
            after.update(arm.names)
            scope.numbered.update(arm.numbered)
        scope.names.update(after)

    # --- chains and steps ----------------------------------------------------------------------

    def chain(self, chain: tree.Chain, scope: KnownNames) -> None:
        for step in chain.steps:
            self.step(step, scope)

    def step(self, step: tree.Step, scope: KnownNames) -> None:
        self.target(step.target, self.numbered(step, scope))
        if step.copies is not None:
            self.expression(step.copies.count, scope)
            unit = self.operation(_head(step.target))
            self.arguments_of(_head(step.target), (*step.copies.first, *step.copies.last))
            for argument in (*step.copies.first, *step.copies.last):
                self.expression(argument.value, scope, word=True)
                if argument.name is None:
                    self.report("wrong-arguments", "arguments of `first` and `last` need their names", argument.span)
                elif unit is not None and argument.name not in unit[1]:
                    self.found.append(unknown_argument(*unit, argument.name, argument.span))
        if step.binding is not None:
            for name in step.binding.names:
                self.bind(name, scope, step=True)

    def numbered(self, step: tree.Step, scope: KnownNames) -> KnownNames:
        """The names that are known in a step. Reports `Unit(8 * i) * 3 as i`, where `i` is not the copy's number."""
        name = step.binding.names[0].name if step.copies is not None and step.binding is not None else ""
        found = re.search(rf"\b{name}\b", step.target.span.text) if name and name not in scope else None
        if step.copies is None or found is None:
            return scope
        span, inner = step.target.span, KnownNames(scope)
        inner.names[name] = None
        self.report(
            "unknown-name",
            f"there is no `{name}` here: `as {name}` names what comes out of the copies, not their number",
            Span(span.source, span.start + found.start(), span.start + found.end()),
            help=f"write `repeat {step.copies.count.span.text} as {name}: {span.text}`",
        )
        return inner

    def target(self, target: tree.StepTarget, scope: KnownNames) -> None:
        match target:
            case tree.Name() | tree.Call() | tree.VariantOf():
                self.unit(target, scope)
            case tree.Values(items=items):
                for item in items:
                    self.expression(item, scope)
            case tree.Spread(value=value):
                self.expression(value, scope)
            case tree.Merge(op=op, branches=branches):
                if op is not None:
                    self.unit(op, scope)
                for branch in branches:
                    self.branch(branch, scope)
            case tree.Group(chain=chain):
                self.chain(chain, scope)
            case tree.Choice(condition=condition, then=then, otherwise=otherwise):
                self.expression(condition, scope)
                for step in (then, otherwise):
                    if step is not None:
                        self.step(step, scope)
            case _:
                self.expression(target, scope)

    def branch(self, branch: tree.Branch, scope: KnownNames) -> None:
        inner = scope
        for clause in branch.clauses:
            if isinstance(clause, tree.When):
                self.expression(clause.condition, inner)
            else:
                self.expression(clause.values, inner)
                inner = KnownNames(inner)
                for name in clause.names:
                    self.bind(name, inner)
        self.chain(branch.chain, inner)

    def unit(self, target: tree.Name | tree.Call | tree.VariantOf, scope: KnownNames) -> None:
        """Checks what a step applies: an op, a block, a network, or a name that holds one."""
        if isinstance(target, tree.Call):
            self.call(target, scope)
            return
        self.refer(target, scope, step=True)
        if target.name not in scope and self.operation(target) is None:
            name = tree.Name(target.name, target.span)
            message = f"there is no op, block or value `{target.name}`"
            self.unknown("unknown-name", message, name, lambda: self.step_meant(name, scope.all()))


def _head(target: tree.StepTarget) -> tree.Name | tree.VariantOf | None:
    """The name that a step calls, if it calls one."""
    if isinstance(target, tree.Call):
        return target.function
    return target if isinstance(target, tree.Name | tree.VariantOf) else None
