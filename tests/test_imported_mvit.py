"""Multiscale transformers of torchvision and timm are imported: attention whose queries, keys and values are pooled."""

from __future__ import annotations

import pytest
import torch
from reference import import_torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archdsl
from archdsl.analyses import totals
from archdsl.decompile.spec import spec_of
from archdsl.frontends.load import opaque_nodes
from archdsl.ir.dump import written
from archdsl.prove.prove import prove_sides
from archdsl.prove.sides import of_graph, of_module
from archdsl.tensor import Tensor

torchvision = import_torchvision()

THREE, ONE, TWO, NONE = [3, 3, 3], [1, 1, 1], [1, 2, 2], list[int]()
CLIP = Tensor(3, 4, 16, 16)


def of_torchvision(second: bool) -> nn.Module:
    """Two blocks of the first version, or of the second, which has relative positions and adds queries."""
    models = torchvision.models.video.mvit
    blocks = [
        models.MSBlockConfig(1, 8, 8, THREE if second else NONE, THREE, ONE if second else NONE, TWO),
        models.MSBlockConfig(2, 8, 16 if second else 8, THREE, THREE, TWO, ONE),
    ]
    model: nn.Module = models.MViT(
        (16, 16),
        4,
        blocks,
        residual_pool=second,
        residual_with_cls_embed=not second,
        rel_pos_embed=second,
        proj_after_attn=second,
        num_classes=5,
    )
    return model


def of_timm(class_token: bool) -> nn.Module:
    models = pytest.importorskip("timm.models.mvitv2")
    sizes = models.MultiScaleVitCfg(
        depths=(1, 1), embed_dim=8, num_heads=1, stride_q=((1, 1), (2, 2)), use_cls_token=class_token
    )
    model: nn.Module = models.MultiScaleVit(sizes, img_size=(16, 16), num_classes=5)
    return model


@pytest.mark.sampled
@pytest.mark.parametrize(("version", "option"), [("clips", False), ("clips", True), ("maps", False), ("maps", True)])
def test_pooled_attention_is_imported(version: str, option: bool) -> None:
    """No opaque node, PyTorch's counts, equal outputs, and a spec of the same network."""
    module = (of_torchvision if version == "clips" else of_timm)(option).eval()
    shape = CLIP if version == "clips" else Tensor(3, 16, 16)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    side = of_module(module, [shape])
    assert not opaque_nodes(side.graph)
    ops = {written(node.op).partition("(")[0] for node in side.graph}
    assert ("folded_conv" in ops) == (version == "clips")
    assert totals.parameters(side.graph, list(side.graph)) == sum(p.numel() for p in module.parameters())
    assert totals.macs(side.graph, list(side.graph)) == multiply_adds(module, shape)
    proof = prove_sides(of_graph(archdsl.loads(spec_of(side.graph)).graph), side)
    assert proof.ok, proof
    assert proof.numbers is not None
    assert proof.numbers.ok


def multiply_adds(module: nn.Module, shape: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, *shape.dims))
    return int(counter.get_total_flops()) // 2
