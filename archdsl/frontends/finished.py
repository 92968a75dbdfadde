"""The last steps of every reader of other networks: nodes with their modules become a graph with names and scopes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from archdsl.frontends.joins import Output, joined_before, unsplit
from archdsl.frontends.naming import names
from archdsl.frontends.nodes import NewNode
from archdsl.frontends.outline import CONTAINER, outlined
from archdsl.frontends.scopes import Tree
from archdsl.ir.imported import Imported
from archdsl.ir.verify import verify


def finished(
    made: Sequence[NewNode],
    results: Sequence[tuple[str, Output]],
    lasting: int,
    classes: Mapping[str, str],
    leaves: Iterable[str],
    texts: Mapping[str, str],
    name: str,
    outline: bool = False,
) -> Imported:
    """The network that was read from `name`. Which weights are unused is for the reader to say.

    `results` are the outputs' names and values; those after the first `lasting` exist only in training. `classes` has
    the name of the class of each module by its path, `leaves` are the paths of modules without children, and `texts`
    says what such a module is, as it prints itself. With `outline`, blocks and stages are found from the flow
    of values: for networks whose modules say nothing of them.
    """
    nodes, values = unsplit(made, [value for _, value in results])
    if outline:
        placed, found = outlined(nodes, values)
        # A module of several nodes becomes a scope, and keeps its class.
        own = {
            new.place.module: classes.get(old.place.module, CONTAINER) for old, new in zip(nodes, placed, strict=True)
        }
        nodes, leaves = placed, own.keys() - found.keys()
        classes = {**own, **found, "": classes[""]}
    else:
        nodes = joined_before(nodes, classes)
    named = names([one.place for one in nodes], leaves)
    tree = Tree(nodes, named, classes, texts, name)
    graph = tree.graph(list(zip((key for key, _ in results), values, strict=True)), lasting)
    verify(graph, "import")
    return Imported(graph, tree.keys, (), modules=named.modules)
