"""Expands stages and outputs. If one is only a block, or copies of a block, no further scope is made for the block."""

from __future__ import annotations

from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate
from archdsl.elaborate.expansion import Expansion, Result, Shell
from archdsl.elaborate.session import Place
from archdsl.elaborate.steps import input_port, refs_of
from archdsl.elaborate.values import FAILED, Problem, Unit
from archdsl.elaborate.whose_it import warn_of_it
from archdsl.resolve.model import Block, Network
from archdsl.source import Span
from archdsl.syntax import tree


def stage(expander: Expansion, stage: tree.Stage, environment: Environment) -> Result:
    name, called = stage.name.name, expander.stage_name(stage, environment)
    facts = {"title": stage.title.value if stage.title else None}
    if stage.title and stage.number is not None:
        facts["title"] = f"{stage.title.value} {called.removeprefix(name)}"
    if stage.doc:
        facts["doc"] = stage.doc.value
    shell = Shell("stage", called, f"stage {called}", facts)
    if stage.number is not None:
        environment.define_stage(called, FAILED)  # until it is built
    with expander.defaults.stage(stage, environment):
        result = _region(expander, stage.flow, shell, stage.span, environment)
    if stage.number is None:
        environment.define(name, FAILED if result is None else result)
    else:
        environment.define_stage(called, FAILED if result is None else result)
    return result


def output(expander: Expansion, output: tree.Output, environment: Environment) -> None:
    """Expands an output, whose name becomes a value; one that other lines read is built as a stage.

    A network used as a block has only those.
    """
    name = output.name.name
    is_read = name in expander.read
    if expander.is_inner and not is_read:
        return
    shell = Shell("stage" if is_read else "output", expander.name_of(output), f"output {name}", {})
    result = _region(expander, output.flow, shell, output.span, environment)
    if result is None or isinstance(result, tuple):
        outcome = f"{len(result)} values flow" if result else "nothing flows"
        help = "join them with concat or add, or write an output for each" if result else None
        message = f"{outcome} out of output `{name}`, but an output is one value"
        raise Problem("no-output", message, output.span, help=help)
    environment.define(name, result)
    if expander.is_inner:
        return
    several = any(place.what == "repeat" for place in expander.session.places)
    values, _, _ = expander.outputs.setdefault(name, ([], output.training, several))
    values.extend(refs_of(result))


def _region(
    expander: Expansion, flow: tree.Chain | tree.Body, shell: Shell, span: Span, environment: Environment
) -> Result:
    """Expands the content of a stage or an output. If it is only a block, or copies of one, it fills the same scope."""
    incoming = environment.values["it"]
    link = environment.link(it=incoming, input=incoming)
    with expander.session.inside(Place(shell.what, (), span)):
        lone = lone_step(expander, flow, link)
        if lone is not None:
            head, step = lone
            if head is not None:
                incoming = expander.head(head, link)
                warn_of_it(expander.session, [step], head, incoming, link)
            return expander.step(step, incoming, link, shell)
        with (
            expander.session.builder.within(shell.kind, shell.name, span, **shell.facts) as scope,
            expander.names_of(flow),
        ):
            scope.ports = input_port(incoming)
            if isinstance(flow, tree.Body):
                result = expander.statements(flow.statements, link)
            else:
                result = expander.chain(flow, incoming, link)
            scope.results = refs_of(result)
    return result


def lone_step(
    expander: Expansion, flow: tree.Chain | tree.Body, environment: Environment
) -> tuple[tree.Step | None, tree.Step] | None:
    """If a flow is only a block, that step, with the value's name before it if there is one; else None."""
    if isinstance(flow, tree.Body):
        if len(flow.statements) != 1:
            return None
        only = flow.statements[0]
        return lone_step(expander, only, environment) if isinstance(only, tree.Chain) else None
    head, *rest = flow.steps
    if rest and expander.is_value(head.target, environment):
        return _lone(expander, head, rest, environment)
    return _lone(expander, None, [head, *rest], environment)


def _lone(
    expander: Expansion, head: tree.Step | None, steps: list[tree.Step], environment: Environment
) -> tuple[tree.Step | None, tree.Step] | None:
    if len(steps) != 1 or steps[0].binding is not None:
        return None
    target = steps[0].target
    if not isinstance(target, tree.Name | tree.Call | tree.VariantOf) or expander.is_value(target, environment):
        return None
    unit = evaluate(target, environment)
    if not isinstance(unit, Unit) or not isinstance(unit.definition, Block | Network) or unit.home:
        return None
    return head, steps[0]
