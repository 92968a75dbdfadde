"""A graph as the source of a standalone PyTorch module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archdsl.backends.python.code import Class, Function, Text
from archdsl.backends.python.write import write_module
from archdsl.backends.torch.classes import Blueprint, block_class
from archdsl.backends.torch.documents import block_doc, network_doc, shown, telling_attributes, telling_decisions
from archdsl.backends.torch.formula import ROUND_TO
from archdsl.backends.torch.initialize import initialization
from archdsl.backends.torch.names import MODULE_NAMES, Namespace
from archdsl.backends.torch.network import network_classes, result_names
from archdsl.backends.torch.outline import Form, Outline
from archdsl.backends.torch.program import main_program
from archdsl.backends.torch.structure import Structures, attributes, base_name
from archdsl.backends.torch.template import Templates
from archdsl.ir.graph import Graph, Scope
from archdsl.ops.base import Support

Definition = Class | Function | Text


class Emitted(NamedTuple):
    """The text of a module, and what its main class is called."""

    text: str
    name: str


def source(graph: Graph) -> str:
    """The text of a Python file that needs nothing but torch. The same graph gives the same bytes.

    Its main class is named as the network and takes no arguments; every parameter has its node's id.
    """
    return emit(graph).text


def emit(graph: Graph) -> Emitted:
    """The source, with the name of the class in it that is the network."""
    outline = Outline(graph)
    structures = Structures(outline)
    supports = _supports(outline)
    names = _class_names(structures, supports)
    definitions: list[Definition] = [Text(support.source) for support in supports]
    initialize = initialization(structures, {number: names[number] for number in _in_order(structures)})
    definitions += [initialize] if initialize else []
    definitions += _classes(structures, names, initialize is not None)
    name = names[structures.of(graph.scopes[""])]
    definitions.append(main_program(graph, name))
    return Emitted(_module_text(graph, definitions), name)


def _class_names(structures: Structures, supports: Sequence[Support]) -> dict[int, str]:
    """The network's own name first, then each class by its block, numbered where one block makes several."""
    outline = structures.outline
    taken = Namespace((*MODULE_NAMES, *(support.name for support in supports)))
    root = structures.of(outline.graph.scopes[""])
    names = {root: taken.unique(base_name(outline, outline.graph.scopes[""]))}
    for name in set(result_names(outline.graph, names[root])) - {None}:
        taken.unique(str(name))
    for number in _in_order(structures):
        if number != root:
            names[number] = taken.unique(base_name(outline, structures.uses[number][0]))
    return names


def _in_order(structures: Structures) -> Iterator[int]:
    """Classes in the order in which a reader meets their modules, what a class holds before the class."""
    seen: set[int] = set()
    pending: list[tuple[Scope, bool]] = [(structures.outline.graph.scopes[""], False)]
    while pending:
        scope, is_done = pending.pop()
        number = structures.of(scope)
        if is_done:
            if structures.outline.forms[scope.path] is Form.CLASS:
                yield number
        elif number not in seen:
            seen.add(number)
            pending.append((scope, True))
            held = [m for _, m in attributes(structures.outline, scope.path) if isinstance(m, Scope)]
            pending += [(member, False) for member in reversed(held)]


def _classes(structures: Structures, names: dict[int, str], initialized: bool) -> Iterator[Class]:
    graph = structures.outline.graph
    templates = Templates(structures)
    for number in _in_order(structures):
        if structures.uses[number][0].path == "":
            blueprint = Blueprint(structures, templates, number, names[number], network_doc(graph.header))
            yield from network_classes(blueprint, graph, initialized)
        else:
            doc = block_doc(structures.uses[number][0], _conditions(structures, number))
            yield block_class(Blueprint(structures, templates, number, names[number], doc))


def _conditions(structures: Structures, number: int) -> tuple[str, ...]:
    """What makes this class of a block another than the block's other classes."""
    scope = structures.uses[number][0]
    others = [
        uses
        for other, uses in structures.uses.items()
        if other != number and uses[0].block is not None and uses[0].defined == scope.defined
    ]
    decisions = tuple(telling_decisions(structures.uses[number], others))
    if decisions or not others:
        return decisions
    own, *rest = (
        [name for name, _ in attributes(structures.outline, s.path)] for s in (scope, *(u[0] for u in others))
    )
    return tuple(telling_attributes(own, rest))


def _supports(outline: Outline) -> tuple[Support, ...]:
    """The definitions that torch lacks, each once, after those that it needs."""
    found: dict[str, Support] = {}
    for node in outline.graph:
        if node.op.name != "input":
            support = outline.emission(node).support
            for definition in support.definitions() if support else ():
                found.setdefault(definition.name, definition)
    return tuple(found.values())


def _module_text(graph: Graph, definitions: Sequence[Definition]) -> str:
    """The module; what it imports and defines beside its classes is what its text uses."""
    text = write_module((), (), definitions)
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
    return write_module((doc,), imports, (*helpers, *definitions, run))
