"""Runs emitted source. This is the only file of the package that imports torch; it is imported only when needed."""

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
    """Executes `text`, and returns it as a Python module called `name`. Tracebacks show its lines."""
    name = f"archdsl_emitted_{next(_numbers)}_{name}"
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = ModuleType(name)
    module.__file__ = file
    # torch.jit, pickle and dataclasses look up the module of a class by name in `sys.modules`.
    sys.modules[name] = module
    exec(compile(text, file, "exec"), module.__dict__)
    return module


def network_class(graph: Graph) -> type[nn.Module]:
    """The class of the network, from the source that is emitted for a graph."""
    emitted = emit(graph)
    found = getattr(load(emitted.text, emitted.name.lower()), emitted.name)
    assert isinstance(found, type)
    assert issubclass(found, nn.Module)
    return found


def module(graph: Graph, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> nn.Module:
    """The network as a module with new random weights, in training mode."""
    made = network_class(graph)
    if device is None:
        return made().to(dtype=dtype)
    with torch.device(device):
        return made().to(dtype=dtype)
