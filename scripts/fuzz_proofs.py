"""Makes slips at random in specs of the gallery, and holds what a proof says of them to one kind: `make fuzz`.

A slip changes a number, a word, the order of two steps, or leaves out or adds a step or an argument. The spec with the
slip is proven against the spec without it. The report should name one kind of difference at the line of the slip, or
nothing where both compute the same, which is then run. Anything else is printed with its seed. What was done is
written to a record, from which an interrupted run goes on. Ends with 1 where something failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

GOOD = ("one", "equal", "equal, by structure alone")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slips", type=int, default=500, help="how many; default: %(default)s")
    parser.add_argument("--start", type=int, default=0, help="the first seed; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; default: one for each core")
    parser.add_argument(
        "--record", type=Path, default=ROOT / "build" / "fuzz_proofs.jsonl", help="default: %(default)s"
    )
    arguments = parser.parse_args()
    arguments.record.parent.mkdir(parents=True, exist_ok=True)
    known = recorded(arguments.record)
    seeds = range(arguments.start, arguments.start + arguments.slips)
    counts = Counter(known[seed] for seed in seeds if seed in known)
    with ProcessPoolExecutor(arguments.jobs) as pool, arguments.record.open("a", encoding="utf-8") as record:
        for seed, outcome, said in pool.map(work, [seed for seed in seeds if seed not in known]):
            record.write(json.dumps({"seed": seed, "outcome": outcome, "said": said}) + "\n")
            record.flush()
            counts[outcome] += 1
            if outcome not in GOOD:
                print(f"seed {seed}: {outcome}\n{said}", flush=True)
            if counts.total() % 50 == 0:
                print(f"{counts.total()} slips: {dict(counts)}", flush=True)
    print(f"{counts.total()} slips: {dict(counts)}")
    return 1 if set(counts) - {*GOOD} else 0


def recorded(record: Path) -> dict[int, str]:
    """What a record says: the outcome of each seed. What failed is printed again."""
    found: dict[int, str] = {}
    for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else ():
        done = json.loads(line)
        found[done["seed"]] = done["outcome"]
        if done["outcome"] not in GOOD:
            print(f"seed {done['seed']}: {done['outcome']}\n{done['said']}")
    return found


def work(seed: int) -> tuple[int, str, str]:
    """The seed, the outcome, and what the slip is and the proof says of it."""
    import torch
    from slips import checked, drawn

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    try:
        found = checked(drawn(seed))
    except Exception as error:  # of the proof itself: to be seen, and no reason to stop
        return seed, "failed", f"{type(error).__name__}: {error}"
    return seed, found.outcome, f"{found.case}\n{found.said}"


if __name__ == "__main__":
    sys.exit(main())
