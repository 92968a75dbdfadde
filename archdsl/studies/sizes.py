"""Finds the input sizes that a network accepts, and why it does not accept others, by compiling it with each size."""

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
"""The least and the largest period of the pattern that is looked for, in pixels or tokens; two periods are tried."""

AROUND = 16
"""All sizes are tried up to this far below and above the smallest accepted one."""

FURTHER = (2, 4)
"""Multiples of the declared size that are tried as well."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one size: the `problem` if the network does not accept it.

    `dropped` has the rows and columns that each node loses; those of dimensions that are not varied are 0. `weights` is
    equal for sizes with the same weights.
    """

    size: int
    problem: Diagnostic | None
    dropped: tuple[tuple[str, tuple[int, ...]], ...] = ()
    weights: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the network accepts the size."""
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
    """The nodes that lose rows and columns at the size `example`, and how many."""

    example: int
    nodes: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Sizes:
    """The result for one axis. `origin` is the accepted size from which the search started: the declared one, or the
    nearest to it.

    `graph` is the network with that size; `verdicts` are the results by size. `accepted` is the pattern of accepted
    sizes, None if the sizes that were tried follow no pattern.
    """

    axis: Axis
    origin: int
    graph: Graph = field(repr=False)
    verdicts: dict[int, Verdict] = field(repr=False)
    accepted: Pattern | None

    @cached_property
    def smallest(self) -> int:
        """The smallest accepted size above which all tried sizes follow the pattern."""
        rule = self.accepted or Pattern(1, (0,))
        tried = [size for size in sorted(self.verdicts) if size <= self.origin and size in rule]
        rejected = [size for size in tried if not self.verdicts[size].accepted]
        return next(size for size in tried if not rejected or size > rejected[-1])

    @property
    def exceptions(self) -> tuple[int, ...]:
        """Tried sizes above the smallest that do not follow the pattern."""
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
        """The verdicts of successive sizes from the origin on, up to the first that was not tried."""
        found: dict[int, Verdict] = {}
        while self.origin + len(found) in self.verdicts:
            found[self.origin + len(found)] = self.verdicts[self.origin + len(found)]
        return found

    @cached_property
    def same_weights(self) -> tuple[int, int | None]:
        """The range of sizes with the same weights as the origin. Its end is None if it includes the largest tried."""
        own = self.verdicts[self.origin].weights
        accepted = [size for size in sorted(self.verdicts) if self.verdicts[size].accepted]
        others = [size for size in accepted if self.verdicts[size].weights != own]
        below = max((size for size in others if size < self.origin), default=0)
        above = min((size for size in others if size > self.origin), default=None)
        first = next(size for size in accepted if size > below)
        return first, above and max(size for size in accepted if size < above)

    @property
    def weights_vary(self) -> bool:
        """Whether the shapes of weights depend on the size."""
        return len({verdict.weights for verdict in self.verdicts.values() if verdict.accepted}) > 1

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """The reasons for which sizes are not accepted, each once; first those of sizes above the smallest accepted."""
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
        """The loss at the smallest accepted size, from the origin on, at which rows are lost; None if there is none."""
        losing = [v for v in self._turns.values() if v.accepted and v.dropped]
        if not losing:
            return None
        return Loss(losing[0].size, losing[0].dropped)


Progress = Callable[[int, int], None]
"""A function that is called with the number of sizes tried so far, and the number planned so far."""


def sizes(subject: Subject, jobs: int | None = None, progress: Progress | None = None) -> tuple[Sizes, ...]:
    """The sizes that each axis of the inputs accepts. Raises `CompileError` if none near the declared one is accepted.

    If the declared sizes themselves are not accepted, sizes that are declared equal are varied together. `jobs` is the
    number of processes, by default one per core.
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
        """The result for the axis. Raises `error`, that of the declared size, if no size near it is accepted either."""
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
        """The input pixels that correspond to a whole number of positions in every map; at most `LONGEST`."""
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
        """Tries sizes until it is known how far from the origin, downwards and upwards, the weights stay the same."""
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
