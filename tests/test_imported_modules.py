"""Modules that strangers write, imported: what is said of them, and that it is so."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

import archdsl
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.load import import_reference
from archdsl.frontends.parametrized import with_plain_weights
from archdsl.frontends.torch import from_torch, imported
from archdsl.prove.report import report_text


class Listening(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def test_nothing_that_pytorch_logs_reaches_the_user() -> None:
    """A product of matrices that do not fit is logged as an error, with all of PyTorch's calls, and raised too."""
    logger, listening = logging.getLogger("torch._subclasses.fake_tensor"), Listening()
    logger.addHandler(listening)
    before = logging.root.manager.disable
    try:
        with pytest.raises(CompileError, match="does not take the input 9"):
            from_torch(nn.Linear(8, 4), torch.zeros(2, 9))
    finally:
        logger.removeHandler(listening)
    assert listening.said == []
    assert logging.root.manager.disable == before


def old(normalize: object, layer: nn.Module) -> nn.Module:
    """By the functions that PyTorch has from before parametrizations, which it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return normalize(layer)  # type: ignore[operator]


@pytest.mark.parametrize(
    "make",
    [
        lambda: parametrizations.weight_norm(nn.Conv1d(4, 4, 3)),
        lambda: parametrizations.spectral_norm(nn.Conv1d(4, 4, 3)),
        lambda: old(weight_norm, nn.Conv1d(4, 4, 3)),
        lambda: old(spectral_norm, nn.Conv1d(4, 4, 3)),
    ],
)
def test_a_layer_with_a_computed_weight_is_a_plain_one(make: Callable[[], nn.Module]) -> None:
    module = nn.Sequential(make(), nn.ReLU(), nn.Conv1d(4, 2, 1)).eval()
    names = set(module.state_dict())
    found = imported(module, torch.zeros(2, 4, 9))
    assert [node.op.name for node in found.graph][1:] == ["conv", "relu", "conv"]
    network = archdsl.loads(spec_of(found.graph))
    report = network.prove(module)
    assert report.ok, report_text(report)
    assert set(module.state_dict()) == names


def test_the_plain_weight_is_what_the_module_computes() -> None:
    module = nn.Sequential(parametrizations.weight_norm(nn.Conv1d(4, 4, 3)), nn.Conv1d(4, 2, 1)).eval()
    plain = with_plain_weights(module)
    x = torch.randn(2, 4, 9)
    torch.testing.assert_close(plain(x), module(x))
    assert "0.weight" in plain.state_dict()


def normalized() -> nn.Module:
    """A network that is named by a reference."""
    return nn.Sequential(parametrizations.weight_norm(nn.Conv1d(4, 4, 3)), old(spectral_norm, nn.Conv1d(4, 2, 1)))


def test_an_import_says_which_weights_are_computed() -> None:
    found = import_reference("test_imported_modules:normalized", [((4, 9), "float")])
    assert found.notes == ("2 layers are read with the weight that SpectralNorm and WeightNorm computes: 0, 1",)
    assert archdsl.loads(spec_of(found.graph)).prove("test_imported_modules:normalized").ok
