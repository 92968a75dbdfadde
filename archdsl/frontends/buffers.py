"""Buffers of modules whose weights have no numbers: tables of indices and the like keep theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def weights_on_meta() -> Iterator[None]:
    """While active, parameters of new modules are on `meta`, and take no memory. All else has numbers."""
    register = nn.Module.register_parameter
    moved: dict[int, tuple[nn.Parameter, nn.Parameter]] = {}
    """By its identity, a parameter as it was made, and on `meta`. One that two modules share stays shared."""

    def registered(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if type(parameter) is nn.Parameter and not parameter.is_meta:
            _, parameter = moved.setdefault(id(parameter), (parameter, _without_numbers(parameter)))
        register(module, name, parameter)

    nn.Module.register_parameter = registered  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        nn.Module.register_parameter = register  # type: ignore[method-assign]


def _without_numbers(parameter: nn.Parameter) -> nn.Parameter:
    return nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)


@contextmanager
def on_one_device(module: nn.Module) -> Iterator[Mapping[str, torch.Tensor]]:
    """The numbers of a module's buffers by name. While active, all buffers are where its parameters are."""
    numbers = {
        name: buffer for name, buffer in module.named_buffers(remove_duplicate=False) if buffer.device.type == "cpu"
    }
    if not any(parameter.is_meta for parameter in module.parameters()):
        yield numbers
        return
    owners = [(inner._buffers, dict(inner._buffers)) for inner in module.modules()]
    moved: dict[int, torch.Tensor] = {}
    for buffers, held in owners:
        for name, buffer in held.items():
            if buffer is not None:
                buffers[name] = moved.setdefault(id(buffer), buffer.to("meta"))
    try:
        yield numbers
    finally:
        for buffers, held in owners:
            buffers.update(held)
