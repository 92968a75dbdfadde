"""What one elaboration carries along: the builder, what went wrong so far, where it is, and its limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic, Frame
from archdsl.elaborate.arguments import OpMaker
from archdsl.elaborate.values import Problem, describe
from archdsl.ir.builder import Builder
from archdsl.source import Span


@dataclass(frozen=True, slots=True)
class Limits:
    """Where elaboration stops: a spec beyond them is taken for a slip. Both can be raised.

    `steps` bounds nodes and turns of loops together, `depth` the nesting of blocks.
    """

    steps: int = 250_000
    depth: int = 64


@dataclass(frozen=True, slots=True)
class Place:
    """One level of expansion: a block, a stage, a copy."""

    what: str
    arguments: tuple[tuple[str, Any], ...]
    span: Span
    copy: tuple[int, int] | None = None

    def frame(self) -> Frame:
        arguments = ", ".join(f"{name}={describe(value)}" for name, value in self.arguments)
        copy = f", copy {self.copy[0] + 1} of {self.copy[1]}" if self.copy else ""
        return Frame(self.what + (f"({arguments})" if arguments else "") + copy, self.span)


class Session:
    """Collects root causes; `places` leads from the network to where expansion is now."""

    def __init__(self, span: Span, limits: Limits, known: Iterable[Diagnostic] = ()) -> None:
        self.builder = Builder(span)
        self.maker = OpMaker()
        self.limits = limits
        self.places: list[Place] = []
        self.depth = 0
        self._diagnostics: dict[tuple[str, Span | None], Diagnostic] = {(d.code, d.span): d for d in known}
        self._steps = 0

    def report(self, problem: Problem) -> None:
        """Records a root cause with the frames it came through; the same text fails once."""
        diagnostic = problem.diagnostic
        frames = tuple(_joined(place.frame() for place in reversed(self.places)))
        located = Diagnostic(
            diagnostic.code,
            diagnostic.message,
            diagnostic.span,
            diagnostic.label,
            diagnostic.notes,
            diagnostic.frames or frames,
            diagnostic.help,
            diagnostic.severity,
        )
        self._diagnostics.setdefault((diagnostic.code, diagnostic.span), located)

    def warn(self, code: str, message: str, span: Span, **more: Any) -> None:
        self.report(Problem(code, message, span, severity="warning", **more))

    def tick(self, span: Span) -> None:
        """Counts a node or a turn of a loop, and ends what would not end."""
        self._steps += 1
        if self._steps > self.limits.steps:
            self.abort("too-many-steps", f"the network has more than {self.limits.steps:,} steps", span, "--max-steps")

    def abort(self, code: str, message: str, span: Span, option: str) -> None:
        self.report(Problem(code, message, span, help=f"if that is what you want, raise the limit with {option}"))
        raise CompileError(self.diagnostics)

    @contextmanager
    def inside(self, place: Place, *, nested: bool = False) -> Iterator[None]:
        """While inside, what goes wrong is reported with this frame; `nested` places count towards the depth."""
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
    def failed(self) -> bool:
        return any(d.severity == "error" for d in self.diagnostics)


def _joined(frames: Iterable[Frame]) -> Iterator[Frame]:
    """A block and the stage that it fills are one line of the same text: `block B(64), copy 1 of 4 in stage s`."""
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
