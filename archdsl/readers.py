"""What networks are read from beside specs: kinds of files, and code. Every command takes them where it takes a spec.

To read another kind of file, add an entry to `READERS`: commands, the Python interface and the proofs all use that
list. An entry names its function as text, which is imported when such a file is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from os.path import exists
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from archdsl.source import Source

if TYPE_CHECKING:
    from archdsl.ir.imported import Imported
    from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Reader:
    """One kind of file, or code.

    `suffixes` are the ends of such files' names, in small letters. `reader` is the function that reads one, given as
    `module:function` inside `archdsl`: from the path, the name to show, and the shapes of the inputs (none if the file
    states them) to what was imported. It raises `CompileError` for a file that is wrong, and executes nothing that a
    file says. `about` says in a few words what such a file is.
    """

    suffixes: tuple[str, ...]
    reader: str
    about: str


READERS = (
    Reader((".json",), "frontends.json_file:read", "a graph or a Keras model"),
    Reader((".keras",), "frontends.json_file:read_archive", "a Keras model"),
    Reader((".cfg",), "frontends.darknet.read:read", "a darknet configuration"),
    Reader((".prototxt",), "frontends.caffe.read:read", "a Caffe network"),
    Reader((".onnx",), "frontends.onnx.reader:read", "an ONNX model"),
    Reader((".pt2",), "frontends.pt2_file:read", "a program of torch.export"),
)
"""All kinds of files that are read as one graph, beside specs."""

TRANSLATORS = (Reader((".yaml", ".yml"), "frontends.ultralytics.read:read", "a YAML file of Ultralytics"),)
"""All kinds of files that are read as specs, with variants and settings. Such a function makes the text of a file into
that of a spec: from one `Source` to another, whose `origin` knows the places in the first one."""


CODE = Reader((), "frontends.load:read_code", "a network that is Python code")
"""What reads the network that a reference names: `torchvision:resnet50`. This executes the code that it names."""

REFERENCES = "torchvision:NAME, timm:NAME, pytorchcv:NAME or package.module:factory"
"""How code is named, for the help of commands."""


def is_reference(name: str) -> bool:
    """Whether this names code rather than a file: `timm:resnet50`, and not `C:\\specs\\net.arch`."""
    package, colon, rest = name.partition(":")
    if not colon or rest.startswith(("/", "\\")) or re.fullmatch(r"[A-Za-z_][\w.]+", package) is None:
        return False
    return _reader_of_file(name) is None and not exists(name)


def translator_of(name: str) -> Reader | None:
    """The reader that makes a spec of the file called `name`, by its suffix; None if there is none."""
    suffix = PurePath(name).suffix.lower()
    return next((reader for reader in TRANSLATORS if suffix in reader.suffixes), None)


def translated(source: Source) -> Source:
    """The text of a spec for that of a file; the text itself if it is a spec. Raises `CompileError` if it is wrong."""
    reader = translator_of(source.name)
    return _function(reader)(source) if reader else source


def reader_of(name: str) -> Reader | None:
    """The reader of the file called `name`, by its suffix, or of the code that it names; None for a spec."""
    return _reader_of_file(name) or (CODE if is_reference(name) else None)


def _reader_of_file(name: str) -> Reader | None:
    suffix = PurePath(name).suffix.lower()
    return next((reader for reader in READERS if suffix in reader.suffixes), None)


def readable_files() -> str:
    """What can be read, in words: `a graph (.json)`."""
    return ", ".join(f"{reader.about} ({', '.join(reader.suffixes)})" for reader in (*READERS, *TRANSLATORS))


def read_network(name: str, inputs: Sequence[Tensor] = ()) -> Imported:
    """Reads a network for which there is a reader. Raises `CompileError` if the file is wrong, or the code fails."""
    reader = reader_of(name)
    assert reader is not None, name
    read: Callable[[Path, str, Sequence[Tensor]], Imported] = _function(reader)
    return read(Path(name), name, inputs)


def _function(reader: Reader) -> Any:
    module, _, function = reader.reader.partition(":")
    return getattr(import_module(f"archdsl.{module}"), function)
