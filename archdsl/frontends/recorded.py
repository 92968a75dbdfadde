"""Notes the arguments with which modules are made, so that a spec can use the author's own words."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from archdsl.ir.recorded import Recorded

Calls = dict[int, tuple[nn.Module, tuple[Any, ...], dict[str, Any]]]
"""By a module's `id`: the module, so that the `id` stays its own, and the arguments of its constructor."""


@contextmanager
def recording() -> Iterator[Calls]:
    """While active, the arguments of every module that is made are noted."""
    calls: Calls = {}

    def made(cls: type[nn.Module], /, *args: Any, **kwargs: Any) -> nn.Module:
        module = _plain(cls, *args, **kwargs)
        calls[id(module)] = (module, args, kwargs)
        return module

    # Some code calls it on a module: as a plain function it would take that for the class.
    nn.Module.__new__ = staticmethod(made)  # type: ignore[method-assign, assignment]
    try:
        yield calls
    finally:
        # Python does not restore the slot of a deleted `__new__`: `object.__new__` would then refuse arguments.
        nn.Module.__new__ = staticmethod(_plain)  # type: ignore[method-assign, assignment]


def _plain(cls: type[nn.Module], /, *args: Any, **kwargs: Any) -> nn.Module:
    """A new module as if `nn.Module` had no `__new__`: a further base class may have one that takes the arguments."""
    after = super(nn.Module, cls).__new__
    # torch.compile, which runs this for a slice of a ModuleList, cannot compare these functions.
    is_last = torch.compiler.is_compiling() or after is object.__new__
    module: nn.Module = object.__new__(cls) if is_last else after(cls, *args, **kwargs)
    return module


def recorded(paths: Mapping[str, str], network: nn.Module, calls: Calls) -> dict[str, Recorded]:
    """What is known of the modules that scopes were made by; `paths` has the module's path by the scope's."""
    modules = dict(network.named_modules(remove_duplicate=False))
    found = {scope: modules[path] for scope, path in paths.items() if path in modules}
    return {scope: _recorded(module, calls.get(id(module))) for scope, module in found.items()}


def _recorded(module: nn.Module, call: tuple[nn.Module, tuple[Any, ...], dict[str, Any]] | None) -> Recorded:
    try:
        ports = tuple(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):
        ports = ()
    return Recorded(type(module).__name__, _arguments(type(module), *call[1:]) if call else {}, ports)


def _arguments(kind: type[nn.Module], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The plain arguments by name, with those left at their defaults; settings in an object each by itself."""
    try:
        bound = inspect.signature(kind.__init__).bind(None, *args, **kwargs)
    except (TypeError, ValueError):
        return {}
    bound.apply_defaults()
    given = dict(list(bound.arguments.items())[1:])
    for value in list(given.values()):
        if isinstance(value, dict):
            given.update({key: inner for key, inner in value.items() if isinstance(key, str)})
    found: dict[str, Any] = {}
    for name, value in given.items():
        for key, inner in _plain_values(name, value):
            found.setdefault(key, inner)
    return found


def _plain_values(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, bool | int | float):
        yield name, value
    elif isinstance(value, tuple | list) and value and all(isinstance(part, int) for part in value):
        yield from ((f"{name}[{place}]", part) for place, part in enumerate(value))
    elif _is_settings(value):
        for key, inner in vars(value).items():
            if isinstance(inner, bool | int | float) and not key.startswith("_"):
                yield key, inner


def _is_settings(value: Any) -> bool:
    """Whether a value is an object that holds settings, such as a dataclass: neither torch's nor a function."""
    package = type(value).__module__.split(".")[0]
    own = package not in ("torch", "builtins", "functools") and hasattr(value, "__dict__") and not callable(value)
    return dataclasses.is_dataclass(value) or own
