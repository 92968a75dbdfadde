"""Checks the names in expressions, and the arguments of calls."""

from __future__ import annotations

from dataclasses import replace

from archdsl import foreign, translated
from archdsl.diagnostics import Diagnostic
from archdsl.ops.base import required_inputs
from archdsl.ops.initialize import INITIALIZERS
from archdsl.ops.registry import REGISTRY
from archdsl.ops.words import words, words_of
from archdsl.resolve.known import Names
from archdsl.resolve.model import Network
from archdsl.resolve.names import FUNCTIONS, KnownNames, too_many_arguments, unknown_argument
from archdsl.source import Span
from archdsl.suggest import help_for, same_word
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text


def as_text(call: tree.Call) -> list[translated.Argument]:
    """The arguments of a call as they are written."""
    return [(argument.name, " ".join(argument.value.span.text.split())) for argument in call.arguments]


def _holds_values(call: tree.Call) -> bool:
    """Whether this may be `attend(q, k, v, heads=4)`, whose values are taken for arguments: expansion tells that."""
    names = [argument for argument in call.arguments if argument.name is None and isinstance(argument.value, tree.Name)]
    op = REGISTRY.get(call.function.name)
    return len(names) > 1 and op is not None and required_inputs(op)[0] > 1


class Expressions(Names):
    """Checks values, numbers and arguments."""

    def expression(
        self, expression: tree.Expression | tree.Spread | None, scope: KnownNames, word: bool = False
    ) -> None:
        """Checks an expression. With `word`, it may also be one of the words that ops take, such as `valid`."""
        match expression:
            case tree.Name(name=name):
                self.refer(expression, scope)
                if not (name in scope or self.operation(expression) or (word and self.is_word(name))):
                    known = scope.all() | (words() if word else set()) | set(self.functions)
                    message = f"there is no `{name}` here"
                    self.unknown("unknown-name", message, expression, lambda: self.step_meant(expression, known))
            case tree.VariantOf(name=name, span=span):
                self.refer(expression, scope)
                if self.operation(expression) is None:
                    missing = tree.Name(name, span)
                    message = f"there is no network `{name}`"
                    self.unknown("unknown-name", message, missing, lambda: self.step_meant(missing))
            case tree.Call():
                self.call(expression, scope)
            case tree.List(items=parts) | tree.Shape(dims=parts):
                for part in parts:
                    self.expression(part, scope)
            case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
                self.expression(left, scope)
                self.expression(right, scope)
            case tree.Attribute(value=tree.Name(name=module), name=name) if self.is_foreign(module, name, scope):
                message = f"`{module}.{name}` is not an op: names of ops have no dots"
                own = tree.Name(name, expression.span)
                self.file.broken.add(module)
                self.unknown("unknown-name", message, own, lambda: self.step_meant(own) or f"write `{name}`")
            case tree.Unary(value=value) | tree.Attribute(value=value) | tree.Spread(value=value):
                self.expression(value, scope)
            case tree.Comprehension():
                self.comprehension(expression, scope)
            case tree.Index(value=value, index=index):
                self.expression(value, scope)
                self.expression(index, scope)
            case tree.Slice(value=value, start=start, stop=stop):
                self.expression(value, scope)
                self.expression(start, scope)
                self.expression(stop, scope)
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                for part in (condition, then, otherwise):
                    self.expression(part, scope, word)

    def is_foreign(self, module: str, name: str, scope: KnownNames) -> bool:
        """Whether this is a step written as in Python: `nn.ReLU`, `F.relu`."""
        if module in scope or self.operation(tree.Name(module, Span(self.file.source, 0, 0))) is not None:
            return False
        return foreign.step(name) is not None or any(same_word(name, unit) for unit in self.units())

    def comprehension(self, made: tree.Comprehension, scope: KnownNames) -> None:
        self.expression(made.values, scope)
        inner = KnownNames(scope)
        for name in made.names:
            self.bind(name, inner)
        self.expression(made.value, inner)
        self.expression(made.condition, inner)

    def is_word(self, name: str) -> bool:
        return name in words() or name in INITIALIZERS

    def call(self, call: tree.Call, scope: KnownNames) -> None:
        name = call.function
        unit = self.operation(name)
        functional = isinstance(name, tree.Name) and (name.name in self.functions or name.name in FUNCTIONS)
        self.refer(name, scope, step=not functional)
        self.arguments_of(name, call.arguments)
        if unit is not None and not functional:
            self.arguments(call, *unit)
        elif not functional and name.name not in scope and name.name not in INITIALIZERS:
            missing = tree.Name(name.name, name.span)
            message = f"there is no op, block or function `{name.name}`"
            known = scope.all() | set(FUNCTIONS) | set(self.functions)
            self.unknown(
                "unknown-name",
                message,
                missing,
                lambda: self.call_meant(call) or self.step_meant(missing, known, called=True),
            )
        if functional or name.name in INITIALIZERS:
            self.no_spread(call)
        for argument in call.arguments:
            if (
                argument.name != "until"
                and not self.compared(argument, unit)
                and not self.no_word(argument, name, scope)
            ):
                self.expression(argument.value, scope, word=True)

    def call_meant(self, call: tree.Call) -> str | None:
        """The call of another tool as a step, with its own numbers."""
        meaning = foreign.step(call.function.name)
        text = translated.called(call.function.name, meaning, as_text(call)) if meaning else None
        if meaning is None or text is None:
            return None
        return str(meaning._replace(code=text, note=foreign.without_numbers(meaning.note)))

    def compared(self, argument: tree.Argument, unit: tuple[str, tuple[str, ...]] | None) -> bool:
        """Reports `conv(8, 3, stride==2)`, where `stride=2` was meant. Returns whether it did."""
        match argument.value:
            case tree.Compare(left=tree.Name(name=name), operator="==", right=right) if unit and name in unit[1]:
                message = f"`==` compares; an argument is given with `=`: `{name}` is one of `{unit[0]}`"
                span = argument.value.span
                self.report("unknown-name", message, span, help=f"write `{name}={right.span.text}`")
                return True
        return False

    def no_word(self, argument: tree.Argument, op: tree.Name | tree.VariantOf, scope: KnownNames) -> bool:
        """Reports `resize(16, mode=bicubic)`, a word that the op does not take and that is not a name either."""
        value = argument.value
        if not isinstance(value, tree.Name) or value.name in scope or self.is_word(value.name) or self.operation(value):
            return False
        allowed = words_of(op.name, argument.name or "")
        if not allowed:
            return False
        message = f"`{op.name}`'s `{argument.name}` cannot be `{value.name}`"
        listed = f"it takes {' or '.join(allowed)}"
        self.unknown("unknown-name", message, value, lambda: help_for(value.name, allowed, listed))
        return True

    def no_spread(self, call: tree.Call) -> None:
        """Reports `max(*sizes)`: only blocks and ops take the elements of a list as their arguments."""
        for argument in call.arguments:
            if isinstance(argument.value, tree.Spread):
                name, values = call.function.name, expression_text(argument.value.value)
                takes_list = name in ("min", "max", "sum", "len")
                message = f"`*` gives the elements of a list to a block or an op, but `{name}` is neither"
                help = f"write `{name}({values})`" if takes_list else f"write `{name}({values}[0], ...)`"
                self.report("wrong-arguments", message, argument.span, help=help)

    def arguments(self, call: tree.Call, owner: str, names: tuple[str, ...]) -> None:
        position = 0
        seen: set[str] = set()
        for argument in call.arguments:
            name = argument.name
            if isinstance(argument.value, tree.Spread):
                return  # how many arguments `*row` stands for is only known when it is evaluated
            if name is None:
                if position >= len(names):
                    found = too_many_arguments(owner, names, argument.span)
                    joined = translated.join(owner, as_text(call))
                    self.found.append(
                        replace(found, help=f"write `{joined}`: a join has branches") if joined else found
                    )
                    return
                name, position = names[position], position + 1
            elif name not in names:
                self.found.append(self.unknown_in(call, unknown_argument(owner, names, name, argument.span)))
            if name in seen and not _holds_values(call):
                self.report("wrong-arguments", f"`{owner}` gets `{name}` twice", argument.span)
            seen.add(name)

    def unknown_in(self, call: tree.Call, found: Diagnostic) -> Diagnostic:
        """The error for an unknown argument. For a network, it is an unknown parameter, as it is in expansion."""
        is_network = isinstance(self.file.definitions.get(call.function.name), Network)
        return replace(found, code="unknown-parameter") if is_network else found
