"""Reads programs that `torch.export.save` wrote as `.pt2`, as traces of imported modules are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from archdsl.frontends.finished import finished
from archdsl.frontends.functional import replace_in_place
from archdsl.frontends.pt2.archive import Archive, opened, refused
from archdsl.frontends.pt2.program import DTYPES, Program, program_of
from archdsl.frontends.traces import translated, with_counter
from archdsl.ir.imported import Imported
from archdsl.ir.weight_parts import entry_of
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
    fixed = {node: value for node, value in numbers.items() if program.keys[node] not in program.parameters}
    parameters, keys = frozenset(program.parameters), frozenset(program.keys.values())
    translator = translated(program.graph, program.keys, parameters, fixed, program.inputs, program.outputs)
    outer = {path.rpartition(".")[0] for path in program.classes if path}
    leaves = {path: kind for path, kind in program.classes.items() if path not in outer}
    classes = {"": "Network", **program.classes}
    made = [with_counter(one, keys) for one in translator.made]
    results = [("", value) for value in translator.results]
    network = finished(made, results, len(results), classes, leaves, leaves, name)
    used = {entry_of(key) for of_node in network.keys.values() for key in of_node.values()} | translator.buffers
    unused = tuple(key for key in program.keys.values() if key not in used)
    return replace(network, unused=unused, left_out=_left_out(program, unused))


def _left_out(program: Program, unused: Sequence[str]) -> str:
    """What to say of parameters that no output needs; they are not counted."""
    keys = [key for key in unused if key in program.parameters]
    if not keys:
        return ""
    count, whole = (sum(program.sizes[key] for key in some) for some in (keys, program.parameters))
    listed = shown(", ".join(keys[:3]) + (" ..." if len(keys) > 3 else ""))
    return f"no output needs {count:,} of {whole:,} parameters, which are left out: {listed}"
