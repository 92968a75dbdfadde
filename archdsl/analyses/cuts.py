"""Chooses where a chain of steps is cut into stages, so that the most expensive stage costs least.

In go the cost of each step, in order, and the places that may be cut; out come the places that are cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise


def balanced(costs: Sequence[int], sent: Mapping[int, int], stages: int) -> tuple[int, ...]:
    """The `stages - 1` places at which steps with these costs are cut; stage k begins with the step at place k - 1.

    `sent` has the places that may be cut, between 1 and the last step, with what is sent over each. The greatest cost
    of a stage is the least possible. Among the choices with that cost, the sum of what is sent is least. There must be
    `stages - 1` places or more.

    >>> balanced([3, 1, 1, 1], {1: 8, 2: 8, 3: 8}, 2)
    (1,)
    """
    assert len(sent) >= stages - 1, "there are too few places to cut"
    places = [0, *sorted(sent), len(costs)]
    before = [0, *accumulate(costs)]
    ends = [before[place] for place in places]
    return tuple(places[index] for index in _fewest_sent(ends, [sent.get(place, 0) for place in places], stages))


def _fewest_sent(ends: Sequence[int], sent: Sequence[int], stages: int) -> list[int]:
    """The indices of the cuts for which least is sent, if no stage costs more than it has to.

    `ends` are the summed costs up to each place. A row of the dynamic program has, for each place, the least that is
    sent if the stages so far end there; the stage before may begin at any place of a window that only moves on.
    """
    most = _least_bound(ends, stages)
    row: list[int | None] = [0, *[None] * (len(ends) - 1)]
    choices: list[list[int]] = []
    for _ in range(stages):
        found: list[int | None] = [None] * len(ends)
        chosen = [0] * len(ends)
        window: deque[int] = deque()
        for place in range(1, len(ends)):
            start = row[place - 1]
            if start is not None:
                while window and _known(row, window[-1]) >= start:
                    window.pop()
                window.append(place - 1)
            while window and ends[place] - ends[window[0]] > most:
                window.popleft()
            if window:
                chosen[place], found[place] = window[0], _known(row, window[0]) + sent[place]
        row = found
        choices.append(chosen)
    place, cuts = len(ends) - 1, list[int]()
    for chosen in reversed(choices):
        place = chosen[place]
        cuts.append(place)
    return cuts[-2::-1]


def _known(row: Sequence[int | None], place: int) -> int:
    value = row[place]
    assert value is not None
    return value


def _least_bound(ends: Sequence[int], stages: int) -> int:
    """The least cost that the most expensive stage can have, by bisection: stages that fit are filled greedily."""
    low, high = max(after - start for start, after in pairwise(ends)), ends[-1]
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _stages_needed(ends, middle) <= stages else (middle + 1, high)
    return low


def _stages_needed(ends: Sequence[int], most: int) -> int:
    """The fewest stages of at most this cost."""
    count, start = 1, 0
    for place in range(1, len(ends)):
        if ends[place] - ends[start] > most:
            count, start = count + 1, place - 1
    return count
