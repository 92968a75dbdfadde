"""The search for a budget, held against trying every value."""

from __future__ import annotations

import pytest

from archdsl.analyses.measures import LIMITED
from archdsl.diagnostics import CompileError
from archdsl.driver import open_spec, split_variant
from archdsl.resolve.resolve import resolve
from archdsl.source import Source
from archdsl.studies.budgets import budget
from archdsl.studies.fit import Fit, fit
from archdsl.studies.subject import Subject
from archdsl.studies.trial import Trier


def written(*lines: str) -> Subject:
    text = "\n".join(["network Net:", *(f"    {line}" for line in lines)])
    return Subject(resolve(Source("net.arch", f"{text}\n")))


def library(name: str) -> Subject:
    spec, variant = split_variant(name)
    return Subject(open_spec(spec), variant)


def fitted(subject: Subject, over: str, bounds: tuple[float, float] | None = None, **budgets: str) -> Fit:
    wanted = [budget(option.replace("_", "-"), text) for option, text in budgets.items()]
    return fit(subject, over, wanted, bounds)


def failure(error: pytest.ExceptionInfo[CompileError]) -> str:
    return "\n".join(f"{d.code}: {d.message} | {d.help}" for d in error.value.diagnostics)


# --- budgets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "text", "limit"),
    [
        ("macs", "1.8G", 1.8e9),
        ("macs", "1.8 G", 1.8e9),
        ("macs", "1800M", 1.8e9),
        ("macs", "1.8GMACs", 1.8e9),
        ("macs", "300 MMac", 3e8),
        ("macs", "1.8e9", 1.8e9),
        ("macs", "4_089_184_256", 4_089_184_256),
        ("params", "25k", 25_000),
        ("params", "25M parameters", 25e6),
        ("flops", "3.6GFLOPs", 3.6e9),
        ("memory", "50MB", 50e6),
        ("memory", "50 MiB", 50 * 2**20),
        ("memory", "100B", 100),
        ("training-memory", ".5GiB", 2**29),
    ],
)
def test_budgets(option: str, text: str, limit: float) -> None:
    assert budget(option, text).limit == limit


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        (
            "macs",
            "50MB",
            "`MB` is not one of K, M, G and T | --memory, --training-memory, --cache and --traffic are",
        ),
        ("macs", "3.6GFLOPs", "halve the number, or give --flops"),
        ("params", "25MMACs", "`MMACs` is not one of K, M, G and T"),
        ("params", "25B", "`B` is not one of K, M, G and T"),
        ("macs", "1.8X", "`X` is not one of"),
        ("memory", "50M", "`M` is no unit of memory: B, KB, MB, GB, TB, KiB, MiB, GiB, TiB | write 50MB"),
        ("memory", "50", "`50` has no unit"),
        ("memory", "50Mb", "`Mb` is no unit of memory"),
        ("memory", "1.8GMACs", "`GMACs` is no unit of memory"),
        ("macs", "0", "no network meets a budget of 0"),
        ("macs", "-1G", "is not an amount"),
        ("macs", "", "is not an amount"),
        ("macs", "G", "is not an amount"),
        ("macs", "1.8.2G", "is not an amount"),
        ("macs", "inf", "is not an amount"),
        ("macs", "nan", "is not an amount"),
        ("macs", "1G 2G", "is not an amount"),
    ],
)
def test_budgets_that_cannot_be(option: str, text: str, message: str) -> None:
    with pytest.raises(CompileError) as error:
        budget(option, text)
    assert failure(error).startswith("bad-budget: ")
    assert message in failure(error)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.span is not None
    assert diagnostic.span.source.name == f"--{option}"


def test_every_option_has_a_budget() -> None:
    assert {"macs", "params", "flops", "memory", "training-memory"} <= set(LIMITED)
    for option, measure in LIMITED.items():
        assert budget(option, "1MB" if measure.unit == "bytes" else "1M").limit == 1e6


# --- the search ------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["500M", "1G", "1.1G", "1.814073344G", "1.814073343G"])
def test_whole_numbers_are_found_as_by_trying_all(limit: str) -> None:
    found = fitted(library("resnet@18"), "resolution", (100, 240), macs=limit)
    trier = Trier(library("resnet@18"), ("macs",))
    costs = {size: trier({"resolution": size}).values["macs"] for size in range(100, 241, 4)}
    assert found.best is not None
    assert found.beyond is not None
    assert found.beyond.value == found.best.value + 1
    assert all((cost <= budget("macs", limit).limit) == (size <= found.best.value) for size, cost in costs.items())
    assert found.turn is None


def test_numbers_that_the_network_does_not_take_are_passed_over() -> None:
    """Every sixteenth size is one of U-Net's, and the rule of the spec says which."""
    found = fitted(library("unet"), "size", macs="100G")
    trier = Trier(library("unet"), ("macs",))
    costs = {size: trier({"size": size}).values["macs"] for size in range(188, 600, 16)}
    best = max(size for size, cost in costs.items() if cost <= 100e9)
    assert found.best is not None
    assert found.beyond is not None
    assert (found.best.value, found.beyond.value) == (best, best + 16)


def test_a_fraction_is_found_to_the_step() -> None:
    """A hair more is over the budget; with fewer digits where that costs the same."""
    found = fitted(library("efficientnet"), "phi", macs="1.8G")
    assert found.best is not None
    assert found.best.value == 1.88
    trier = Trier(library("efficientnet"), ("macs",))
    costs = [trier({"phi": value}).values["macs"] for value in (1.88, 1.885, 1.886)]
    assert costs[0] == costs[1] == found.best.costs["macs"] <= 1.8e9 < costs[2]


def test_several_budgets_hold_at_once() -> None:
    found = fitted(library("efficientnet"), "phi", macs="1.8G", params="9M")
    assert found.best is not None
    assert found.best.costs["macs"] <= 1.8e9
    assert found.best.costs["params"] <= 9e6
    assert found.beyond is not None
    assert [over.measure.name for over in found.over(found.beyond)] == ["params"]


def test_a_cost_that_falls() -> None:
    spec = written(
        "param stride: int = 4", "input image: 3 x 64 x 64", "conv(8, 3, stride=stride, padding=1)", "conv(8, 3)"
    )
    found = fitted(spec, "stride", macs="100K")
    trier = Trier(spec, ("macs",))
    fits = [stride for stride in range(1, 40) if trier({"stride": stride}).values["macs"] <= 100_000]
    assert found.best is not None
    assert found.best.value == min(fits)
    assert found.ends[0].value > found.ends[1].value


def test_a_cost_that_turns_is_told_and_every_value_tried() -> None:
    spec = written("param n: int = 10", "input image: 3 x 8 x 8", "conv(1 + (n * 7) % 24, 3)")
    found = fitted(spec, "n", (1, 30), params="500")
    assert found.turn is not None
    trier = Trier(spec, ("params",))
    costs = {n: trier({"n": n}).values["params"] for n in range(1, 31)}
    assert found.best is not None
    assert found.best.costs["params"] == max(cost for cost in costs.values() if cost <= 500)


def test_that_none_does_and_the_nearest() -> None:
    found = fitted(library("efficientnet"), "phi", (0, 7), macs="10M")
    assert found.best is None
    assert found.beyond is not None
    assert (found.beyond.value, found.beyond.costs["macs"]) == (0, 385_814_752)


def test_the_end_of_the_range() -> None:
    found = fitted(library("efficientnet"), "phi", (0, 1), macs="100G")
    assert found.best is not None
    assert found.best.value == 1
    assert found.beyond is None


def test_a_setting_that_changes_nothing() -> None:
    found = fitted(library("efficientnet"), "dropout", macs="1G")
    assert found.constant
    assert found.best is not None
    found = fitted(library("efficientnet@b3"), "phi", macs="1.8G")
    assert found.constant
    assert found.best is None
    assert [warning.code for warning in found.warnings] == ["unused-setting"]


def test_a_coefficient_and_a_setting_without_a_value() -> None:
    found = fitted(library("efficientnet"), "resolution", macs="1G")
    assert found.best is not None
    assert isinstance(found.best.value, int)
    spec = written("param width: int", "input image: 3 x 8 x 8", "conv(width, 3)")
    with pytest.raises(CompileError) as error:
        fitted(spec, "width", params="1K")
    assert (
        "missing-setting: --over: `width` has no default from which the search could start | give the range to search"
        in failure(error)
    )
    found = fitted(spec, "width", (1, 64), params="1K")
    assert found.best is not None
    assert found.best.value == 1000 // 28


@pytest.mark.parametrize(
    ("over", "bounds", "message"),
    [
        ("wdith", None, "unknown-parameter: --over: Net has no parameter `wdith` | did you mean `width`?"),
        (
            "act",
            None,
            "no-number: --over: `act` is an op and not a number | settings of Net that are numbers: width, scale",
        ),
        ("sizes", None, "no-number: --over: `sizes` is a list and not a number"),
        ("flag", None, "no-number: --over: `flag` is a bool and not a number"),
        ("width", (-5, -1), "out-of-range"),
        ("width", (1.2, 1.8), "bad-range: --range: there is no whole number from 1.2 to 1.8"),
        ("scale", (0.0, 0.01), "out-of-range"),
    ],
)
def test_searches_that_cannot_be(over: str, bounds: tuple[float, float] | None, message: str) -> None:
    spec = written(
        "param width: int = 8",
        "param scale: float = 1",
        "param act: op = relu",
        "param sizes: list = [1, 2]",
        "param flag: bool = true",
        "input image: 3 x 8 x 8",
        "conv(floor(scale * width), 3) -> act",
        "if flag: conv(sizes[0], 3)",
    )
    with pytest.raises(CompileError) as error:
        fitted(spec, over, bounds, params="1K")
    assert message in failure(error)


def test_a_failure_says_with_which_value() -> None:
    with pytest.raises(CompileError) as error:
        fitted(library("unet"), "size", (1, 100), macs="1G")
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.notes[-1].text == "with size = 1"
