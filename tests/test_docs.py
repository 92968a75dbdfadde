"""Every sample in the documents does what the text around it says.

An `arch` block is a file, or the lines of a network body on a 3 x 64 x 64 image. A `console` block holds
commands after `$` and what they print (`...` stands for anything). A `python` block runs.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import calls
import pytest
from lessons import Lesson, commands, matches

import archdsl
from archdsl.backends.torch.source import source
from archdsl.driver import compile_network
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.syntax.parser import parse
from archdsl.syntax.printer import format_spec

ROOT = Path(__file__).parent.parent
LESSONS = [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "cookbook").glob("*.md"))]
"""Pages that are carried out from top to bottom: `lessons.py` says how. `test_slides.py` goes on with `slides.md`."""
LONG = ("budget",)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CARRIED_OUT = ("adding_a_pass.md", "adding_an_output.md", "adding_a_figure.md")
"""Pages whose samples change the tree: `test_adding.py` carries them out in a copy of it."""
GENERATED = {"ops.md", "diagnostics.md", "gallery.md", "words.md", "commands.md", "python.md"}
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.M | re.S)
FILE_START = re.compile(r"^(from|network|block|defaults|def)\b", re.M)


def samples(language: str) -> list[object]:
    """One test parameter for each block of a language, named by file and line."""
    found = []
    for path in DOCUMENTS:
        if path.name in GENERATED or path.name in CARRIED_OUT or path in LESSONS:
            continue
        text = path.read_text()
        for match in FENCE.finditer(text):
            if match[1] == language:
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(match[2], id=f"{path.name}:{line}"))
    return found


def as_file(sample: str) -> str:
    if FILE_START.match(sample):
        return sample
    return "network Sample:\n    input image: 3 x 64 x 64\n" + textwrap.indent(sample, "    ")


@pytest.mark.parametrize("sample", samples("arch"))
def test_a_spec_compiles_and_is_formatted(sample: str) -> None:
    text = as_file(sample)
    file = resolve(Source("sample.arch", text), specs_folder())
    assert format_spec(parse(Source("sample.arch", text))) == text
    if file.network is not None:
        for variant in (None, *file.network.variants):
            assert len(compile_network(file, variant).graph) > 1


@pytest.mark.parametrize("sample", samples("python"))
def test_python_runs(sample: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", sample], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_measure_is_added_as_it_is_described(tmp_path: Path) -> None:
    """In a copy of the package, with the page's two pieces of code alone; then its commands print what is shown."""
    shutil.copytree(ROOT / "archdsl", tmp_path / "archdsl", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("specs", "grammar"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    blocks = FENCE.findall((ROOT / "docs/adding_a_measure.md").read_text())
    function, entry = (code for language, code in blocks if language == "py")
    path = tmp_path / "archdsl/analyses/measures.py"
    start, rest = path.read_text().split("\nALL = (\n")
    entries, end = rest.split("\n)\n", 1)
    path.write_text(f"{start}\n{function}\n\nALL = (\n{entries}\n{entry})\n{end}")
    shown = [pair for language, code in blocks if language == "shell" for pair in commands(code)]
    assert {command.split()[1] for command, _ in shown} == {"table", "compare", "sweep", "fit", "diff"}
    for command, expected in shown:
        printed = run(command, tmp_path)
        assert matches(expected, printed), f"$ {command}\n--- shown\n{expected}\n--- printed\n{printed}"
    for command in ("compare", "sweep", "fit", "diff"):
        assert "acts" in run(f"archdsl {command} --help", tmp_path), command


@pytest.mark.sampled
@pytest.mark.parametrize("sample", samples("console"))
def test_commands_print_what_is_shown(sample: str, tmp_path: Path) -> None:
    for folder in ("specs", "docs"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for file in (ROOT / "tests" / "data").glob("*/*.*"):
        (tmp_path / file.name).symlink_to(file)
    for command, expected in commands(sample):
        printed = run(command, tmp_path)
        assert matches(expected, printed), f"$ {command}\n--- shown\n{expected}\n--- printed\n{printed}"


def test_the_block_of_the_emitter_s_page_is_emitted_so() -> None:
    text = (ROOT / "docs" / "emitter.md").read_text()
    found = dict(FENCE.findall(text))
    graph = compile_network(resolve(Source("small.arch", found["arch"]), specs_folder())).graph
    assert found["python"].partition("\n\n\n")[2].strip() in source(graph)


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    program = {"archdsl": [sys.executable, "-m", "archdsl"], "python": [sys.executable]}[words[0]]
    done = subprocess.run([*program, *words[1:]], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_readme_shows_what_is_emitted() -> None:
    shown, attending = re.findall(
        r"```text\n(class .*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    text = archdsl.load("mobilenet_v2").source()
    classes, lines = shown.split("\n\n\nclass MobileNetV2(nn.Module):\n    ...\n")
    assert classes in text
    assert lines in text
    source = archdsl.load("gpt2").source()
    assert all(part in source for part in attending.split("    ...\n"))


def test_the_patterns_can_fail() -> None:
    assert matches("a ... c", "a b c")
    assert not matches("a ... d", "a b c")


@pytest.mark.parametrize("page", [page for page in LESSONS if page.stem != "slides"], ids=lambda page: page.stem)
def test_a_lesson_is_carried_out(
    page: Path,
    update: bool,
    all_variants: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if page.stem in LONG and not all_variants:
        pytest.skip("it takes long: `make variants` carries it out")
    monkeypatch.chdir(tmp_path)

    def archdsl(words: list[str]) -> str:
        call = calls.run(capsys, words)
        return call.out + call.err

    Lesson(page, archdsl, update=update).carry_out()
