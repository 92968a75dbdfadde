"""The state of building one graph: the builder, the problems found so far, the current place, and the limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from archdsl.diagnostics import CompileError, Diagnostic, Frame
from archdsl.elaborate.arguments import OpMaker
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.values import Problem, Unit, describe
from archdsl.ir.builder import Builder
from archdsl.limits import DEPTH, EVALUATIONS, STEPS
from archdsl.resolve.allow import Allows
from archdsl.source import Span

WITH_FRAMES = 500
"""Diagnostics that keep their frames and get advice; there are more only where few of them will be shown."""

LETTERS = 64
"""So many letters of a path cost as much as an evaluation."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of elaboration. A spec that exceeds them is taken for a mistake; both can be raised.

    `steps` limits the nodes, blocks and turns of loops and all that is computed for them; `depth` limits how deeply
    blocks are nested.
    """

    steps: int = STEPS
    depth: int = DEPTH


@dataclass(frozen=True, slots=True)
class Place:
    """One level of expansion: a block, a stage or a copy. `unit` is the block or network with its arguments, if any."""

    what: str
    arguments: tuple[tuple[str, Any], ...]
    span: Span
    copy: tuple[int, int] | None = None
    unit: Unit | None = None

    def frame(self) -> Frame:
        arguments = ", ".join(f"{name}={describe(value)}" for name, value in self.arguments)
        copy = f", copy {self.copy[0] + 1} of {self.copy[1]}" if self.copy else ""
        return Frame(self.what + (f"({arguments})" if arguments else "") + copy, self.span)


class Session:
    """Collects the problems, and knows the place: `places` leads from the network to the block being expanded."""

    def __init__(
        self, span: Span, limits: Limits, known: Iterable[Diagnostic] = (), allows: Allows | None = None
    ) -> None:
        self.builder = Builder(span)
        self.allows = allows or Allows()
        self.maker = OpMaker()
        self.limits = limits
        self.places: list[Place] = []
        self.matching: set[int] = set()
        """The branches, by the `id` of their chains, that are joined with `it`: they may ask for `it.channels`."""
        self.depth = 0
        self.budget = Budget(limits.steps, self.frames, self.abort)
        self._diagnostics: dict[tuple[str, Span | None], Diagnostic] = {(d.code, d.span): d for d in known}

    def frames(self) -> tuple[Frame, ...]:
        """The current place as frames, the innermost first."""
        return tuple(_joined(place.frame() for place in reversed(self.places)))

    def report(self, problem: Problem) -> None:
        """Records a problem with the current frames. Of several with one code at one place, only the first counts."""
        diagnostic = problem.diagnostic
        key = diagnostic.code, diagnostic.span
        if key in self._diagnostics:
            return
        frames = diagnostic.frames or (self.frames() if self.may_show_more else ())
        located = Diagnostic(
            diagnostic.code,
            diagnostic.message,
            diagnostic.span,
            diagnostic.label,
            diagnostic.notes,
            frames,
            diagnostic.help,
            diagnostic.severity,
        )
        self._diagnostics[key] = located

    def warn(self, code: str, message: str, span: Span, **more: Any) -> None:
        """Records a warning unless a comment allows it, at its line or at the use of a block around it."""
        if (code, span) in self._diagnostics:
            return
        if not self.allows.covers(code, [span, *(place.span for place in self.places)]):
            self.report(Problem(code, message, span, severity="warning", **more))

    def warned(self, code: str, around: Span) -> Diagnostic | None:
        """The first warning of this code in a text."""
        found = (one for one in self._diagnostics.values() if one.code == code and one.span is not None)
        return next((one for one in found if one.span is not None and around.holds(one.span)), None)

    def tick(self, span: Span, path: str) -> None:
        """Subtracts the cost of a node, a block or a turn of a loop from the budget, and that of a long path."""
        self.budget.draw(EVALUATIONS + len(path) // LETTERS, span)

    def abort(self, problem: Problem) -> NoReturn:
        """Ends the elaboration with this problem and all that was reported before."""
        self.report(problem)
        raise CompileError(self.diagnostics)

    @contextmanager
    def inside(self, place: Place, *, nested: bool = False) -> Iterator[None]:
        """A context in which problems are reported with this frame. `nested` places count towards the depth."""
        self.places.append(place)
        self.depth += nested
        try:
            yield
        finally:
            self.places.pop()
            self.depth -= nested

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(self._diagnostics.values())

    @property
    def may_show_more(self) -> bool:
        """Whether what is found now may still be shown, so that finding out more about it is worth its time."""
        return len(self._diagnostics) < WITH_FRAMES

    @property
    def failed(self) -> bool:
        return any(d.severity == "error" for d in self.diagnostics)


def _joined(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames, with a block and the stage that it fills as one: `block B(64), copy 1 of 4 in stage s`."""
    inner: Frame | None = None
    for frame in frames:
        if inner is not None and frame.text.startswith(("stage ", "output ")) and inner.span.line == frame.span.line:
            inner = Frame(f"{inner.text} in {frame.text}", inner.span)
            continue
        if inner is not None:
            yield inner
        inner = frame
    if inner is not None:
        yield inner
