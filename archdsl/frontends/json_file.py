"""Reads `.json` files and `.keras` archives. What a `.json` file holds, a graph or a Keras model, its content says."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.imported import Imported
from archdsl.ir.serialize import from_json
from archdsl.limits import BYTES
from archdsl.syntax.parser import read_source
from archdsl.tensor import Tensor
from archdsl.text import shown

MEMBER = "config.json"
"""The member of a `.keras` archive that describes the model."""

GRAPH = '"archdsl-graph'
"""What every graph file has. What is no JSON at all is reported as a damaged graph file, too."""


def read(path: Path, name: str, inputs: Sequence[Tensor]) -> Imported:
    """The network in a `.json` file. A graph says the shapes of its `inputs` itself. Raises `CompileError`."""
    source = read_source(path, name)
    if GRAPH in source.text or not _is_json(source.text):
        return Imported(from_json(source.text, source.name), {}, ())
    return _network(source.text, name, inputs)


def read_archive(path: Path, name: str, inputs: Sequence[Tensor]) -> Imported:
    """The network in a `.keras` archive. Its weights are not read. Raises `CompileError`."""
    return _network(_member(path, name), name, inputs)


def _network(text: str, name: str, inputs: Sequence[Tensor]) -> Imported:
    from archdsl.frontends.keras.read import keras_network

    data = _parsed(text, name)
    if not isinstance(data, Mapping) or "class_name" not in data:
        raise _problem(f"{shown(name)} is neither a graph of archdsl nor a model of Keras (`model.to_json()`)")
    return keras_network(data, name, inputs)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _parsed(text: str, name: str) -> Any:
    try:
        data = json.loads(text)
    except RecursionError:
        raise _problem(f"{shown(name)} is nested too deeply") from None
    except ValueError as error:
        raise _problem(f"{shown(name)} is not JSON: {shown(str(error))}") from None
    # `json.dumps(model.to_json())` writes the text of a model as one string.
    return _parsed(data, name) if isinstance(data, str) and data.startswith("{") else data


def _member(path: Path, name: str) -> str:
    """The description in an archive, which is unpacked up to the limit of a file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(MEMBER) as file:
            content = file.read(BYTES + 1)
    except FileNotFoundError:
        raise CompileError([Diagnostic("file-not-found", f"there is no file {shown(name)}")]) from None
    except KeyError:
        raise _problem(f"{shown(name)} is a ZIP archive without {MEMBER}, and so no Keras model") from None
    except (OSError, ValueError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _problem(f"{shown(name)} cannot be read as a .keras archive: {shown(str(error))}") from None
    if len(content) > BYTES:
        raise CompileError(
            [Diagnostic("file-too-large", f"{MEMBER} in {shown(name)} is larger than {BYTES >> 20} MiB")]
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise CompileError([Diagnostic("not-utf8", f"{MEMBER} in {shown(name)} is not UTF-8")]) from None


def _problem(message: str) -> CompileError:
    return CompileError([Diagnostic("bad-model-file", message)])
