"""What an emitted module holds at inference: measured while its own `forward` runs, and predicted from the graph."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from check_random import graph_of as graph_of_text
from emission import example_inputs
from live_memory import emitted_memory, memory_on_cpu
from random_specs import spec, template
from reference import import_torchvision
from test_emit_random import LARGEST, Writer
from variants import NAMES, Variant, family, of_each_kind

import archdsl
from archdsl.analyses import memory
from archdsl.backends.torch.holding import ENOUGH
from archdsl.backends.torch.load import load, module
from archdsl.backends.torch.schedule import emitted
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph

RANDOM = 20
"""Specs drawn, by `make variants` three times as many; those that compile to few nodes are tried."""

THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet@torchvision": ("alexnet", {}),
    "densenet@121": ("densenet121", {}),
    "densenet@161": ("densenet161", {}),
    "efficientnet@b0": ("efficientnet_b0", {}),
    "efficientnet@b4": ("efficientnet_b4", {}),
    "googlenet@bn": ("googlenet", {"init_weights": False}),
    "inception_v3": ("inception_v3", {"init_weights": False}),
    "mobilenet_v2": ("mobilenet_v2", {}),
    "resnet@18": ("resnet18", {}),
    "resnet@50": ("resnet50", {}),
    "resnext@50_32x4d": ("resnext50_32x4d", {}),
    "vgg@A": ("vgg11", {}),
    "vgg@A_bn": ("vgg11_bn", {}),
    "vgg@B_bn": ("vgg13_bn", {}),
    "vgg@D": ("vgg16", {}),
    "vgg@D_bn": ("vgg16_bn", {}),
    "vgg@E_bn": ("vgg19_bn", {}),
    "wide_resnet@50_2": ("wide_resnet50_2", {}),
}

OVER: dict[str, float] = {
    "attention_unet": 1.38,
    **dict.fromkeys(("ddpm_unet", "ddpm_unet@cifar10"), 1.12),
    **{name: 1.23 for name in NAMES if name.partition("@")[0] in ("bert", "deit", "vit")},
    **dict.fromkeys(("mlp_mixer", *(f"mlp_mixer@{size}" for size in ("s16", "b16", "l16", "h14"))), 1.23),
    **dict.fromkeys(("hourglass", "hourglass@1", "hourglass@2", "hourglass@8"), 1.17),
    **dict.fromkeys(("latent_diffusion", "latent_diffusion@sd_1.5"), 1.3),
    **dict.fromkeys(("llama", *(f"llama@{size}" for size in ("7b", "13b", "33b", "65b"))), 1.34),
    **dict.fromkeys(("nasnet", "nasnet@large"), 1.42),
    "nasnet(n=2)": 1.32,
    "nasnet@mobile": 1.24,
    "nasnet@mobile(n=2)": 1.21,
    **dict.fromkeys(("nasnet_cifar", "nasnet_cifar@6_768"), 1.56),
    "nasnet_cifar(n=2)": 1.42,
    "nested_unet": 1.37,
    **dict.fromkeys(("preresnet", "preresnet@50"), 1.34),
    **dict.fromkeys(("preresnet_cifar", "preresnet_cifar@1001", "preresnet_cifar@1202"), 1.34),
    "res_unet": 1.33,
    **dict.fromkeys(("swin", "swin@t", "swin@s"), 1.19),
    **dict.fromkeys(("swin@b", "swin@l"), 1.2),
    **dict.fromkeys(("transformer", "transformer@base", "transformer@big"), 1.15),
    **dict.fromkeys(("unet", "unet@2015"), 1.44),
    **dict.fromkeys(("vae", "vae@paper"), 1.33),
    "vae@pytorch": 1.27,
    **{name: 1.34 for name in NAMES if name.startswith("wide_resnet_cifar")},
    "yolov5@n": 1.14,
}
"""Networks that hold more than a tenth above running flat, and how much; `docs/emitter.md` says why.

A network gets better and leaves, and none comes.
"""


def measured(graph: Graph) -> int:
    return memory_on_cpu(module(graph, device="meta"), graph)


def really_measured(graph: Graph) -> int:
    """Of a small network: convolutions of fake tensors may order memory in another way, and attention copies less."""
    return emitted_memory(module(graph), example_inputs(graph, batch=1))


def ratio(graph: Graph, held: int) -> float:
    return held / memory.inference(graph, memory.flat(graph)).peak


def of_torchvision(graph: Graph, name: str, options: dict[str, Any]) -> int:
    with torch.device("meta"):
        reference = getattr(import_torchvision().models, name)(**options)
    return memory_on_cpu(reference, graph)


def predicted(graph: Graph) -> int:
    return memory.inference(graph, emitted(graph)).peak


def drawn(all_variants: bool) -> int:
    return 3 * RANDOM if all_variants else RANDOM


@of_each_kind
def test_a_network_of_the_library_holds_what_is_predicted(variant: Variant) -> None:
    """And little more than running flat, or exactly as much as is listed: the list can only become shorter."""
    graph, over = variant.graph, OVER.get(str(variant), OVER.get(variant.name))
    held = measured(graph)
    assert predicted(graph) == held
    if over is not None:
        assert ENOUGH < ratio(graph, held) <= over < ratio(graph, held) + 0.01
    else:
        assert 1 <= ratio(graph, held) <= ENOUGH


def test_random_networks_hold_what_is_predicted(all_variants: bool) -> None:
    tried = 0
    for seed in range(1000, 1000 + drawn(all_variants)):
        with suppress(CompileError):
            graph = archdsl.loads(Writer(seed).spec()).graph
            if len(graph) <= LARGEST:
                tried += 1
                assert predicted(graph) == measured(graph), seed
    assert tried > drawn(all_variants) / 4


def test_random_blocks_hold_what_is_predicted(all_variants: bool) -> None:
    """Blocks that decide: by an `if`, and by branches of a join that fall away."""
    found = [graph_of_text(spec(template(seed), side)) for seed in range(drawn(all_variants) // 2) for side in (0, 1)]
    graphs = [graph for graph in found if graph is not None]
    assert len(graphs) >= drawn(all_variants) / 2
    for graph in graphs:
        assert predicted(graph) == really_measured(graph), graph.header.spec


@pytest.mark.sampled
@pytest.mark.parametrize("name", THEIRS)
def test_holds_at_most_what_torchvision_holds(name: str) -> None:
    graph = Variant(name).graph
    assert measured(graph) <= of_torchvision(graph, *THEIRS[name])


@pytest.mark.sampled
@pytest.mark.parametrize("spec", sorted({name.partition("@")[0] for name in NAMES if "@" in name}))
def test_variants_in_one_file_hold_as_little(spec: str) -> None:
    """Their classes serve all variants, so that what one of them needs the others have, too."""
    networks = family(spec).networks
    makers = load(family(spec).source(), spec).NETWORKS.values()
    for (variant, network), make in zip(networks.items(), makers, strict=True):
        with torch.device("meta"):
            made = make()
        held = memory_on_cpu(made, network.graph)
        assert ratio(network.graph, held) <= OVER.get(f"{spec}@{variant}", ENOUGH), variant


def forward_of(name: str, title: str) -> str:
    text = archdsl.load(name).source()
    return text.partition(f"class {title}(")[2].partition("def forward")[2].partition("\n\n")[0]


def test_a_stage_that_shrinks_first_is_opened_by_its_caller() -> None:
    assert "x = self.conv2.max_pool(x)  # 64x56x56\n        x = self.conv2.unit(x)" in forward_of("resnet@50", "ResNet")


def test_a_line_ends_where_a_value_is_used_for_the_last_time() -> None:
    assert "y = self.conv2(y)\n        return torch.cat([x, y], dim=1)" in forward_of("densenet@121", "DenseLayer")


def test_copies_of_a_small_block_are_opened_in_their_loop() -> None:
    lines = ["for conv_bn in self.conv1.unit:", "    x = conv_bn.conv(x)", "    x = conv_bn.bn(x)"]
    assert "\n        ".join([*lines, "    x = conv_bn.relu(x)  # 64x224x224"]) in forward_of("vgg@D_bn", "VGG")


def test_a_small_block_is_opened_by_its_caller() -> None:
    """In lines of its own; the other uses of the block are called."""
    lines = [
        "x = self.stem.conv2(x)  # 32x147x147",
        "x = self.stem.conv3.conv(x)  # 64x147x147",
        "x = self.stem.conv3.relu(self.stem.conv3.bn(x))  # 64x147x147",
        "x = self.stem.halve1(x)  # 64x73x73",
    ]
    assert "\n        ".join(lines) in forward_of("inception_v3", "InceptionV3")


def test_what_leads_to_a_named_value_has_its_name() -> None:
    lines = ["body = self.channel_shuffle(self.relu1(self.bn1(self.conv1(x))))", "body = self.conv2(self.bn2("]
    assert "\n        ".join(lines) in forward_of("shufflenet", "ShuffleUnit")


def test_code_is_as_it_comes_where_nothing_is_gained() -> None:
    """ResNet-18 opens the stage of its pooling; the block's lines hold nothing that counts."""
    assert "y = self.relu1(self.bn1(self.conv1(x)))" in forward_of("resnet@18", "Basic")


def test_the_table_in_the_documents_is_measured() -> None:
    text = (Path(__file__).parent.parent / "docs" / "costs.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `([\w@]+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]*) ?\|$", text, re.MULTILINE)
    assert len(found) > 10
    for name, ours, flat, theirs in found:
        graph = Variant(name).graph
        assert f"{measured(graph) / 1e6:.2f}" == ours, name
        assert f"{memory.inference(graph, memory.flat(graph)).peak / 1e6:.2f}" == flat, name
        if theirs:
            assert f"{of_torchvision(graph, *THEIRS[name]) / 1e6:.2f}" == theirs, name
