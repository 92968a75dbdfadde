"""Makes a document (`document.py`) of a Python expression from `ast`, with parentheses where Python needs them.

One small function for each kind of expression says how it is laid out. It yields words, places for line breaks, and
`Operand`s for the expressions inside, which `document_of` replaces one by one. There is no recursion, so expressions
may be nested to any depth.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, TypeAlias

from archdsl.backends.python import document
from archdsl.backends.python.document import (
    END,
    SOFT,
    SPACE,
    Bracketed,
    Group,
    If,
    Indent,
    Piece,
)
from archdsl.backends.python.grammar import (
    BINARY_LIKE,
    BIT_OR,
    ENCLOSED,
    OPEN,
    OR,
    TEST,
    UNARY,
    Operand,
    Operation,
    Unwritable,
    is_enclosed_value,
    is_fluent,
    is_in_parentheses,
    operand,
    operations,
    signed,
)
from archdsl.backends.python.literals import number, quoted, without_escaped

Item: TypeAlias = "Piece | Operand"


class Source:
    """The text that expressions were parsed from, or "": from it, numbers and tuples are written as they stood."""

    def __init__(self, text: str = "") -> None:
        self._lines = [line.encode() for line in text.splitlines()]
        self._keys = count(1)

    def key(self) -> int:
        """A new key for a group."""
        return next(self._keys)

    def number(self, node: ast.Constant, value: float) -> str:
        """A number as it stood in the text or, if there is none, in its shortest form."""
        if not self._lines:
            return number(value)
        return self._lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()

    def is_bare(self, node: ast.expr, unwritten: bool = True) -> bool:
        """Whether an expression is a tuple without parentheses in the text; `unwritten` if there is no text."""
        if not isinstance(node, ast.Tuple) or len(node.elts) < 2:
            return False
        first = node.elts[0]
        return (node.lineno, node.col_offset) == (first.lineno, first.col_offset) if self._lines else unwritten


def document_of(items: Iterable[Item], source: Source) -> list[Piece]:
    """The items, with every expression in them replaced by its words and breaks. Raises `Unwritable`."""
    pieces: list[Piece] = []
    pending: list[Item] = list(items)[::-1]
    while pending:
        item = pending.pop()
        if isinstance(item, Operand):
            pending += [*_expanded(item, source)][::-1]
        else:
            pieces.append(item)
    return pieces


def flat_text(node: ast.expr, source: Source) -> str:
    """An expression as one line, however long."""
    return document.flat_text(document_of([Operand(node, OPEN)], source))


def enclosed(left: str, items: Iterable[Item], right: str, level: int) -> Iterator[Item]:
    """The items in brackets. The level of the brackets is `level`; the items must have the level `ENCLOSED`."""
    if level > 0:
        yield from (left, Bracketed(level), Group(), Indent(), SOFT, *items, END, SOFT, END, END, right)
    else:
        yield from (Group(), left, Indent(), SOFT, *items, END, SOFT, right, END)


def parted(items: Sequence[Sequence[Item]], comma_after_one: bool = False) -> Iterator[Item]:
    """The items separated by commas, and a comma after the last if each is on a line of its own."""
    for i, item in enumerate(items):
        yield from (",", SPACE) if i else ()
        yield from item
    if len(items) > 1 or comma_after_one:
        yield If(0, True, ",")


def _expanded(item: Operand, source: Source) -> Iterator[Item]:
    node, level = item.node, item.level
    if item.in_parentheses:
        return enclosed("(", [Operand(node, ENCLOSED)], ")", level)
    write = WRITERS.get(type(node))
    if write is None:
        raise Unwritable(f"{type(node).__name__} is not among the expressions that can be laid out")
    return write(node, item, source)


def _name(node: ast.Name, item: Operand, source: Source) -> Iterator[Item]:
    yield node.id


def _constant(node: ast.Constant, item: Operand, source: Source) -> Iterator[Item]:
    match node.value:
        case bool() | None:
            yield repr(node.value)
        case int(value) | float(value):
            yield source.number(node, value)
        case str() | bytes():
            yield quoted(node.value)
        case value if value is ...:
            yield "..."
        case value:
            raise Unwritable(f"a constant of type {type(value).__name__} cannot be laid out")


def _list(node: ast.List | ast.Set, item: Operand, source: Source) -> Iterator[Item]:
    left, right = ("[", "]") if isinstance(node, ast.List) else ("{", "}")
    if not node.elts:
        yield "[]" if isinstance(node, ast.List) else "{*()}"
        return
    yield from enclosed(left, parted([_element(element) for element in node.elts]), right, item.level)


def _tuple(node: ast.Tuple, item: Operand, source: Source) -> Iterator[Item]:
    if len(node.elts) == 1:
        yield from enclosed("(", [*_element(node.elts[0]), ","], ")", item.level)
    elif node.elts:
        yield from enclosed("(", sequence(node), ")", item.level)
    else:
        yield "()"


def sequence(node: ast.Tuple, level: int = ENCLOSED) -> Iterator[Item]:
    """The elements of a tuple, separated by commas."""
    return parted([[operand(element, level, TEST)] for element in node.elts])


def _element(node: ast.expr) -> tuple[Item, ...]:
    return (operand(node, ENCLOSED, TEST),)


def _starred(node: ast.Starred, item: Operand, source: Source) -> Iterator[Item]:
    yield "*"
    yield operand(node.value, item.level, BIT_OR)


def _dict(node: ast.Dict, item: Operand, source: Source) -> Iterator[Item]:
    if not node.keys:
        yield "{}"
        return
    pairs: list[tuple[Item, ...]] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            pairs.append(("**", operand(value, ENCLOSED, BIT_OR)))
        elif isinstance(value, ast.Lambda) and not isinstance(key, ast.Constant | ast.Name):
            raise Unwritable("a lambda as the value of a dictionary cannot be laid out")
        else:
            pairs.append((operand(key, ENCLOSED, TEST), ": ", operand(value, ENCLOSED, TEST)))
    yield from enclosed("{", parted(pairs), "}", item.level)


def _comprehension(node: Any, item: Operand, source: Source) -> Iterator[Item]:
    brackets = {ast.ListComp: ("[", "]"), ast.GeneratorExp: ("(", ")")}
    left, right = brackets.get(type(node), ("{", "}"))
    yield from enclosed(left, [Group(), *_clauses(node), END], right, item.level)


def _clauses(node: Any) -> Iterator[Item]:
    """The inside of a comprehension: `x for x in xs if x`."""
    if isinstance(node, ast.DictComp):
        if isinstance(node.value, ast.Lambda):
            raise Unwritable("a lambda as the value of a comprehension cannot be laid out")
        key, value = (operand(part, ENCLOSED, TEST) for part in (node.key, node.value))
        yield from (Group(), key, END, ": ", value)
    else:
        yield from (Group(), operand(node.elt, ENCLOSED, TEST), END)
    for clause in node.generators:
        if clause.is_async:
            raise Unwritable("an asynchronous comprehension cannot be laid out")
        yield from (SPACE, "for ", *_unpacked(clause.target), " in ", operand(clause.iter, ENCLOSED, OR))
        for condition in clause.ifs:
            yield from (SPACE, Group(), "if ", operand(condition, ENCLOSED, OR), END)


def _unpacked(node: ast.expr) -> Iterator[Item]:
    """The names after `for` in a comprehension, which are never broken over several lines."""
    names = node.elts if isinstance(node, ast.Tuple) and len(node.elts) > 1 else [node]
    for i, name in enumerate(names):
        yield from (", ",) if i else ()
        yield operand(name, ENCLOSED, BIT_OR)


def optionally_enclosed(items: Iterable[Item], key: int) -> Iterator[Item]:
    """Items of level `key`, in parentheses if they do not fit even with their own brackets broken."""
    yield from (Group(key), If(0, True, "("), Indent(only_in=key), SOFT, *items, END)
    yield from (SOFT, If(0, True, ")"), END)


def _attribute(node: ast.Attribute, item: Operand, source: Source) -> Iterator[Item]:
    chain = item.chain or _chain(node, item.level)
    in_parentheses = is_enclosed_value(node)
    yield from (Group(),) if chain == "fluent" and not item.chain else ()
    yield Operand(node.value, item.level, in_parentheses, "" if in_parentheses else chain)
    if chain == "fluent" and (in_parentheses or isinstance(node.value, ast.Call | ast.Subscript)):
        yield SOFT
    yield f".{node.attr}"
    yield from (END,) if chain == "fluent" and not item.chain else ()


def _call(node: ast.Call, item: Operand, source: Source) -> Iterator[Item]:
    chain = item.chain or _chain(node, item.level)
    in_parentheses = is_in_parentheses(node.func)
    yield from (Group(),) if chain == "fluent" and not item.chain else ()
    yield Operand(node.func, item.level, in_parentheses, "" if in_parentheses else chain)
    if node.args or node.keywords:
        yield from enclosed("(", [Group(), *_arguments(node), END], ")", item.level)
    else:
        yield "()"
    yield from (END,) if chain == "fluent" and not item.chain else ()


def _arguments(node: ast.Call) -> Iterator[Item]:
    if len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.GeneratorExp):
        return _clauses(node.args[0])
    items: list[tuple[Item, ...]] = [_element(argument) for argument in node.args]
    for keyword in node.keywords:
        if keyword.arg is None:
            items.append(("**", operand(keyword.value, ENCLOSED, TEST)))
        else:
            items.append((f"{keyword.arg}=", operand(keyword.value, ENCLOSED, TEST)))
    return parted(items)


def _subscript(node: ast.Subscript, item: Operand, source: Source) -> Iterator[Item]:
    chain = item.chain or _chain(node, item.level)
    in_parentheses = is_in_parentheses(node.value)
    yield from (Group(),) if chain == "fluent" and not item.chain else ()
    yield Operand(node.value, item.level, in_parentheses, "" if in_parentheses else chain)
    if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) > 1:
        yield from enclosed("[", [Group(), *sequence(node.slice), END], "]", item.level)
    else:
        yield from enclosed("[", _element(node.slice), "]", item.level)
    yield from (END,) if chain == "fluent" and not item.chain else ()


def _slice(node: ast.Slice, item: Operand, source: Source) -> Iterator[Item]:
    bounds = (node.lower, node.upper, node.step)
    if any(isinstance(bound, ast.Lambda) for bound in bounds):
        raise Unwritable("a lambda as the bound of a slice cannot be laid out")
    space = "" if all(bound is None or _is_plain_bound(bound) for bound in bounds) else " "
    lower, upper, step = (bound and operand(bound, item.level, TEST) for bound in bounds)
    if lower:
        yield from (lower, space)
    yield ":"
    if upper:
        yield from (space, upper)
    if step:
        yield from (space if upper else "", ":", space, step)


def _is_plain_bound(node: ast.expr) -> bool:
    """Whether a bound of a slice needs no spaces around the colon: a name or a constant, also with a sign."""
    while isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        node = node.operand
    return isinstance(node, ast.Name | ast.Constant)


def _unary(node: ast.UnaryOp, item: Operand, source: Source) -> Iterator[Item]:
    yield UNARY[type(node.op)]
    yield signed(node, item.level)


def _conditional(node: ast.IfExp, item: Operand, source: Source) -> Iterator[Item]:
    level = item.level
    inner: list[Item] = [operand(node.body, level, OR), *_space(level), "if ", operand(node.test, level, OR)]
    inner += [*_space(level), "else "]
    if isinstance(node.orelse, ast.IfExp):
        inner.append(Operand(node.orelse, level, is_nested=True))
    else:
        inner += _grouped([operand(node.orelse, level, TEST)], level)
    yield from inner if item.is_nested else _grouped(inner, level)


def _grouped(items: Iterable[Item], level: int) -> Iterator[Item]:
    """The items, as a group if they are within parentheses."""
    if level == OPEN:
        yield from items
    else:
        yield from (Group(only_in=max(level, 0)), *items, END)


def _space(level: int, flat: str = " ") -> Iterator[Item]:
    """A space; within parentheses it may become a line break."""
    if level == ENCLOSED:
        yield SPACE if flat else SOFT
    elif level == OPEN:
        yield from (flat,) if flat else ()
    else:
        yield If(level, True, SPACE if flat else SOFT)
        yield from (If(level, False, flat),) if flat else ()


def _binary(node: ast.expr, item: Operand, source: Source) -> Iterator[Item]:
    parts = list(_flattened(node))
    yield from _grouped(_broken(parts, item.level), item.level)


def _broken(parts: list[Operand | Operation], level: int) -> Iterator[Item]:
    """Operands and operators in nested groups. A broken group has its line breaks before its loosest operators."""
    pending: list[Item | list[Any]] = [parts]
    while pending:
        part = pending.pop()
        if not isinstance(part, list):
            yield part
            continue
        pending += reversed(list(_split(part, level)))


def _split(parts: list[Any], level: int) -> Iterator[Any]:
    """Splits parts at their loosest operators. The parts between these are groups, which are split later."""
    loosest = min(part[1] for part in parts[1::2])
    start = 0
    places = [i for i in range(1, len(parts), 2) if parts[i][1] == loosest]
    for at, end in zip(places, [*places[1:], len(parts)], strict=True):
        if not start:
            yield from _piece(parts[:at], level)
        symbol = parts[at][0]
        is_power = symbol == "**" and _is_plain_power(parts[at - 1], parts[at + 1])
        yield from _space(level, "" if is_power else " ")
        yield symbol
        if is_power:
            if level != OPEN:
                yield If(max(level, 0), True, " ")
        else:
            yield " "
        start = at + 1
        yield from _piece(parts[start:end], level)


def _piece(parts: list[Any], level: int) -> Iterator[Any]:
    if len(parts) == 1:
        yield Operand(parts[0].node, level, parts[0].in_parentheses)
        return
    if level == OPEN:
        yield parts
    else:
        yield from (Group(only_in=max(level, 0)), parts, END)


def _is_plain_power(left: Operand, right: Operand) -> bool:
    return not (left.in_parentheses or right.in_parentheses) and all(map(_is_plain, (left.node, right.node)))


def _is_plain(node: ast.expr) -> bool:
    """Whether `**` needs no spaces next to an operand: a name or a number, also with signs and attributes."""
    while isinstance(node, ast.Attribute | ast.UnaryOp):
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node.op, ast.Not):
            return False
        else:
            node = node.operand
    return isinstance(node, ast.Name) or (
        isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, int | float))
    )


def _flattened(node: ast.expr) -> Iterator[Any]:
    """Operands and operators of an expression, and of the operands in it that have no parentheses."""
    pending: list[Any] = [Operand(node, OPEN)]
    while pending:
        part = pending.pop()
        if isinstance(part, Operand) and not part.in_parentheses and isinstance(part.node, BINARY_LIKE):
            pending += reversed(list(operations(part.node)))
        else:
            yield part


def _lambda(node: ast.Lambda, item: Operand, source: Source) -> Iterator[Item]:
    """A lambda on one line. If that is too long, `lay_out` refuses the statement."""
    if node.args.defaults or node.args.kw_defaults:
        raise Unwritable("a lambda with defaults cannot be laid out")
    head = ast.unparse(ast.Lambda(node.args, ast.Constant(...))).removesuffix(": ...")
    yield f"{head}: {flat_text(node.body, source)}"


def _f_string(node: ast.JoinedStr, item: Operand, source: Source) -> Iterator[Item]:
    yield f'f"{"".join(_f_parts(node, source))}"'


def _f_parts(node: ast.JoinedStr, source: Source) -> Iterator[str]:
    for part in node.values:
        if isinstance(part, ast.Constant):
            value = str(part.value)
            if '"' in value:
                raise Unwritable("an f-string with a double quote in it cannot be laid out")
            text = repr(f'"{value}')[2:-1]
            yield without_escaped(text, "'").replace("{", "{{").replace("}", "}}")
        elif isinstance(part, ast.FormattedValue):
            text = flat_text(part.value, source)
            if '"' in text:
                text = text.replace('"', "'") if not set("'\\") & set(text) else '"'
            if '"' in text or "\\" in text or text.startswith("{") or "lambda" in text:
                raise Unwritable("an f-string with quotes, backslashes or braces in an expression cannot be laid out")
            conversion = f"!{chr(part.conversion)}" if part.conversion > 0 else ""
            form = part.format_spec
            yield f"{{{text}{conversion}{':' if form else ''}"
            yield from _f_parts(form, source) if isinstance(form, ast.JoinedStr) else ()
            yield "}"


WRITERS: dict[type[ast.expr], Callable[[Any, Operand, Source], Iterator[Item]]] = {
    ast.Attribute: _attribute,
    ast.BinOp: _binary,
    ast.BoolOp: _binary,
    ast.Call: _call,
    ast.Compare: _binary,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.IfExp: _conditional,
    ast.JoinedStr: _f_string,
    ast.Lambda: _lambda,
    ast.List: _list,
    ast.ListComp: _comprehension,
    ast.Name: _name,
    ast.Set: _list,
    ast.SetComp: _comprehension,
    ast.Slice: _slice,
    ast.Starred: _starred,
    ast.Subscript: _subscript,
    ast.Tuple: _tuple,
    ast.UnaryOp: _unary,
}


def _chain(node: ast.expr, level: int) -> str:
    return "fluent" if level != OPEN and is_fluent(node) else "plain"
