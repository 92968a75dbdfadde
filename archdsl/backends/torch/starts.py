"""Modules of one class whose weights start differently in its uses, so that the class cannot say how they start.

A block takes numbers as arguments, but how its weights start is no number: what holds the uses says it for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archdsl.backends.torch.classes import Classes
from archdsl.ir.graph import Node

Use = Mapping[str, Node]
"""The nodes of one use of a class, by their path in it."""


def differing(classes: Classes) -> frozenset[str]:
    """The ids of the nodes whose weights do not start alike in all uses of the class that they are part of."""
    found: set[str] = set()
    for uses in _by_class(classes).values():
        for nodes in _groups(list(uses.values())):
            if len({node.op.initialize("module") for node in nodes}) > 1:
                found.update(node.id for node in nodes)
    return frozenset(found)


def _by_class(classes: Classes) -> dict[int, dict[str, dict[str, Node]]]:
    """By class and use: the nodes that the use makes, those of inner classes left out."""
    found: dict[int, dict[str, dict[str, Node]]] = {}
    for node in classes.outline.graph:
        owner = _owner(classes, node.scope)
        uses = found.setdefault(id(classes.of[owner]), {})
        uses.setdefault(owner, {})[node.id[len(owner) :].lstrip(".")] = node
    return found


def _owner(classes: Classes, path: str) -> str:
    while path not in classes.of:
        parent = classes.outline.graph.scopes[path].parent
        assert parent is not None
        path = parent
    return path


def _groups(uses: list[Use]) -> Iterator[list[Node]]:
    """The nodes that are one module of the class; of copies that vary in number, those of all copies."""
    rows: dict[str, list[Node]] = {}
    for use in uses:
        for path, node in use.items():
            rows.setdefault(path, []).append(node)
    copies: dict[str, list[Node]] = {}
    uneven: set[str] = set()
    for path, nodes in rows.items():
        every = ".".join("*" if part.isdecimal() else part for part in path.split("."))
        copies.setdefault(every, []).extend(nodes)
        if len(nodes) < len(uses) and every != path:
            uneven.add(every)
        yield nodes
    yield from (copies[every] for every in sorted(uneven))
