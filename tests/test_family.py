"""Several variants in one file: each is the network that its own compile gives, and shared classes are there once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from emission import example_inputs, tensors_of
from tidiness import check_tidy
from torch import nn
from variants import family

import archdsl
from archdsl.backends.torch.load import load
from archdsl.backends.torch.source import source
from archdsl.driver import open_spec
from archdsl.resources import specs_folder


def _specs() -> Iterator[str]:
    for path in sorted(specs_folder().glob("*.arch")):
        network = open_spec(path.stem).network
        if network is not None and network.variants:
            yield path.stem


SPECS = list(_specs())
SMALL = ["lenet", "mlp", "inception_module", "shufflenet"]


@cache
def text_of(spec: str) -> str:
    return family(spec).source()


@cache
def emitted(spec: str) -> ModuleType:
    return load(text_of(spec), spec)


def outline(module: nn.Module) -> list[tuple[str, str]]:
    """Every module that holds no other by its path, as PyTorch prints it: its kind and its numbers."""
    return [(path, repr(inner)) for path, inner in module.named_modules() if not list(inner.children())]


def sizes(module: nn.Module) -> list[tuple[str, torch.Size]]:
    return [(name, tensor.shape) for name, tensor in module.state_dict().items()]


def assert_same_network(made: nn.Module, own: nn.Module) -> None:
    assert sizes(made) == sizes(own)
    assert outline(made) == outline(own)


def on_meta(make: Any, **settings: Any) -> nn.Module:
    with torch.device("meta"):
        made = make(**settings)
    assert isinstance(made, nn.Module)
    return made


def blocks_in(text: str, network: str) -> list[str]:
    """The classes of a module but those of its networks, each without its docstring."""
    found = re.findall(r"^class \w+\(.*?(?=^\S)", text, re.MULTILINE | re.DOTALL)
    blocks = [one for one in found if not one.startswith(f"class {network}")]
    return [re.sub(r'""".*?"""', "", one, count=1, flags=re.DOTALL).strip() for one in blocks]


@pytest.mark.sampled
@pytest.mark.parametrize("spec", SPECS)
def test_each_is_what_its_own_compile_gives(spec: str) -> None:
    networks = emitted(spec).NETWORKS
    assert len(networks) == len(family(spec).networks)
    for make, network in zip(networks.values(), family(spec).networks.values(), strict=True):
        assert_same_network(on_meta(make), network.module(device="meta"))


@pytest.mark.sampled
@pytest.mark.parametrize("spec", SPECS)
def test_no_more_classes_than_the_variants_have_by_themselves(spec: str) -> None:
    graphs = [network.graph for network in family(spec).networks.values()]
    network = graphs[0].header.name
    alone = {one for graph in graphs for one in blocks_in(source(graph), network)}
    assert len(blocks_in(text_of(spec), network)) <= len(alone)
    networks = re.findall(rf"^class {network}\w*\(nn.Module\)", text_of(spec), re.MULTILINE)
    assert 1 <= len(networks) <= len(graphs)


@pytest.mark.parametrize("spec", SMALL)
def test_outputs_with_equal_weights(spec: str) -> None:
    for make, network in zip(emitted(spec).NETWORKS.values(), family(spec).networks.values(), strict=True):
        _assert_same_outputs(make(), network)


def test_outputs_of_training_and_evaluation() -> None:
    """Further outputs, some of them only while training."""
    found = archdsl.family("googlenet", ["paper"])
    (make,) = load(found.source()).NETWORKS.values()
    _assert_same_outputs(make(), found.networks["paper"])


def _assert_same_outputs(made: nn.Module, network: archdsl.Network) -> None:
    own = network.module()
    own.load_state_dict(made.state_dict())
    inputs = example_inputs(network.graph)
    for training in (True, False):
        results = []
        for module in (made, own):
            torch.manual_seed(0)
            with torch.no_grad():
                results.append(tensors_of(module.train(training)(*inputs)))
        assert len(results[0]) == len(results[1])
        for one, other in zip(*results, strict=True):
            torch.testing.assert_close(one, other)


def test_tidy(tmp_path: Path, all_variants: bool) -> None:
    """Of one spec in three: the classes of each are read in files of one network, too."""
    check_tidy({spec: text_of(spec) for spec in (SPECS if all_variants else SPECS[::3])}, tmp_path)


def test_same_bytes_every_time() -> None:
    assert archdsl.family("lenet").source() == text_of("lenet")


def test_order_is_that_of_the_call() -> None:
    text = archdsl.family("resnet", ["50", "18", "50"]).source()
    assert list(load(text).NETWORKS) == ["resnet50", "resnet18"]


def test_blocks_and_networks_are_shared() -> None:
    text = archdsl.family("resnet", ["18", "34", "50", "101"]).source()
    classes = re.findall(r"^class (\w+)", text, re.MULTILINE)
    assert sorted(classes) == ["Basic", "Bottleneck", "ResNetBasic", "ResNetBottleneck", "Shortcut", "StatisticsKept"]
    assert "return ResNetBottleneck(layers=(3, 4, 23, 3), channels=channels, classes=classes)" in text


def test_settings_of_a_member() -> None:
    made = on_meta(emitted("densenet").densenet161, classes=10, growth=8)
    assert_same_network(made, archdsl.load("densenet@161", classes=10, growth=8).module(device="meta"))


def test_settings_given_hold_for_all() -> None:
    found = archdsl.family("resnet", ["18", "50"], classes=10)
    for make in load(found.source()).NETWORKS.values():
        assert list(on_meta(make).state_dict().values())[-1].shape == (10,)


# --- running the file, and the command line ------------------------------------------------------


def run(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=at, capture_output=True, text=True, check=False)


def archdsl_compile(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    return run("-m", "archdsl", "compile", *words, at=at)


def test_the_file_lists_its_networks_and_runs_one(tmp_path: Path) -> None:
    done = archdsl_compile("mobilenet", "--variants", "0.25,128", "--classes", "7", at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "wrote mobilenet_classes7_family.py" in done.stdout
    file = "mobilenet_classes7_family.py"
    assert run(file, "--list", at=tmp_path).stdout.split() == ["mobilenet0_25", "mobilenet128"]
    for names, size in (((), 224), (("mobilenet0_25",), 224), (("mobilenet128",), 128)):
        done = run(file, *names, "--device", "cpu", at=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"(1, 3, {size}, {size})" in done.stdout
        assert "output: (1, 7)" in done.stdout
    wrong = run(file, "mobilenet9", at=tmp_path)
    assert wrong.returncode == 2
    assert "mobilenet128" in wrong.stderr


def test_all_variants_on_standard_output(tmp_path: Path) -> None:
    done = archdsl_compile("lenet", "--all-variants", "-o", "-", at=tmp_path)
    assert done.stdout == text_of("lenet")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("resnet --variants 18,51,52", 2, "ResNet has no variant `52`"),
        ("resnet --variants 18,51", 2, "it has 18, 34, 50, 101, 152"),
        ("inception_v3 --all-variants", 2, "InceptionV3 has no variants"),
        ("resnet@18 --variants 34", 2, "with --variants the spec is named alone: resnet"),
        ("resnet --variant 18 --all-variants", 2, "with --all-variants the spec is named alone: resnet"),
        ("resnet --variants 18 --emit json", 2, "for json compile one variant at a time"),
        ("resnet --variants 18 -o net.svg", 2, "for svg compile one variant at a time"),
        ("resnet --variants 18 --all-variants", 2, "leave one of them out"),
        ("resnet --variants ,", 2, "names of variants with commas between them"),
        ("resnet --variants 18 --clases 10", 2, "did you mean `--classes`?"),
    ],
)
def test_wrong_calls(words: str, code: int, message: str, tmp_path: Path) -> None:
    done = archdsl_compile(*words.split(), at=tmp_path)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


def test_a_variant_in_the_name_of_the_spec() -> None:
    with pytest.raises(ValueError, match="resnet@18 is one variant"):
        archdsl.family("resnet@18")
