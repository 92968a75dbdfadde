"""What students write, what they are told, and what they then write: `cases/mistakes/`, a file for each mistake.

The message alone must lead to the mended spec. Every edit that a help names is applied here, to these specs, to the
other cases of errors and to the examples of the codes: the error must be gone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from applied import found_in, mends, named_edits
from literate import CASES, Case, cases

from archdsl.codes import CODES, read_example
from archdsl.report import render_text

MISTAKES = cases("mistakes")


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: Path(case.path).stem)
def test_a_mistake_has_a_message(case: Case, update: bool) -> None:
    broken, _ = case.all("arch")
    case.expect("text", render_text(found_in(broken.text)), update=update)


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: Path(case.path).stem)
def test_the_mended_spec_has_nothing_left_to_say(case: Case) -> None:
    broken, mended = case.all("arch")
    assert found_in(broken.text)
    assert not found_in(mended.text)


def test_there_are_a_hundred_mistakes_one_in_each_file() -> None:
    files = sorted((CASES / "mistakes").glob("*.md"))
    assert len(MISTAKES) == len(files) >= 100
    assert len({case.all("arch")[0].text for case in MISTAKES}) == len(MISTAKES)


def specs() -> list[tuple[str, str]]:
    """Every spec of the cases and of the codes' examples, by where it is."""
    found = [
        (f"{folder}/{case}", case.all("arch")[0].text)
        for folder in ("mistakes", "errors", "syntax", "warnings")
        for case in (cases(folder) if (CASES / folder).is_dir() else ())
        if len(case.all("arch")) == (2 if folder == "mistakes" else 1)
    ]
    examples = {code: read_example(CODES[code].example) for code in CODES}
    return found + [
        (code, example.files["net.arch"])
        for code, example in examples.items()
        if list(example.files) == ["net.arch"] and not example.links
    ]


def test_every_edit_that_a_help_names_mends_its_error() -> None:
    applied, failed = 0, []
    for name, text in specs():
        for diagnostic in found_in(text):
            for edit in named_edits(diagnostic):
                applied += 1
                if mends(text, diagnostic, edit) is None:
                    failed.append(f"{name}: {diagnostic.message}: {diagnostic.help}: {edit}")
    assert failed == []
    assert applied >= 120
