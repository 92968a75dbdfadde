"""Makes slips at random in specs of the gallery, and holds what a proof says of them to one kind: `make fuzz`.

A slip changes a number, a word, the order of two steps, or leaves out or adds a step or an argument. The spec with the
slip is proven against the spec without it. The report should name one kind of difference at the line of the slip, or
nothing where both compute the same, which is then run. Anything else is printed with its seed. What was done is
written to a record, from which an interrupted run goes on. Ends with 1 where something failed.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "scripts")]

from fuzzing import Done, fuzz  # noqa: E402 (the path comes first)

AT_ONCE = 5
"""Seeds of one piece of work."""

GOOD = ("one", "equal", "equal, by structure alone")
"""Outcomes that are right: one kind of difference at the line of the slip, or none where there is none."""


def main() -> int:
    return fuzz(__doc__ or "", work, at_once=AT_ONCE, until="slips", most=500, record="fuzz_proofs.jsonl")


def work(start: int) -> Done:
    """Makes the slips of the seeds from `start`, and proves what comes of each."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    counts: Counter[str] = Counter()
    failures: dict[int, str] = {}
    for seed in range(start, start + AT_ONCE):
        outcome, said = outcome_of(seed)
        counts.update(["slips", outcome])
        if outcome not in GOOD:
            failures[seed] = f"seed {seed}: {outcome}\n{said}"
    return Done(start, dict(counts), failures)


def outcome_of(seed: int) -> tuple[str, str]:
    """How a slip came out, and what it is and the proof says of it."""
    from slips import checked, drawn

    try:
        found = checked(drawn(seed))
    except Exception as error:  # of the proof itself: to be seen, and no reason to stop
        return "failed", f"{type(error).__name__}: {error}"
    return found.outcome, f"{found.case}\n{found.said}"


if __name__ == "__main__":
    sys.exit(main())
