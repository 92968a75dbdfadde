"""YAML files of Ultralytics: counts are those that its package counts, and mistakes are told at their place."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl.analyses.totals import nodes_in, parameters
from archdsl.cli import main
from archdsl.diagnostics import CompileError, original

FILES = Path(__file__).parent / "data" / "ultralytics"

COUNTS = {
    "yolov8": {"n": 3_157_200, "s": 11_166_560, "m": 25_902_640, "l": 43_691_520, "x": 68_229_648},
    "yolo11": {"n": 2_624_080, "s": 9_458_752, "m": 20_114_688, "l": 25_372_160, "x": 56_966_176},
}
"""Parameters as Ultralytics prints them, in its own files and documents."""

ONE_SIZE = {"yolov5s": 7_235_389, "parts": 319_483}
"""The first as YOLOv5's release 6.0 counts it; the second as ultralytics 8.4.190 does."""

PARTS = {
    "v9": 171_824,
    "v10": 606_928,
    "12": 405_928,
    "26_seg": 200_484,
    "26_pose": 144_292 - 53_784,
    "26_obb": 47_544,
    "26_depth": 39_993,
    "26_sem": 20_024,
    "rtdetr": 171_572,
}
"""Files of modules that came later, as ultralytics 8.4.190 counts them, with what serves training alone.

Of YOLO26's joints a normalizing flow is left out, which is part of the loss.
"""


@pytest.mark.parametrize("name", COUNTS)
def test_each_scale_has_the_published_parameters(name: str) -> None:
    counts = {scale: archdsl.load(FILES / f"{name}.yaml", scale).params for scale in COUNTS[name]}
    assert counts == COUNTS[name]


@pytest.mark.parametrize("name", ONE_SIZE)
def test_a_file_of_one_size_has_the_published_parameters(name: str) -> None:
    assert archdsl.load(FILES / f"{name}.yaml").params == ONE_SIZE[name]


@pytest.mark.parametrize("name", PARTS)
def test_modules_have_the_parameters_of_the_package(name: str) -> None:
    graph = archdsl.load(FILES / f"parts_{name}.yaml").graph
    assert parameters(graph, nodes_in(graph, training=True)) == PARTS[name]


def test_a_scale_switches_what_no_row_says() -> None:
    """YOLO12's blocks are scaled and added in the scales l and x, and narrower inside."""
    assert archdsl.load(FILES / "parts_12.yaml", "l").params == 490_424


def test_a_module_that_is_not_read_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("backbone:\n  - [-1, 1, Conv, [16]]\nhead:\n  - [[0], 1, YOLOEDetect, [nc]]\n", encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        archdsl.load(file)
    assert "write `Detect, [nc]`" in str(caught.value.diagnostics[0].help)


def test_the_name_of_the_file_chooses_the_scale(tmp_path: Path) -> None:
    file = tmp_path / "yolo11s.yaml"
    file.write_text((FILES / "yolo11.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert archdsl.load(file).params == COUNTS["yolo11"]["s"]


def test_a_file_is_written_as_a_spec_and_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    given = str(FILES / "yolov5s.yaml")
    assert main(["import", given, "-o", "net.arch"]) == 0
    assert "proven to have the structure and the weights of" in capsys.readouterr().out
    assert "expect params == 7_235_389" in Path("net.arch").read_text(encoding="utf-8")
    assert main(["fmt", "--check", "net.arch"]) == 0
    assert main(["import", given, "-o", "net.json"]) == 0
    assert archdsl.load("net.json").params == archdsl.load("net.arch").params == ONE_SIZE["yolov5s"]


HEAD = "head:\n  - [[0, 1], 1, Detect, [nc]]\n"
MISTAKES = {
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 3, Conv, [128, 3, 1]]": (3, "its second copy"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, Conv, [128, 3, 1, 1, 3]]": (3, "64 channels do not split into 3"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [[-1, 7], 1, Concat, [1]]": (3, "layer 1 takes layer 7"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, nn.Conv2d, [64, 128, 3]]": (3, "write `Conv`"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [[-1, 0], 1, Conv, [128]]": (3, "takes one layer"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, Conv, [x]]": (3, "not a number of channels"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, Conv]": (3, "a list of four"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [[0, -1], 1, CBFuse, [[0]]]": (3, "takes layers of `CBLinear`"),
    "  - [-1, 1, CBLinear, [[64, 8]]]\n  - [[0, -1], 1, CBFuse, [[2]]]": (3, "gives 2 values"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, Detect, [nc]]": (3, "ends a network"),
    "  - [-1, 1, Cov, [64, 3, 2]]\n  - [-1, 1, Conv, [64]]": (2, "`Cov` is not among"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, Conv, [64, 3, 2]": (4, "not YAML"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - &a [-1, 1, Conv, [64]]": (3, "aliases"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - !!python/object/apply:os.system ['touch PWNED']": (3, "tags"),
    "  - [-1, 1, Conv, [64, 3, 2]]\n  - " + "[" * 500: (3, "nested deeper"),
}


@pytest.mark.parametrize("rows", MISTAKES)
def test_a_mistake_is_told_at_its_line(rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line, said = MISTAKES[rows]
    Path("net.yaml").write_text(f"backbone:\n{rows}\n{HEAD}", encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        archdsl.load("net.yaml")
    found = original(caught.value.diagnostics[0])
    assert said in found.message
    assert found.span is not None
    assert (found.span.source.name, found.span.line) == ("net.yaml", line)
    assert not Path("PWNED").exists()


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    rows = "\n".join("  - [-1, 1, Conv, [64]]" for _ in range(1001))
    for text in ("# " + "x" * 2**16, f"backbone:\n{rows}\nhead: []\n", "a: 1\n", "- 1\n", ""):
        (tmp_path / "net.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(CompileError):
            archdsl.load(tmp_path / "net.yaml")
