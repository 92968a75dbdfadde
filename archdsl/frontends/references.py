"""Public networks by name: `torchvision:resnet50`, `timm:NAME`, `pytorchcv:NAME`, `package.module:factory`.

Importing one executes its code, as any import does. Nothing else in the compiler executes anything foreign.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.frontends.torchvision import declare_operators
from archdsl.suggest import nearest

USUAL_INPUT = (3, 224, 224)
"""Channels x height x width in pixels, where a network does not say what it takes."""


@dataclass(frozen=True)
class Collection:
    """A package of networks: how to make one by its name, its names, and the input that one is made for.

    Imports are left to `names`, which is called first.
    """

    make: Callable[[str], Any]
    names: Callable[[], Iterable[str]]
    input: Callable[[str, Any], tuple[int, ...] | None]


def build(reference: str, meta: bool = False) -> nn.Module:
    """The network that a reference names, on the CPU with arbitrary weights, or on `meta` without numbers.

    What cannot be made on `meta` is made on the CPU after all. Raises `CompileError`.
    """
    make = _factory(reference)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if meta:
            try:
                with torch.device("meta"):
                    return _module(reference, make())
            except CompileError:
                raise
            except Exception:
                # Some constructors look at the numbers that they make.
                pass
        try:
            with torch.device("cpu"), _Uninitialized():
                return _module(reference, make())
        except CompileError:
            raise
        except Exception as error:
            raise CompileError([_failure(reference, f"{reference} cannot be made", error)]) from error


def usual_input(reference: str, module: nn.Module) -> tuple[int, ...]:
    """The input that a network is made for: channels x height x width, in pixels."""
    package, _, name = reference.partition(":")
    known = COLLECTIONS.get(package)
    return (known.input(name, module) if known else None) or USUAL_INPUT


def _module(reference: str, made: Any) -> nn.Module:
    if isinstance(made, nn.Module):
        return made
    raise CompileError(
        [Diagnostic("broken-reference", f"{reference} gives a {type(made).__name__}, and no torch.nn.Module")]
    )


def _factory(reference: str) -> Callable[[], Any]:
    package, colon, name = reference.partition(":")
    if not colon or not package or not name:
        message = f"`{reference}` is no reference: it takes a package and a name, as in `torchvision:resnet50`"
        raise CompileError([Diagnostic("unknown-reference", message)])
    if package not in COLLECTIONS:
        return _attribute(reference, package, name)
    collection = COLLECTIONS[package]
    known = set(_importing(reference, package, collection.names))
    if name not in known:
        raise CompileError([_unknown(reference, package, name, known)])
    return lambda: collection.make(name)


def _attribute(reference: str, package: str, name: str) -> Callable[[], Any]:
    """A factory of any module that Python finds, the current folder included."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    found = _importing(reference, package, lambda: importlib.import_module(package))
    for part in name.split("."):
        if not hasattr(found, part):
            raise CompileError([_unknown(reference, package, name, _callables(found))])
        found = getattr(found, part)
    return (lambda: found) if isinstance(found, nn.Module) else found


def _callables(module: Any) -> set[str]:
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


def _importing(reference: str, package: str, use: Callable[[], Any]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            declare_operators()
            return use()
    except ModuleNotFoundError as error:
        if error.name is not None and package.split(".")[0] == error.name.split(".")[0]:
            message = f"{reference} cannot be imported: there is no module `{error.name}`"
            help = f"pip install {package}" if package in COLLECTIONS else None
            raise CompileError([Diagnostic("broken-reference", message, help=help)]) from error
        raise CompileError([_failure(reference, f"{package} does not import", error)]) from error
    except Exception as error:
        raise CompileError([_failure(reference, f"{package} does not import", error)]) from error


def _unknown(reference: str, package: str, name: str, known: Iterable[str]) -> Diagnostic:
    meant = nearest(name, known)
    help = f"did you mean `{package}:{meant}`?" if meant else None
    return Diagnostic("unknown-reference", f"{package} has no network `{name}`", help=help)


def _failure(reference: str, message: str, error: Exception) -> Diagnostic:
    """What a foreign line said that stopped, and where it stands."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    place = Note(f"at {os.path.basename(frame.filename)}:{frame.lineno}, in {frame.name}")
    return Diagnostic("broken-reference", f"{message}: {text}", notes=() if frame.filename == __file__ else (place,))


class _Uninitialized(TorchFunctionMode):
    """Spares the making of random weights, for who sets them all afterwards: they are 0."""

    RANDOM = frozenset({torch.Tensor.normal_, torch.Tensor.uniform_})

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in self.RANDOM or getattr(func, "__module__", "") == nn.init.__name__:
            with torch.no_grad():
                return (args[0] if args else kwargs["tensor"]).zero_()
        return func(*args, **kwargs)


# --- the collections -----------------------------------------------------------------------


def _torchvision_names() -> Iterable[str]:
    names: Iterable[str] = importlib.import_module("torchvision.models").list_models()
    return names


def _torchvision(name: str) -> Any:
    """Without any download: networks built on others ask for the weights of those too."""
    make = importlib.import_module("torchvision.models").get_model_builder(name)
    named = inspect.signature(make).parameters
    return make(**{option: None for option in ("weights", "weights_backbone") if option in named})


def _torchvision_input(name: str, _: Any) -> tuple[int, ...] | None:
    """What the published weights were evaluated at."""
    weights = list(importlib.import_module("torchvision.models").get_model_weights(name))
    size = getattr(weights[0].transforms(), "crop_size", None) if weights else None
    return (3, size[0], size[0]) if size and len(set(size)) == 1 else None


def _timm_names() -> Iterable[str]:
    timm = importlib.import_module("timm")
    # Names that were given up still work, and are no longer listed.
    deprecated = importlib.import_module("timm.models._registry")._deprecated_models
    return [*timm.list_models(), *deprecated]


def _timm(name: str) -> Any:
    return importlib.import_module("timm").create_model(name, pretrained=False)


def _timm_input(_: str, module: Any) -> tuple[int, ...] | None:
    return tuple((getattr(module, "default_cfg", None) and module.default_cfg.get("input_size")) or ()) or None


def _pytorchcv_names() -> Iterable[str]:
    return list(importlib.import_module("pytorchcv.model_provider")._models)


def _pytorchcv(name: str) -> Any:
    return importlib.import_module("pytorchcv.model_provider").get_model(name, pretrained=False)


def _pytorchcv_input(_: str, module: Any) -> tuple[int, ...] | None:
    size = getattr(module, "in_size", None)
    return (3, *size) if size else None


COLLECTIONS = {
    "torchvision": Collection(_torchvision, _torchvision_names, _torchvision_input),
    "timm": Collection(_timm, _timm_names, _timm_input),
    "pytorchcv": Collection(_pytorchcv, _pytorchcv_names, _pytorchcv_input),
}
"""Packages whose networks go by name; any other is imported as a module of Python."""
