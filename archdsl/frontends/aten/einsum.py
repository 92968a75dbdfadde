"""`einsum` of two values as a product of matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archdsl.frontends.arrangement import Arrangement
from archdsl.frontends.aten.call import Call, Result
from archdsl.frontends.aten.literal import Literal, aligned, literal
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Step
from archdsl.ops.held import MatrixProduct


@dataclass(frozen=True, slots=True)
class Product:
    """What an equation says, in letters, of which `out` has the order.

    `bhwc,hkc->bhwk` has the rows w, the columns k and the sum over c, for each b and h.
    """

    each: str
    row: str
    column: str
    summed: str
    out: str


def contracted(call: Call) -> Result:
    """A sum over one letter; those that only one value has beside its row or column are of size 1 in the other."""
    terms, _, out = call["equation"].replace(" ", "").partition("->")
    letters, nodes = terms.split(","), call["tensors"]
    found = _product(letters[0], letters[1], out) if len(letters) == len(nodes) == 2 else None
    placed = [call.trace.placed.get(node) for node in nodes]
    if found is None or None in placed:
        return None
    orders = (found.each + found.row + found.summed, found.each + found.summed + found.column)
    rows = zip(placed, letters, orders, strict=True)
    values = [value for one, own, order in rows if one and (value := literal(_ordered(one, own, order)))]
    taken = aligned(values, len(orders[0])) if len(values) == 2 else None
    return _multiplied(taken, found) if taken else None


def _product(left: str, right: str, out: str) -> Product | None:
    """None for what is no product of matrices: dots, a letter twice, several sums, a sum over one value alone."""
    if not all(term.isalpha() and len(set(term)) == len(term) for term in (left, right, out)):
        return None
    summed = [letter for letter in left if letter not in out]
    rows, columns = (
        [letter for letter in out if letter in own and letter not in other]
        for own, other in ((left, right), (right, left))
    )
    if len(summed) != 1 or summed != [letter for letter in right if letter not in out] or not rows or not columns:
        return None
    each = "".join(letter for letter in out if letter not in (rows[-1], columns[-1]))
    return Product(each, rows[-1], columns[-1], summed[0], out)


def _ordered(placed: Placed, letters: str, order: str) -> Placed:
    """A value with its axes in another order, and axes of size 1 for letters that it lacks."""
    axes = dict(zip(letters, placed.arrangement.axes, strict=True))
    return placed.arranged(replace(placed.arrangement, axes=tuple(axes.get(letter, ()) for letter in order)))


def _multiplied(values: list[Literal], product: Product) -> Step | None:
    one, other = values
    if one.batch_axis is None or one.batch_axis >= len(product.each):
        return None
    pairs = zip(one.sizes[:-2], other.sizes[:-2], strict=True)
    sizes = [None if a is None else max(a, b or 0) for a, b in pairs]
    lies = one.lies((*sizes, one.sizes[-2], other.sizes[-1]))
    axes = dict(zip(product.each + product.row + product.column, lies.axes, strict=True))
    arrangement = Arrangement(tuple(axes[letter] for letter in product.out))
    return Step(MatrixProduct(), (one.value, other.value), arrangements=(arrangement,))
