"""Names for the values in one `forward`: `x` for the flow, the user's own names, else the step's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, count

from archdsl.backends.torch.bodies import Several, Wire
from archdsl.backends.torch.names import legal

FLOW = "x"
BESIDE = ("y", "z")
"""Names for a value beside `x`: that of a branch while `x` is still needed."""


class Variables:
    """Which variable holds which value, and how often each value will still be read."""

    def __init__(self, left: Counter[Wire | Several], fixed: Iterable[str]) -> None:
        self.left = left
        self._fixed = set(fixed)
        """Names that no other value may get: modules passed as arguments, lists."""
        self._held: dict[str, Wire] = {}
        self._texts: dict[Wire | Several, str] = {}
        self.lists: dict[tuple[Wire, ...], str] = {}
        """Lists by the values that they hold."""
        self._passing: set[str] = set()
        """Names that mean no particular value, so that the next value in the chain may have them."""

    def state(self) -> tuple[dict[str, Wire], dict[Wire | Several, str], set[str]]:
        """The values that the variables hold now; `restore` resets them for another arm of an `if`."""
        return dict(self._held), dict(self._texts), set(self._passing)

    def restore(self, state: tuple[dict[str, Wire], dict[Wire | Several, str], set[str]]) -> None:
        """Resets the variables to a state that `state` returned."""
        held, texts, passing = state
        self._held, self._texts, self._passing = dict(held), dict(texts), set(passing)

    def has_name(self, value: Wire) -> bool:
        """Whether a variable holds a value."""
        return value in self._texts

    def is_passing(self, name: str) -> bool:
        """Whether a variable's name means no particular value, so that the next value may have it."""
        return name in self._passing

    def text(self, value: Wire | Several) -> str:
        """The variable, or the element of a list, that holds a value."""
        return self._texts[value]

    def assign(self, value: Wire, name: str, passing: bool = False) -> str:
        """Notes that variable `name` now holds `value`."""
        self._held[name] = value
        self._texts[value] = name
        (self._passing.add if passing else self._passing.discard)(name)
        return name

    def fix(self, names: Iterable[str]) -> None:
        """Reserves names for good, such as those of lists."""
        self._fixed.update(names)

    def is_fixed(self, name: str) -> bool:
        """Whether a name is reserved for good."""
        return name in self._fixed

    def place_list(self, name: str, whole: Several, values: Sequence[Wire]) -> None:
        """Notes a list, and the values that are its elements."""
        self._texts[whole] = name
        self.lists[tuple(values)] = name
        self._texts.update({value: f"{name}[{index}]" for index, value in enumerate(values)})

    def read(self, values: Iterable[Wire | Several]) -> None:
        """Notes that values have been read once more."""
        for value in values:
            self.left[value] -= 1

    def is_free(self, name: str) -> bool:
        """Whether nothing that is still needed has this name."""
        held = self._held.get(name)
        return name not in self._fixed and (held is None or self.left[held] <= 0)

    def unique(self, name: str, taken: Iterable[str] = ()) -> str:
        """The name; with a number behind it, if a value that is still needed, or `taken`, has it."""
        name, taken = legal(name), frozenset(taken)
        joint = "_" if name[-1].isdigit() else ""
        candidates = chain([name], (f"{name}{joint}{i}" for i in count(2)))
        return next(n for n in candidates if n not in taken and self.is_free(n))

    def unique_beside(self, name: str, taken: Iterable[str]) -> str:
        """The name, or another that neither a live value nor one in `taken` has."""
        taken = frozenset(taken)
        candidates = chain([name, *BESIDE], (f"{name}{i}" for i in count(2)))
        return next(n for n in map(legal, candidates) if n not in taken and self.is_free(n))

    def pass_on(self, value: Wire, read: Sequence[Wire | Several], later: str | None, step: str, let_go: bool) -> str:
        """A variable for a value that has no name in the spec; it is computed from the values `read`.

        With `let_go`, it takes over the variable of one of these, so that this one is released. If `x` is in use, it
        gets the name `later` of a value that will be computed from it, so that it is released then. `step` is the name
        for the case that none of these is free.
        """
        if self.is_free(FLOW) and not let_go:
            return self.assign(value, FLOW, passing=True)
        for name in (self._texts.get(v, "") for v in read):
            if name in self._passing and self.is_free(name):
                return self.assign(value, name, passing=True)
        for name in (FLOW, *((later,) if later else ()), *BESIDE):
            if self.is_free(name):
                return self.assign(value, name, passing=True)
        return self.assign(value, self.unique(step))
