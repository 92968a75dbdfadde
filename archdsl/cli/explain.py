"""`archdsl explain`: where the numbers of a node come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.complete import nodes
from archdsl.cli.options import Format, FormatOption, SpecArgument, SpecOptions, grouped
from archdsl.cli.output import reporting, width

if TYPE_CHECKING:
    from archdsl.elaborate.derive import Fact
    from archdsl.elaborate.explain import Explanation
    from archdsl.ir.graph import Scope

NodeArgument = Annotated[
    str,
    typer.Argument(metavar="NODE", help="Path of a node: stage4.0.conv1.", autocompletion=nodes, show_default=False),
]


@grouped
def explain(
    ctx: typer.Context,
    spec: SpecArgument,
    node: NodeArgument,
    *,
    options: SpecOptions,
    format: FormatOption = Format.TEXT,
) -> None:
    """Explain a node: where each of its arguments and sizes comes from, step by step, back to the lines of the spec.

    Any other option is a parameter of the spec: --phi 3. `SPEC NODE --help` lists them.
    """
    from archdsl.cli.target import target
    from archdsl.elaborate.explain import explain

    asked = target(ctx, spec, options)
    with reporting(format) as report:
        explanation = explain(asked.compile().graph, node)
        print("\n".join(_lines(explanation)))
        report.result_printed = True


def _lines(explanation: Explanation) -> Iterator[str]:
    from archdsl.ir.dump import written

    node = explanation.node
    inputs = ", ".join(f"{id} {tensor}" for id, tensor in explanation.inputs)
    outputs = ", ".join(map(str, node.outputs))
    yield from _wrap(f"{node.id} = {written(node.op)}  ({node.span})", 0)
    yield from _wrap(f"{f'from {inputs} ' if inputs else ''}to {outputs}", 2)
    for scope in explanation.scopes:
        yield from _wrap(f"in {_scope(scope)}  ({scope.span})", 2)
    if explanation.arguments or explanation.defaults:
        yield ""
    for fact in explanation.arguments:
        yield from _fact(fact, 0)
    if explanation.defaults:
        yield from _wrap("defaults: " + ", ".join(f"{fact.name}={fact.value}" for fact in explanation.defaults), 0)
    yield ""
    for fact in (*explanation.sizes, *explanation.costs):
        yield from _fact(fact, 0)


def _scope(scope: Scope) -> str:
    from archdsl.ir.dump import value_text

    arguments = ", ".join(f"{name}={value_text(value)}" for name, value in scope.arguments)
    block = f", block {scope.block}({arguments})" if scope.block else ""
    if scope.copy:
        return f"{scope.path}, copy {scope.copy[0] + 1} of {scope.copy[1]}{block}"
    return f"{scope.kind} {scope.path}{block}"


def _fact(fact: Fact, depth: int) -> Iterator[str]:
    """The lines for a number and, below it, those for the numbers that it was computed from.

    `width: 40 = round_to(32 × 1.2 = 38.4, 8), by round_to(c × width, 8)  (specs/efficientnet.arch:36:5)`.
    """
    text = f"{fact.name}: {fact.value}"
    text += f" = {fact.worked}" if fact.worked else ""
    text += f", by {fact.written}" if fact.written else ""
    in_spec = fact.span is not None and not fact.span.source.name.startswith("--")
    place = ", ".join(part for part in (fact.origin, str(fact.span) if in_spec else "") if part)
    yield from _wrap(text + (f"  ({place})" if place else ""), 2 * depth)
    for reason in fact.because:
        yield from _fact(reason, depth + 1)


def _wrap(text: str, indent: int) -> Iterator[str]:
    from textwrap import wrap

    yield from wrap(
        text, width(), initial_indent=" " * indent, subsequent_indent=" " * (indent + 4), break_long_words=False
    )
