"""The variants of the gallery's specs, and tests that run on one of each kind: `make variants` runs them on all.

Variants are of one kind where the code that is emitted for them calls the same, and has the same `forward`s: they
differ in depths, widths and sizes. So a property of blocks, steps and code is seen with one of them as with all.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pytest

import archdsl
from archdsl.backends.torch.source import source
from archdsl.counterparts import Counterpart
from archdsl.driver import open_spec
from archdsl.ir.graph import Graph
from archdsl.network import Family
from archdsl.resources import specs_folder

SHORTER: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        **{name: {"depth": 2} for name in "beit bert gpt2 llama llama@tiny_1.1b t5@small vit".split()},
        "nasnet": {"n": 2},
        "nasnet@mobile": {"n": 2},
        "nasnet_cifar": {"n": 2},
        "preresnet_cifar": {"n": 3},
        "preresnet_cifar@1202": {"n": 3},
        "resnet_cifar@1001": {"n": 3},
    }
)
"""Settings for kinds that have only long networks: the same code, with fewer copies of its blocks."""

FEWER_PIXELS: Mapping[str, Mapping[str, Any]] = {
    "attention_unet": {"size": 64},
    "deeplab": {"resolution": 129},
    "fcn": {"resolution": 96},
    "fcn_resnet": {"resolution": 129},
    "unet": {"size": 188},
    **{
        name: {"resolution": 128}
        for name in """alexnet bn_inception convnext densenet googlenet mobilenet mobilenet_v2 nin preresnet resnet
        resnext retinanet senet shufflenet vgg wide_resnet yolov5 zfnet""".split()
    },
}
"""Settings for networks that take long at their own size."""


@dataclass(frozen=True)
class Variant:
    """A network of the gallery, `resnet` or `resnet@50`, and the settings that make it shorter."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{self.name}({given})" if given else self.name

    @property
    def spec(self) -> str:
        return self.name.partition("@")[0]

    def load(self, **others: Any) -> archdsl.Network:
        return archdsl.load(self.name, **{**self.settings, **others})

    @property
    def graph(self) -> Graph:
        return _network(self).graph

    @property
    def source(self) -> str:
        return _source(self)


@functools.cache
def _network(variant: Variant) -> archdsl.Network:
    return variant.load()


@functools.cache
def _source(variant: Variant) -> str:
    return source(variant.graph)


def _names() -> list[str]:
    found = []
    for path in sorted(specs_folder().glob("*.arch")):
        network = open_spec(path.stem).network
        if network is not None:
            found += [path.stem, *(f"{path.stem}@{variant}" for variant in network.variants)]
    return found


@functools.cache
def family(spec: str) -> Family:
    """All variants of a spec, in one file; of a network that is long in each of them, with fewer copies."""
    return archdsl.family(spec, **({"n": 3} if spec == "preresnet_cifar" else {}))


NAMES = _names()
SPECS = sorted({name.partition("@")[0] for name in NAMES})


def all_of(spec: str) -> list[Variant]:
    """The spec without a variant, and in each of them."""
    return [Variant(name) for name in NAMES if name.partition("@")[0] == spec]


@functools.cache
def kinds_of(spec: str) -> Sequence[Variant]:
    """Of each kind the variant with the fewest steps."""
    found: dict[object, Variant] = {}
    for variant in (Variant(one.name, SHORTER.get(one.name, {})) for one in all_of(spec)):
        kind = structure(variant.source)
        found[kind] = min(found.get(kind, variant), variant, key=lambda one: len(one.graph))
    return tuple(found.values())


def structure(text: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Of an emitted module: all that is called anywhere, and every `forward`, line by line. Numbers are left out."""
    classes = text[text.index("\nclass ") :].partition("\ndef main")[0]
    without_docs = re.sub(r'""".*?"""', "", classes, flags=re.DOTALL)
    plain = re.sub(r"\d[\d.]*|  # [^\n]*", "", without_docs)
    forwards = re.findall(r"^    def forward.*?(?=^class|^    @|^    def|\Z)", plain, re.DOTALL | re.MULTILINE)
    return frozenset(re.findall(r"[\w.]+(?=\()", plain)) - {"range"}, tuple(" ".join(one.split()) for one in forwards)


def one_of_each(pairs: Iterable[Counterpart]) -> Sequence[Counterpart]:
    """Of the pairs of one package with specs of one kind, that with the fewest steps."""
    found: dict[object, Counterpart] = {}
    for pair in pairs:
        kind = pair.reference.partition(":")[0], *pair.settings, pair.training, structure(Variant(pair.spec).source)
        found[kind] = min(found.get(kind, pair), pair, key=lambda one: len(Variant(one.spec).graph))
    return tuple(found.values())


@contextmanager
def about(variant: object) -> Iterator[None]:
    """Says with an error which variant it is about."""
    try:
        yield
    except Exception as error:
        error.add_note(f"this is about {variant}")
        raise


def of_each_kind(test: Callable[[Variant], None]) -> Callable[[str, bool], None]:
    """A test of a variant, run for some specs on one variant of each kind, or with `--all-variants` on all variants."""

    @pytest.mark.sampled
    @pytest.mark.parametrize("spec", SPECS)
    def run(spec: str, all_variants: bool) -> None:
        for variant in all_of(spec) if all_variants else kinds_of(spec):
            with about(variant):
                test(variant)

    run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
    return run
