"""Layers whose weight is computed from others, by weight_norm or spectral_norm: they are read with the plain weight.

At evaluation such a weight is fixed, so that the layer computes what a plain one with these numbers does.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import nn
from torch.nn.utils import parametrize, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm


def with_plain_weights(module: nn.Module) -> nn.Module:
    """The module itself, or a copy of it that has plain weights where some are computed."""
    computed = [(inner, name) for inner in module.modules() for name, _ in _computed(inner)]
    if not computed:
        return module
    # What a hook computed and left in the module is no parameter, and is not copied.
    left = (vars(inner).get(name) for inner, name in computed)
    plain = deepcopy(module, {id(value): value.detach() for value in left if isinstance(value, torch.Tensor)})
    make_plain(plain)
    return plain


def make_plain(module: nn.Module) -> tuple[str, ...]:
    """Makes the computed weights of a module plain ones, and says so; () if it has none."""
    layers = {path: inner for path, inner in module.named_modules() if any(_computed(inner))}
    by = sorted({by for inner in layers.values() for _, by in _computed(inner)})
    for inner in layers.values():
        inner.eval()
        _remove_parametrizations(inner)
        _remove_hooks(inner)
    if not layers:
        return ()
    shown = ", ".join(path or "the module" for path in list(layers)[:3]) + (" ..." if len(layers) > 3 else "")
    what = "1 layer is" if len(layers) == 1 else f"{len(layers)} layers are"
    return (f"{what} read with the weight that {' and '.join(by)} computes: {shown}",)


def _computed(module: nn.Module) -> Iterator[tuple[str, str]]:
    """The weights of a module that are computed, and by what."""
    if parametrize.is_parametrized(module):
        for name, steps in module.parametrizations.items():  # type: ignore[union-attr, operator]
            yield name, " and ".join(type(step).__name__.strip("_") for step in steps)
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm | SpectralNorm):
            yield hook.name, type(hook).__name__


def _remove_parametrizations(module: nn.Module) -> None:
    """Does what `remove_parametrizations` does, which would take the weights from copies of the module as well."""
    if not parametrize.is_parametrized(module):
        return
    weights = {name: getattr(module, name).detach() for name in module.parametrizations}  # type: ignore[union-attr]
    module.__class__ = type(module).__bases__[0]
    del module.parametrizations
    for name, weight in weights.items():
        module.register_parameter(name, nn.Parameter(weight))


def _remove_hooks(module: nn.Module) -> None:
    for hook in list(module._forward_pre_hooks.values()):
        if isinstance(hook, WeightNorm):
            remove_weight_norm(module, hook.name)
        elif isinstance(hook, SpectralNorm):
            remove_spectral_norm(module, hook.name)
