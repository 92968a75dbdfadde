"""Rewrites: whatever speaks of a value, a name or a weight follows the change."""

from __future__ import annotations

import pytest
from choice_graphs import small
from graphs import op

from archdsl.driver import compile_network, open_spec
from archdsl.ir.graph import Choice, Graph, Value
from archdsl.ir.rewrite import bypassed, dropped, redirected, renamed, replaced
from archdsl.ir.serialize import from_json, to_json
from archdsl.ir.verify import Bug, verify


def inputs(graph: Graph, id: str) -> list[str]:
    return [value.node for value in graph.inputs_of(id)]


def test_another_op_has_its_shape_inferred_and_all_after_it() -> None:
    graph = replaced(small(), {"stem.conv": op("conv", out=16, kernel=3, bias=False)})
    verify(graph, "test")
    assert str(graph.node("stem.conv").output) == "16x8x8"
    assert str(graph.node("gate").output) == "16x8x8"


def test_what_was_written_is_forgotten_where_it_is_no_longer_so() -> None:
    before = small()
    written = before.node("body.0.conv1").written
    assert [name for name, _ in written] == ["out"]
    same = replaced(before, {"body.0.conv1": op("conv", out=8, kernel=1, bias=False)})
    assert same.node("body.0.conv1").written == written
    other = replaced(before, {"body.0.conv1": op("conv", out=4, kernel=1)})
    verify(other, "test")
    assert other.node("body.0.conv1").written == ()
    assert other.node("body.1.conv1").written == before.node("body.1.conv1").written


def test_an_op_that_does_not_fit_is_left_for_verify_to_find() -> None:
    graph = replaced(small(), {"stem.conv": op("conv", out=16, kernel=3, groups=2)})
    with pytest.raises(Bug, match=r"node stem\.conv cannot take its inputs"):
        verify(graph, "test")


def test_everything_that_took_a_value_takes_the_other() -> None:
    start, conv = Value("stem.bn"), Value("stem.conv")
    graph = redirected(small(), {start: conv})
    verify(graph, "test")
    assert inputs(graph, "aside.gate") == ["stem.conv"]
    assert inputs(graph, "body.0.add")[0] == "stem.conv"
    assert graph.scopes["stem"].results == (conv,)
    assert "stem.bn" in graph


def test_chains_are_followed_and_ports_told_apart() -> None:
    before = small()
    values = {Value("split", 1): Value("split", 0), Value("split", 0): Value("body.1.add")}
    graph = redirected(before, values)
    assert graph.inputs_of("concat") == (Value("body.1.add"), Value("body.1.add"))
    assert str(graph.node("concat").output) == "32x4x4"


def test_outputs_follow() -> None:
    before = small()
    graph = redirected(before, {Value("gate"): Value("concat")})
    assert graph.outputs[0].values == (Value("concat"),)
    assert graph.outputs[1] == before.outputs[1]


def test_names_of_scopes_follow_and_go_with_their_node() -> None:
    graph = compile_network(open_spec("lenet"), "5").graph
    stage = next(scope for scope in graph.scopes.values() if any(v.node in graph for _, v in scope.names))
    (name, value), *_ = stage.names
    other = next(node for node in graph if node.id != value.node)
    moved = redirected(graph, {value: Value(other.id)})
    assert dict(moved.scopes[stage.path].names)[name] == Value(other.id)
    assert name not in dict(dropped(graph, {value.node}).scopes[stage.path].names)


def choice(graph: Graph, path: str) -> Choice:
    (found,) = (step for step in graph.scopes[path].steps if isinstance(step, Choice))
    return found


def test_expressions_and_choices_ask_about_the_other_value() -> None:
    start, conv = Value("stem.bn"), Value("stem.conv")
    before = small()
    assert choice(before, "body.0").before == (start,)
    graph = redirected(before, {start: conv, Value("body.0.conv1"): conv})
    found = choice(graph, "body.0")
    assert found.before == (conv,)
    assert found.conditions[0].values == (("it", conv),)
    assert found.gives == (("inner", (conv,)),)
    assert dict(graph.node("body.0.conv1").written)["out"].values == (("it", conv),)
    assert graph.scopes["body.0"].inputs == (conv,)
    assert choice(graph, "body.1") == choice(before, "body.1")


def test_a_dropped_node_is_no_step_and_no_expression_knows_it() -> None:
    before = small()
    graph = dropped(before, {"body.0.conv1", "body.0.add", "stem.bn"})
    found = choice(graph, "body.0")
    assert (found.steps, found.before, found.gives) == ((), (), ())
    assert found.conditions[0].expression == choice(before, "body.0").conditions[0].expression
    assert found.conditions[0].values == ()
    assert graph.scopes["body.0"].steps == (found, "body.0.conv2")
    assert graph.scopes["body.0"].ports == graph.scopes["body.0"].names == ()
    assert graph.scopes["stem"].steps == ("stem.conv",)
    assert dict(graph.node("body.1.conv1").written)["out"].values == ()


def test_a_dropped_node_that_is_taken_is_found_by_verify() -> None:
    with pytest.raises(Bug, match=r"node stem\.bn takes stem\.conv, which does not come before it"):
        verify(dropped(small(), {"stem.conv"}), "test")


def test_a_bypassed_node_is_gone_from_everywhere() -> None:
    graph = bypassed(small(), {"stem.bn"})
    verify(graph, "test")
    assert "stem.bn" not in to_json(graph)
    assert graph.scopes["stem"].results == (Value("stem.conv"),)


def test_several_in_a_row_are_bypassed_at_once() -> None:
    graph = bypassed(small(), {"stem.bn", "stem.conv"})
    assert inputs(graph, "aside.gate") == ["image"]


def test_what_lies_in_a_scope_moves_with_it() -> None:
    graph = renamed(small(), {"body": "trunk", "body.1.conv2": "trunk.1.last"})
    verify(graph, "test")
    assert graph.node("trunk.0.conv1").weights == "trunk.0.conv1"
    assert graph.node("trunk.1.last").weights == "trunk.1.last"
    assert inputs(graph, "trunk.1.add") == ["trunk.0.add", "trunk.1.last"]
    assert graph.scopes["trunk"].results == (Value("trunk.1.add"),)
    assert graph.scopes["trunk.1"].copy == (1, 2)
    assert not any(path.startswith("body") for path in graph.scopes)
    assert from_json(to_json(graph)) == graph


def test_texts_and_steps_follow_to_the_new_paths() -> None:
    graph = renamed(small(), {"body": "trunk", "body.1.conv1": "trunk.1.first", "stem": "start"})
    verify(graph, "test")
    assert graph.scopes[""].steps == ("image", "start", "trunk", "aside", "split", "concat", "gate")
    found = choice(graph, "trunk.1")
    assert graph.scopes["trunk.1"].steps == (found, "trunk.1.conv2", "trunk.1.add")
    assert found.steps == ("trunk.1.first",)
    assert found.gives == (("inner", (Value("trunk.1.first"),)),)
    assert found.before == (Value("trunk.0.add"),)
    text = dict(graph.node("trunk.0.conv1").written)["out"]
    assert (text.home, text.values) == ("trunk.0", (("it", Value("start.bn")),))
    (let,) = graph.scopes["trunk.1"].lets
    assert let.written.home == found.conditions[0].home == "trunk.1"
    assert dict(graph.scopes["trunk.1"].written)["width"].home == ""


def test_shared_weights_stay_shared() -> None:
    graph = renamed(small(), {"aside": "further", "gate": "closing"})
    verify(graph, "test")
    assert graph.node("further.gate").weights == graph.node("closing").weights


def test_a_copy_that_is_called_otherwise_is_a_block() -> None:
    graph = renamed(small(), {"body.0": "body.first"})
    verify(graph, "test")
    assert (graph.scopes["body.first"].kind, graph.scopes["body.first"].copy) == ("block", None)


def test_a_dissolved_scope_leaves_its_members_to_the_one_around() -> None:
    graph = renamed(small(), {"stem": "", "stem.conv": "stem_conv", "stem.bn": "stem_bn"})
    verify(graph, "test")
    assert "stem" not in graph.scopes
    assert graph.node("stem_conv").scope == ""
    assert inputs(graph, "stem_bn") == ["stem_conv"]
    assert graph.scopes[""].steps == ("image", "stem_conv", "stem_bn", "body", "aside", "split", "concat", "gate")


def test_what_was_written_with_names_of_a_dissolved_scope_is_forgotten() -> None:
    graph = renamed(small(), {"body.0": "body"})
    verify(graph, "test")
    assert graph.scopes["body"].steps == ("body.conv1", "body.conv2", "body.add", "body.1")
    assert graph.node("body.conv1").written == ()
    assert dict(graph.node("body.1.conv1").written)["out"].home == "body.1"


def test_the_same_names_are_the_same_graph() -> None:
    graph = small()
    assert renamed(graph, {}) is graph
    assert renamed(graph, {"body": "body"}) is graph


@pytest.mark.parametrize("spec", ["googlenet@bn", "hourglass", "densenet@121", "textcnn"])
def test_renamed_there_and_back_is_what_it_was(spec: str) -> None:
    name, _, variant = spec.partition("@")
    graph = compile_network(open_spec(name), variant or None).graph
    there = {scope.path: f"{scope.path}_" for scope in graph.scopes.values() if scope.parent == ""}
    moved = renamed(graph, there)
    verify(moved, "test")
    assert moved != graph
    assert renamed(moved, {new: old for old, new in there.items()}) == graph
