"""Of a file that is half written, all statements without errors are read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from archdsl.diagnostics import CompileError
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.grammar import parse_file, parse_partial

SPECS = sorted(specs_folder().glob("*.arch"))
SLIPS = (" ->", " -> @", " = =", " -> conv(", " -> ,", " )")
"""What is added at the end of a line. An open bracket takes the lines below it with it, to the end of the network."""


def statements(spec: tree.Spec) -> list[str]:
    """The text of each statement of each network and block, and of each other item, without blanks."""
    found: list[str] = []
    for item in spec.items:
        inside = item.items if isinstance(item, tree.Network) else ()
        inside = item.body.statements if isinstance(item, tree.Block) else inside
        found += ["".join(part.span.text.split()) for part in inside or (item,)]
    return found


@pytest.mark.sampled
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_slip_costs_the_statement_that_it_is_in(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    whole = statements(parse_file(Source("net.arch", text)))
    choose = random.Random(path.stem)
    for _ in range(3):
        lines = text.splitlines(keepends=True)
        flow = [
            i for i, line in enumerate(lines) if line.lstrip().startswith("stage") and line.rstrip()[-1] not in ":{"
        ]
        if not flow:
            continue
        at, slip = choose.choice(flow), choose.choice(SLIPS)
        lines[at] = lines[at].rstrip("\n") + slip + "\n"
        source = Source("net.arch", "".join(lines))
        spec, problems = parse_partial(source)
        assert problems, slip
        kept = statements(spec)
        lost = [part for part in whole if part not in kept]
        assert len(lost) <= (1 if "(" not in slip else len(lines) - at), (slip, lost)
        with pytest.raises(CompileError) as raised:
            parse_file(source)
        assert {problem.message for problem in raised.value.diagnostics} <= {problem.message for problem in problems}


def test_a_whole_file_is_read_whole() -> None:
    source = Source("net.arch", SPECS[0].read_text(encoding="utf-8"))
    assert parse_partial(source) == (parse_file(source), ())


@pytest.mark.parametrize("text", ["", "\n", "network", "network N", "network N:", "\t network N:\n", "((((", '"""'])
def test_what_cannot_be_read_has_no_items(text: str) -> None:
    spec, problems = parse_partial(Source("net.arch", text))
    assert spec.items == ()
    assert problems or not text.strip()
