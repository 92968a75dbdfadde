"""Files with networks, beside specs: commands take them where they take a spec or a reference."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import archdsl
from archdsl.cli import main


def test_a_graph_file_is_written_as_a_spec_and_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    archdsl.load("resnet@18").save("net.json")
    assert main(["import", "net.json", "-o", "net.arch"]) == 0
    assert "proven to have the structure and the weights of net.json" in capsys.readouterr().out
    assert main(["prove", "net.arch", "--against", "net.json", "--structure"]) == 0
    assert main(["prove", "resnet@34", "--against", "net.json", "--structure"]) == 1
    assert archdsl.load("net.arch").summary.total.params == 11_689_512


def test_a_damaged_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.json").write_text("{", encoding="utf-8")
    for command in (["check"], ["table"], ["import"], ["prove", "resnet@18", "--against"]):
        assert main([*command, "net.json"]) == 1
        assert "net.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("net.pt", "torch.export.save"),
        ("net.safetensors", "not how they are joined"),
        ("net.tflite", "net.keras"),
        ("net.h5", "model.to_json()"),
        ("net.mlmodel", "converted"),
        ("ir_r2_k3_s2_e6_c24_se0.25", "timm:NAME"),
        ("yolov8n.yaml", "yolov8.yaml@n"),
    ],
)
def test_what_is_not_read_says_what_to_do(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("yolov8.yaml").touch()
    if name.startswith("net."):
        Path(name).touch()
    for command in (["check", name], ["import", name, "-o", "net.arch"]):
        assert main(command) == 2
        assert said in " ".join(capsys.readouterr().err.split())


SMALL = """
from torch import nn

def net(width=8):
    print("RAN")
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU())

class Tokens(nn.Embedding):
    def __init__(self):
        super().__init__(10, 4)
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the current folder, `small_code`, whose `net` makes a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "small_code", raising=False)
    Path("small_code.py").write_text(SMALL, encoding="utf-8")
    return "small_code:net"


def test_commands_take_code_where_they_take_a_spec(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", code]) == 0
    assert "small_code:net: 224 params, 10.6 M MACs, 3x224x224 -> 8x222x222" in capsys.readouterr().out
    assert main(["table", code, f"{code}(width=16)", "--columns", "params"]) == 0
    assert "448" in capsys.readouterr().out
    assert main(["draw", code]) == 0
    assert Path("small_code_net_overview.svg").is_file()
    assert main(["diff", code, f"{code}(width=16)"]) == 0
    assert re.search(r"\b8 → 16\b", capsys.readouterr().out)
    assert main(["compile", code]) == 0
    assert Path("small_code_net.py").is_file()
    assert archdsl.load(code).params == 224


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "small_code:net", "--width", "16"], "arguments of code follow in brackets"),
        (["check", "small_code:net@50"], "is code, and has no variant `50`"),
        (["sweep", "small_code:net", "--vary", "width=1,2"], "archdsl import small_code:net -o net.arch"),
        (["table", "small_code:nte"], "did you mean `small_code:net`?"),
        (["table", "small_code:Tokens"], "--input '128 int'"),
    ],
)
def test_what_code_has_not_says_what_to_do(
    words: list[str], said: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_only_the_words_of_a_call_execute_code(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file, the path of one and a help execute nothing, whatever they name."""
    Path("errors.csv").write_text(f"spec,family,error,source\n{code},a,3,b\n", encoding="utf-8")
    Path("net.arch").write_text(f"from {code} import Net\n", encoding="utf-8")
    assert main(["draw", "errors.csv", "--figure", "scatter"]) != 0
    assert main(["check", "net.arch"]) != 0
    assert main(["table", code, "--help"]) == 0
    with pytest.raises(archdsl.CompileError):
        archdsl.load(Path(code))
    Path(code).write_text("network Net:\n    input image: 3 x 8 x 8\n    stage body: relu\n", encoding="utf-8")
    assert main(["check", code]) == 0
    assert "RAN" not in "".join(capsys.readouterr())
