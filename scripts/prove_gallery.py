"""Proves every counterpart of the gallery, and writes what came of it: `docs/proofs.csv` and the record made of it.

With the names of specs, `yolov5 unet`, only their pairs are proven, and the rest of the record stays as it was.
"""

from __future__ import annotations

import sys
from multiprocessing import get_context

from gallery_record import PROOFS, Proof, proofs, write_proofs
from write_docs import write

from archdsl import load
from archdsl.counterparts import COUNTERPARTS

WORKERS = 2
PROOFS_A_PROCESS = 8  # what torch keeps of earlier networks is given back


def main(specs: list[str]) -> int:
    chosen = [index for index, pair in enumerate(COUNTERPARTS) if not specs or pair.spec.partition("@")[0] in specs]
    record = proofs()
    failed = 0
    with get_context("spawn").Pool(WORKERS, maxtasksperchild=PROOFS_A_PROCESS) as pool:
        for proof, text in pool.imap(prove, chosen):
            print(text, end="\n\n", flush=True)
            record[proof.pair] = proof
            if not proof.holds:
                failed += 1
                print(f"NOT PROVEN: {proof.pair}", flush=True)
    if failed:
        print(f"{failed} of {len(chosen)} are not proven; the record stays as it was", file=sys.stderr)
        return 1
    write_proofs([record[str(pair)] for pair in COUNTERPARTS if str(pair) in record])
    print(PROOFS)
    write("gallery.md")
    return 0


def prove(index: int) -> tuple[Proof, str]:
    import torch

    from archdsl.prove.prove import prove as proven

    torch.set_num_threads(1)
    pair = COUNTERPARTS[index]
    graph = load(pair.spec, **pair.settings).graph
    report = proven(graph, pair.reference.removesuffix("+aux"), bool(pair.structure_only))
    return Proof.of(pair, report), str(report)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
