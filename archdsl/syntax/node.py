"""The base class of syntax tree nodes, which do not change and are equal if their fields are.

`dataclass` would generate these methods for each of about sixty classes, which takes a tenth of a command's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def node(made: type[T]) -> type[T]:
    """Makes a subclass of `Node` a dataclass, with a slot for each field."""
    return dataclass(init=False, repr=False, eq=False, slots=True)(made)


class Node:
    """A node of the syntax tree. Its constructor takes all fields, in their order or by name; none has a default."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__match_args__
        if named:
            values += tuple(named.pop(name) for name in names[len(values) :] if name in named)
        if named or len(values) != len(names):
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")
        self.__setstate__(values)

    @property
    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._values == other._values

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__qualname__}({', '.join(fields)})"

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self) -> tuple[Any, ...]:
        return self._values

    def __setstate__(self, values: tuple[Any, ...]) -> None:
        for name, value in zip(self.__match_args__, values, strict=True):
            object.__setattr__(self, name, value)


def nodes_in(part: Any) -> Iterator[Node]:
    """All nodes in a part of the tree, itself among them, or in a tuple of parts, in no particular order."""
    pending = [part]
    while pending:
        part = pending.pop()
        if type(part) is tuple:
            pending.extend(part)
        elif isinstance(part, Node):
            yield part
            pending.extend(part._values)
