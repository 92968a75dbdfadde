"""All properties of the two specs of one random template."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from typing import Any

import archdsl
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph
from emit_properties import Broken, Module, computes, few_classes, honest, settings_are_open, settings_of
from random_specs import spec

LARGEST = 120
"""Nodes; larger networks are left out."""

FROM = re.compile(r"^block (\w+)(?:\([^\n]*\))? from ([^\n:]*):", re.M)


def check(template: str, counts: Counter[str]) -> list[Module]:
    """Raises `Broken` where a property does not hold. Gives what was emitted."""
    graphs = {text: graph_of(text) for text in (spec(template, 0), spec(template, 1))}
    texts = {text: graph for text, graph in graphs.items() if graph is not None}
    modules = []
    for graph in texts.values():
        try:
            modules.append(Module(graph))
        except Exception as error:
            raise Broken(f"emits: {type(error).__name__}: {error}") from error
    ports = {name: tuple(takes.replace(" ", "").split(",")) for name, takes in FROM.findall(template)}
    for text, module in zip(texts, modules, strict=True):
        counts["networks"] += 1
        try:
            computes(module, ports)
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"computes: {type(error).__name__}: {error}") from error
        few_classes(module)
        names = sorted(settings_of(module))
        chosen = [names[len(text) % len(names)]] if names else []
        settings_are_open(module, partial(graph_with, text), counts, chosen)
    if len(modules) == 2:
        honest(*modules, counts)
        honest(*reversed(modules), counts)
    return modules


def graph_of(text: str, **settings: Any) -> Graph | None:
    try:
        graph = archdsl.loads(text, **settings).graph
    except CompileError:
        return None
    return graph if len(graph) <= LARGEST else None


def graph_with(text: str, name: str, value: Any) -> Graph | None:
    """The network with another value of one argument: a setting, or the channels of an input."""
    source = re.search(r"input (\w+): (\d+)", text) if name == "in_channels" else re.search(
        rf"input ({name.removesuffix('_channels')}): (\d+)", text
    )
    if name.endswith("_channels") and source:
        return graph_of(text.replace(source[0], f"input {source[1]}: {value}", 1))
    return graph_of(text, **{name: value})
