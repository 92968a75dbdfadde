"""What `check` warns of, and what it does not: `cases/warnings`. Comments that allow a warning, over all variants."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from calls import Caller
from literate import Case, cases

import archdsl
from archdsl.backends.figures import FIGURES, draw
from archdsl.codes import CODES
from archdsl.resolve.allow import ALLOWABLE
from archdsl.source import Source
from archdsl.syntax.parser import parse
from archdsl.syntax.printer import format_spec

NOT_ALLOWABLE = {"unused-allow", "unused-setting"}
"""About a comment, and about the call."""


@pytest.mark.parametrize("case", cases("warnings"), ids=str)
def test_warnings(case: Case, update: bool, call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in case.all("arch"):
        Path(file.info or "net.arch").write_text(file.text, encoding="utf-8")
    found = call("check", "net.arch")
    case.expect("text", found.out + found.err, update=update)


def test_every_warning_of_a_spec_can_be_allowed() -> None:
    warnings = {name for name, code in CODES.items() if code.summary.endswith("(A warning.)")}
    assert warnings == {*ALLOWABLE, *NOT_ALLOWABLE}


DROPS = """\
network Net:
    param n: int = 8
    variants:
        even: n = 8
        odd: n = 9
    input image: 3 x n x n
    conv(8, 3, stride=2, padding=0){comment}
"""


def test_an_allow_that_one_variant_needs_is_used(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(DROPS.format(comment=""))
    assert "with the defaults, even" in call("check", "net.arch").err
    Path("net.arch").write_text(DROPS.format(comment="  # allow: dropped-rows"))
    assert call("check", "net.arch").err == ""
    assert call("check", "net.arch@odd").err == ""
    Path("net.arch").write_text(DROPS.format(comment="  # allow: dropped-rows").replace("= 8", "= 7"))
    assert "unused-allow" in call("check", "net.arch").err


def test_the_formatter_keeps_what_an_allow_speaks_for() -> None:
    """A line that it breaks carries its comment to the end."""
    long = " -> ".join(f"conv({width}, 3, stride=2, padding=0)" for width in range(1000, 1008))
    text = f"network Net:\n    input image: 3 x 999 x 999\n    {long}  # allow: dropped-rows\n"
    formatted = format_spec(parse(Source("net.arch", text)))
    assert "\n        -> " in formatted
    assert formatted.endswith("  # allow: dropped-rows\n")


IDLE = """\
network Net:
    input image: 3 x 8 x 8
    conv(16, 3) -> Idle as a
    image -> conv(8, 3) -> Kept
    parallel{for k in [1, 3]: conv(4, k)} as parts
    parts[1]

block Idle: dropout(0.1) -> bn

block Kept: add{conv(8, 1)}
"""


def test_steps_without_use_are_neither_counted_nor_drawn_nor_emitted() -> None:
    net = archdsl.loads(IDLE)
    assert [warning.code for warning in net.warnings] == ["lone-branch", "unused-steps", "unused-steps"]
    assert not {"conv1", "a"} & {*net.graph.scopes, *(node.id for node in net.graph)}
    assert "BatchNorm" not in net.source()
    for figure in (name for name, kind in FIGURES.items() if kind.of == "graph"):
        assert draw(net.graph, figure, "svg")


def test_what_stays_keeps_its_names_and_runs() -> None:
    """A copy that nothing uses stays beside one that is used: names of weights follow from the text."""
    net = archdsl.loads(IDLE)
    names = {key.rpartition(".")[0] for key in net.module(device="meta").state_dict()}
    assert names == {"conv2", "kept.conv", "branch.0.conv", "branch.1.conv"}
    module = net.module()
    assert tuple(module(torch.zeros(1, 3, 8, 8)).shape) == (1, 4, 8, 8)
    assert sum(p.numel() for p in module.parameters()) == net.params


def test_a_join_of_one_branch_is_no_row_and_no_circle() -> None:
    net = archdsl.loads(IDLE)
    assert "kept.add" in net.graph
    assert "add" not in net.table("csv", rows="op")
    assert ">+<" not in draw(net.graph, "graph", "svg").decode()


def test_a_setting_from_the_call_is_warned_of_at_the_option(call: Caller, tmp_path: Path) -> None:
    spec = tmp_path / "net.arch"
    spec.write_text("network Net:\n    param act: op = relu\n    input image: 3 x 8 x 8\n    act\n")
    found = call("check", spec, "--act", "leaky_relu(5.5)")
    assert found.code == 0
    assert "--> --act:1:12" in found.err
