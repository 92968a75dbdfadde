"""Files with random edits: each is read, or refused with an error, and nothing in it is executed."""

from __future__ import annotations

import json
import random
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import altered_graphs
import caffe_files
import darknet_files
from hostile import in_python

import archdsl
from archdsl.diagnostics import CompileError
from archdsl.outputs import written

DATA = Path(__file__).parent / "data"
KINDS = ("yaml", "keras", "pt2", "cfg", "prototxt", "graph")
PROGRAM = "models/model.json"


def checked(kind: str, seed: int, folder: Path) -> bool:
    """Whether the edited file of a seed was read; it was refused otherwise. Whatever else is raised is a fault.

    A graph file that was read is also written as Python.
    """
    edits = random.Random(seed)
    path = EDITED[kind](edits, folder)
    read = False
    with suppress(CompileError):
        net = archdsl.load(path)
        if kind == "graph":
            in_python(written(net.graph, "torch"))
        read = True
    assert not (folder / "PWNED").exists()
    return read


def _yaml(edits: random.Random, folder: Path) -> Path:
    name = edits.choice(["yolov5s", "yolo11", "parts"])
    text = (DATA / "ultralytics" / f"{name}.yaml").read_text(encoding="utf-8")
    words = re.split(r"([\w.-]+|[^\w\s])", text)
    odd = [
        "-7",
        "1e999",
        "0x_",
        "{",
        "]",
        "&a",
        "null",
        "2020-01-01",
        "!!python/object/apply:os.system ['touch PWNED']",
    ]
    for _ in range(edits.randint(1, 3)):
        place, other = (2 * edits.randrange(len(words) // 2) + 1 for _ in range(2))
        words[place] = edits.choice([words[other], words[other], edits.choice(odd)])
    path = folder / "net.yaml"
    path.write_text("".join(words), encoding="utf-8")
    return path


def _described(edits: random.Random, folder: Path) -> Path:
    """A configuration of darknet with words replaced, removed or put elsewhere."""
    return _with_other_words(edits, folder / "net.cfg", darknet_files.NETWORKS["yolov3-tiny"]())


def _of_caffe(edits: random.Random, folder: Path) -> Path:
    return _with_other_words(edits, folder / "net.prototxt", caffe_files.alexnet())


def _with_other_words(edits: random.Random, path: Path, text: str) -> Path:
    words = re.split(r"([A-Za-z_]\w*|-?[\d.]+|[^\w\s])", text)
    for _ in range(edits.randint(1, 3)):
        place, other = (2 * edits.randrange(len(words) // 2) + 1 for _ in range(2))
        words[place] = edits.choice(
            [words[other], words[place] * 2, "", "-1", "0", "1e99", "10000000000", "{", "}", "["]
        )
    path.write_text("".join(words), encoding="utf-8")
    return path


def _keras(edits: random.Random, folder: Path) -> Path:
    data = json.loads((DATA / "keras" / "twins.json").read_text(encoding="utf-8"))
    _edit(data, edits)
    path = folder / "net.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _graph(edits: random.Random, folder: Path) -> Path:
    path = folder / "net.json"
    path.write_text(altered_graphs.altered(edits), encoding="utf-8")
    return path


def _pt2(edits: random.Random, folder: Path) -> Path:
    members = dict(_program())
    (name,) = (name for name in members if name.endswith(PROGRAM))
    data = json.loads(members[name])
    _edit(data["graph_module"], edits)
    path = folder / "net.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, json.dumps(data) if member == name else content)
    return path


@cache
def _program() -> tuple[tuple[str, bytes], ...]:
    """The members of an archive with a small network."""
    import io

    import torch
    from torch import nn

    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()
    file = io.BytesIO()
    torch.export.save(torch.export.export(module, (torch.zeros(2, 3, 6, 6),)), file)
    with zipfile.ZipFile(file) as archive:
        return tuple((name, archive.read(name)) for name in archive.namelist())


def _edit(data: Any, edits: random.Random) -> None:
    """Puts something else in a few places of a JSON value: what stands elsewhere, or what nobody expects."""
    for _ in range(edits.randint(1, 3)):
        place, key = edits.choice(list(places(data)))
        other, others = edits.choice(list(places(data)))
        copy = json.loads(json.dumps(other[others]))
        place[key] = edits.choice([copy, copy, -1, 0, 10**30, 0.5, "x", None, [], {}, True, [[1, 2], [3]]])


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value: the table or list, and the key."""
    rows = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in rows:
        yield data, key
        yield from places(value)


EDITED = {"yaml": _yaml, "keras": _keras, "pt2": _pt2, "cfg": _described, "prototxt": _of_caffe, "graph": _graph}
