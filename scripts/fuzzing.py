"""What the scripts of `make fuzz` share: seeds in pieces over several processes, and a record to go on from."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Done(NamedTuple):
    """What one piece of work found: counts of what was checked, and failures by seed."""

    start: int
    counts: dict[str, int]
    failures: dict[int, str]


def fuzz(does: str, work: Callable[[int], Done], *, at_once: int, until: str, most: int, record: str) -> int:
    """Works on seeds until `until` was counted `most` times; `work` does those of one piece, `at_once` of them.

    Each failure is printed. Gives the exit code of the script: 1 where something failed.
    """
    parser = argparse.ArgumentParser(description=does)
    parser.add_argument(f"--{until}", type=int, default=most, help="stop after this many; default: %(default)s")
    parser.add_argument("--start", type=int, default=0, help="the first seed; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; default: one for each core")
    parser.add_argument("--record", type=Path, default=ROOT / "build" / record, help="default: %(default)s")
    arguments = parser.parse_args()
    arguments.record.parent.mkdir(parents=True, exist_ok=True)
    counts, failed, start = _resumed(arguments.record, arguments.start, at_once)
    with ProcessPoolExecutor(arguments.jobs) as pool, arguments.record.open("a", encoding="utf-8") as record_file:
        while counts[until] < getattr(arguments, until):
            starts = [start + at_once * job for job in range(arguments.jobs)]
            for done in pool.map(work, starts):
                record_file.write(json.dumps(done._asdict()) + "\n")
                record_file.flush()
                counts.update(done.counts)
                failed += len(done.failures)
                for said in done.failures.values():
                    print(said, flush=True)
            start = starts[-1] + at_once
            print(f"seeds below {start}: {dict(counts)}, {failed} failures", flush=True)
    return 1 if failed else 0


def _resumed(record: Path, start: int, at_once: int) -> tuple[Counter[str], int, int]:
    """What a record says: counts, failures, and the seed to go on with. Its failures are printed again."""
    counts: Counter[str] = Counter()
    failed = 0
    for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else ():
        done = Done(**json.loads(line))
        counts.update(done.counts)
        failed += len(done.failures)
        start = max(start, done.start + at_once)
        print(*done.failures.values(), sep="\n", end="\n" if done.failures else "")
    return counts, failed, start


def words(error: Exception) -> str:
    """The first words of what an error says, by which failures of one kind are known; numbers are left out."""
    return re.sub(r"[\d\W]+", " ", str(error))[:30]
