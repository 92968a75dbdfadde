"""How long proofs take, as ratios within one run. `make bench` prints them; nothing is asserted on time."""

from __future__ import annotations

import subprocess
import sys

import torch
from measure import PEAK, beside, report, seconds

from archdsl import load
from archdsl.frontends.references import build
from archdsl.prove.prove import prove

PROOF = """
from archdsl.cli import main
words = ["prove", "nasnet@large", "--set", "count_padding=true", "--structure", "--against", "timm:nasnetalarge"]
assert main(words) == 0
"""
IMPORTS = """
from archdsl.frontends.collections import declare_operators
declare_operators()
import timm
"""


def bench_resnet_50_against_export() -> None:
    """Making, importing and proving the reference, by structure and then with numbers, beside `torch.export` of it."""
    graph, image = load("resnet@50").graph, (torch.zeros(2, 3, 224, 224),)
    ready = build("torchvision:resnet50").eval()
    structure, numbers, export = beside(
        lambda: prove(graph, "torchvision:resnet50", structure_only=True),
        lambda: prove(graph, "torchvision:resnet50"),
        lambda: torch.export.export(ready, image),
    )
    report("proving the structure of ResNet-50 / torch.export, seconds", structure, export, 2)
    report("with outputs and gradients / torch.export, seconds", numbers, export, 2)


def bench_nasnet_by_structure() -> None:
    """A whole process, beside a minute; and the memory of one, beside one that only imports the packages."""
    report("prove --structure of nasnetalarge, seconds / a minute", seconds(lambda: peak(PROOF), 1), 60, 1)
    report("the same, memory / importing torch and timm, MiB", peak(PROOF), peak(IMPORTS), 3)


def peak(code: str) -> int:
    """The MiB that a process which runs this has held at most."""
    done = subprocess.run([sys.executable, "-c", code + PEAK], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])
