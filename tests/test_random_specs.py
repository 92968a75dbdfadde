"""Random specs: what is accepted runs in torch with the predicted shapes, what is rejected is rejected at a place."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archdsl.analyses import totals
from archdsl.backends.torch.load import module
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import Compiled, compile_network
from archdsl.resolve.resolve import resolve
from archdsl.source import Source

torch = pytest.importorskip("torch")

small = st.integers(1, 4)
channels = st.sampled_from([1, 2, 3, 4, 6, 8])


def convolution() -> st.SearchStrategy[str]:
    return st.builds(
        "conv({}, {}, stride={}, padding={}, dilation={}, groups={}, bias={})".format,
        channels,
        st.sampled_from(["1", "2", "3", "5", "1x3", "3x1"]),
        st.integers(1, 2),
        st.sampled_from(["same", "valid", "tf_same", "0", "1", "[0, 1, 0, 1]"]),
        st.integers(1, 2),
        st.sampled_from([1, 1, 1, 2, 3]),
        st.sampled_from(["true", "false"]),
    )


def pooling() -> st.SearchStrategy[str]:
    return st.builds(
        "{}({}, stride={}, padding={}, ceil={})".format,
        st.sampled_from(["max_pool", "avg_pool"]),
        st.sampled_from([1, 2, 3]),
        st.integers(1, 3),
        st.sampled_from(["same", "valid", "tf_same", "1"]),
        st.sampled_from(["true", "false"]),
    )


def simple() -> st.SearchStrategy[str]:
    words = ["bn", "relu", "silu", "identity", "prelu", "sigmoid", "lrn(3)", "global_avg_pool", "flatten", "layer_norm"]
    words += ["upsample(2)", "space_to_depth(2)", "pixel_shuffle(2)", "channel_shuffle(2)", "group_norm(2)", "pad(1)"]
    words += ["linear(5)", "it", "input", "first", "split(2) -> concat", "Unit(4)", "Unit(2, stride=2)", "dropout(0.5)"]
    words += ["depthwise(3)", "up_conv(4, 2, stride=2)", "adaptive_avg_pool(3)", "scale(0.5)", "crop(1)", "Rec(2)"]
    return st.sampled_from(words)


def chain(step: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(step, min_size=1, max_size=3).map(" -> ".join)


def step() -> st.SearchStrategy[str]:
    leaf = st.one_of(convolution(), convolution(), pooling(), simple())
    merge = st.builds(
        lambda op, branches: op + "{" + " | ".join(branches) + "}",
        st.sampled_from(["add", "sub", "concat", "mul", "maximum", "mean"]),
        st.lists(chain(leaf), min_size=1, max_size=3),
    )
    repeated = st.builds("Unit({}) * {} first(stride=2)".format, channels, st.integers(0, 3))
    choice = st.builds("if it.height > {} then {} else {}".format, st.integers(1, 12), leaf, leaf)
    return st.one_of(leaf, leaf, merge, repeated, choice)


def spec() -> st.SearchStrategy[str]:
    lines = st.lists(chain(step()), min_size=1, max_size=5)
    size = st.integers(4, 17)
    return st.builds(_network, channels, size, size, lines)


def _network(width: int, height: int, length: int, lines: list[str]) -> str:
    body = "".join(f"    stage s{i}: {line}\n" for i, line in enumerate(lines))
    return f"""network Random:
    input image: {width} x {height} x {length}
    conv(4, 3) as first
{body}
block Unit(width, stride=1):
    add:
        | conv(width, 3, stride=stride) -> bn -> relu
        | if stride != 1 or it.channels != width then conv(width, 1, stride=stride)
block Rec(depth):
    conv(it.channels, 3)
    if depth > 0:
        max_pool(2) -> Rec(depth - 1) -> upsample(2)
"""


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(spec())
def test_accepted_runs_as_predicted_and_rejected_has_a_place(text: str) -> None:
    outcome = _outcome(text)
    if isinstance(outcome, Compiled):
        _runs(outcome)
        return
    assert outcome
    for diagnostic in outcome:
        assert diagnostic.span is not None, diagnostic
        assert diagnostic.span.text.strip(), diagnostic


def _outcome(text: str) -> Compiled | tuple[Diagnostic, ...]:
    try:
        return compile_network(resolve(Source("random.arch", text)))
    except CompileError as error:
        return error.diagnostics


def _runs(compiled: Compiled) -> None:
    graph = compiled.graph
    net = module(graph, device="meta").train()
    image = torch.randn(2, *graph.inputs[0].output.dims, device="meta")
    assert tuple(net(image).shape) == (2, *graph.tensor(graph.outputs[0].values[0]).dims)
    count = sum(p.numel() for p in net.parameters())
    assert count == totals.parameters(graph, totals.nodes_in(graph))


def test_both_outcomes_occur() -> None:
    """The strategy above is worth something only if it brings about both."""
    outcomes = set()

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(spec())
    def collect(text: str) -> None:
        try:
            compile_network(resolve(Source("random.arch", text)))
            outcomes.add("accepted")
        except CompileError as error:
            outcomes.update(d.code for d in error.diagnostics)

    collect()
    assert "accepted" in outcomes
    assert len(outcomes) > 3
