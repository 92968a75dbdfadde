"""Random Python statements, of every kind that an emitter writes, as trees."""

from __future__ import annotations

import ast
from collections.abc import Callable
from random import Random

WORDS = "x h y n out body width conv1 self stride kernel_size in_channels expansion shortcut_channels features".split()
STRINGS = (
    "mean",
    "it's",
    'say "hi"',
    "both ' and \"",
    "a\\b",
    "line\nbreak",
    "",
    "ä",
    "a rather long text " * 3,
    "tab\t",
)
NUMBERS = (0, 1, 2, 64, 2048, 0.5, 0.001, 1e-5, 1e-12, 1e16, 0.1 + 0.2)
LOAD = ast.Load()


class Statements:
    """Makes statements; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def statement(self) -> ast.stmt:
        make = self._random.choice((
            self._return, self._assign, self._assign, self._assign, self._call, self._annotated, self._augmented,
            self._assert, self._raise, self._if, self._for, self._function, self._with,
        ))  # fmt: skip
        return ast.fix_missing_locations(make())

    def expression(self, size: int) -> ast.expr:
        if size <= 1:
            return self._leaf()
        makers: list[Callable[[int], ast.expr]] = [
            self._called, self._called, self._called, self._binary, self._binary, self._compared, self._both,
            self._unary, self._conditional, self._list, self._tuple, self._dict, self._set, self._comprehension,
            self._attribute, self._subscript, self._lambda, self._chain, self._sum,
        ]  # fmt: skip
        return self._random.choice(makers)(size - 1)

    def _name(self) -> str:
        count = self._random.choice((1, 1, 1, 2, 3))
        return "_".join(self._random.choice(WORDS) for _ in range(count))

    def _leaf(self) -> ast.expr:
        kind = self._random.random()
        if kind < 0.6:
            return ast.Name(self._name(), LOAD)
        if kind < 0.7:
            return ast.Attribute(ast.Name("self", LOAD), self._name(), LOAD)
        if kind < 0.85:
            return ast.Constant(self._random.choice(NUMBERS))
        if kind < 0.92:
            return ast.Constant(self._random.choice(STRINGS))
        if kind < 0.94:
            return self._f_string()
        return ast.Constant(self._random.choice((None, True, False, ...)))

    def _f_string(self) -> ast.expr:
        value = ast.FormattedValue(ast.Name(self._name(), LOAD), self._random.choice((-1, 114)), None)
        return ast.JoinedStr([ast.Constant("of {x} "), value])

    def _shares(self, size: int, count: int) -> list[ast.expr]:
        """So many expressions, of so many parts together, about."""
        return [self.expression(self._random.randint(0, max(1, 2 * size // max(count, 1)))) for _ in range(count)]

    def _count(self) -> int:
        return self._random.choice((0, 1, 1, 2, 2, 3, 4, 6))

    def _called(self, size: int) -> ast.expr:
        func: ast.expr = ast.Attribute(ast.Name(self._random.choice(("nn", "self", "torch")), LOAD), self._name(), LOAD)
        if self._random.random() < 0.2:
            (func,) = self._shares(size, 1)
        if self._random.random() < 0.05:
            return ast.Call(func, [self._generator(size)], [])
        arguments = self._shares(size, self._count())
        if arguments and self._random.random() < 0.2:
            arguments[-1] = ast.Starred(arguments[-1], LOAD)
        values = self._shares(size, self._random.choice((0, 0, 1, 2)))
        keywords = [
            ast.keyword(f"{self._name()}{i}" if self._random.random() < 0.9 else None, v) for i, v in enumerate(values)
        ]
        return ast.Call(func, arguments, keywords)

    def _binary(self, size: int) -> ast.expr:
        left, right = self._shares(size, 2)
        operators = (ast.Add, ast.Add, ast.Sub, ast.Mult, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Pow)
        more = (ast.MatMult, ast.BitOr, ast.BitAnd, ast.BitXor, ast.LShift)
        return ast.BinOp(left, self._random.choice(operators + more)(), right)

    def _sum(self, size: int) -> ast.expr:
        first, *rest = self._shares(size, self._random.randint(2, 7))
        operator = self._random.choice((ast.Add, ast.Mult))
        for value in rest:
            first = ast.BinOp(first, operator(), value)
        return first

    def _compared(self, size: int) -> ast.expr:
        left, *rest = self._shares(size, self._random.choice((2, 2, 2, 3)))
        operators = (ast.Lt, ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot, ast.GtE)
        return ast.Compare(left, [self._random.choice(operators)() for _ in rest], rest)

    def _both(self, size: int) -> ast.expr:
        operator = self._random.choice((ast.And, ast.Or))()
        values = self._shares(size, self._random.choice((2, 2, 3, 5)))
        same = [v for v in values if not (isinstance(v, ast.BoolOp) and type(v.op) is type(operator))]
        return ast.BoolOp(operator, same) if len(same) > 1 else values[0]

    def _unary(self, size: int) -> ast.expr:
        return ast.UnaryOp(self._random.choice((ast.USub, ast.USub, ast.Not, ast.Invert))(), self.expression(size))

    def _conditional(self, size: int) -> ast.expr:
        return ast.IfExp(*self._shares(size, 3))

    def _list(self, size: int) -> ast.expr:
        return ast.List(self._shares(size, self._count()), LOAD)

    def _tuple(self, size: int) -> ast.expr:
        return ast.Tuple(self._shares(size, self._count()), LOAD)

    def _set(self, size: int) -> ast.expr:
        return ast.Set(self._shares(size, max(1, self._count())))

    def _dict(self, size: int) -> ast.expr:
        count = self._count()
        keys: list[ast.expr | None] = [ast.Constant(f"{self._name()}{i}") for i in range(count)]
        if keys and self._random.random() < 0.1:
            keys[0] = None
        return ast.Dict(keys, self._shares(size, count))

    def _target(self) -> ast.expr:
        names: list[ast.expr] = [ast.Name(self._name(), ast.Store()) for _ in range(self._random.choice((1, 1, 2, 3)))]
        return names[0] if len(names) == 1 else ast.Tuple(names, ast.Store())

    def _clauses(self, size: int) -> list[ast.comprehension]:
        return [
            ast.comprehension(self._target(), value, self._shares(size, self._random.choice((0, 0, 0, 1, 2))), 0)
            for value in self._shares(size, self._random.choice((1, 1, 1, 2)))
        ]

    def _generator(self, size: int) -> ast.expr:
        return ast.GeneratorExp(self.expression(size // 2), self._clauses(size // 2))

    def _comprehension(self, size: int) -> ast.expr:
        kind = self._random.choice((ast.ListComp, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp))
        if kind is ast.DictComp:
            return ast.DictComp(*self._shares(size // 2, 2), self._clauses(size // 2))
        return kind(self.expression(size // 2), self._clauses(size // 2))

    def _attribute(self, size: int) -> ast.expr:
        return ast.Attribute(self.expression(size), self._name(), LOAD)

    def _subscript(self, size: int) -> ast.expr:
        (value,) = self._shares(size // 2, 1)
        count = self._random.choice((1, 1, 2, 3))
        items = [self._slice(size // 2) if self._random.random() < 0.5 else v for v in self._shares(size // 2, count)]
        return ast.Subscript(value, items[0] if count == 1 else ast.Tuple(items, LOAD), LOAD)

    def _slice(self, size: int) -> ast.expr:
        return ast.Slice(*(self.expression(size // 3) if self._random.random() < p else None for p in (0.6, 0.6, 0.2)))

    def _lambda(self, size: int) -> ast.expr:
        names = [ast.arg(self._random.choice(WORDS))][: self._random.randint(0, 1)]
        return ast.Lambda(ast.arguments([], names, None, [], [], None, []), self.expression(min(size, 3)))

    def _chain(self, size: int) -> ast.expr:
        value: ast.expr = ast.Name(self._name(), LOAD)
        if self._random.random() < 0.2:
            (value,) = self._shares(size // 2, 1)
        for _ in range(self._random.randint(1, 5)):
            value = ast.Attribute(value, self._name(), LOAD)
            if self._random.random() < 0.7:
                value = ast.Call(value, self._shares(size // 4, self._random.choice((0, 1, 2))), [])
        return value

    def _value(self) -> ast.expr:
        return self.expression(self._random.choice((1, 2, 3, 4, 6, 8, 12, 16, 24)))

    def _return(self) -> ast.stmt:
        return ast.Return(self._value())

    def _assign(self) -> ast.stmt:
        return ast.Assign([self._assigned() for _ in range(self._random.choice((1, 1, 1, 1, 1, 2)))], self._value())

    def _assigned(self) -> ast.expr:
        kind = self._random.random()
        if kind < 0.4:
            return ast.Name(self._name(), ast.Store())
        if kind < 0.7:
            return ast.Attribute(ast.Name("self", LOAD), self._name(), ast.Store())
        if kind < 0.8:
            return ast.Subscript(ast.Name(self._name(), LOAD), self.expression(2), ast.Store())
        names: list[ast.expr] = [ast.Name(self._name(), ast.Store()) for _ in range(self._random.choice((1, 2, 3, 6)))]
        return ast.Tuple(names, ast.Store())

    def _call(self) -> ast.stmt:
        return ast.Expr(self._called(self._random.choice((1, 4, 8, 16))))

    def _type(self) -> ast.expr:
        kind = self._random.random()
        if kind < 0.6:
            return ast.Name(self._random.choice(("int", "Tensor", "Sequence", "float")), LOAD)
        if kind < 0.8:
            types: list[ast.expr] = [ast.Name("Tensor", LOAD)] * self._random.choice((1, 2, 3, 20))
            return ast.Subscript(ast.Name("tuple", LOAD), types[0] if len(types) == 1 else ast.Tuple(types, LOAD), LOAD)
        return ast.BinOp(ast.Name("int", LOAD), ast.BitOr(), ast.Constant(None))

    def _annotated(self) -> ast.stmt:
        value = self._value() if self._random.random() < 0.7 else None
        return ast.AnnAssign(ast.Name(self._name(), ast.Store()), self._type(), value, 1)

    def _augmented(self) -> ast.stmt:
        target = ast.Subscript(ast.Name(self._name(), LOAD), self.expression(2), ast.Store())
        name = ast.Name(self._name(), ast.Store())
        return ast.AugAssign(self._random.choice((name, target)), ast.Add(), self._value())

    def _assert(self) -> ast.stmt:
        return ast.Assert(self._value(), self._value() if self._random.random() < 0.5 else None)

    def _raise(self) -> ast.stmt:
        return ast.Raise(self._value(), ast.Name("error", LOAD) if self._random.random() < 0.2 else None)

    def _if(self) -> ast.stmt:
        return self._random.choice((ast.If, ast.While))(self._value(), [ast.Pass()], [])

    def _for(self) -> ast.stmt:
        return ast.For(self._target(), self._value(), [ast.Pass()], [])

    def _with(self) -> ast.stmt:
        return ast.With([ast.withitem(self._called(2), None)], [ast.Pass()])

    def _function(self) -> ast.stmt:
        count = self._random.choice((0, 1, 2, 3, 6))
        arguments = [ast.arg(f"{self._name()}{i}", self._random.choice((None, self._type()))) for i in range(count)]
        defaults = self._shares(2, self._random.randint(0, count))
        more = ast.arg("inputs", None) if self._random.random() < 0.2 else None
        only = [ast.arg(f"only{i}", self._type()) for i in range(self._random.choice((0, 0, 0, 2)))]
        given = ast.arguments([], arguments, more, only, [None for _ in only], None, defaults)
        returns = self._type() if self._random.random() < 0.8 else None
        return ast.FunctionDef(self._name(), given, [ast.Pass()], [], returns)
