"""One number of a class over all its uses, and the formulas that may stand for it.

A formula is only ever chosen after it was evaluated for every use, so a wrong one cannot be written.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, TypeAlias

from archdsl.backends.torch.formula import MISSING, Formula, translate
from archdsl.backends.torch.names import Namespace, legal


class _Any:
    """A number that does not matter: the step of a progression of one element."""

    def __repr__(self) -> str:
        return "ANY"


ANY = _Any()
Vector: TypeAlias = tuple[Any, ...]


def same(a: Any, b: Any) -> bool:
    """Equality that tells True from 1."""
    return a is b or (a == b and isinstance(a, bool) == isinstance(b, bool))


def _key(vector: Vector) -> Hashable:
    return tuple((isinstance(value, bool), value) for value in vector)


def constant(vector: Vector) -> Any:
    """The one value of a vector, or MISSING."""
    known = [value for value in vector if value is not ANY]
    if not known:
        return 0
    return known[0] if all(same(value, known[0]) for value in known) else MISSING


def literal(value: Any) -> Formula:
    """A number as Python writes it."""
    return Formula(f'"{value}"' if isinstance(value, str) else repr(plain(value)))


def plain(value: Any) -> Any:
    """Lists are written as tuples: constructors share them."""
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value


class Variables:
    """The names that the constructor of a class may use, with their values in every use of the class.

    Parameters of the block, channels of what flows in, named numbers (`let`), and arguments that had to
    be added because nothing else gave the right values.
    """

    def __init__(self, count: int, kept: Iterable[str] = ()) -> None:
        self.count = count
        self.kept = frozenset(kept)
        """Names of parameters that are arguments though they never vary: something that varies is said by them."""
        self.vectors: dict[str, Vector] = {}
        self._by_vector: dict[Hashable, str] = {}
        self.lets: dict[str, Formula] = {}
        self.added: list[str] = []
        self.used: dict[str, None] = {}
        self._varying: set[str] = set()
        self._environments: list[dict[str, Any]] = [{} for _ in range(count)]
        self._names = Namespace()

    def define(self, name: str, vector: Vector) -> None:
        """A name that the spec has."""
        if name not in self.vectors and legal(name) == name:
            self._names.unique(name)
            self._enter(name, vector)

    def define_let(self, name: str, text: str, vector: Vector) -> None:
        """A named number. One that Python cannot compute from other names is an argument, if it is used."""
        if name in self.vectors or legal(name) != name:
            return
        formula = translate(text)
        if formula is not None and self.fits(formula, vector):
            if formula.is_name:
                return  # only another name for something
            self.lets[name] = self.whole(formula)
        self.define(name, vector)

    def add(self, name: str, vector: Vector) -> Formula:
        """A new argument with these values."""
        name = self._names.unique(name)
        known = next((value for value in vector if value is not ANY), 0)
        self._enter(name, tuple(known if value is ANY else value for value in vector))
        self.added.append(name)
        return self.use(Formula(name))

    def _enter(self, name: str, vector: Vector) -> None:
        vector = tuple(map(plain, vector))
        self.vectors[name] = vector
        self._by_vector.setdefault(_key(vector), name)
        for environment, value in zip(self._environments, vector, strict=True):
            environment[name] = value
        if constant(vector) is MISSING:
            self._varying.add(name)

    def vector(self, formula: Formula) -> Vector:
        return tuple(formula.value(environment) for environment in self._environments)

    def fits(self, formula: Formula, vector: Vector) -> bool:
        """Whether a formula has the values of `vector` in every use."""
        found = self.vector(formula)
        return all(wanted is ANY or same(plain(wanted), value) for wanted, value in zip(vector, found, strict=True))

    def varies(self, formula: Formula) -> bool:
        return not self._varying.isdisjoint(formula.names) or not self.kept.isdisjoint(formula.names)

    def use(self, formula: Formula) -> Formula:
        """Notes the names in a formula, and those behind its named numbers."""
        for name in formula.names:
            if name not in self.used:
                self.used[name] = None
                if name in self.lets:
                    self.use(self.lets[name])
        return formula

    def whole(self, formula: Formula) -> Formula:
        """The formula, made an int where Python would have a float of that value."""
        return Formula(f"int({formula.text})") if self._is_fraction(formula) else formula

    def _is_fraction(self, formula: Formula) -> bool:
        whole = all(isinstance(value, int) for value in self.vector(formula))
        return whole and any(formula.is_fraction(environment) for environment in self._environments)

    def find(self, vector: Vector) -> Formula | None:
        """The first name with these values."""
        if ANY not in vector:
            name = self._by_vector.get(_key(tuple(map(plain, vector))))
            return None if name is None else Formula(name)
        return next((Formula(name) for name in self.vectors if self.fits(Formula(name), vector)), None)

    def first(self, candidates: Iterable[Formula], vector: Vector, varying: bool = False) -> Formula | None:
        """The first formula that fits; with `varying` only one that depends on something that varies."""
        fitting = (f for f in candidates if not (varying and not self.varies(f)) and self.fits(f, vector))
        return next(map(self.whole, fitting), None)

    def plainest(self, candidates: Iterable[Formula], vector: Vector) -> Formula | None:
        """The first formula that fits, or a name for what it adds up."""
        found = self.first(candidates, vector)
        return found if found is None or not found.is_sum else self.find(vector) or found


def written(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Formula]]:
    """Arguments as the spec wrote them, in Python, by name."""
    for name, text in texts:
        formula = translate(text)
        if formula is not None:
            yield name, formula
