"""Which input sizes a network accepts, and why not others; found by compiling it with one size after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import lcm

from archdsl.analyses.receptive_field import receptive_fields
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph
from archdsl.studies.axes import Axis, axes
from archdsl.studies.periodic import Pattern, pattern
from archdsl.studies.pool import in_parallel
from archdsl.studies.propagate import contrast, propagate
from archdsl.studies.subject import Subject
from archdsl.studies.weights import fingerprint

SHORTEST, LONGEST = 8, 256
"""The least and the largest period of the pattern that is looked for; sizes are tried over two periods."""

AROUND = 16
"""So many sizes below and above the smallest accepted one are all tried."""

FURTHER = (2, 4)
"""Multiples of the declared size that are tried as well."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one size: the `problem` if the network does not accept it, else rows lost by nodes, and weights.

    `dropped` has rows and columns by node, those of the varied dimensions; the others are 0.
    """

    size: int
    problem: Diagnostic | None
    dropped: tuple[tuple[str, tuple[int, ...]], ...] = ()
    weights: str = ""

    @property
    def accepted(self) -> bool:
        return self.problem is None


@dataclass(frozen=True, slots=True)
class _Probe:
    subject: Subject
    axis: Axis

    def __call__(self, size: int) -> Verdict:
        try:
            compiled = self.axis.compile(self.subject, size)
        except CompileError as error:
            return Verdict(size, next(d for d in error.diagnostics if d.severity == "error"))
        passage = propagate(compiled.graph, self.axis.tensors(size))
        dropped = ((node.id, self._varied(lost)) for node, lost in passage.dropped)
        return Verdict(size, None, tuple(pair for pair in dropped if any(pair[1])), fingerprint(compiled.graph))

    def _varied(self, lost: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(count if index in self.axis.spatial else 0 for index, count in enumerate(lost))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the network does not accept `sizes`, with the message for `example` and the node that fails, if known."""

    sizes: tuple[int, ...]
    example: int
    text: str
    problem: Diagnostic
    node: str | None


@dataclass(frozen=True, slots=True)
class Loss:
    """Which nodes lose how many rows at the size `example`."""

    example: int
    nodes: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Sizes:
    """The result for one axis. `origin` is the accepted size that the search started from: the declared or nearest one.

    `graph` is the network with that size. `accepted` is None where the sizes that were tried follow no pattern.
    """

    axis: Axis
    origin: int
    graph: Graph = field(repr=False)
    verdicts: dict[int, Verdict] = field(repr=False)
    accepted: Pattern | None

    @cached_property
    def smallest(self) -> int:
        """The smallest size from which on all tried sizes follow the pattern."""
        rule = self.accepted or Pattern(1, (0,))
        tried = [size for size in sorted(self.verdicts) if size <= self.origin and size in rule]
        rejected = [size for size in tried if not self.verdicts[size].accepted]
        return next(size for size in tried if not rejected or size > rejected[-1])

    @property
    def exceptions(self) -> tuple[int, ...]:
        """Tried sizes that do not follow the pattern."""
        if self.accepted is None:
            return ()
        rule = ((size, size >= self.smallest and size in self.accepted) for size in sorted(self.verdicts))
        return tuple(size for size, expected in rule if self.verdicts[size].accepted != expected)

    @cached_property
    def lossless(self) -> Pattern | None:
        """The accepted sizes at which no rows are lost."""
        found = {size: v.accepted and not v.dropped for size, v in self._turns.items()}
        return pattern(found, len(found) // 2)

    @property
    def _turns(self) -> dict[int, Verdict]:
        """The verdicts from the origin on, up to the first size that was not tried."""
        found: dict[int, Verdict] = {}
        while self.origin + len(found) in self.verdicts:
            found[self.origin + len(found)] = self.verdicts[self.origin + len(found)]
        return found

    @cached_property
    def same_weights(self) -> tuple[int, int | None]:
        """The range of sizes with the same weights as the origin; None as its end: up to the largest tried size."""
        own = self.verdicts[self.origin].weights
        accepted = [size for size in sorted(self.verdicts) if self.verdicts[size].accepted]
        others = [size for size in accepted if self.verdicts[size].weights != own]
        below = max((size for size in others if size < self.origin), default=0)
        above = min((size for size in others if size > self.origin), default=None)
        first = next(size for size in accepted if size > below)
        return first, above and max(size for size in accepted if size < above)

    @property
    def weights_vary(self) -> bool:
        return len({verdict.weights for verdict in self.verdicts.values() if verdict.accepted}) > 1

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """The reasons for failures, each once; those of sizes from the smallest accepted one on come first."""
        grouped: dict[tuple[str, int], list[Verdict]] = {}
        for verdict in sorted(self.verdicts.values(), key=lambda v: (v.size < self.smallest, v.size)):
            if verdict.problem is not None:
                span = verdict.problem.span
                grouped.setdefault((verdict.problem.code, span.start if span else -1), []).append(verdict)
        return tuple(self._reason(verdicts) for verdicts in grouped.values())

    def _reason(self, verdicts: list[Verdict]) -> Reason:
        example = min(verdicts, key=lambda verdict: abs(verdict.size - self.axis.start))
        problem = example.problem
        assert problem is not None
        passage = propagate(self.graph, self.axis.tensors(example.size))
        known = passage.failed is not None and passage.failed.span == problem.span
        text = (contrast(self.graph, passage) if known else None) or problem.message
        node = passage.failed.id if known and passage.failed else None
        return Reason(tuple(v.size for v in verdicts), example.size, text, problem, node)

    @cached_property
    def loss(self) -> Loss | None:
        """The loss at the smallest accepted size, from the origin on, at which rows are lost."""
        losing = [v for v in self._turns.values() if v.accepted and v.dropped]
        if not losing:
            return None
        return Loss(losing[0].size, losing[0].dropped)


Progress = Callable[[int, int], None]
"""Is told how many sizes were tried, and how many are to be for now."""


def sizes(subject: Subject, jobs: int | None = None, progress: Progress | None = None) -> tuple[Sizes, ...]:
    """The sizes that each axis of the inputs accepts. Raises `CompileError` if none near the declared one is accepted.

    Where the declared sizes themselves are not accepted, those that are equal vary together.
    """
    try:
        subject.compile()
    except CompileError as error:
        surveys = [_Survey(subject, axis, jobs, progress) for axis in axes(subject, together=True)]
        if not surveys:
            raise
        return tuple(survey.result(error) for survey in surveys)
    return tuple(_Survey(subject, axis, jobs, progress).result() for axis in axes(subject))


@dataclass
class _Survey:
    subject: Subject
    axis: Axis
    jobs: int | None
    progress: Progress | None
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    def result(self, error: CompileError | None = None) -> Sizes:
        """The result; raises the error of the declared size if neither it nor a size near it is accepted."""
        self.origin = self.axis.start if error is None else self._nearest(error)
        self.graph = self.axis.compile(self.subject, self.origin).graph
        found = self._repeating()
        if found is not None:
            smallest = self._smallest(found)
            self._try(range(max(1, smallest - AROUND), smallest + AROUND))
            self._try(self._from(found, times * self.origin) for times in FURTHER)
        self._follow_weights(found)
        return Sizes(self.axis, self.origin, self.graph, self.verdicts, found)

    def _nearest(self, error: CompileError) -> int:
        start = self.axis.start
        self._try(range(max(1, start - LONGEST // 2), start + LONGEST // 2))
        accepted = [size for size, verdict in self.verdicts.items() if verdict.accepted]
        if not accepted:
            raise error
        return min(accepted, key=lambda size: (abs(size - start), size))

    def _try(self, wanted: Iterable[int]) -> None:
        missing = [size for size in dict.fromkeys(wanted) if size not in self.verdicts]
        total = len(self.verdicts) + len(missing)
        for verdict in in_parallel(_Probe(self.subject, self.axis), missing, self.jobs):
            self.verdicts[verdict.size] = verdict
            if self.progress:
                self.progress(len(self.verdicts), total)

    def _accepts(self, size: int) -> bool:
        self._try([size])
        return self.verdicts[size].accepted

    def _repeating(self) -> Pattern | None:
        """The pattern of accepted sizes from the origin on, if they have one."""
        turn = max(SHORTEST, self._stride())
        while turn <= LONGEST:
            turns = range(self.origin, self.origin + 2 * turn)
            self._try(turns)
            found = pattern({size: self.verdicts[size].accepted for size in turns}, turn)
            if found is not None:
                return found
            turn *= 2
        return None

    def _stride(self) -> int:
        """The number of pixels by which every map moves a whole number of positions; at most `LONGEST`."""
        fields = receptive_fields(self.graph).fields.values()
        jumps = {dimension.jump for found in fields for dimension in (*found.largest, *found.smallest)} - {0}
        stride = lcm(*jumps)
        return stride if stride <= LONGEST else SHORTEST

    def _smallest(self, found: Pattern) -> int:
        """The smallest size of the pattern that is accepted, if all those above it are."""
        below = [size for size in range(1, self.origin) if size in found]
        low, high = 0, len(below)
        while low < high:
            middle = (low + high) // 2
            if self._accepts(below[middle]):
                high = middle
            else:
                low = middle + 1
        return [*below, self.origin][low]

    def _from(self, found: Pattern, size: int) -> int:
        return next(larger for larger in range(size, size + found.period) if larger in found)

    def _follow_weights(self, found: Pattern | None) -> None:
        """Finds how far from the origin the weights stay the same, downwards and upwards."""
        if found is None or len({v.weights for v in self.verdicts.values() if v.accepted}) == 1:
            return
        own, largest = self.verdicts[self.origin].weights, max(self.verdicts)
        below = [size for size in range(1, self.origin) if size in found]
        above = [size for size in range(self.origin + 1, largest + 1) if size in found]
        for away in (below[::-1], above):
            low, high = 0, len(away)
            while low < high:
                middle = (low + high) // 2
                if self._accepts(away[middle]) and self.verdicts[away[middle]].weights == own:
                    low = middle + 1
                else:
                    high = middle
