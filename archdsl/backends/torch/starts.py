"""Finds modules whose initial weights differ between the uses of their class.

A block takes numbers as arguments, but a rule for initial weights is no number. So the class cannot state it, and the
class that holds the uses states it for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archdsl.backends.torch.classes import Classes
from archdsl.ir.graph import Node

Use = Mapping[str, Node]
"""The nodes of one use of a class, by their path in it."""


def differing(classes: Classes) -> frozenset[str]:
    """The ids of the nodes whose initial weights differ between the uses of their class."""
    found: set[str] = set()
    for uses in _by_class(classes).values():
        for nodes in _groups(list(uses.values())):
            if len({node.op.initialize("module") for node in nodes}) > 1:
                found.update(node.id for node in nodes)
    return frozenset(found)


def _by_class(classes: Classes) -> dict[int, dict[str, dict[str, Node]]]:
    """By class and use: the nodes that the use makes, without those of inner classes."""
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
    """The nodes that are the same module of the class in its uses; nodes of copies count as one module."""
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
