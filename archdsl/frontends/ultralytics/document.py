"""Reads a YAML file as a small tree whose parts know where they stand. Nothing that a file says is executed.

PyYAML gives the events. Anchors, aliases and tags are refused: a file of a few lines can mean gigabytes with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.limits import YAML_BYTES, YAML_DEPTH
from archdsl.packages import require
from archdsl.source import Source, Span

MARKS = ("anchor", "tag")
"""What YAML lets stand before a value."""

TYPES = {"int": int, "float": float, "bool": bool, "null": type(None)}
"""The kinds of plain values, by the ends of YAML's names of them. All else is text."""


@dataclass(frozen=True, slots=True)
class Part:
    """A value, a list of parts (`value` is a tuple) or a table (`value` is a mapping of parts), and where it stands."""

    value: Any
    span: Span

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    @property
    def plain(self) -> Any:
        """The value without places: lists and tables of values."""
        if self.is_list:
            return [part.plain for part in self.value]
        if isinstance(self.value, Mapping):
            return {name: part.plain for name, part in self.value.items()}
        return self.value


def refused(message: str, span: Span | None = None, help: str | None = None) -> CompileError:
    """The error for a file that is not as it should be."""
    return CompileError([Diagnostic("bad-model-file", message, span, help=help)])


def read_yaml(source: Source) -> Part:
    """The one document of a YAML text. Raises `CompileError` if it is none, or too large or too deep."""
    require("yaml", f"reading {source.name}")
    if len(source.text) > YAML_BYTES:
        raise refused(f"{source.name} is larger than {YAML_BYTES >> 10} KiB, which no network's YAML file is")
    import yaml

    try:
        return _Reader(source).document(yaml.parse(source.text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = _at(source, mark.index) if mark else None
        raise refused(f"{source.name} is not YAML: {error.problem or error.context}", span) from None
    except yaml.YAMLError as error:
        raise refused(f"{source.name} is not YAML: {' '.join(str(error).split())}") from None


def _at(source: Source, start: int) -> Span:
    end = min(start + 1, len(source.text))
    return Span(source, min(start, end), end)


class _Reader:
    def __init__(self, source: Source) -> None:
        from yaml import SafeLoader

        self.source = source
        self.loader = SafeLoader("")

    def document(self, events: Iterator[Any]) -> Part:
        """The tree of the events, which is built without recursion."""
        import yaml

        pending: list[tuple[list[Part], Any]] = [([], None)]
        for event in events:
            if isinstance(event, yaml.AliasEvent) or any(getattr(event, mark, None) for mark in MARKS):
                raise refused("anchors, aliases and tags of YAML are not read", self.span(event))
            if isinstance(event, yaml.ScalarEvent):
                pending[-1][0].append(Part(self.value(event), self.span(event)))
            elif isinstance(event, yaml.CollectionStartEvent):
                pending.append(([], event))
                if len(pending) > YAML_DEPTH:
                    raise refused(f"this is nested deeper than {YAML_DEPTH} levels", self.span(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                parts, start = pending.pop()
                span = Span(self.source, start.start_mark.index, event.end_mark.index)
                is_table = isinstance(event, yaml.MappingEndEvent)
                pending[-1][0].append(Part(self.table(parts) if is_table else tuple(parts), span))
        roots = pending[0][0]
        if len(roots) != 1 or not isinstance(roots[0].value, Mapping):
            raise refused(f"{self.source.name} holds no table with `backbone` and `head`")
        return roots[0]

    def table(self, parts: list[Part]) -> Mapping[str, Part]:
        table: dict[str, Part] = {}
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            name = str(key.value)
            if name in table:
                raise refused(f"`{name}` is given twice", key.span)
            table[name] = value
        return table

    def value(self, event: Any) -> Any:
        """A plain value as number, truth value or None; text if it is none of these, or if it stands in quotes."""
        from yaml import ScalarNode

        if event.style:
            return event.value
        tag = self.loader.resolve(ScalarNode, event.value, (True, False))
        kind = TYPES.get(tag.rpartition(":")[2])
        if kind is None:
            return event.value
        try:
            return self.loader.construct_object(ScalarNode(tag, event.value, event.start_mark, event.end_mark))
        except ValueError as error:
            raise refused(f"`{event.value[:40]}` is no number: {error}", self.span(event)) from None

    def span(self, event: Any) -> Span:
        return Span(self.source, event.start_mark.index, event.end_mark.index)
