"""Runs emitted source. The only file that imports torch, and itself imported only where a module is wanted."""

from __future__ import annotations

import itertools
import linecache
import sys
from types import ModuleType

import torch
from torch import nn

from archdsl.backends.torch.source import emit
from archdsl.ir.graph import Graph

_numbers = itertools.count(1)


def load(text: str, name: str = "network") -> ModuleType:
    """The Python module that `text` is. Tracebacks into it show its lines."""
    name = f"archdsl_emitted_{next(_numbers)}_{name}"
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = ModuleType(name)
    module.__file__ = file
    # torch.jit, pickle and dataclasses look a class's module up by its name.
    sys.modules[name] = module
    exec(compile(text, file, "exec"), module.__dict__)
    return module


def network_class(graph: Graph) -> type[nn.Module]:
    """The class that a graph is written as."""
    emitted = emit(graph)
    found = getattr(load(emitted.text, emitted.name.lower()), emitted.name)
    assert isinstance(found, type)
    assert issubclass(found, nn.Module)
    return found


def module(graph: Graph, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> nn.Module:
    """The network with fresh weights, in training mode as PyTorch makes it."""
    made = network_class(graph)
    if device is None:
        return made().to(dtype=dtype)
    with torch.device(device):
        return made().to(dtype=dtype)
