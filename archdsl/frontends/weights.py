"""Reads the numbers of a checkpoint: a file of PyTorch or of safetensors. Nothing in it is executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.packages import require
from archdsl.text import shown

INSIDE = ("state_dict", "model_state_dict", "model")
"""Under which names training programs keep a state_dict beside other things."""


def read_weights(path: Path) -> Mapping[str, Any]:
    """The arrays of a checkpoint by name: a state_dict, or a dictionary that has one among other things.

    Names of the wrapper for several devices begin with `module.`, which is left out. Raises `CompileError` for a file
    that cannot be read, or holds something else.
    """
    found = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    if not isinstance(found, Mapping):
        raise _bad(path, f"is a {type(found).__name__}, and no state_dict: tensors by name")
    inner = next((found[name] for name in INSIDE if isinstance(found.get(name), Mapping)), found)
    arrays = {str(name): value for name, value in inner.items() if hasattr(value, "shape")}
    if not arrays:
        raise _bad(path, "holds no tensors by name")
    wrapped = all(name.startswith("module.") for name in arrays)
    return {name.removeprefix("module.") if wrapped else name: value for name, value in arrays.items()}


def as_tensor(array: Any) -> Any:
    """An array of numpy, or a tensor of PyTorch, as the latter."""
    import torch

    return torch.as_tensor(array)


def _torch(path: Path) -> Any:
    require("torch", "reading a checkpoint of PyTorch")
    from pickle import UnpicklingError

    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        what = "holds no tensors that can be read without executing code"
        raise _bad(path, what, "save the state_dict: `torch.save(module.state_dict(), FILE)`") from None
    except Exception as error:  # torch raises what its archive, its unpickler or the system does
        raise _bad(path, f"cannot be read as weights of PyTorch: {_first_line(error)}") from None


def _safetensors(path: Path) -> Any:
    try:
        from safetensors.numpy import load_file
    except ModuleNotFoundError as error:
        if error.name != "safetensors":
            raise
        raise _bad(path, "is read with the package safetensors, which is not installed", ADD) from None
    try:
        return load_file(path)
    except Exception as error:  # safetensors raises its own errors, and those of Python
        raise _bad(path, f"cannot be read: {_first_line(error)}") from None


ADD = "pip install 'archdsl[onnx]'"


def _bad(path: Path, what: str, help: str | None = None) -> CompileError:
    return CompileError([Diagnostic("bad-weights", f"{shown(str(path))} {what}", help=help)])


def _first_line(error: Exception) -> str:
    if isinstance(error, LookupError):  # of an unpickler that took text for its own words
        return "it was not written by torch.save"
    reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return reason.strip().splitlines()[0].rstrip(".")
