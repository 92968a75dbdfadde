"""Evaluates expressions in an environment. An error points to the smallest part that cannot be computed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from archdsl.elaborate.asked import asked
from archdsl.elaborate.budget import too_long
from archdsl.elaborate.compare import compare
from archdsl.elaborate.endless import has_condition
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.loops import Turn, rows
from archdsl.elaborate.values import Failed, Flow, Given, Listed, Problem, Quiet, Unit, describe, rows_of, tensor_facts
from archdsl.limits import ELEMENTS
from archdsl.ops.arguments import form
from archdsl.ops.base import Op
from archdsl.ops.initialize import INITIALIZERS
from archdsl.ops.registry import REGISTRY
from archdsl.ops.words import words
from archdsl.resolve.model import Block, Network
from archdsl.resolve.names import FUNCTIONS, LARGEST_NUMBER, OutOfDomain
from archdsl.suggest import nearest
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text

DEEPEST_CALL = 50
"""How deeply calls of `def`s may be nested. Deeper ones are taken to call themselves without end."""

CALL = 5
"""How many evaluations a call of a `def` costs, besides those of its arguments and of its body."""

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def evaluate(expression: tree.Expression | tree.Spread, environment: Environment, depth: int = 0) -> Any:
    """The value of `expression`. Raises `Problem` if it has none, and `Quiet` if the reason was already reported."""
    budget = environment.budget
    budget.left -= 1
    if budget.left < 0:
        budget.open_part(expression.span)
    match expression:
        case tree.Number(value=value) | tree.String(value=value) | tree.Boolean(value=value):
            return value
        case tree.Name():
            return _name(expression, environment)
        case tree.Binary(operator="and" | "or"):
            return _logic(expression, environment, depth)
        case tree.Binary():
            return _arithmetic(expression, environment, depth)
        case tree.Compare():
            return _compare(expression, environment, depth)
        case tree.Unary(operator="not"):
            return not truth(expression.value, environment, depth)
        case tree.Unary():
            return -number(expression.value, environment, depth)
        case tree.Call():
            return _call(expression, environment, depth)
        case tree.Attribute():
            return _attribute(expression, environment, depth)
        case tree.List(items=items):
            made = Listed((evaluate(item, environment, depth) for item in items), expression.span)
            return budget.take(made, expression.span)
        case tree.Comprehension():
            return _comprehension(expression, environment, depth)
        case tree.Shape(dims=dims):
            return tuple(whole(dim, environment, depth) for dim in dims)
        case tree.Index():
            return _index(expression, environment, depth)
        case tree.Slice():
            return _slice(expression, environment, depth)
        case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
            chosen = then if truth(condition, environment, depth) else otherwise
            return evaluate(chosen, environment, depth)
        case tree.Spread():
            raise Quiet  # `resolve` has already reported that this may not stand here
        case tree.VariantOf(name=name, variant=variant, span=span):
            if name not in environment.file.definitions:
                raise Problem("unknown-name", f"there is no network `{name}`", span)
            return Unit(environment.file.definitions[name], (), variant)
    raise AssertionError(f"no rule for {type(expression).__name__}")


def number(expression: tree.Expression, environment: Environment, depth: int = 0) -> int | float:
    """The value of an expression that has to be a number."""
    value = evaluate(expression, environment, depth)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Problem("wrong-type", f"expected a number, got {describe(value)}", expression.span)
    return value


def whole(expression: tree.Expression, environment: Environment, depth: int = 0) -> int:
    """The value of an expression that has to be a whole number."""
    value = number(expression, environment, depth)
    if not isinstance(value, int):
        raise Problem(
            "wrong-type",
            f"expected a whole number, got {describe(value)}",
            expression.span,
            help=f"round it: round({expression_text(expression)})",
        )
    return value


def truth(expression: tree.Expression, environment: Environment, depth: int = 0) -> bool:
    """The value of a condition."""
    value = evaluate(expression, environment, depth)
    if not isinstance(value, bool):
        raise Problem("wrong-type", f"a condition is true or false, got {describe(value)}", expression.span)
    return value


def turns_of(
    names: Sequence[tree.Name], values: tree.Expression, environment: Environment, depth: int = 0
) -> list[Turn]:
    """The turns of a loop with the variables `names` over a list, or over several values of the network."""
    return rows(names, elements(values, environment, depth), values.span)


def _comprehension(made: tree.Comprehension, environment: Environment, depth: int) -> Listed:
    found = Listed((), made.span)
    for turn in turns_of(made.names, made.values, environment, depth):
        inner = environment.child()
        inner.values.update(turn)
        if made.condition is None or truth(made.condition, inner, depth):
            found.append(evaluate(made.value, inner, depth))
    environment.budget.take(found, made.span)
    return found


def elements(expression: tree.Expression, environment: Environment, depth: int = 0) -> list[Any]:
    """The elements of a list, or the several values that an expression stands for."""
    value = evaluate(expression, environment, depth)
    if isinstance(value, list | tuple):
        return list(value)
    help = f"write `range({expression.span.text})`" if isinstance(value, int) and not isinstance(value, bool) else None
    raise Problem("wrong-type", f"expected a list, got {describe(value)}", expression.span, help=help)


def _name(expression: tree.Name, environment: Environment) -> Any:
    name = expression.name
    try:
        value = environment.find(name)
    except KeyError:
        pass
    else:
        if isinstance(value, Failed):
            raise Quiet
        if value is None:
            raise Problem("unknown-name", f"`{name}` has no value here: nothing flows into this line", expression.span)
        return value
    if name in environment.file.definitions:
        return Unit(environment.file.definitions[name])
    if name in REGISTRY:
        return Unit(REGISTRY[name])
    if name in INITIALIZERS:
        return INITIALIZERS[name]()
    if name in environment.file.broken:
        raise Quiet
    known = environment.names()
    meant = nearest(name, known)
    raise Problem(
        "unknown-name",
        f"`{name}` has no value here",
        expression.span,
        help=f"did you mean `{meant}`?" if meant else None,
    )


def _logic(expression: tree.Binary, environment: Environment, depth: int) -> bool:
    left = truth(expression.left, environment, depth)
    if expression.operator == "and":
        return left and truth(expression.right, environment, depth)
    return left or truth(expression.right, environment, depth)


def _arithmetic(expression: tree.Binary, environment: Environment, depth: int) -> Any:
    left = evaluate(expression.left, environment, depth)
    right = evaluate(expression.right, environment, depth)
    if isinstance(left, list) or isinstance(right, list):
        return environment.budget.take(_list_arithmetic(expression, left, right), expression.span)
    for side, value in ((expression.left, left), (expression.right, right)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Problem("wrong-type", f"`{expression.operator}` takes numbers, got {describe(value)}", side.span)
    try:
        result = _power(left, right) if expression.operator == "^" else ARITHMETIC[expression.operator](left, right)
    except ZeroDivisionError:
        raise Problem(
            "division-by-zero",
            f"`{expression_text(expression)}` divides by zero: `{expression_text(expression.right)}` is 0",
            expression.span,
        ) from None
    except OverflowError:
        raise _too_large(expression) from None
    if isinstance(result, complex):
        raise Problem("wrong-type", f"`{expression_text(expression)}` is not a real number", expression.span)
    if abs(result) > LARGEST_NUMBER:
        raise _too_large(expression)
    return settle(result)


def _list_arithmetic(expression: tree.Binary, left: Any, right: Any) -> list[Any]:
    """Lists are joined by `+` and repeated by `*`."""
    if expression.operator == "+" and isinstance(left, list) and isinstance(right, list):
        if len(left) + len(right) > ELEMENTS:
            raise too_long(expression.span)
        return left + right
    if expression.operator == "*" and isinstance(left, list) and isinstance(right, int):
        if len(left) * right > ELEMENTS:
            raise too_long(expression.span)
        return left * right
    raise Problem(
        "wrong-type",
        f"`{expression.operator}` cannot take {describe(left)} and {describe(right)}",
        expression.span,
        help="lists are joined by list + list and repeated by list * number",
    )


def _too_large(expression: tree.Expression) -> Problem:
    return Problem(
        "number-too-large", f"`{expression_text(expression)}` is larger than any number here", expression.span
    )


def settle(value: float) -> int | float:
    """The number as an int if it is whole, however it was computed: 32 * 0.25 is 8."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _power(base: float, exponent: float) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent * base.bit_length() > 128:
        raise OverflowError
    return base**exponent


def _compare(expression: tree.Compare, environment: Environment, depth: int) -> bool:
    sides = (evaluate(side, environment, depth) for side in (expression.left, expression.right))
    left, right = (environment.budget.take(value, expression.span) for value in sides)
    return compare(expression, left, right)


def _call(expression: tree.Call, environment: Environment, depth: int) -> Any:
    if isinstance(expression.function, tree.VariantOf):
        base = evaluate(expression.function, environment, depth)
        return Unit(base.definition, given(expression.arguments, environment, depth), base.variant)
    name = expression.function.name
    defined = environment.function(name)
    if defined is not None:
        return _defined(expression, *defined, environment, depth)
    if name in FUNCTIONS:
        return _built_in(expression, environment, depth)
    if name in INITIALIZERS:
        return _initializer(expression, environment, depth)
    unit = _name(expression.function, environment)
    if not isinstance(unit, Unit):
        raise Problem("not-callable", f"`{name}` is {describe(unit)}, which takes no arguments", expression.span)
    arguments = unit.given + given(expression.arguments, environment, depth)
    refuse_twice(unit.definition, arguments)
    made = Unit(unit.definition, arguments, unit.variant, unit.home)
    environment.budget.take(made, expression.span)
    return made


def given(arguments: tuple[tree.Argument, ...], environment: Environment, depth: int = 0) -> tuple[Given, ...]:
    """Evaluates arguments in order. `*row` gives an argument for each element."""
    found: list[Given] = []
    for argument in arguments:
        if isinstance(argument.value, tree.Spread):
            found += _handed_over(argument.value, environment, depth)
            continue
        value = _argument(argument.name, argument.value, environment, depth)
        of = asked(argument.value, environment)
        found.append(Given(argument.name, value, argument.span, argument.value, environment, asked=of))
    return tuple(found)


def _argument(name: str | None, expression: tree.Expression, environment: Environment, depth: int) -> Any:
    """The value of an argument. That of `until` is a word, the name of a stage in another network."""
    if name == "until" and isinstance(expression, tree.Name):
        return expression.name
    return environment.budget.take(word_or_value(expression, environment, depth), expression.span)


def _handed_over(spread: tree.Spread, environment: Environment, depth: int) -> Iterator[Given]:
    """The arguments that `*row` stands for: `row[0]`, `row[1]` and so on."""
    base, place = spread.value, spread.value.span
    values = environment.budget.take(evaluate(base, environment, depth), spread.span)
    if not isinstance(values, list):
        raise Problem(
            "wrong-type",
            f"`*{expression_text(base)}` needs a list, got {describe(values)}",
            spread.span,
        )
    of, row = asked(base, environment), values.span if isinstance(values, Listed) else spread.span
    for index, value in enumerate(values):
        expression = tree.Index(base, tree.Number(str(index), index, place), place)
        yield Given(None, value, spread.span, expression, environment, asked=of, row=row)


def refuse_twice(definition: type[Op] | Block | Network, arguments: Sequence[Given]) -> None:
    """Raises `Problem` if an argument is given both by name and by an element of `*row`."""
    own = definition.model_fields if isinstance(definition, type) else definition.parameters
    names = (field if isinstance(field, str) else field.name for field in own)
    in_order = (argument for argument in arguments if argument.name is None)
    handed = {name: argument for name, argument in zip(names, in_order, strict=False) if argument.row}
    for argument in arguments:
        if argument.name in handed:
            first = handed[argument.name]
            message = f"`{definition.name}` gets `{argument.name}` twice: by its name, and as an element of a list"
            raise Problem("wrong-arguments", message, argument.span, notes=rows_of(first))


def word_or_value(expression: tree.Expression | tree.Spread, environment: Environment, depth: int = 0) -> Any:
    """The value of an argument. Where an op expects one of a few words (`padding=valid`), a name is that word."""
    if isinstance(expression, tree.Name) and expression.name in words():
        name = expression.name
        if name not in environment and name not in environment.file.definitions:
            return name
    return evaluate(expression, environment, depth)


def _defined(call: tree.Call, define: tree.Define, home: Environment, environment: Environment, depth: int) -> Any:
    if depth >= DEEPEST_CALL:
        raise _too_deep(define, call)
    environment.budget.draw(CALL, call.span)
    inner = home.child()
    values = [evaluate(argument.value, environment, depth) for argument in call.arguments]
    if len(values) != len(define.parameters):
        raise Problem(
            "wrong-arguments",
            f"`{define.name.name}` takes {len(define.parameters)} numbers, got {len(values)}",
            call.span,
        )
    inner.values.update({name.name: value for name, value in zip(define.parameters, values, strict=True)})
    return evaluate(define.value, inner, depth + 1)


def _too_deep(define: tree.Define, call: tree.Call) -> Problem:
    name = define.name.name
    if has_condition(define.value) or not re.search(rf"\b{name}\b", define.value.span.text):
        return Problem("nested-too-deep", f"`{name}` calls itself more than {DEEPEST_CALL} times", call.span)
    return Problem(
        "nested-too-deep",
        f"`{name}` calls itself for ever: there is no `if` that ends it",
        call.span,
        help=f"write `def {name}(n) = if n < 1 then 0 else ...`",
    )


def _built_in(call: tree.Call, environment: Environment, depth: int) -> Any:
    assert isinstance(call.function, tree.Name)
    name = call.function.name
    values = [(a.name, environment.budget.take(evaluate(a.value, environment, depth), a.span)) for a in call.arguments]
    plain = [value for argument, value in values if argument is None]
    named = {argument: value for argument, value in values if argument is not None}
    if name in ("min", "max", "sum") and len(plain) == 1 and isinstance(plain[0], tuple):
        plain = [list(plain[0])]
    try:
        result = FUNCTIONS[name](*plain, **named)
    except OutOfDomain as error:
        message = f"`{expression_text(call)}` has no value: `{name}` takes {error}, got {describe(plain[0])}"
        raise Problem("out-of-range", message, call.span) from None
    except (TypeError, ValueError) as error:
        shown = ", ".join(map(describe, plain))
        raise Problem("wrong-arguments", f"`{name}({shown})` cannot be computed: {error}", call.span) from None
    except ZeroDivisionError:
        raise Problem("division-by-zero", f"`{expression_text(call)}` divides by zero", call.span) from None
    except OverflowError as error:
        raise Problem("number-too-large", f"`{expression_text(call)}` is too large: {error}", call.span) from None
    return settle(result) if isinstance(result, float) else environment.budget.take(result, call.span)


def _initializer(call: tree.Call, environment: Environment, depth: int) -> Any:
    from pydantic import ValidationError

    assert isinstance(call.function, tree.Name)
    kind = INITIALIZERS[call.function.name]
    fields = list(kind.model_fields)
    values = {}
    for position, argument in enumerate(call.arguments):
        field = argument.name or (fields[position] if position < len(fields) else f"argument {position + 1}")
        value = word_or_value(argument.value, environment, depth)
        values[field] = str(value) if isinstance(value, Unit) else value
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise Problem(
            "wrong-arguments",
            f"`{call.function.name}` cannot take `{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}",
            call.span,
            help=f"its arguments are {', '.join(fields)}" if fields else "it takes none",
        ) from None


def _attribute(expression: tree.Attribute, environment: Environment, depth: int) -> Any:
    value = evaluate(expression.value, environment, depth)
    name = expression.name
    if not isinstance(value, Flow):
        verb = "have" if isinstance(value, tuple) and len(value) > 1 else "has"
        help = _of_one(expression, value, environment)
        raise Problem("unknown-attribute", f"{describe(value)} {verb} no `.{name}`", expression.span, help=help)
    if name in value.stages:
        return value.stages[name]
    facts = tensor_facts(value)
    if name in facts:
        return facts[name]
    raise Problem(
        "unknown-attribute",
        f"{describe(value)} has no `.{name}`",
        expression.span,
        help=_of_a_clip(value, name) or _fact_meant(expression, sorted({*facts, *value.stages})),
    )


def _of_one(expression: tree.Attribute, value: Any, environment: Environment) -> str | None:
    """The help where several values flow: to ask the first of them, by its name if it has one."""
    if not (isinstance(value, tuple) and value and isinstance(value[0], Flow)):
        return None
    if expression.name not in tensor_facts(value[0]):
        return None
    names = sorted(name for name in environment.names() if _is_value(environment.get(name), value[0]))
    if names:
        return f"write `{names[0]}.{expression.name}`"
    return f"give them names where they are made, `as (a, b)`, and write `a.{expression.name}`"


def _is_value(found: Any, value: Flow) -> bool:
    return isinstance(found, Flow) and found.ref == value.ref


def _of_a_clip(value: Flow, name: str) -> str | None:
    """The help for the frames of a value that has none."""
    if name != "frames" or value.tensor.kind == "int":
        return None
    known = f"this is {form(value.tensor.rank)}"
    return f"only a clip has frames, and {known}: a clip is declared by `input clip: 3 x 16 x 112 x 112`, 16 frames"


def _fact_meant(expression: tree.Attribute, choices: list[str]) -> str:
    meant = nearest(expression.name, choices)
    return f"did you mean `{expression.value.span.text}.{meant}`?" if meant else "it has ." + ", .".join(choices)


def _index(expression: tree.Index, environment: Environment, depth: int) -> Any:
    values = evaluate(expression.value, environment, depth)
    index = whole(expression.index, environment, depth)
    if not isinstance(values, list | tuple):
        raise _no_elements(expression, values)
    if not -len(values) <= index < len(values):
        raise Problem(
            "index-out-of-range",
            f"there is no element {index} in {describe(values)}: it has {len(values)}, numbered from 0",
            expression.span,
        )
    return values[index]


def _no_elements(expression: tree.Index | tree.Slice, values: Any) -> Problem:
    text = expression_text(expression.value)
    help = f"only one value came out here: write `{text}`" if isinstance(values, Flow) else None
    return Problem("wrong-type", f"{describe(values)} has no elements", expression.value.span, help=help)


def _slice(expression: tree.Slice, environment: Environment, depth: int) -> Any:
    values = evaluate(expression.value, environment, depth)
    if not isinstance(values, list | tuple):
        raise _no_elements(expression, values)
    start = whole(expression.start, environment, depth) if expression.start else None
    stop = whole(expression.stop, environment, depth) if expression.stop else None
    return environment.budget.take(values[start:stop], expression.span)
