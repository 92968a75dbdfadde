"""Emitted modules held to what they claim, by property: random specs, and each kind of network of the gallery.

`make fuzz` does the same for many more random specs, and `make variants` for every variant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from check_random import TIDY, check, tidy, traces
from emit_properties import Module, few_classes, settings_are_open, settings_of
from random_specs import template
from variants import Variant, of_each_kind

import archdsl
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph
from archdsl.resources import specs_folder

SEEDS = 150
"""Templates, of two networks each."""
AT_ONCE = 10


@pytest.mark.sampled
@pytest.mark.parametrize("start", range(0, SEEDS, AT_ONCE))
def test_random_networks(start: int, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    broken, texts = [], {}
    for seed in range(start, start + AT_ONCE):
        try:
            modules = check(template(seed), counts)
        except AssertionError as error:
            broken.append(f"seed {seed}: {error}")
            continue
        texts.update({f"random{seed}_{side}": module.text for side, module in enumerate(modules)})
        if seed == start:
            for module in modules:
                traces(module)
    assert not broken, "\n".join(broken)
    assert tidy(texts, tmp_path) == ""
    assert counts["networks"] >= AT_ONCE
    assert counts["classes"] > AT_ONCE


def test_tidy_finds_what_is_not(tmp_path: Path) -> None:
    """The check above can fail: for what is linted and for what is formatted."""
    assert "F401" in tidy({"unused": "import torch\n"}, tmp_path / "check")
    assert "would be reformatted" in tidy({"long": "x = 1+1\n"}, tmp_path / "format")
    assert len(TIDY) == 2


# --- the gallery ---------------------------------------------------------------------------


def emitted(variant: Variant) -> Module:
    return Module(variant.graph, shrink=8)


CLOSED = ("mlp_mixer", "detr", "beit")
"""Networks without open settings: what they learn has the size of the image's positions, and the rest is fixed with it.

A class of the others takes another value of at least one setting.
"""


@of_each_kind
def test_settings_of_the_gallery_are_open(variant: Variant) -> None:
    module = emitted(variant)
    counts: Counter[str] = Counter()
    settings_are_open(module, partial(recompiled, variant), counts, sorted(settings_of(module)))
    assert (counts["settings"] > 0) is (variant.spec not in CLOSED)


def recompiled(variant: Variant, setting: str, value: Any) -> Graph | None:
    """A gallery network with another value of one argument; None where that is no legal spec."""
    try:
        if setting.endswith("_channels"):
            return _with_channels(variant, setting.removesuffix("_channels"), value)
        return variant.load(**{setting: value}).graph
    except CompileError:
        return None


def _with_channels(variant: Variant, called: str, channels: int) -> Graph:
    """The spec with other channels in the line of this input, without the published facts."""
    inputs = 2 if variant.spec == "siamese" else 1  # its two go through one module
    called = r"\w+" if called == "in" or inputs == 2 else called  # `in_channels` are those of the only input
    text = (specs_folder() / f"{variant.spec}.arch").read_text(encoding="utf-8")
    changed, count = re.subn(rf"(?m)^(    input (?:{called}): )\w+", rf"\g<1>{channels}", text)
    assert count == inputs, f"{variant.spec} has {count} inputs called {called}"
    changed = re.sub(r"(?m)^    expect [^\n]*\n", "", changed)
    return archdsl.loads(changed, variant=variant.name.partition("@")[2] or None, **variant.settings).graph


@of_each_kind
def test_classes_of_the_gallery_are_few(variant: Variant) -> None:
    few_classes(emitted(variant))


# --- the properties themselves -------------------------------------------------------------


def broken_by(change: Callable[[str], str], text: str) -> str:
    """What the properties say of a spec whose emitted text is changed."""
    graph = archdsl.loads(text).graph
    module = Module(graph)
    module.text = change(module.text)
    with pytest.raises(AssertionError) as found:
        settings_are_open(module, lambda name, value: archdsl.loads(text, **{name: value}).graph, Counter(), ["w"])
    return str(found.value)


def test_a_false_formula_is_found() -> None:
    text = "network Net:\n    param w: int = 8\n    input image: 8 x 8 x 8\n    conv(w, 3) -> bn -> conv(2, 1)\n"
    assert "bn.weight" in broken_by(lambda text: text.replace("BatchNorm2d(w)", "BatchNorm2d(8)"), text)
