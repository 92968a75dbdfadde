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
from literate import BLOCK

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


COVERED = {"arch", "console", "python", "sh", "py", "latex", "html"}
"""Kinds of fences that a test reads, and kinds that are for another program or for a file of the reader's own."""
ELSEWHERE = {"README.md", "adding_an_op.md", "adding_a_measure.md", "design.md", "editors.md", "serve.md"}
"""Pages with further samples, which other tests read; a list of packages; addresses that are new each time."""


def excerpts() -> list[object]:
    """`text` fences that say which command writes what they show: one test parameter for each."""
    blocks = [(page, block) for page in plain_pages() for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    found = [(page, block) for page, block in blocks if block["kind"] == "text" and block["info"]]
    return [pytest.param(block["info"], block["text"], id=f"{page.name}:{block['info']}") for page, block in found]


def plain_pages() -> list[Path]:
    return [path for path in DOCUMENTS if path.name not in GENERATED | set(CARRIED_OUT) and path not in LESSONS]


def samples(language: str) -> list[object]:
    """One test parameter for each block of a language, named by file and line."""
    found = []
    for path in plain_pages():
        text = path.read_text()
        for match in FENCE.finditer(text):
            if match[1] == language and not (language == "console" and path.name == "reading_onnx.md"):
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


def test_onnx_files_are_read_as_is_shown(all_variants: bool, tmp_path: Path) -> None:
    if not all_variants:
        pytest.skip("exporting takes long: `make variants` does it")
    from onnx_models import exported
    from torch import nn, onnx, zeros

    from archdsl.frontends.collections import COLLECTIONS, declare_operators

    declare_operators()
    exported(
        COLLECTIONS["torchvision"].make("resnet50", {}), tmp_path / "resnet50.onnx", zeros(1, 3, 224, 224), new=False
    )
    open_sizes = {"x": {0: "batch", 2: "height", 3: "width"}}
    unet = (nn.Conv2d(3, 8, 3), zeros(1, 3, 224, 224), tmp_path / "unet.onnx")
    onnx.export(*unet, input_names=["x"], dynamic_axes=open_sizes, dynamo=False)
    text = (ROOT / "docs" / "reading_onnx.md").read_text(encoding="utf-8")
    for language, sample in FENCE.findall(text):
        if language == "console":
            check_commands(sample, tmp_path)


@pytest.mark.sampled
@pytest.mark.parametrize("sample", samples("console"))
def test_commands_print_what_is_shown(sample: str, tmp_path: Path) -> None:
    link_samples(tmp_path)
    check_commands(sample, tmp_path)


def test_the_block_of_the_emitter_s_page_is_emitted_so() -> None:
    text = (ROOT / "docs" / "emitter.md").read_text()
    found = dict(FENCE.findall(text))
    graph = compile_network(resolve(Source("small.arch", found["arch"]), specs_folder())).graph
    assert found["python"].partition("\n\n\n")[2].strip() in source(graph)


def check_commands(sample: str, folder: Path) -> None:
    for command, expected in commands(sample):
        printed = run(command, folder)
        assert matches(expected, printed), f"$ {command}\n--- shown\n{expected}\n--- printed\n{printed}"


def link_samples(folder: Path) -> None:
    """What the pages' commands read."""
    for name in ("specs", "docs"):
        (folder / name).symlink_to(ROOT / name)
    for file in (ROOT / "tests" / "data").glob("*/*.*"):
        (folder / file.name).symlink_to(file)


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


def test_every_sample_is_of_a_kind_that_is_read() -> None:
    for page in plain_pages():
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            known = block["kind"] in COVERED or (block["kind"] == "text" and block["info"])
            assert known or page.name in ELSEWHERE, f"{page.name}: no test reads\n{block[0]}"


@pytest.mark.sampled
@pytest.mark.parametrize(("command", "text"), excerpts())
def test_a_part_of_what_a_command_writes_is_there(command: str, text: str, tmp_path: Path) -> None:
    """However far it is indented there; `...` stands for what is left out."""
    link_samples(tmp_path)
    printed = run(command, tmp_path)
    target = tmp_path / command.split(" -o ")[-1]
    written = lines_of(target.read_text(encoding="utf-8") if target.is_file() else printed)
    for part in re.split(r"^ *\.\.\.\n", text, flags=re.M):
        assert lines_of(part) in written, f"{command} does not write\n{part}"


def lines_of(text: str) -> str:
    return "\n" + "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"


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
