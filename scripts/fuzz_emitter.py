"""Compiles random specs and holds what is emitted to its properties: `make fuzz`.

Each failure is printed with its seed, what is wrong, and a small spec that fails in the same way. What was done is
written to a record, from which an interrupted run goes on. Ends with 1 where something failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

AT_ONCE = 5
"""Seeds of one piece of work."""


class Done(NamedTuple):
    """What one piece of work found: counts of what was checked, and failures by seed."""

    start: int
    counts: dict[str, int]
    failures: dict[int, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=20_000, help="stop after this many; default: %(default)s")
    parser.add_argument("--start", type=int, default=0, help="the first seed; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; default: one for each core")
    parser.add_argument(
        "--record", type=Path, default=ROOT / "build" / "fuzz_emitter.jsonl", help="default: %(default)s"
    )
    arguments = parser.parse_args()
    arguments.record.parent.mkdir(parents=True, exist_ok=True)
    counts, failed, start = resumed(arguments.record, arguments.start)
    with ProcessPoolExecutor(arguments.jobs) as pool, arguments.record.open("a", encoding="utf-8") as record:
        while counts["networks"] < arguments.networks:
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
    import torch
    from check_random import tidy

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    counts: Counter[str] = Counter()
    failures: dict[int, str] = {}
    texts: dict[str, str] = {}
    for seed in range(start, start + AT_ONCE):
        texts.update(checked(seed, counts, failures))
    with tempfile.TemporaryDirectory() as folder:
        if said := tidy(texts, Path(folder)):
            failures[start] = f"{failures.get(start, '')}seeds from {start}: not tidy\n{said}"
    return Done(start, dict(counts), failures)


def checked(seed: int, counts: Counter[str], failures: dict[int, str]) -> Iterator[tuple[str, str]]:
    """The emitted texts of one seed, by name; a failure is noted with a small spec."""
    from check_random import check
    from emit_properties import Broken
    from random_specs import template

    try:
        for side, module in enumerate(check(template(seed), counts)):
            yield f"random{seed}_{side}", module.text
    except Broken as error:
        failures[seed] = f"seed {seed}: {error}\n{small(template(seed), error)}"
    except Exception as error:  # of the properties themselves: to be seen, and no reason to stop
        failures[seed] = f"seed {seed}: {type(error).__name__}: {error}"


def small(template: str, error: Exception) -> str:
    """A small spec that breaks the same property with the same words, numbers left out."""
    from check_random import check, kind
    from emit_properties import Broken
    from shrink import shrunk

    assert isinstance(error, Broken)
    wanted = _words(error)

    def fails(smaller: str) -> bool:
        try:
            check(smaller, Counter(), only=kind(error))
        except Broken as other:
            return _words(other) == wanted
        except Exception:
            return False
        return False

    return shrunk(template, fails, most=150) if fails(template) else template


def _words(error: Exception) -> str:
    return re.sub(r"[\d\W]+", " ", str(error))[:30]


if __name__ == "__main__":
    sys.exit(main())
