"""Compares emitted modules with an interpreter of the ops in numpy, on random networks: `make fuzz`.

Seeds are of networks of one op, whose arguments are drawn over all that is documented, and every tenth of a network of
many blocks as well. What the compiler refuses is counted. Each failure is printed with its seed and a small spec. What
was done is written to a record, from which an interrupted run goes on. Ends with 1 where something failed.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "scripts")]

from fuzzing import Done, fuzz, words  # noqa: E402

AT_ONCE = 50
"""Seeds of one piece of work."""

NETWORKS_EVERY = 10
"""Of so many seeds, one is also the seed of two networks of many blocks."""


def work(start: int) -> Done:
    """Checks the seeds from `start`."""
    import torch

    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    failures: dict[int, str] = {}
    for seed in range(start, start + AT_ONCE):
        if said := "\n".join(failed(seed, counts)):
            failures[seed] = f"seed {seed}: {said}"
    return Done(start, dict(counts), failures)


def failed(seed: int, counts: Counter[str]) -> list[str]:
    """What is wrong with the networks of one seed, with a small spec for each."""
    from random_ops import network_of_one_op
    from random_specs import spec, template

    said = []
    one_op = network_of_one_op(seed)
    if error := wrong(one_op, "ops", counts):
        said.append(f"{error}\n{one_op}")
    if seed % NETWORKS_EVERY == 0:
        for side in (0, 1):
            text = spec(template(seed // NETWORKS_EVERY), side)
            if error := wrong(text, "networks", counts):
                said.append(f"{error}\n{small(text, error)}")
    return said


def wrong(text: str, what: str, counts: Counter[str]) -> Exception | None:
    """What is wrong with one network. It is counted as one of `what`."""
    from check_interpreter import check_spec

    found: Counter[str] = Counter()
    error = None
    try:
        check_spec(text, found)
    except Exception as raised:  # a difference; or a fault of PyTorch's, the emitter's or the interpreter's own
        error = raised
    counts.update({f"{what} {outcome}" if outcome != "compared" else what: count for outcome, count in found.items()})
    return error


def small(text: str, error: Exception) -> str:
    """A small spec that fails with the same words."""
    from shrink import shrunk

    def fails(smaller: str) -> bool:
        other = wrong(smaller, "", Counter())
        return type(other) is type(error) and words(other) == words(error)

    return shrunk(text, fails, most=150) if fails(text) else text


if __name__ == "__main__":
    assert __doc__ is not None
    sys.exit(fuzz(__doc__, work, at_once=AT_ONCE, until="ops", most=20_000, record="fuzz_ops.jsonl"))
