"""Compares every network of the gallery in onnxruntime with its emitted PyTorch module, and prints how far they differ.

`make onnx` runs it. Names after it, `resnet vit@b16`, are compared alone. Of each spec one variant of each kind is run
(`tests/variants.py`), large ones with smaller settings. Every variant is checked by onnx at its own size, without
weights.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from running_onnx import TOLERANCE, difference, smaller
from variants import SPECS, Variant, all_of, kinds_of

from archdsl.outputs import written


def main(names: list[str]) -> int:
    chosen = [Variant(name) for name in names] or [one for spec in SPECS for one in kinds_of(spec)]
    failed = [str(one) for one in chosen if not compared(one)]
    for spec in [] if names else SPECS:
        for variant in all_of(spec):
            written(variant.load().graph, "onnx")
        print(f"{spec}: {len(all_of(spec))} variants checked", flush=True)
    print(
        f"{len(chosen)} networks compared, {len(failed)} differ by more than {TOLERANCE}: {', '.join(failed) or 'none'}"
    )
    return 1 if failed else 0


def compared(variant: Variant) -> bool:
    """Whether a network agrees; prints the largest relative difference and how long it took."""
    start = time.time()
    try:
        found = difference(smaller(variant))
    except Exception as error:
        print(f"{variant}: {type(error).__name__}: {error}", flush=True)
        return False
    print(f"{variant}: {found:.1e} ({time.time() - start:.0f} s)", flush=True)
    gc.collect()
    return found <= TOLERANCE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
