"""Reads programs that `torch.export.save` wrote as `.pt2`, as traces of imported modules are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from archdsl.frontends.aten.call import Trace
from archdsl.frontends.functional import replace_in_place
from archdsl.frontends.joins import joined_before
from archdsl.frontends.naming import names
from archdsl.frontends.nodes import NewNode
from archdsl.frontends.pt2.archive import Archive, opened, refused
from archdsl.frontends.pt2.program import DTYPES, Program, program_of
from archdsl.frontends.scopes import Tree
from archdsl.frontends.steps import Translator
from archdsl.ir.imported import Imported
from archdsl.ir.verify import verify
from archdsl.tensor import Tensor
from archdsl.text import shown


def read_program(path: Path, name: str, inputs: Sequence[Tensor]) -> Imported:
    """The network in a `.pt2` file, which says the shapes of its `inputs` itself. Raises `CompileError`."""
    with opened(path, name) as archive:
        program = program_of(archive.program(), shown(name))
        numbers = dict(_numbers(archive))
    if not replace_in_place(program.graph):
        help = "save `program.run_decompositions({})` instead, which has no such operations"
        raise refused(f"{shown(name)} has in-place operations on parts of tensors", help)
    return _imported(program, {node: numbers[key] for node, key in program.keys.items() if key in numbers}, name)


def _numbers(archive: Archive) -> Mapping[str, torch.Tensor]:
    """Tensors that are not trained, such as tables of indices, by their names."""
    found: dict[str, torch.Tensor] = {}
    for folder in ("weights", "constants"):
        for key, (meta, content) in archive.numbers(folder).items():
            tensor = _tensor(meta, content)
            if tensor is not None:
                found[key] = tensor
    return found


def _tensor(meta: Mapping[str, Any], content: bytes) -> torch.Tensor | None:
    """A tensor whose numbers lie in order; None for others."""
    try:
        sizes = [size["as_int"] for size in meta["sizes"]]
        return torch.frombuffer(bytearray(content), dtype=DTYPES[meta["dtype"]]).reshape(sizes).clone()
    except (KeyError, TypeError, ValueError, RuntimeError):
        return None


def _imported(program: Program, numbers: Mapping[str, torch.Tensor], name: str) -> Imported:
    batch = int(program.inputs[0].meta["val"].shape[0]) if program.inputs and program.inputs[0].meta["val"].dim() else 0
    numbers = {node: value for node, value in numbers.items() if program.keys[node] not in program.parameters}
    trace = Trace(program.graph, program.keys, frozenset(program.parameters), batch, dict(numbers))
    translator = Translator(trace, tuple(program.inputs), tuple(program.outputs))
    outer = {path.rpartition(".")[0] for path in program.classes if path}
    leaves = {path: kind for path, kind in program.classes.items() if path not in outer}
    classes = {"": "Network", **program.classes}
    keys = set(program.keys.values())
    made = joined_before([_with_counter(one, keys) for one in translator.made], classes)
    named = names([one.place for one in made], leaves)
    tree = Tree(made, named, classes, leaves, name)
    graph = tree.graph([("", value) for value in translator.results], len(program.outputs))
    verify(graph, "import")
    used = {key for of_node in tree.keys.values() for key in of_node.values()} | translator.buffers
    unused = tuple(key for key in program.keys.values() if key not in used)
    return Imported(graph, tree.keys, unused, left_out=_left_out(program, unused), modules=named.modules)


def _with_counter(made: NewNode, keys: set[str]) -> NewNode:
    """The node; that of a batch normalization which counts its batches has the counter among its weights."""
    counter = made.weights.get("running_mean", "").removesuffix("running_mean") + "num_batches_tracked"
    if "running_mean" not in made.weights or counter not in keys:
        return made
    return replace(made, weights={**made.weights, "num_batches_tracked": counter})


def _left_out(program: Program, unused: Sequence[str]) -> str:
    """What to say of parameters that no output needs; they are not counted."""
    keys = [key for key in unused if key in program.parameters]
    if not keys:
        return ""
    count, whole = (sum(program.sizes[key] for key in some) for some in (keys, program.parameters))
    listed = shown(", ".join(keys[:3]) + (" ..." if len(keys) > 3 else ""))
    return f"no output needs {count:,} of {whole:,} parameters, which are left out: {listed}"
