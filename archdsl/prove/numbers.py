"""Runs two modules with the same weights, and measures how far apart their outputs and gradients are.

Everything is computed in float64. The reference gets random weights and statistics, which are copied to ours. Dropout
and drop path are switched off, so that outputs in training can be compared too.
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

from archdsl.frontends.chance import is_drop_path
from archdsl.ir.graph import Graph
from archdsl.ir.weight_parts import value_of
from archdsl.ops.embed import Embed
from archdsl.prove.form import Dims
from archdsl.prove.layouts import Lasts
from archdsl.prove.sides import Side
from archdsl.prove.weights import WeightMap, load_weights
from archdsl.tensor import Tensor

TOLERANCE = 1e-9
"""The largest relative difference at which two networks in float64 count as equal."""

NEGLIGIBLE = 1e-6
"""A gradient below this share of the largest one is mostly rounding error: its difference is divided by this limit."""

BATCH = 2
"""The number of samples in a run: batch normalization needs several to compute statistics."""

SMALLEST = 48
"""Images are not shrunk below this many pixels: after halving five times, maps still have several positions."""


NO_DROPOUT: Mapping[str, Any] = {"dropout_p": 0.0}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The largest relative differences between two networks: of outputs in both modes, and of gradients.

    `input` is the shape of the input with its batch; `worst` is the parameter whose gradients differ most. If a run
    failed, `failure` says why, and the differences are infinite.
    """

    input: str
    evaluation: float
    training: float
    gradients: float
    worst: str
    failure: str = ""

    @property
    def ok(self) -> bool:
        """Whether both ran and all differences are within `TOLERANCE`."""
        return not self.failure and max(self.evaluation, self.training, self.gradients) <= TOLERANCE


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one module: outputs in both modes, and gradients by name (`input 1` for the first input)."""

    evaluation: tuple[torch.Tensor, ...]
    training: tuple[torch.Tensor, ...]
    gradients: Mapping[str, torch.Tensor]


NO_LASTS: Lasts = (frozenset(), frozenset())


def compare(
    ours: Side, theirs: Side, weights: WeightMap, outputs: Sequence[tuple[int, int]], lasts: Lasts = NO_LASTS
) -> Numbers:
    """Runs both modules and compares their results.

    `outputs` are pairs of indices of results that correspond, ours and theirs, the main ones first. The channels of the
    results in `lasts` are moved from the last dimension to the first after the batch. If both networks accept it,
    images and clips have a quarter or half of their height and width: the structure has been compared at full size, so
    a smaller image is enough to compare the weights and how they are used. If the two differ at a smaller size (padding
    may differ there), the next larger size decides.
    """
    module, reference = ours.make(), _on_cpu(theirs.make())
    randomize(reference)
    reference.double()
    load_weights(module, reference.state_dict(), weights, share=True)
    module = _on_cpu(module).double()
    for shapes in sizes([node.output for node in ours.graph.inputs]):
        found = _compared(module, reference, inputs_of(ours.graph, shapes), weights, outputs, lasts)
        if found.ok:
            break
    return found


def _compared(
    module: nn.Module,
    reference: nn.Module,
    inputs: tuple[torch.Tensor, ...],
    weights: WeightMap,
    outputs: Sequence[tuple[int, int]],
    lasts: Lasts,
) -> Numbers:
    shape = ", ".join("x".join(map(str, value.shape)) for value in inputs)
    infinite = (float("inf"),) * 3
    try:
        here = _run(module, inputs, [ours for ours, _ in outputs], lasts[0])
        there = _run(reference, inputs, [theirs for _, theirs in outputs], lasts[1])
    except Exception as error:
        said = str(error).strip().splitlines()
        return Numbers(shape, *infinite, "", f"{type(error).__name__}: {said[0] if said else ''}")
    gradients = _gradients(here, there, weights)
    worst = max(gradients, key=gradients.__getitem__, default="")
    return Numbers(
        shape,
        max(map(difference, here.evaluation, there.evaluation)),
        max(map(difference, here.training, there.training)),
        gradients.get(worst, 0.0),
        worst,
    )


def _run(module: nn.Module, inputs: tuple[torch.Tensor, ...], places: Sequence[int], lasts: frozenset[int]) -> Run:
    """Runs a module in both modes. In training it may have further outputs, after those of evaluation."""
    statistics = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with torch.no_grad():
        results = tensors(module.eval()(*(value.clone() for value in inputs)), lasts)
    evaluation = tuple(results[place] for place in places if place < len(results))
    leaves = tuple(value.clone().requires_grad_() if value.is_floating_point() else value for value in inputs)
    with WithoutChance():
        # A module may change its input in place, which PyTorch forbids for a leaf that requires gradients.
        results = tensors(_in_training(module)(*(leaf.clone() for leaf in leaves)), lasts)
        training = tuple(results[place] for place in places)
        module.zero_grad()
        torch.stack([(_weights_of_loss(value) * value).sum() for value in training]).sum().backward()  # type: ignore[no-untyped-call]
    found = {f"input {index + 1}": leaf.grad for index, leaf in enumerate(leaves) if leaf.grad is not None}
    named = module.named_parameters(remove_duplicate=False)
    found |= {name: p.grad for name, p in named if p.grad is not None}
    for name, buffer in module.named_buffers():
        buffer.copy_(statistics[name])
    return Run(evaluation, tuple(value.detach() for value in training), found)


def _in_training(module: nn.Module) -> nn.Module:
    """The module in training mode, but for drop paths, some of which draw numbers that no function here replaces."""
    module.train()
    for inner in module.modules():
        if is_drop_path(inner):
            inner.eval()
    return module


def tensors(results: Any, lasts: frozenset[int] = frozenset()) -> list[torch.Tensor]:
    """The tensors in a result, in any nested tuples or dictionaries, all with the channels first; None is left out."""
    found = [leaf for leaf in tree_leaves(results) if isinstance(leaf, torch.Tensor)]
    return [value.movedim(-1, 1) if place in lasts else value for place, value in enumerate(found)]


def _weights_of_loss(value: torch.Tensor) -> torch.Tensor:
    """Random weights for a loss that is a weighted sum of the outputs; the same for both modules."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(value.shape, dtype=value.dtype, generator=generator) - 0.5


def _gradients(here: Run, there: Run, weights: WeightMap) -> dict[str, float]:
    """The differences of gradients by our name, for inputs and for every parameter that the two share."""
    names = {name: name for run in (here, there) for name in run.gradients if name.startswith("input ")}
    names |= {ours: theirs for theirs, ours in weights.pairs}
    given = {ours: (here.gradients.get(ours), value_of(there.gradients, theirs)) for ours, theirs in names.items()}
    found = {name: float("inf") for name, (one, other) in given.items() if (one is None) != (other is None)}
    pairs = {name: (one, other) for name, (one, other) in given.items() if one is not None and other is not None}
    unequal = {name: pair for name, pair in pairs.items() if not _equal(*pair)}
    least = NEGLIGIBLE * max(map(_largest, there.gradients.values())) if unequal else 0.0
    return dict.fromkeys(pairs, 0.0) | found | {name: difference(*pair, least) for name, pair in unequal.items()}


def _equal(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    return ours.numel() == theirs.numel() and torch.equal(ours.reshape(theirs.shape), theirs)


def difference(ours: torch.Tensor, theirs: torch.Tensor, least: float = 0.0) -> float:
    """The largest difference between entries, relative to the largest entry, or to `least` if that is larger."""
    if _equal(ours, theirs):
        return 0.0
    if ours.numel() != theirs.numel():
        return float("inf")
    scale = max(_largest(theirs), least)
    relative = float((ours.reshape(theirs.shape) - theirs).abs().max()) / scale if scale else float("inf")
    return relative if relative == relative else float("inf")


def _largest(value: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(value, ord=float("inf")))


def sizes(inputs: Sequence[Tensor]) -> Iterator[list[Dims]]:
    """The shapes of all inputs to try, the smallest first, the full size last."""
    for divisor in (4, 2):
        shapes = [_divided(tensor, divisor) for tensor in inputs]
        if shapes != [tensor.dims for tensor in inputs]:
            yield shapes
    yield [tensor.dims for tensor in inputs]


def _divided(tensor: Tensor, divisor: int) -> Dims:
    """The shape of an image, or of a clip, with height and width divided, unless they would become too small.

    Other shapes stay as they are.
    """
    if tensor.rank not in (3, 4) or min(tensor.frame) < SMALLEST * divisor:
        return tensor.dims
    return (*tensor.dims[:-2], *(length // divisor for length in tensor.frame))


def inputs_of(graph: Graph, shapes: Sequence[Dims]) -> tuple[torch.Tensor, ...]:
    """Random inputs of these shapes; tokens are random numbers below the size of the vocabulary."""
    generator = torch.Generator().manual_seed(0)
    values: list[torch.Tensor] = []
    for node, dims in zip(graph.inputs, shapes, strict=True):
        if node.output.kind == "int":
            count = min((u.op.count for u in graph.users(node.id) if isinstance(u.op, Embed)), default=2)
            values.append(torch.randint(count, (BATCH, *dims), generator=generator))
        else:
            values.append(torch.randn(BATCH, *dims, dtype=torch.float64, generator=generator))
    return tuple(values)


def _on_cpu(module: nn.Module) -> nn.Module:
    """The module, moved to the CPU. Weights on `meta`, which have no values, become zeros."""
    for owner in module.modules():
        for tensors in (owner._parameters, owner._buffers):
            for name, tensor in tensors.items():
                if tensor is not None and tensor.is_meta:
                    zeros = torch.zeros(tensor.shape, dtype=tensor.dtype)
                    is_parameter = isinstance(tensor, nn.Parameter)
                    tensors[name] = nn.Parameter(zeros) if is_parameter else zeros  # type: ignore[assignment]
    return module


def randomize(module: nn.Module) -> None:
    """Sets random weights, of a size that keeps values in range, and random statistics, to reveal wrong pairs."""
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
    """While it is active, dropout returns its input, and random masks are replaced by their mean."""

    DROPOUTS = frozenset(
        {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout}
        | {torch.dropout, torch.dropout_, torch.feature_dropout, torch.feature_dropout_}
        | {torch.alpha_dropout, torch.alpha_dropout_, torch.feature_alpha_dropout, torch.feature_alpha_dropout_}
    )
    LAYERS = frozenset({torch.lstm, torch.gru})
    """Recurrent layers, whose sixth argument is the probability of a dropout between layers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.DROPOUTS:
            return args[0] if args else kwargs["input"]
        if func in self.LAYERS:
            return func(*args[:5], 0.0, *args[6:], **kwargs)
        if func is F.multi_head_attention_forward:
            # The calls inside it do not come here.
            return func(*args, **kwargs | {"training": False})
        if func is F.scaled_dot_product_attention:
            return func(*args[:4], *(0.0 for _ in args[4:5]), *args[5:], **kwargs | ({} if args[4:] else NO_DROPOUT))
        if func is torch.Tensor.bernoulli_:
            return args[0].fill_(args[1] if len(args) > 1 else kwargs.get("p", 0.5))
        return func(*args, **kwargs)
