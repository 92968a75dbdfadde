"""The file of a causal language model continues texts, and computes no position twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import archdsl
from archdsl.analyses.measures import measure
from archdsl.backends.torch.generation import generates

SMALL: dict[str, Any] = {"words": 12, "vocabulary": 50, "width": 24, "heads": 4, "depth": 2}
MODELS = {"gpt2": {**SMALL, "context": 16}, "llama": {**SMALL, "kv_heads": 2, "hidden": 40}}
BIASED = """\
network Near:
    input tokens: 12 of int
    shared table = embedding(50, 24)
    stage decoder:
        path near = tokens -> bucket_bias(4, buckets=8, farthest=9{causal}) -> scale(0.5)
        tokens -> table -> Layer(4, near) * 2
    stage head: linear(50, bias=false, weight=table)

block Layer(heads, near):
    add{{it | layer_norm -> linear(72) -> split(3) -> attend(heads, causal=true, bias=near) -> linear(24)}}
"""
TEXTS = {"near": BIASED.format(causal=""), "before": BIASED.format(causal=", causal=true")}
"""Causal models with a bias by distance, one of which has buckets for later positions, too."""


def network(spec: str) -> archdsl.Network:
    return archdsl.loads(TEXTS[spec]) if spec in TEXTS else archdsl.load(spec, **MODELS[spec])


def emitted(spec: str) -> tuple[ModuleType, torch.nn.Module]:
    net = network(spec)
    module = ModuleType("emitted")
    exec(compile(net.source(), f"<{spec}>", "exec"), module.__dict__)
    torch.manual_seed(0)
    model = vars(module)[net.graph.header.name]().double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)  # biases begin at 0
    return module, model


@pytest.mark.parametrize("spec", [*MODELS, *TEXTS])
def test_logits_with_the_cache_are_those_of_the_full_pass(spec: str) -> None:
    module, model = emitted(spec)
    tokens = torch.randint(0, 50, (2, 12))
    with torch.no_grad():
        whole = model(tokens)
        cache = module.Cache.active = module.Cache()
        parts = []
        for part in tokens.split((5, 4, 1, 2), dim=1):
            parts.append(model(part))
            cache.length += part.shape[1]
        module.Cache.active = None
    torch.testing.assert_close(torch.cat(parts, dim=2), whole, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("spec", [*MODELS, *TEXTS])
def test_each_token_is_the_most_likely_one(spec: str) -> None:
    module, model = emitted(spec)
    prompt = torch.randint(0, 50, (2, 4))
    text = module.generate(model, prompt, 6)
    expected = prompt
    with torch.no_grad():
        for _ in range(6):
            expected = torch.cat([expected, model(expected)[:, :, -1:].argmax(1)], dim=1)
    assert torch.equal(text, expected)
    assert module.Cache.active is None


def test_the_program_continues_a_text(tmp_path: Path) -> None:
    path = tmp_path / "gpt2.py"
    path.write_text(archdsl.load("gpt2", **MODELS["gpt2"]).source())
    said = subprocess.run(
        [sys.executable, path, "--prompt-length", "4", "--device", "cpu"], capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("8 tokens after 4 in ")


@pytest.mark.parametrize(("spec", "settings"), [("bert", {}), ("vit", {}), ("transformer", {}), ("lstm_text", {})])
def test_other_networks_do_not_generate(spec: str, settings: dict[str, Any]) -> None:
    net = archdsl.load(spec, **settings)
    assert not generates(net.graph)
    assert "Cache" not in net.source()


@pytest.mark.parametrize(
    "bias", ["offset_bias(4)", "bucket_bias(4) -> global_avg_pool -> flatten -> linear(576) -> reshape(4 x 12 x 12)"]
)
def test_a_bias_for_one_length_does_not_generate(bias: str) -> None:
    net = archdsl.loads(TEXTS["near"].replace("bucket_bias(4, buckets=8, farthest=9)", bias))
    assert not generates(net.graph)


@pytest.mark.parametrize(("spec", "count"), [("llama@7b", 536_870_912), ("llama@tiny_1.1b", 2048 * 22 * 2 * 256)])
def test_the_cache_is_keys_and_values_of_all_positions(spec: str, count: int) -> None:
    """32 layers of 2 x 4096 channels at 2048 positions; 22 of 2 x 256, since 4 heads of keys serve 32 of queries."""
    assert measure(archdsl.load(spec).graph, ["cache"], "fp16") == {"cache": 2 * count}
