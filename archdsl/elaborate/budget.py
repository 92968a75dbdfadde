"""What one elaboration may spend: it counts what every part costs, and ends it with the place that spent most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from archdsl.diagnostics import CompileError, Diagnostic, Frame, Note
from archdsl.elaborate.values import Problem, Unit
from archdsl.limits import ELEMENTS, EVALUATIONS, STEPS
from archdsl.source import Span

PARTS = 50
"""Parts of a budget. With each, the place that opened it is noted; so the costs of all places are known nearly."""


class Part(NamedTuple):
    """Where expansion was when a part of the budget was opened."""

    span: Span
    frames: tuple[Frame, ...]


class Budget:
    """One account, on which every step, evaluation and element draws.

    `left` is public because evaluation, the hottest loop, counts it down itself and calls `open_part` below 0.
    `frames` say where expansion is; `end` reports the problem that ends it.
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
        """Pays for a node, a block, or a turn of a loop."""
        self.draw(EVALUATIONS, span)

    def draw(self, count: int, span: Span) -> None:
        """Pays for `count` evaluations, or elements. Ends the elaboration where nothing is left."""
        self.left -= count
        if self.left < 0:
            self.open_part(span)

    def take(self, value: Any, span: Span) -> Any:
        """Pays for all elements of `value`, which somebody is going to walk through, and returns it.

        Raises `Problem` where there are more than any list may have. Inner lists count as often as they occur:
        forty times `[a, a]` takes no room, but has a trillion elements for whoever reads it.
        """
        if isinstance(value, list | tuple | Unit):
            count = _elements(value)
            self.draw(count, span)
            if count > ELEMENTS:
                raise too_long(span)
        return value

    def open_part(self, span: Span) -> None:
        """Opens as many parts as are overdrawn, at the expense of the place that needs them."""
        part = Part(span, tuple(self._frames()))
        while self.left < 0:
            self._parts.append(part)
            if self._unopened <= 0 or len(self._parts) > PARTS:
                self._end(self._problem())
            size = min(self._size, self._unopened)
            self._unopened -= size
            self.left += size

    def _problem(self) -> Problem:
        """Names the line that most parts were opened for; of several, the last."""
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
                Note(f"a node or a turn of a loop is one, a block two; {EVALUATIONS} evaluations or elements are one"),
            ),
            frames=most.frames,
            help="if that is what you want, raise the limit with --max-steps",
        )


def too_long(span: Span) -> Problem:
    """What is wrong with a list of too many elements."""
    return Problem(
        "list-too-long",
        f"a list has at most {ELEMENTS:,} elements, those of inner lists counted",
        span,
        help="let a loop or a number of copies say how often",
    )


def _elements(value: Any) -> int:
    """The elements of a list or of arguments, those of inner ones too; counting ends soon after the limit."""
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
