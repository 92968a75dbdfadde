"""The sizes with which a model is read: those that its inputs state, and those that are given for open ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from archdsl.diagnostics import CompileError
from archdsl.frontends.onnx.model import Dim, Model, OnnxInput, wrong
from archdsl.frontends.onnx.types import FLOATS, ElementAndShape
from archdsl.ops.base import LARGEST, LIMIT
from archdsl.tensor import Tensor

BATCH = 2
"""Samples with which a model is read whose batch is open: with two, the batch differs from axes of size 1."""


@dataclass(frozen=True, slots=True)
class Given:
    """The types of inputs by name, the samples in a batch, and what open sizes are."""

    types: Mapping[str, ElementAndShape]
    batch: int
    sizes: Mapping[str, int]

    def for_samples(self, batch: int) -> Given:
        """The same for another number of samples."""
        types = {name: (element, (batch, *shape[1:])) for name, (element, shape) in self.types.items()}
        return Given(types, batch, self.sizes)


def given_sizes(model: Model, inputs: Sequence[Tensor], batch: int, name: str) -> Given:
    """Sizes for all inputs. `inputs` are those of `--input`, without the batch; `batch` is taken where it is open.

    Raises `CompileError` where a size is open and not given, or given and another.
    """
    if not model.inputs:
        raise wrong("reference-inputs", f"{name} has no inputs")
    if inputs and len(inputs) != len(model.inputs):
        listed = ", ".join(map(_told, model.inputs))
        raise wrong(
            "reference-inputs", f"{name} has {len(model.inputs)} inputs ({listed}), and {len(inputs)} shapes are given"
        )
    samples = {own.dims[0] for own in model.inputs if own.dims and isinstance(own.dims[0], int)}
    if len(samples) > 1:
        listed = ", ".join(map(_told, model.inputs))
        raise wrong("reference-inputs", f"inputs of {name} do not begin with one batch: {listed}")
    batch = next((size for size in samples if isinstance(size, int)), batch)
    types: dict[str, ElementAndShape] = {}
    sizes: dict[str, int] = {}
    for own, tensor in zip(model.inputs, inputs or (None,) * len(model.inputs), strict=True):
        shape = _shape(own, tensor, batch, name)
        if max(shape) > LIMIT or prod(shape) > LARGEST:
            raise wrong("bad-onnx-file", f"the input {_told(own)} of {name} is larger than any network's")
        types[own.name] = own.element or 1, shape
        sizes.update({dim: size for dim, size in zip(own.dims or (), shape, strict=False) if isinstance(dim, str)})
    return Given(types, batch, sizes)


def _shape(own: OnnxInput, tensor: Tensor | None, batch: int, name: str) -> tuple[int, ...]:
    if tensor is None:
        if own.dims is None or not own.dims:
            raise _open(own, name)
        if any(not isinstance(dim, int) for dim in own.dims[1:]):
            raise _open(own, name)
        return (batch, *(dim for dim in own.dims[1:] if isinstance(dim, int)))
    shape = (batch, *tensor.dims)
    fits = own.dims is None or (len(own.dims) == len(shape) and all(_fit(shape, own.dims)))
    if not fits or (tensor.kind == "int") == (own.element in FLOATS):
        raise wrong("reference-inputs", f"the input {own.name} of {name} is {_told(own)}, and {tensor} is given")
    return shape


def _fit(shape: Sequence[int], dims: Sequence[Dim]) -> Iterator[bool]:
    return (not isinstance(dim, int) or dim == size for dim, size in zip(dims, shape, strict=True))


def _open(own: OnnxInput, name: str) -> CompileError:
    message = f"the input {_told(own)} of {name} leaves sizes open"
    if not own.dims:
        return wrong("reference-inputs", message, "say them: `archdsl import ... --input 3x224x224`")
    example = "x".join(
        str(dim) if isinstance(dim, int) else str(USUAL.get(place, 224)) for place, dim in enumerate(own.dims[1:])
    )
    kind = "" if own.element in FLOATS else " int"
    shown = f"'{example}{kind}'" if kind else example
    return wrong("reference-inputs", message, f"say them with the import: `archdsl import {name} --input {shown}`")


USUAL = {0: 3}
"""What an example says for the size that stands at this place; for others 224."""


def _told(own: OnnxInput) -> str:
    """An input for messages: `image (batch x 3 x height x width)`."""
    dims = " x ".join("?" if dim is None else str(dim) for dim in own.dims) if own.dims else "no shape"
    return f"{own.name} ({dims})"
