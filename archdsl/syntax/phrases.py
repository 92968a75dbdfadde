"""Writes expressions, steps and chains, which stand within a line. Lines can be broken only inside brackets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from archdsl.syntax import tree
from archdsl.syntax.pretty import Choose, Doc, Group, LineBreak, Nest, bracketed, flat_text, separated

# Precedences. An operand is put in parentheses if its precedence is lower than its place requires.
CONDITIONAL, OR, AND, NOT, COMPARE, SHAPE, SUM, PRODUCT, SIGN, POWER, ATOM = range(11)

BINARY = {
    "or": (OR, OR, AND),
    "and": (AND, AND, NOT),
    "+": (SUM, SUM, PRODUCT),
    "-": (SUM, SUM, PRODUCT),
    "*": (PRODUCT, PRODUCT, SIGN),
    "/": (PRODUCT, PRODUCT, SIGN),
    "//": (PRODUCT, PRODUCT, SIGN),
    "%": (PRODUCT, PRODUCT, SIGN),
    "^": (POWER, ATOM, SIGN),
}
"""For each operator its precedence, and the least precedence of its left and right operand."""


def expression_text(expression: tree.Expression) -> str:
    """An expression on one line, with parentheses only where they change its meaning."""
    return flat_text(expression_doc(expression))


def expression_doc(expression: tree.Expression, tightness: int = CONDITIONAL) -> Doc:
    """An expression at a place that requires at least the precedence `tightness`."""
    own, doc = _expression(expression)
    return doc if own >= tightness else ("(", doc, ")")


def shape_doc(shape: tree.Shape) -> Doc:
    """A shape as in the declaration of an input, with blanks: `3 x 224 x 224`. (Elsewhere it is `2048x7x7`.)"""
    return tuple(separated((" x ",), (expression_doc(dim, SUM) for dim in shape.dims)))


def _expression(expression: tree.Expression) -> tuple[int, Doc]:
    """The precedence of the outermost operator, and the text."""
    match expression:
        case tree.Number(text):
            return ATOM, text
        case tree.String():
            return ATOM, string_text(expression)
        case tree.Boolean(value):
            return ATOM, "true" if value else "false"
        case tree.Name(name):
            return ATOM, name
        case tree.VariantOf(name, variant):
            return ATOM, f"{name}@{variant}"
        case tree.List(items):
            short = all(isinstance(item, tree.Number | tree.Name | tree.Boolean) for item in items)
            return ATOM, bracketed("[", [expression_doc(item) for item in items], "]", filled=short)
        case tree.Comprehension():
            return ATOM, Group(("[", Nest((LineBreak(""), _comprehension(expression))), LineBreak(""), "]"))
        case tree.Attribute(value, name):
            return ATOM, (expression_doc(value, ATOM), ".", name)
        case tree.Index(value, index):
            return ATOM, (expression_doc(value, ATOM), "[", expression_doc(index), "]")
        case tree.Slice(value, start, stop):
            ends = ["" if end is None else expression_doc(end) for end in (start, stop)]
            return ATOM, (expression_doc(value, ATOM), "[", ends[0], ":", ends[1], "]")
        case tree.Call(function, arguments):
            return ATOM, (expression_doc(function), arguments_doc(arguments))
        case _:
            return _operation(expression)


def _operation(
    expression: tree.Unary | tree.Binary | tree.Compare | tree.Shape | tree.Conditional,
) -> tuple[int, Doc]:
    match expression:
        case tree.Unary("-", value):
            return SIGN, ("-", expression_doc(value, SIGN))
        case tree.Unary(_, value):
            return NOT, ("not ", expression_doc(value, NOT))
        case tree.Binary(operator, left, right):
            own, of_left, of_right = BINARY[operator]
            return own, (expression_doc(left, of_left), f" {operator} ", expression_doc(right, of_right))
        case tree.Compare(operator, left, right, tolerance):
            within = f" ± {tolerance.text}%" if tolerance else ""
            return COMPARE, (expression_doc(left, SHAPE), f" {operator} ", expression_doc(right, SHAPE), within)
        case tree.Shape(dims):
            if all(isinstance(dim, tree.Number) and dim.text.isdigit() for dim in dims):
                return SHAPE, tuple(separated(("x",), (expression_doc(dim) for dim in dims)))
            return SHAPE, shape_doc(expression)
        case tree.Conditional(condition, then, otherwise):
            parts = ("if ", condition), (" then ", then), (" else ", otherwise)
            return CONDITIONAL, tuple((word, expression_doc(part)) for word, part in parts)


def _comprehension(made: tree.Comprehension) -> Doc:
    only = (LineBreak(), "if ", expression_doc(made.condition)) if made.condition is not None else ()
    over = f"for {names_text(made.names)} in ", expression_doc(made.values)
    return expression_doc(made.value), LineBreak(), *over, *only


def string_text(string: tree.String) -> str:
    """A string in quotes. Backslashes are doubled only before quotes and backslashes: `"$\\alpha$"` stays readable."""
    text = ""
    for character, following in zip(string.value, (string.value + '"')[1:], strict=True):
        escaped = character == '"' or (character == "\\" and following in '\\"')
        text += f"\\{character}" if escaped else character
    return f'"{text}"'


def arguments_doc(arguments: Iterable[tree.Argument]) -> Doc:
    return bracketed("(", [argument_doc(argument) for argument in arguments], ")")


def argument_doc(argument: tree.Argument) -> Doc:
    value = value_doc(argument.value)
    return value if argument.name is None else (argument.name, "=", value)


def parameter_doc(parameter: tree.Parameter, equals: str = "=") -> Doc:
    """A parameter: `stride=1` or `width: int = 64`. Without a type, `equals` is written before the default."""
    doc: list[Doc] = [parameter.name.name]
    if parameter.type:
        doc.append(f": {parameter.type}")
    if parameter.default is not None:
        doc += [" = " if parameter.type else equals, expression_doc(parameter.default)]
    if parameter.doc:
        doc.append(f" {string_text(parameter.doc)}")
    return tuple(doc)


# --- steps and chains ----------------------------------------------------------------------


def chain_doc(chain: tree.Chain) -> Doc:
    """A chain that stands inside brackets."""
    return steps_doc([step_doc(step) for step in chain.steps], chain.breaks)


def steps_doc(steps: Sequence[Doc], breaks: Collection[int]) -> Doc:
    """Steps with arrows between them. Lines are broken at `breaks`, and before an arrow if they would be too long."""
    first, *others = steps
    return first, Nest(tuple(arrow_doc(step, i in breaks) for i, step in enumerate(others, 1)))


def arrow_doc(step: Doc, broken: bool) -> Doc:
    return (LineBreak(None), "-> ", step) if broken else Group((LineBreak(), "-> ", step))


def step_doc(step: tree.Step) -> Doc:
    doc: list[Doc] = [target_doc(step.target)]
    if step.copies:
        doc.append(copies_doc(step.copies))
    if step.binding:
        names = ", ".join(name.name for name in step.binding.names)
        doc.append(f" as ({names})" if step.binding.several else f" as {names}")
    return tuple(doc)


def target_doc(target: tree.StepTarget) -> Doc:
    match target:
        case tree.Values(items):
            return bracketed("(", [value_doc(item) for item in items], ")")
        case tree.Spread():
            return value_doc(target)
        case tree.Group(chain):
            return "(", chain_doc(chain), ")"
        case tree.Choice(condition, then, otherwise):
            rest: Doc = (" else ", step_doc(otherwise)) if otherwise else ""
            return "if ", expression_doc(condition), " then ", step_doc(then), rest
        case tree.Merge():
            return merge_head(target), _branches(target.branches)
        case _:
            return expression_doc(target)


def value_doc(value: tree.Expression | tree.Spread) -> Doc:
    return ("*", expression_doc(value.value, ATOM)) if isinstance(value, tree.Spread) else expression_doc(value)


def copies_doc(copies: tree.Copies) -> Doc:
    plain = not isinstance(copies.count, tree.String | tree.Boolean | tree.List | tree.Comprehension)
    count = expression_doc(copies.count, ATOM) if plain else ("(", expression_doc(copies.count), ")")
    overrides = [(f" {word}", arguments_doc(args)) for word, args in _overrides(copies)]
    return " * ", count, *overrides


def _overrides(copies: tree.Copies) -> list[tuple[str, tuple[tree.Argument, ...]]]:
    return [(word, args) for word, args in (("first", copies.first), ("last", copies.last)) if args]


def names_text(names: Iterable[tree.Name]) -> str:
    """`k, c, s`."""
    return ", ".join(name.name for name in names)


def merge_head(merge: tree.Merge) -> Doc:
    return "parallel" if merge.op is None else expression_doc(merge.op)


def _branches(branches: Collection[tree.Branch]) -> Doc:
    """Branches in braces, `{a | b}`, or with one branch per line, each after a bar."""
    docs = separated((LineBreak(" "), "| "), (branch_doc(branch) for branch in branches))
    return Group(("{", Nest((LineBreak(""), Choose("", "| "), *docs)), LineBreak(""), "}"))


def branch_doc(branch: tree.Branch) -> Doc:
    return clauses_doc(branch.clauses), chain_doc(branch.chain)


def clauses_doc(clauses: Iterable[tree.Each | tree.When]) -> Doc:
    docs: list[Doc] = []
    for clause in clauses:
        if isinstance(clause, tree.Each):
            docs.append((f"for {names_text(clause.names)} in ", expression_doc(clause.values), ": "))
        else:
            docs.append(("if ", expression_doc(clause.condition), ": "))
    return tuple(docs)
