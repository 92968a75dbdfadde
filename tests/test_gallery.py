"""The record of the gallery: every network is there, and pairs have the structure that was proven."""

from __future__ import annotations

from pathlib import Path

import pytest
from gallery_record import proofs
from variants import about, one_of_each

import archdsl
from archdsl.counterparts import COUNTERPARTS, SETTINGS, WITHOUT_COUNTERPART, Counterpart
from archdsl.driver import open_spec
from archdsl.prove.numbers import TOLERANCE
from archdsl.prove.prove import prove
from archdsl.prove.report import report_text
from archdsl.resources import specs_folder

PROVEN = proofs()
ROOT = Path(__file__).parent.parent
PINS = (ROOT / "constraints.txt", ROOT / "references.txt")


def _shorter(spec: str, kind: str, bottleneck: bool) -> Counterpart:
    """A network of three blocks in each stage, in place of one of a thousand layers."""
    layers = 29 if bottleneck else 20
    reference = f"pytorchcv.models.{kind}:get_{kind}(num_classes=10, blocks={layers}, bottleneck={bottleneck})"
    return Counterpart(spec, reference, {"n": 3})


SHORTER = {
    "resnet_cifar@1001": _shorter("resnet_cifar@1001", "resnet_cifar", bottleneck=True),
    "preresnet_cifar@1001": _shorter("preresnet_cifar@1001", "preresnet_cifar", bottleneck=True),
    "preresnet_cifar@1202": _shorter("preresnet_cifar@1202", "preresnet_cifar", bottleneck=False),
}


def test_every_variant_has_a_counterpart_or_a_reason() -> None:
    names = []
    for path in specs_folder().glob("*.arch"):
        network = open_spec(path.stem).network
        assert network is not None
        names += [f"{path.stem}@{variant}" for variant in network.variants] or [path.stem]
    paired = {pair.spec for pair in COUNTERPARTS}
    excused = {name for name in names if {name, name.partition("@")[0]} & set(WITHOUT_COUNTERPART)}
    assert paired | excused == set(names)
    assert not paired & excused
    assert set(WITHOUT_COUNTERPART) <= excused | {name.partition("@")[0] for name in excused}


def test_every_setting_of_a_pair_has_a_reason() -> None:
    assert {setting for pair in COUNTERPARTS for setting in pair.settings} == set(SETTINGS)


def test_the_record_is_of_these_pairs_and_all_hold() -> None:
    assert list(PROVEN) == [str(pair) for pair in COUNTERPARTS]
    for pair in COUNTERPARTS:
        proof = PROVEN[str(pair)]
        assert bool(proof.differences) is not bool(pair.structure_only)
        assert max(proof.differences, default=0) <= TOLERANCE, proof


def test_the_record_is_of_the_versions_that_are_tested() -> None:
    """Where a pin changes, `make prove` has to run again."""
    lines = [line for file in PINS for line in file.read_text(encoding="utf-8").splitlines()]
    pinned = dict(line.split("==") for line in lines if "==" in line)
    for proof in PROVEN.values():
        assert all(pinned[name] == version for name, version in map(str.split, proof.versions.split(", "))), proof


@pytest.mark.sampled
@pytest.mark.parametrize("spec", sorted({pair.spec.partition("@")[0] for pair in COUNTERPARTS}))
def test_has_the_structure_that_was_proven(spec: str, all_variants: bool) -> None:
    """Numbers are for `make prove`; here nothing has any, which takes seconds. `make variants` compares all pairs."""
    pairs = [pair for pair in COUNTERPARTS if pair.spec.partition("@")[0] == spec]
    for pair in pairs if all_variants else one_of_each(pairs):
        with about(pair):
            check_structure(pair if all_variants else SHORTER.get(pair.spec, pair))


def check_structure(pair: Counterpart) -> None:
    net = archdsl.load(pair.spec, **pair.settings)
    report = prove(net.graph, pair.reference.removesuffix("+aux"), structure_only=True)
    assert report.ok, report_text(report)
    if pair not in SHORTER.values():
        assert (report.nodes, report.parameters) == (PROVEN[str(pair)].ops, PROVEN[str(pair)].params)
