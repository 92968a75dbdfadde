"""Like paths side by side are drawn as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from archdsl.analyses.structure import identity
from archdsl.backends.figures.items import Box, Item, OpenScope, OpRow, Tag, View
from archdsl.ir.graph import Scope, Value
from archdsl.ops.base import Family


class Bundler:
    """Draws three or more like paths from one value into one merge as one: the 32 paths of a ResNeXt block."""

    def __init__(
        self, scope: Scope, items: list[Item], outputs: tuple[Value, ...], numbers: Mapping[str, int], loosely: bool
    ) -> None:
        """`numbers` are the structures of scopes; `loosely`: ops are alike by name."""
        self.scope, self.all, self.numbers, self.loosely = scope, items, numbers, loosely
        self.makers = {value: item for item in items for value in item.outputs}
        users = Counter(value for item in items for value in item.inputs)
        self.lone = {value for value, count in users.items() if count == 1 and value not in outputs}

    def items(self) -> Iterator[Item]:
        gone: set[int] = set()
        bundles: dict[int, OpenScope] = {}
        changed: dict[int, OpRow] = {}
        for item in self.all:
            if isinstance(item, OpRow) and len(item.inputs) > 2 and item.nodes[0].op.family is Family.MERGE:
                kept = list(item.inputs)
                for paths in self._groups(item):
                    first, *others = paths
                    bundles[id(first[0])] = self._frame(first, paths)
                    gone |= {id(member) for path in paths for member in path}
                    bundled = {path[-1].outputs[0] for path in others}
                    kept = [value for value in kept if value not in bundled]
                changed[id(item)] = replace(item, inputs=tuple(kept))
        for item in self.all:
            if id(item) in bundles:
                yield bundles[id(item)]
            elif id(item) not in gone:
                yield changed.get(id(item), item)

    def _groups(self, merge: OpRow) -> Iterator[list[list[Item]]]:
        """Like paths into a merge, each from the top down."""
        groups: dict[object, list[list[Item]]] = {}
        for value in dict.fromkeys(merge.inputs):
            path, source = self._path(value)
            if path:
                kind = source, tuple(self._kind(item) for item in path)
                groups.setdefault(kind, []).append(path)
        return (paths for paths in groups.values() if len(paths) > 2)

    def _path(self, value: Value) -> tuple[list[Item], Value]:
        path: list[Item] = []
        while value in self.lone and value in self.makers:
            item = self.makers[value]
            if len(item.inputs) != 1 or len(item.outputs) != 1:
                break
            path.append(item)
            value = item.inputs[0]
        return path[::-1], value

    def _kind(self, item: Item) -> object:
        match item:
            case OpRow():
                return tuple(node.op.name if self.loosely else identity(node.op) for node in item.nodes), item.count
            case Tag():
                return item
            case _:
                return self.numbers[item.scope.path], item.scope.block, item.count

    def _frame(self, path: list[Item], paths: list[list[Item]]) -> OpenScope:
        inputs, outputs = path[0].inputs, path[-1].outputs
        scope = replace(self.scope, kind="block", path=f"{self.scope.path} {len(paths)} paths")
        alike = tuple(tuple(end for item in members for end in _parts(item)) for members in paths)
        view = View(tuple(path), inputs, outputs)
        return OpenScope(scope, inputs, outputs, view, alike, title=f"{len(paths)} paths")


def _parts(item: Item) -> Iterator[str]:
    """The paths of all that an item of a path consists of."""
    if isinstance(item, OpRow):
        yield from (node.id for node in item.nodes)
    elif isinstance(item, Box | OpenScope):
        yield item.scope.path
