"""The Python interface."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import archdsl
from archdsl import cli

TINY = """\
from blocks.residual import Basic

network Tiny:
    param width: int = 8
    param act: op = relu
    input image: 3 x 16 x 16
    Basic(width, stride=2) -> act
    global_avg_pool -> flatten -> linear(10)
"""


def test_the_names_are_few_and_documented() -> None:
    assert len(archdsl.__all__) == 10
    assert set(archdsl.__all__) <= set(dir(archdsl))
    for name in archdsl.__all__:
        assert getattr(archdsl, name).__doc__
    for name, member in vars(archdsl.Network).items():
        assert name.startswith("_") or member.__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        archdsl.lod  # noqa: B018


def test_importing_costs_nothing() -> None:
    code = "import sys; before = set(sys.modules); import archdsl; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in done.stdout.split() if name.startswith("archdsl")} == {"archdsl"}
    assert not {"torch", "lark", "pydantic", "typer", "rich", "networkx"} & set(done.stdout.split())


def test_loading_needs_no_torch() -> None:
    code = "import sys, archdsl; archdsl.load('lenet').source(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_torch_a_module_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "archdsl.backends.torch.load", raising=False)
    with pytest.raises(ImportError, match="archdsl\\[torch\\]"):
        archdsl.loads(TINY).module()


def test_a_network_knows_what_it_is() -> None:
    net = archdsl.load("resnet@50", classes=10)
    # torchvision's resnet50 has 25,557,032 parameters, of which 2048 x 1000 + 1000 are in the last layer.
    assert net.params == 25_557_032 - 2049 * 1000 + 2049 * 10
    assert net.macs == 4_089_184_256 - 2048 * 1000 + 2048 * 10
    assert net.settings["classes"] == 10
    assert net.settings["unit"] == "Bottleneck"
    assert len(net.graph.stages) == 6
    assert repr(net) == "<ResNet@50, classes=10: 23,528,522 params, 4,087,156,736 MACs>"
    assert net.warnings == archdsl.load("resnet@50").warnings


def test_what_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.arch").write_text(TINY)
    expected = archdsl.loads(TINY).params
    assert archdsl.load("tiny.arch").params == expected
    assert archdsl.load(Path("tiny.arch")).params == expected
    assert archdsl.load(tmp_path / "tiny.arch").params == expected
    assert archdsl.load("vgg", "A").params == archdsl.load("vgg@A", "A").params == archdsl.load("vgg@A").params
    with pytest.raises(ValueError, match="names the variant A"):
        archdsl.load("vgg@A", "B")


def test_settings_are_values_or_what_a_spec_would_write() -> None:
    assert archdsl.load("resnet", layers=[2, 2, 2, 2], unit="Basic").params == archdsl.load("resnet@18").params
    assert archdsl.load("resnet", layers=(2, 2, 2, 2), unit="Basic").params == archdsl.load("resnet@18").params
    assert archdsl.load("resnet", layers="[2] * 4", unit="Basic").params == archdsl.load("resnet@18").params
    assert archdsl.loads(TINY, act="silu").graph.header.settings[1].value == "silu"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widht": 8}, "Tiny has no parameter `widht`"),
        ({"width": None}, "the setting `width` takes"),
        ({"width": 8.5}, "takes a whole number, got 8.5"),
        ({"width": True}, "takes a whole number, got true"),
        ({"width": float("nan")}, "got nan"),
        ({"width": float("inf")}, "got inf"),
        ({"width": {1, 2}}, "the setting `width` takes"),
        ({"width": [{1, 2}]}, "the setting `width` takes"),
        ({"width": "1 / 0"}, "divides by zero"),
        ({"width": -1}, "at least 1, got -1"),
        ({"act": "reluu"}, "did you mean `relu`?"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit(settings: dict[str, object], message: str) -> None:
    with pytest.raises(archdsl.CompileError) as caught:
        archdsl.loads(TINY, **settings)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["no such", "a\0b", "", "resnet@51", "@"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(archdsl.CompileError):
        archdsl.load(name)


def test_an_error_reads_as_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.arch").write_text("network Bad:\n    input image: 3 x 8 x 8\n    convv(8, 3)\n    conv(8, kernl=3)\n")
    with pytest.raises(archdsl.CompileError) as caught:
        archdsl.load("bad.arch")
    assert cli.main(["check", "bad.arch"]) == 1
    assert str(caught.value).strip() == capsys.readouterr().err.strip()
    assert [diagnostic.span.line for diagnostic in caught.value.diagnostics if diagnostic.span] == [3, 4]


def test_a_setting_without_effect_warns() -> None:
    with pytest.warns(UserWarning, match="`phi` has no effect") as caught:
        archdsl.load("efficientnet@b3", phi=1)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        archdsl.load("efficientnet", phi=1)


def test_limits() -> None:
    with pytest.raises(archdsl.CompileError, match="more than 10 steps"):
        archdsl.load("lenet", limits=archdsl.Limits(steps=10))


def test_the_module_is_what_the_network_says() -> None:
    torch = pytest.importorskip("torch")
    net = archdsl.loads(TINY)
    module = net.module(dtype=torch.float64)
    assert sum(parameter.numel() for parameter in module.parameters()) == net.params
    assert module(torch.zeros(2, 3, 16, 16, dtype=torch.float64)).shape == (2, 10)
    assert {parameter.device.type for parameter in net.module(device="meta").parameters()} == {"meta"}


def test_save_writes_what_the_suffix_says(tmp_path: Path) -> None:
    from archdsl.ir.serialize import from_json

    net = archdsl.loads(TINY)
    net.save(tmp_path / "tiny.py")
    net.save(str(tmp_path / "tiny.json"))
    assert (tmp_path / "tiny.py").read_text() == net.source()
    assert from_json((tmp_path / "tiny.json").read_text()) == net.graph
    with pytest.raises(ValueError, match="gif"):
        net.save(tmp_path / "tiny.gif")
    with pytest.raises(archdsl.CompileError, match=r"tiny\.py is not a folder"):
        net.save(tmp_path / "tiny.py" / "x.py")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.json", "tiny.py"]


def test_a_figure_is_written_as_the_suffix_says(tmp_path: Path) -> None:
    picture = archdsl.loads(TINY).draw("block")
    for format, start in (("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        picture.save(tmp_path / f"tiny.{format}")
        assert (tmp_path / f"tiny.{format}").read_bytes().startswith(start)
    with pytest.raises(ValueError, match=r"'.gif'; it may be svg, pdf, png"):
        picture.save(tmp_path / "tiny.gif")
    with pytest.raises(ValueError, match="it may be dot"):
        archdsl.loads(TINY).draw(format="dot").save(tmp_path / "tiny.png")


def test_what_a_notebook_shows_is_short_and_fits() -> None:
    net = archdsl.loads(TINY)
    table = net.table()
    shown = table._repr_mimebundle_()
    assert shown["text/plain"] == table == repr(table)
    rows = [line for line in net.table("html").splitlines() if line.startswith("<tr")]
    assert [line for line in shown["text/html"].splitlines() if line.startswith("<tr")] == rows
    # Nothing in it is about the notebook's own page.
    assert not re.search(r"<(html|head|body|h1|title)\b|:root|\bbody\b", shown["text/html"])
    (svg,) = re.findall("<svg [^>]*>", net.draw()._repr_mimebundle_()["image/svg+xml"])
    assert 'style="max-width:100%;height:auto"' in svg
    assert re.findall(r' (?:width|height)="[^"]*"', svg) == [' width="100%"']
    assert "image/svg+xml" in net.draw(format="pdf")._repr_mimebundle_()
    assert len(repr(net.summary)) < 80
    with pytest.raises(archdsl.CompileError) as caught:
        archdsl.loads("network N:\n    input image: 3 x 8 x 8\n    cnv(3, 3)\n")
    assert "\n".join(caught.value._render_traceback_()) == str(caught.value).strip("\n")


def test_a_notebook_shows_the_figure(tmp_path: Path) -> None:
    net = archdsl.loads(TINY)
    bundle = net._repr_mimebundle_()
    assert bundle["text/plain"] == repr(net)
    assert bundle["image/svg+xml"].lstrip().startswith(("<svg", "<?xml"))
    picture = net.draw("graph", "png")
    assert picture._repr_mimebundle_()["image/png"].startswith(b"\x89PNG")
    picture.save(tmp_path / "tiny.png")
    assert (tmp_path / "tiny.png").read_bytes() == picture.data
    assert net.draw("block", block="Basic").data != net.draw("block", block="Shortcut").data
    for figure, format in (("pie", "svg"), ("overview", "gif")):
        with pytest.raises(ValueError, match="it may be"):
            net.draw(figure, format)
    with pytest.raises(ValueError, match="no block or path `Bsic`"):
        net.draw("block", block="Bsic")
