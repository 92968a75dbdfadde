"""Writes definitions (`code.py`) as the text of a Python module, with blank lines as `ruff format` has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from archdsl.backends.python.code import Class, Code, Function, Line, Text
from archdsl.backends.python.document import STEP, WIDTH, columns
from archdsl.backends.python.layout import lay_out


def write_module(doc: Sequence[str], imports: Sequence[str], definitions: Iterable[Class | Function | Text]) -> str:
    """The text of a module: docstring, imports, and definitions with two blank lines between them.

    `doc` are the lines of the docstring. Raises `Unwritable`.
    """
    lines = [*_docstring(doc, 0), "", "from __future__ import annotations", "", *imports]
    for definition in definitions:
        lines += ["", "", *_definition(definition)]
    return "\n".join(lines) + "\n"


def written(definition: Class | Function | Text) -> Text:
    """A definition as text. Raises `Unwritable`."""
    return Text("\n".join(_definition(definition)))


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
    parts = [list(_docstring(definition.doc, 1)), [line for field in definition.fields for line in _code(field, 1)]]
    parts += [list(_function(method, 1)) for method in definition.methods]
    written = [part for part in parts if part] or [[f"{STEP}pass"]]
    for i, part in enumerate(written):
        yield from ("",) if i else ()
        yield from part


def _function(function: Function, indent: int) -> Iterator[str]:
    head = f"def {function.name}({', '.join(function.arguments)}) -> {function.result}:"
    yield from _with_comment(lay_out(head, indent), function.comment)
    yield from _docstring(function.doc, indent + 1)
    for line in function.lines:
        yield from _code(line, indent + 1)


def _code(code: Code, indent: int) -> Iterator[str]:
    if isinstance(code, Line):
        yield from _with_comment(lay_out(code.text, indent) if code.text else [""], code.comment)
        return
    yield from lay_out(code.header, indent)
    for line in code.lines:
        yield from _code(line, indent + 1)


def _with_comment(lines: list[str], comment: str) -> Iterator[str]:
    """The lines, with the comment behind the last one if it fits."""
    fits = columns(lines[-1]) + columns(comment) + 4 <= WIDTH
    yield from lines[:-1]
    yield f"{lines[-1]}  # {comment}" if comment and fits else lines[-1]


def _docstring(doc: Sequence[str], indent: int) -> Iterator[str]:
    """A docstring: one line between its quotes; if there are several, the closing quotes have their own line."""
    lines = [_escaped(line.rstrip()) for line in doc]
    if not any(lines):
        return
    margin = STEP * indent
    first, *rest = lines
    first = re.sub(r'^\s*(?=")', r"\\", first).lstrip()
    if not rest:
        yield f'{margin}"""{_ending(first)}"""'
        return
    yield f'{margin}"""{first}'
    yield from (f"{margin}{line}" if line else "" for line in rest)
    yield f'{margin}"""'


def _escaped(line: str) -> str:
    """A line of a docstring with backslashes and triple quotes escaped."""
    return re.sub('"{3,}', lambda quotes: '\\"' * len(quotes[0]), line.replace("\\", r"\\"))


def _ending(line: str) -> str:
    """The last line of a docstring. A quote at its end is escaped, since it would join the closing quotes."""
    return re.sub(r'(?<!\\)((?:\\\\)*)"$', r'\1\\"', line)
