"""Builds the graph of a resolved network for given settings ("elaborates" it). Other stages call only `elaborate`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.elaborate.checks import check_finished
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate, whole
from archdsl.elaborate.expand import Expander
from archdsl.elaborate.session import Limits, Session
from archdsl.elaborate.settings import settle
from archdsl.elaborate.steps import bind_inputs, refs_of
from archdsl.elaborate.values import FAILED, Flow, Given, Problem, Quiet, describe
from archdsl.elaborate.written import written
from archdsl.ir.builder import Ref
from archdsl.ir.graph import Graph, Header, Rule, Setting, Written
from archdsl.ops.base import LIMIT, Mismatch
from archdsl.ops.internal import Input
from archdsl.resolve.allow import Allows
from archdsl.resolve.model import Network
from archdsl.resolve.names import names_read
from archdsl.syntax import tree

FRAMES_A_BLOCK = 30
"""The most Python stack frames that one level of nested blocks takes."""


DIMENSIONS = 16
"""The most dimensions of an input. Networks have up to four, and an op may add some."""


class Elaborated(NamedTuple):
    graph: Graph
    environment: Environment
    warnings: tuple[Diagnostic, ...]


def elaborate(
    network: Network,
    variant: str | None = None,
    chosen: Mapping[str, Given] | None = None,
    limits: Limits | None = None,
    known: Iterable[Diagnostic] = (),
    allows: Allows | None = None,
) -> Elaborated:
    """Builds the graph of a network, and returns it with the warnings.

    `variant` and `chosen` are the variant and the settings that the user chose. `known` are the errors that earlier
    stages found in the file, and `allows` the comments that switch warnings off. Raises `CompileError` with all root
    causes, including the `known` ones.
    """
    session = Session(network.span, limits or Limits(), known, allows)
    try:
        environment, settings = settle(network, variant, chosen or {}, session.builder, session.budget)
        expander = Expander(session)
        with _deep(session.limits.depth):
            result = _run(expander, network, environment)
    except (Problem, Quiet) as problem:
        raise _ended(session, problem) from None
    _stop_if_failed(session)
    if not isinstance(result, Flow):
        outcome = "several values flow" if isinstance(result, tuple) else "nothing flows"
        message = f"{outcome} out of {network.name}, but its main output has to be one value"
        session.report(Problem("no-output", message, network.span))
        _stop_if_failed(session)
    outputs: list[tuple[str, Sequence[Ref], bool, bool]] = [("output", refs_of(result), False, False)]
    outputs += [(name, refs, training, several) for name, (refs, training, several) in expander.outputs.items()]
    graph = session.builder.finish(_header(network, variant, settings, environment), outputs)
    check_finished(graph, session)
    _stop_if_failed(session)
    return Elaborated(graph, environment, session.diagnostics)


def _ended(session: Session, problem: Problem | Quiet) -> CompileError:
    """The error if the network could not be expanded at all."""
    if isinstance(problem, Problem):
        session.report(problem)
    return CompileError(session.diagnostics)


class _deep:
    """A context that raises Python's recursion limit enough for blocks nested up to the limit."""

    def __init__(self, depth: int) -> None:
        self.needed = 1000 + depth * FRAMES_A_BLOCK

    def __enter__(self) -> None:
        self.before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(self.before, self.needed))

    def __exit__(self, *_: Any) -> None:
        sys.setrecursionlimit(self.before)


def _stop_if_failed(session: Session) -> None:
    if session.failed:
        raise CompileError(session.diagnostics)


def _run(expander: Expander, network: Network, environment: Environment) -> Any:
    with expander.defaults.network(network, environment):
        inputs = tuple(_input(expander, declared, environment) for declared in network.inputs)
        bind_inputs(network, inputs, environment, network.span)
        if not inputs:
            environment.values["input"] = environment.values["it"] = FAILED  # it was told that there are none
        expander.read = names_read(network.flow)
        with expander.names_of(network.flow, (declared.name.name for declared in network.inputs)):
            return expander.statements(network.flow.statements, environment)


def _input(expander: Expander, declared: tree.Input, environment: Environment) -> Flow:
    builder = expander.session.builder
    expander.session.tick(declared.span, declared.name.name)
    shape = evaluate(declared.shape, environment)
    if not isinstance(shape, tuple):
        shape = (whole(declared.shape, environment),)
    if len(shape) > DIMENSIONS:
        message = f"an input has at most {DIMENSIONS} dimensions, got {len(shape):,}"
        raise Problem("out-of-range", message, declared.shape.span)
    if not all(1 <= dim <= LIMIT for dim in shape):
        message = f"an input's sizes are from 1 to {LIMIT:,}, got {describe(shape)}"
        raise Problem("out-of-range", message, declared.shape.span)
    op = Input(dims=shape, kind=declared.kind)
    try:
        name, dims = declared.name.name, written(declared.shape, environment, builder)
        (ref,) = builder.node(op, (), declared.span, name, label=name, written=(("dims", dims),))
    except Mismatch as mismatch:
        raise Problem(mismatch.code, str(mismatch), declared.shape.span) from None
    _warn_of_order(expander.session, declared, shape)
    return Flow(ref, builder.tensor(ref))


COLORS = (1, 3, 4)
"""The numbers of channels that images usually have."""

SMALLEST, SQUARE = 16, 8
"""The least sides of an input from which three numbers are taken for an image with its channels last, and two equal
numbers for an image without channels."""


def _warn_of_order(session: Session, declared: tree.Input, shape: tuple[int, ...]) -> None:
    """Warns of an input whose channels seem to come last, as in Keras and TensorFlow, or to be missing."""
    name, (*sides, last) = declared.name.name, shape
    message = help = ""
    if declared.kind == "float" and len(shape) == 3 and last in COLORS and min(sides) >= SMALLEST > last:
        message = f"`{name}` has {shape[0]} channels of {shape[1]}x{last} pixels: channels come first"
        help = f"for an image of {last} channel{'s' if last > 1 else ''} write `{' x '.join(map(str, (last, *sides)))}`"
    elif declared.kind == "float" and len(shape) == 2 and shape[0] == last >= SQUARE:
        message = f"`{name}` is a sequence of {last} channels at {last} positions"
        help = f"for an image without colors write `1 x {last} x {last}`"
    if message:
        session.warn("channels-last", message, declared.shape.span, help=help)


def _header(network: Network, variant: str | None, settings: tuple[Setting, ...], environment: Environment) -> Header:
    conditions = ((Written(rule.condition, environment.scope), rule.reason.value) for rule in network.requires)
    return Header(
        name=network.name,
        spec=network.file.source.name,
        doc=network.doc,
        source=network.citation,
        variant=variant,
        settings=settings,
        rules=tuple(Rule(condition, reason) for condition, reason in conditions),
    )
