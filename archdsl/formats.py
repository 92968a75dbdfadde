"""Recognizes files of other tools by their suffix, so that one message says what to do instead of reading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from archdsl.diagnostics import CompileError, Diagnostic

WRITE = "no file of this kind is read: write the network as a spec, see `docs/language.md`"
READ_TORCH = "`archdsl import package.module:factory` reads a PyTorch module"
WEIGHTS = (
    "it holds numbers by name and not how they are joined: name the code that takes them, "
    "`archdsl import package.module:factory`, or save the module by `torch.export.save` as `net.pt2`"
)
PICKLE = (
    "reading it would execute what it says, and most hold weights alone: name the code that takes them, "
    "`archdsl import package.module:factory`, or save the module by `torch.export.save` as `net.pt2`"
)
KERAS = 'save what `model.to_json()` gives as `net.json`, or the model as `net.keras` (`model.save("net.keras")`)'
TENSORFLOW = "it holds operations after conversion, not layers: save the Keras model that it was made of as `net.keras`"
CORE_ML = "it was converted from another network: import that one, `archdsl import package.module:factory`"

FOREIGN: Mapping[str, tuple[str, str]] = {
    ".caffemodel": ("Caffe weights", "`archdsl import net.prototxt` reads the network that they are for"),
    ".toml": ("a TOML file", WRITE),
    ".xml": ("an XML file", WRITE),
    ".tflite": ("a TensorFlow Lite model", TENSORFLOW),
    ".pb": ("a TensorFlow graph", TENSORFLOW),
    ".h5": ("a Keras model or its weights", KERAS),
    ".hdf5": ("a Keras model or its weights", KERAS),
    ".mlmodel": ("a Core ML model", CORE_ML),
    ".mlpackage": ("a Core ML model", CORE_ML),
    ".pt": ("a file of `torch.save`", PICKLE),
    ".pth": ("a file of `torch.save`", PICKLE),
    ".bin": ("a file of weights", WEIGHTS),
    ".ckpt": ("a checkpoint", PICKLE),
    ".safetensors": ("a file of weights", WEIGHTS),
    ".py": ("a Python program", READ_TORCH),
    ".ipynb": ("a notebook", READ_TORCH),
}
"""For each suffix: what such a file is, and what to do with it."""

BLOCK_STRINGS = ("ds_r", "ir_r", "er_r", "cn_r", "dsa_r", "uir_r")
"""How strings of blocks of timm begin: `ir_r2_k3_s2_e6_c24_se0.25`."""


def refuse_foreign(name: str) -> None:
    """Raises `CompileError` if `name` is that of another tool's file. The file itself is not read."""
    known = FOREIGN.get(PurePath(name).suffix.lower())
    if known is not None:
        what, help = known
        message = f"{name} is {what}; specs are called `name.arch`, graphs `name.json`"
        raise CompileError([Diagnostic("not-a-spec", message, help=help)])


def refuse_block_string(name: str) -> None:
    """Raises `CompileError` if `name` is a string of blocks as timm writes them."""
    if name.startswith(BLOCK_STRINGS):
        message = f"{name} is a string of blocks of timm, which says neither what comes before nor after them"
        help = "import the network that has it: `archdsl import timm:NAME -o net.arch`"
        raise CompileError([Diagnostic("not-a-spec", message, help=help)])
