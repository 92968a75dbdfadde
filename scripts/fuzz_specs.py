"""Damages specs and holds the compiler to answering them: `make fuzz`.

Each failure is printed with its seed. What was done is written to a record, from which an interrupted run goes on.
Ends with 1 where something failed.
"""

from __future__ import annotations

import resource
import signal
import sys
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "scripts")]

from fuzzing import Done, fuzz  # noqa: E402 (the path comes first)

AT_ONCE = 50
"""Seeds of one piece of work."""

MEMORY = 3 << 30
"""Bytes of address space of a process; a text that needs more fails."""

LONGEST = 60
"""Seconds of CPU after which a text is given up."""


def main() -> int:
    return fuzz(__doc__ or "", work, at_once=AT_ONCE, until="texts", most=100_000, record="fuzz_specs.jsonl")


def work(start: int) -> Done:
    """Checks the seeds from `start`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _give_up)
    counts: Counter[str] = Counter()
    failures: dict[int, str] = {}
    for seed in range(start, start + AT_ONCE):
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        try:
            checked(seed, counts)
        except Exception as error:  # of whatever kind: to be seen, and no reason to stop
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            failures[seed] = f"seed {seed}: {type(error).__name__}: {error} ({place})"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    return Done(start, dict(counts), failures)


def _give_up(*_: Any) -> None:
    raise TimeoutError(f"no answer in {LONGEST} s of CPU")


def checked(seed: int, counts: Counter[str]) -> None:
    """One damaged spec."""
    from check_mutant import check
    from mutants import mutant

    found = mutant(seed)
    counts[found.way] += 1
    check(found.text, counts)


if __name__ == "__main__":
    sys.exit(main())
