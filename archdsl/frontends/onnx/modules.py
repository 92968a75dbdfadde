"""Which module of the network each node of a file belongs to: as the exporter noted it, or as names tell.

Sought in this order: the scopes that torch.onnx notes at each node; names of nodes with slashes, such as
`/layer1/layer1.0/conv1/Conv`; names of weights, such as `layer1.0.conv1.weight`. A file without any of these has no
modules.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from archdsl.frontends.onnx.model import Model, OnnxNode, Weight
from archdsl.text import COPY, as_name

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
"""What torch.onnx notes at a node: the paths of the modules around it and its own name, and the classes of these."""

LAYERS: Mapping[str, Sequence[int]] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), (1, 2)),
    "MatMul": (0, 1),
    "BatchNormalization": (1, 2, 3, 4),
    **dict.fromkeys(("LayerNormalization", "InstanceNormalization", "GroupNormalization"), (1, 2)),
    **dict.fromkeys(("PRelu", "RMSNormalization"), (1,)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2, 3, 7)),
}
"""The inputs of operators that are weights, whatever their names are."""

ARGUMENTS: Mapping[str, Sequence[int]] = {
    **dict.fromkeys(("Resize", "Upsample"), (1, 2, 3)),
    **dict.fromkeys(("Clip", "Pad"), (1, 2)),
    "Dropout": (1, 2),
}
"""The inputs of operators that are arguments, and never weights."""

GENERATED = re.compile(
    r"(val|const|scalar)_\w+|(_?tensor_constant|c?_?lifted|_to_copy|clone|detach)\w*|onnx::.*|/.*|\d+|.*Constant.*"
)
"""Names that exporters give to fixed numbers, and to weights that they have computed."""

FOLLOWING = frozenset(
    {"AveragePool", "Flatten", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "ReduceMean", "Reshape", "Squeeze"}
)
"""Operators that mostly stand between blocks, and not at the end of one."""

CONTAINER, CLASS = "ModuleList", "Module"
LONGEST = 10_000
"""Characters of a note that are read."""


class Modules:
    """The modules of a model. `classes` has the name of each module's class by its path; the network's is ""."""

    def __init__(self, model: Model, name: str) -> None:
        self._model = model
        self.classes: dict[str, str] = {"": _camel(re.split(r"[/\\]", name)[-1].rpartition(".")[0]) or "Net"}
        self._paths = self._noted() or self._named() or self._by_weights() or [""] * len(model.nodes)

    def of(self, node: OnnxNode) -> str:
        """The path of a node's module."""
        return self._paths[node.index]

    def owner(self, node: OnnxNode) -> object:
        """What has the weights that a node takes: its module or, where none is known, the node."""
        return self._paths[node.index] or node.index

    def is_constant(self, weight: Weight, users: Mapping[str, Sequence[OnnxNode]]) -> bool:
        """Whether numbers that a file has as it has weights are none of these: they have no name of their own, and no
        layer takes them."""
        taken = [node for node in users.get(weight.name, ()) if not node.domain]
        if any(_takes(node, weight.name, LAYERS) for node in taken):
            return False
        if any(_takes(node, weight.name, ARGUMENTS) for node in taken):
            return True
        single = weight.size == 1 and "." not in weight.name
        return single or GENERATED.fullmatch(weight.name) is not None

    def folded(self) -> int:
        """How many layers have weights that an exporter has computed from those of a layer and a normalization."""
        return sum(map(self._is_folded, self._model.nodes))

    def _is_folded(self, node: OnnxNode) -> bool:
        if node.kind not in ("Conv", "ConvTranspose", "Gemm") or node.domain:
            return False
        classes = _texts(node.properties.get(CLASSES, ""))
        return "BatchNorm" in "".join(classes[-2:-1]) or node.input(1).startswith(f"onnx::{node.kind}_")

    def leaves(self) -> frozenset[str]:
        """The modules that have no others inside."""
        outer = {path.rpartition(".")[0] for path in self.classes if path}
        return frozenset(path for path in self.classes if path and path not in outer)

    def complete(self, keys: Iterable[str]) -> None:
        """Gives every module around others, and around weights, a class."""
        for path in [*self.classes, *self._paths, *(key.rpartition(".")[0] for key in keys)]:
            while path:
                self.classes.setdefault(path, CONTAINER)
                path = path.rpartition(".")[0]

    # --- as it was noted --------------------------------------------------------------------

    def _noted(self) -> list[str]:
        found = [self._note(node) for node in self._model.nodes]
        if not any(path is not None for path in found):
            return []
        makers = {output: node.index for node in self._model.nodes for output in node.outputs}
        for node in self._model.nodes:
            if found[node.index] is None:
                before = [found[makers[name]] for name in node.inputs if name in makers and makers[name] < node.index]
                found[node.index] = next((path for path in before if path is not None), "")
        return [path or "" for path in found]

    def _note(self, node: OnnxNode) -> str | None:
        """The module that is noted at a node; None if none is."""
        scopes, classes = (_texts(node.properties.get(key, "")) for key in (SCOPES, CLASSES))
        if len(scopes) < 2 or len(scopes) != len(classes):
            return None
        paths = [".".join(_legal(part) for part in path.split(".")) if path else "" for path in scopes[:-1]]
        for path, name in zip(paths, classes, strict=False):
            self.classes.setdefault(path, as_name(name.rpartition(".")[2])) if path else None
        if not paths[0]:
            self.classes[""] = as_name(classes[0].rpartition(".")[2])
        return self._of_folded(node, paths[-1])

    def _of_folded(self, node: OnnxNode, path: str) -> str:
        """The module of a node. A layer into which a normalization is folded is noted as that, and is its weight's."""
        if node.kind not in ("Conv", "ConvTranspose", "Gemm") or "BatchNorm" not in self.classes.get(path, ""):
            return path
        home, _, last = node.input(1).rpartition(".")
        if last != "weight" or home.rpartition(".")[0] != path.rpartition(".")[0]:
            return path
        self.classes.pop(path)
        self.classes.setdefault(home, {"Conv": "Conv", "Gemm": "Linear"}.get(node.kind, "ConvTranspose"))
        return home

    # --- as names tell ----------------------------------------------------------------------

    def _named(self) -> list[str]:
        """By the names of nodes that have slashes."""
        parts = [node.name.strip("/").split("/")[:-1] for node in self._model.nodes]
        counted = [
            row for row, node in zip(parts, self._model.nodes, strict=True) if node.kind not in ("Constant", "Identity")
        ]
        if 2 * sum(map(bool, counted)) < len(counted) or not any(parts):
            return []
        shared = _shared([row for row in parts if row])
        found = [_path(row[shared:]) for row in parts]
        self._guess_classes(found)
        return found

    def _by_weights(self) -> list[str]:
        """By the names of weights, from which a layer's module is known; what has no weight is near its inputs."""
        homes = [self._home(node) for node in self._model.nodes]
        if sum(home is not None for home in homes) < 2:
            return []
        found: list[str] = []
        makers = {output: node.index for node in self._model.nodes for output in node.outputs}
        for node, home in zip(self._model.nodes, homes, strict=True):
            if home is None:
                before = [found[makers[name]] for name in node.inputs if name in makers and makers[name] < len(found)]
                home = max((self._around(path, homes) for path in before), key=lambda path: path.count("."), default="")
                home = home.rpartition(".")[0] if node.kind in FOLLOWING else home
            found.append(home)
        self._guess_classes(found)
        return found

    def _home(self, node: OnnxNode) -> str | None:
        names = [name for place in LAYERS.get(node.kind, ()) if (name := node.input(place)) in self._model.weights]
        dotted = [name.rpartition(".")[0] for name in names if "." in name and not GENERATED.fullmatch(name)]
        return ".".join(map(_legal, dotted[0].split("."))) if dotted else None

    @staticmethod
    def _around(path: str, homes: Sequence[str | None]) -> str:
        return path.rpartition(".")[0] if path in homes else path

    def _guess_classes(self, paths: Sequence[str]) -> None:
        """Names classes after modules. Of modules with one name, those with the same parts, but for some that one
        lacks, are of one class."""
        inside: dict[str, dict[str, None]] = defaultdict(dict)
        for path in dict.fromkeys(paths):
            while path:
                outer, _, last = path.rpartition(".")
                inside[outer][last] = None
                inside.setdefault(path, {})
                path = outer
        known: dict[str, list[set[str]]] = defaultdict(list)
        occupied = Counter(paths)
        for path in filter(None, inside):
            parts = set(inside[path])
            if parts and all(part.isdecimal() for part in parts) and not occupied[path]:
                self.classes[path] = "Sequential"
                continue
            base = _camel(next((part for part in reversed(path.split(".")) if not part.isdecimal()), "")) or CLASS
            groups = known[base]
            place = next((i for i, group in enumerate(groups) if group <= parts or parts <= group), len(groups))
            if place == len(groups):
                groups.append(set())
            groups[place] |= parts
            self.classes[path] = base if place == 0 else f"{base}_{place + 1}"


def _shared(rows: Sequence[list[str]]) -> int:
    """How many names at the start all rows have."""
    first, last = min(rows), max(rows)
    return next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))


def _takes(node: OnnxNode, name: str, places: Mapping[str, Sequence[int]]) -> bool:
    """Whether a node has this as one of the inputs that are listed for its operator."""
    return any(node.input(place) == name for place in places.get(node.kind, ()))


def _texts(note: str) -> list[str]:
    """The texts in a list that is written as Python writes it."""
    return [one or other for one, other in re.findall(r"'([^'\\]*)'|\"([^\"\\]*)\"", note[:LONGEST])]


def _path(parts: Sequence[str]) -> str:
    """The path of a module from the names along it. A name may begin with the one before: `layer1`, `layer1.0`."""
    path: list[str] = []
    before = ""
    for part in parts:
        own = part[len(before) + 1 :] if before and part.startswith(f"{before}.") else part
        path += map(_legal, own.split("."))
        before = part
    return ".".join(path)


def _legal(part: str) -> str:
    return part if COPY.fullmatch(part) else as_name(part)


def _camel(text: str) -> str:
    """A name as classes have it: `inverted_residual1` is InvertedResidual."""
    words = re.findall(r"[A-Za-z]+|\d+", text.rstrip("0123456789_"))
    return "".join(word[:1].upper() + word[1:] for word in words).lstrip("0123456789")
