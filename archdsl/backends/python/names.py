"""Python names that are legal, unique, and hide no builtin."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container, Iterable

BUILT_IN = frozenset(
    """
    abs all any bool dict enumerate filter float format hash id input int iter len list map max min next object open
    pow print range repr reversed round set slice sorted str sum super tuple type vars zip
    """.split()
)

AMBIGUOUS = ("l", "O", "I")
"""Names that look like digits."""


def camel_case(name: str) -> str:
    """`inception3` -> `Inception3`, `up_conv` -> `UpConv`, `MBConv` -> `MBConv`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part) or "Scope"


def legal(name: str, reserved: Container[str] = ()) -> str:
    """`name` as an identifier that is no keyword, builtin or reserved name: `lambda` -> `lambda_`, `3` -> `n3`."""
    name = re.sub(r"\W", "_", name)
    if not name or name[0].isdigit():
        name = f"n{name}"
    hidden = keyword.iskeyword(name) or name in reserved or name in BUILT_IN or name in ("self", *AMBIGUOUS)
    return f"{name}_" if hidden else name


class Namespace:
    """Gives out each name only once, and no name that is taken or reserved."""

    def __init__(self, taken: Iterable[str] = (), reserved: Container[str] = ()) -> None:
        self._taken = set(taken)
        self._reserved = reserved
        self._next: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def unique(self, name: str) -> str:
        """`name` if it is free and legal, else the same with a number: `Cell`, `Cell2`, `Cell3`."""
        name = legal(name, self._reserved)
        chosen = name
        while chosen in self._taken:
            number = self._next.get(name, 2)
            self._next[name] = number + 1
            chosen = f"{name}{number}" if not name[-1].isdigit() else f"{name}_{number}"
        self._taken.add(chosen)
        return chosen
