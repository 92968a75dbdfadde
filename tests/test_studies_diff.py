"""Differences between networks: what is said of them, that their costs add up, and that checkpoints do as foretold."""

from __future__ import annotations

import cProfile

import pytest
import torch

from archdsl.backends.torch.load import module
from archdsl.driver import compile_network, open_spec, split_variant
from archdsl.ir.graph import Graph
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.studies.difference import NetworkDifference, difference
from archdsl.studies.entries import Cost
from archdsl.studies.weights import in_words, state


def library(name: str, **settings: object) -> Graph:
    spec, variant = split_variant(name)
    return compile_network(open_spec(spec), variant, settings).graph


def written(*lines: str) -> Graph:
    text = "\n".join(["network Net:", "    input image: 3 x 16 x 16", *(f"    {line}" for line in lines)])
    return compile_network(resolve(Source("net.arch", f"{text}\n"), specs_folder())).graph


def told(found: NetworkDifference) -> list[str]:
    return [f"{e.kind} {e.path}: {e.what}" + (f" (×{e.copies})" if e.copies > 1 else "") for e in found.entries]


# --- what is said ----------------------------------------------------------------------------


def test_longer_networks_have_more_copies() -> None:
    found = difference(library("resnet@50"), library("resnet@101"))
    assert told(found) == ["added conv4.6–22: Bottleneck, 1024×14×14 (×17)"]
    assert found.entries[0].cost.params == 44_549_160 - 25_557_032
    assert found.settings == (("layers", [3, 4, 6, 3], [3, 4, 23, 3]),)


def test_a_stride_that_moved() -> None:
    found = difference(library("resnet@50"), library("resnet@50_v1"))
    assert told(found)[:2] == ["changed conv3.0.conv1: stride 1 → 2", "changed conv3.0.conv2: stride 2 → 1"]
    assert len(found.entries) == 6
    assert found.follows == Cost()
    assert found.loading.loads


def test_copies_that_differ_alike_are_one_entry() -> None:
    found = difference(library("resnet@50"), library("resnext@50_32x4d"))
    assert "changed conv4.{0–5}.conv2: out 256 → 512; groups 1 → 32 (×6)" in told(found)


def test_blocks_put_in_are_named() -> None:
    found = difference(library("resnet@50"), library("senet@50"))
    assert {entry.kind for entry in found.entries} == {"added"}
    assert "added conv3.{0–3}.squeeze_excite: SqueezeExcite, 512×28×28 (×4)" in told(found)
    assert sum(entry.cost.params for entry in found.entries) == 28_088_024 - 25_557_032


def test_a_block_in_place_of_another() -> None:
    found = difference(library("resnet@18"), library("resnet@50"))
    assert told(found)[:2] == [
        "changed conv2.unit.0–1: Basic, 64×56×56 → Bottleneck, 256×56×56 (×2)",
        "added conv2.unit.2: Bottleneck, 256×56×56",
    ]


def test_another_size_is_told_by_stage() -> None:
    found = difference(library("resnet@50"), library("resnet@50", resolution=256, classes=10))
    assert told(found) == [
        "changed image: dims 3×224×224 → 3×256×256",
        "resized conv1: 64×112×112 → 64×128×128",
        "resized conv2: 256×56×56 → 256×64×64",
        "resized conv3: 512×28×28 → 512×32×32",
        "resized conv4: 1024×14×14 → 1024×16×16",
        "resized conv5: 2048×7×7 → 2048×8×8",
        "changed head.linear: out 1000 → 10",
    ]


def test_a_layer_put_in_between_moves_the_numbers_behind_it() -> None:
    before = written("conv(8, 3)", "conv(16, 3)", "conv(32, 3)")
    after = written("conv(8, 3)", "conv(12, 1)", "conv(16, 3)", "conv(32, 3)")
    found = difference(before, after)
    assert told(found) == ["added conv2: conv 1×1, 12", "renamed conv2: conv3", "renamed conv3: conv4"]
    assert found.loading.moved == {
        "conv3.weight": "conv4.weight",
        "conv3.bias": "conv4.bias",
        "conv2.bias": "conv3.bias",
    }


def test_copies_put_in_at_the_front() -> None:
    before = written("for w in [16, 32, 64]:", "    conv(w, 3) -> bn -> relu")
    after = written("for w in [8, 16, 32, 64]:", "    conv(w, 3) -> bn -> relu")
    found = difference(before, after)
    assert told(found) == [
        "added repeat.0: copy, 8×16×16",
        "resized repeat.0: in 3×16×16 → 8×16×16",
        "renamed repeat.0–2: repeat.1–3 (×3)",
    ]
    assert found.entries[1].cost.params == (8 - 3) * 16 * 9


def test_an_op_in_place_of_another_of_its_family() -> None:
    assert told(difference(written("conv(8, 3) -> relu"), written("conv(8, 3) -> silu"))) == [
        "changed relu: relu → silu"
    ]


def test_what_is_left_out_is_passed_over() -> None:
    before, after = written("conv(8, 3) -> bn -> relu"), written("conv(8, 3) -> relu")
    assert told(difference(before, after)) == ["removed bn: bn"]


def test_another_wiring() -> None:
    before = written("conv(3, 3) as a", "conv(3, 3) as b", "conv(3, 3) as c", "add{a | c}")
    after = written("conv(3, 3) as a", "conv(3, 3) as b", "conv(3, 3) as c", "add{b | c}")
    assert told(difference(before, after)) == ["changed add: takes b instead of a"]


def test_the_order_of_a_sum_is_no_difference() -> None:
    before = written("conv(3, 3) as a", "conv(3, 3) as b", "add{a | b}")
    after = written("conv(3, 3) as a", "conv(3, 3) as b", "add{b | a}")
    assert difference(before, after).is_none


def test_the_order_of_a_concatenation_is_one() -> None:
    before = written("conv(3, 3) as a", "conv(3, 3) as b", "concat{a | b}")
    after = written("conv(3, 3) as a", "conv(3, 3) as b", "concat{b | a}")
    assert told(difference(before, after)) == ["changed concat: takes b instead of a; takes a instead of b"]


def test_rates_that_follow_from_depth_are_no_difference() -> None:
    def dropped(rate: float, copies: int) -> Graph:
        unit = f"block Unit:\n    add{{it | conv(3, 3) -> drop_path({rate}, schedule=linear)}}\n\n"
        text = f"{unit}network Net:\n    input image: 3 x 16 x 16\n    Unit * {copies}\n"
        return compile_network(resolve(Source("net.arch", text), specs_folder())).graph

    assert {entry.kind for entry in difference(dropped(0.2, 3), dropped(0.2, 4)).entries} == {"added"}
    assert {entry.kind for entry in difference(dropped(0.2, 3), dropped(0.3, 3)).entries} == {"changed"}


def test_outputs() -> None:
    before = written("conv(8, 3) as a", "relu")
    after = written("conv(8, 3) as a", "output early: a", "relu")
    assert told(difference(before, after)) == ["added early: output"]
    assert told(difference(after, before)) == ["removed early: output"]
    training = written("conv(8, 3) as a", "output early training: a", "relu")
    assert told(difference(after, training)) == ["changed early: for inference too → for training alone"]


def test_networks_that_have_nothing_in_common() -> None:
    found = difference(library("mlp"), library("hourglass"))
    assert {"added", "removed"} <= {entry.kind for entry in found.entries}


# --- that it adds up -------------------------------------------------------------------------

PAIRS = [
    ("resnet@18", "preresnet@18"),
    ("resnet@34", "resnet@plain34"),
    ("googlenet", "googlenet@bn"),
    ("vgg@A", "vgg@E_bn"),
    ("alexnet", "zfnet"),
    ("densenet@121", "densenet@161"),
    ("mobilenet", "mobilenet_v2"),
    ("mobilenet@1.0", "mobilenet@full"),
    ("efficientnet@b0", "efficientnet@b2"),
    ("inception_v3", "inception_v4"),
    ("nasnet@mobile", "nasnet@large"),
    ("unet", "fcn"),
    ("lenet@5", "lenet@5_sparse"),
    ("shufflenet@g1", "shufflenet@g3"),
    ("textcnn", "mlp"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_costs_add_up_to_the_difference_of_the_whole(pair: tuple[str, str]) -> None:
    for names in (pair, pair[::-1]):
        found = difference(*map(library, names))
        assert not found.is_none
        for name in ("params", "macs"):
            total = sum(getattr(entry.cost, name) for entry in found.entries) + getattr(found.follows, name)
            assert total == found.measures[1][name] - found.measures[0][name]


@pytest.mark.parametrize("name", ["resnet@50", "googlenet", "nasnet@mobile", "hourglass", "efficientnet@b1"])
def test_a_network_does_not_differ_from_itself(name: str) -> None:
    assert difference(library(name), library(name)).is_none


# --- checkpoints -----------------------------------------------------------------------------

NETWORKS = sorted({name for pair in PAIRS for name in pair} | {"hourglass", "senet@50", "xception", "resnext@50_32x4d"})


@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_holds_what_torch_says(name: str) -> None:
    graph = library(name)
    torchs = {name: tuple(value.shape) for name, value in module(graph, device="meta").state_dict().items()}
    assert state(graph) == torchs


@pytest.mark.parametrize(
    "pair", [*PAIRS[:5], ("resnet@50", "resnet@50_v1"), ("resnet@18", "resnet@plain18"), ("unet", "unet")], ids=" ".join
)
def test_checkpoints_load_as_foretold(pair: tuple[str, str]) -> None:
    graphs = tuple(map(library, pair))
    loading = difference(*graphs).loading
    first, second = (module(graph, device="meta") for graph in graphs)
    assert _loads(second, first.state_dict(), strict=True) == loading.loads
    kept = first.state_dict()
    for name in loading.misshapen:
        del kept[name]
    assert _loads(second, kept, strict=False)
    assert _loads(second, first.state_dict(), strict=False) == (not loading.misshapen)
    result = second.load_state_dict(kept, strict=False, assign=True)
    # torch passes over a missing counter of batches: checkpoints from before 2018 have none.
    wanted = {name for name in (*loading.missing, *loading.misshapen) if not name.endswith("num_batches_tracked")}
    assert {name for name in result.missing_keys if not name.endswith("num_batches_tracked")} == wanted
    assert {*result.unexpected_keys} == set(loading.unexpected)


def _loads(net: torch.nn.Module, held: dict[str, torch.Tensor], *, strict: bool) -> bool:
    try:
        result = net.load_state_dict(held, strict=strict, assign=True)
    except RuntimeError:
        return False
    return not strict or not (result.missing_keys or result.unexpected_keys)


def test_checkpoints_in_words() -> None:
    found = difference(library("resnet@50"), library("resnet@50", classes=10)).loading
    assert list(in_words(found, "a", "b")) == [
        "A checkpoint of a does not load into b as it is: 318 of its 320 tensors fit.",
        "2 have another shape: head.linear.weight 1000×2048 → 10×2048, head.linear.bias 1000 → 10.",
        "load_state_dict(..., strict=False) loads the tensors that fit, once the 2 of another shape are left out.",
    ]
    bare = difference(written("relu"), written("silu")).loading
    assert list(in_words(bare, "a", "b")) == ["Neither network has weights."]


# --- work ------------------------------------------------------------------------------------


def test_work_grows_with_the_network() -> None:
    """Ten times the copies take about ten times the calls; a quadratic step would make a hundred."""

    def calls(count: int) -> int:
        before, after = (
            written(f"for i in range({n}):", "    conv(8, 3) -> bn -> relu") for n in (count, count + count // 2)
        )
        with cProfile.Profile() as profile:
            assert difference(before, after).entries
        return sum(entry.callcount for entry in profile.getstats())

    calls(10)
    assert calls(1000) < 12 * calls(100)
