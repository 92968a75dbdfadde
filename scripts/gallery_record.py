"""The record of the gallery: `docs/gallery.md`, from specs, counterparts and what the last proofs measured."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from re import findall
from typing import TYPE_CHECKING, Any

from archdsl import load
from archdsl.counterparts import COUNTERPARTS, SETTINGS, WITHOUT_COUNTERPART, WITHOUT_SPEC, Counterpart
from archdsl.driver import open_spec
from archdsl.resources import specs_folder

if TYPE_CHECKING:
    from archdsl.prove.report import ProofReport

ROOT = Path(__file__).parent.parent
PROOFS = ROOT / "docs" / "proofs.csv"
CONSTRAINTS = ROOT / "constraints.txt"


@dataclass(frozen=True)
class Proof:
    """What one proof measured: ops that correspond, learned numbers, and the largest relative differences."""

    pair: str
    ops: int
    params: int
    input: str
    evaluation: float
    training: float
    gradients: float
    holds: bool = True

    @classmethod
    def of(cls, pair: Counterpart, report: ProofReport) -> Proof:
        numbers = report.numbers
        measured = (
            (numbers.input, numbers.evaluation, numbers.training, numbers.gradients) if numbers else ("", 1, 1, 1)
        )
        return cls(str(pair), report.nodes, report.parameters, *measured, holds=report.ok)


COLUMNS = [field.name for field in fields(Proof) if field.name != "holds"]


def write_proofs(proofs: Sequence[Proof]) -> None:
    with PROOFS.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(proof) for proof in proofs)


def proofs() -> dict[str, Proof]:
    """The record by pair."""
    with PROOFS.open(newline="", encoding="utf-8") as file:
        rows = [_proof(**row) for row in csv.DictReader(file)]
    return {row.pair: row for row in rows}


def _proof(pair: str, ops: str, params: str, input: str, evaluation: str, training: str, gradients: str) -> Proof:
    return Proof(pair, int(ops), int(params), input, float(evaluation), float(training), float(gradients))


# --- the page ------------------------------------------------------------------------------

HEAD = """\
# The gallery

Every network that comes with archdsl, in every variant: what it costs, and which public implementation it is the
same as. "The same" is what `archdsl prove` shows: the graphs match op by op, the parameters one by one, and with the
same random weights, in float64, the outputs in evaluation and in training and the gradients of every parameter agree.
The last two columns are the largest relative differences of that run ({versions}; on the CPU).
`make prove` proves all {count} pairs again and writes this page; the tests prove the structure of every pair.

Parameters are learned numbers; MACs are multiply-adds of convolutions and matrix products for one input. Both are of
the network at inference, without auxiliary heads.
"""

TABLE = """\
| variant | input | params | MACs | the same as | outputs | gradients |
| --- | --- | ---: | ---: | --- | ---: | ---: |"""


def markdown() -> str:
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    measured = proofs()
    yield HEAD.format(versions=_versions(), count=len(COUNTERPARTS))
    for path in sorted(specs_folder().glob("*.arch")):
        yield from _network(path.stem, measured)
    yield from _notes()


def _versions() -> str:
    pinned = dict(findall(r"(?m)^(torch|torchvision|timm|pytorchcv)==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8")))
    return ", ".join(f"{package} {pinned[package]}" for package in ("torch", "torchvision", "timm", "pytorchcv"))


def _network(spec: str, measured: Mapping[str, Proof]) -> Iterator[str]:
    network = open_spec(spec).network
    assert network is not None, f"{spec} has no network"
    yield f"\n## [{spec}](../specs/{spec}.arch)\n\n{network.citation}\n\n{TABLE}"
    for variant in network.variants or ("",):
        yield from _variant(f"{spec}@{variant}" if variant else spec, variant, measured)


def _variant(name: str, variant: str, measured: Mapping[str, Proof]) -> Iterator[str]:
    """A row for each counterpart, and the network's figures in the first of them."""
    net = load(name)
    inputs = ", ".join(str(node.output) for node in net.graph.inputs)
    first = f"{variant} | {inputs} | {net.params:,} | {net.macs:,}"
    for pair in (pair for pair in COUNTERPARTS if pair.spec == name):
        proof = measured[str(pair)]
        outputs = max(proof.evaluation, proof.training)
        yield f"| {first} | {_reference(pair)} | {_figure(outputs)} | {_figure(proof.gradients)} |"
        first = " | | |"
    if first != " | | |":
        yield f"| {first} | none: {_reason(name)} | | |"


def _reference(pair: Counterpart) -> str:
    settings = ", ".join(f"{name}={_written(value)}" for name, value in pair.settings.items())
    return f"`{pair.reference}`" + (f" for `{settings}`" if settings else "")


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _figure(difference: float) -> str:
    return f"{difference:.0e}" if difference else "0"


def _reason(name: str) -> str:
    return WITHOUT_COUNTERPART.get(name) or WITHOUT_COUNTERPART[name.partition("@")[0]]


def _notes() -> Iterator[str]:
    yield "\n## Where the two are not written alike\n\nSettings that a reference needs beside the variant:\n"
    yield from (f"- `{name}`: {reason}." for name, reason in SETTINGS.items())
    yield "\nReferences whose MACs are not those of the spec, though they compute the same:\n"
    yield from (f"- `{pair.reference}`: {pair.macs_differ}." for pair in COUNTERPARTS if pair.macs_differ)
    yield "\nPublic implementations under a name of the gallery that are another network:\n"
    yield from (f"- `{reference}`: {reason}." for reference, reason in WITHOUT_SPEC.items())
