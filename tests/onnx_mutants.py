"""ONNX models, damaged by chance: whatever bytes or fields a file has, it is read or refused."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from hostile import TEXTS as ALL_TEXTS
from onnx_cases import OPS

from archdsl.diagnostics import CompileError
from archdsl.frontends.onnx.modules import CLASSES, SCOPES
from archdsl.frontends.onnx.reader import read
from archdsl.ir.serialize import from_json, to_json
from archdsl.report import render_text

TEXTS = tuple(text for text in ALL_TEXTS if text == text.encode(errors="replace").decode())
"""Texts that a file can hold."""

NUMBERS = (0, 1, -1, 2, 3, 7, 255, 2**31, 2**62, -(2**62), 2**63 - 1)
KINDS = sorted(
    {node.op_type for _, made, _ in OPS for node in made.graph.node} | {"Loop", "If", "NonZero", "LSTM", "Einsum"}
)


def mutant(seed: int) -> tuple[str, bytes]:
    """A damaged file, and in which way it was damaged."""
    chance = random.Random(seed)
    made = onnx.ModelProto()
    made.CopyFrom(chance.choice(OPS)[1])
    way = chance.choice(list(WAYS))
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        WAYS[way](chance, made)
    data = made.SerializeToString()
    return way, BYTES[way](chance, bytearray(data)) if way in BYTES else data


def check(seed: int, counts: Counter[str]) -> None:
    """Raises whatever reading a damaged file raises that is no `CompileError`."""
    way, data = mutant(seed)
    counts[way] += 1
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(data)
        try:
            graph = read(path, "net.onnx", ()).graph
        except CompileError as error:
            if "net.onnx" not in render_text(error.diagnostics):
                raise AssertionError("the message does not name the file") from error
            counts["refused"] += 1
            return
    counts["read"] += 1
    assert to_json(from_json(to_json(graph))) == to_json(graph)


# --- ways to damage fields ---------------------------------------------------------------------


def kind(chance: random.Random, made: onnx.ModelProto) -> None:
    chance.choice(made.graph.node).op_type = chance.choice((*KINDS, *TEXTS))


def domain(chance: random.Random, made: onnx.ModelProto) -> None:
    chance.choice(made.graph.node).domain = chance.choice(("com.microsoft", "ai.onnx.ml", "", *TEXTS))


def inputs(chance: random.Random, made: onnx.ModelProto) -> None:
    node = chance.choice(made.graph.node)
    names = [name for other in made.graph.node for name in (*other.input, *other.output)] + ["", "nothing", *TEXTS]
    if node.input and chance.random() < 0.7:
        node.input[chance.randrange(len(node.input))] = chance.choice(names)
    elif node.input and chance.random() < 0.5:
        del node.input[chance.randrange(len(node.input))]
    else:
        node.input.append(chance.choice(names))


def results(chance: random.Random, made: onnx.ModelProto) -> None:
    node = chance.choice(made.graph.node)
    names = [name for other in made.graph.node for name in (*other.input, *other.output)] + ["", *TEXTS]
    if chance.random() < 0.7 and node.output:
        node.output[chance.randrange(len(node.output))] = chance.choice(names)
    else:
        node.output.append(chance.choice(names))


def attribute(chance: random.Random, made: onnx.ModelProto) -> None:
    """Other numbers, another type, another name, none at all, or one of another operator."""
    nodes = [node for node in made.graph.node if node.attribute] or list(made.graph.node)
    node = chance.choice(nodes)
    given = chance.choice(node.attribute) if node.attribute and chance.random() < 0.8 else node.attribute.add()
    given.name = given.name or chance.choice(
        ("axis", "pads", "strides", "kernel_shape", "group", "perm", "value", "to")
    )
    given.type = given.type or chance.choice((1, 2, 3, 6, 7))
    if chance.random() < 0.2:
        given.type = chance.randrange(15)
    given.i = chance.choice(NUMBERS)
    given.f = chance.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
    given.s = chance.choice(TEXTS).encode(errors="replace")
    for place in range(len(given.ints)):
        if chance.random() < 0.5:
            given.ints[place] = chance.choice(NUMBERS)
    if chance.random() < 0.3:
        given.ints.append(chance.choice(NUMBERS))
    elif chance.random() < 0.2 and given.ints:
        given.ints.pop()


def shape(chance: random.Random, made: onnx.ModelProto) -> None:
    if made.graph.initializer and chance.random() < 0.5:
        tensor = chance.choice(made.graph.initializer)
        if tensor.dims and chance.random() < 0.8:
            tensor.dims[chance.randrange(len(tensor.dims))] = chance.choice(NUMBERS)
        else:
            tensor.dims.append(chance.choice(NUMBERS))
        return
    given = chance.choice(made.graph.input).type.tensor_type.shape
    if given.dim and chance.random() < 0.8:
        dim = chance.choice(given.dim)
        if chance.random() < 0.7:
            dim.dim_value = chance.choice(NUMBERS)
        else:
            dim.dim_param = chance.choice(TEXTS)
    else:
        given.dim.add()


def element(chance: random.Random, made: onnx.ModelProto) -> None:
    if made.graph.initializer and chance.random() < 0.5:
        chance.choice(made.graph.initializer).data_type = chance.randrange(30)
    else:
        chance.choice(made.graph.input).type.tensor_type.elem_type = chance.randrange(30)


def numbers(chance: random.Random, made: onnx.ModelProto) -> None:
    """Other constants, or none."""
    if not made.graph.initializer:
        return
    tensor = chance.choice(made.graph.initializer)
    if tensor.data_type == onnx.TensorProto.INT64 and tensor.raw_data:
        count = len(tensor.raw_data) // 8
        given = [chance.choice(NUMBERS) for _ in range(count)]
        tensor.raw_data = b"".join(n.to_bytes(8, "little", signed=True) for n in given)
    else:
        tensor.raw_data = tensor.raw_data[: chance.randrange(len(tensor.raw_data) + 1)]


def names(chance: random.Random, made: onnx.ModelProto) -> None:
    """Texts where nobody checks them, and what an exporter notes of modules."""
    node = chance.choice(made.graph.node)
    node.name = chance.choice((*TEXTS, "/a/a.0/b/Conv", "//", "a/" * 2000, "/é/x"))
    for key in (SCOPES, CLASSES):
        entry = node.metadata_props.add()
        entry.key, entry.value = (
            key,
            str(chance.choice((["", "a", "a.0"], ["", "x" * 300, "y"], [*TEXTS[:3]], "[[[" * 999))),
        )
    made.graph.output[0].name = chance.choice((made.graph.output[0].name, *TEXTS))


def order(chance: random.Random, made: onnx.ModelProto) -> None:
    nodes = list(made.graph.node)
    chance.shuffle(nodes)
    del made.graph.node[:]
    made.graph.node.extend(nodes[: chance.randrange(1, len(nodes) + 1)])


def version(chance: random.Random, made: onnx.ModelProto) -> None:
    made.opset_import[0].version = chance.choice((0, 1, 7, 9, 11, 13, 18, 23, 99, -1))


def nothing(chance: random.Random, made: onnx.ModelProto) -> None:
    """For ways that damage bytes."""


WAYS: dict[str, Callable[[random.Random, onnx.ModelProto], Any]] = {
    **{way.__name__: way for way in (kind, domain, inputs, results, attribute, shape, element, numbers, names, order)},
    "version": version,
    **dict.fromkeys(("flipped bytes", "cut", "doubled", "inserted bytes"), nothing),
}


# --- ways to damage bytes ----------------------------------------------------------------------


def flipped(chance: random.Random, data: bytearray) -> bytes:
    for _ in range(chance.choice((1, 1, 3, 20))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def inserted(chance: random.Random, data: bytearray) -> bytes:
    place = chance.randrange(len(data))
    return bytes(data[:place]) + chance.randbytes(chance.choice((1, 2, 9))) + bytes(data[place:])


BYTES: dict[str, Callable[[random.Random, bytearray], bytes]] = {
    "flipped bytes": flipped,
    "cut": lambda chance, data: bytes(data[: chance.randrange(len(data))]),
    "doubled": lambda chance, data: bytes(data * 2),
    "inserted bytes": inserted,
}
