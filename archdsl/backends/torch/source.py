"""A graph as the source of a standalone PyTorch module: classes, their constructors, their `forward`s, in this order."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archdsl import formula
from archdsl.backends.python.code import Class, Function, Text
from archdsl.backends.python.names import camel_case
from archdsl.backends.python.write import write_module, written
from archdsl.backends.torch.blocks import block_class, take_names
from archdsl.backends.torch.classes import Body, Classes, Differ, If, Item
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.documents import network_doc, shown
from archdsl.backends.torch.initialize import initialization
from archdsl.backends.torch.modules import Constructor
from archdsl.backends.torch.names import MODULE_NAMES, Namespace
from archdsl.backends.torch.network import input_names, network_classes, result_names
from archdsl.backends.torch.outline import Form, Member, Outline
from archdsl.backends.torch.program import main_program
from archdsl.backends.torch.settings import open_settings
from archdsl.ir.graph import Graph, Scope
from archdsl.ops.base import Support

Definition = Class | Function | Text


class Emitted(NamedTuple):
    """The text of a module, and what its main class is called."""

    text: str
    name: str


def source(graph: Graph) -> str:
    """The text of a Python file that needs nothing but torch. The same graph gives the same bytes.

    Its main class is named as the network; its arguments are the settings that only change numbers. Every parameter has
    its node's id.
    """
    return emit(graph).text


def emit(graph: Graph) -> Emitted:
    """The source, with the name of the class in it that is the network."""
    outline = Outline(graph)
    supports = _supports(outline)
    constructions = _Emission(outline, supports).constructions()
    initialize = initialization(constructions)
    definitions: list[Definition] = [Text(support.source) for support in supports]
    definitions += [initialize] if initialize else []
    for construction in constructions:
        if construction.body.scope.parent is None:
            doc, takes = network_doc(graph.header), input_names(graph)
            definitions += network_classes(construction, takes, doc, initialize is not None)
        else:
            definitions.append(block_class(construction, take_names(outline, construction.body)))
    name = constructions[-1].title
    definitions.append(main_program(graph, name))
    return Emitted(_module_text(graph, definitions), name)


class _Emission:
    """Settles the classes of a graph, what a class holds before the class."""

    def __init__(self, outline: Outline, supports: Sequence[Support]) -> None:
        self.outline, self.graph = outline, outline.graph
        self.classes = Classes(outline)
        self.settings = open_settings(outline)
        self.reserved = (*MODULE_NAMES, *(support.name for support in supports))
        self._begin()

    def _begin(self) -> None:
        self.names = Namespace(self.reserved)
        self.network = self.names.unique(base_name(self.outline, self.graph.scopes[""]))
        for name in set(result_names(self.graph, self.network)) - {None}:
            self.names.unique(str(name))
        self.made: dict[int, Constructor] = {}
        self.done: list[Construction] = []

    def constructions(self) -> list[Construction]:
        while True:
            try:
                self.settle(self.classes.of[""], ())
            except _Apart as found:
                self.classes.enter([self.graph.scopes[path] for path in found.body.same], apart=True)
                self._begin()
            except _Again:
                self._begin()
            else:
                return self.done

    def settle(self, body: Body, around: tuple[Body, ...]) -> None:
        """Settles a class after those that it holds. Raises `_Apart` for one whose uses turn out to differ."""
        if id(body) in self.made:
            return
        if any(body is outer for outer in around):
            raise _Apart(body)  # blocks that hold each other
        held = [self.classes.of[scope.path] for scope in self._held(body.items)]
        for inner in held:
            if inner is not body:
                self.settle(inner, (*around, body))
        is_network = body.scope.parent is None
        title = self.network if is_network else self.names.unique(base_name(self.outline, body.scope))
        takes = input_names(self.graph) if is_network else take_names(self.outline, body)
        is_recursive = any(inner is body for inner in held)
        try:
            # A block that holds itself: first its parameters, then what it gives, then the whole.
            for _ in range(3 if is_recursive else 1):
                made = Construction(self.classes, self.made, body, title, takes, self.settings, is_recursive)
                self.made[id(body)] = made.constructor
        except Differ:
            raise _Apart(body) from None
        if is_recursive and made.added:
            raise _Apart(body)
        if made.has_unknown and self.settings:
            self.settings = {}
            raise _Again
        self.done.append(made)

    def _held(self, items: Sequence[Item]) -> Iterator[Scope]:
        """The uses of classes that a class makes, those in its sequences and lists included."""
        for item in items:
            if isinstance(item, If):
                for arm in item.arms.values():
                    yield from self._held(arm)
            else:
                for member in item.members.values():
                    yield from self._classes_in(member)

    def _classes_in(self, member: Member) -> Iterator[Scope]:
        if not isinstance(member, Scope):
            return
        if self.classes.form(member) is Form.CLASS:
            yield member
            return
        for inner in self.outline.members(member.path):
            yield from self._classes_in(inner)


class _Again(Exception):
    """A number of the network has no formula, so that no setting may stay open."""


class _Apart(Exception):
    """A class whose uses have to be classes of their own."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body


def base_name(outline: Outline, scope: Scope) -> str:
    """What a class is called before it is made unique: by its block, else by its place in the spec."""
    if scope.parent is None:
        return camel_case(outline.graph.header.name)
    if scope.block is not None:
        return camel_case(scope.block)
    parent = outline.graph.scopes[scope.parent]
    if scope.kind == "copy":
        return base_name(outline, parent)
    if scope.kind in ("stage", "output") or parent.kind == "network":
        return camel_case(scope.name)
    return base_name(outline, parent) + camel_case(scope.name)


def _supports(outline: Outline) -> tuple[Support, ...]:
    """The definitions that torch lacks, each once, after those that it needs."""
    found: dict[str, Support] = {}
    for node in outline.graph:
        if node.op.name != "input":
            support = outline.emission(node).support
            for definition in support.definitions() if support else ():
                found.setdefault(definition.name, definition)
    return tuple(found.values())


ROUND_TO = inspect.getsource(formula.round_to)
"""The language's own rounding, for modules that need it."""


def _module_text(graph: Graph, definitions: Sequence[Definition]) -> str:
    """The module; what it imports and defines beside its classes is what its text uses."""
    done = [written(definition) for definition in definitions]
    text = "\n".join(definition.text for definition in done)
    helpers = [Text(ROUND_TO)] if "round_to(" in text else []
    imports = ["import argparse"]
    imports += ["import math"] if "math." in text else []
    imports += ["import time"]
    imports += ["from collections import OrderedDict"] if "OrderedDict(" in text else []
    imports += ["from typing import NamedTuple"] if "(NamedTuple)" in text else []
    imports += ["", "import torch"]
    imports += ["import torch.nn.functional as F"] if "F." in text else []
    imports += ["from torch import Tensor, nn"]
    doc = f"{graph.header.name} from {shown(graph.header.spec)}, in PyTorch."
    run = Text('if __name__ == "__main__":\n    main()')
    return write_module((doc,), imports, (*helpers, *done, run))
