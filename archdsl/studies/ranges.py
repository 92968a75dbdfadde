"""Reads the values for one setting (`0:7:0.5`, `1.1,1.2`), as texts in the syntax of specs, and the grid of several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.elaborate.arguments import check_kind
from archdsl.elaborate.outside import given_outside
from archdsl.elaborate.values import Problem
from archdsl.source import Source, Span
from archdsl.studies.subject import Subject

MOST = 1_000_000
"""The most settings of a grid; more are taken for a typing error."""

NUMBER = re.compile(r"[+-]?(\d[\d_]*(\.\d+)?|\.\d+)(e[+-]?\d{1,2})?", re.I)

PART = re.compile(r'\[[^\]]*\]|\([^)]*\)|"[^"]*"|.', re.S)

Point = Mapping[str, str]
"""One point of a grid: the text of each setting by its name."""


@dataclass(frozen=True)
class Grid:
    """All combinations of the values of several settings; those of the last setting change fastest."""

    dimensions: Mapping[str, tuple[str, ...]]

    def __len__(self) -> int:
        return prod(map(len, self.dimensions.values()))

    def __iter__(self) -> Iterator[Point]:
        for values in product(*self.dimensions.values()):
            yield dict(zip(self.dimensions, values, strict=True))

    @property
    def varied(self) -> tuple[str, ...]:
        """The names that take more than one value."""
        return tuple(name for name, values in self.dimensions.items() if len(values) > 1)


def grid(subject: Subject, texts: Mapping[str, str]) -> Grid:
    """The grid that these texts, by name of setting, ask for. Raises `CompileError` for wrong names, ranges, values."""
    problems: list[Diagnostic] = []
    dimensions: dict[str, tuple[str, ...]] = {}
    for name, text in texts.items():
        try:
            subject.expect_setting(name, f"--{name}")
            dimensions[name] = values(name, text, words=_takes_words(subject, name))
            for value in _kinds(dimensions[name]):
                _check_kind(subject, name, value)
        except CompileError as error:
            problems += error.diagnostics
    if problems:
        raise CompileError(problems)
    made = Grid(dimensions)
    if len(made) > MOST:
        sizes = " × ".join(f"{len(found):,}" for found in dimensions.values() if len(found) > 1)
        longest = max(dimensions, key=lambda name: len(dimensions[name]))
        raise _wrong(longest, texts[longest], f"the grid has {sizes} settings, more than the limit of {MOST:,}")
    return made


def values(name: str, text: str, *, words: bool = False) -> tuple[str, ...]:
    """The values that `text` means for the setting `name`, each once. Raises `CompileError`.

    With `words` the setting takes any text, so a text with `:` that is no range of numbers is a value.

    >>> values("phi", "0:2:0.5"), values("layers", "[3, 4], [2, 2]"), values("width", "1.1, 1.2:1.4:0.1")
    (('0', '0.5', '1', '1.5', '2'), ('[3, 4]', '[2, 2]'), ('1.1', '1.2', '1.3', '1.4'))
    """
    found: list[str] = []
    for part in split(text):
        if not part:
            raise _wrong(name, text, "a value is missing")
        found += _counted(name, text, part) if _is_range(part, words) else [part]
        if len(found) > MOST:
            raise _wrong(name, text, f"`{name}` has more than {MOST:,} values")
    return tuple(dict.fromkeys(found))


def split(text: str) -> list[str]:
    """The parts of a text between commas; commas within brackets and quotes do not count."""
    parts = [""]
    for match in PART.finditer(text):
        if match[0] == ",":
            parts.append("")
        else:
            parts[-1] += match[0]
    return [part.strip() for part in parts]


def bounds(option: str, text: str) -> tuple[float, float]:
    """The ends of a range such as `1:64` as two numbers, the smaller first. Raises `CompileError`."""
    name = option.removeprefix("--")
    ends = [end.strip() for end in text.split(":")]
    if len(ends) != 2 or not all(NUMBER.fullmatch(end) for end in ends):
        raise _wrong(name, text, f"`{text}` is not a range: write two numbers, from:to, such as 1:64")
    low, high = (Decimal(end) for end in ends)
    if low >= high:
        raise _wrong(name, text, f"the range `{text}` is empty: it goes from {ends[0]} to {ends[1]}")
    return _number(low), _number(high)


def _number(decimal: Decimal) -> float:
    return float(decimal) if decimal % 1 else int(decimal)


def _is_range(part: str, words: bool) -> bool:
    if ":" not in part or part[0] in '["(':
        return False
    return not words or all(NUMBER.fullmatch(end.strip()) for end in part.split(":"))


def _counted(name: str, text: str, part: str) -> list[str]:
    """The numbers of a range, as texts; the last is included if a step ends there."""
    ends = [end.strip() for end in part.split(":")]
    if len(ends) not in (2, 3) or not all(NUMBER.fullmatch(end) for end in ends):
        raise _wrong(name, text, f"`{part}` is not a range: write numbers, from:to or from:to:step, such as 0:7:0.5")
    first, last, step = (*(Decimal(end) for end in ends), Decimal(1))[:3]
    if not step:
        raise _wrong(name, text, f"a step of 0 never reaches {ends[1]} from {ends[0]}")
    if (last - first) * step < 0:
        way, other = ("up", f"-{abs(step)}") if step > 0 else ("down", f"{abs(step)}")
        help = f"write {ends[0]}:{ends[1]}:{other}" if len(ends) == 3 or step > 0 else None
        raise _wrong(name, text, f"the range `{part}` is empty: it counts {way}, from {ends[0]} to {ends[1]}", help)
    count = int((last - first) / step) + 1
    if count > MOST:
        raise _wrong(name, text, f"`{part}` has more than {MOST:,} values")
    return [_text(first + index * step) for index in range(count)]


def _text(number: Decimal) -> str:
    """A number as a spec would write it: `1.5` for `1.50`, and `7` for `7.0`, so that an int parameter accepts it."""
    return f"{(number + 0).normalize():f}"


def _kinds(texts: tuple[str, ...]) -> Iterator[str]:
    """The values whose type has to be checked: the first whole number, the first fraction, and all other texts."""
    seen: set[bool] = set()
    for text in texts:
        if not NUMBER.fullmatch(text):
            yield text
        elif (whole := text.lstrip("+-").isdigit()) not in seen:
            seen.add(whole)
            yield text


def _takes_words(subject: Subject, name: str) -> bool:
    return any(parameter.name == name and parameter.type == "str" for parameter in subject.network.parameters)


def _check_kind(subject: Subject, name: str, text: str) -> None:
    """Raises `CompileError` if a value does not have the type of its parameter."""
    network = subject.network
    given = given_outside(name, text, network)
    parameter = next((parameter for parameter in network.parameters if parameter.name == name), None)
    if parameter is None:
        return
    try:
        check_kind(network.name, parameter, given)
    except Problem as problem:
        raise CompileError([problem.diagnostic]) from None


def _span(name: str, text: str) -> Span:
    return Span(Source(f"--{name}", text), 0, len(text))


def _wrong(name: str, text: str, message: str, help: str | None = None) -> CompileError:
    return CompileError([Diagnostic("bad-range", message, _span(name, text), help=help)])
