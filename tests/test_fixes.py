"""`archdsl check --fix` writes what a person wrote who mended the mistake by hand, or leaves the file alone."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from applied import found_in
from calls import Caller
from literate import Case, cases

from archdsl.editing.fixes import fixed, fixes
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.syntax.parser import parse
from archdsl.syntax.printer import format_spec

SPECS = [path for path in sorted(specs_folder().glob("*.arch")) if "    expect" in path.read_text(encoding="utf-8")]

OTHERWISE = {
    "keras_quotes": "the text in quotes means the same as the word",
    "draft_shortcut": "there are two mistakes, and the second has no certain edit",
}
"""Mistakes that are mended otherwise than by hand, and why."""

CERTAIN = 80
"""The fewest of the mistakes that are mended without asking. Of the others, the help leaves a choice."""


def formatted(text: str) -> str:
    return format_spec(parse(Source("net.arch", text)))


def name(case: Case) -> str:
    return Path(case.path).stem


@pytest.mark.sampled
@pytest.mark.parametrize("case", cases("mistakes"), ids=name)
def test_what_is_certain_is_what_a_person_writes(case: Case) -> None:
    broken, mended = case.all("arch")
    done = fixed(broken.text, found_in)
    if done.steps and name(case) not in OTHERWISE:
        assert formatted(done.text) == formatted(mended.text)


def test_most_mistakes_have_a_certain_edit(all_variants: bool) -> None:
    if not all_variants:
        pytest.skip("tries all mistakes: with --all-variants")
    assert sum(bool(fixed(case.all("arch")[0].text, found_in).steps) for case in cases("mistakes")) >= CERTAIN


def test_a_help_with_a_choice_gives_several_fixes_and_none_is_certain() -> None:
    text = "network N:\n    input image: 3 x 8 x 8\n    conv(10, 3, groups=3)\n"
    (diagnostic,) = found_in(text)
    found = fixes(diagnostic, found_in)
    assert len(found) == 3
    assert not any(fix.sure for fix in found)
    for fix in found:
        assert not found_in(text[: fix.span.start] + fix.text + text[fix.span.end :])


LINES = {
    "cnov(16, 3) -> relu -> cnov(32, 3)": "conv(16, 3) -> relu -> conv(32, 3)",
    "batchnorm -> conv(16, 3) -> batchnorm": "bn -> conv(16, 3) -> bn",
    "conv(8, 3, strid=2) -> conv(8, 3, strid=2)": "conv(8, 3, stride=2) -> conv(8, 3, stride=2)",
    "add{conv(3, 3), it}": "add{conv(3, 3)| it}",
    "conv(8 3) -> swish": "conv(8, 3) -> silu",
    # What another tool's call leaves out has other defaults there: these are left to the reader.
    "flatten -> Dense(64) -> Dense(10)": "",
    'flatten -> dense(10, activation="softmax")': "",
    "flatten -> Dense(units=64)": "",
    "add{Conv2d(3, 8, 3) | Conv2d(3, 8, 3)}": "",
    "conv(8, 3) -> BatchNorm2d(8)": "",
    "conv(8, 3) -> LeakyReLU(alpha=0.3)": "",
    "DepthwiseConv2D(kernel_size=5, strides=2)": "",
}
"""Lines of a network for images, and what they become; "" for those that are left as they are."""


@pytest.mark.parametrize("line", LINES)
def test_nothing_of_a_line_is_lost(line: str) -> None:
    head = "network N:\n    input image: 3 x 32 x 32\n    "
    done = fixed(f"{head}{line}\n", found_in)
    assert done.text == f"{head}{LINES[line] or line}\n"
    assert bool(done.steps) == bool(LINES[line])


WORD = re.compile(r"\w+")


@pytest.mark.parametrize("seed", range(12))
def test_slips_of_typing_are_mended_or_left(seed: int) -> None:
    """One letter of a word in a spec of the library is dropped: a certain edit brings it back, and nothing else."""
    choose = random.Random(seed)
    path = choose.choice(SPECS)
    text = path.read_text(encoding="utf-8")
    body = text.index("    stage")
    words = [word for word in WORD.finditer(text, body, text.index("    expect")) if len(word[0]) > 3]
    for word in choose.sample(words, 3):
        at = word.start() + choose.randrange(1, len(word[0]))
        typed = text[:at] + text[at + 1 :]
        done = fixed(typed, lambda changed: found_in(changed, path.parent))
        assert done.text in (text, typed), done.steps


BROKEN = "network N:\n    input image: 3 x 32 x 32\n    conv(16 3) -> reluu\n    Basic(16)\n"
MENDED = "from blocks.residual import Basic\n" + BROKEN.replace("16 3) -> reluu", "16, 3) -> relu")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_stay(end: str, mark: bytes, tmp_path: Path, call: Caller) -> None:
    file = tmp_path / "net.arch"
    file.write_bytes(mark + BROKEN.replace("\n", end).encode())
    done = call("check", "--fix", str(file))
    assert (done.code, done.err) == (0, "")
    assert file.read_bytes() == mark + MENDED.replace("\n", end).encode()
    assert "net.arch:3: `conv(16, 3) -> reluu` instead of `conv(16 3) -> reluu`" in done.out
    assert "net.arch:1: added `from blocks.residual import Basic`" in done.out


def test_a_file_without_certain_edits_is_not_touched(tmp_path: Path, call: Caller) -> None:
    file = tmp_path / "net.arch"
    file.write_text("network N:\n    input image: 3 x 8 x 8\n    conv(10, 3, groups=3)\n", encoding="utf-8")
    before = file.stat().st_mtime_ns
    done = call("check", "--fix", str(file))
    assert done.code == 1
    assert "groups" in done.err
    assert file.stat().st_mtime_ns == before


def test_errors_of_a_variant_are_mended_too(tmp_path: Path, call: Caller) -> None:
    file = tmp_path / "net.arch"
    text = (
        "network N:\n    param deep: bool = false\n    variants:\n        big: deep = true\n"
        "    input image: 3 x 32 x 32\n    if deep:\n        global_avg_pool -> flatten -> dropout(50)\n"
    )
    file.write_text(text, encoding="utf-8")
    call("check", "--fix", str(file))
    assert call("check", str(file)).code == 1  # `write 0.5 for 50 %` is advice among others
    file.write_text(text.replace("dropout(50)", "dropuot(0.5)"), encoding="utf-8")
    assert call("check", "--fix", str(file)).code == 0
    assert "-> dropout(0.5)" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("spec", ["resnet", "missing.arch"])
def test_only_files_of_the_user_are_written(spec: str, call: Caller) -> None:
    done = call("check", "--fix", spec)
    assert done.code != 0
    assert ("is not a spec of yours" if spec == "resnet" else "there is no file") in done.err


def test_a_file_that_cannot_be_written_stays(tmp_path: Path, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "net.arch"
    file.write_text(BROKEN, encoding="utf-8")
    monkeypatch.setattr("os.access", lambda *_: False)
    done = call("check", "--fix", str(file))
    assert done.code == 2
    assert "it is read-only" in done.err
    assert file.read_text(encoding="utf-8") == BROKEN
