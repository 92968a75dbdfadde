"""Names for the values in one `forward`: `x` for the flow, the user's own names, else the step's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, count

from archdsl.backends.torch.bodies import Several, Wire
from archdsl.backends.torch.names import legal

FLOW = "x"
BESIDE = ("y", "z")
"""What flows beside `x`: a branch while `x` is still needed."""


class Variables:
    """Which variable holds which value, and how often each value will still be read."""

    def __init__(self, left: Counter[Wire | Several], fixed: Iterable[str]) -> None:
        self.left = left
        self._fixed = set(fixed)
        """Names that are never given away: modules passed as arguments, lists."""
        self._held: dict[str, Wire] = {}
        self._texts: dict[Wire | Several, str] = {}
        self.lists: dict[tuple[Wire, ...], str] = {}
        """Lists by the values that they hold."""
        self._passing: set[str] = set()
        """Names that say nothing of the value, so that the next one in the chain may have them."""

    def state(self) -> tuple[dict[str, Wire], dict[Wire | Several, str], set[str]]:
        """What the variables hold now; `restore` brings it back for another arm of an `if`."""
        return dict(self._held), dict(self._texts), set(self._passing)

    def restore(self, state: tuple[dict[str, Wire], dict[Wire | Several, str], set[str]]) -> None:
        held, texts, passing = state
        self._held, self._texts, self._passing = dict(held), dict(texts), set(passing)

    def has_name(self, value: Wire) -> bool:
        return value in self._texts

    def is_passing(self, name: str) -> bool:
        return name in self._passing

    def text(self, value: Wire | Several) -> str:
        return self._texts[value]

    def assign(self, value: Wire, name: str, passing: bool = False) -> str:
        """Notes that variable `name` now holds `value`."""
        self._held[name] = value
        self._texts[value] = name
        (self._passing.add if passing else self._passing.discard)(name)
        return name

    def fix(self, names: Iterable[str]) -> None:
        """Keeps names for good: those of lists."""
        self._fixed.update(names)

    def is_fixed(self, name: str) -> bool:
        return name in self._fixed

    def place_list(self, name: str, whole: Several, values: Sequence[Wire]) -> None:
        """Notes a list, and the values that are its elements."""
        self._texts[whole] = name
        self.lists[tuple(values)] = name
        self._texts.update({value: f"{name}[{index}]" for index, value in enumerate(values)})

    def read(self, values: Iterable[Wire | Several]) -> None:
        for value in values:
            self.left[value] -= 1

    def is_free(self, name: str) -> bool:
        """Whether nothing that is still needed has this name."""
        held = self._held.get(name)
        return name not in self._fixed and (held is None or self.left[held] <= 0)

    def unique(self, name: str, taken: Iterable[str] = ()) -> str:
        """The name, or with a number where it is needed for something else or one of `taken`."""
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
        """A variable for a value that has no name of its own, made from the values just read.

        With `let_go` it is the variable of one of these, so that nothing holds that any more. Beside the flow it has
        the name that comes `later` to what is made of it, so that this lets go of it.
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
