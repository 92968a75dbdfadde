"""What `check` warns of, and what it does not: `cases/warnings`. Comments that allow a warning, over all variants."""

from __future__ import annotations

from pathlib import Path

import pytest
from calls import Caller
from literate import Case, cases

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
