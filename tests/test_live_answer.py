"""What the live page is told: messages with offsets, controls, views. The same function runs in the browser."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest

import archdsl
from archdsl.backends import figures
from archdsl.live.answer import answer
from archdsl.live.language import language
from archdsl.resources import specs_folder

EFFICIENTNET = (specs_folder() / "efficientnet.arch").read_text(encoding="utf-8")
SMALL = """\
network Small:
    input image: 3 x 32 x 32
    conv(16, 3) -> relu -> global_avg_pool -> flatten -> linear(10)
"""


def asked(text: str, **question: Any) -> dict[str, Any]:
    return answer({"question": {"text": text, **question}, "path": None})


def settings(answered: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {setting["name"]: setting for setting in answered["controls"]["settings"]}


def test_a_mistake_stands_where_it_is_in_the_text() -> None:
    text = f"# 😀 takes two units in a browser, and one character here\n{SMALL.replace('3)', '3, stide=2)')}"
    (message,) = asked(text)["diagnostics"]
    start, end = message["range"]
    assert text[start:end] == "stide=2"
    assert (message["place"], message["help"]) == ("line 4", "did you mean `stride=2`?")


def test_a_mistake_in_a_block_of_the_library_stands_where_it_is_used() -> None:
    text = "from blocks.mobile import MBConv\nnetwork Net:\n    input image: 3 x 8\n    MBConv(8, 3)\n"
    (message, *_) = asked(text)["diagnostics"]
    assert message["place"].startswith("specs/blocks/")
    start, end = message["range"]
    assert "MBConv" in text[start:end]


def test_a_mistake_is_mended_by_its_fix() -> None:
    text = SMALL.replace("3)", "3, stide=2)")
    (fix,) = asked(text, fixes=True)["diagnostics"][0]["fixes"]
    start, end = fix["range"]
    assert text[:start] + fix["text"] + text[end:] == text.replace("stide", "stride")
    assert asked(text)["diagnostics"][0]["fixes"] == []


def test_controls_have_the_values_of_the_network() -> None:
    answered = asked(EFFICIENTNET, variant="b3", settings={"classes": "10"})
    network = archdsl.load("efficientnet@b3", classes=10)
    assert answered["controls"]["variants"] == [f"b{n}" for n in range(8)]
    assert answered["controls"]["variant"] == "b3"
    found = settings(answered)
    assert {name: float(setting["value"]) for name, setting in found.items()} == pytest.approx(network.settings)
    assert (found["classes"]["origin"], found["classes"]["default"], found["classes"]["type"]) == (
        "given",
        "1000",
        "int",
    )
    assert found["phi"]["doc"] == "each step doubles the cost"
    assert found["phi"]["slider"] == {"from": 0, "to": 8, "step": 0.1}
    assert found["width"]["slider"] is None
    assert found["bn_eps"]["slider"] is None


def test_settings_change_the_table() -> None:
    answered = asked(EFFICIENTNET, settings={"phi": "3"}, view="table")
    assert f"{archdsl.load('efficientnet', phi=3).params / 1e6:.1f} M" in answered["view"]["html"]


def test_a_wrong_setting_is_told_at_its_control() -> None:
    (message,) = asked(EFFICIENTNET, settings={"phi": "abc("})["diagnostics"]
    assert (message["setting"], message["range"], message["place"]) == ("phi", None, "")


def test_settings_and_variants_that_the_text_has_no_more_are_left_out() -> None:
    answered = asked(SMALL, variant="b3", settings={"phi": "3"})
    assert answered["diagnostics"] == []
    assert answered["controls"]["variant"] is None


def test_a_variant_is_chosen_where_the_defaults_are_not_enough() -> None:
    text = SMALL.replace("    input", "    param n: int\n    variants:\n        a: n = 1\n        b: n = 2\n    input")
    answered = asked(text.replace("16", "16 * n"))
    assert (answered["controls"]["variant"], answered["diagnostics"]) == ("a", [])


@pytest.mark.parametrize("kind", [name for name, _ in language()["figures"]])
def test_figures_are_those_of_the_command_line_in_both_themes(kind: str) -> None:
    svg = asked(SMALL, figure=kind)["view"]["svg"]
    network = archdsl.loads(SMALL)
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for side, theme in enumerate(themes):
        drawn = figures.written(figures.as_scene(network.graph, kind, theme=theme), "svg", "plain").decode()
        assert _themed(svg, side) == drawn


def _themed(svg: str, side: int) -> str:
    return re.sub(r"light-dark\((#\w+), (#\w+)\)", lambda pair: pair[1 + side], svg)


def test_code_is_the_emitted_module() -> None:
    assert asked(SMALL, view="code")["view"]["text"] == archdsl.loads(SMALL).source()


def test_a_second_network_stands_beside_the_first() -> None:
    beside = asked(SMALL, beside="lenet")
    assert "Small" in beside["view"]["svg"]
    assert "LeNet" in beside["view"]["svg"]
    table = asked(EFFICIENTNET, variant="b0", beside="@b1", view="table")["view"]["html"]
    assert all(f"{archdsl.load(f'efficientnet@{name}').params / 1e6:.2f} M" in table for name in ("b0", "b1"))


def test_a_second_network_that_is_not_there_is_told_and_the_first_is_shown() -> None:
    answered = asked(SMALL, beside="lenett")
    assert "lenett" in answered["beside"]
    assert "svg" in answered["view"]


def test_a_file_of_blocks_has_messages_and_no_view() -> None:
    answered = asked("block B:\n    conv(16, 3) -> relu\n")
    assert answered == {"diagnostics": []}


def test_the_editor_knows_the_words_of_the_language() -> None:
    known = language()
    assert {"network", "stage", "variants", "then", "training"} <= set(known["keywords"])
    assert known["ops"]["conv"][0].startswith("conv(out")
    assert {"resnet", "lenet"} <= set(known["library"])
