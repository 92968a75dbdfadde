"""LSTM and GRU layers in ONNX files: outputs are those of onnxruntime, and parameters those that PyTorch counts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from onnx_models import assert_computes_the_same, exported
from torch import nn

import archdsl
from archdsl.ir.dump import written


class Tagger(nn.Module):
    """Two layers that read tokens both ways."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU]) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 8)
        self.layers = kind(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.layers(self.table(x))[0])


class Last(nn.Module):
    """The state of the last of two layers after the last position; the first begins with a learned one."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU]) -> None:
        super().__init__()
        self.first = kind(8, 6, batch_first=True)
        self.layers = kind(6, 6, num_layers=2, batch_first=True)
        self.start = nn.Parameter(torch.randn(1, 1, 6))
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        start = self.start.expand(-1, x.shape[0], -1).contiguous()
        x, _ = self.first(x, (start, start) if isinstance(self.first, nn.LSTM) else start)
        state = self.layers(x)[1]
        return self.fc((state[0] if isinstance(state, tuple) else state)[-1])


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("new", [True, False], ids=["new", "old"])
def test_layers_both_ways_are_those_that_were_exported(
    new: bool, kind: type[nn.LSTM | nn.GRU], tmp_path: Path, all_variants: bool
) -> None:
    if new and not all_variants:
        pytest.skip("the new exporter takes seconds for each; it is asked with --all-variants")
    module = Tagger(kind)
    path = exported(module, tmp_path / "net.onnx", torch.zeros(1, 7, dtype=torch.long), new=new)
    net = archdsl.load(path)
    assert net.params == sum(parameter.numel() for parameter in module.parameters())
    assert net.macs == archdsl.from_torch(module, torch.zeros(2, 7, dtype=torch.long)).macs
    assert [node.op.name for node in net.graph if node.op.name in ("lstm", "gru")] == [kind.__name__.lower()] * 2
    assert_computes_the_same(path)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_states_that_are_learned_or_used_are_those_that_were_exported(
    kind: type[nn.LSTM | nn.GRU], tmp_path: Path
) -> None:
    module = Last(kind)
    path = exported(module, tmp_path / "net.onnx", torch.zeros(2, 5, 8), new=False)
    net = archdsl.load(path)
    assert net.params == sum(parameter.numel() for parameter in module.parameters())
    assert f"{kind.__name__.lower()}(6, gives=state)" in [written(node.op) for node in net.graph]
    assert_computes_the_same(path)
