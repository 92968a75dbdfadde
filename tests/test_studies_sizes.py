"""Which input sizes networks take, held against torch and against what papers say."""

from __future__ import annotations

import pytest
import torch

from archdsl.backends.torch.load import module
from archdsl.diagnostics import CompileError
from archdsl.driver import open_spec, split_variant
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.studies.periodic import Pattern, listed, pattern
from archdsl.studies.sizes import Sizes, sizes
from archdsl.studies.subject import Subject

PADDED = """\
network Padded:
    input image: 3 x {size} x {size}
    stage enc1: conv(4, 3) -> relu
    stage enc2: max_pool(2) -> conv(4, 3) -> relu
    stage enc3: max_pool(2) -> conv(4, 3) -> relu
    stage bottom: max_pool(2) -> conv(4, 3) -> relu
    stage dec3: up_conv(4, 2, stride=2) -> concat{{enc3 | it}} -> conv(4, 3)
    stage dec2: up_conv(4, 2, stride=2) -> concat{{enc2 | it}} -> conv(4, 3)
    stage dec1: up_conv(4, 2, stride=2) -> concat{{enc1 | it}} -> conv(4, 3)
"""


def library(name: str, **settings: object) -> Subject:
    spec, variant = split_variant(name)
    return Subject(open_spec(spec), variant, settings)


def written(text: str) -> Subject:
    return Subject(resolve(Source("net.arch", text), specs_folder()))


def network(*lines: str) -> Subject:
    return written("\n".join(["network Net:", *(f"    {line}" for line in lines)]) + "\n")


def only(found: tuple[Sizes, ...]) -> Sizes:
    (one,) = found
    return one


# --- against torch ---------------------------------------------------------------------------


def test_what_is_accepted_is_what_torch_runs() -> None:
    """The module of one size, run at every size on torch's meta device."""
    height, width = sizes(written(PADDED.format(size=32)), jobs=1)
    net = module(height.graph, device="meta").eval()
    for size, verdict in height.verdicts.items():
        assert _runs(net, (1, 3, size, 32)) == verdict.accepted, size
    for size, verdict in width.verdicts.items():
        assert _runs(net, (1, 3, 32, size)) == verdict.accepted, size
    assert str(height.accepted) == str(width.accepted) == "a multiple of 8"


def _runs(net: torch.nn.Module, shape: tuple[int, ...]) -> bool:
    try:
        net(torch.empty(shape, device="meta"))
    except RuntimeError:
        return False
    return True


def test_the_weights_of_a_size_run_at_the_sizes_that_they_are_said_to_fit() -> None:
    found = only(sizes(library("lenet@5"), jobs=1))
    net = module(found.graph, device="meta").eval()
    assert found.weights_vary
    assert found.same_weights == (32, 35)
    for size in found.verdicts:
        assert _runs(net, (1, 1, size, size)) == (32 <= size <= 35), size


# --- rules and reasons -----------------------------------------------------------------------


def test_the_sizes_of_u_net() -> None:
    """572 is one of them (Ronneberger et al. 2015)."""
    found = only(sizes(library("unet"), jobs=1))
    assert (found.axis.setting, found.axis.start) == ("size", 572)
    assert str(found.accepted) == "16·k + 12"
    assert found.smallest == 188
    assert found.exceptions == ()
    (reason,) = found.reasons
    assert reason.problem.code == "requirement-broken"
    assert found.loss is None


def test_reasons_name_what_does_not_fit() -> None:
    height, _ = sizes(written(PADDED.format(size=208)), jobs=1)
    texts = {reason.example: (reason.text, reason.node) for reason in height.reasons}
    assert texts[209] == ("enc1 is 4x209x208 and dec1.up_conv 4x208x208: they differ by 1", "dec1.concat")
    assert texts[212] == ("enc3 is 4x53x52 and dec3.up_conv 4x52x52: they differ by 1", "dec3.concat")
    assert texts[7] == ("a 2x2 kernel does not fit a 1x52 input with padding 0", None)


def test_a_declared_size_that_is_not_taken() -> None:
    found = only(sizes(written(PADDED.format(size=204)), jobs=1))
    assert (found.axis.name, found.axis.start, found.origin) == ("size", 204, 200)
    assert str(found.accepted) == "a multiple of 8"
    texts = {reason.example: reason.text for reason in found.reasons}
    assert texts[204] == "enc3 is 4x51x51 and dec3.up_conv 4x50x50: they differ by 1"
    found = only(sizes(library("unet", size=200), jobs=1))
    assert (found.origin, str(found.accepted)) == (204, "16·k + 12")


def test_a_network_that_takes_no_size() -> None:
    with pytest.raises(CompileError, match="groups"):
        sizes(network("input image: 3 x 8 x 8", "conv(8, 3, groups=2)"), jobs=1)
    with pytest.raises(CompileError, match="at least 1"):
        sizes(network("input features: 3", "linear(0)"), jobs=1)


def test_sizes_that_follow_no_rule() -> None:
    spec = network(
        "param size: int = 32",
        'require size < 34 "small"',
        "input image: 3 x size x size",
        "conv(8, 3)",
    )
    found = only(sizes(spec, jobs=1))
    assert found.accepted is None
    assert {size for size, verdict in found.verdicts.items() if verdict.accepted} == {32, 33}


def test_an_upper_limit_is_an_exception() -> None:
    spec = network(
        "param size: int = 32",
        'require size <= 60 "small"',
        "input image: 3 x size x size",
        "conv(8, 3)",
    )
    found = only(sizes(spec, jobs=1))
    assert str(found.accepted) == "any size"
    assert found.exceptions == (64, 128)


def test_a_size_with_a_network_of_its_own() -> None:
    """LeNet at 16 pixels is the network of 1989."""
    found = only(sizes(library("lenet"), jobs=1))
    assert (found.smallest, found.exceptions) == (32, (16,))


def test_rows_that_are_lost() -> None:
    """AlexNet's windows without padding: (H - F) / S has to be whole, three times over."""

    def loses(size: int) -> bool:
        for kernel, stride in ((11, 4), (3, 2), (3, 2), (3, 2)):
            if (size - kernel) % stride:
                return True
            size = (size - kernel) // stride + 1
        return False

    pool = "max_pool(3, stride=2, padding=0)"
    spec = network("input image: 3 x 227 x 227", "conv(8, 11, stride=4, padding=0)", *[pool] * 3)
    height, _ = sizes(spec, jobs=1)
    accepted = {size: verdict for size, verdict in height.verdicts.items() if verdict.accepted}
    assert {size for size, verdict in accepted.items() if verdict.dropped} == set(filter(loses, accepted))
    assert str(height.lossless) == "32·k + 3"
    assert height.loss is not None
    assert height.loss.nodes == (("conv", (1, 0)),)


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        (["max_pool(2)"], "a multiple of 2"),
        (["conv(8, 3, stride=3, padding=0)"], "a multiple of 3"),
        (["conv(8, 5, stride=4, padding=valid)"], "4·k + 1"),
        (["conv(8, 3, stride=2)"], "any size"),
        (["max_pool(3, stride=2)"], "any size"),
        (["max_pool(2, ceil=true)"], "any size"),
        (["max_pool(2)", "max_pool(3)"], "6·k + 2 or 4"),
    ],
)
def test_which_sizes_lose_no_rows(lines: list[str], rule: str) -> None:
    height, _ = sizes(network("input image: 3 x 48 x 48", *lines), jobs=1)
    assert str(height.lossless) == rule


def test_sequences_and_several_inputs() -> None:
    found = only(sizes(library("textcnn"), jobs=1))
    assert (found.axis.name, found.axis.meaning, found.smallest) == ("words", "length of tokens", 5)
    left_and_right = network(
        "input left: 3 x 16 x 16",
        "input right: 3 x 16 x 16",
        "left -> conv(8, 3) as a",
        "right -> conv(8, 3) as b",
        "add{a | b}",
    )
    height, width = sizes(left_and_right, jobs=1)
    assert height.axis.meaning == "height of left, height of right"
    assert height.accepted is not None
    assert height.accepted.is_everything
    assert width.axis.name == "width"


def test_vectors_have_no_size() -> None:
    assert sizes(network("input features: 16", "linear(8)"), jobs=1) == ()


def test_processes_find_what_one_finds() -> None:
    spec = written(PADDED.format(size=48))
    assert [one.verdicts for one in sizes(spec, jobs=1)] == [one.verdicts for one in sizes(spec, jobs=2)]


# --- patterns --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "text"),
    [
        (lambda n: True, "any size"),
        (lambda n: False, "no size"),
        (lambda n: n % 8 == 0, "a multiple of 8"),
        (lambda n: n % 16 == 12, "16·k + 12"),
        (lambda n: n % 5 in (1, 2), "5·k + 1 to 2"),
        (lambda n: n % 4 != 3, "anything but 4·k + 3"),
        (lambda n: n % 3 != 0, "anything but a multiple of 3"),
    ],
)
def test_patterns(accepted: object, text: str) -> None:
    found = pattern({n: accepted(n) for n in range(100, 164)}, 32)  # type: ignore[operator]
    assert str(found) == text


def test_what_follows_no_pattern() -> None:
    assert pattern({n: n < 120 for n in range(100, 164)}, 32) is None
    assert 13 in Pattern(4, (1,))


def test_lists_of_numbers() -> None:
    assert listed([1, 2, 3, 7]) == "1 to 3 or 7"
    assert listed([]) == ""
    assert listed(range(0, 40, 2)) == "0, 2, 4, 6, 8, 10, 12, 14 or 12 more"
