"""Runs two modules with the same weights, and measures how far apart their outputs and gradients are.

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
from archdsl.prove.form import Dims
from archdsl.prove.sides import Side
from archdsl.prove.weights import WeightMap, load_weights
from archdsl.tensor import Tensor

TOLERANCE = 1e-9
"""Largest relative difference at which two networks in float64 count as the same."""

NEGLIGIBLE = 1e-6
"""Gradients below this share of the largest one count as rounding errors: their differences are relative to it."""

BATCH = 2
"""Samples in a run: batch normalization needs several to compute statistics."""

SMALLEST = 48
"""Images are not shrunk below so many pixels: after halving five times, maps still have several positions."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Largest relative differences. `input` is its shape with the batch; `worst` the parameter of `gradients`.

    Where a run failed, `failure` says why and the differences are infinite.
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
    """Results of one module: outputs in both modes, and gradients by name (`input 1` for the first input)."""

    evaluation: tuple[torch.Tensor, ...]
    training: tuple[torch.Tensor, ...]
    gradients: Mapping[str, torch.Tensor]


def compare(ours: Side, theirs: Side, weights: WeightMap, outputs: Sequence[tuple[int, int]]) -> Numbers:
    """Runs both modules. `outputs` are pairs of indices: which result of ours is which of theirs, main ones first.

    Images have a quarter of their height and width, or half, where both networks take that: what is compared here
    are the weights and their use, the structure having been compared at full size. Where the two differ at a
    smaller size (windows may be cut otherwise there), the next larger one decides.
    """
    module, reference = ours.make(), _on_cpu(theirs.make())
    _randomize(reference)
    reference.double()
    load_weights(module, reference.state_dict(), weights, share=True)
    module = _on_cpu(module).double()
    for shapes in _sizes([node.output for node in ours.graph.inputs]):
        found = _compared(module, reference, _inputs(ours, shapes), weights, outputs)
        if found.ok:
            break
    return found


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
    """Runs a module in both modes. In training it may have further outputs after those of evaluation."""
    statistics = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with torch.no_grad():
        results = _tensors(module.eval()(*(value.clone() for value in inputs)))
    evaluation = tuple(results[place] for place in places if place < len(results))
    leaves = tuple(value.clone().requires_grad_() if value.is_floating_point() else value for value in inputs)
    with WithoutChance():
        # Modules may change in place what they are given, but no leaf of the graph of gradients.
        results = _tensors(module.train()(*(leaf.clone() for leaf in leaves)))
        training = tuple(results[place] for place in places)
        module.zero_grad()
        torch.stack([(_weights_of_loss(value) * value).sum() for value in training]).sum().backward()  # type: ignore[no-untyped-call]
    found = {f"input {index + 1}": leaf.grad for index, leaf in enumerate(leaves) if leaf.grad is not None}
    found |= {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    for name, buffer in module.named_buffers():
        buffer.copy_(statistics[name])
    return Run(evaluation, tuple(value.detach() for value in training), found)


def _tensors(results: Any) -> list[torch.Tensor]:
    """The tensors in a result, whatever tuples or dictionaries they are in; None is left out."""
    return [leaf for leaf in tree_leaves(results) if isinstance(leaf, torch.Tensor)]


def _weights_of_loss(value: torch.Tensor) -> torch.Tensor:
    """Random weights for a loss that is a weighted sum of the outputs; the same for both modules."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(value.shape, dtype=value.dtype, generator=generator) - 0.5


def _gradients(here: Run, there: Run, weights: WeightMap) -> dict[str, float]:
    """Differences by our name, for inputs and for every parameter that the two share."""
    names = {name: name for run in (here, there) for name in run.gradients if name.startswith("input ")}
    names |= {ours: theirs for theirs, ours in weights.pairs}
    given = {ours: (here.gradients.get(ours), there.gradients.get(theirs)) for ours, theirs in names.items()}
    found = {name: float("inf") for name, (one, other) in given.items() if (one is None) != (other is None)}
    pairs = {name: (one, other) for name, (one, other) in given.items() if one is not None and other is not None}
    unequal = {name: pair for name, pair in pairs.items() if not _equal(*pair)}
    least = NEGLIGIBLE * max(map(_largest, there.gradients.values())) if unequal else 0.0
    return dict.fromkeys(pairs, 0.0) | found | {name: _difference(*pair, least) for name, pair in unequal.items()}


def _equal(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    return ours.numel() == theirs.numel() and torch.equal(ours.reshape(theirs.shape), theirs)


def _difference(ours: torch.Tensor, theirs: torch.Tensor, least: float = 0.0) -> float:
    """Largest difference of two entries, relative to the largest entry (or to `least`, where that is more)."""
    if _equal(ours, theirs):
        return 0.0
    if ours.numel() != theirs.numel():
        return float("inf")
    scale = max(_largest(theirs), least)
    relative = float((ours.reshape(theirs.shape) - theirs).abs().max()) / scale if scale else float("inf")
    return relative if relative == relative else float("inf")


def _largest(value: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(value, ord=float("inf")))


def _sizes(inputs: Sequence[Tensor]) -> Iterator[list[Dims]]:
    """Shapes to try, the smallest first, full size last."""
    for divisor in (4, 2):
        shapes = [_divided(tensor, divisor) for tensor in inputs]
        if shapes != [tensor.dims for tensor in inputs]:
            yield shapes
    yield [tensor.dims for tensor in inputs]


def _divided(tensor: Tensor, divisor: int) -> Dims:
    """An image's sizes divided, unless it would become too small; other sizes as they are."""
    if tensor.rank != 3 or min(tensor.spatial) < SMALLEST * divisor:
        return tensor.dims
    return (tensor.channels, *(length // divisor for length in tensor.spatial))


def _inputs(side: Side, shapes: Sequence[Dims]) -> tuple[torch.Tensor, ...]:
    """Random values; tokens from the vocabulary."""
    generator = torch.Generator().manual_seed(0)
    values: list[torch.Tensor] = []
    for node, dims in zip(side.graph.inputs, shapes, strict=True):
        if node.output.kind == "int":
            count = min((u.op.count for u in side.graph.users(node.id) if isinstance(u.op, Embed)), default=2)
            values.append(torch.randint(count, (BATCH, *dims), generator=generator))
        else:
            values.append(torch.randn(BATCH, *dims, dtype=torch.float64, generator=generator))
    return tuple(values)


def _on_cpu(module: nn.Module) -> nn.Module:
    """A module on the CPU; weights on `meta`, which have no numbers, become zeros."""
    for owner in module.modules():
        for tensors in (owner._parameters, owner._buffers):
            for name, tensor in tensors.items():
                if tensor is not None and tensor.is_meta:
                    zeros = torch.zeros(tensor.shape, dtype=tensor.dtype)
                    is_parameter = isinstance(tensor, nn.Parameter)
                    tensors[name] = nn.Parameter(zeros) if is_parameter else zeros  # type: ignore[assignment]
    return module


def _randomize(module: nn.Module) -> None:
    """Sets random weights that keep the size of values, and random statistics, so that a wrong pairing shows."""
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
    """While active, dropout returns its input, and random masks are replaced by their mean."""

    DROPOUTS = frozenset(
        {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout}
        | {torch.dropout, torch.dropout_, torch.feature_dropout, torch.feature_dropout_}
        | {torch.alpha_dropout, torch.alpha_dropout_, torch.feature_alpha_dropout, torch.feature_alpha_dropout_}
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
