"""Whatever a spec asks for, the answer comes soon and names a place.

Expensive specs are made of an expensive expression and a place to stand in, or are large in one way. Each is checked in
a process of its own, which the system ends where it takes more time or memory than is promised.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archdsl.diagnostics import CompileError, Diagnostic, limited
from archdsl.limits import SHOWN, STEPS, WORDS
from archdsl.report import render_text
from archdsl.resolve.resolve import resolve
from archdsl.source import Source, Span

SECONDS = 10
MEMORY = 1 << 30

DEFINITIONS = """\
def fib(n) = if n < 2 then n else fib(n - 1) + fib(n - 2)

def d0(n) = n
""" + "".join(f"def d{i}(n) = d{i - 1}(n) + d{i - 1}(n)\n" for i in range(1, 45))

EXPENSIVE = {
    "a recursion that doubles": "fib(45)",
    "functions that double": "d44(1)",
    "a list that doubles": "d44([1, 2])[0]",
    "a list of lists": "len([[0] * 100000] * 100000)",
    "a long list, joined to itself": "len([0] * 99999 + [0] * 99999)",
    "too many digits": "round(5, 0 - 1000000000)",
    "a tower of powers": "9 ^ 9 ^ 9 ^ 9",
    "a large product": "9999999999 * 9999999999 * 9999999999",
    "a long range": "sum(range(1000000000))",
}
"""None of these is a number that can be computed."""

PLACES = {
    "a named number": "network Net:\n    input image: 3 x 32 x 32\n    let width = {}\n    conv(width, 3)\n",
    "an argument": "network Net:\n    input image: 3 x 32 x 32\n    conv({}, 3)\n",
    "a number of copies": "network Net:\n    input image: 3 x 32 x 32\n    relu * ({})\n",
    "a loop": "network Net:\n    input image: 3 x 32 x 32\n    for i in [1, {}]:\n        relu\n",
    "a repetition": "network Net:\n    input image: 3 x 32 x 32\n    repeat 3:\n        repeat {}:\n            relu\n",
    "a condition": "network Net:\n    input image: 3 x 32 x 32\n    if {} > 3:\n        relu\n    relu\n",
    "a default": "block B(n = {}):\n    relu\n\nnetwork Net:\n    input image: 3 x 32 x 32\n    B * 3\n",
    "a setting": "network Net:\n    input image: 3 x 32 x 32\n    param n: int = {}\n    relu\n",
    "a scaling": "network Net:\n    input image: 3 x 32 x 32\n    scaling:\n        n = {}\n    relu\n",
    "a rule": 'network Net:\n    input image: 3 x 32 x 32\n    require {} > 0 "a reason"\n    relu\n',
    "a size": "network Net:\n    input image: 3 x ({}) x 32\n    relu\n",
    "a fact": "network Net:\n    input image: 3 x 32 x 32\n    relu\n    expect params == {}\n",
    "a branch": "network Net:\n    input image: 3 x 32 x 32\n    add{{it | for i in [{}]: it}}\n",
}


def net(*lines: str) -> str:
    return "\n".join(["network Net:", "    input image: 3 x 32 x 32", *(f"    {line}" for line in lines)]) + "\n"


def doubled(first: str, then: str, last: str, times: int = 40) -> str:
    """Named values of which each is made of the one before."""
    lines = (then.format(i, i + 1) for i in range(times))
    return "block Pair(u, v):\n    u -> v\n\n" + net(f"let b0 = {first}", *lines, last.format(times))


LARGE: dict[str, Callable[[], str]] = {
    "lists in lists as arguments": lambda: doubled("[1]", "let b{1} = [b{0}, b{0}]", "Pair(relu, b{})"),
    "lists in lists compared": lambda: doubled("[1]", "let b{1} = [b{0}, b{0}]", "if b{0} == b{0}: relu"),
    "lists in lists described": lambda: doubled("[1]", "let b{1} = [b{0}, b{0}]", "conv(b{}, 3)"),
    "blocks of blocks": lambda: doubled("Pair(relu, relu)", "let b{1} = Pair(b{0}, b{0})", "b{}"),
    "a function that calls itself twice": lambda: (
        "def fib(n) = if n < 2 then n else fib(n - 1) + fib(n - 2)\n\n" + net("conv(fib(45), 3)")
    ),
    "blocks that call themselves twice": lambda: (
        "block D(n):\n    if n > 0:\n        D(n - 1) -> D(n - 1)\n    else:\n        relu\n\n" + net("D(50)")
    ),
    "parts without end": lambda: net("conv(100000000, 1)", "split(100000000)"),
    "a joining of many, often": lambda: net("parallel{for i in [0] * 90000: it} as a", *["concat{*a}"] * 900),
    "names of an arm that is not taken": lambda: net(
        "repeat 20000:", "    if 1 > 2:", *(f"        relu as a{i}" for i in range(9000)), "relu"
    ),
    "many wrong lines": lambda: net(*(f"conv(a{i}, 3)" for i in range(9_000))),
    "wrong lines that are alike": lambda: net(*["conv(0, 3)"] * 9_000),
    "many wrong signs": lambda: "$\n" * (WORDS // 2 - 1),
    "brackets that close nothing": lambda: ")" * WORDS,
    "brackets that nothing closes": lambda: "([{" * (WORDS // 3),
    "a long sum": lambda: net(f"let a = {' + '.join(['1'] * 70_000)}", "relu"),
    "a long chain": lambda: net("relu" + " -> relu" * 30_000 + " -> conv(2.5, 3)"),
    "a wide joining": lambda: net(f"add{{{' | '.join(['conv(8, 3)'] * 8_000)}}} -> conv(2.5, 3)"),
    "many dimensions": lambda: f"network Net:\n    input image: {' x '.join(['2'] * 70_000)}\n    relu\n",
    "a long line": lambda: net("relu -> cnv(3)" + " " * 3_900_000),
    "a long string": lambda: net(f'let a = "{"x" * 3_900_000}"', "relu -> a"),
    "a long name": lambda: net(f"relu as {'a' * 3_900_000}", "cnv"),
    "a long number": lambda: net(f"let a = {'9' * 3_900_000}", "relu"),
    "lines and lines": lambda: "\n" * 4_000_000,
    "nothing but comments": lambda: "# a\n" * 1_000_000,
    "strings that do not end": lambda: '"\n' * 2_000_000,
    "signs of elsewhere": lambda: "é" * 2_000_000,
}
"""Files of at most 4 MiB, none of them a spec that holds."""

for bracket in ("()", "[]", "{}"):
    LARGE[f"deep {bracket}"] = lambda b=bracket: net(f"let a = {b[0] * 50_000}1{b[1] * 50_000}")  # type: ignore[misc]


def checked(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What `check` says of a text, within the limits."""
    (folder / "net.arch").write_text(text, encoding="utf-8")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    return subprocess.run(
        [sys.executable, "-m", "archdsl", "check", "net.arch", *options],
        cwd=folder,
        env={**os.environ, "ARCHDSL_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )


def holds(found: subprocess.CompletedProcess[str]) -> None:
    """An error of the spec, with its place, in few words."""
    assert found.returncode == 1, found.stderr[-2000:]
    assert found.stderr.startswith("error["), found.stderr[:2000]
    assert "--> net.arch:" in found.stderr
    assert len(found.stderr) < 20_000
    assert found.stdout == ""


def pairs() -> list[tuple[str, str]]:
    """Each expression and each place at least once, in pairs of chance."""
    chance, rest = random.Random(3), list(EXPENSIVE)
    chance.shuffle(rest)
    return [(rest[i % len(rest)], place) for i, place in enumerate(PLACES)]


@pytest.mark.parametrize(("expression", "place"), pairs())
def test_what_cannot_be_computed_is_refused_soon(tmp_path: Path, expression: str, place: str) -> None:
    text = f"{DEFINITIONS}\n{PLACES[place].format(EXPENSIVE[expression])}"
    holds(checked(tmp_path, text, "--max-steps", "10000"))


@pytest.mark.sampled
@pytest.mark.parametrize("kind", LARGE)
def test_what_is_large_is_answered_soon(tmp_path: Path, kind: str) -> None:
    text = LARGE[kind]()
    assert len(text.encode()) <= 4 * 2**20
    holds(checked(tmp_path, text))


def test_a_file_over_the_limit_is_refused_in_one_line(tmp_path: Path) -> None:
    found = checked(tmp_path, "#" * (4 * 2**20 + 1))
    assert found.returncode == 1
    assert found.stderr.splitlines()[0] == "error[file-too-large]: net.arch is larger than 4 MiB, which no spec is"


# --- the count of the rest -----------------------------------------------------------------------


def many(errors: int, warnings: int = 0, name: str = "net.arch") -> list[Diagnostic]:
    source = Source(name, "\n" * 500)
    kinds = ["warning"] * warnings + ["error"] * errors
    return [Diagnostic("a", f"{i}", Span(source, i, i), severity=kind) for i, kind in enumerate(kinds)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("errors", "warnings"), [(3, 0), (SHOWN, 0), (SHOWN + 1, 0), (5, 90), (90, 5), (0, 90)])
def test_no_diagnostic_is_lost_in_the_count(errors: int, warnings: int) -> None:
    found = many(errors, warnings) + many(errors, name="other.arch")
    shown = limited(found)
    for file in ("net.arch", "other.arch"):
        of_file = [one for one in shown if one.span and one.span.source.name == file]
        assert sum(one.code == "a" for one in of_file) == min(SHOWN, sum(f"{d.span}".startswith(file) for d in found))
    for severity, count in (("error", 2 * errors), ("warning", warnings)):
        assert sum(one.count for one in shown if one.severity == severity) == count
    assert limited(shown) == shown
    plural = "s" if 2 * errors != 1 else ""
    assert not errors or f"{2 * errors} error{plural}" in render_text(shown).splitlines()[-1]


def test_errors_come_before_warnings_where_not_all_are_shown() -> None:
    assert sum(one.severity == "error" and one.code == "a" for one in limited(many(5, 90))) == 5


def test_python_is_told_the_count_too() -> None:
    text = net(*["conv(8, kernl=3)"] * 50)
    file = resolve(Source("net.arch", text))
    error = CompileError(file.problems)
    assert len(error.diagnostics) == SHOWN + 1
    assert str(error).splitlines()[-1].endswith("30 more errors in net.arch")


def test_published_networks_stay_far_below_the_limit() -> None:
    from archdsl import Limits, load

    load("efficientnet@b7", limits=Limits(steps=STEPS // 10))
