"""Files of other tools with slips in them, or made to do harm: the answer is a diagnostic, never a traceback."""

from __future__ import annotations

import re
from collections.abc import Callable

import caffe_files
import darknet_files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.diagnostics import CompileError
from archdsl.frontends.caffe import read as caffe
from archdsl.frontends.darknet import read as darknet
from archdsl.ir.imported import Imported
from archdsl.ir.verify import verify
from archdsl.report import render_text
from archdsl.source import Source
from archdsl.syntax.parser import check_size

TEXTS: dict[str, tuple[str, ...]] = {
    "cfg": tuple(
        make() for name, make in darknet_files.NETWORKS.items() if name in ("yolov3-tiny", "yolov4-tiny", "yolov2")
    ),
    "prototxt": (caffe_files.alexnet(), caffe_files.googlenet()),
}
READ: dict[str, Callable[[Source, str], Imported]] = {"cfg": darknet.read_text, "prototxt": caffe.read_text}
TOKEN = re.compile(r"[A-Za-z_]\w*|-?[\d.]+|[^\w\s]|\n")
EXTRAS = ["", "\n", "[", "]", "{", "}", ":", "=", ",", '"', "#", "0", "-1", "1e99", "10000000000", "0.5", "nan", "inf"]
EXTRAS += [
    "[yolo]",
    "[local]",
    "[reorg]",
    "type",
    "bottom",
    "top",
    "data",
    "BatchNorm",
    "Scale",
    "Slice",
    "Reshape",
    "Crop",
]
EXTRAS += ["true", "\x00", "é", "\\", "layer {", "dim: 0", "dim: -1", "name: 'data'", "groups=3", "from=-1", "stride=0"]


@st.composite
def slips(draw: st.DrawFn, kind: str) -> str:
    """A file with one to three words replaced, removed, doubled or put elsewhere."""
    text = draw(st.sampled_from(TEXTS[kind]))
    for _ in range(draw(st.integers(1, 3))):
        tokens = list(TOKEN.finditer(text))
        token, other = (tokens[draw(st.integers(0, len(tokens) - 1))] for _ in range(2))
        put = draw(st.one_of(st.sampled_from(EXTRAS), st.just(other[0]), st.just(token[0] * 2)))
        text = text[: token.start()] + put + text[token.end() :]
    return text


def assert_answered(kind: str, text: str) -> None:
    """The text is a network, or what is wrong is told with its place."""
    try:
        verify(READ[kind](Source(f"net.{kind}", text), "net").graph, "reading")
    except CompileError as error:
        said = error.diagnostics
    else:
        return
    assert said
    assert all(one.span is not None and one.message for one in said)
    assert render_text(said)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(slips("cfg"))
def test_a_slip_in_a_configuration_is_answered(text: str) -> None:
    assert_answered("cfg", text)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(slips("prototxt"))
def test_a_slip_in_a_file_of_caffe_is_answered(text: str) -> None:
    assert_answered("prototxt", text)


INPUT = 'input: "d" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n'
NET = darknet_files.net(8)

HOSTILE = [
    ("prototxt", "a {" * 60_000),
    ("prototxt", "a {" * 30_000 + "}" * 30_000),
    ("prototxt", INPUT + "layer { name: 'a' type: 'ReLU' bottom: 'd' top: 'd' } " * 2),
    ("prototxt", INPUT + "layer { type: 'Slice' bottom: 'd' " + "top: 'x' " * 20_000 + "}"),
    ("prototxt", INPUT + "layer { type: 'Concat' top: 'd' " + "bottom: 'd' " * 20_000 + "}"),
    ("prototxt", INPUT + "layer { type: 'Concat' bottom: 'd' bottom: 'd' top: 'd' }" * 60),
    (
        "prototxt",
        INPUT + "layer { name: 'stem' type: 'ReLU' bottom: 'd' top: 'd' }" * 2,
    ),
    (
        "prototxt",
        INPUT
        + "layer { type: 'Reshape' bottom: 'd' top: 'e' reshape_param { shape { dim: 0 dim: -1 "
        + "dim: 0 " * 9
        + "} } }",
    ),
    (
        "prototxt",
        INPUT + "layer { type: 'InnerProduct' bottom: 'd' top: 'e' inner_product_param { num_output: 2147483647 } }",
    ),
    ("prototxt", "input: 'd' input_shape { dim: 1 dim: 999999999 dim: 999999999 dim: 999999999 }"),
    ("prototxt", "input: 'd' input: 'd' input_dim: 1"),
    ("prototxt", "layer { layer { } }"),
    ("prototxt", "layers { layers: 3 type: 'x' include: 4 } "),
    ("cfg", NET + "[route]\nlayers=-1\n" * 3),
    ("cfg", NET + "[conv]\n" + "[route]\nlayers=" + ",".join(["0"] * 20_000)),
    ("cfg", NET + "[conv]\n[route]\nlayers=-1,-1\n" * 60),
    ("cfg", NET + "[conv]\nfilters=2147483647\n[local]\nfilters=2147483647\npad=1\n"),
    ("cfg", darknet_files.net(2**31 - 1) + "[conv]\n"),
    ("cfg", darknet_files.net(10**30) + "[conv]\n"),
    ("cfg", "[net]\nheight=-1\nwidth=8\nchannels=3\n[conv]\n"),
    ("cfg", NET + "[avgpool]\n[upsample]\nstride=1000000\n" * 3),
    ("cfg", NET + "[conv]\n" * 3 + "[shortcut]\nfrom=-1,-2,-3,-9\n"),
    ("cfg", NET + "[conv]\n[crop]\ncrop_height=0\n[softmax]\ntemperature=0\n"),
    ("cfg", NET + "[conv]\n[softmax]\n[conv]\n[yolo]\n[detection]\n[region]\n[maxpool]\n[reorg]\n[avgpool]\n"),
]


@pytest.mark.parametrize(("kind", "text"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_answered(kind: str, text: str) -> None:
    assert_answered(kind, text)


@pytest.mark.parametrize(("kind", "text"), [("cfg", NET + "[conv]\n" * 60_000), ("prototxt", "a: b\n" * 60_000)])
def test_enormous_files_are_refused(kind: str, text: str) -> None:
    with pytest.raises(CompileError, match="has more than 150,000 words and signs"):
        check_size([Source(f"net.{kind}", text)])
