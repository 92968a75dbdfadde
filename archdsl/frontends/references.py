"""Public networks by name: `torchvision:resnet50`, `timm:NAME`, `pytorchcv:NAME`, `package.module:factory`.

Arguments may follow, as in Python: `timm:resnet50(num_classes=10)`. A part of a network is named by the path of its
module: `torchvision:fasterrcnn_resnet50_fpn#backbone` (`parts.py`).
Importing a network executes its code, as any import does. Nothing else in the compiler executes code from outside,
and a reference comes from the user's own words alone: no file that is read can hold one.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archdsl.counterparts import COUNTERPARTS
from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.frontends.buffers import weights_on_meta
from archdsl.frontends.collections import COLLECTIONS, Arguments, declare_operators
from archdsl.frontends.parts import input_of_part, part_of
from archdsl.resources import specs_folder
from archdsl.suggest import nearest

USUAL_INPUT = (3, 224, 224)
"""The input for a network that does not say what it takes: channels x height x width, in pixels."""


CHANNELS = ("in_channels", "in_chans")
"""How networks call the number of their input's channels."""


@dataclass(frozen=True)
class Reference:
    """A parsed `package:name(option=value)#part`. `text` is the reference as it was written, without the part."""

    text: str
    package: str
    name: str
    arguments: Arguments
    part: str = ""


def parse(text: str) -> Reference:
    """Parses a reference. Raises `CompileError` if the text is not one."""
    whole, part = divided(text)
    return replace(_parse_whole(whole), part=part)


def divided(text: str) -> tuple[str, str]:
    """A reference without its part, and the part; "" for a whole network."""
    found = re.fullmatch(r"([^#]*(?:\(.*\))?)#([^()#]*)", text)
    return (found[1], found[2]) if found else (text, "")


def _parse_whole(text: str) -> Reference:
    package, colon, call = text.partition(":")
    name, bracket, options = call.partition("(")
    if not colon or not package or not name:
        raise _malformed(text, "it takes a package and a name, as in `torchvision:resnet50`", _with_package(text))
    if not bracket:
        return Reference(text, package, name, {})
    return Reference(text, package, name, _arguments(text, f"({options}"))


def _arguments(text: str, options: str) -> Arguments:
    """The arguments of a reference, `(width=64, classes=10)`: literals, each with its name. Raises `CompileError`."""
    try:
        call = ast.parse(f"f{options}", mode="eval").body
        if isinstance(call, ast.Call) and not call.args:
            return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError):
        pass
    raise _malformed(text, "its options are names with plain values, as in `timm:resnet50(num_classes=10)`")


def _malformed(text: str, why: str, help: str | None = None) -> CompileError:
    return CompileError([Diagnostic("unknown-reference", f"`{text}` names no model: {why}", help=help)])


def _with_package(name: str) -> str | None:
    """The help for a name without a package: a reference with that name, if a package has it."""
    known = (counterpart.reference for counterpart in COUNTERPARTS)
    found = next((reference for reference in known if reference.partition(":")[2] == name), None)
    return f"write `{found}`" if found else None


def build(reference: str, meta: bool = False) -> nn.Module:
    """Makes the network, or the part of one, that a reference names.

    It is on the CPU with arbitrary weights, or its weights are on `meta`. Then weights have no numbers, and buffers do.
    A network that cannot be made so is made on the CPU. Raises `CompileError` if it cannot be made at all.
    """
    named = parse(reference)
    return part_of(_build(named.text, _factory(named), meta), named.text, named.part)


def _build(reference: str, make: Callable[[], Any], meta: bool) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = _without_weights(reference, make) if meta else None
        if made:
            return made
        try:
            with torch.device("cpu"), _Uninitialized():
                return _module(reference, make())
        except CompileError:
            raise
        except Exception as error:
            raise CompileError([_failure(f"{reference} cannot be made", error)]) from error


def _without_weights(reference: str, make: Callable[[], Any]) -> nn.Module | None:
    """The network with weights on `meta`; None where its constructor reads numbers of weights, or follows them."""
    try:
        with torch.device("cpu"), weights_on_meta():
            module = _module(reference, make())
    except CompileError:
        raise
    except Exception:
        return None
    return None if any(buffer.is_meta for buffer in module.buffers()) else module


def usual_input(reference: str, module: nn.Module) -> tuple[int, ...]:
    """The input that a network is made for: channels x height x width, in pixels.

    The channels are those that the reference asks for (`in_chans=1`), or that the network says itself. Of a part, it is
    what the whole network gives to it; raises `CompileError` where that is not one value.
    """
    named = parse(reference)
    if named.part:
        whole = build(named.text)
        return input_of_part(whole, named.part, usual_input(named.text, whole), reference)
    known = COLLECTIONS.get(named.package)
    channels, *pixels = (known.input(named.name, module) if known else None) or USUAL_INPUT
    says = [named.arguments.get(name, _own_channels(module, name)) for name in CHANNELS]
    return (next((count for count in says if isinstance(count, int)), channels), *pixels)


def _own_channels(module: nn.Module, name: str) -> int | None:
    """The channels that a network says it takes, if its first convolution does take them: some count widths so."""
    inner = (getattr(part, "in_channels", None) for part in module.modules() if part is not module)
    first = next((count for count in inner if isinstance(count, int)), None)
    return first if first == getattr(module, name, None) else None


def _module(reference: str, made: Any) -> nn.Module:
    if isinstance(made, nn.Module):
        return made
    raise CompileError(
        [Diagnostic("broken-reference", f"{reference} gives a {type(made).__name__}, not a torch.nn.Module")]
    )


def _factory(reference: Reference) -> Callable[[], Any]:
    package, name = reference.package, reference.name
    if package not in COLLECTIONS:
        return _attribute(reference)
    collection = COLLECTIONS[package]
    known = set(_importing(reference, collection.names))
    if name not in known:
        raise CompileError([_unknown(package, name, known)])
    return lambda: collection.make(name, reference.arguments)


def _attribute(reference: Reference) -> Callable[[], Any]:
    """The function or class that a reference names in a module that Python finds, also in the current folder."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    found = _importing(reference, lambda: importlib.import_module(reference.package))
    for part in reference.name.split("."):
        if not hasattr(found, part):
            raise CompileError([_unknown(reference.package, reference.name, _callables(found))])
        found = getattr(found, part)
    made = isinstance(found, nn.Module) and not reference.arguments
    return lambda: found if made else found(**reference.arguments)


def _callables(module: Any) -> set[str]:
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


def _importing(reference: Reference, use: Callable[[], Any]) -> Any:
    package, text = reference.package, reference.text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            declare_operators()
            return use()
    except ModuleNotFoundError as error:
        if error.name is not None and package.split(".")[0] == error.name.split(".")[0]:
            message = f"{text} cannot be imported: there is no module `{error.name}`"
            raise CompileError([Diagnostic("broken-reference", message, help=_meant(reference))]) from error
        raise CompileError([_failure(f"{package} does not import", error)]) from error
    except Exception as error:
        raise CompileError([_failure(f"{package} does not import", error)]) from error


def _meant(reference: Reference) -> str | None:
    """What to do where there is no such package: install it, or write what was probably meant."""
    package, after = reference.package, reference.text.partition(":")[2]
    if package in COLLECTIONS:
        return f"pip install {package}"
    if (specs_folder() / f"{package}.arch").is_file():
        return f"a variant of a spec is written with @: `{package}@{after}`"
    meant = nearest(package, COLLECTIONS)
    return f"did you mean `{meant}:{after}`?" if meant else None


def _unknown(package: str, name: str, known: Iterable[str]) -> Diagnostic:
    meant = nearest(name, known)
    help = f"did you mean `{package}:{meant}`?" if meant else None
    return Diagnostic("unknown-reference", f"{package} has no network `{name}`", help=help)


def _failure(message: str, error: Exception) -> Diagnostic:
    """The diagnostic for an error that imported code raised, with the line that raised it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    place = Note(f"at {os.path.basename(frame.filename)}:{frame.lineno}, in {frame.name}")
    return Diagnostic("broken-reference", f"{message}: {text}", notes=() if frame.filename == __file__ else (place,))


class _Uninitialized(TorchFunctionMode):
    """While active, random initialization is skipped and weights are 0. For callers that set all weights afterwards."""

    RANDOM = frozenset({torch.Tensor.normal_, torch.Tensor.uniform_})

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in self.RANDOM or getattr(func, "__module__", "") == nn.init.__name__:
            with torch.no_grad():
                return (args[0] if args else kwargs["tensor"]).zero_()
        return func(*args, **kwargs)
