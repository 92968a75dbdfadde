"""What it costs to make a text of a network of others, and to read a large ONNX file. `make bench` prints it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from measure import PEAK, beside, report
from torch import nn

from archdsl.cli.imported import of_networks
from archdsl.frontends.load import import_reference

RESNET = "torchvision:resnet152"
CHECK = "from archdsl.cli import main; assert main(['check', {path!r}]) == 0"


def bench_text_of_resnet_152_against_its_import() -> None:
    """The graph, its text, and the proof that the text is the network, beside the graph alone."""
    alone, text, proven = beside(
        lambda: import_reference(RESNET, ()),
        lambda: of_networks([RESNET], (), ".arch", prove=False),
        lambda: of_networks([RESNET], (), ".arch", prove=True),
        times=3,
    )
    report("import and text of ResNet-152 / import, seconds", text, alone, 3)
    report("the same with its proof / import, seconds", proven, alone, 3)


def bench_large_file(tmp_path: Path) -> None:
    """The memory of a process that counts the network of an ONNX file of 500 MB, beside the 400 MiB it may take."""
    path = tmp_path / "large.onnx"
    layers = (nn.Conv2d(1024, 1024, 3, padding=1) for _ in range(13))
    module = nn.Sequential(nn.Conv2d(3, 1024, 3), *layers, nn.Flatten(), nn.Linear(1024 * 16, 300)).eval()
    torch.onnx.export(module, (torch.zeros(1, 3, 6, 6),), path, dynamo=False)
    assert path.stat().st_size > 500e6
    code = CHECK.format(path=str(path)) + PEAK
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    report("counting a 500 MB ONNX file, MiB at most / 400 MiB", int(done.stdout.split()[-1]), 400, 1)
