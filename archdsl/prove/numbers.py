"""Two modules and a map of their weights in, how far apart their outputs and gradients are out.

Everything is in float64. Weights and statistics are random on the reference's side and copied to ours; chance
(dropout, drop path) is left out, so that training is compared too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from archdsl.ops.embed import Embed
from archdsl.prove.sides import Side
from archdsl.prove.weights import WeightMap, load_weights
from archdsl.tensor import Tensor

TOLERANCE = 1e-9
"""Largest relative difference at which two networks in float64 count as the same."""

NEGLIGIBLE = 1e-6
"""Gradients this small, beside the largest, are compared with that one: where they should be 0 they are rounding."""

BATCH = 2
"""Batch normalization learns nothing from one sample."""

LEAST = 64
"""Maps of fewer pixels than this are not halved."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Largest relative differences. `input` is its shape with the batch; `worst` the parameter of `gradients`.

    `failure` says why there are none, with the figures at infinity.
    """

    input: str
    evaluation: float
    training: float
    gradients: float
    worst: str
    failure: str = ""

    @property
    def ok(self) -> bool:
        return not self.failure and max(self.evaluation, self.training, self.gradients) <= TOLERANCE


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one module: outputs in both modes, and gradients by name, those of inputs under `input 1`."""

    evaluation: tuple[torch.Tensor, ...]
    training: tuple[torch.Tensor, ...]
    gradients: Mapping[str, torch.Tensor]


def compare(ours: Side, theirs: Side, weights: WeightMap, outputs: Sequence[tuple[int, int]]) -> Numbers:
    """Runs both. `outputs` are pairs of places among the results, main ones first.

    The input has half the height and width where both networks take that: what is compared here are the weights
    and their use, the structure having been compared at full size. Where they differ at half size (windows may
    be cut otherwise there), full size decides.
    """
    module, reference = ours.make().double(), theirs.make().double()
    _randomize(reference)
    load_weights(module, reference.state_dict(), weights)
    results = [Numbers("", *(float("inf"),) * 3, "")]
    for halved in (True, False):
        inputs = _inputs(ours, halved)
        if inputs is None:
            continue
        results.append(_compared(module, reference, inputs, weights, outputs))
        if results[-1].ok:
            break
    return results[-1]


def _compared(
    module: nn.Module,
    reference: nn.Module,
    inputs: tuple[torch.Tensor, ...],
    weights: WeightMap,
    outputs: Sequence[tuple[int, int]],
) -> Numbers:
    shape = ", ".join("x".join(map(str, value.shape)) for value in inputs)
    infinite = (float("inf"),) * 3
    try:
        here = _run(module, inputs, [ours for ours, _ in outputs])
        there = _run(reference, inputs, [theirs for _, theirs in outputs])
    except Exception as error:
        said = str(error).strip().splitlines()
        return Numbers(shape, *infinite, "", f"{type(error).__name__}: {said[0] if said else ''}")
    gradients = _gradients(here, there, weights)
    worst = max(gradients, key=gradients.__getitem__, default="")
    return Numbers(
        shape,
        max(map(_difference, here.evaluation, there.evaluation)),
        max(map(_difference, here.training, there.training)),
        gradients.get(worst, 0.0),
        worst,
    )


def _run(module: nn.Module, inputs: tuple[torch.Tensor, ...], places: Sequence[int]) -> Run:
    """Outputs that exist only in training come after the others, so the first ones are those of evaluation."""
    statistics = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with torch.no_grad():
        results = tree_leaves(module.eval()(*inputs))
    evaluation = tuple(results[place] for place in places if place < len(results))
    leaves = tuple(value.clone().requires_grad_() if value.is_floating_point() else value for value in inputs)
    with WithoutChance():
        results = tree_leaves(module.train()(*leaves))
        training = tuple(results[place] for place in places)
        module.zero_grad()
        sum((_weights_of_loss(value) * value).sum() for value in training).backward()
    found = {f"input {index + 1}": leaf.grad for index, leaf in enumerate(leaves) if leaf.grad is not None}
    found |= {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    for name, buffer in module.named_buffers():
        buffer.copy_(statistics[name])
    return Run(evaluation, tuple(value.detach() for value in training), found)


def _weights_of_loss(value: torch.Tensor) -> torch.Tensor:
    """The loss is a weighted sum of the outputs: the same weights for both, and no two of them alike."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(value.shape, dtype=value.dtype, generator=generator) - 0.5


def _gradients(here: Run, there: Run, weights: WeightMap) -> dict[str, float]:
    """Differences by our name, for inputs and for every parameter that the two share."""
    names = {name: name for name in here.gradients if name.startswith("input ")}
    names |= {ours: theirs for theirs, ours in weights.pairs if theirs in there.gradients}
    largest = max(map(_largest, there.gradients.values()), default=0.0)
    return {
        ours: _difference(here.gradients[ours], there.gradients[theirs], NEGLIGIBLE * largest)
        if ours in here.gradients
        else float("inf")
        for ours, theirs in names.items()
    }


def _difference(ours: torch.Tensor, theirs: torch.Tensor, least: float = 0.0) -> float:
    """Largest difference of two entries, relative to the largest entry (or to `least`, where that is more)."""
    if ours.numel() != theirs.numel():
        return float("inf")
    if torch.equal(ours.reshape(theirs.shape), theirs):
        return 0.0
    scale = max(_largest(theirs), least)
    relative = float((ours.reshape(theirs.shape) - theirs).abs().max()) / scale if scale else float("inf")
    return relative if relative == relative else float("inf")


def _largest(value: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(value, ord=float("inf")))


def _inputs(side: Side, halved: bool) -> tuple[torch.Tensor, ...] | None:
    """Random values, tokens from the vocabulary; None where there is nothing to halve."""
    nodes = side.graph.inputs
    shapes = [_half(node.output) if halved else node.output.dims for node in nodes]
    if halved and shapes == [node.output.dims for node in nodes]:
        return None
    generator = torch.Generator().manual_seed(0)
    values: list[torch.Tensor] = []
    for node, dims in zip(nodes, shapes, strict=True):
        if node.output.kind == "int":
            count = min((u.op.count for u in side.graph.users(node.id) if isinstance(u.op, Embed)), default=2)
            values.append(torch.randint(count, (BATCH, *dims), generator=generator))
        else:
            values.append(torch.randn(BATCH, *dims, dtype=torch.float64, generator=generator))
    return tuple(values)


def _half(tensor: Tensor) -> tuple[int, ...]:
    """Images of `LEAST` pixels or more in each direction."""
    if tensor.rank != 3 or min(tensor.spatial) < LEAST:
        return tensor.dims
    return (tensor.channels, *(length // 2 for length in tensor.spatial))


def _randomize(module: nn.Module) -> None:
    """Weights that keep values near their size, and statistics, no two alike, so that no mistake in the map hides."""
    generator = torch.Generator().manual_seed(0)

    def spread(tensor: torch.Tensor, low: float, high: float) -> None:
        tensor.uniform_(low, high, generator=generator)

    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *_statistics(module)):
            if tensor.dim() > 1:
                bound = (6 * tensor.shape[0] / tensor.numel()) ** 0.5
                spread(tensor, -bound, bound)
            elif name.endswith(("weight", "running_var")):
                spread(tensor, 0.5, 1.5)
            else:
                spread(tensor, -0.2, 0.2)


def _statistics(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    return ((n, b) for n, b in module.named_buffers() if n.endswith(("running_mean", "running_var")))


class WithoutChance(TorchFunctionMode):
    """Dropout hands on what it gets; masks that are drawn come out as their mean."""

    DROPOUTS = frozenset(
        {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout}
        | {torch.dropout, torch.dropout_, torch.feature_dropout, torch.feature_dropout_}
    )

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.DROPOUTS:
            return args[0] if args else kwargs["input"]
        if func is torch.Tensor.bernoulli_:
            return args[0].fill_(args[1] if len(args) > 1 else kwargs.get("p", 0.5))
        return func(*args, **kwargs)
