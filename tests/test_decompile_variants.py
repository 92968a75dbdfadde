"""Specs with variants that are written of several networks: each variant must be the network that it was written of."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from random_specs import spec, template

import archdsl
from archdsl.cli import main
from archdsl.decompile.scaling import DEPTHS, WIDTHS, scale_of
from archdsl.decompile.spec import Member, spec_of_all
from archdsl.decompile.variants import variant_names
from archdsl.diagnostics import CompileError
from archdsl.formula import round_to
from archdsl.frontends.load import import_reference
from archdsl.ir.graph import Graph
from archdsl.prove.prove import prove_sides
from archdsl.prove.report import report_text
from archdsl.prove.sides import of_graph

LINES = Path(__file__).parent / "data" / "decompiled_families.csv"
"""The most lines that the spec of a public family may have. The numbers may fall, and not rise."""


def assert_variants(text: str, variants: Sequence[str], graphs: Sequence[Graph]) -> None:
    """Each variant of the text compiles to a network of the structure and weights of its graph."""
    for variant, graph in zip(variants, graphs, strict=True):
        proof = prove_sides(of_graph(archdsl.loads(text, variant).graph), of_graph(graph), structure_only=True)
        assert proof.ok, f"{variant}: {report_text(proof)}\n{text}"


@cache
def member(reference: str) -> Member:
    found = import_reference(reference)
    return Member(found.graph, found.recorded, reference)


def written(*references: str) -> str:
    """The text for some public networks, each variant of which is proven."""
    members = list(map(member, references))
    text, variants = spec_of_all(members)
    assert_variants(text, variants, [member.graph for member in members])
    return text


# --- public families -----------------------------------------------------------------------------


def families() -> list[tuple[list[str], int, bool]]:
    with LINES.open() as file:
        return [
            (row["networks"].split(), int(row["lines"]), row["all_variants"] == "yes") for row in csv.DictReader(file)
        ]


@pytest.mark.sampled
@pytest.mark.parametrize(("references", "lines", "large"), families())
def test_families_become_short_specs(references: list[str], lines: int, large: bool, all_variants: bool) -> None:
    if large and not all_variants:
        pytest.skip("its networks take long to import; `make variants` does")
    text = written(*references)
    assert len(text.splitlines()) <= lines, text


def test_resnets_differ_in_their_block_and_its_copies() -> None:
    text = written("torchvision:resnet18", "torchvision:resnet34", "torchvision:resnet50")
    assert "34: unit = BasicBlock, layers = [3, 4, 6, 3]" in text
    assert "50: unit = Bottleneck, layers = [3, 4, 6, 3]" in text
    assert "stage layer3: unit(256) * layers[2] first(stride=2)" in text
    assert "expect 50: params == 25_557_032; macs == 4_089_184_256; layer4.shape == 2048x7x7" in text


def test_what_vgg_repeats_becomes_a_block() -> None:
    text = written("torchvision:vgg11", "torchvision:vgg16_bn")
    assert "16_bn: unit = ConvBnRelu, layers = [2, 2, 3, 3, 3]" in text
    assert "stage stage3: unit(256) * layers[2] -> max_pool(2)" in text


def test_widths_are_scaled_by_the_argument_of_the_code() -> None:
    text = written("torchvision:mobilenet_v2(width_mult=1.4)", "torchvision:mobilenet_v2(width_mult=0.5)")
    assert "def C(c) = round_to(c * width_mult, 8)" in text
    assert "InvertedResidual(C(24)) * 2 first(stride=2)" in text
    assert "conv(max(1280, C(1280)), 1)" in text


def test_arguments_of_all_normalizations_are_said_once() -> None:
    text = written("torchvision:efficientnet_b0", "torchvision:efficientnet_b5")
    assert "defaults: bn(eps=bn_eps, momentum=bn_momentum)" in text
    assert "MBConv(C(40)) * L(2) first(stride=2)" in text
    assert len(re.findall("eps", text)) < 10


def test_a_written_spec_takes_settings_of_its_own() -> None:
    """What is between the variants is a network as well: the paper's widths of a growth rate that no reference has."""
    text = written("torchvision:densenet121", "torchvision:densenet161")
    network = archdsl.loads(text, growth_rate=24, block_config=[6, 12, 32, 32])
    assert network.params == archdsl.load("densenet@169", growth=24).params


# --- graphs of specs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "variants"),
    [
        ("resnet", ["18", "50", "50_v1", "plain34"]),
        ("convnext", ["tiny", "base"]),
        ("googlenet", None),
        ("yolov5", ["n", "s"]),
        ("vit", None),
        ("wide_resnet_cifar", None),
    ],
)
def test_variants_of_the_gallery_are_written_again(name: str, variants: list[str] | None) -> None:
    chosen = variants or list(archdsl.family(name).networks)
    graphs = [archdsl.load(name, variant).graph for variant in chosen]
    text, found = spec_of_all([Member(graph, {}, f"{name}:{v}") for v, graph in zip(chosen, graphs, strict=True)])
    assert_variants(text, found, graphs)


@pytest.mark.parametrize("start", range(0, 32, 16))
def test_random_networks_of_one_text_are_variants_of_one(start: int) -> None:
    """Pairs of networks whose blocks have other arguments: of most there is one text, and that is right."""
    wrote = tried = 0
    for seed in range(start, start + 16):
        try:
            graphs = [archdsl.loads(spec(template(seed), side)).graph for side in (0, 1)]
        except CompileError:
            continue
        tried += 1
        if found := of_one_text(graphs):
            assert_variants(*found, graphs)
            wrote += 1
    assert 2 * wrote > tried


def of_one_text(graphs: Sequence[Graph]) -> tuple[str, list[str]] | None:
    """The text of two networks with the names of its variants; None if they are no variants of one."""
    try:
        return spec_of_all([Member(graph, {}, f"net:{name}") for name, graph in zip("ab", graphs, strict=True)])
    except CompileError as error:
        if {one.code for one in error.diagnostics} != {"unlike-networks"}:
            raise
        return None


# --- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("references", "names"),
    [
        ("torchvision:resnet18 torchvision:resnet101 torchvision:resnet152", "18 101 152"),
        ("torchvision:vgg11 torchvision:vgg11_bn", "11 11_bn"),
        ("timm:efficientnet_b0 timm:efficientnet_b1", "b0 b1"),
        ("pytorchcv:mobilenetv2_w1 pytorchcv:mobilenetv2_wd2", "w1 wd2"),
        ("torchvision:vit_b_16 torchvision:vit_l_16", "b l"),
        ("torchvision:regnet_y_400mf torchvision:regnet_y_1_6gf", "400mf 1_6gf"),
        ("a:net(width=0.5) a:net(width=1.0)", "0.5 1.0"),
        ("a:net(width=0.5) a:net", "net_width_0.5 net"),
        ("torchvision:resnet18 timm:resnet18", "torchvision timm"),
        ("torchvision:resnet50 torchvision:resnext50_32x4d", "resnet50 resnext50_32x4d"),
    ],
)
def test_variants_are_called_by_what_differs(references: str, names: str) -> None:
    assert variant_names(references.split()) == names.split()


def test_factors_are_those_that_were_published() -> None:
    widths, depths = [32, 16, 24, 40, 80, 112, 192, 320, 1280], [1, 2, 2, 3, 3, 4, 1]
    rows = [[round_to(width * factor, 8) for factor in (1.0, 1.4, 2.0)] for width in widths]
    scale = scale_of(rows, WIDTHS, {})
    assert scale is not None
    assert (scale.rounding.text, scale.factors) == ("round_to({base} * {factor}, 8)", (1.0, 1.4, 2.0))
    rows = [[-int(-depth * factor // 1) for factor in (1.0, 1.8, 3.1)] for depth in depths]
    scale = scale_of(rows, DEPTHS, {})
    assert scale is not None
    assert scale.factors == (1.0, 1.8, 3.1)


# --- the command ---------------------------------------------------------------------------------


def test_import_writes_and_proves_variants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nets.arch"
    assert main(["import", "torchvision:vgg11", "torchvision:vgg13", "-o", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "variants 11, 13, each proven to have the structure and the weights of its own network" in said
    assert archdsl.load(path, "13").params == 133_047_848


def test_networks_of_two_families_are_no_variants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nets.arch"
    assert main(["import", "torchvision:resnet18", "torchvision:alexnet", "-o", str(path)]) == 1
    assert not path.exists()
    said = capsys.readouterr().err
    assert "torchvision:resnet18 and torchvision:alexnet are no variants of one network" in said
    assert "they part in the stage stem" in " ".join(said.split())
    assert "torchvision:alexnet has conv(64, 11, stride=4, padding=2)" in said
    assert "archdsl import torchvision:alexnet -o alexnet.arch" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["torchvision:vgg11", "torchvision:vgg13"], "several networks are written as one spec"),
        (["torchvision:vgg11", "torchvision:vgg13", "-o", "nets.json"], "several networks are written as one spec"),
        (["torchvision:vgg11", "torchvision:vgg11", "-o", "nets.arch"], "torchvision:vgg11 is named twice"),
    ],
)
def test_wrong_calls_are_refused_before_anything_is_imported(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
