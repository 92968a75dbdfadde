"""Parsing what the printer wrote gives the tree back, and printing that gives the text back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import trees
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archdsl.resources import specs_folder
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parser import parse, parse_expression
from archdsl.syntax.printer import WIDTH, expression_text, format_spec

EXAMPLES = sorted((Path(__file__).parent / "cases" / "examples").glob("*.arch"))
SPECS = sorted(specs_folder().rglob("*.arch"))
FIXED = settings(derandomize=True, deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))


def parsed(text: str) -> tree.Spec:
    return parse(Source("net.arch", text))


def bare(node: Any, breaks: bool = True) -> Any:
    """A tree without places, for comparison; without line breaks where `breaks` is false."""
    if isinstance(node, tuple):
        return tuple(bare(child, breaks) for child in node)
    if not is_dataclass(node):
        return node
    hidden = {"span", "source", "comments"} | (set() if breaks else {"breaks"})
    return type(node).__name__, *(bare(getattr(node, f.name), breaks) for f in fields(node) if f.name not in hidden)


@pytest.mark.parametrize("path", EXAMPLES + SPECS, ids=lambda path: path.stem)
def test_formatting_keeps_the_tree_and_changes_nothing_twice(path: Path) -> None:
    spec = parsed(path.read_text(encoding="utf-8"))
    text = format_spec(spec)
    again = parsed(text)
    assert bare(again, breaks=False) == bare(spec, breaks=False)
    assert format_spec(again) == text
    assert [c.text for c in again.comments] == [c.text for c in spec.comments]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_shipped_specs_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_spec(parsed(text)) == text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_line_breaks_of_lines_that_fit_are_kept(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if all(len(line) <= WIDTH for line in text.splitlines()):
        spec = parsed(text)
        assert bare(parsed(format_spec(spec))) == bare(spec)


@FIXED
@given(trees.specs)
def test_random_trees(spec: tree.Spec) -> None:
    text = format_spec(spec)
    again = parsed(text)
    assert bare(again, breaks=False) == bare(spec, breaks=False)
    assert format_spec(again) == text


@FIXED
@given(trees.expressions)
def test_random_expressions(expression: tree.Expression) -> None:
    text = expression_text(expression)
    assert bare(parse_expression(Source("-", text))) == bare(expression)


@FIXED
@given(trees.expressions)
def test_parentheses_are_needed(expression: tree.Expression) -> None:
    """Without any one pair of its parentheses an expression means something else, or nothing."""
    text = expression_text(expression)
    for start, end in _parenthesized(expression, text):
        other = f"{text[:start]} {text[start + 1 : end]} {text[end + 1 :]}"
        try:
            assert bare(parse_expression(Source("-", other))) != bare(expression), text
        except Exception as error:
            if isinstance(error, AssertionError):
                raise


def _parenthesized(expression: tree.Expression, text: str) -> list[tuple[int, int]]:
    """Pairs of parentheses that are no call's."""
    opened: list[int] = []
    pairs = []
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[()]', text):
        if match[0] == "(":
            opened.append(match.start())
        elif match[0] == ")":
            pairs.append((opened.pop(), match.start()))
    return [(start, end) for start, end in pairs if not re.search(r"[\w\]]$", text[:start])]


@FIXED
@given(st.sampled_from(EXAMPLES), st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(0, 3)), min_size=1))
def test_comments_stay_wherever_they_are(path: Path, places: list[tuple[float, bool, int]]) -> None:
    """Comments behind lines, on lines of their own and after brackets, at random places of a spec."""
    text = path.read_text(encoding="utf-8")
    spec = parsed(text)
    for i, (where, inside, level) in enumerate(places):
        ends = list(_inside_brackets(text) if inside else _line_ends(text))
        end = ends[int(where * (len(ends) - 1))]
        own = f"\n{'    ' * level}" if level else "  "
        text = f"{text[:end]}{own}# comment {i}{chr(10) if inside else ''}{text[end:]}"
    commented = parsed(text)
    assert bare(commented, breaks=False) == bare(spec, breaks=False)
    formatted = format_spec(commented)
    again = parsed(formatted)
    assert bare(again, breaks=False) == bare(spec, breaks=False)
    assert sorted(c.text for c in again.comments) == sorted(f"# comment {i}" for i in range(len(places)))
    assert format_spec(again) == formatted


WORDS = re.compile(r'"{3}[^"]*"{3}|"[^"\n]*"|(?P<comment>#[^\n]*)|[({\[]|[)}\]]|(?P<line>\n)|.')


def _inside_brackets(text: str) -> Iterator[int]:
    """Offsets behind brackets and commas where a line may end."""
    depth = 0
    for match in WORDS.finditer(text):
        depth += (match[0] in "([{") - (match[0] in ")]}")
        if depth and match[0] in "([{,":
            yield match.end()


def _line_ends(text: str) -> Iterator[int]:
    """Offsets where lines end that have no comment yet."""
    commented = False
    for match in WORDS.finditer(text):
        if match["line"] and not commented:
            yield match.start()
        commented = bool(match["comment"])


def test_every_node_lies_within_its_parent() -> None:
    for path in EXAMPLES + SPECS:
        for item in parsed(path.read_text(encoding="utf-8")).items:
            _check_spans(item)


def _check_spans(node: Any, within: Span | None = None) -> None:
    if isinstance(node, tuple):
        for child in node:
            _check_spans(child, within)
    elif is_dataclass(node) and not isinstance(node, Span | Source):
        span: Span = node.span  # type: ignore[attr-defined]
        assert span.text.strip() == span.text != "", node
        assert within is None or within.start <= span.start < span.end <= within.end, node
        for field in fields(node):
            _check_spans(getattr(node, field.name), span)
