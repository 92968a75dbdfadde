"""The ways of running a network: as it is, compiled, recorded. `cuda_settings.py` lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from devices import Device
from torch import Tensor, nn

Forward = Callable[[Tensor], Any]
Prepare = Callable[[nn.Module, Tensor, Device], Forward]


def eager(module: nn.Module, _: Tensor, __: Device) -> Forward:
    """The module as it is."""
    return module


def compiled(module: nn.Module, _: Tensor, device: Device, mode: str = "default") -> Forward:
    """torch.compile of the whole, in one of its modes."""
    return _compiled(module, device, torch._inductor.list_mode_options(mode))


def autotuned(module: nn.Module, _: Tensor, device: Device) -> Forward:
    """torch.compile with all that it can do: max-autotune, and for inference weights as constants ("freezing")."""
    made = _compiled(module, device, torch._inductor.list_mode_options("max-autotune"))
    return made if module.training else _frozen(made)


def _frozen(made: Forward) -> Forward:
    """Compiles in the first call. Two compilers ask for this setting, and only one sees the options of a call."""
    is_compiled = False

    def forward(images: Tensor) -> Any:
        nonlocal is_compiled
        if is_compiled:
            return made(images)
        is_compiled = True
        with torch._inductor.config.patch(freezing=True):
            return made(images)

    return forward


def _compiled(module: nn.Module, device: Device, options: Mapping[str, Any]) -> Forward:
    known = {"options": dict(options)} if device.backend == "inductor" and options else {}
    made: Forward = torch.compile(module, backend=device.backend, dynamic=False, **known)  # type: ignore[call-overload]
    return made


def by_block(module: nn.Module, _: Tensor, device: Device) -> Forward:
    """torch.compile of each block by itself ("regional compilation"). Raises `ValueError` if there are none."""
    blocks = list(blocks_of(module))
    if not blocks:
        raise ValueError("the network has no blocks")
    for block in blocks:
        block.compile(backend=device.backend, dynamic=False)
    return module


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """The blocks of an emitted network: modules of classes of its own file, the outermost ones."""
    home = type(module).__module__
    inside: list[nn.Module] = list(module.children())
    while inside:
        inner = inside.pop()
        if type(inner).__module__ == home:
            yield inner
        else:
            inside += inner.children()


def recorded(module: nn.Module, images: Tensor, device: Device) -> Forward:
    """The module's kernels as one CUDA graph, for these images alone."""
    run = device.recorded(partial(module, images))
    return lambda _: run()


def tensorrt(module: nn.Module, images: Tensor, _: Device) -> Forward:
    """NVIDIA's TensorRT, in the precision of the weights."""
    import torch_tensorrt

    program = torch.export.export(module, (images,))
    made: Forward = torch_tensorrt.dynamo.compile(program, arg_inputs=(images,), use_explicit_typing=True)
    return made


PREPARED: Mapping[str, Prepare] = {
    "eager": eager,
    "compiled": compiled,
    "reduce-overhead": partial(compiled, mode="reduce-overhead"),
    "max-autotune": autotuned,
    "by block": by_block,
    "CUDA graph": recorded,
    "TensorRT": tensorrt,
}
"""By the names of `cuda_settings.py`: what a module becomes, for images like those given."""
