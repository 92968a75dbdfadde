"""Passes: each by itself on networks (its cases are in `cases/passes`), and what runs them one after the other."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib import import_module
from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
from emission import example_inputs, tensors_of
from graphs import op, small
from literate import CASES
from reference import import_torchvision

import archdsl
from archdsl.backends.torch.load import module
from archdsl.diagnostics import CompileError
from archdsl.driver import compile_network, open_spec, split_variant
from archdsl.ir.dump import written
from archdsl.ir.graph import Graph, Value
from archdsl.ir.rewrite import dropped, redirected, renamed, replaced
from archdsl.ir.verify import Bug
from archdsl.ops.registry import REGISTRY
from archdsl.outputs import prepared
from archdsl.passes.drop_identities import drop_identities
from archdsl.passes.fold_batchnorm import fold_batchnorm
from archdsl.passes.inference import for_inference
from archdsl.passes.legal_names import legal_names
from archdsl.passes.pipeline import Rewritten, Weight, named, run, state_keys
from archdsl.passes.place_by_depth import place_by_depth
from archdsl.passes.refuse_opaque import refuse_opaque
from archdsl.resources import specs_folder

FOLDER = Path(archdsl.__file__).parent / "passes"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "inference", "pipeline"))
GALLERY = {
    "resnet@18": {"resolution": 64},
    "mobilenet_v2@0.5": {"resolution": 64},
    "efficientnet@b0": {"resolution": 64},
    "googlenet@bn": {"resolution": 64},
    "densenet_cifar@40_12": {"layers": 3},
    "shufflenet@g3": {"resolution": 64},
    "lenet@5": {},
}


def library() -> list[str]:
    """A variant of each spec, the one in the middle where there are several; deep ones for CIFAR take too long."""
    names = []
    for path in sorted(specs_folder().glob("*.arch")):
        network = open_spec(path.stem).network
        if network is not None and not path.stem.endswith("_cifar"):
            variants = list(network.variants)
            names.append(f"{path.stem}@{variants[len(variants) // 2]}" if variants else path.stem)
    return names


@cache
def graph_of(name: str) -> Graph:
    return archdsl.load(name, **GALLERY.get(name, {})).graph


# --- one pass, one file ----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_pass_is_the_function_of_its_files_name_and_has_cases(name: str) -> None:
    found = import_module(f"archdsl.passes.{name}")
    assert found.__doc__
    assert getattr(found, name).__doc__
    assert named([name]) == [getattr(found, name)]
    assert (CASES / "passes" / f"{name}.md").is_file()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("network", ["resnet@18", "efficientnet@b0"])
def test_a_second_time_changes_nothing(name: str, network: str) -> None:
    once = run(graph_of(network), named([name])).graph
    assert run(once, named([name])).graph is once


def test_where_nothing_is_to_be_done_it_is_the_same_graph() -> None:
    graph = archdsl.loads("network N:\n    input image: 3 x 8 x 8\n    conv(4, 3) -> relu\n").graph
    assert run(graph, named(NAMES)).graph is graph
    assert run(graph, named(NAMES)).steps == ()


def test_a_pass_takes_time_in_proportion() -> None:
    """By the calls that are made, which no other process disturbs."""

    def calls(count: int) -> int:
        made = 0

        def profile(*_: object) -> None:
            nonlocal made
            made += 1

        body = f"    repeat {count}:\n        Unit\n"
        unit = "block Unit:\n    conv(3, 3) -> bn -> identity\n    add{it | relu -> drop_path(0.1)}\n"
        graph = archdsl.loads(f"network N:\n    input image: 3 x 8 x 8\n{body}\n{unit}").graph
        run(graph, named(NAMES))  # what is cached on the way is cached now
        sys.setprofile(profile)
        run(graph, named(NAMES))
        sys.setprofile(None)
        return made

    assert calls(400) < 10.5 * calls(40)


# --- the pipeline ----------------------------------------------------------------------------


def test_a_pass_that_breaks_a_graph_is_named_with_the_rule() -> None:
    def forgets_a_convolution(graph: Graph) -> Graph:
        return dropped(graph, {"stem.conv"})

    with pytest.raises(Bug) as caught:
        run(small(), [drop_identities, forgets_a_convolution])
    assert caught.value.after == "forgets_a_convolution"
    assert caught.value.rule == "Every input of a node is an output of a node before it."
    assert str(caught.value) == (
        "this is a bug in archdsl: after forgets_a_convolution, node stem.bn takes stem.conv, "
        "which does not come before it (the rule: Every input of a node is an output of a node before it.)"
    )


def test_a_pass_that_does_not_end_is_named() -> None:
    def same_name_twice(graph: Graph) -> Graph:
        return renamed(graph, {"stem.conv": "stem.bn"})

    with pytest.raises(Bug, match=r"after same_name_twice, it failed with AssertionError: two nodes have the id stem"):
        run(small(), [same_name_twice])


def test_passes_run_in_order_and_their_weights_add_up() -> None:
    def scaled(graph: Graph) -> Graph:
        return redirected(replaced(graph, {}), {})

    def moved(graph: Graph) -> Rewritten:
        before, after = graph, renamed(graph, {"stem": "start"})
        pairs = zip(state_keys(before), state_keys(after), strict=True)
        return Rewritten(after, {new: Weight((old,), lambda value: value + 1) for old, new in pairs if old != new})

    done = run(small(), [moved, scaled, fold_batchnorm])
    assert [len(step.weights) > 0 for step in done.steps] == [True, False, True]
    before = {key: torch.ones(shape) for key, shape in shapes(small()).items()}
    state = done.state(before)
    assert set(state) == set(state_keys(done.graph))
    # The convolution's weight is 2 after `moved`; its channels' factor is 2 / sqrt(2 + eps), every number being 2.
    assert state["start.conv.weight"].flatten()[0].item() == pytest.approx(2 * 2 / 2**0.5, rel=1e-4)


def shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    found = {}
    for node in graph:
        for slot, shape in node.op.state(*graph.tensors_into(node.id)).items():
            found[node.key(slot)] = shape
    return found


# --- what single passes promise ----------------------------------------------------------------


def stays(graph: Graph) -> None:
    """The outputs at inference, in float64, with weights and statistics that are far from their starts."""
    torch.manual_seed(0)
    done = for_inference(graph).run
    network = module(graph, dtype=torch.float64).eval()
    for key, value in network.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.is_floating_point() and value.dim() == 1:
            value.normal_(0.5, 0.5)
    other = module(prepared(done.graph, "torch"), dtype=torch.float64).eval()
    other.load_state_dict(done.state(network.state_dict()), strict=True)
    inputs = example_inputs(graph, dtype=torch.float64)
    results = []
    for made in (other, network):
        torch.manual_seed(1)  # a pool may choose its pixels by chance
        with torch.no_grad():
            results.append(tensors_of(made(*inputs)))
    for found, expected in zip(*results, strict=True):
        assert (found - expected).abs().max() <= 1e-12 * expected.abs().max()


@pytest.mark.parametrize("name", GALLERY)
def test_outputs_at_inference_stay(name: str) -> None:
    stays(graph_of(name))


AROUND = """\
network Net:
    input image: {sizes}
    shared same = {step}
    path seen = image -> {step}
    path taken = image -> {step}
    output plain: image -> {step} -> dropout(0.5) -> bn(eps=0.1)
    output bare: image -> {step} -> bn(affine=false)
    output led: image -> relu -> bn(eps=0.2) -> {step}
    output between: image -> bn(affine=false) -> {step} -> bn
    output batch: image -> {step} -> bn(track=false)
    output twice: image -> same -> bn
    output again: image -> relu -> same
    output value: seen
    output shift: seen -> bn
    output other: taken -> relu
    output last: taken -> bn
    image -> {step}
"""
"""A step in all the places before a batch normalization where it matters whether that is folded."""


@pytest.mark.sampled
@pytest.mark.parametrize("name", [name for name, kind in sorted(REGISTRY.items()) if not kind.internal])
def test_outputs_at_inference_stay_behind_every_op(name: str) -> None:
    """So a pass cannot take an op for one that hands on its input, or into which a normalization can be folded."""
    calls = dict.fromkeys(written(example.op) for example in REGISTRY[name].examples() if len(example.inputs) == 1)
    for step, sizes in product(list(calls)[:2], ("4 x 8 x 8", "4")):
        try:
            graph = archdsl.loads(AROUND.format(step=step, sizes=sizes)).graph
        except CompileError:
            continue
        stays(graph)


@pytest.mark.sampled
@pytest.mark.parametrize("name", library())
def test_the_state_dict_follows_through_every_network(name: str) -> None:
    """Its entries, and the shapes that the formulas give them, are those of the module that is written."""
    spec, variant = split_variant(name)
    graph = compile_network(open_spec(spec), variant).graph
    done = for_inference(graph).run
    made = module(prepared(done.graph, "torch"), device="meta").state_dict()
    before = {key: torch.empty(shape, device="meta") for key, shape in shapes(graph).items()}
    assert {key: value.shape for key, value in done.state(before).items()} == {k: v.shape for k, v in made.items()}


def test_every_batchnorm_after_a_convolution_is_folded() -> None:
    for name in ("resnet@18", "mobilenet_v2@0.5", "efficientnet@b0"):
        assert not any(node.op.name == "bn" for node in run(graph_of(name), [fold_batchnorm]).graph)


def test_new_weights_are_worked_out_without_torch() -> None:
    numpy = pytest.importorskip("numpy")
    graph = archdsl.loads("network N:\n    input image: 3 x 8 x 8\n    conv(4, 3) -> bn(eps=0.5)\n").graph
    state = {key: numpy.full(shape, 3.0) for key, shape in shapes(graph).items()}
    folded = run(graph, [fold_batchnorm]).state(state)
    factor = 3 / 3.5**0.5
    assert folded["conv.weight"] == pytest.approx(numpy.full((4, 3, 3, 3), 3 * factor))
    assert folded["conv.bias"] == pytest.approx(numpy.full(4, (3 - 3) * factor + 3))
    assert len(folded) == 2


def test_no_identity_is_left() -> None:
    graph = run(graph_of("efficientnet@b0"), [drop_identities]).graph
    assert not {node.op.name for node in graph} & {"identity", "dropout", "drop_path"}
    assert {node.op.name for node in graph_of("efficientnet@b0")} >= {"dropout", "drop_path"}


@pytest.mark.parametrize("network", list(GALLERY))
def test_compiled_networks_have_legal_names(network: str) -> None:
    assert legal_names(graph_of(network)) is graph_of(network)
    assert refuse_opaque(graph_of(network)) is graph_of(network)


def test_no_compile_imports_networkx() -> None:
    code = (
        "import sys; from archdsl.cli import main; main(['compile', 'googlenet', '-o', '-']);"
        "print({'torch', 'networkx'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"
    assert "class GoogLeNet" in done.stdout


# --- schedules -----------------------------------------------------------------------------------


def rates(graph: Graph) -> list[float]:
    return [node.op.p for node in graph if node.op.name == "drop_path"]  # type: ignore[attr-defined]


def published(name: str) -> list[float]:
    network = getattr(import_torchvision().models, name)()
    return [inner.p for inner in network.modules() if type(inner).__name__ == "StochasticDepth"]


def stages(depths: list[int], rate: float, schedule: str, blocks: int = 1) -> Graph:
    """Stages of residual blocks with plain steps between them, of one kind of block or of two."""
    kinds = ["A", "B"] if blocks == 2 else ["A"]
    flow = "".join(
        f"    {kinds[min(i // 3, blocks - 1)]} * {depth}\n    max_pool(2)\n" for i, depth in enumerate(depths)
    )
    drop = f"drop_path({rate}, schedule={schedule})"
    body = "".join(f"\nblock {kind}: add{{it | conv(3, 3) -> {drop}}}\n" for kind in kinds)
    return archdsl.loads(f"network N:\n    input image: 3 x 256 x 256\n{flow}{body}").graph


@pytest.mark.parametrize(
    ("name", "depths", "rate", "schedule", "blocks"),
    [
        ("convnext_tiny", [3, 3, 9, 3], 0.1, "linspace", 1),
        ("swin_t", [2, 2, 6, 2], 0.2, "linspace", 1),
        ("efficientnet_v2_s", [2, 4, 4, 6, 9, 15], 0.2, "linear", 2),
    ],
)
def test_rates_are_torchvisions(name: str, depths: list[int], rate: float, schedule: str, blocks: int) -> None:
    """EfficientNetV2 has two kinds of blocks, three stages of each, and counts over both."""
    theirs = published(name)
    if len(theirs) == 2 * sum(depths):
        theirs = theirs[::2]
    ours = rates(stages(depths, rate, schedule, blocks))
    assert len(ours) == sum(depths)
    assert ours == pytest.approx(theirs)
    assert all(one < other for one, other in pairwise(ours))


@pytest.mark.parametrize("variant", ["b0", "b4"])
def test_blocks_without_a_shortcut_count(variant: str) -> None:
    network = getattr(import_torchvision().models, f"efficientnet_{variant}")()
    used = [inner for inner in network.modules() if type(inner).__name__ == "MBConv" and inner.use_res_connect]
    assert rates(archdsl.load(f"efficientnet@{variant}").graph) == pytest.approx([b.stochastic_depth.p for b in used])


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("group", ["", ', group="g"'])
def test_the_published_formulas(count: int, group: str) -> None:
    block = "\nblock A: drop_path(0.3, schedule={}{})\n"
    spec = f"network N:\n    input image: 3 x 8 x 8\n    A * {count}\n"
    linear = rates(archdsl.loads(spec + block.format("linear", group)).graph)
    assert linear == [0.3 * i / count for i in range(count)]
    linspace = rates(archdsl.loads(spec + block.format("linspace", group)).graph)
    assert linspace == pytest.approx(torch.linspace(0, 0.3, count, dtype=torch.float64).tolist())


def test_a_group_that_nobody_else_has_is_counted_alone() -> None:
    spec = (
        "network N:\n    input image: 3 x 8 x 8\n    A * 2 -> B * 4\n\n"
        'block A: drop_path(0.2, schedule=linear, group="encoder")\n\n'
        "block B: drop_path(0.6, schedule=linear)\n"
    )
    assert rates(archdsl.loads(spec).graph) == pytest.approx([0, 0.1, *(0.6 * i / 6 for i in range(2, 6))])


def test_a_graph_without_schedules_is_left_alone() -> None:
    assert place_by_depth(graph_of("efficientnet@b0")) is graph_of("efficientnet@b0")
    assert place_by_depth(small()).outputs[0].values == (Value("gate"),)
    assert op("drop_path", p=0.1).placed(3, 4) == op("drop_path", p=0.1)
