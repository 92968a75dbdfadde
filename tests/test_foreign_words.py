"""The table of other tools' words: what it says to write compiles, and every word is told where it is met."""

from __future__ import annotations

import pytest
from applied import found_in

from archdsl import foreign
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.names import FUNCTIONS
from archdsl.syntax.calls import NUMERIC

INPUTS = ("image: 64 x 32 x 32", "features: 64", "sequence: 64 x 32", "tokens: 32 of int")
CODES = sorted({meaning.code for meaning in foreign.STEPS.values() if meaning.code})


def compiles(code: str) -> bool:
    """Whether a step can stand in some network: after an image, a vector, a sequence or tokens."""
    rest = "\n    (left, right) -> add" if " as (" in code else ""
    texts = (f"network N:\n    input {declared}\n    {code}{rest}\n" for declared in INPUTS)
    return any(not found_in(text.replace("(left, right) -> add", "add{left | right}")) for text in texts)


@pytest.mark.parametrize("code", CODES)
def test_what_is_to_be_written_compiles(code: str) -> None:
    assert compiles(code)


def test_functions_compute() -> None:
    lets = "let a = 7\n    let b = 2\n    let n = 5\n    let xs = [1, 2]"
    for meaning in set(foreign.FUNCTIONS.values()):
        text = f"network N:\n    input image: 8 x 8 x 8\n    {lets}\n    let z = {meaning.code}\n"
        assert not found_in(f"{text}    conv(z + a + b + n + xs[0], 1)\n"), meaning.code


def test_there_are_many_words_and_none_is_an_op() -> None:
    words = {*foreign.STEPS, *foreign.FUNCTIONS, *foreign.ARGUMENTS, *foreign.NO_ARGUMENTS}
    assert len(words) >= 250
    ours = {foreign.folded(name) for name, op in REGISTRY.items() if not op.internal}
    assert not ours & foreign.STEPS.keys()
    assert not FUNCTIONS.keys() & foreign.FUNCTIONS.keys()


def test_what_is_called_as_a_number_is_named_as_one() -> None:
    assert FUNCTIONS.keys() == NUMERIC


def test_arguments_are_those_of_an_op() -> None:
    known = {name for op in REGISTRY.values() for name in op.model_fields}
    assert {own for names in foreign.ARGUMENTS.values() for own in names} <= known


@pytest.mark.parametrize("word", ["batch_norm", "F.relu", "LSTMCell(8)", "Conv2D", "Conv2d(activation=relu)"])
def test_a_word_of_another_tool_gets_what_the_table_says(word: str) -> None:
    (found,) = found_in(f"network N:\n    input image: 3 x 8 x 8\n    {word}\n")
    meaning = foreign.step(word.partition("(")[0])
    assert found.help == (str(meaning) if meaning else "did you mean `relu`?")


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        ("nn.Conv2d(3, 16, 5, bias=true)", "conv(16, 5, bias=true)"),
        ("Conv2d(3, 16, kernel_size=5, stride=2)", "conv(16, kernel=5, stride=2)"),
        ("Conv2D(16, 5)", "conv(16, 5)"),
        ("Conv2D(16, 5, 2)", "conv(16, 5, 2)"),
        ("ConvTranspose2d(3, 16, 4, stride=4)", "up_conv(16, 4, stride=4)"),
        ("Dense(128)", "linear(128)"),
        ("cat(image, it)", "concat{image | it}"),
        ("torch.cat([image, it], dim=1)", "concat{image | it}"),
    ],
)
def test_a_call_of_another_tool_keeps_its_numbers(call: str, meant: str) -> None:
    (found,) = found_in(f"network N:\n    input image: 3 x 8 x 8\n    {call}\n")
    assert (found.help or "").startswith(f"write `{meant}`")
    step = meant.replace("linear", "flatten -> linear")
    assert not found_in(f"network N:\n    input image: 3 x 8 x 8\n    {step}\n")
