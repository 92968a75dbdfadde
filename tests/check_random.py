"""All properties of the two specs of one random template."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from emission import example_inputs, tensors_of
from emit_properties import Broken, Module, computes, few_classes, honest, settings_are_open, settings_of
from random_specs import spec
from torch import nn

import archdsl
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph

LARGEST = 120
"""Nodes; larger networks are left out."""

HEAVIEST = 10**8
"""Parameters, and MACs: heavier networks are left out, since they are run. Blocks that multiply channels make such."""

FROM = re.compile(r"^block (\w+)(?:\([^\n]*\))? from ([^\n:]*):", re.M)


def check(template: str, counts: Counter[str], only: str = "") -> list[Module]:
    """Raises `Broken` where a property does not hold; `only` names the one to ask for. Gives what was emitted."""
    graphs = {text: graph_of(text) for text in (spec(template, 0), spec(template, 1))}
    modules = {text: _emitted(graph) for text, graph in graphs.items() if graph is not None}
    for text, module in modules.items():
        counts["networks"] += 1
        if only in ("", "computes", "names"):
            _computes(module, ports(template))
        if only in ("", "classes"):
            few_classes(module)
        if only in ("", "setting"):
            names = sorted(settings_of(module))
            chosen = [names[len(text) % len(names)]] if names and not only else names
            settings_are_open(module, partial(graph_with, text), counts, chosen)
    if len(modules) == 2 and only in ("", "honest"):
        first, second = modules.values()
        honest(first, second, counts)
        honest(second, first, counts)
    return list(modules.values())


def ports(text: str) -> dict[str, tuple[str, ...]]:
    """The names after `from`, by block."""
    return {name: tuple(takes.replace(" ", "").split(",")) for name, takes in FROM.findall(text)}


def _emitted(graph: Graph) -> Module:
    try:
        return Module(graph)
    except Exception as error:
        raise Broken(f"emits: {type(error).__name__}: {error}") from error


def _computes(module: Module, takes: dict[str, tuple[str, ...]]) -> None:
    try:
        computes(module, takes)
    except Broken:
        raise
    except Exception as error:
        raise Broken(f"computes: {type(error).__name__}: {error}") from error


def traces(module: Module) -> None:
    """TorchScript's trace gives what the module gives."""
    network: nn.Module = getattr(module.load(), module.name)().eval()
    inputs = example_inputs(module.graph)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = tensors_of(network(*inputs))
        found = tensors_of(torch.jit.trace(network, tuple(inputs), check_trace=False)(*inputs))
    if not all(map(torch.equal, found, expected)):
        raise Broken("traces: the trace gives something else")


TIDY = (
    ("check", "--select=E,F,I,UP,B"),
    ("format", "--check"),
)


def tidy(texts: Mapping[str, str], folder: Path) -> str:
    """What a linter and a formatter have to say about emitted modules, which is nothing."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    said = ""
    for words in TIDY:
        command = [sys.executable, "-m", "ruff", *words, *"--isolated --no-cache --line-length=100".split()]
        done = subprocess.run([*command, "--target-version=py311", str(folder)], capture_output=True, text=True)
        said += done.stdout + done.stderr if done.returncode else ""
    return said


def kind(error: Broken) -> str:
    """The property that an error is about."""
    return re.split(r"\W", str(error), maxsplit=1)[0]


def graph_of(text: str, **settings: Any) -> Graph | None:
    try:
        network = archdsl.loads(text, **settings)
    except CompileError:
        return None
    small = len(network.graph) <= LARGEST and network.params <= HEAVIEST and network.macs <= HEAVIEST
    return network.graph if small else None


def graph_with(text: str, name: str, value: Any) -> Graph | None:
    """The network with another value of one argument: a setting, or the channels of an input."""
    source = (
        re.search(r"input (\w+): (\d+)", text)
        if name == "in_channels"
        else re.search(rf"input ({name.removesuffix('_channels')}): (\d+)", text)
    )
    if name.endswith("_channels") and source:
        return graph_of(text.replace(source[0], f"input {source[1]}: {value}", 1))
    return graph_of(text, **{name: value})
