"""Checks that every name is defined and every argument exists, before anything is expanded.

All blocks are checked, also those that no network uses. Calls of parameters, which may hold any op or block, are
checked on expansion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from archdsl import foreign
from archdsl.diagnostics import Diagnostic, Note
from archdsl.limits import SHOWN
from archdsl.naming import RESERVED
from archdsl.ops.base import REGISTRY
from archdsl.ops.initialize import INITIALIZERS
from archdsl.resolve.library import import_of
from archdsl.resolve.model import Block, File, Network, Parameter, default_calls
from archdsl.resolve.names import (
    FUNCTIONS,
    KnownNames,
    bound,
    makes_stages,
    too_many_arguments,
    unknown_argument,
    words,
    words_of,
)
from archdsl.source import Span
from archdsl.suggest import help_for, help_for_step, same_word
from archdsl.syntax import tree
from archdsl.syntax.mistakes import shortened
from archdsl.syntax.printer import expression_text

HINTS = 10 * SHOWN
"""Diagnostics of a file after which nothing is guessed any more."""


def check_file(file: File) -> list[Diagnostic]:
    """The diagnostics for names in one file's blocks and networks, in no particular order."""
    checker = _Checker(file)
    for function in file.functions.values():
        checker.function(function, KnownNames())
    for definition in file.definitions.values():
        if definition.file is file:
            checker.definition(definition)
    return checker.found


class _Checker:
    def __init__(self, file: File) -> None:
        self.file = file
        self.found: list[Diagnostic] = []
        self.functions: dict[str, tree.Define] = dict(file.functions)
        self.in_network = False
        self.loops_of_stages = 0
        """How many of them stand around what is checked."""
        self.missing: dict[str, int] = {}
        """Undefined names and the diagnostic of each, so that each is reported once."""
        self.text: tree.Body | None = None
        """The body of the block or network that is being checked."""

    def definition(self, definition: Block | Network) -> None:
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

    def report(self, code: str, message: str, span: Span | None, **more: Any) -> None:
        self.found.append(Diagnostic(code, message, span, **more))

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
                help="add a line like: input image: 3 x 224 x 224",
            )
        scope.names.update({"it": None, "input": None})
        self.whole(network.flow, scope)
        self.expectations(network)

    def parameters(self, parameters: Iterable[Parameter], scope: KnownNames) -> None:
        for parameter in parameters:
            if parameter.default is not None:
                self.expression(parameter.default, scope, word=True)
            self.bind(tree.Name(parameter.name, parameter.span), scope)

    def function(self, function: tree.Define, scope: KnownNames) -> None:
        inner = KnownNames(scope)
        inner.names.update({name.name: name.span for name in function.parameters})
        self.expression(function.value, inner)

    def variants(self, network: Network, scope: KnownNames) -> None:
        known = {p.name for p in network.parameters} | {a.name.name for a in network.scaling}
        for variant in network.variants.values():
            for assignment in variant.assignments:
                self.expression(assignment.value, scope, word=True)
                name = assignment.name
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
                    "a default names its argument",
                    argument.span,
                    help=f"write `{call.function.name}(name={argument.span.text})`",
                )
        self.call(call, scope)

    def expectations(self, network: Network) -> None:
        for expect in network.expectations:
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
                number = f"let {name.name} = if ... then {shortened(value.span.text)} else ..."
                self.bind(name, scope, otherwise=f", or decide where it is given first: {number}")
            case tree.Shared(name=name, value=value):
                self.unit(value, scope)
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
                    self.step_name(name)
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
                    self.expression(item, scope)

    def loop(self, names: Iterable[tree.Name], body: tree.Body, scope: KnownNames) -> None:
        turn = KnownNames(scope)
        for name in names:
            self.bind(name, turn)
        self.body(body.statements, turn)

    def loop_of_stages(self, loop: tree.For | tree.Repeat, scope: KnownNames) -> None:
        """A loop over stages: nothing else may stand in it, since it is as if the stages were written one by one."""
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
                    "only stages with a number, and `let`, stand in a loop that makes stages",
                    inner.span,
                    help="move it into the stage, or behind the loop",
                )

    def numbered_stage(self, name: tree.Name, number: tree.Expression, scope: KnownNames) -> None:
        """`stage s{i}`: every name of an s with a number is a stage from here on."""
        self.expression(number, scope)
        if not self.loops_of_stages:
            message = f"`stage {name.name}{{...}}` stands in a loop of a network, which makes its number"
            self.report("loop-of-stages", message, name.span, help="leave out its number, or put it into a loop")
        pattern = re.compile(rf"{name.name}\d+")
        for known in sorted(scope.all()):
            place = scope.find(known)
            if pattern.fullmatch(known) and place is not None:
                self.twice(tree.Name(known, name.span), place, "choose another name for the stages")
        scope.numbered[name.name] = name.span

    def arms(self, bodies: Iterable[tree.Body], scope: KnownNames) -> None:
        """Checks the arms of an `if`, which may define the same names; all names are known after it."""
        after: dict[str, Span | None] = {}
        for body in bodies:
            arm = KnownNames(scope, is_arm=True)
            self.body(body.statements, arm)
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
            for argument in (*step.copies.first, *step.copies.last):
                self.expression(argument.value, scope, word=True)
                if argument.name is None:
                    self.report("wrong-arguments", "`first` and `last` name their arguments", argument.span)
                elif unit is not None and argument.name not in unit[1]:
                    self.found.append(unknown_argument(*unit, argument.name, argument.span))
        if step.binding is not None:
            for name in step.binding.names:
                self.bind(name, scope, step=True)

    def numbered(self, step: tree.Step, scope: KnownNames) -> KnownNames:
        """Reports `Unit(8 * i) * 3 as i`; gives the names that are known in the step."""
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
        elif target.name not in scope and self.operation(target) is None:
            name = tree.Name(target.name, target.span)
            message = f"there is no op, block or value `{target.name}`"
            self.unknown("unknown-name", message, name, lambda: self.step_meant(name, scope.all()))

    # --- expressions ---------------------------------------------------------------------------

    def expression(
        self, expression: tree.Expression | tree.Spread | None, scope: KnownNames, word: bool = False
    ) -> None:
        """Checks an expression. With `word`, it may be one of the words that ops take, such as `valid`."""
        match expression:
            case tree.Name(name=name):
                if not (name in scope or self.operation(expression) or (word and self.is_word(name))):
                    known = scope.all() | (words() if word else set()) | set(self.functions)
                    message = f"there is no `{name}` here"
                    self.unknown("unknown-name", message, expression, lambda: self.step_meant(expression, known))
            case tree.VariantOf(name=name, span=span):
                if self.operation(expression) is None:
                    missing = tree.Name(name, span)
                    message = f"there is no network `{name}`"
                    self.unknown("unknown-name", message, missing, lambda: self.step_meant(missing))
            case tree.Call():
                self.call(expression, scope)
            case tree.List(items=parts) | tree.Shape(dims=parts):
                for part in parts:
                    self.expression(part, scope)
            case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
                self.expression(left, scope)
                self.expression(right, scope)
            case tree.Attribute(value=tree.Name(name=module), name=name) if self.is_foreign(module, name, scope):
                message = f"`{module}.{name}` is no op: their names have no dots"
                own = tree.Name(name, expression.span)
                self.file.broken.add(module)
                self.unknown("unknown-name", message, own, lambda: self.step_meant(own) or f"write `{name}`")
            case tree.Unary(value=value) | tree.Attribute(value=value) | tree.Spread(value=value):
                self.expression(value, scope)
            case tree.Comprehension():
                self.comprehension(expression, scope)
            case tree.Index(value=value, index=index):
                self.expression(value, scope)
                self.expression(index, scope)
            case tree.Slice(value=value, start=start, stop=stop):
                self.expression(value, scope)
                self.expression(start, scope)
                self.expression(stop, scope)
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                for part in (condition, then, otherwise):
                    self.expression(part, scope, word)

    def is_foreign(self, module: str, name: str, scope: KnownNames) -> bool:
        """Whether this is a step as Python has it: `nn.ReLU`, `F.relu`."""
        if module in scope or self.operation(tree.Name(module, Span(self.file.source, 0, 0))) is not None:
            return False
        return foreign.step(name) is not None or any(same_word(name, unit) for unit in self.units())

    def comprehension(self, made: tree.Comprehension, scope: KnownNames) -> None:
        self.expression(made.values, scope)
        inner = KnownNames(scope)
        for name in made.names:
            self.bind(name, inner)
        self.expression(made.value, inner)
        self.expression(made.condition, inner)

    def is_word(self, name: str) -> bool:
        return name in words() or name in INITIALIZERS

    def call(self, call: tree.Call, scope: KnownNames) -> None:
        name = call.function
        unit = self.operation(name)
        functional = isinstance(name, tree.Name) and (name.name in self.functions or name.name in FUNCTIONS)
        if unit is not None and not functional:
            self.arguments(call, *unit)
        elif not functional and name.name not in scope and name.name not in INITIALIZERS:
            missing = tree.Name(name.name, name.span)
            message = f"there is no op, block or function `{name.name}`"
            known = scope.all() | set(FUNCTIONS) | set(self.functions)
            self.unknown("unknown-name", message, missing, lambda: self.step_meant(missing, known, called=True))
        if functional or name.name in INITIALIZERS:
            self.no_spread(call)
        for argument in call.arguments:
            if (
                argument.name != "until"
                and not self.compared(argument, unit)
                and not self.no_word(argument, name, scope)
            ):
                self.expression(argument.value, scope, word=True)

    def compared(self, argument: tree.Argument, unit: tuple[str, tuple[str, ...]] | None) -> bool:
        """Reports `conv(8, 3, stride==2)`, where an argument was meant."""
        match argument.value:
            case tree.Compare(left=tree.Name(name=name), operator="==", right=right) if unit and name in unit[1]:
                message = f"`==` compares; an argument is given with `=`: `{name}` is one of `{unit[0]}`"
                span = argument.value.left.span
                self.report("unknown-name", message, span, help=f"write `{name}={right.span.text}`")
                return True
        return False

    def no_word(self, argument: tree.Argument, op: tree.Name | tree.VariantOf, scope: KnownNames) -> bool:
        """Reports `resize(16, mode=bicubic)`: none of the words that the op takes there, and no name."""
        value = argument.value
        if not isinstance(value, tree.Name) or value.name in scope or self.is_word(value.name) or self.operation(value):
            return False
        allowed = words_of(op.name, argument.name or "")
        if not allowed:
            return False
        message = f"`{op.name}`'s `{argument.name}` takes no `{value.name}`"
        listed = f"it takes {' or '.join(allowed)}"
        self.unknown("unknown-name", message, value, lambda: help_for(value.name, allowed, listed))
        return True

    def no_spread(self, call: tree.Call) -> None:
        """`max(*sizes)`: only blocks and ops take the elements of a list as their arguments."""
        for argument in call.arguments:
            if isinstance(argument.value, tree.Spread):
                name, values = call.function.name, expression_text(argument.value.value)
                takes_list = name in ("min", "max", "sum", "len")
                message = f"`*` gives a block or an op the elements of a list; `{name}` is none"
                help = f"write `{name}({values})`" if takes_list else f"write `{name}({values}[0], ...)`"
                self.report("wrong-arguments", message, argument.span, help=help)

    def arguments(self, call: tree.Call, owner: str, names: tuple[str, ...]) -> None:
        position = 0
        seen: set[str] = set()
        for argument in call.arguments:
            name = argument.name
            if isinstance(argument.value, tree.Spread):
                return  # how many it is, and which arguments come after it, is known when it is computed
            if name is None:
                if position >= len(names):
                    self.found.append(too_many_arguments(owner, names, argument.span))
                    return
                name, position = names[position], position + 1
            elif name not in names:
                self.found.append(self.unknown_in(call, unknown_argument(owner, names, name, argument.span)))
            if name in seen:
                self.report("wrong-arguments", f"`{owner}` gets `{name}` twice", argument.span)
            seen.add(name)

    def unknown_in(self, call: tree.Call, found: Diagnostic) -> Diagnostic:
        """An argument that is unknown: of a network it is a parameter, as expansion says of it."""
        is_network = isinstance(self.file.definitions.get(call.function.name), Network)
        return replace(found, code="unknown-parameter") if is_network else found

    def operation(self, name: Any) -> tuple[str, tuple[str, ...]] | None:
        """Name and argument names of the op, block or network that a name stands for in this file."""
        if not isinstance(name, tree.Name | tree.VariantOf):
            return None
        definition = self.file.definitions.get(name.name)
        if isinstance(definition, Block):
            return definition.name, tuple(p.name for p in definition.parameters)
        if isinstance(definition, Network):
            settings = (*(p.name for p in definition.parameters), *(a.name.name for a in definition.scaling))
            return definition.name, (*settings, "until")
        op = REGISTRY.get(name.name)
        return (op.name, tuple(op.model_fields)) if op is not None and not op.internal else None

    def units(self) -> set[str]:
        return {*self.file.definitions, *(name for name, op in REGISTRY.items() if not op.internal)}

    # --- names ---------------------------------------------------------------------------------

    def bind(self, name: tree.Name, scope: KnownNames, step: bool = False, otherwise: str = "") -> None:
        """Defines a name. `step`: it becomes part of paths, and so the attribute of a module.

        `otherwise` is what else to do in an arm of an `if`, where the name was given further out.
        """
        if step:
            self.step_name(name)
        if name.name in ("x", "it", "input"):
            self.report("reserved-name", f"`{name.name}` has a meaning of its own and is no name", name.span)
        known = scope.names.get(name.name) or scope.numbered_as(name.name)
        outer = scope.parent.find(name.name) if scope.parent and known is None else None
        if known is not None and known != name.span:
            self.twice(name, known, "choose another name")
        elif outer is not None:
            more = otherwise if scope.is_arm else ""
            self.twice(name, outer, f"a name is given once in a text, so choose another one{more}")
        scope.names[name.name] = name.span

    def twice(self, name: tree.Name, known: Span, help: str) -> None:
        message, note = f"`{name.name}` has a meaning already", Note("it was given here", known)
        self.report("duplicate-name", message, name.span, notes=(note,), help=help)

    def step_name(self, name: tree.Name) -> None:
        if name.name in RESERVED:
            self.report(
                "reserved-name",
                f"`{name.name}` cannot be a name: every PyTorch module has an attribute that is called so",
                name.span,
                help=f"call it `{name.name}_{'stage' if name.name != 'forward' else 'path'}`",
            )

    def output_name(self, name: tree.Name) -> None:
        if name.name.startswith("_") and name.name not in RESERVED:
            message = f"`{name.name}` begins with `_`, which the fields of Python's tuples do not"
            self.report("reserved-name", message, name.span, help=f"call it `{name.name.lstrip('_') or 'other'}`")

    def step_meant(self, name: tree.Name, known: Iterable[str] = (), called: bool = False) -> str | None:
        """What to write instead of the name of a step, a value or a number; only what is `called` can be a function."""
        given = [known.span for known in bound(self.text) if known.name == name.name] if self.text else []
        if given:
            return f"line {given[0].line} gives that name, and stands after this line: move it before"
        units = self.units()
        is_op = any(same_word(name.name, unit) for unit in units)
        return (None if is_op else import_of(name.name)) or help_for_step(name.name, {*units, *known}, called)

    def unknown(self, code: str, message: str, name: tree.Name, help: Callable[[], str | None]) -> None:
        """Reports an undefined name, unless its import failed, which has been reported."""
        if name.name in self.file.broken:
            return
        if name.name in self.missing:
            first = self.found[self.missing[name.name]]
            if len(first.notes) > SHOWN:
                return
            notes = (*first.notes, Note(f"`{name.name}` stands here too", name.span))
            self.found[self.missing[name.name]] = replace(first, notes=notes)
            return
        self.missing[name.name] = len(self.found)
        # A search for what was meant takes longer than all other checks; few diagnostics are ever shown.
        self.report(code, message, name.span, help=help() if len(self.found) < HINTS else None)


def _head(target: tree.StepTarget) -> tree.Name | tree.VariantOf | None:
    """The name that a step calls, if it calls one."""
    if isinstance(target, tree.Call):
        return target.function
    return target if isinstance(target, tree.Name | tree.VariantOf) else None
