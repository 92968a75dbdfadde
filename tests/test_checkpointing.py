"""`checkpointing`: blocks that run again in the backward pass train as before, and keep less."""

from __future__ import annotations

import copy
import pickle

import torch
from emission import example_inputs
from live_memory import kept_memory
from recomputation import HEAVY, assert_same, small_inputs, step
from variants import Variant, of_each_kind

import archdsl


@of_each_kind
def test_trains_as_before(variant: Variant) -> None:
    """Every block of every family, with random numbers and running statistics; images are small."""
    graph = variant.graph
    if sum(node.op.params(*graph.tensors_into(node.id)) for node in graph) > HEAVY:
        return
    plain = variant.load().module(dtype=torch.float64).train()
    if not hasattr(plain, "checkpointing"):
        return
    inputs = small_inputs(graph)
    again = copy.deepcopy(plain)
    try:
        expected = step(plain, inputs)
    except RuntimeError:  # it does not take images that small
        return
    again.checkpointing()
    assert_same(step(again, inputs), expected)


SHARED = """
network Net:
    input image: 8 x 16 x 16
    shared norm = Norm()
    stage body: Unit(norm) * 2
    global_avg_pool -> flatten -> linear(4)
block Unit(inner: block): conv(8, 3) -> inner -> relu -> dropout(0.5)
block Norm: bn
"""


def small_resnet() -> torch.nn.Module:
    torch.manual_seed(0)
    module: torch.nn.Module = archdsl.load("resnet@18", resolution=32, classes=4).module(dtype=torch.float64)
    return module.train()


def test_statistics_of_a_module_that_is_kept_elsewhere_are_updated_once() -> None:
    net = archdsl.loads(SHARED)
    plain = net.module(dtype=torch.float64).train()
    again = copy.deepcopy(plain)
    again.checkpointing()
    inputs = [x.double() for x in example_inputs(net.graph)]
    assert_same(step(again, inputs), step(plain, inputs))


def test_keeps_less_until_it_is_switched_off() -> None:
    plain, inputs = small_resnet(), [torch.randn(2, 3, 32, 32, dtype=torch.float64)]
    before, names = kept_memory(plain, inputs), list(plain.state_dict())
    plain.checkpointing()
    assert kept_memory(plain, inputs) < 0.6 * before
    assert list(plain.state_dict()) == names
    plain.checkpointing(False)
    assert kept_memory(plain, inputs) == before


def test_copies_and_pickles_are_checkpointed_too() -> None:
    plain, inputs = small_resnet(), [torch.randn(2, 3, 32, 32, dtype=torch.float64)]
    again = copy.deepcopy(plain)
    again.checkpointing()
    copies = copy.deepcopy(again), pickle.loads(pickle.dumps(again))
    expected = step(plain, inputs)
    for one in copies:
        assert_same(step(one, inputs), expected)
        assert kept_memory(one, inputs) == kept_memory(again, inputs)


def test_compiles_whole() -> None:
    """In one graph, with the same gradients and statistics."""
    net = archdsl.loads(SHARED.replace("-> dropout(0.5)", ""))
    plain, inputs = net.module(dtype=torch.float64), [x.double() for x in example_inputs(net.graph)]
    again = copy.deepcopy(plain)
    again.checkpointing()
    compiled = torch.compile(again, backend="aot_eager", fullgraph=True)
    torch.manual_seed(1)
    outputs = compiled(*inputs)
    (outputs**2).sum().backward()
    expected = step(plain, inputs)
    torch.testing.assert_close(outputs.detach(), expected["output 0"])
    for name, parameter in again.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name])
    for name, buffer in again.named_buffers():
        torch.testing.assert_close(buffer, expected[f"buffer {name}"])


def test_a_network_without_blocks_has_no_switch() -> None:
    net = archdsl.loads("network Net:\n    input image: 3 x 8 x 8\n    stage body: conv(4, 3) -> bn -> relu")
    assert not hasattr(net.module(), "checkpointing")
    assert "checkpoint" not in net.source()


def test_the_backward_pass_may_run_twice() -> None:
    """As for gradients of gradients, and with `retain_graph`: statistics are kept as often as blocks run again."""
    plain = archdsl.load("resnet_cifar", n=1).module(dtype=torch.float64).train()
    switched = copy.deepcopy(plain)
    switched.checkpointing()
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    found = []
    for module in (plain, switched):
        for parameter in module.parameters():
            parameter.grad = None
        loss = module(x).square().mean()
        loss.backward(retain_graph=True)
        loss.backward()
        found.append([*(parameter.grad for parameter in module.parameters()), *module.buffers()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
