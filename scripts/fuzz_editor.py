"""Types specs at random and holds the answers of the language server to the protocol: `make fuzz`.

Each failure is printed with its seed. What was done is written to a record, from which an interrupted run goes on.
Ends with 1 where something failed.
"""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "scripts")]

from fuzzing import Done, fuzz  # noqa: E402 (the path comes first)

AT_ONCE, EDITS = 10, 20
"""Seeds of one piece of work, and edits of a text for each."""


def main() -> int:
    return fuzz(__doc__ or "", work, at_once=AT_ONCE, until="edits", most=10_000, record="fuzz_editor.jsonl")


def work(start: int) -> Done:
    """Checks the seeds from `start`."""
    from check_typed import check

    counts: Counter[str] = Counter()
    failures: dict[int, str] = {}
    for seed in range(start, start + AT_ONCE):
        try:
            check(seed, EDITS, counts)
        except Exception as error:  # of whatever kind: to be seen, and no reason to stop
            last = traceback.extract_tb(error.__traceback__)[-1]
            failures[seed] = f"seed {seed}: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
    return Done(start, dict(counts), failures)


if __name__ == "__main__":
    sys.exit(main())
