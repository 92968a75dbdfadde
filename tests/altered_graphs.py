"""Graph files in which one value became another."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from graphs import small
from hostile import NAMES, TEXTS

import archdsl
from archdsl.ir.serialize import to_json

WORDS = (
    *("input", "it", "output", "conv", "self", "torch", "nn", "0", "1", "body", "gate", "stem", "stem.conv", "Tensor"),
    *(
        "lambda",
        "class",
        "match",
        "print",
        "list",
        "F",
        "math",
        "main",
        "l",
        "_",
        "_a",
        "Net",
        "width",
        "count",
        "index",
    ),
)
"""Names that are legal somewhere."""

NUMBERS = (0, 1, -1, 2, 10**6, 2**63, 0.5, True, None)

Path_ = tuple[Any, ...]


@cache
def texts() -> tuple[str, ...]:
    """Graph files of several kinds: with stages, copies, choices, shared modules, settings, several inputs."""
    networks = [archdsl.load(name).graph for name in ("lenet", "unet", "resnet@18", "senet")]
    return tuple(to_json(graph) for graph in (small(), *networks))


def fields(data: Any, way: Path_ = ()) -> Iterator[Path_]:
    """The ways to all values in a file but for its texts of specs, which are read as specs are."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in parts:
        if way[:1] != ("sources",):
            yield (*way, key)
            yield from fields(value, (*way, key))


def put(data: Any, way: Path_, value: Any) -> None:
    for key in way[:-1]:
        data = data[key]
    data[way[-1]] = value


def at(data: Any, way: Path_) -> Any:
    for key in way:
        data = data[key]
    return data


def altered(chance: random.Random) -> str:
    """A file in which one value became another: of the same kind, or of another one."""
    data = json.loads(chance.choice(texts()))
    ways = [way for way in fields(data) if isinstance(at(data, way), str) == (chance.random() < 0.8)]
    way = chance.choice(ways)
    found = at(data, way)
    others: tuple[Any, ...] = chance.choice((NAMES, TEXTS, WORDS, WORDS)) if isinstance(found, str) else NUMBERS
    if chance.random() < 0.1:
        others = (*NUMBERS, [], {}, [found], {"shape": [found]})
    put(data, way, chance.choice(others))
    if chance.random() < 0.5 and way[0] in ("nodes", "scopes"):
        # One name everywhere, as someone would write it who means to be let through.
        return json.dumps(data).replace(json.dumps(found), json.dumps(at(data, way)))
    return json.dumps(data)
