"""Limits the work of building one graph. If the limit is exceeded, the error names the line that took most of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from archdsl.diagnostics import CompileError, Diagnostic, Frame, Note
from archdsl.elaborate.values import Problem, Unit
from archdsl.limits import ELEMENTS, EVALUATIONS, STEPS
from archdsl.source import Span

PARTS = 50
"""How many parts a budget is divided into. The place at which each part is begun is recorded, which shows roughly
how much every place costs."""


class Part(NamedTuple):
    """The place that was being expanded when a part of the budget was begun."""

    span: Span
    frames: tuple[Frame, ...]


class Budget:
    """The work that may still be done: steps, evaluations of expressions, and elements of lists.

    The unit is one evaluation; a step costs `EVALUATIONS` of them. `left` is what is left of the current part. It is
    public because `evaluate`, which runs most often, subtracts from it directly and calls `open_part` when it is below
    0. `frames` gives the place that is being expanded, and `end` is called with the problem when nothing is left.
    """

    def __init__(
        self,
        steps: int = STEPS,
        frames: Callable[[], Sequence[Frame]] = tuple,
        end: Callable[[Problem], NoReturn] | None = None,
    ) -> None:
        self.steps = steps
        self._frames = frames
        self._end = end or _end
        self._size = max(steps * EVALUATIONS // PARTS, 1)
        self._unopened = steps * EVALUATIONS - self._size
        self._parts: list[Part] = []
        self.left = self._size

    def step(self, span: Span) -> None:
        """Subtracts the cost of a step: a node or a turn of a loop. A block costs two."""
        self.draw(EVALUATIONS, span)

    def draw(self, count: int, span: Span) -> None:
        """Subtracts the cost of `count` evaluations or elements. Ends the elaboration if nothing is left."""
        self.left -= count
        if self.left < 0:
            self.open_part(span)

    def take(self, value: Any, span: Span) -> Any:
        """Subtracts the cost of all elements of `value`, which are going to be visited, and returns `value`.

        Raises `Problem` if there are more than a list may have. Inner lists count as often as they occur: `[a, a]`
        nested forty times takes little memory, but has a trillion elements for a program that visits them all.
        """
        if isinstance(value, list | tuple | Unit):
            count = _elements(value)
            self.draw(count, span)
            if count > ELEMENTS:
                raise too_long(span)
        return value

    def open_part(self, span: Span) -> None:
        """Begins as many new parts as are needed for `left` to reach 0 again, and records the place for each."""
        part = Part(span, tuple(self._frames()))
        while self.left < 0:
            self._parts.append(part)
            if self._unopened <= 0 or len(self._parts) > PARTS:
                self._end(self._problem())
            size = min(self._size, self._unopened)
            self._unopened -= size
            self.left += size

    def _problem(self) -> Problem:
        """The error, which names the line at which most parts were begun; the last one, if there are several."""
        lines = Counter((part.span.source.name, part.span.line) for part in reversed(self._parts))
        (line, count), *_ = lines.most_common(1)
        most = next(p for p in reversed(self._parts) if (p.span.source.name, p.span.line) == line)
        share = round(100 * count / len(self._parts))
        return Problem(
            "too-many-steps",
            f"this takes more than {self.steps:,} steps",
            most.span,
            notes=(
                Note(f"this line takes {'about ' * (share < 100)}{share} % of them"),
                Note(
                    f"a node or a turn of a loop is one step, a block is two; {EVALUATIONS} evaluations of expressions "
                    "or elements of lists are one"
                ),
            ),
            frames=most.frames,
            help="if that is what you want, raise the limit with --max-steps",
        )


def too_long(span: Span) -> Problem:
    """The error for a list of too many elements."""
    return Problem(
        "list-too-long",
        f"a list has at most {ELEMENTS:,} elements, counting those of inner lists",
        span,
        help="to repeat something, use a loop or a number of copies instead of a list",
    )


def _elements(value: Any) -> int:
    """How many elements a list has, with those of inner lists. Counting stops soon after the limit."""
    count, waiting = 0, [value]
    while waiting and count <= ELEMENTS:
        parts = waiting.pop()
        parts = [given.value for given in parts.given] if isinstance(parts, Unit) else parts
        count += len(parts)
        waiting += [part for part in parts if isinstance(part, list | tuple | Unit)]
    return count


def _end(problem: Problem) -> NoReturn:
    diagnostic: Diagnostic = problem.diagnostic
    raise CompileError([diagnostic])
