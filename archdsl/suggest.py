"""Finds the name that was probably meant by an unknown one: it is another tool's word, or was mistyped.

In doubt there is no suggestion: a wrong one costs a student more time than none.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from archdsl import foreign

LONGEST, MANY = 200, 1_000
"""The most letters of a name, and the most names to compare it with. The search would take seconds with more."""

TWO_SLIPS = 9
"""The fewest letters of a name for which two slips are still accepted."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` was probably meant to be, or None.

    It must be the only one that is a slip (for long names two slips) away. A slip is a letter too many, a missing
    letter, a wrong letter, or two exchanged letters. Capitals and underscores do not count.
    """
    if not 1 < len(name) <= LONGEST:
        return None
    known = sorted(known)
    if len(known) > MANY:
        known = [one for one in known if one[:1] == name[:1]][:MANY]
    own = _plain(name)
    known = [one for one in known if one[:1].isupper() == name[:1].isupper() or _plain(one) == own]
    most = 1 + (len(own) >= TWO_SLIPS)
    close: dict[int, list[str]] = {}
    for one, plain in ((one, _plain(one)) for one in known):
        if abs(len(plain) - len(own)) <= most and (distance := slips(own, plain)) <= most:
            close.setdefault(distance, []).append(one)
    found = close[min(close)] if close else []
    if len(found) > 1:  # prefer the name that has no new letter: `reluu` is `relu` rather than `relu6`
        found = [one for one in found if set(_plain(one)) <= set(own)]
    return found[0] if len(found) == 1 else None


def same_word(a: str, b: str) -> bool:
    """Whether two names differ in capitals and underscores alone."""
    return _plain(a) == _plain(b)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def slips(a: str, b: str) -> int:
    """How many slips lie between two words: their Damerau-Levenshtein distance, where no letter is changed twice.

    >>> slips("conv", "cnov"), slips("relu", "rel"), slips("width", "height")
    (1, 1, 4)
    """
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, ours in enumerate(a, 1):
        last, before, row = before, row, [i]
        for j, theirs in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (ours != theirs))
            if i > 1 and j > 1 and (ours, a[i - 2]) == (b[j - 2], theirs):
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def help_for(name: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """The help for an unknown name: ``did you mean `relu`?`` if `nearest` finds one, else `otherwise`."""
    meant = nearest(name, known)
    return f"did you mean `{meant}`?" if meant else otherwise


def help_for_step(name: str, known: Iterable[str], called: bool = True) -> str | None:
    """The help for an unknown step, or an unknown function of numbers, where other tools' words are known too."""
    known = set(known)
    meaning = foreign.step(name) or (foreign.function(name) if called else None)
    if meaning is not None:
        return str(meaning)
    found = help_for(name, known)
    if found is None and (word := nearest(foreign.folded(name), _foreign_words())):
        return str(foreign.STEPS[word])
    return found


def help_for_argument(name: str, known: Iterable[str]) -> str | None:
    """The help for an unknown argument of an op or a block, where other tools' words are known too."""
    known = tuple(known)
    return foreign.argument(name, known) or help_for(name, known)


@cache
def _foreign_words() -> tuple[str, ...]:
    """Other tools' words that are long enough for a slip to be recognized."""
    return tuple(word for word in foreign.STEPS if len(word) > 6)
