"""Parts of public networks: the module of a given path, and the shape of what the whole network gives to it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import nn

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.suggest import nearest

SHOWN = 8
"""The most names that an error lists."""


def part_of(module: nn.Module, reference: str, path: str) -> nn.Module:
    """The module that has this path in a network; the network itself for "". Raises `CompileError` if there is none."""
    if not path:
        return module
    parts: dict[str, nn.Module] = dict(module.named_modules(remove_duplicate=False))
    if path not in parts:
        help = _others(reference, path, parts)
        raise CompileError([Diagnostic("unknown-reference", f"{reference} has no part `{path}`", help=help)])
    if isinstance(parts[path], nn.ModuleList | nn.ModuleDict):
        inner = ", ".join(f"`{path}.{name}`" for name, _ in [*parts[path].named_children()][:SHOWN])
        said = f"the part `{path}` of {reference} only holds modules, and computes nothing itself"
        raise CompileError([Diagnostic("unknown-reference", said, help=f"name one of its own parts: {inner}")])
    return parts[path]


def _others(reference: str, path: str, parts: dict[str, nn.Module]) -> str:
    """The name that was probably meant, or those beside it."""
    meant = nearest(path, [name for name in parts if name])
    if meant:
        return f"did you mean `{reference}#{meant}`?"
    around = path
    while around not in parts:
        around = around.rpartition(".")[0]
    names = [f"{around}.{name}".strip(".") for name, _ in parts[around].named_children()]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    owner = f"the parts of `{around}`" if around else "its parts"
    return (
        f"{owner} are {', '.join(f'`{name}`' for name in names[:SHOWN])}{more}" if names else f"`{around}` has no parts"
    )


class _Reached(Exception):
    """Raised where a part is called, so that nothing after it is computed."""


def input_of_part(whole: nn.Module, path: str, dims: tuple[int, ...], reference: str) -> tuple[int, ...]:
    """The shape, without the batch, of the value that a network which takes an image of `dims` gives to a part of it.

    The network is called with two images, and, as detectors are, with a list of images. Raises `CompileError` if the
    part is called with anything but one tensor of numbers, or not at all.
    """
    taken: list[tuple[Any, ...]] = []

    def note(_: nn.Module, args: Any, kwargs: Any) -> None:
        taken.append((*args, *kwargs.values()))
        raise _Reached

    hook = whole.get_submodule(path).register_forward_pre_hook(note, with_kwargs=True)
    for batch in (torch.zeros(2, *dims), [torch.zeros(dims), torch.zeros(dims)]):
        if not taken:
            with suppress(Exception), torch.no_grad():
                whole.eval()(batch)
    hook.remove()
    values: tuple[Any, ...] = taken[0] if taken else ()
    if len(values) == 1 and isinstance(values[0], torch.Tensor) and values[0].is_floating_point():
        return tuple(values[0].shape[1:])
    known = "takes more than one value" if taken else "is not called with an image alone"
    said = f"the input of {reference} is not known, since the part {known}"
    help = "write the shape of each input: --input 3x224x224 (archdsl import)"
    raise CompileError([Diagnostic("unknown-reference", said, help=help)])
