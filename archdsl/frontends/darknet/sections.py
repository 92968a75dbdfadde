"""Takes a darknet configuration apart: sections such as `[convolutional]`, each with options such as `filters=32`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.flat import not_read, wrong
from archdsl.ops.base import LIMIT
from archdsl.source import Source, Span
from archdsl.suggest import nearest
from archdsl.text import shown

LINE = re.compile(r"[^\n]+")
WHOLE = re.compile(r"[+-]?\d{1,18}")
DECIMAL = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})([eE][+-]?\d{1,2})?")


@dataclass(eq=False, slots=True)
class Section:
    """A section: the name in brackets, its place, and its options with the places of their values.

    Of an option that is given twice the first counts, as in darknet. The methods read options, and raise `Refused` for
    values that are not of the kind that is asked for.
    """

    kind: str
    span: Span
    options: dict[str, Span] = field(default_factory=dict)
    names: dict[str, Span] = field(default_factory=dict)
    """The places of the options' names."""
    asked: set[str] = field(default_factory=set)
    """The options that were asked for."""

    def place(self, name: str) -> Span:
        """The place of an option's value, or that of the section."""
        return self.options.get(name, self.span)

    def text(self, name: str, default: str = "") -> str:
        self.asked.add(name)
        return "".join(self.options[name].text.split()) if name in self.options else default

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """A whole number."""
        text = self.text(name, str(default))
        return self._whole(text, name, self.place(name), least)

    def wholes(self, name: str) -> list[int]:
        """Whole numbers with commas between them, of any sign; [] if the option is not given."""
        texts = self.text(name).rstrip(",").split(",")
        return [self._whole(text, name, self.place(name), -LIMIT) for text in texts if texts != [""]]

    def number(self, name: str, default: float) -> float:
        """A number."""
        text = self.text(name, str(default))
        if not DECIMAL.fullmatch(text):
            raise wrong(f"`{name}` is a number, got `{shown(text, 60)}`", self.place(name))
        return float(text)

    def flag(self, name: str, default: bool = False) -> bool:
        """Whether an option is 1 rather than 0."""
        return self.whole(name, int(default)) != 0

    def refuse(self, *rows: tuple[str, str]) -> None:
        """Refuses options that change what a layer computes, if they are set; each with the reason."""
        for name, why in rows:
            if self.text(name, "0") not in ("0", ""):
                raise not_read(f"`[{self.kind}]` with `{name}` is not read: {why}", self.place(name))

    def _whole(self, text: str, name: str, span: Span, least: int) -> int:
        if not WHOLE.fullmatch(text):
            raise wrong(f"`{name}` is a whole number, got `{shown(text, 60)}`", span)
        if not least <= int(text) <= LIMIT:
            bound = f"at least {least}" if int(text) < least else f"at most {LIMIT:,}"
            raise wrong(f"`{name}` is {bound}, got {text}", span)
        return int(text)

    def slips(self) -> Iterator[Diagnostic]:
        """Options that nothing asked for, but whose names are nearly those of others."""
        for name, span in self.names.items():
            if name not in self.asked:
                meant = nearest(name, sorted(self.asked - self.names.keys()))
                if meant:
                    message = f"[{self.kind}] has no option `{shown(name, 60)}`"
                    yield Diagnostic("bad-model-file", message, span, help=f"did you mean `{meant}`?")


def sections(source: Source) -> list[Section]:
    """The sections of a file. Raises `CompileError` for lines that are neither options nor the begin of a section."""
    found: list[Section] = []
    problems: list[Diagnostic] = []
    for line in LINE.finditer(source.text):
        text = line[0].partition("#")[0].rstrip()
        start = line.start() + len(text) - len(text.lstrip())
        text = text.strip()
        span = Span(source, start, start + len(text))
        if not text or text.startswith(";"):
            continue
        if text.startswith("["):
            if not text.endswith("]"):
                problems.append(_problem(f"`{shown(text, 60)}` has no closing bracket", span, "write `[name]`"))
            found.append(Section("".join(text.strip("[]").lower().split()), span))
        elif "=" not in text:
            problems.append(_problem(f"expected `option=value` or `[section]`, found `{shown(text, 60)}`", span))
        elif not found:
            problems.append(_problem("an option stands before the first section", span, "put `[net]` before it"))
        else:
            _enter(found[-1], source, start, text)
    if not found and not problems:
        problems.append(_problem(f"{source.name} has no section", Span(source, 0, 0), "the first section is `[net]`"))
    if problems:
        raise CompileError(problems)
    return found


def _enter(section: Section, source: Source, start: int, text: str) -> None:
    """Notes an option."""
    name, _, value = text.partition("=")
    end = start + len(text)
    begin = end - len(value.lstrip())
    name = "".join(name.split())
    section.options.setdefault(name, Span(source, begin, end))
    section.names.setdefault(name, Span(source, start, start + len(name)))


def _problem(message: str, span: Span, help: str | None = None) -> Diagnostic:
    return Diagnostic("bad-model-file", message, span, help=help)
