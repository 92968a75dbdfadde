"""The state dict of a network, and whether a checkpoint of one network loads into another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from archdsl.ir.graph import Graph, Node

Shapes = Mapping[str, tuple[int, ...]]


def state(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the emitted module's `state_dict`, including those of nodes that only training needs."""
    return {name: shape for node in graph for name, shape in _entries(graph, node)}


def _entries(graph: Graph, node: Node) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, shape in node.op.state(*graph.tensors_into(node.id)).items():
        yield node.key(name), shape


def fingerprint(graph: Graph) -> str:
    """A hash that is equal for networks whose checkpoints fit one another."""
    return sha256(repr(sorted(state(graph).items())).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Loading:
    """Whether a checkpoint with entries `given` loads into a network with entries `wanted`: names and shapes."""

    given: Shapes
    wanted: Shapes
    moved: Mapping[str, str]
    """Names in the checkpoint, and the names under which the network has the same weights."""

    @property
    def loads(self) -> bool:
        """Whether `load_state_dict` accepts the checkpoint as it is."""
        return dict(self.given) == dict(self.wanted)

    @cached_property
    def fitting(self) -> tuple[str, ...]:
        """Names that both have with equal shapes."""
        return tuple(name for name, shape in self.wanted.items() if self.given.get(name) == shape)

    @cached_property
    def misshapen(self) -> tuple[str, ...]:
        """Names that both have with different shapes: `load_state_dict` refuses them even with `strict=False`."""
        return tuple(name for name, shape in self.wanted.items() if self.given.get(name, shape) != shape)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Names that the network has and the checkpoint lacks."""
        return tuple(name for name in self.wanted if name not in self.given)

    @cached_property
    def unexpected(self) -> tuple[str, ...]:
        """Names that the checkpoint has and the network lacks."""
        return tuple(name for name in self.given if name not in self.wanted)


NAMED = 3
"""The most names that are listed."""


def in_words(loading: Loading, given: str, wanted: str) -> Iterator[str]:
    """Sentences that say whether a checkpoint of the network called `given` loads into the one called `wanted`."""
    if not loading.wanted and not loading.given:
        yield "Neither network has weights."
        return
    if loading.loads:
        yield f"A checkpoint of {given} loads into {wanted}: all {len(loading.wanted):,} tensors fit."
        return
    fitting = f"{len(loading.fitting):,} of its {len(loading.wanted):,} tensors fit"
    yield f"A checkpoint of {given} does not load into {wanted} as it is: {fitting}."
    if loading.misshapen:
        texts = [f"{n} {_dims(loading.given[n])} → {_dims(loading.wanted[n])}" for n in loading.misshapen[:NAMED]]
        yield f"{len(loading.misshapen):,} have another shape: {_some(texts, len(loading.misshapen))}."
    if loading.missing:
        yield f"{len(loading.missing):,} are not in the checkpoint: {_some(loading.missing, len(loading.missing))}."
    if loading.unexpected:
        names = _some(loading.unexpected, len(loading.unexpected))
        yield f"{len(loading.unexpected):,} of the checkpoint are not in {wanted}: {names}."
    if loading.moved:
        texts = [f"{old} as {new}" for old, new in list(loading.moved.items())[:NAMED]]
        yield f"{len(loading.moved):,} would fit under another name: {_some(texts, len(loading.moved))}."
    if loading.fitting:
        without = f", once the {len(loading.misshapen):,} of another shape are left out" if loading.misshapen else ""
        yield f"load_state_dict(..., strict=False) loads the tensors that fit{without}."


def _some(names: Sequence[str], count: int) -> str:
    more = f" and {count - NAMED:,} more" if count > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _dims(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one number"
