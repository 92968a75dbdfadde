"""Statements are laid out as `ruff format` does, which is asked, and stay the statements that they were."""

from __future__ import annotations

import ast
import subprocess
import sys
from contextlib import suppress

import pytest
from statements import Statements

from archdsl.backends.python.document import UNLIMITED
from archdsl.backends.python.grammar import Unwritable
from archdsl.backends.python.layout import lay_out, text_of
from archdsl.backends.python.literals import number

HEADS = (ast.If, ast.While, ast.For, ast.With, ast.FunctionDef)

NAMES = [f"a_rather_long_name_{i}" for i in range(9)]
LIST = ", ".join(NAMES)
CALLS = [f"self.branch{i}(self.reduce{i}(x))" for i in range(6)]
TEXTS = [
    "x = 1",
    f"x = call({LIST})",
    f"x = call({', '.join(NAMES[:4])})",
    f"x = torch.cat([{', '.join(CALLS)}], dim=1)",
    f"return {' + '.join(CALLS)}",
    f"return ({' + '.join(CALLS)}) / 6",
    f"x = self.relu({' + '.join(CALLS)})",
    f"self.units = nn.Sequential(*(Unit({', '.join(NAMES[:3])}) for _ in range(12)))",
    f"self.units = nn.Sequential(*(Unit({LIST}) for {LIST} in rows))",
    f"self.stem = nn.Sequential(OrderedDict(conv=nn.Conv2d({', '.join(NAMES[:2])}), bn=nn.BatchNorm2d(64)))",
    f'self.units = nn.ModuleDict({{"1": Unit({LIST}), "2": Unit(1)}})',
    "x = y[..., 5 : 5 + x.shape[-2], 1:2]",
    "x = torch.cat([x[:, :1], x[:, self.start :], x[1:n]], dim=1)",
    f"a, b = self.cell({LIST})",
    f"x = [{', '.join(NAMES[:4])}]",
    f"x = [{'very_' * 17}long, 1]",
    f"x = torch.cat([{'very_' * 15}long], dim=1)",
    f"self.a = nn.Sequential(*(Unit(a, b, c) for a, b, c in ({', '.join(['(14, 8, 16)'] * 6)})))",
    "x = crop(x[..., 1:-1], (5,))",
    "x = 'it\\'s \"quoted\\\\\"'",
    "block = U('a\\\\', eps=1e-05, momentum=0.1)",
    f"def forward(self, x: Tensor) -> tuple[{', '.join(['Tensor'] * 20)}]:",
    f"print(f'{{best:.1f}} ms of {{x!r}}', '(not, a [group', {LIST})",
    "if self.training and (x > 0 or y):",
    "elif x:",
    "else:",
    "with torch.no_grad():",
    "a, b = b, a",
    "pair = (1, 2)",
    "return x, (y, z)",
    "assert x.shape == y.shape, (x.shape, y.shape)",
]

PLAIN_TEXTS = [
    "x = 1",
    "x = self.relu(self.bn(self.conv(x)))",
    "a, b = self.cell(a, b)",
    "a, b = b, a",
    "return x",
    "return self.head(x), y",
    "super().__init__()",
    "self.pool = nn.MaxPool2d(3, stride=2, padding=1)",
    "self.bn = nn.BatchNorm2d(width, eps=0.001, affine=False)",
    "self.stem = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 64, 7), relu=nn.ReLU()))",
]


def method(blocks: list[tuple[list[str], bool]]) -> str:
    """A method for each block of lines, which lacks what stands under it where it is a head."""
    texts = []
    for i, (lines, is_head) in enumerate(blocks):
        before = ["        pass"] * (lines[0].strip().startswith("def "))
        before += ["        if y:", "            pass"] * lines[0].strip().startswith(("elif", "else"))
        body = [*before, *([""] if lines[0].strip().startswith("def ") else []), *lines]
        texts.append("\n".join([f"def f{i}(self):", "    if True:", *body, *(["            pass"] * is_head)]))
    return "\n\n\n".join(texts) + "\n"


def formatted(source: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=100", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


def differences(found: str, expected: str) -> list[tuple[str, str]]:
    pairs = zip(found.split("\n\n\n"), expected.split("\n\n\n"), strict=True)
    return [(one, other) for one, other in pairs if one != other]


def test_texts_are_laid_out_as_ruff_does() -> None:
    texts = [(text, text.endswith(":")) for text in TEXTS]
    given = method([([f"        {text}"], is_head) for text, is_head in texts])
    found = method([(lay_out(text, 2), is_head) for text, is_head in texts])
    assert differences(found, formatted(given)) == []


@pytest.mark.parametrize("seed", range(3))
def test_random_statements_are_laid_out_as_ruff_does(seed: int) -> None:
    """Ruff is given each statement on one line. A few that cannot be laid out are refused, which is no difference."""
    statements = Statements(seed)
    given, found = [], []
    for _ in range(1500):
        statement = statements.statement()
        is_head = isinstance(statement, HEADS)
        try:
            lines, line = lay_out(statement, 2), lay_out(statement, 2, UNLIMITED)
        except Unwritable:
            continue
        found.append((lines, is_head))
        given.append((line, is_head))
        assert read(lines, is_head) == read(line, is_head) == tree(statement)
        assert lay_out(line[0].strip(), 2) == lines
    assert len(found) > 1300
    assert sum(lines != line for (lines, _), (line, _) in zip(found, given, strict=True)) > 500
    assert differences(method(found), formatted(method(given))) == []


def test_plain_calls_are_laid_out_as_their_trees_are() -> None:
    """Texts of calls, names and numbers are not parsed where they fit; one column less, and they are."""
    for text in PLAIN_TEXTS:
        (statement,) = ast.parse(text).body
        assert lay_out(text, 0) == lay_out(statement, 0) == [text]
        assert lay_out(text, 0, len(text) - 1) == lay_out(statement, 0, len(text) - 1)


@pytest.mark.parametrize("seed", range(3))
def test_an_expression_on_one_line(seed: int) -> None:
    """As a statement that is never broken."""
    statements = Statements(seed + 100)
    for _ in range(500):
        value = getattr(statements.statement(), "value", None)
        if isinstance(value, ast.expr) and not isinstance(value, ast.Starred):
            with suppress(Unwritable):
                assert [text_of(value)] == lay_out(ast.Expr(value), 0, UNLIMITED)


def read(lines: list[str], is_head: bool) -> str:
    under = ["            pass"] * is_head
    (statement,) = ast.parse("\n".join(["if True:", *lines, *under])).body[0].body  # type: ignore[attr-defined]
    return ast.dump(statement)


def tree(statement: ast.stmt) -> str:
    """As Python reads it from its own writing: neighbours in f-strings are one there."""
    (again,) = ast.parse(ast.unparse(statement)).body
    return ast.dump(again)


@pytest.mark.parametrize("kind", ["sum", "calls", "chain", "conditions", "list", "subscripts", "signs"])
def test_five_thousand_deep(kind: str) -> None:
    """Deeper than Python itself could read where there are brackets; the words are still all there, in order."""
    value: ast.expr = ast.Name("x0", ast.Load())
    for i in range(1, 5000):
        name = ast.Name(f"x{i}", ast.Load())
        match kind:
            case "sum":
                value = ast.BinOp(value, ast.Add(), name)
            case "calls":
                value = ast.Call(name, [value], [])
            case "chain":
                value = ast.Call(ast.Attribute(value, f"x{i}", ast.Load()), [], [])
            case "conditions":
                value = ast.IfExp(name, name, value)
            case "subscripts":
                value = ast.Subscript(value, name, ast.Load())
            case "signs":
                value = ast.UnaryOp(ast.USub(), value)
    if kind == "list":
        value = ast.List([ast.Name(f"x{i}", ast.Load()) for i in range(5000)], ast.Load())
    lines = lay_out(ast.Return(value), 1)
    assert "".join("".join(lines).split()).replace(",]", "]") in (
        *(text.format("".join(text_of(value).split())) for text in ("return{}", "return({})")),
    )


def test_a_long_sum_of_text() -> None:
    """Longer than Python reads at its usual limit of recursion."""
    lines = lay_out(f"x = {' + '.join(['y'] * 5000)}", 0)
    assert lines == ["x = (", "    y", *["    + y"] * 4999, ")"]


@pytest.mark.parametrize(
    "text",
    [
        "await x",
        "x = yield",
        "x = self.pool(lambda)",
        "x = (y := 1)",
        "async def f(): pass",
        "'a docstring'",
        "x = 1j",
        f"x = lambda y: call({LIST})",
        f"with torch.no_grad({LIST}):",
        "del x",
    ],
)
def test_what_cannot_be_laid_out_is_refused(text: str) -> None:
    with pytest.raises((Unwritable, SyntaxError)):
        lay_out(text, 0)


@pytest.mark.parametrize("text", ["x =", "x = (1", "return 1\nreturn 2"])
def test_text_that_is_no_statement(text: str) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        lay_out(text, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "0.001"), (1e-5, "1e-5"), (0.75, "0.75"), (3, "3"), (1e16, "1e16"), (1e-12, "1e-12"), (2.5e-7, "2.5e-7")],
)
def test_numbers_as_a_person_writes_them(value: float, text: str) -> None:
    assert number(value) == text
    assert ast.literal_eval(text) == value


def test_there_is_no_text_for_infinity() -> None:
    with pytest.raises(Unwritable, match="inf"):
        number(float("inf"))


def test_trees_on_one_line() -> None:
    total = ast.BinOp(ast.Name("a"), ast.Mult(), ast.BinOp(ast.Name("b"), ast.Add(), ast.Constant(1e-5)))
    assert text_of(total) == "a * (b + 1e-5)"
    assert text_of(ast.Return(ast.Tuple([total, ast.Constant("x")]))) == 'return a * (b + 1e-5), "x"'
