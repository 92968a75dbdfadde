"""Collects the network that a file describes layer by layer, and makes a graph of it.

Such files have no blocks; these are found from the flow of values (`outline.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.frontends.finished import finished
from archdsl.frontends.naming import ModuleCall
from archdsl.frontends.nodes import NewNode
from archdsl.ir.imported import Imported
from archdsl.limits import STEPS
from archdsl.ops.base import Mismatch, Op
from archdsl.ops.registry import REGISTRY
from archdsl.source import Source, Span
from archdsl.tensor import Tensor
from archdsl.text import as_name, shown

Ref = tuple[int, int]
"""A value: the number of the node that makes it, and which of its outputs it is."""


class Refused(Exception):
    """Raised to give up one layer; the diagnostic says why. Layers after it that take its value say nothing."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def wrong(message: str, span: Span, help: str | None = None, notes: Sequence[Note] = ()) -> Refused:
    """What is raised for a layer that is written wrongly."""
    return Refused(Diagnostic("bad-model-file", message, span, notes=tuple(notes), help=help))


def not_read(message: str, span: Span, help: str | None = None) -> Refused:
    """What is raised for a layer that the language has no words for."""
    return Refused(Diagnostic("unknown-layer", message, span, help=help))


def too_many(source: Source, given: int, wanted: int) -> CompileError:
    """The error for more shapes of inputs than a network has inputs."""
    message = f"{source.name} takes {wanted} input{'s' if wanted != 1 else ''}, got the shapes of {given}"
    return CompileError([Diagnostic("reference-inputs", message, help=f"give `--input` {wanted} times at most")])


class Flat:
    """The nodes of a network, in the order of the file, and what was found to be wrong with its layers."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.nodes: list[NewNode] = []
        self.problems: list[Diagnostic] = []
        self.names: set[str] = set()

    def tensor(self, value: Ref) -> Tensor:
        return self.nodes[value[0]].outputs[value[1]]

    def add(self, op: str, *inputs: Ref, span: Span, name: str = "", **arguments: Any) -> tuple[Ref, ...]:
        """Adds a node, which `name` is the file's own name of, if there is one. Raises `Refused`."""
        try:
            made = REGISTRY[op](**arguments)
        except ValidationError as error:
            raise wrong(_first_reason(op, error), span) from None
        return self.enter(made, inputs, span, name)

    def enter(self, op: Op, inputs: Sequence[Ref], span: Span, name: str = "") -> tuple[Ref, ...]:
        """Adds a node. A name that is taken already is not used again. Raises `Refused`."""
        if len(self.nodes) >= STEPS:
            message = f"{self.source.name} has more than {STEPS:,} steps, which no network has"
            raise CompileError([*self.problems, Diagnostic("file-too-large", message, span)])
        try:
            outputs = op.outputs(*map(self.tensor, inputs))
        except Mismatch as error:
            raise Refused(Diagnostic(error.code, str(error), span, notes=self._origins(inputs))) from None
        module = as_name(name) if name else ""
        place = ModuleCall("" if module in self.names else module, "", op.name)
        self.names.add(module)
        self.nodes.append(NewNode(op, tuple(inputs), outputs, {}, place, span))
        return tuple((len(self.nodes) - 1, port) for port in range(len(outputs)))

    def _origins(self, inputs: Sequence[Ref]) -> tuple[Note, ...]:
        """Where the values come from that a step cannot take."""
        return tuple(note for value in dict.fromkeys(inputs) for note in self.origin(value))

    def origin(self, value: Ref) -> tuple[Note, ...]:
        """Where a value comes from."""
        span = self.nodes[value[0]].span
        return (Note(f"{self.tensor(value)} comes from {shown(span.text, 60)}", span),) if span else ()

    @contextmanager
    def noting(self) -> Iterator[None]:
        """A context in which one layer is read: what it raises as `Refused` is noted."""
        try:
            yield
        except Refused as error:
            self.problems.append(error.diagnostic)

    def imported(self, name: str, results: Sequence[tuple[str, Ref]], lasting: int, said: str = "") -> Imported:
        """The graph of what the `results` need, the main one first. Raises `CompileError` if anything was wrong.

        Results after the first `lasting` exist only in training. `said` is what was left out.
        """
        if self.problems:
            raise CompileError(self.problems)
        nodes, numbers = self._needed([value for _, value in results])
        moved = [(key, (numbers[node], port)) for key, (node, port) in results]
        found = finished(nodes, moved, lasting, {"": name}, (), {}, self.source.name, outline=True)
        return replace(found, left_out=said)

    def _needed(self, results: Iterable[Ref]) -> tuple[list[NewNode], dict[int, int]]:
        """The inputs, and the nodes that the results depend on, with their new numbers by the old ones."""
        needed = {number for number, node in enumerate(self.nodes) if node.op.name == "input"}
        needed |= {number for number, _ in results}
        for number in range(len(self.nodes) - 1, -1, -1):
            if number in needed:
                needed.update(source for source, _ in self.nodes[number].inputs)
        numbers = {old: new for new, old in enumerate(sorted(needed))}
        nodes = []
        for old in numbers:
            node = self.nodes[old]
            inputs = tuple((numbers[source], port) for source, port in node.inputs)
            nodes.append(NewNode(node.op, inputs, node.outputs, node.weights, node.place, node.span))
        return nodes, numbers


def _first_reason(op: str, error: ValidationError) -> str:
    """Why an op does not take an argument."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][:1]))
    return f"`{op}` cannot have {where}={first['input']!r}: {first['msg'].lower()}"
