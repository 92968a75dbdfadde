"""What can stand at the cursor: ops, blocks, arguments, values, stages, variants, imports, words of the language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from archdsl.editing.calls import Signature, blanked, call_at, given, number_of, signature
from archdsl.ops.reference import reference
from archdsl.ops.registry import REGISTRY
from archdsl.ops.words import words_of
from archdsl.resolve.library import files_of
from archdsl.resolve.model import Block, File, Network
from archdsl.resolve.names import FUNCTIONS
from archdsl.resources import specs_folder
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.grammar import parse_partial

TOP = ("from", "network", "block", "def", "defaults")
DECLARATIONS = ("input", "param", "source", "scaling", "variants", "require", "defaults", "init", "expect", "def")
STATEMENTS = ("stage", "path", "let", "shared", "learned", "repeat", "for", "if", "return", "output")
VALUES = ("it", "input", "true", "false")
FACTS = ("params", "macs", "buffers", "layers", "shape")
"""Words that may begin a line of a file, of a network, of a body; values that every body has; what is expected."""

SIZES = ("channels", "height", "width", "frames", "length", "shape")
"""Facts of a value of the network: `it.channels`."""

LEADS = frozenset("and or not if elif then else in return let path shared repeat for".split())
"""Words after which a value or a name follows. After all others a step is complete."""

TYPES = ("int", "float", "bool", "str", "list", "block", "op")


class Completion(NamedTuple):
    """A word that can stand at the cursor, what kind of thing it is, and what it means, in short and at length."""

    word: str
    kind: str
    detail: str = ""
    doc: str = ""


def completions(file: File, offset: int) -> list[Completion]:
    """What can stand at an offset of a file's text, each word once, the likeliest first."""
    text = file.source.text
    line = blanked(text[:offset]).rpartition("\n")[2]
    found = dict[str, Completion]()
    for completion in _at(file, text, offset, line):
        found.setdefault(completion.word, completion)
    return list(found.values())


def _at(file: File, text: str, offset: int, line: str) -> Iterable[Completion]:
    comment = text.rfind("#", text.rfind("\n", 0, offset) + 1, offset)
    if comment >= 0 and not line[comment - offset :].strip():
        return ()
    if match := re.match(r"\s*from\s+([\w.]+)\s+import\b", line):
        return _definitions(match[1], file)
    if re.match(r"\s*from\s+[\w.]*$", line):
        return _modules(file)
    if match := re.search(r"(\w+)@\w*$", line):
        return _variants(file.definitions.get(match[1]))
    if re.match(r"\s*expect\b", line):
        return _facts(file, line)
    if re.search(r"\w\.\w*$", line):
        return [Completion(word, "field", "of a value of the network") for word in SIZES]
    if re.match(r"\s*param\s+\w+\s*:\s*\w*$", line):
        return [Completion(word, "type") for word in TYPES]
    if re.match(r"\w*$", line):
        return [Completion(word, "keyword") for word in TOP]
    if (after := re.search(r"(\w*)[)\]}]?\s+$", line)) and after[0].strip() and after[1] not in LEADS:
        return [Completion(word, "keyword") for word in ("->", "as", "first", "last")]
    return [*_arguments(file, text, offset), *_words(file, offset, line), *_names(file, offset), *_units(file)]


# --- kinds of places ---------------------------------------------------------------------------


def _folders(file: File) -> tuple[Path, ...]:
    """Where imports are looked for: beside the spec, then in the library."""
    return (*((file.source.path.parent,) if file.source.path is not None else ()), specs_folder())


def _modules(file: File) -> Iterator[Completion]:
    for module, _ in files_of(_folders(file)):
        yield Completion(module, "file")


def _definitions(module: str, file: File) -> Iterator[Completion]:
    from archdsl.syntax.parser import read_source

    path = next((path for name, path in files_of(_folders(file)) if name == module), None)
    items = parse_partial(read_source(path, module))[0].items if path is not None else ()
    for item in items:
        if isinstance(item, tree.Block | tree.Network):
            kind = "block" if isinstance(item, tree.Block) else "network"
            yield Completion(item.name.name, kind, module, item.doc.value if item.doc else "")


def _variants(network: Block | Network | None) -> Iterator[Completion]:
    if isinstance(network, Network):
        for name, variant in network.variants.items():
            yield Completion(name, "variant", ", ".join(part.span.text for part in variant.assignments))


def _facts(file: File, line: str) -> Iterator[Completion]:
    if re.search(r"\w\.\w*$", line):
        yield from (Completion(word, "field", "of a stage or an output") for word in FACTS if word != "layers")
        return
    if re.match(r"\s*expect\s+\w*$", line):
        yield from _variants(file.network)
    yield from (Completion(word, "field", "of the network") for word in FACTS if word != "shape")
    if file.network is not None:
        for statement in file.network.flow.statements:
            if isinstance(statement, tree.Stage | tree.Output):
                yield Completion(statement.name.name, "stage")


def _arguments(file: File, text: str, offset: int) -> Iterator[Completion]:
    """In a call: the arguments that it has not yet, or the words that the one being typed takes."""
    call = call_at(text, offset)
    takes = signature(call.name, file) if call else None
    if call is None or takes is None:
        return
    name, equals, _ = call.current.partition("=")
    if equals:
        yield from (Completion(word, "word", takes.name) for word in _words_of(takes, name.strip()))
        return
    position = number_of(call, takes)
    if position < len(takes.arguments):
        yield from (Completion(word, "word") for word in words_of(takes.name, takes.arguments[position].name))
    for argument in takes.arguments:
        if argument.name not in given(call, takes):
            yield Completion(f"{argument.name}=", "argument", argument.label, argument.doc)


def _words_of(takes: Signature, name: str) -> tuple[str, ...]:
    label = next((argument.label for argument in takes.arguments if argument.name == name), "")
    truth = ("true", "false") if label.endswith(("=true", "=false")) else ()
    return words_of(takes.name, name) + truth


def _words(file: File, offset: int, line: str) -> Iterator[Completion]:
    """Words that begin a line, where a line begins; and those that are values."""
    item = _item(file, offset)
    if re.match(r"\s+\w*$", line):
        own = DECLARATIONS if isinstance(item, tree.Network) else ()
        yield from (Completion(word, "keyword") for word in (*STATEMENTS, *own))
    yield from (Completion(word, "value") for word in VALUES)


def _item(file: File, offset: int) -> tree.Block | tree.Network | None:
    """The block or network around an offset, or the last one before it, which a new line continues."""
    items = [item for item in parse_partial(file.source)[0].items if isinstance(item, tree.Block | tree.Network)]
    return max((item for item in items if item.span.start <= offset), key=lambda i: i.span.start, default=None)


def _names(file: File, offset: int) -> Iterator[Completion]:
    """The names that are given in the same block or network before the offset, the nearest first."""
    item = _item(file, offset)
    start = item.span.start if item is not None else 0
    spans = {use.given for use in file.uses if use.given.source == file.source and start < use.given.start < offset}
    for span in sorted(spans, key=lambda span: -span.start):
        if span.text[0].islower() or span.text[0] == "_":
            yield Completion(span.text, "value", _line(span))


def _line(span: Span) -> str:
    return span.source.line(span.line).strip()


def _units(file: File) -> Iterator[Completion]:
    for name, definition in file.definitions.items():
        kind = "block" if isinstance(definition, Block) else "network"
        takes = signature(name, file)
        yield Completion(name, kind, takes.label if takes else "", definition.doc)
    for name, op in REGISTRY.written().items():
        entry = reference(op)
        yield Completion(name, "op", entry.signature, entry.summary)
    for name in (*file.functions, *(file.network.functions if file.network else ()), *FUNCTIONS):
        yield Completion(name, "function")
