"""Files with networks, beside specs: commands take them where they take a spec or a reference."""

from __future__ import annotations

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
