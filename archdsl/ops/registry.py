"""All ops by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from archdsl.ops.base import Op

OpClass = TypeVar("OpClass", bound="type[Op]")


class Registry(Mapping[str, "type[Op]"]):
    """The ops by name. A module whose ops only imported networks use is loaded when one of them is first asked for.

    Making the classes of ops takes a good part of a short command's time, and most commands need none of those.
    """

    def __init__(self) -> None:
        self._ops: dict[str, type[Op]] = {}
        self._modules: dict[str, str] = {}

    def add(self, op: type[Op]) -> None:
        """Enters an op. Raises ValueError if its name is taken."""
        known = self._ops.get(op.name)
        if known is not None:
            raise ValueError(f"op {op.name!r} is registered twice: in {known.__module__} and in {op.__module__}")
        self._ops[op.name] = op
        self._modules.pop(op.name, None)

    def add_module(self, module: str, names: str) -> None:
        """Enters the names of a module's ops without loading it. They are separated by spaces."""
        self._modules.update(dict.fromkeys(names.split(), module))

    def written(self) -> dict[str, type[Op]]:
        """The words of the language: the ops that people write. Those of modules that are not loaded never are."""
        return {name: op for name, op in self._ops.items() if not op.internal}

    def __getitem__(self, name: str) -> type[Op]:
        if name in self._modules:
            import_module(self._modules[name])
        return self._ops[name]

    def __contains__(self, name: object) -> bool:
        return name in self._ops or name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter((*self._ops, *self._modules))

    def __len__(self) -> int:
        return len(self._ops) + len(self._modules)


REGISTRY = Registry()


def register(op: OpClass) -> OpClass:
    """Class decorator that enters an op under its name. Raises ValueError if the name is taken."""
    REGISTRY.add(op)
    return op


def dump(op: Op) -> dict[str, Any]:
    """An op as plain JSON values. `load_op` turns them back into an equal op."""
    return {"op": op.name, "arguments": op.model_dump(mode="json")}


def load_op(data: Mapping[str, Any]) -> Op:
    """The op that `dump` wrote. Raises ValueError for an unknown op or arguments that it does not take."""
    op = REGISTRY.get(data["op"])
    if op is None:
        raise ValueError(f"no op is called {data['op']!r}")
    return op.model_validate(data["arguments"])
