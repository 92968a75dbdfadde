"""A resolved network and its settings -> a graph: statements, chains and copies.

What a step applies is in `steps.py`, merges are in `merge.py`, stages and outputs in `regions.py`. A step
that fails is recorded once; what takes its value stays quiet, so that all root causes and nothing else
are reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archdsl.elaborate import regions
from archdsl.elaborate.defaults import Defaults, definition_of
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import elements, evaluate, given, truth, whole
from archdsl.elaborate.merge import merge
from archdsl.elaborate.session import Place, Session
from archdsl.elaborate.steps import Result, Shell, apply, as_result, plain, refs_of
from archdsl.elaborate.values import FAILED, Failed, Flow, Given, Problem, Quiet, Unit, describe
from archdsl.ir.builder import Home, Ref
from archdsl.naming import snake_case
from archdsl.resolve.model import Block, Network
from archdsl.resolve.names import bound_names
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text


class Expander:
    """Walks a network's flow and builds its nodes through the session's builder."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.defaults = Defaults()
        self.outputs: dict[str, tuple[list[Ref], bool, bool]] = {}
        """Further outputs: values, training, several."""

    # --- bodies and statements -------------------------------------------------------------

    def body(self, body: tree.Body, environment: Environment) -> Result:
        """What flows out of `body`; what flows in is `it` of `environment`."""
        with self.defaults.file(environment.file):
            return self.statements(body.statements, environment)

    def statements(self, statements: Iterable[tree.FlowStatement], environment: Environment) -> Result:
        for statement in statements:
            environment.values["it"] = self.attempt(statement, environment)
        result: Result = environment.values["it"]
        return result

    def attempt(self, statement: tree.FlowStatement, environment: Environment) -> Result:
        """The flow after a statement; one that fails leaves its names failed too."""
        try:
            return self.statement(statement, environment)
        except Problem as problem:
            self.session.report(problem)
        except Quiet:
            pass
        for name in bound_names(statement):
            environment.define(name, FAILED)
        side = isinstance(statement, tree.Let | tree.Path | tree.Shared | tree.Output)
        return environment.values["it"] if side else FAILED

    def statement(self, statement: tree.FlowStatement, environment: Environment) -> Result:
        current: Result = environment.values["it"]
        match statement:
            case tree.Chain():
                return self.chain(statement, current, environment)
            case tree.Let():
                self.let(statement, environment)
            case tree.Path(name=name, flow=flow):
                self.name_value(name.name, self.side_flow(flow, environment), environment)
            case tree.Shared():
                self.shared(statement, environment)
            case tree.Repeat():
                return self.repeat(statement, environment)
            case tree.For():
                return self.loop(statement, environment)
            case tree.If():
                return self.branch_on(statement, environment)
            case tree.Return(values=values):
                return self.several(values, environment)
            case tree.Stage():
                return regions.stage(self, statement, environment)
            case tree.Output():
                regions.output(self, statement, environment)
        return current

    def side_flow(self, flow: tree.Chain | tree.Body, environment: Environment) -> Result:
        """A flow that starts from `it` and leaves `it` alone."""
        link = environment.link(it=environment.values["it"])
        if isinstance(flow, tree.Body):
            return self.statements(flow.statements, link)
        return self.chain(flow, link.values["it"], link)

    def let(self, statement: tree.Let, environment: Environment) -> None:
        value = evaluate(statement.value, environment)
        text = expression_text(statement.value)
        place = statement.value.span
        source = Given(None, value, text, place, statement.value, environment, environment.get("it"))
        environment.define(statement.name.name, value, source)
        if isinstance(value, bool | int | float | str):
            self.session.builder.current.lets.append((statement.name.name, text, value))

    def shared(self, statement: tree.Shared, environment: Environment) -> None:
        unit = evaluate(statement.value, environment)
        if not isinstance(unit, Unit):
            raise Problem("wrong-type", f"only an op or a block can be shared, not {describe(unit)}", statement.span)
        home = Home(self.session.builder.scope, statement.name.name)
        environment.define(statement.name.name, Unit(unit.definition, unit.given, unit.variant, home))

    def branch_on(self, statement: tree.If, environment: Environment) -> Result:
        for condition, body in statement.arms:
            if self.decide(condition, environment):
                return self.statements(body.statements, environment)
        if statement.otherwise is not None:
            return self.statements(statement.otherwise.statements, environment)
        result: Result = environment.values["it"]
        return result

    def decide(self, condition: tree.Expression, environment: Environment) -> bool:
        """A condition, and a note in the scope of how it came out."""
        outcome = truth(condition, environment)
        self.session.builder.current.decisions.append((expression_text(condition), outcome))
        return outcome

    def several(self, values: Iterable[tree.Expression | tree.Spread], environment: Environment) -> Result:
        """`(a, b, *rest)`: each a value of the network."""
        flows: list[Flow] = []
        for item in values:
            expression = item.value if isinstance(item, tree.Spread) else item
            value = evaluate(expression, environment)
            if isinstance(value, Flow):
                flows.append(value)
            elif isinstance(value, tuple) and value and all(isinstance(v, Flow) for v in value):
                flows.extend(value)
            elif value != ():
                raise Problem("wrong-type", f"expected a value of the network, got {describe(value)}", item.span)
        return as_result(tuple(flows))

    # --- repetition ------------------------------------------------------------------------

    def repeat(self, statement: tree.Repeat, environment: Environment) -> Result:
        count = whole(statement.count, environment)
        name = statement.index.name if statement.index else None
        return self.turns(name, range(self.checked(count, statement.count.span)), statement, environment)

    def loop(self, statement: tree.For, environment: Environment) -> Result:
        return self.turns(statement.name.name, elements(statement.values, environment), statement, environment)

    def turns(
        self, name: str | None, values: Iterable[Any], statement: tree.Repeat | tree.For, environment: Environment
    ) -> Result:
        """The body once for each of `values`, each turn a copy with names of its own."""
        values = list(values)
        result: Result = environment.values["it"]
        with self.session.builder.within("copies", "repeat", statement.span) as copies:
            for index, value in enumerate(values):
                self.session.tick(statement.span)
                turn = environment.child()
                turn.values["it"] = result
                if name is not None:
                    origin = f"turn {index + 1} of {len(values)}"
                    turn.define(name, value, Given(name, value, None, statement.span, origin=origin))
                arguments = ((name, plain(value)),) if name is not None else ()
                place = Place("repeat", arguments, statement.span, (index, len(values)))
                with (
                    self.session.inside(place),
                    self.session.builder.within(
                        "copy", str(index), statement.span, copy=(index, len(values)), arguments=arguments
                    ) as scope,
                ):
                    result = self.statements(statement.body.statements, turn)
                    scope.results = refs_of(result)
            copies.results = refs_of(result)
        return result

    def checked(self, count: int, span: Span) -> int:
        if count < 0:
            raise Problem("out-of-range", f"a number of copies is at least 0, got {count}", span)
        if count > self.session.limits.steps:
            self.session.abort("too-many-steps", f"{count:,} copies are more than the limit", span, "--max-steps")
        return count

    # --- chains and steps ------------------------------------------------------------------

    def chain(self, chain: tree.Chain, incoming: Result, environment: Environment) -> Result:
        """Steps one after the other. The first may name the value that the chain begins with."""
        flow = incoming
        for position, step in enumerate(chain.steps):
            if self.is_value(step.target, environment):
                if position:
                    raise Problem(
                        "value-in-chain",
                        f"`{step.span.text}` is a value, and something already flows here",
                        step.span,
                        help=f"begin the chain with it: {step.span.text} -> ..., or join both with concat or add",
                    )
                flow = self.head(step, environment)
            else:
                flow = self.step(step, flow, environment)
        return flow

    def is_value(self, target: tree.StepTarget, environment: Environment) -> bool:
        """Whether a step names a value instead of something to apply."""
        match target:
            case tree.Values() | tree.Spread() | tree.Attribute() | tree.Index() | tree.Slice():
                return True
            case tree.Name(name=name):
                try:
                    value = environment.find(name)
                except KeyError:
                    return False
                return name in ("it", "input") or isinstance(value, Flow | tuple | Failed)
            case _:
                return False

    def head(self, step: tree.Step, environment: Environment) -> Result:
        target = step.target
        if isinstance(target, tree.Values):
            result = self.several(target.items, environment)
        else:
            assert not isinstance(target, tree.Merge | tree.Group | tree.Choice)
            result = self.several((target,), environment)
        if step.copies is not None:
            raise Problem("wrong-type", f"`{step.span.text}` is a value and cannot be repeated", step.span)
        self.name_results(step, result, environment)
        return result

    def step(self, step: tree.Step, incoming: Result, environment: Environment, shell: Shell | None = None) -> Result:
        """Applies a step. `shell` is the scope to fill where the step is all of a stage or an output."""
        label = step.binding.names[0].name if step.binding and not step.binding.several else None
        shell = shell or self.own_shell(step.target, label)
        if step.copies is not None:
            result = self.copies(step, step.copies, incoming, environment, shell)
        else:
            result = self.target(step.target, incoming, environment, shell, label)
        self.name_results(step, result, environment)
        return result

    def own_shell(self, target: tree.StepTarget, label: str | None) -> Shell:
        match target:
            case tree.Name(name=name) | tree.VariantOf(name=name) | tree.Call(function=tree.Name(name=name)):
                base = snake_case(name)
            case tree.Call(function=tree.VariantOf(name=name)):
                base = snake_case(name)
            case tree.Merge(op=tree.Name(name=name)) | tree.Merge(op=tree.Call(function=tree.Name(name=name))):
                base = name
            case _:
                base = "group"
        return Shell("block", label or base, base, {})

    def target(
        self,
        target: tree.StepTarget,
        incoming: Result,
        environment: Environment,
        shell: Shell,
        label: str | None,
        override: tuple[Given, ...] = (),
    ) -> Result:
        match target:
            case tree.Name() | tree.Call() | tree.VariantOf():
                unit = self.unit(target, environment)
                unit = Unit(unit.definition, unit.given + override, unit.variant, unit.home)
                return apply(self, unit, incoming, target.span, shell, label)
            case tree.Merge():
                return merge(self, target, incoming, environment, shell, label)
            case tree.Group(chain=chain):
                return self.chain(chain, incoming, environment)
            case tree.Choice():
                chosen = target.then if self.decide(target.condition, environment) else target.otherwise
                if chosen is None:
                    return incoming
                if self.is_value(chosen.target, environment):
                    return self.head(chosen, environment)
                return self.step(chosen, incoming, environment)
        raise AssertionError(f"no rule for {type(target).__name__}")

    def unit(self, target: tree.Name | tree.Call | tree.VariantOf, environment: Environment) -> Unit:
        unit = self.named_unit(target, environment)
        if isinstance(unit, Unit):
            return unit
        raise Problem(
            "not-a-step", f"`{target.span.text}` is {describe(unit)}; a step is an op, a block or a value", target.span
        )

    def named_unit(self, target: tree.Name | tree.Call | tree.VariantOf, environment: Environment) -> Any:
        """A step's op or block. A number of the same name does not hide it: `dropout(dropout)`."""
        name = target.function if isinstance(target, tree.Call) else target
        if isinstance(name, tree.Name) and not isinstance(environment.get(name.name), Unit):
            definition = definition_of(environment.file, name.name)
            if definition is not None:
                arguments = given(target.arguments, environment) if isinstance(target, tree.Call) else ()
                return Unit(definition, arguments)
        return evaluate(target, environment)

    def copies(
        self, step: tree.Step, copies: tree.Copies, incoming: Result, environment: Environment, shell: Shell
    ) -> Result:
        """`Unit(64) * n first(...) last(...)`: each copy a scope of its own, numbered from 0."""
        count = self.checked(whole(copies.count, environment), copies.count.span)
        kind = "copies" if shell.kind == "block" else shell.kind
        flow = incoming
        with self.session.builder.within(kind, shell.base, step.span, **shell.facts) as scope:
            for index in range(count):
                override: tuple[Given, ...] = ()
                if index == 0:
                    override += given(copies.first, environment)
                if index == count - 1:
                    override += given(copies.last, environment)
                flow = self.copy(step, index, count, flow, environment, override)
            scope.results = refs_of(flow)
        return flow

    def copy(
        self,
        step: tree.Step,
        index: int,
        count: int,
        flow: Result,
        environment: Environment,
        override: tuple[Given, ...],
    ) -> Result:
        target = step.target
        if isinstance(target, tree.Name | tree.Call | tree.VariantOf):
            unit = self.unit(target, environment)
            if isinstance(unit.definition, Block | Network):
                shell = Shell("copy", str(index), "copy", {"copy": (index, count)}, (index, count))
                unit = Unit(unit.definition, unit.given + override, unit.variant, unit.home)
                return apply(self, unit, flow, target.span, shell, None)
        with (
            self.session.inside(Place("copy", (), step.span, (index, count))),
            self.session.builder.within("copy", str(index), step.span, copy=(index, count)) as scope,
        ):
            flow = self.target(target, flow, environment, self.own_shell(target, None), None, override)
            scope.results = refs_of(flow)
        return flow

    def name_results(self, step: tree.Step, result: Result, environment: Environment) -> None:
        """What `as` says."""
        binding = step.binding
        if binding is None:
            return
        if not binding.several:
            self.name_value(binding.names[0].name, FAILED if result is None else result, environment)
            return
        values: tuple[Any, ...] = result if isinstance(result, tuple) else (result,)
        if isinstance(result, Failed):
            values = (FAILED,) * len(binding.names)
        elif len(values) != len(binding.names):
            raise Problem(
                "wrong-number-of-values",
                f"{len(binding.names)} names for {len(values)} value{'s' if len(values) != 1 else ''}",
                binding.span,
            )
        for name, value in zip(binding.names, values, strict=True):
            self.name_value(name.name, value, environment)

    def name_value(self, name: str, value: Any, environment: Environment) -> None:
        """Gives a value its name, also in the graph."""
        environment.define(name, value)
        if isinstance(value, Flow):
            self.session.builder.current.names.append((name, value.ref))
