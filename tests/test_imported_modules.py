"""Modules that strangers write, imported: what is said of them, and that it is so."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

import archdsl
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.load import import_reference
from archdsl.frontends.parametrized import with_plain_weights
from archdsl.frontends.torch import from_torch, imported
from archdsl.prove.prove import prove
from archdsl.prove.report import report_text
from archdsl.tensor import Kind


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


# --- what helps where a network does not take its input ---------------------------------------------


class Pair(nn.Module):
    """Takes a list."""

    def forward(self, values: list[Tensor]) -> Tensor:
        return values[0] + values[1]


def linear() -> nn.Module:
    return nn.Linear(8, 4)


def advice(do: Callable[[], object]) -> str:
    with pytest.raises(CompileError) as found:
        do()
    (diagnostic,) = found.value.diagnostics
    return diagnostic.help or ""


def test_the_help_fits_what_was_asked() -> None:
    linear = "test_imported_modules:linear"
    assert "archdsl import ... --input" in advice(lambda: import_reference(linear))
    assert advice(lambda: import_reference(linear, [((9,), "float")])).startswith("its forward takes (input): ")
    given: list[tuple[tuple[int, ...], Kind]] = [((8,), "float")] * 2
    listed = advice(lambda: import_reference("test_imported_modules:Pair", given))
    assert listed.startswith("its forward takes (values): ")
    graph = archdsl.loads("network Net:\n    input signal: 9\n    linear(4)\n").graph
    proven = advice(lambda: prove(graph, linear))
    assert "--input" not in proven
    assert "in the order of the spec" in proven


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))


def test_lazy_layers_get_their_shapes() -> None:
    found = import_reference("test_imported_modules:lazy", [((3, 8, 8), "float")])
    network = archdsl.loads(spec_of(found.graph))
    assert network.params == 4 * (3 * 9 + 1) + 2 * (4 * 6 * 6 + 1)
    assert network.prove("test_imported_modules:lazy").ok
    assert advice(lambda: from_torch(lazy(), torch.zeros(2, 3, 8, 8))).startswith("run the module once")


class Cached(nn.Module):
    """A language model of transformers, which gives a cache too."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import LlamaConfig, LlamaForCausalLM

        sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
        self.model = LlamaForCausalLM(LlamaConfig(vocab_size=30, **sizes))

    def forward(self, tokens: Tensor) -> object:
        return self.model(tokens)


def test_a_cache_is_no_result() -> None:
    pytest.importorskip("transformers")
    assert "use_cache=False" in advice(lambda: from_torch(Cached(), torch.zeros(2, 6, dtype=torch.long)))
