"""What the parser makes of a text: places, precedence, numbers, files; and that it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.limits import BYTES
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.grammar import REPORTED
from archdsl.syntax.parser import parse, parse_expression, read_source
from archdsl.syntax.printer import WIDTH, expression_text, format_spec


def parsed(text: str) -> tree.Spec:
    return parse(Source("net.arch", text))


def expression(text: str) -> tree.Expression:
    return parse_expression(Source("-", text))


def body(text: str) -> tuple[Any, ...]:
    """The statements of a block, each on a line of `text`."""
    (block,) = parsed("block Block:\n" + "".join(f"    {line}\n" for line in text.split("\n"))).items
    assert isinstance(block, tree.Block)
    return block.body.statements


def problems(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(CompileError) as caught:
        parsed(text)
    return caught.value.diagnostics


def nodes(root: Any) -> Iterator[Any]:
    if isinstance(root, tuple):
        for part in root:
            yield from nodes(part)
    elif is_dataclass(root) and not isinstance(root, Span | Source):
        yield root
        for field in fields(root):
            yield from nodes(getattr(root, field.name))


# --- places --------------------------------------------------------------------------------

PLACES = '''\
from blocks.mobile import (MBConv,  # comment
    Other)
network Net:  # comment
    """Doc."""
    source "Somebody"
    input image: 3 x res x res of int
    param res: int = (224) "pixels"   # comment
    variants:
        50_32x4d: res = 1 , depth = 2,
            width = 3
        plain:
    stage stem "Stem" :
        conv( 64, stride = (2) ) -> bn
            -> relu * (n - 1) first(k=1) as (a, b)

        # comment
    output aux training: if a then b else (c -> d)
    add:
        | for i in range(3): it
        | relu

    expect 50: params ~ 4.1G ± 2%; it.shape == 3x7x7
'''


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (tree.Import, ["from blocks.mobile import (MBConv,  # comment\n    Other"]),
        (tree.Network, [PLACES[PLACES.index("network") :].rstrip()]),
        (tree.Citation, ['source "Somebody"']),
        (tree.Input, ["input image: 3 x res x res of int"]),
        (tree.Parameter, ['param res: int = (224) "pixels"']),
        (tree.Variant, ["50_32x4d: res = 1 , depth = 2,\n            width = 3", "plain"]),
        (tree.Assignment, ["res = 1", "depth = 2", "width = 3"]),
        (tree.Copies, ["* (n - 1) first(k=1)"]),
        (tree.Binding, ["as (a, b)"]),
        (tree.Argument, ["64", "stride = (2)", "k=1", "3"]),
        (tree.Choice, ["if a then b else (c -> d)"]),
        (tree.Group, ["(c -> d)"]),
        (tree.Branch, ["for i in range(3): it", "relu"]),
        (tree.Each, ["for i in range(3):"]),
        (tree.Merge, ["add:\n        | for i in range(3): it\n        | relu"]),
        (tree.Expect, ["expect 50: params ~ 4.1G ± 2%; it.shape == 3x7x7"]),
        (tree.Compare, ["params ~ 4.1G ± 2%", "it.shape == 3x7x7"]),
        (tree.Shape, ["3 x res x res", "3x7x7"]),
        (tree.Attribute, ["it.shape"]),
        (tree.Call, ["conv( 64, stride = (2) )", "range(3)"]),
        (tree.Stage, [PLACES[PLACES.index("stage") : PLACES.index("\n\n        # comment")]]),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_spans_cover_what_was_written(kind: type, texts: list[str]) -> None:
    assert [node.span.text for node in nodes(parsed(PLACES).items) if type(node) is kind] == texts


def test_comments_know_whether_they_stand_alone() -> None:
    comments = parsed('# one\nblock A: relu  # two\n    # three "x"\n').comments
    assert [(c.text, c.own_line, c.span.line) for c in comments] == [
        ("# one", True, 1),
        ("# two", False, 2),
        ('# three "x"', True, 3),
    ]


def test_no_comment_begins_in_a_string() -> None:
    spec = parsed('network A:\n    """Doc # no."""\n    source "a # b"\n    relu\n')
    assert spec.comments == ()


def test_line_ends_are_those_of_any_system() -> None:
    text = 'network A:\n    """One.\n\n    Two."""\n    conv(1,\n        2)  # c\n        -> bn\n'
    assert [c.text for c in parsed(text.replace("\n", "\r\n")).comments] == ["# c"]
    assert format_spec(parsed(text.replace("\n", "\r\n"))).replace("\r", "") == format_spec(parsed(text))


# --- lines ---------------------------------------------------------------------------------


def test_a_line_that_begins_with_an_arrow_goes_on_with_the_one_above() -> None:
    (chain,) = body("a -> b\n    # comment\n\n  -> c\n    -> d -> e")
    assert len(chain.steps) == 5
    assert chain.breaks == {2, 3}


def test_an_arrow_as_deep_as_its_line_goes_on_but_not_under_a_bar() -> None:
    (chain,) = body("a\n-> b")
    assert chain.breaks == {1}
    (problem,) = problems("block A:\n    add:\n        | a\n        -> b\n")
    assert problem.code == "bad-indentation"


def test_a_chain_may_be_broken_inside_brackets() -> None:
    (chain,) = body("add{a ->\n  b | c\n  -> d}")
    first, second = chain.steps[0].target.branches
    assert first.chain.breaks == second.chain.breaks == {1}


def test_tabs_alone_are_indentation() -> None:
    assert format_spec(parsed("block A:\n\tif n:\n\t\trelu\n")) == "block A:\n    if n:\n        relu\n"


# --- words ---------------------------------------------------------------------------------

SOFT = (
    *("network", "block", "from", "import", "source", "input", "param", "scaling", "variants", "def", "require"),
    *("defaults", "init", "expect", "path", "let", "shared", "output", "stage", "training", "first", "last", "of"),
    *("it", "parallel", "android", "ifs", "inner", "thenceforth", "xs", "x1", "trueish"),
)


@pytest.mark.parametrize("word", SOFT)
def test_words_of_the_language_are_names_elsewhere(word: str) -> None:
    (chain,) = body(f"a -> {word} * {word} first(k={word}) as {word}")
    step = chain.steps[1]
    assert step.target.name == step.copies.count.name == step.binding.names[0].name == word
    assert expression_text(expression(f"{word} + a.{word}")) == f"{word} + a.{word}"
    (stage,) = body(f"stage {word}: relu({word}=1)")
    assert stage.name.name == word


@pytest.mark.parametrize("word", ["source", "input", "param", "path", "let", "shared", "output", "stage", "def"])
@pytest.mark.parametrize("rest", [" -> b", "(1)", ".a -> b", "[0]", " * 2", " as b", "{a | b}", ":\n        | a", ""])
def test_a_line_may_begin_with_a_value_of_such_a_name(word: str, rest: str) -> None:
    (network,) = parsed(f"network A:\n    relu\n    {word}{rest}\n    relu\n").items
    assert isinstance(network, tree.Network)
    chain = network.items[1]
    assert isinstance(chain, tree.Chain)
    assert chain.span.text.startswith(word)


def test_words_end_where_names_do() -> None:
    """`order` is no `or` before `der`."""
    for text in ("a order", "1 android b", "if a thenb else c", "3 xres"):
        with pytest.raises(CompileError):
            expression(text)


# --- expressions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("a + b * c - d / e", "(a + (b * c)) - (d / e)"),
        ("a - b - c", "(a - b) - c"),
        ("a // b % c", "(a // b) % c"),
        ("2 ^ 3 ^ 4", "2 ^ (3 ^ 4)"),
        ("-2 ^ 2", "-(2 ^ 2)"),
        ("2 ^ -1 * 3", "(2 ^ (-1)) * 3"),
        ("-a * b", "(-a) * b"),
        ("2 * a x b + 1 x c", "(2 * a) x (b + 1) x c"),
        ("a x b == c x d", "(a x b) == (c x d)"),
        ("not a == b and c or d", "((not (a == b)) and c) or d"),
        ("a or b and c", "a or (b and c)"),
        ("if a then b else c + 1", "if a then b else (c + 1)"),
        ("if a then b else if c then d else e", "if a then b else (if c then d else e)"),
        ("f(a)[0].b", "f(a)[0].b"),
    ],
)
def test_precedence(short: str, long: str) -> None:
    assert expression_text(expression(short)) == expression_text(expression(long)) == short
    assert kinds(expression(short)) == kinds(expression(long))


def kinds(root: Any) -> list[str]:
    return [f"{type(node).__name__}{getattr(node, 'operator', '')}" for node in nodes(root)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("25_557_032", 25_557_032),
        ("0.25", 0.25),
        ("1.0", 1.0),
        ("1e-5", 1e-5),
        ("2E3", 2000.0),
        ("4.1G", 4_100_000_000),
        ("7.0M", 7_000_000),
        ("64K", 64_000),
        ("2T", 2_000_000_000_000),
        ("0.0001K", 0.1),
    ],
)
def test_numbers(text: str, value: float) -> None:
    number = expression(text)
    assert isinstance(number, tree.Number)
    assert number.text == text
    assert number.value == value
    assert type(number.value) is type(value)


@pytest.mark.parametrize("text", ["1.", ".5", "1__0", "10k", "1F", "1e", "1.5.2", "9" * 41, "1e999"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(CompileError) as caught:
        expression(text)
    (problem,) = caught.value.diagnostics
    assert problem.code == "bad-number"
    assert problem.span == Span(Source("-", text), 0, len(text))


@pytest.mark.parametrize(
    ("text", "dims"),
    [
        ("1x7", 2),
        ("2048x7x7", 3),
        ("3 x res x res", 3),
        ("3 × 224 × 224", 3),
        ("64Kx3", 2),
        ("c + 1 x7", 2),
        ("7x x1", 2),
    ],
)
def test_shapes(text: str, dims: int) -> None:
    shape = expression(text)
    assert isinstance(shape, tree.Shape)
    assert len(shape.dims) == dims


def test_strings_keep_backslashes() -> None:
    for text, value in [
        (r'"$\alpha$"', r"$\alpha$"),
        (r'"a \"b\" \\"', 'a "b" \\'),
        ('""', ""),
        ('"# { ->"', "# { ->"),
    ]:
        string = expression(text)
        assert isinstance(string, tree.String)
        assert string.value == value


def test_tolerances() -> None:
    for text in ("a ~ 2 ± 5%", "a ~ 2 +- 5%", "a ~ 2 +-5%"):
        fact = expression(text)
        assert isinstance(fact, tree.Compare)
        assert fact.tolerance is not None
        assert fact.tolerance.value == 5
    difference = expression("a +-2")
    assert isinstance(difference, tree.Binary)


# --- files ---------------------------------------------------------------------------------


def refused(path: Path) -> Diagnostic:
    with pytest.raises(CompileError) as caught:
        read_source(path, "net.arch")
    (problem,) = caught.value.diagnostics
    return problem


def test_files_are_read_as_utf8(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_bytes(b"\xef\xbb\xbfblock A: relu\r\n# \xce\xb1\r\n")
    assert read_source(path, "shown").text == "block A: relu\n# α\n"
    path.write_bytes(b"block A: relu\n# Caf\xe9\n")
    assert refused(path) == Diagnostic("not-utf8", "net.arch is not UTF-8: byte 0xe9 at offset 19, line 2")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.arch").code == "file-not-found"
    assert refused(tmp_path).code == "unreadable-file"
    assert refused(Path("a\0b")).code == "unreadable-file"
    path = tmp_path / "large.arch"
    path.write_bytes(b" " * (BYTES + 1))
    assert refused(path).code == "file-too-large"


@pytest.mark.parametrize("text", ["", "\n", "  \n\t\n", "# only a comment", "\n\n# comment\n   # another\n"])
def test_empty_files(text: str) -> None:
    assert [problem.code for problem in problems(text)] == ["empty-file"]


# --- limits --------------------------------------------------------------------------------

MANY = 5_000


@pytest.mark.parametrize(
    "text",
    [
        "block A: conv(" + "(" * MANY,
        "block A: conv(" + "(" * MANY + "1" + ")" * MANY + ")",
        "block A:\n    let a = " + "-" * MANY + "1",
        "block A:\n    let a = " + "1 + " * MANY + "1",
        "block A:\n    let a = b" + "[0]" * MANY,
        "block A:\n    let a = " + "if a then b else " * (MANY // 10) + "c",
        "block A: " + "if a then b else " * (MANY // 10) + "c",
        "block A:\n" + "".join(" " * i + "if a:\n" for i in range(1, 500)),
    ],
    ids=["open", "closed", "signs", "sums", "indices", "conditionals", "choices", "indentation"],
)
def test_absurd_nesting_is_one_error(text: str) -> None:
    assert [problem.code for problem in problems(text)] == ["too-deep"]


def test_long_chains_lists_and_files_are_no_nesting() -> None:
    text = f"block A:\n    let a = [{'1, ' * 1000}]\n    {' -> '.join(['relu'] * 1000)}\n"
    text += "".join(f"    if a:\n        relu\n    {'elif b: relu' if i % 2 else 'else: relu'}\n" for i in range(100))
    assert format_spec(parsed(format_spec(parsed(text)))) == format_spec(parsed(text))


def test_errors_are_reported_up_to_a_number() -> None:
    assert len(problems("block A:\n" + "    conv(1 2)\n" * 100)) == REPORTED
    *first, rest = problems("block A:\n" + "    conv(é)\n" * 100)
    assert len(first) == REPORTED
    assert rest.count == 100 - REPORTED


# --- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (
            "network A:\n    stge a: b\n    relu bn\n    stage c: conv(1 2)\n",
            "unknown-keyword missing-arrow missing-comma",
        ),
        ("block A: conv(1\nblock B: conv(2 3)\n", "unclosed-bracket missing-comma"),
        ("block A:\n    let a == 1\nconv(1)\nblock B:\n    relu bn\n", "double-equals misplaced-line missing-arrow"),
        ("block A:\n    if a = 1:\n        relu\n    else:\n        bn\n", "single-equals"),
        ('block A:\n    conv("64, 3)\n    relu\n', "unterminated-string"),
        ("block A:\n        relu\n    bn bn\nblock B: bn bn\n", "bad-indentation missing-arrow"),
        ("block A(in): conv(in)\nblock B(if): conv(True, True)\n", "reserved-word reserved-word foreign-syntax"),
    ],
)
def test_each_error_that_stands_on_its_own_is_reported_once(text: str, codes: str) -> None:
    assert [problem.code for problem in problems(text)] == codes.split()


def test_an_error_at_the_end_has_a_place() -> None:
    for text in ("network", "block A", "block A:", "from", "block A: relu ->", "defaults:", "network A:\n  stage b"):
        for problem in problems(text):
            assert problem.span is not None
            assert problem.span.end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "\tblock A: relu\n",
        "block A:\n    if a:\n        relu\nelse:\n relu\n",
        "block A:\n    if a:\n        relu\n    else:\nelse:\n b c\n",
        "block A:\n    relu\n  bn)\n  bn\n",
        "block A:\n    conv(\n  (input and a), b)\n  input b\n",
    ],
)
def test_what_is_left_out_to_find_more_errors_does_no_harm(text: str) -> None:
    for problem in problems(text):
        assert problem.span is not None
        assert 0 <= problem.span.start <= problem.span.end <= len(text)


# --- layout --------------------------------------------------------------------------------


def test_lines_are_filled_to_the_last_column() -> None:
    chain = " -> ".join(["conv(64, 3)"] * 6)
    last = "r" * (WIDTH - len(f"    {chain} -> "))
    assert formatted(f"block A:\n    {chain} -> {last}\n") == f"block A:\n    {chain} -> {last}\n"
    assert formatted(f"block A:\n    {chain} -> {last}r\n") == f"block A:\n    {chain}\n        -> {last}r\n"


def test_facts_are_filled_to_the_last_column() -> None:
    facts = "; ".join(f"a{i} == {i}" for i in range(8))
    last = "r" * (WIDTH - len(f"    expect {facts};  == 1")) + " == 1"
    assert f"{facts}; {last}\n" in formatted(f"network A:\n    relu\n    expect {facts}; {last}\n")
    assert f"{facts};\n        r{last}\n" in formatted(f"network A:\n    relu\n    expect {facts}; r{last}\n")
    assert f"{facts};\n        {last}; c == 1\n" in formatted(
        f"network A:\n    relu\n    expect {facts}; {last}; c == 1\n"
    )


def formatted(text: str) -> str:
    return format_spec(parsed(text))
