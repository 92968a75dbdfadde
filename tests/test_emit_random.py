"""Random networks of random blocks: what is emitted computes, bit by bit, what their graphs say."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from emission import (
    counted_parameters,
    example_inputs,
    expected_outputs,
    interpret,
    predicted_parameters,
    tensors_of,
)
from tidiness import check_tidy

import archdsl
from archdsl.backends.torch.load import module
from archdsl.backends.torch.source import source
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph

COUNT = 24
LARGEST = 300
"""Nodes; larger networks are left out."""

CELL = """\
block Cell(w) from prev, cur:
    path q = prev -> conv(w, 1)
    concat{q | cur -> relu} -> conv(w, 1)
    return cur, it
"""


class Writer:
    """Writes a spec of blocks that use one another; widths, joints, copies, names and outputs are drawn."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.blocks: list[str] = []
        self.names = 0

    def spec(self) -> str:
        blocks = "".join(self.block(index) for index in range(self.random.randint(1, 4)))
        lines = "".join(self.stage(index) for index in range(self.random.randint(1, 4)))
        return f"network Net:\n    input image: 4 x 6 x 6\n{lines}{blocks}{CELL}"

    def block(self, index: int) -> str:
        lines = self.body(inside=True)
        if self.random.random() < 0.3:
            lines = ["let hidden = w * 2", *lines, "conv(hidden, 1)"]
        if self.random.random() < 0.3:
            lines = ["shared same = conv(4, 3)", *lines, "conv(4, 1) -> same -> relu -> same"]
        if self.random.random() < 0.3:
            lines += ["if input.channels == w then conv(w, 1) else relu"]
        self.blocks.append(f"B{index}")
        return f"block B{index}(w, n=2):\n" + "".join(f"    {line}\n" for line in lines)

    def stage(self, index: int) -> str:
        text = f"    stage s{index}:\n" + "".join(f"        {line}\n" for line in self.body(inside=False))
        if self.random.random() < 0.4:
            copies = self.random.choice([1, 2, 4])
            text += f"    path c{index} = image -> conv(4, 1)\n    (s{index}, c{index}) -> Cell(4) * {copies}"
            text += f" as (u{index}, v{index})\n    concat{{u{index} | v{index}}}\n"
        training = self.random.choice(["", " training"])
        if self.random.random() < 0.3:
            text += f"    output o{index}{training}: s{index} -> conv(2, 1)\n"
        if self.random.random() < 0.2:
            text += f"    repeat 3:\n        conv(4, 3) as f\n        output h{index}{training}: f -> conv(2, 1)\n"
            text += "        add{it | f -> relu}\n"
        return text

    def body(self, inside: bool) -> list[str]:
        """Lines; what one of them names, the next ones join."""
        lines: list[str] = []
        named: list[str] = []
        for _ in range(self.random.randint(1, 4)):
            self.names += 1
            name = f"p{self.names}"
            kinds = ["chain", "chain", "path", "as", "split", "repeat", *(["join"] if named else [])]
            match self.random.choice(kinds):
                case "path":
                    lines.append(f"path {name} = {self.chain(inside)}")
                    named.append(name)
                case "as":
                    lines.append(f"{self.chain(inside)} as {name}")
                    named.append(name)
                case "join":
                    lines.append(f"concat{{it | {self.random.choice(named)} -> {self.chain(inside)}}}")
                case "split":
                    lines.append(f"conv(8, 1) -> split(2) as ({name}a, {name}b)")
                    lines.append(f"concat{{{name}b | {name}a -> {self.chain(inside)}}}")
                case "repeat":
                    step = self.random.choice(["conv(4 + 2 * i, 3)", self.chain(inside)])
                    lines.append(f"repeat {self.random.randint(2, 4)} as i: {step} -> {self.chain(inside)}")
                case _:
                    lines.append(self.chain(inside))
        return lines

    def chain(self, inside: bool, depth: int = 0) -> str:
        return " -> ".join(self.step(inside, depth) for _ in range(self.random.randint(1, 3)))

    def step(self, inside: bool, depth: int) -> str:
        width = self.random.choice(["w", "w", "w * 2", "it.channels", "4"] if inside else ["4", "6", "8"])
        steps = [f"conv({width}, {self.random.choice([1, 3, 5])})", f"conv({width}, 3) -> bn -> relu", "bn -> silu"]
        steps += ["relu", "dropout(0.3)", "mul{it | sigmoid}", f"scale({'1 / w' if inside else '0.5'})"]
        if depth < 2:
            steps.append(f"add{{conv(4, 1) | {self.chain(inside, depth + 1)} -> conv(4, 1)}}")
            count = self.random.randint(1, 4)
            steps.append(f"concat{{{' | '.join(self.chain(inside, depth + 1) for _ in range(count))}}}")
        if self.blocks:
            use = f"{self.random.choice(self.blocks)}({width})"
            copies = self.random.choice(["n", "2", "3"] if inside else ["2", "5"])
            steps += [use, f"{use} * {copies}{self.random.choice(['', ' first(w=6)', ' last(w=4)'])}"]
        return self.random.choice(steps)


@pytest.fixture(scope="module")
def networks() -> list[Graph]:
    """What compiles, which is most: after a split, `it` has no channels."""
    found = []
    for seed in range(COUNT):
        with suppress(CompileError):
            found.append(archdsl.loads(Writer(seed).spec()).graph)
    assert len(found) > COUNT / 2
    return [graph for graph in found if len(graph) <= LARGEST]


def test_computes_what_the_graph_says(networks: list[Graph]) -> None:
    for graph in networks:
        network = module(graph)
        inputs = example_inputs(graph)
        for training in (True, False):
            network.train(training)
            torch.manual_seed(0)
            outputs = tensors_of(network(*inputs))
            torch.manual_seed(0)
            expected = expected_outputs(graph, interpret(graph, network, inputs), training)
            for output, value in zip(outputs, expected, strict=True):
                torch.testing.assert_close(output, value, rtol=0, atol=0, equal_nan=True)
        assert counted_parameters(network) == predicted_parameters(graph)


def test_is_tidy(networks: list[Graph], tmp_path: Path) -> None:
    check_tidy({f"random{index}": source(graph) for index, graph in enumerate(networks)}, tmp_path)
