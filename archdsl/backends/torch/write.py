"""A plan -> the text of a Python module. Knows blank lines and indentation, and nothing about networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archdsl.backends.torch.code import Class, Code, Function, Line, Text
from archdsl.backends.torch.layout import STEP, WIDTH, lay_out


def write_module(doc: Sequence[str], imports: Sequence[str], definitions: Iterable[Class | Function | Text]) -> str:
    """The module: docstring, imports, definitions two blank lines apart."""
    lines = [*_docstring(doc, 0), "", "from __future__ import annotations", "", *imports]
    for definition in definitions:
        lines += ["", "", *_definition(definition)]
    return "\n".join(lines) + "\n"


def _definition(definition: Class | Function | Text) -> Iterator[str]:
    match definition:
        case Text(text):
            yield text.rstrip("\n")
        case Function():
            yield from _function(definition, 0)
        case Class():
            yield from _class(definition)


def _class(definition: Class) -> Iterator[str]:
    yield f"class {definition.name}({definition.base}):"
    yield from _docstring(definition.doc, 1)
    if definition.fields:
        yield ""
        for field in definition.fields:
            yield from _code(field, 1)
    for method in definition.methods:
        yield ""
        yield from _function(method, 1)


def _function(function: Function, indent: int) -> Iterator[str]:
    head = f"def {function.name}({', '.join(function.arguments)}) -> {function.result}:"
    yield from _with_comment(list(lay_out(head, indent)), function.comment)
    yield from _docstring(function.doc, indent + 1)
    for line in function.lines:
        yield from _code(line, indent + 1)


def _code(code: Code, indent: int) -> Iterator[str]:
    if isinstance(code, Line):
        yield from _with_comment(list(lay_out(code.text, indent)) if code.text else [""], code.comment)
        return
    yield from lay_out(code.header, indent)
    for line in code.lines:
        yield from _code(line, indent + 1)


def _with_comment(lines: list[str], comment: str) -> Iterator[str]:
    """Lines with a comment after the last, where it fits."""
    fits = len(lines[-1]) + len(comment) + 4 <= WIDTH
    yield from lines[:-1]
    yield f"{lines[-1]}  # {comment}" if comment and fits else lines[-1]


def _docstring(doc: Sequence[str], indent: int) -> Iterator[str]:
    """One line in its quotes; more with the quotes on a line of their own."""
    if not doc:
        return
    lines = [line.replace("\\", "\\\\").replace('"""', "'''") for line in doc]
    margin = STEP * indent
    if len(lines) == 1:
        ending = '\\"' if lines[0].endswith('"') else lines[0][-1:]
        yield f'{margin}"""{lines[0][:-1]}{ending}"""'
        return
    yield f'{margin}"""{lines[0]}'
    yield from (f"{margin}{line}" if line else "" for line in lines[1:])
    yield f'{margin}"""'
