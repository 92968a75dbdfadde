"""Compiles random specs and holds what is emitted to its properties: `make fuzz`.

Each failure is printed with its seed, what is wrong, and a small spec that fails in the same way. What was done is
written to a record, from which an interrupted run goes on. Ends with 1 where something failed.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "scripts")]

from fuzzing import Done, fuzz, words  # noqa: E402

AT_ONCE = 5
"""Seeds of one piece of work."""


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
    wanted = words(error)

    def fails(smaller: str) -> bool:
        try:
            check(smaller, Counter(), only=kind(error))
        except Broken as other:
            return words(other) == wanted
        except Exception:
            return False
        return False

    return shrunk(template, fails, most=150) if fails(template) else template


if __name__ == "__main__":
    assert __doc__ is not None
    sys.exit(fuzz(__doc__, work, at_once=AT_ONCE, until="networks", most=20_000, record="fuzz_emitter.jsonl"))
