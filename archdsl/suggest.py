"""The name that was probably meant: a word of another tool, or one that is one slip away. A leaf.

Where nothing is sure, nothing is said: a wrong guess costs a student more than none.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from archdsl import foreign

LONGEST, MANY = 200, 1_000
"""Letters of a name, and names to compare it with; with more of either the search would take seconds."""

TWO_SLIPS = 9
"""Letters from which on a name with two slips is still sure to be meant."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` was probably meant to be: the only one that is a slip or two away, or None.

    A slip is a letter too many, one too few, another one, or two that changed places; capitals and underscores do not
    count.
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
    if len(found) > 1:  # no letter was made up: `reluu` is `relu` rather than `relu6`
        found = [one for one in found if set(_plain(one)) <= set(own)]
    return found[0] if len(found) == 1 else None


def same_word(a: str, b: str) -> bool:
    """Whether two names differ in capitals and underscores alone."""
    return _plain(a) == _plain(b)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def slips(a: str, b: str) -> int:
    """How many slips lie between two words: the distance of Damerau and Levenshtein, each letter slipping once.

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
    """What to write instead of an unknown name, where it is sure; else `otherwise`."""
    meant = nearest(name, known)
    return f"did you mean `{meant}`?" if meant else otherwise


def help_for_step(name: str, known: Iterable[str], called: bool = True) -> str | None:
    """The same for a step, or for a function where it is `called`; another tool may call it so."""
    known = set(known)
    meaning = foreign.step(name) or (foreign.function(name) if called else None)
    if meaning is not None:
        return str(meaning)
    found = help_for(name, known)
    if found is None and (word := nearest(foreign.folded(name), _foreign_words())):
        return str(foreign.STEPS[word])
    return found


def help_for_argument(name: str, known: Iterable[str]) -> str | None:
    """The same for an argument of an op or a block."""
    known = tuple(known)
    return foreign.argument(name, known) or help_for(name, known)


@cache
def _foreign_words() -> tuple[str, ...]:
    """Words that are long enough to be told from others that are one slip away."""
    return tuple(word for word in foreign.STEPS if len(word) > 6)
