"""What the channels of a value are called in a constructor: `width * 4` after a convolution that was written so.

These are suggestions: whoever writes one down first makes sure that it is right in every use of the class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product

from archdsl.backends.torch.formula import Formula
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.vectors import literal
from archdsl.ir.graph import Node, Value

MOST = 6
"""Suggestions kept for one value."""


class Channels:
    """Suggestions by value, filled in the order of the steps."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._formulas: dict[Value, tuple[Formula, ...]] = {}

    def of(self, value: Value) -> tuple[Formula, ...]:
        return self._formulas.get(value, ())

    def set(self, value: Value, formulas: Iterable[Formula]) -> None:
        self._formulas[value] = tuple(islice(dict.fromkeys(formulas), MOST))

    def after(self, node: Node, numbers: Sequence[tuple[object, Formula]] = ()) -> None:
        """Suggestions for the outputs of `node`, whose own arguments are `numbers`: value here, formula."""
        for port, tensor in enumerate(node.outputs):
            own = (formula for value, formula in numbers if value == tensor.channels)
            self.set(Value(node.id, port), (*own, *self._from_inputs(node, tensor.channels)))

    def _from_inputs(self, node: Node, channels: int) -> Iterator[Formula]:
        inputs = self._outline.graph.inputs_of(node.id)
        counts = [self._outline.graph.tensor(value).channels for value in inputs]
        for value, count in zip(inputs, counts, strict=True):
            if count == channels:
                yield from self.of(value)
        if len(inputs) > 1 and sum(counts) == channels:
            yield from self._sums(inputs, counts)
        if len(inputs) == 1 and counts[0] != channels:
            yield from (scaled(formula, counts[0], channels) for formula in self.of(inputs[0]))

    def _sums(self, inputs: Sequence[Value], counts: Sequence[int]) -> Iterator[Formula]:
        choices = [self.of(value) or (literal(count),) for value, count in zip(inputs, counts, strict=True)]
        for chosen in islice(product(*choices), MOST):
            yield combined(" + ".join(f"a{i}" for i in range(len(chosen))), *chosen)


def scaled(formula: Formula, before: int, after: int) -> Formula:
    """The channels after they became more or fewer by a whole factor (a flattened map, a shuffled pixel)."""
    if after % before == 0:
        return combined(f"a0 * {after // before}", formula)
    return combined(f"a0 // {before // after}" if before % after == 0 else f"a0 * {after} // {before}", formula)


def combined(pattern: str, *formulas: Formula) -> Formula:
    """`a0 + a1` with formulas put in."""
    return Formula(pattern).substituted({f"a{i}": formula for i, formula in enumerate(formulas)})


def outward(
    formulas: Iterable[Formula], parameters: Iterable[str], constants: Mapping[str, Formula]
) -> Iterator[Formula]:
    """Those that can be said outside of the class, where only its parameters have names, and what never varies."""
    known = set(parameters)
    for formula in formulas:
        said = formula.substituted(constants)
        if said.names <= known:
            yield said
