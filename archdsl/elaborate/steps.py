"""Applies an op, a block or a network to values, which makes the graph's nodes and the scopes of blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from archdsl.diagnostics import Note
from archdsl.elaborate.arguments import Call, check_kind, match_arguments
from archdsl.elaborate.asked import asked
from archdsl.elaborate.doubts import warn_of_effect, warn_of_writing
from archdsl.elaborate.endless import too_deep
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import word_or_value
from archdsl.elaborate.expansion import Expansion, Result, Shell
from archdsl.elaborate.forgotten_flatten import refuse_pooled
from archdsl.elaborate.session import Place
from archdsl.elaborate.settings import settle
from archdsl.elaborate.values import Failed, Flow, Given, Problem, Quiet, Unit, describe, plain, rows_of
from archdsl.elaborate.written import written_arguments
from archdsl.ir.builder import Home
from archdsl.limits import EVALUATIONS
from archdsl.ops.base import Mismatch, Op, required_inputs
from archdsl.resolve.model import Block, Network, Parameter
from archdsl.resolve.names import DIGITS, names_read, numbered_stages
from archdsl.source import Span
from archdsl.syntax import tree


def apply(expander: Expansion, unit: Unit, incoming: Result, span: Span, shell: Shell, label: str | None) -> Result:
    """Applies `unit` to the values `incoming`, and returns its outputs. Raises `Problem`, or `Quiet` if they failed."""
    definition = unit.definition
    if isinstance(definition, type) and _takes_nothing(expander, definition, unit, span):
        incoming = ()
    if isinstance(incoming, Failed):
        if isinstance(definition, type):
            # Wrong arguments are reported even if the incoming value has failed.
            expander.session.maker.make(definition, unit.given, expander.defaults.of(definition), span)
        raise Quiet
    values = _as_values(unit, incoming, span)
    if isinstance(definition, Block):
        return _apply_block(expander, definition, unit, values, span, shell)
    if isinstance(definition, Network):
        return _apply_network(expander, definition, unit, values, span, shell)
    return apply_op(expander, definition, unit, values, span, shell.name, label)


def _takes_nothing(expander: Expansion, op: type[Op], unit: Unit, span: Span) -> bool:
    """Whether an op makes its value of nothing, as fixed numbers are, so that nothing flows into it."""
    if required_inputs(op)[0]:
        return False
    return expander.session.maker.make(op, unit.given, expander.defaults.of(op), span).op.arity()[1] == 0


def _as_values(unit: Unit, incoming: Flow | tuple[Flow, ...] | None, span: Span) -> tuple[Flow, ...]:
    if incoming is None:
        raise Problem(
            "nothing-flows",
            f"nothing flows into `{unit}` here",
            span,
            help=f"begin the line with the name of a value: value -> {unit}",
        )
    return incoming if isinstance(incoming, tuple) else (incoming,)


def as_result(values: tuple[Flow, ...]) -> Flow | tuple[Flow, ...]:
    """A tuple of one value becomes that value; a tuple of several stays."""
    return values[0] if len(values) == 1 else values


# --- ops -----------------------------------------------------------------------------------


def apply_op(
    expander: Expansion, op: type[Op], unit: Unit, values: tuple[Flow, ...], span: Span, name: str, label: str | None
) -> Result:
    session = expander.session
    session.tick(span, session.builder.path(name))
    call = session.maker.make(op, unit.given, expander.defaults.of(op), span)
    inputs = (*values, *call.extra)
    session.budget.draw(len(inputs), span)
    warn_of_writing(session, unit, call, inputs, span)
    try:
        refuse_pooled(session.builder, call.op, [value.ref for value in inputs])
        refs = session.builder.node(
            call.op,
            [value.ref for value in inputs],
            span,
            name,
            label=label,
            written=written_arguments(call.fields.items(), session.builder),
            home=_tied(call) or unit.home,
        )
    except Mismatch as mismatch:
        raise _mismatch(mismatch, expander, call, inputs, span) from None
    session.budget.draw(len(refs), span)
    warn_of_effect(session, call, inputs, span)
    return as_result(tuple(Flow(ref, session.builder.tensor(ref)) for ref in refs))


def _tied(call: Call) -> Home | None:
    """Where the shared module is stored of which a step takes the weight; None for other steps."""
    given = call.fields.get("weight")
    value = None if given is None else given.value
    if given is None or value is None:
        return None
    if not isinstance(value, Unit) or value.home is None:
        raise Problem(
            "wrong-type",
            f"`weight` takes the name of a `shared` step, not {describe(value)}",
            given.span,
            help="declare the step before: shared words = embedding(...), and write weight=words",
        )
    return value.home


def _mismatch(mismatch: Mismatch, expander: Expansion, call: Call, inputs: tuple[Flow, ...], span: Span) -> Problem:
    """The error for inputs that an op cannot take, at the argument at fault, with the origin of each input."""
    at_fault = call.fields.get(mismatch.argument or "")
    notes = rows_of(at_fault) + tuple(
        Note(f"{value.tensor} comes from `{text}`", origin)
        for value in inputs
        for text, origin in [expander.session.builder.origin(value.ref)]
    )
    return Problem(
        mismatch.code,
        str(mismatch),
        at_fault.span if at_fault is not None and at_fault.span is not None else span,
        notes=tuple(dict.fromkeys(notes)),
        help=_edit(mismatch, expander, call, inputs, span)
        or _as_written(mismatch, at_fault)
        or _joining(mismatch, call, inputs),
    )


def _as_written(mismatch: Mismatch, at_fault: Given | None) -> str | None:
    """The op's own help. It names a size as `kernel=1x3x3`: without the name where the argument is written without."""
    help, name = mismatch.help, f"{mismatch.argument}="
    is_unnamed = at_fault is not None and at_fault.span is not None and not at_fault.span.text.startswith(name)
    return help.replace(f"`{name}", "`") if help and is_unnamed and mismatch.code == "wrong-rank" else help


def _edit(mismatch: Mismatch, expander: Expansion, call: Call, inputs: tuple[Flow, ...], span: Span) -> str | None:
    if not expander.session.may_show_more:
        return None
    from archdsl.elaborate.mend_step import mended
    from archdsl.elaborate.refusal import Refusal

    builder, refs = expander.session.builder, tuple(value.ref for value in inputs)
    return mended(mismatch.code, Refusal(builder, call.op, refs, span, mismatch.argument, mismatch.help))


def _joining(mismatch: Mismatch, call: Call, inputs: tuple[Flow, ...]) -> str | None:
    """The help if several values flow into an op that takes one; else None."""
    if mismatch.code == "wrong-number-of-values" and len(inputs) > len(call.extra) + 1:
        return "join them first, with concat or add"
    return None


# --- blocks --------------------------------------------------------------------------------


def _apply_block(
    expander: Expansion, block: Block, unit: Unit, values: tuple[Flow, ...], span: Span, shell: Shell
) -> Result:
    session, path = expander.session, expander.session.builder.path(shell.name)
    session.tick(span, path)
    session.budget.draw(EVALUATIONS + len(block.parameters) + len(values), span)
    _check_depth(expander, unit, span)
    environment = Environment.of(block.file, path, session.budget)
    given, omitted = _bind(expander, block, unit, values, environment, span)
    shown = tuple((p.name, environment.values[p.name]) for p in block.parameters)
    place = Place(f"block {block.name}", shown, span, shell.copy, unit)
    facts = {
        "block": block.name,
        "defined": block.span,
        "arguments": tuple((p.name, plain(environment.values[p.name])) for p in block.parameters),
        "written": written_arguments(given.items(), session.builder),
        "omitted": omitted,
        "units": tuple(p.name for p in block.parameters if isinstance(environment.values[p.name], Unit)),
        "labels": tuple((p.name, p.doc) for p in block.parameters if p.doc),
        "doc": block.doc or None,
    }
    with (
        session.inside(place, nested=True),
        session.builder.within(shell.kind, shell.name, span, home=unit.home, **{**facts, **shell.facts}) as scope,
    ):
        scope.ports = tuple((name, value.ref) for name, value in zip(_ports(block, values), values, strict=True))
        result = expander.body(block, environment)
        scope.results = refs_of(result)
    return result


def refs_of(result: Result) -> tuple[Any, ...]:
    if isinstance(result, Flow):
        return (result.ref,)
    return tuple(value.ref for value in result) if isinstance(result, tuple) else ()


def input_port(flow: Result) -> tuple[tuple[str, Any], ...]:
    """The value that flows into a stage or an output under the name `input`, if it is one value."""
    return (("input", flow.ref),) if isinstance(flow, Flow) else ()


def _check_depth(expander: Expansion, unit: Unit, span: Span) -> None:
    if expander.session.depth >= expander.session.limits.depth:
        expander.session.abort(too_deep(expander.session, unit, span))


def _bind(
    expander: Expansion, block: Block, unit: Unit, values: tuple[Flow, ...], environment: Environment, span: Span
) -> tuple[dict[str, Given], tuple[str, ...]]:
    """Defines the block's inputs and parameters in `environment`.

    The result has the parameters by name with where their values came from, and the names of those left at their
    defaults.
    """
    _bind_ports(block, values, environment, span)
    names = tuple(p.name for p in block.parameters)
    fields = match_arguments(block.name, names, unit.given, expander.defaults.of(block), span)
    missing = [p.name for p in block.parameters if p.name not in fields and p.default is None]
    if missing:
        raise Problem(
            "missing-argument",
            f"`{block.name}` needs `{'`, `'.join(missing)}`",
            span,
            notes=(Note("its parameters are declared here", block.span), *rows_of(*unit.given)),
        )
    bound: dict[str, Given] = {}
    for parameter in block.parameters:
        name = parameter.name
        bound[name] = fields[name] if name in fields else _default(parameter, environment)
        value = bound[name].value
        environment.define(name, check_kind(block.name, parameter, bound[name]) if name in fields else value)
    return bound, tuple(name for name in names if name not in fields)


def _default(parameter: Parameter, environment: Environment) -> Given:
    """The value of a default. Its expression is kept only if it uses names: literals are found in the definition."""
    default = parameter.default
    assert default is not None
    value = environment.budget.take(word_or_value(default, environment), default.span)
    if _is_literal(default):
        return Given(parameter.name, value, default.span)
    return Given(parameter.name, value, default.span, default, environment, "default", asked(default, environment))


def _is_literal(default: tree.Expression) -> bool:
    if isinstance(default, tree.List):
        return all(map(_is_literal, default.items))
    return isinstance(default, tree.Number | tree.String | tree.Boolean)


def _ports(block: Block, values: tuple[Flow, ...]) -> tuple[str, ...]:
    """The names of the values that flow into a block: its inputs, with those of `*rest` as `rest0`, `rest1` ..."""
    if block.ports is None:
        return ("input",)
    named = tuple(name.name for name in block.ports.names)
    rest = block.ports.rest.name if block.ports.rest else ""
    return (*named, *(f"{rest}{index}" for index in range(len(values) - len(named))))


def _bind_ports(block: Block, values: tuple[Flow, ...], environment: Environment, span: Span) -> None:
    ports = block.ports
    names = [name.name for name in ports.names] if ports else ["input"]
    rest = ports.rest if ports else None
    if len(values) < len(names) or (rest is None and len(values) > len(names)):
        wants = f"{'at least ' if rest else ''}{len(names)} value{'s' if len(names) != 1 else ''}"
        raise Problem(
            "wrong-number-of-values",
            f"`{block.name}` takes {wants}, but {len(values)} flow in",
            span,
            notes=(Note("it is declared here", block.span),),
        )
    environment.values.update(zip(names, values, strict=False))
    if rest is not None:
        environment.values[rest.name] = values[len(names) :]
    environment.values["input"] = environment.values["it"] = as_result(values) if values else None


# --- networks ------------------------------------------------------------------------------


def _apply_network(
    expander: Expansion, network: Network, unit: Unit, values: tuple[Flow, ...], span: Span, shell: Shell
) -> Result:
    """Applies a network as a block: with its own settings, `values` as its inputs, and ending at the stage `until`."""
    session = expander.session
    session.tick(span, session.builder.path(shell.name))
    session.budget.draw(len(network.flow.statements), span)
    _check_depth(expander, unit, span)
    if any(given.name is None for given in unit.given):
        raise Problem("wrong-arguments", f"settings of `{network.name}` are given by name", span)
    chosen = {str(given.name): given for given in unit.given}
    until = chosen.pop("until", None)
    try:
        environment, settings = settle(
            network, unit.variant, chosen, session.builder, session.budget, session.builder.path(shell.name)
        )
    except Problem as problem:
        problem.diagnostic = replace(problem.diagnostic, span=problem.diagnostic.span or span)
        raise
    bind_inputs(network, values, environment, span)
    arguments = tuple((s.name, tuple(s.value) if isinstance(s.value, list) else s.value) for s in settings)
    facts = {
        "block": network.name,
        "defined": network.span,
        "arguments": arguments,
        "settings": settings,
        "doc": network.doc or None,
    }
    with (
        session.inside(Place(f"network {network.name}", arguments, span, shell.copy, unit), nested=True),
        expander.defaults.network(network, environment),
        session.builder.within(shell.kind, shell.name, span, home=unit.home, **{**facts, **shell.facts}) as scope,
    ):
        scope.ports = tuple((i.name.name, value.ref) for i, value in zip(network.inputs, values, strict=True))
        statements = _until(network, until)
        before = expander.until, expander.read, expander.is_inner
        expander.until = None if until is None else str(until.value)
        expander.read, expander.is_inner = names_read(network.flow), True
        with expander.names_of(network.flow, (declared.name.name for declared in network.inputs)):
            result = expander.statements(statements, environment)
        expander.until, expander.read, expander.is_inner = before
        if until is not None and environment.get(str(until.value)) is None:
            raise _no_stage(network, until)
        scope.results = refs_of(result)
    stages = {name: value for name, value in environment.values.items() if isinstance(value, Flow)}
    return Flow(result.ref, result.tensor, stages) if isinstance(result, Flow) else result


def bind_inputs(network: Network, values: tuple[Flow, ...], environment: Environment, span: Span) -> None:
    """Defines the names of the network's inputs. A single input flows into its first line. Raises `Problem`."""
    if len(values) != len(network.inputs):
        raise Problem(
            "wrong-number-of-values",
            f"`{network.name}` takes {len(network.inputs)} values, but {len(values)} flow in",
            span,
        )
    environment.values.update({declared.name.name: v for declared, v in zip(network.inputs, values, strict=True)})
    environment.values["input"] = environment.values["it"] = values[0] if len(values) == 1 else None


def _until(network: Network, until: Given | None) -> Iterable[tree.FlowStatement]:
    """The statements of a network used as a block: up to the stage `until`."""
    statements = network.flow.statements
    if until is None:
        return statements
    name = str(until.value)
    for place, statement in enumerate(statements):
        if isinstance(statement, tree.Stage) and statement.name.name == name:
            return statements[: place + 1]
        if name.rstrip(DIGITS) in numbered_stages(statement):
            return statements  # a loop makes the stage: the turn that does so is only found while building
    raise _no_stage(network, until)


def _no_stage(network: Network, until: Given) -> Problem:
    stages = [s.name.name for s in network.flow.statements if isinstance(s, tree.Stage)]
    stages += [f"{name}..." for s in network.flow.statements for name in numbered_stages(s)]
    message = f"{network.name} has no stage `{until.value}`"
    return Problem("unknown-name", message, until.span, help=f"its stages are {', '.join(stages)}")
