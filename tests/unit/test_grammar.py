"""`grammar/README.md` shows every rule, with a line of source that the rule takes part in."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lark import Lark, Tree, logger

from archdsl.resources import grammar_text
from archdsl.source import Source
from archdsl.syntax.builder import TreeBuilder
from archdsl.syntax.grammar import _Indentation, _parse

README = Path(__file__).parent.parent.parent / "grammar" / "README.md"
AROUND = {
    "A file": "{}",
    "Flow": "block Around:\n    {}",
    "Statements of a body": "block Around:\n    {}",
    "A network's declarations": "network Around:\n    {}",
    "Expressions": "block Around:\n    let value = {}",
}


def rows() -> Iterator[tuple[str, str]]:
    """Each rule of the tables, and a whole file with its line of source."""
    for section in re.split(r"^## ", README.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, table = section.partition("\n")
        for rule, line in re.findall(r"^\| `(\w+)` \| `(.*)` \|$", table, re.MULTILINE):
            yield rule, AROUND[title].format(line.replace("⏎", "\n").replace("\\|", "|"))


@pytest.mark.parametrize(("rule", "text"), list(rows()), ids=[rule for rule, _ in rows()])
def test_the_source_shows_its_rule(rule: str, text: str) -> None:
    source = Source("net.arch", text)
    parsed = _parse(source, text)
    assert isinstance(parsed, Tree), parsed
    assert rule in {str(part.data) for part in parsed.iter_subtrees()}
    builder = TreeBuilder(source)
    builder.build(parsed)
    assert builder.problems == []


def test_every_rule_is_shown() -> None:
    text = re.sub(r"//.*", "", grammar_text())
    rules = set(re.findall(r"^([a-z]\w*):", text, re.MULTILINE)) | set(re.findall(r"-> (\w+)$", text, re.MULTILINE))
    assert {rule for rule, _ in rows()} == rules


def test_the_grammar_has_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    """Lark settles conflicts by shifting, and says so in its log only."""
    logger.setLevel(logging.DEBUG)
    try:
        Lark(grammar_text(), parser="lalr", start=["file", "expression"], postlex=_Indentation(), debug=True)
    finally:
        logger.setLevel(logging.CRITICAL)
    assert [record.message for record in caplog.records if "onflict" in record.message] == []
