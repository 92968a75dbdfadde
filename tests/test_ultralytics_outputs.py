"""Modules of Ultralytics, compared with those of its own package, which `make references` fetches.

The package builds its networks from the same YAML files, which are written for these tests. Those of the package itself
are counted with `--all-variants`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import ultralytics_rows

import archdsl
from archdsl.analyses.totals import nodes_in, parameters
from archdsl.diagnostics import CompileError

FILES = Path(__file__).parent / "data" / "ultralytics"

PROVEN = ("v9", "v10", "26_seg", "26_pose", "26_obb", "26_depth", "26_sem", "rtdetr")

UNREAD = {"yoloe", "rtdetr", "world", "resnet18"}
"""What names of the package's files have in them if they are not read."""

FLOW = 53_784
"""The numbers of the normalizing flow that YOLO26 weighs errors of joints with: it is part of the loss."""


@pytest.fixture(scope="module")
def tasks() -> Any:
    try:
        return ultralytics_rows.package()
    except ModuleNotFoundError as error:
        pytest.skip(f"{error}: run `make references`")


@pytest.mark.parametrize("part", PROVEN)
def test_modules_are_those_of_the_package(part: str, tasks: Any, all_variants: bool) -> None:
    if not all_variants:
        pytest.skip("with --all-variants")
    file = FILES / f"parts_{part}.yaml"
    report = archdsl.load(file, resolution=64).prove(f"ultralytics_rows:rows(file='{file}')")
    assert report.ok, str(report)


def _network(file: str, size: str, step: str) -> archdsl.Network:
    """A network of one block of a file of the library."""
    block = step.partition("(")[0]
    head = f"from blocks.ultralytics_{file} import {block}\n\nnetwork Tried:\n"
    return archdsl.loads(f"{head}    input image: {size}\n    {step}\n")


@pytest.mark.parametrize("areas", [1, 4])
def test_area_attention_gives_the_packages_outputs(areas: int, tasks: Any) -> None:
    """On 10 x 10 pixels, whose four areas are no whole rows."""
    from ultralytics.nn.modules.block import AAttn

    ours, theirs = (
        _network("v12", "64 x 10 x 10", f"AreaAttention(2, {areas})").module().double().eval(),
        AAttn(64, 2, areas).double().eval(),
    )
    for norm in (module for module in theirs.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.eps = 1e-3
        torch.nn.init.normal_(norm.running_mean)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    state = theirs.state_dict()
    names = {name: [key for key in state if key.startswith(f"{name}.")] for name in ("qkv", "pe", "proj")}
    given = [state[key] for keys in names.values() for key in keys]
    ours.load_state_dict(dict(zip(ours.state_dict(), given, strict=True)))
    x = torch.randn(2, 64, 10, 10, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


def test_places_of_pixels_are_the_packages(tasks: Any) -> None:
    from ultralytics.nn.modules.transformer import AIFI

    x = torch.zeros(1, 16, 5, 7)
    theirs = AIFI.build_2d_sincos_position_embedding(7, 5, 16, like=x)
    torch.testing.assert_close(
        _network("rtdetr", "16 x 5 x 7", "Places").module()(x).flatten(2).transpose(1, 2), theirs
    )


def test_files_of_the_package_have_its_counts(tasks: Any, all_variants: bool) -> None:
    if not all_variants:
        pytest.skip("with --all-variants")
    folder = Path(tasks.__file__).parent.parent / "cfg" / "models"
    read = 0
    for file in sorted(folder.glob("*/*.yaml")):
        try:
            net = archdsl.load(file)
        except CompileError:
            assert any(word in file.stem for word in UNREAD), file.name
            continue
        read += 1
        with torch.device("meta"):
            made = ultralytics_rows.layers(str(file))
        count = sum(parameter.numel() for parameter in made.parameters())
        flow = FLOW if file.stem == "yolo26-pose" else 0
        assert parameters(net.graph, nodes_in(net.graph, training=True)) + flow == count, file.name
    assert read == 52
