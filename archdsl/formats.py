"""Recognizes files of other tools by their suffix, so that one message says what to do instead of reading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from archdsl.diagnostics import CompileError, Diagnostic

READ_TORCH = "`archdsl import package.module:factory` reads a PyTorch module"
WRITE = "no file of this kind is read: write the network as a spec, see `docs/language.md`"

FOREIGN: Mapping[str, tuple[str, str]] = {
    ".caffemodel": ("Caffe weights", "`archdsl import net.prototxt` reads the network that they are for"),
    ".toml": ("a TOML file", WRITE),
    ".xml": ("an XML file", WRITE),
    ".tflite": ("a TensorFlow Lite model", WRITE),
    ".pb": ("a TensorFlow graph", WRITE),
    ".h5": ("a Keras model", WRITE),
    ".mlmodel": ("a Core ML model", WRITE),
    ".pt": ("weights or a module of PyTorch", READ_TORCH),
    ".pth": ("weights or a module of PyTorch", READ_TORCH),
    ".ckpt": ("a checkpoint", READ_TORCH),
    ".safetensors": ("weights", READ_TORCH),
    ".py": ("a Python program", READ_TORCH),
    ".ipynb": ("a notebook", READ_TORCH),
}
"""For each suffix: what such a file is, and what to do with it."""


def refuse_foreign(name: str) -> None:
    """Raises `CompileError` if `name` is that of another tool's file. The file itself is not read."""
    known = FOREIGN.get(PurePath(name).suffix.lower())
    if known is not None:
        what, help = known
        message = f"{name} is {what}; specs are called `name.arch`, graphs `name.json`"
        raise CompileError([Diagnostic("not-a-spec", message, help=help)])
