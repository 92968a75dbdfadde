"""Builds a network's graph by walking through its statements, chains and copies.

Ops, blocks and networks are applied in `steps.py`; joins are built in `merge.py`, stages and outputs in `regions.py`.
A step that fails is reported once. Steps that use its value are not, so that exactly the root causes are reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from archdsl.elaborate import regions
from archdsl.elaborate.defaults import Defaults, definition_of
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate, given, refuse_twice, truth, turns_of, whole
from archdsl.elaborate.expansion import Result, Shell
from archdsl.elaborate.loops import Turn, plain_turn
from archdsl.elaborate.merge import merge
from archdsl.elaborate.naming import Text, step_base, step_names, without_clause
from archdsl.elaborate.session import Place, Session
from archdsl.elaborate.steps import apply, apply_op, as_result, input_port, refs_of
from archdsl.elaborate.values import FAILED, Failed, Flow, Given, Problem, Quiet, Unit, describe, is_flow, plain
from archdsl.elaborate.whose_it import warn_of_it
from archdsl.elaborate.written import written
from archdsl.ir.builder import Home, Ref
from archdsl.ir.graph import Let
from archdsl.naming import RESERVED
from archdsl.ops.learned import Learned
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.model import Block, Network
from archdsl.resolve.names import bound_names, makes_stages
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.text import is_name


class Expander:
    """Walks through the statements of a network and builds its nodes with the session's builder."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.defaults = Defaults(session.budget)
        self.outputs: dict[str, tuple[list[Ref], bool, bool]] = {}
        """Further outputs, by name: the values, whether it exists only in training, whether it is a list."""
        self.until: str | None = None
        """The last stage of the network that is being expanded, if it was used with `until`."""
        self.read: frozenset[str] = frozenset()
        """The names that lines of the network that is being expanded read."""
        self.is_inner = False
        """Whether that network was used as a block."""
        self._names: list[Mapping[int, str]] = []
        self._known_names: dict[int, Mapping[int, str]] = {}
        self._alone: dict[int, tree.Step] = {}
        """For each step with a number of copies, by its `id`, the same step without the number and the `as`."""
        self._rests: dict[int, tree.Branch] = {}
        self._bound: dict[int, tuple[str, ...]] = {}

    # --- names -----------------------------------------------------------------------------

    @contextmanager
    def names_of(self, flow: Text, values: Iterable[str] = ()) -> Iterator[None]:
        """A context in which steps have the names that the text of `flow` gives them.

        `values` are names of values from outside of that text.
        """
        if id(flow) not in self._known_names:
            self._known_names[id(flow)] = step_names(flow, values)
        self._names.append(self._known_names[id(flow)])
        try:
            yield
        finally:
            self._names.pop()

    def name_of(self, part: object) -> str:
        return self._names[-1][id(part)]

    def stage_name(self, stage: tree.Stage, environment: Environment) -> str:
        """The full name of a stage: its name and, in a loop over stages, its number. Raises `Problem`."""
        if stage.number is None:
            return self.name_of(stage)
        number = whole(stage.number, environment)
        name = f"{stage.name.name}{number}"
        if number < 0:
            raise Problem("out-of-range", f"the number of a stage is at least 0, got {number}", stage.number.span)
        if name in RESERVED or not is_name(name):
            message = f"`{name}` cannot be the name of a stage"
            raise Problem("reserved-name", message, stage.name.span, help="choose another name for the stages")
        if environment.get(name) is not None:
            raise Problem(
                "duplicate-name",
                f"there is a stage `{name}` already",
                stage.name.span.to(stage.number.span),
                help="use the number of the turn: for i, row in enumerate(rows)",
            )
        return name

    def rest_of(self, branch: tree.Branch) -> tree.Branch:
        """A branch without its first `for` or `if`. It is the same object each time, since names are found by `id`."""
        return self._rests.setdefault(id(branch), without_clause(branch))

    # --- bodies and statements -------------------------------------------------------------

    def body(self, block: Block, environment: Environment) -> Result:
        """Expands the body of a block, and returns what flows out of it. What flows in is `it` of `environment`."""
        ports = block.ports
        values = (*(name.name for name in ports.names), *((ports.rest.name,) if ports.rest else ())) if ports else ()
        with self.defaults.file(environment.file), self.names_of(block.body, values):
            return self.statements(block.body.statements, environment)

    def statements(self, statements: Iterable[tree.FlowStatement], environment: Environment) -> Result:
        for statement in statements:
            environment.values["it"] = self.attempt(statement, environment)
            if self.is_at_end(environment):
                break
        result: Result = environment.values["it"]
        return result

    def is_at_end(self, environment: Environment) -> bool:
        """Whether the stage of `until`, with which the network ends, has been built."""
        return self.until is not None and isinstance(environment.get(self.until), Flow | tuple)

    def attempt(self, statement: tree.FlowStatement, environment: Environment) -> Result:
        """Expands a statement, and returns what flows after it. If it fails, the names it defines have failed too."""
        self.session.budget.draw(1, statement.span)
        try:
            return self.statement(statement, environment)
        except Problem as problem:
            self.session.report(problem)
        except Quiet:
            pass
        for name in bound_names(statement):
            environment.define(name, FAILED)
        side = isinstance(statement, tree.Let | tree.Path | tree.Shared | tree.Learned | tree.Output)
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
            case tree.Learned():
                self.learned(statement, environment)
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
        """Expands a side path, which starts from `it` and does not change it."""
        link = environment.link(it=environment.values["it"])
        if isinstance(flow, tree.Body):
            return self.statements(flow.statements, link)
        return self.chain(flow, link.values["it"], link)

    def let(self, statement: tree.Let, environment: Environment) -> None:
        value = environment.budget.take(evaluate(statement.value, environment), statement.span)
        name, builder = statement.name.name, self.session.builder
        environment.define(name, value)
        if is_flow(value):
            return
        said = written(statement.value, environment, builder)
        if environment.home.is_turn:
            builder.current.loops.append(said)  # so that the expressions that use the number keep its value
        else:
            builder.current.lets.append(Let(name, said, plain(value)))

    def shared(self, statement: tree.Shared, environment: Environment) -> None:
        unit = evaluate(statement.value, environment)
        if not isinstance(unit, Unit):
            raise Problem("wrong-type", f"only an op or a block can be shared, not {describe(unit)}", statement.span)
        home = Home(self.session.builder.current.weights, statement.name.name)
        environment.define(statement.name.name, Unit(unit.definition, unit.given, unit.variant, home))

    def learned(self, statement: tree.Learned, environment: Environment) -> None:
        """Adds a learned value, and gives it its name."""
        span = statement.span
        arguments = [tree.Argument("dims", statement.shape, statement.shape.span)]
        if statement.start is not None:
            arguments.append(tree.Argument("init", statement.start, statement.start.span))
        unit = Unit(Learned, given(tuple(arguments), environment))
        environment.define(statement.name.name, apply_op(self, Learned, unit, (), span, self.name_of(statement), None))

    def branch_on(self, statement: tree.If, environment: Environment) -> Result:
        conditions = tuple(condition for condition, _ in statement.arms)
        taken = next((i for i, condition in enumerate(conditions) if truth(condition, environment)), len(conditions))
        bodies = (*(body for _, body in statement.arms), *((statement.otherwise,) if statement.otherwise else ()))
        flow = environment.values["it"]
        with self.arm(statement.span, conditions, len(bodies), taken, environment, flow) as gives:
            result: Result = environment.values["it"]
            if taken < len(bodies):
                result = self.statements(bodies[taken].statements, environment)
            gives["it"] = refs_of(result)
            gives.update(self.bound_in(statement, environment))
        return result

    def arm(
        self,
        place: Span,
        conditions: tuple[tree.Expression, ...],
        arms: int,
        taken: int,
        environment: Environment,
        flow: Result,
    ) -> AbstractContextManager[dict[str, tuple[Ref, ...]]]:
        """A context for the arm of an `if` that is built. The graph records which arm it is, and the conditions."""
        builder = self.session.builder
        known = tuple(written(condition, environment, builder) for condition in conditions)
        return builder.choice(place, known, arms, taken, refs_of(flow))

    def bound_in(
        self, statement: tree.FlowStatement, environment: Environment
    ) -> Iterator[tuple[str, tuple[Ref, ...]]]:
        """The names that a statement has given to values of the network, with these values."""
        names = self.bound_by(statement)
        self.session.budget.draw(len(names), statement.span)
        for name in names:
            value = environment.get(name)
            if is_flow(value):
                yield name, refs_of(value)

    def bound_by(self, statement: tree.FlowStatement) -> tuple[str, ...]:
        """The names that a statement defines for the body that it stands in."""
        if id(statement) not in self._bound:
            self._bound[id(statement)] = tuple(bound_names(statement))
        return self._bound[id(statement)]

    def several(self, values: Iterable[tree.Expression | tree.Spread], environment: Environment) -> Result:
        """The values of `(a, b, *rest)`. Raises `Problem` if one is not a value of the network."""
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
        numbers = range(self.checked(count, statement.count.span))
        return self.turns([((name, i),) if name else () for i in numbers], statement, environment)

    def loop(self, statement: tree.For, environment: Environment) -> Result:
        return self.turns(turns_of(statement.names, statement.values, environment), statement, environment)

    def turns(self, turns: Sequence[Turn], statement: tree.Repeat | tree.For, environment: Environment) -> Result:
        """Expands the body once for each turn. Each turn is a copy with its own names and variables."""
        result: Result = environment.values["it"]
        over = statement.count if isinstance(statement, tree.Repeat) else statement.values
        count = written(over, environment, self.session.builder)
        if makes_stages(statement):
            self.session.builder.current.loops.append(count)
            return self.stages(turns, statement, environment)
        with self.session.builder.within("copies", self.name_of(statement), statement.span, count=count) as copies:
            copies.ports = input_port(result)
            for index, variables in enumerate(turns):
                self.session.tick(statement.span, copies.path)
                turn = environment.child(self.session.builder.path(str(index)))
                turn.values["it"] = result
                turn.values.update(variables)
                arguments = plain_turn(variables)
                place = Place("repeat", arguments, statement.span, (index, len(turns)))
                with (
                    self.session.inside(place),
                    self.session.builder.within(
                        "copy", str(index), statement.span, copy=(index, len(turns)), arguments=arguments
                    ) as scope,
                    self.names_of(statement.body),
                ):
                    scope.ports = input_port(result)
                    result = self.statements(statement.body.statements, turn)
                    scope.results = refs_of(result)
            copies.results = refs_of(result)
        return result

    def stages(self, turns: Sequence[Turn], statement: tree.Repeat | tree.For, environment: Environment) -> Result:
        """Expands a loop over stages as if the stages were written one by one, in the scope around the loop."""
        result: Result = environment.values["it"]
        for index, variables in enumerate(turns):
            self.session.tick(statement.span, self.session.builder.current.path)
            turn = environment.child()
            turn.is_turn = True
            turn.values.update({"it": result, **dict(variables)})
            with self.session.inside(Place("repeat", plain_turn(variables), statement.span, (index, len(turns)))):
                result = self.statements(statement.body.statements, turn)
            if self.is_at_end(environment):
                break
        return result

    def checked(self, count: int, span: Span) -> int:
        if count < 0:
            raise Problem("out-of-range", f"a number of copies is at least 0, got {count}", span)
        if count > self.session.limits.steps:
            self.session.abort(
                Problem(
                    "too-many-steps",
                    f"{count:,} copies are more than the limit of {self.session.limits.steps:,} steps",
                    span,
                    help="if that is what you want, raise the limit with --max-steps",
                )
            )
        return count

    # --- chains and steps ------------------------------------------------------------------

    def chain(self, chain: tree.Chain, incoming: Result, environment: Environment) -> Result:
        """Expands the steps of a chain in turn. The first may name the value that the chain begins with."""
        flow = incoming
        for position, step in enumerate(chain.steps):
            if self.is_value(step.target, environment):
                if position:
                    raise Problem(
                        "value-in-chain",
                        f"`{step.span.text}` is a value, but another value already flows here",
                        step.span,
                        help="it hides the op of that name: give the value another one"
                        if step.span.text in REGISTRY
                        else f"begin the chain with it: {step.span.text} -> ..., or join both with concat or add",
                    )
                flow = self.head(step, environment)
                if id(chain) not in self.session.matching:
                    warn_of_it(self.session, chain.steps[1:], step, flow, environment)
            else:
                flow = self.step(step, flow, environment)
        return flow

    def is_value(self, target: tree.StepTarget, environment: Environment) -> bool:
        """Whether a step names a value, rather than an op, a block or a network."""
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
            product = f"mul{{{target.span.text} | {step.copies.count.span.text}}}"
            raise Problem(
                "wrong-type",
                f"`{step.span.text}` is a value and cannot be repeated",
                step.span,
                help=f"the product of two values is a join: write `{product}`",
            )
        self.name_results(step, result, environment)
        return result

    def step(self, step: tree.Step, incoming: Result, environment: Environment, shell: Shell | None = None) -> Result:
        """Applies a step. `shell` is the scope to fill if the step is all that a stage or an output consists of."""
        label = step.binding.names[0].name if step.binding and not step.binding.several else None
        shell = shell or self.shell(step)
        if step.copies is not None:
            result = self.copies(step, step.copies, incoming, environment, shell)
        else:
            result = self.target(step.target, incoming, environment, shell, label)
        self.name_results(step, result, environment)
        return result

    def shell(self, step: tree.Step) -> Shell:
        """The scope that a step opens for itself. A chain in parentheses has no name, since it makes no node itself."""
        return Shell("block", self._names[-1].get(id(step), ""), step_base(step.target), {})

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
                return self.choice(target, incoming, environment)
        raise AssertionError(f"no rule for {type(target).__name__}")

    def choice(self, target: tree.Choice, incoming: Result, environment: Environment) -> Result:
        """Expands `-> if c then A else B`."""
        holds = truth(target.condition, environment)
        chosen = target.then if holds else target.otherwise
        arms = 1 if target.otherwise is None else 2
        with self.arm(target.span, (target.condition,), arms, 0 if holds else 1, environment, incoming) as gives:
            if chosen is None:
                result = incoming
            elif self.is_value(chosen.target, environment):
                result = self.head(chosen, environment)
            else:
                result = self.step(chosen, incoming, environment)
            gives["it"] = refs_of(result)
            for arm in (target.then, target.otherwise):
                for name in arm.binding.names if arm and arm.binding else ():
                    gives[name.name] = refs_of(environment.get(name.name))
        return result

    def unit(self, target: tree.Name | tree.Call | tree.VariantOf, environment: Environment) -> Unit:
        unit = self.named_unit(target, environment)
        if isinstance(unit, Unit):
            return unit
        raise Problem(
            "not-a-step", f"`{target.span.text}` is {describe(unit)}; a step is an op, a block or a value", target.span
        )

    def named_unit(self, target: tree.Name | tree.Call | tree.VariantOf, environment: Environment) -> Any:
        """The op or block of a step. A number of the same name does not hide it: `dropout(dropout)`."""
        name = target.function if isinstance(target, tree.Call) else target
        if isinstance(name, tree.Name) and not isinstance(environment.get(name.name), Unit):
            definition = definition_of(environment.file, name.name)
            if definition is not None:
                arguments = given(target.arguments, environment) if isinstance(target, tree.Call) else ()
                refuse_twice(definition, arguments)
                return Unit(definition, arguments)
        return evaluate(target, environment)

    def copies(
        self, step: tree.Step, copies: tree.Copies, incoming: Result, environment: Environment, shell: Shell
    ) -> Result:
        """Expands `Unit(64) * n first(...) last(...)`. Each copy has its own scope, numbered from 0."""
        count = self.checked(whole(copies.count, environment), copies.count.span)
        kind = "copies" if shell.kind == "block" else shell.kind
        flow = incoming
        number = written(copies.count, environment, self.session.builder)
        with self.session.builder.within(kind, shell.name, step.span, count=number, **shell.facts) as scope:
            scope.ports = input_port(flow)
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
        self.session.tick(step.span, self.session.builder.current.path)
        alone = self._alone.setdefault(id(step), tree.Step(target, None, None, step.span))
        with (
            self.session.inside(Place("copy", (), step.span, (index, count))),
            self.session.builder.within("copy", str(index), step.span, copy=(index, count)) as scope,
            self.names_of(alone),
        ):
            scope.ports = input_port(flow)
            flow = self.target(target, flow, environment, self.shell(alone), None, override)
            scope.results = refs_of(flow)
        return flow

    def name_results(self, step: tree.Step, result: Result, environment: Environment) -> None:
        """Defines the names that `as` gives."""
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
        """Defines the name of a value, and enters it in the graph."""
        environment.define(name, value)
        if isinstance(value, Flow):
            self.session.builder.current.names.append((name, value.ref))
