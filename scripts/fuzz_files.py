"""Damages files of other tools and graph files, and holds their readers to reading or refusing them: `make fuzz`.

Each failure is printed with its seed. What was done is written to a record, from which an interrupted run goes on.
Ends with 1 where something failed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "scripts")]

from fuzzing import Done, fuzz  # noqa: E402 (the path comes first)

AT_ONCE = 50
"""Seeds of one piece of work."""


def main() -> int:
    return fuzz(__doc__ or "", work, at_once=AT_ONCE, until="files", most=20_000, record="fuzz_files.jsonl")


def work(start: int) -> Done:
    """Checks the seeds from `start`, with a file of each kind in turn."""
    from edited_files import KINDS, checked

    counts: Counter[str] = Counter()
    failures: dict[int, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for seed in range(start, start + AT_ONCE):
            kind = KINDS[seed % len(KINDS)]
            try:
                counts[f"{kind} read" if checked(kind, seed, Path(folder)) else f"{kind} refused"] += 1
            except Exception as error:  # of whatever kind: to be seen, and no reason to stop
                last = traceback.extract_tb(error.__traceback__)[-1]
                failures[seed] = f"seed {seed}: {kind}: {type(error).__name__}: {error} ({last.filename}:{last.lineno})"
        os.chdir(ROOT)
    return Done(start, dict(counts), failures)


if __name__ == "__main__":
    sys.exit(main())
