"""Random networks of one op, whose arguments are drawn over all that docs/ops.md allows.

An argument is drawn by the type that the reference states for it, so that an op that is added is drawn, too. Many
arguments do not go together, and are refused; `FITTING` draws some so that more of them do.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from typing import TypeAlias

from archdsl.ops.base import Family, Op
from archdsl.ops.reference import reference
from archdsl.ops.registry import REGISTRY

OPS = tuple(sorted(name for name, op in REGISTRY.items() if not op.internal))

ROUND = tuple(name for name in OPS for _ in range(max(1, len(REGISTRY[name].model_fields))))
"""The ops in turn, each as often as it has arguments."""

CHANNELS = (1, 2, 3, 4, 4, 6, 8, 9, 12)
LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13)
SHORT = LENGTHS[:7]
"""For clips, which have a dimension more."""

Dims: TypeAlias = tuple[int, ...]
Draw: TypeAlias = Callable[[random.Random, Dims], str]
"""Writes an argument for an input of these dimensions."""


def network_of_one_op(seed: int) -> str:
    """The spec of a seed: the same text each time. Consecutive seeds go round all ops."""
    source = random.Random(seed)
    op = REGISTRY[ROUND[seed % len(ROUND)]]
    example = source.choice(list(op.examples())).inputs[0]
    rank = example.rank if source.random() < 0.95 else source.randint(1, 4)
    dims = drawn_dims(source, rank, example.kind)
    dims = (1,) if op.name == "sinusoid" and example.kind == "float" else dims
    arguments = drawn_arguments(source, op, dims)
    inputs = [dims, *others(source, op, dims, arguments)]
    if op.family == Family.MERGE:
        source.shuffle(inputs)
    kind = " of int" if example.kind == "int" else ""
    texts = [f"{'x'.join(map(str, dims))}{kind}" for dims in inputs]
    return network(op, f"{op.name}({', '.join(arguments)})" if arguments else op.name, texts)


def networks_of_examples(name: str) -> list[str]:
    """The examples of an op in docs/ops.md as networks."""
    op = REGISTRY[name]
    found = ((call, inputs.split(", ")) for call, inputs, _ in reference(op).examples)
    return [network(op, call.replace("other", f"v{len(inputs) - 1}"), inputs) for call, inputs in found]


def network(op: type[Op], call: str, inputs: list[str]) -> str:
    """The spec in which an op is called so with inputs of these shapes."""
    lines = [f"input v{i}: {shape.replace('x', ' x ')}" for i, shape in enumerate(inputs)]
    lines += tied(call, inputs[0]) if "weight=words" in call else steps(op, call, len(inputs))
    return "network Net:\n" + "".join(f"    {line}\n" for line in lines)


def drawn_dims(source: random.Random, rank: int, kind: str) -> Dims:
    lengths = tuple(source.choice(SHORT if rank > 3 else LENGTHS) for _ in range(rank))
    return lengths if kind == "int" else (source.choice(CHANNELS), *lengths[1:])


def tied(call: str, shape: str) -> list[str]:
    """The lines that use a layer with the weight of a table, which reads as many tokens as there are positions."""
    channels, length = shape.split("x")
    out = re.search(r"\((\d+)", call)
    assert out is not None
    return [
        f"input tokens: {length} of int",
        f"shared words = embedding({out[1]}, {channels})",
        f"add{{v0 | tokens -> words}} -> {call}",
    ]


VARIED = {"concat": 0.7, "mul": 0.7, "add": 0.7, "sub": 0.7}
"""How often inputs of an op differ in shape; where it says nothing, seldom."""

SPREAD = ("add", "sub", "mul")
"""Ops of which an input may be the same at all positions: a vector, or of size 1."""


def others(source: random.Random, op: type[Op], dims: Dims, arguments: list[str]) -> list[Dims]:
    """Further inputs: of an op that joins values, or one whose size is taken."""
    if op.family is Family.RECURRENT:
        return [state(source, op, arguments)] if "start=v1" in arguments else []
    if any(argument.endswith("v1") for argument in arguments):
        small = [source.randint(1, length) if source.random() < 0.8 else source.choice(LENGTHS) for length in dims[1:]]
        return [(source.choice(CHANNELS), *small)]
    if op.name == "attend":
        alike = source.random() < 0.8 and any(a.startswith(("causal=t", "windows=")) for a in arguments)
        keys, values = keys_and_values(source, dims, alike)
        return [keys, values, *([scores(source, dims, keys, arguments)] if "bias=v3" in arguments else [])]
    if op.family != Family.MERGE:
        return []
    alike = [list(dims) for _ in range(source.randint(1, 3))]
    for other in alike if source.random() < VARIED.get(op.name, 0.1) else []:
        if op.name in SPREAD and source.random() < 0.6:
            other[1:] = [1] * (len(dims) - 1) if source.random() < 0.5 else []
            continue
        place = int("over=positions" in arguments) if op.name == "concat" else source.randrange(len(dims))
        other[place] = 1 if op.name == "mul" else source.choice(CHANNELS)
    return [tuple(other) for other in alike]


def keys_and_values(source: random.Random, dims: Dims, alike: bool) -> list[Dims]:
    """Mostly with as many channels as the queries have; at the same positions half of the time, or if `alike`."""
    drawn = tuple(source.choice(LENGTHS) for _ in range(len(dims) - 1))
    positions = dims[1:] if alike or source.random() < 0.5 else drawn
    keys, values = (dims[0] if source.random() < 0.7 else source.choice(CHANNELS) for _ in range(2))
    return [(keys, *positions), (values, *positions)]


def scores(source: random.Random, queries: Dims, keys: Dims, arguments: list[str]) -> Dims:
    """Mostly the shape of the scores of attention: heads x queries x keys."""
    heads = next((int(argument[6:]) for argument in arguments if argument.startswith("heads=")), 1)
    heads += source.random() < 0.1
    return heads, math.prod(queries[1:]), math.prod(keys[1:])


def state(source: random.Random, op: type[Op], arguments: list[str]) -> Dims:
    """Mostly the shape of a recurrent layer's state."""
    width, layers = (next((int(a.split("=")[1]) for a in arguments if a.startswith(name)), 1) for name in ("wi", "la"))
    columns = layers * (1 + ("bidirectional=true" in arguments)) * (1 + (op.name == "lstm"))
    return width + (source.random() < 0.1), columns


def steps(op: type[Op], call: str, inputs: int) -> list[str]:
    """The lines that use the op. Several results are joined in another order than they have."""
    if op.family == Family.MERGE:
        return [f"{call}{{{' | '.join(f'v{i}' for i in range(inputs))}}}"]
    if inputs > 1 and op.family == Family.ATTENTION:
        return [f"(v0, v1, v2) -> {call}"]
    found = re.search(r"parts=(\d+|\[.*\])", call)
    parts = found[1] if found else "2" if op.name == "split" else "1"
    names = [f"part{i}" for i in range(parts.count(",") + 1 if parts.startswith("[") else int(parts))]
    if len(names) == 1:
        return [f"v0 -> {call}"]
    return [f"v0 -> {call} as ({', '.join(names)})", f"concat{{{' | '.join(reversed(names))}}}"]


def drawn_arguments(source: random.Random, op: type[Op], dims: Dims) -> list[str]:
    """All required arguments, and most of the others."""
    drawn = []
    for argument in reference(op).arguments:
        if argument.required or source.random() < 0.6:
            draw = FITTING.get((op.name, argument.name)) or BY_NAME.get(argument.name) or by_type(argument.type)
            drawn.append(f"{argument.name}={draw(source, dims)}")
    return of_one_kind(drawn, dims) if op.name == "attend" and source.random() < 0.9 else drawn


def of_one_kind(drawn: list[str], dims: Dims) -> list[str]:
    """Of the arguments of attention, those for windows of maps and clips, or those for attention without."""
    has_windows = len(dims) in (3, 4) and any(argument.startswith("windows=") for argument in drawn)
    others = ("causal=", "bias=") if has_windows else ("windows=", "shift=", "grid=", "relative=")
    return [argument for argument in drawn if not argument.startswith(others)]


# --- by type -------------------------------------------------------------------------------------


def by_type(words: str) -> Draw:
    """How an argument of this type is drawn. A type without an entry must be a choice of words."""
    if words in BY_TYPE:
        return BY_TYPE[words]
    choices = words.split(", ")
    assert len(choices) > 1, f"random_ops.py does not know how to draw an argument that is {words}"
    return one_of(*choices)


def one_of(*choices: object) -> Draw:
    return lambda source, dims: str(source.choice(choices))


def several(numbers: tuple[int, ...], source: random.Random, dims: Dims) -> str:
    """One number, or one for each dimension of the positions."""
    count = len(dims) - 1 if source.random() < 0.95 else source.randint(1, 4)
    if source.random() < 0.5 or count < 1:
        return str(source.choice(numbers))
    return f"[{', '.join(str(source.choice(numbers)) for _ in range(count))}]"


def size(source: random.Random, dims: Dims) -> str:
    text = several((1, 1, 2, 2, 3, 3, 4, 5, 6), source, dims)
    return text.strip("[]").replace(", ", "x") if "," in text else text


def pixels(source: random.Random, dims: Dims) -> str:
    """One number, one a dimension, or one a side."""
    if source.random() < 0.5:
        return several((0, 1, 1, 2, 3), source, dims)
    return f"[{', '.join(str(source.choice((0, 0, 1, 1, 2, 3))) for _ in range(2 * (len(dims) - 1)))}]"


def padding(source: random.Random, dims: Dims) -> str:
    return source.choice(("same", "tf_same", "valid")) if source.random() < 0.5 else pixels(source, dims)


def shape(source: random.Random, dims: Dims) -> str:
    """Mostly a shape of as many numbers, of one to three dimensions."""
    left, drawn = math.prod(dims), []
    for _ in range(source.randint(0, 2)):
        drawn.append(source.choice([n for n in range(1, min(left, 64) + 1) if left % n == 0]))
        left //= drawn[-1]
    drawn.append(left if source.random() < 0.9 else left + 1)
    source.shuffle(drawn)
    return " x ".join(map(str, drawn))


BY_TYPE: dict[str, Draw] = {
    "a whole number": one_of(-3, -1, 0, 1, 2, 5),
    "a shape (32 x 7 x 7)": shape,
    "a whole number from 1": one_of(1, 2, 3, 4, 6, 8, 12),
    "a whole number from 0": one_of(0, 1, 2, 3, 4),
    "a size (3, 1x7, 3x1x1)": size,
    "a size (3, 1x7, 3x1x1) or a value of the network": lambda source, dims: (
        "v1" if source.random() < 0.4 else size(source, dims)
    ),
    "pixels (1, 1x2)": pixels,
    "pixels (1, 1x2, [0, 1, 0, 1])": pixels,
    "same, tf_same, valid or pixels (1, 1x2, [0, 1, 0, 1])": padding,
    "true or false": one_of("true", "false"),
    "a number": one_of(-2, -0.5, 0, 0.1, 0.75, 1, 2.5, 3),
    "a number from 0 to 1": one_of(0, 0.1, 0.5, 1),
    "a number from 0 to below 1": one_of(0, 0.1, 0.5, 0.99),
    "a number above 0 to below 1": one_of(0.3, 0.5, 0.6, 0.75, 0.9),
    "a number above 1": one_of(1.5, 100, 10_000),
    "a number from 1": one_of(1, 1.5, 2, 3, 4, 7.5),
    "a number or a list": one_of(1, 2, 3, "[1, 2]"),
    "a number or an initializer for single numbers": one_of("normal(0.02)", "ones", 0, 0.5),
    "an initializer or a number": one_of("kaiming", "xavier_uniform", "normal(0.02)", "zeros", 0, 1, "orthogonal"),
    "a text": one_of('"deep"'),
    "a `shared` step": one_of("deep"),
}

# --- by name, where the type alone seldom fits ---------------------------------------------------


def divisor(of: Callable[[Dims], int]) -> Draw:
    """Mostly a number that divides another."""

    def draw(source: random.Random, dims: Dims) -> str:
        fitting = [n for n in (1, 2, 3, 4, 6, 8) if of(dims) % n == 0]
        return str(source.choice(fitting if source.random() < 0.9 else (2, 3, 5)))

    return draw


def parts(source: random.Random, dims: Dims) -> str:
    """So many equal parts, or a list of parts that make up all channels."""
    if source.random() < 0.4 or dims[0] == 1:
        return divisor(lambda dims: dims[0])(source, dims)
    cuts = sorted(source.sample(range(1, dims[0]), min(source.randint(1, 3), dims[0] - 1)))
    return str([stop - start for start, stop in zip([0, *cuts], [*cuts, dims[0]], strict=True)])


def squared(source: random.Random, dims: Dims) -> str:
    """Mostly a number whose square divides the channels."""
    return str(source.choice([n for n in (1, 2, 3) if dims[0] % n**2 == 0 or source.random() < 0.1] or [2]))


def windows(source: random.Random, dims: Dims) -> str:
    """Mostly a size that divides that of the map."""
    fitting = [str(source.choice([n for n in (1, 2, 3, 4, 5) if length % n == 0])) for length in dims[1:]]
    return "x".join(fitting) if len(fitting) in (2, 3) else one_of(2, 3)(source, dims)


BY_NAME: dict[str, Draw] = {
    "eps": one_of(1e-5, 0.001, 0.5, 2),  # not 0: a value that is the same everywhere would be divided by 0
    "groups": divisor(lambda dims: dims[0]),
    "heads": divisor(lambda dims: dims[0]),
}

FITTING: dict[tuple[str, str], Draw] = {
    ("sinusoid", "width"): one_of(1, 2, 4, 6, 12),
    ("attend", "windows"): windows,
    ("attend", "shift"): one_of(0, 0, 1, 2),
    ("attend", "bias"): one_of("v3"),
    ("lstm", "start"): one_of("v1"),
    ("gru", "start"): one_of("v1"),
    ("conv", "out"): one_of(1, 4, 6, 8, 12),
    ("up_conv", "out"): one_of(1, 4, 6, 8, 12),
    ("channel_slice", "start"): lambda source, dims: str(source.randrange(max(dims[0] // 2, 1))),
    ("channel_slice", "stop"): lambda source, dims: str(
        source.randint(dims[0] // 2 + 1, dims[0] + source.choice((0, 1)))
    ),
    ("resize", "size"): lambda source, dims: (
        "v1" if source.random() < 0.4 else several(tuple(range(1, 30)), source, dims)
    ),
    ("lrn", "alpha"): one_of(0, 0.0001, 0.5, 3),  # below 0, a root of a number below 0 might be taken
    ("lrn", "k"): one_of(0.5, 1, 2),
    ("split", "parts"): parts,
    ("space_to_depth", "factor"): divisor(lambda dims: math.gcd(*dims[1:])),
    ("pixel_shuffle", "factor"): squared,
}
