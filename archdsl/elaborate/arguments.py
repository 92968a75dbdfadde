"""Turns the arguments of a call into an op, or into a block's parameters, and pydantic's errors into diagnostics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from archdsl.elaborate.values import Flow, Given, Problem, Unit, describe, rows_of
from archdsl.ops.base import Op, required_inputs
from archdsl.ops.words import words_of
from archdsl.resolve.model import Network, Parameter
from archdsl.resolve.names import too_many_arguments, unknown_argument
from archdsl.source import Span
from archdsl.syntax.printer import expression_text
from archdsl.syntax.tree import ParameterType


class Call(NamedTuple):
    """An op that is ready for the graph, the values of the network that its arguments name, and all its arguments."""

    op: Op
    extra: tuple[Flow, ...]
    fields: Mapping[str, Given]


@cache
def field_names(op: type[Op]) -> tuple[str, ...]:
    return tuple(op.model_fields)


def match_arguments(
    owner: str, names: tuple[str, ...], arguments: Iterable[Given], defaults: Iterable[Given], span: Span
) -> dict[str, Given]:
    """The arguments by name. Those given without a name are matched in order; given ones win over defaults.

    Raises `Problem` for too many arguments, and for one with an unknown name.
    """
    bound: dict[str, Given] = {}
    position = 0
    for argument in arguments:
        name = argument.name
        if name is None:
            if position >= len(names):
                raise Problem.of(too_many_arguments(owner, names, argument.span), rows_of(argument))
            name, position = names[position], position + 1
        elif name not in names:
            raise Problem.of(unknown_argument(owner, names, name, argument.span))
        bound[name] = argument
    for default in defaults:
        assert default.name is not None
        bound.setdefault(default.name, default)
    return bound


class OpMaker:
    """Makes ops from arguments. Equal arguments give the same object, which saves memory in deep networks."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Op] = {}

    def make(self, op: type[Op], arguments: Iterable[Given], defaults: Iterable[Given], span: Span) -> Call:
        """Makes an op. Raises `Problem` at the argument that is wrong or missing."""
        arguments = tuple(arguments)
        _refuse_values(op, arguments, span)
        fields = match_arguments(op.name, field_names(op), arguments, defaults, span)
        in_order = (fields[name].value for name in field_names(op) if name in fields)
        extra = tuple(value for value in in_order if isinstance(value, Flow))
        values = {name: _plain(given.value) for name, given in fields.items()}
        key = (op, *((name, _key(value)) for name, value in values.items()))
        made = self._made.get(key)
        if made is None:
            try:
                made = self._made[key] = op(**values)
            except ValidationError as error:
                raise _translate(op, error, fields, span) from None
        return Call(made, extra, fields)


def _refuse_values(op: type[Op], arguments: tuple[Given, ...], span: Span) -> None:
    """Raises `Problem` for `attend(q, k, v, heads=4)`, where values that should flow in are written as arguments."""
    values = [given for given in arguments if given.name is None and isinstance(given.value, Flow)]
    if len(values) < 2 or required_inputs(op)[0] < 2:
        return
    rest = [given.span.text for given in arguments if given not in values and given.span is not None]
    step = f"{op.name}({', '.join(rest)})" if rest else op.name
    raise Problem(
        "wrong-arguments",
        f"the values that flow into `{op.name}` stand before it, and are no arguments",
        span,
        notes=rows_of(*values),
        help=f"write `({', '.join(map(_text, values))}) -> {step}`",
    )


def _plain(value: Any) -> Any:
    """A value as an op's field takes it: a placeholder for a value of the network, a name for an op or a block."""
    if isinstance(value, Flow):
        return "like"
    if isinstance(value, Unit) and value.home is not None:
        return value.home.name
    if isinstance(value, Unit) and not value.given:
        return str(value)
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _key(value: Any) -> Any:
    """A key that tells 1, 1.0 and true apart, which are one key in a Python dictionary."""
    if isinstance(value, tuple):
        return tuple(map(_key, value))
    return (type(value), str(value) if isinstance(value, Unit) else value)


def _translate(op: type[Op], error: ValidationError, fields: Mapping[str, Given], span: Span) -> Problem:
    details = error.errors(include_url=False)
    first = details[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "missing":
        missing = [str(d["loc"][0]) for d in details if d["type"] == "missing"]
        return Problem(
            "missing-argument",
            f"`{op.name}` needs `{'`, `'.join(missing)}`",
            span,
            notes=rows_of(*fields.values()),
            help=f"write `{op.name}({', '.join([*_as_written(fields), *(f'{name}=...' for name in missing)])})`",
        )
    given = fields.get(name)
    found = describe(given.value) if given else ""
    kinds = [*dict.fromkeys(_expected(d) for d in details if d["loc"] and d["loc"][0] == name)]
    expected = " or ".join([", ".join(kinds[:-1]), kinds[-1]] if len(kinds) > 1 else kinds)
    where = given.span if given else span
    if isinstance(given, Given) and isinstance(given.value, Flow):
        return Problem(
            "wrong-type",
            f"`{op.name}`'s `{name}` takes {expected}, got {found}",
            where,
            notes=rows_of(given),
            help=_number_of(given) if "number" in expected else None,
        )
    code = "out-of-range" if _only_range(details) else "wrong-type"
    message = f"`{op.name}`'s `{name}` takes {expected}, got {found}"
    return Problem(code, message, where, notes=rows_of(given), help=_advice(op, name, given, fields))


def _advice(op: type[Op], name: str, given: Given | None, fields: Mapping[str, Given]) -> str | None:
    """What to write instead of a value that other tools accept at this place."""
    if given is None:
        return None
    counted = isinstance(given.value, int) and not isinstance(given.value, bool)
    if name == "bias" and counted and given.name is None:
        rest = [own.span.text for own in fields.values() if own.span is not None][1:]
        return f"the number of incoming features is not written: write `{op.name}({', '.join(rest)})`"
    if name == "bias" and op.name == "attend":
        return "leave it out; the bias of a projection is written there: `linear(..., bias=false)`"
    if isinstance(given.value, float) and given.value.is_integer() and given.expression is not None:
        return f"write `{int(given.value)}`"
    if counted and given.value > 1 and op.name in ("dropout", "channel_dropout", "drop_path") and name == "p":
        return f"a probability is a fraction: write `{given.value / 100:g}` for {given.value} %"
    if name == "padding" and given.value in words_of("pad", "mode"):
        return f"pad in a step before it: `pad(1, mode={given.value}) -> {op.name}(..., padding=valid)`"
    return None


def _number_of(given: Given) -> str | None:
    """The help for a value of the network in place of a number."""
    return f"write a number, for example {_text(given)}.channels" if given.value.tensor.kind == "float" else None


def _text(given: Given) -> str:
    return expression_text(given.expression) if given.expression else "it"


def _as_written(fields: Mapping[str, Given]) -> Iterator[str]:
    """The text of the arguments, as they were written."""
    return iter(dict.fromkeys(given.span.text for given in fields.values() if given.span is not None))


def _only_range(details: list[Any]) -> bool:
    return any("than" in d["type"] for d in details)


def _expected(detail: Any) -> str:
    """What an argument has to be, in the words of the language, by pydantic's error."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "int_type" | "int_from_float":
            return "a whole number"
        case "float_type" | "float_parsing" | "finite_number":
            return "a number"
        case "bool_type":
            return "true or false"
        case "string_type":
            return "a word"
        case "tuple_type" | "list_type":
            return "a shape like 3x3"
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "greater_than":
            return f"more than {context['gt']}"
        case "less_than_equal":
            return f"at most {context['le']:,}"
        case "less_than":
            return f"less than {context['lt']:,}"
        case "literal_error":
            words = str(context["expected"]).replace("'", "")
            return "a value of the network" if words == "like" else words
        case "too_long" | "too_short" | "missing":
            return "as many numbers as there are dimensions"
        case "value_error":
            return str(context.get("error", detail["msg"]))
        case _:
            return str(detail["msg"]).lower()


KINDS: dict[ParameterType, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a word in quotes",
    "list": "a list",
    "block": "a block",
    "op": "an op",
}


def check_kind(owner: str, parameter: Parameter, given: Given) -> Any:
    """The argument's value, converted to the parameter's type. Raises `Problem` if it is of another type."""
    if parameter.type is None or _is_kind(parameter.type, given.value):
        return given.value
    message = f"`{owner}`'s `{parameter.name}` takes {KINDS[parameter.type]}, got {describe(given.value)}"
    raise Problem("wrong-type", message, given.span, notes=rows_of(given), help=_other_type(parameter, given))


def _other_type(parameter: Parameter, given: Given) -> str | None:
    """The declaration with the type of its own default."""
    if given.origin != "default" or given.span is None:
        return None
    fitting = (kind for kind in KINDS if kind not in ("block", "op") and _is_kind(kind, given.value))
    kind = next(fitting, None)
    return kind and f"write `param {parameter.name}: {kind} = {given.span.text}`"


def _is_kind(kind: ParameterType, value: Any) -> bool:
    match kind:
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "str":
            return isinstance(value, str)
        case "list":
            return isinstance(value, list | tuple)
        case "block":
            return isinstance(value, Unit) and not isinstance(value.definition, Network)
        case "op":
            return isinstance(value, Unit)
