"""A long way -> its first and its last items with one box for those between, so that a figure can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from archdsl.backends.figures.items import Box, Item, OpenScope, OpRow, Tag, View
from archdsl.ir.graph import Scope, Value

LONG = 100
"""More items than this are never drawn one by one where a figure chooses what it shows: no slide holds them."""
STEPS = (60, 40, 24, 16, 12, 8, 5)
"""How many items are left of a way that does not fit, until it does."""


def lengths(view: View, long: int = LONG) -> Iterator[int]:
    """How many items to try to draw of a view, from all of them downwards; of a long way not all."""
    count = length(view)
    if count <= long:
        yield count
    yield from (most for most in STEPS if most < count)


def length(view: View) -> int:
    """How many items a view has besides tags."""
    return len(_steps(view))


def folded(view: View, most: int, scope: Scope) -> View:
    """At most `most` items (3 at least): the first and the last ones, and a box that stands for all others.

    Tags are not counted, and stay. `scope` is what the view is of. A view that is short enough is the same object.
    """
    most = max(most, 3)
    steps = _steps(view)
    if len(steps) <= most:
        return view
    before = most // 2
    hidden = steps[before : len(steps) - (most - 1 - before)]
    inner = tuple(view.items[place] for place in hidden)
    first = view.items[: hidden[0]]
    tags = (item for item in view.items[hidden[0] : hidden[-1]] if isinstance(item, Tag))
    last = (*tags, *view.items[hidden[-1] + 1 :])
    outer = {value for item in last for value in item.inputs} | set(view.outputs)
    inputs, outputs = _border(inner, outer)
    name = f"… {len(inner):,} more {_noun(inner)}"
    path = next(path for item in inner for path in paths(item))
    stands = replace(scope, path=path, kind="stage", title=name, block=None, copy=None, arguments=())
    box = Box(stands, inputs, outputs, View(inner, inputs, outputs), rest=True)
    return View((*first, box, *last), view.inputs, view.outputs)


def _steps(view: View) -> list[int]:
    """Where the items stand that are no tags."""
    return [place for place, item in enumerate(view.items) if not isinstance(item, Tag)]


def _border(items: Sequence[Item], used: set[Value]) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """The values that items take from elsewhere, and those that they make and that are `used` elsewhere."""
    made = dict.fromkeys(value for item in items for value in item.outputs)
    taken = dict.fromkeys(value for item in items for value in item.inputs if value not in made)
    return tuple(taken), tuple(value for value in made if value in used)


def _noun(items: Sequence[Item]) -> str:
    scopes = [item.scope for item in items if isinstance(item, Box | OpenScope)]
    if len(scopes) < len(items):
        return "steps"
    return "stages" if all(scope.kind == "stage" for scope in scopes) else "blocks"


def paths(item: Item) -> Iterator[str]:
    """The paths of the ops and scopes that an item stands for."""
    if isinstance(item, OpRow):
        yield from (node.id for node in item.nodes)
    elif not isinstance(item, Tag):
        yield item.scope.path
    if not isinstance(item, Tag):
        yield from (path for copy in item.alike[1:] for path in copy)
