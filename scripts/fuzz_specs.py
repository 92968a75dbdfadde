"""Damages specs and graph files and holds the compiler to answering them: `make fuzz`.

Each failure is printed with its seed and written to a file beside the record. What was done is in the record, from
which an interrupted run goes on. Ends with 1 where something failed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

AT_ONCE = 50
"""Seeds of one piece of work."""

MEMORY = 3 << 30
"""Bytes of address space of a process; a text that needs more fails."""

LONGEST = 60
"""Seconds after which a text is given up."""


class Done(NamedTuple):
    """What one piece of work found: counts, and failures by seed."""

    start: int
    counts: dict[str, int]
    failures: dict[int, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000, help="stop after this many; default: %(default)s")
    parser.add_argument("--start", type=int, default=0, help="the first seed; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; default: one for each core")
    parser.add_argument("--record", type=Path, default=ROOT / "build" / "fuzz_specs.jsonl", help="default: %(default)s")
    arguments = parser.parse_args()
    arguments.record.parent.mkdir(parents=True, exist_ok=True)
    counts, failed, start = resumed(arguments.record, arguments.start)
    with ProcessPoolExecutor(arguments.jobs) as pool, arguments.record.open("a", encoding="utf-8") as record:
        while counts["texts"] < arguments.texts:
            starts = [start + AT_ONCE * job for job in range(arguments.jobs)]
            for done in pool.map(work, starts):
                record.write(json.dumps(done._asdict()) + "\n")
                record.flush()
                counts.update(done.counts)
                failed += len(done.failures)
                for said in done.failures.values():
                    print(said, flush=True)
            start = starts[-1] + AT_ONCE
            print(f"seeds below {start}: {dict(counts)}, {failed} failures", flush=True)
    return 1 if failed else 0


def resumed(record: Path, start: int) -> tuple[Counter[str], int, int]:
    """What a record says: counts, failures, and the seed to go on with. Its failures are printed again."""
    counts: Counter[str] = Counter()
    failed = 0
    for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else ():
        done = Done(**json.loads(line))
        counts.update(done.counts)
        failed += len(done.failures)
        start = max(start, done.start + AT_ONCE)
        print(*done.failures.values(), sep="\n", end="\n" if done.failures else "")
    return counts, failed, start


def work(start: int) -> Done:
    """Checks the seeds from `start`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _give_up)
    counts: Counter[str] = Counter()
    failures: dict[int, str] = {}
    for seed in range(start, start + AT_ONCE):
        signal.alarm(LONGEST)
        try:
            checked(seed, counts)
        except BaseException as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            failures[seed] = f"seed {seed}: {type(error).__name__}: {error} ({place})"
        finally:
            signal.alarm(0)
    return Done(start, dict(counts), failures)


def _give_up(*_: Any) -> None:
    raise TimeoutError(f"no answer in {LONGEST} s")


def checked(seed: int, counts: Counter[str]) -> None:
    """One damaged spec."""
    from check_mutant import check
    from mutants import mutant

    found = mutant(seed)
    counts[found.way] += 1
    check(found.text, counts)


if __name__ == "__main__":
    sys.exit(main())
