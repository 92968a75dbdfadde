"""What an op's class says of it (`commutes`, `keeps zero` ...) is so in PyTorch, for every example of every op.

Unless a test says otherwise, what a class does not say is not so either.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
import torch
from emitted_ops import build, outputs, values
from torch import nn

from archdsl.ops.activation import Activation
from archdsl.ops.base import Example, Family, Mismatch, Module, Op, View
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor

OPS = [name for name in sorted(REGISTRY) if not REGISTRY[name].internal]
each_op = pytest.mark.parametrize("name", OPS)


def examples(name: str) -> list[Example]:
    """Those that are quick to run, and take numbers."""
    found = (e for e in REGISTRY[name].examples() if all(t.kind == "float" for t in e.inputs))
    return [e for e in found if sum(t.size for t in e.inputs) < 400_000]


def made(op: Op, inputs: tuple[Tensor, ...]) -> nn.Module:
    """The op's module with weights and statistics that are none in particular."""
    module = build(op, inputs)
    with torch.no_grad():
        for value in (*module.parameters(), *module.buffers()):
            if value.is_floating_point():
                value.uniform_(0.5, 1.5)
                if op.family is Family.RECURRENT:
                    value /= 10  # gates would all be open
    return module


def run(module: nn.Module, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The outputs; what chance decides is decided alike every time."""
    torch.manual_seed(1)
    with torch.no_grad():
        return outputs(module(*inputs))


def same(one: tuple[torch.Tensor, ...], other: tuple[torch.Tensor, ...]) -> bool:
    shapes = [value.shape for value in one] == [value.shape for value in other]
    return shapes and all(torch.allclose(a, b, atol=1e-5) for a, b in zip(one, other, strict=True))


def modes(module: nn.Module) -> Iterator[nn.Module]:
    yield module.train()
    yield module.eval()


# --- the inputs of ops that take several ----------------------------------------------------


def commutes(example: Example) -> bool:
    module, inputs = made(example.op, example.inputs), values(example.inputs)
    try:
        return same(run(module, *inputs), run(made(example.op, example.inputs[::-1]), *reversed(inputs)))
    except (RuntimeError, Mismatch):
        return False


@each_op
def test_commutative(name: str) -> None:
    several = [example for example in examples(name) if len(example.inputs) > 1]
    assert REGISTRY[name].commutative == (bool(several) and all(map(commutes, several)))


def nests(name: str, x: Tensor, right: bool) -> bool:
    """Whether three values may be joined two by two: the first two before the third, or after."""
    op = REGISTRY[name]()

    def applied(*inputs: torch.Tensor) -> torch.Tensor:
        (result,) = run(build(op, tuple(Tensor(*value.shape[1:]) for value in inputs)), *inputs)
        return result

    a, b, c = values((x, x, x))
    nested = applied(a, applied(b, c)) if right else applied(applied(a, b), c)
    return torch.allclose(nested, applied(a, b, c), atol=1e-5) and torch.equal(applied(a), a)


@each_op
def test_folds_and_is_associative(name: str) -> None:
    kind = REGISTRY[name]
    open_ended = examples(name)[:1] if name != "embedding" and examples(name)[0].op.arity()[1] is None else []
    folds = any(nests(name, example.inputs[-1], right=False) for example in open_ended)
    assert kind.folds == folds
    assert kind.associative == (folds and any(nests(name, e.inputs[-1], right=True) for e in open_ended))


# --- positions ---------------------------------------------------------------------------------


def is_pointwise(example: Example) -> bool:
    """Whether what changes at one position of the inputs changes that position of the outputs alone, and positions that
    change places do so in the outputs."""
    spatial = example.inputs[0].spatial
    tensors = (*example.inputs, *(outs if isinstance(outs := example.outputs, tuple) else (outs,)))
    if any(tensor.spatial != spatial for tensor in tensors):
        return False
    module, inputs = made(example.op, example.inputs), values(example.inputs)
    place = tuple(length // 2 for length in spatial)
    changed = tuple(value.clone() for value in inputs)
    for value in changed:
        value[(..., *place)] += 1
    elsewhere = torch.ones(spatial, dtype=torch.bool)
    elsewhere[place] = False
    for ready in modes(module):
        results = zip(run(ready, *inputs), run(ready, *changed), strict=True)
        if not all(torch.equal(a[..., elsewhere], b[..., elsewhere]) for a, b in results):
            return False
    moved = run(module.eval(), *(value.roll(1, -1) for value in inputs))
    return same(moved, tuple(value.roll(1, -1) for value in run(module, *inputs)))


@each_op
def test_pointwise(name: str) -> None:
    maps = [example for example in examples(name) if example.inputs[0].spatial]
    assert REGISTRY[name].pointwise == (bool(maps) and all(map(is_pointwise, maps)))


def keeps_zero(example: Example) -> bool:
    module = made(example.op, example.inputs)
    zeros = tuple(torch.zeros_like(value) for value in values(example.inputs))
    return all(not result.any() for ready in modes(module) for result in run(ready, *zeros))


@each_op
def test_keeps_zero(name: str) -> None:
    kind = REGISTRY[name]
    assert kind.keeps_zero == (kind.pointwise and all(map(keeps_zero, examples(name))))


# --- order -------------------------------------------------------------------------------------


def keeps_order(example: Example) -> bool:
    x = values(example.inputs)[0]
    return torch.equal(run(build(example.op, example.inputs), x)[0].flatten(), x.flatten())


VIEWS = [name for name in OPS if issubclass(REGISTRY[name], View)]


@pytest.mark.parametrize("name", VIEWS)
def test_keeps_order(name: str) -> None:
    kind = REGISTRY[name]
    assert issubclass(kind, View)
    assert kind.keeps_order == all(len(e.inputs) == 1 and keeps_order(e) for e in examples(name))


def reads_shape_alone(example: Example) -> bool:
    module = made(example.op, example.inputs).eval()
    one, other = values(example.inputs), values(example.inputs)
    return same(run(module, *one), run(module, *other))


@each_op
def test_reads_shape_alone(name: str) -> None:
    assert REGISTRY[name].reads_shape_alone == (bool(examples(name)) and all(map(reads_shape_alone, examples(name))))


# --- inference and training ----------------------------------------------------------------


def is_identity(example: Example) -> bool:
    inputs = values(example.inputs)
    return same(run(made(example.op, example.inputs).eval(), *inputs), inputs)


@each_op
def test_identity_at_inference(name: str) -> None:
    assert REGISTRY[name].identity_at_inference == (bool(examples(name)) and all(map(is_identity, examples(name))))


@pytest.mark.parametrize("name", [name for name in OPS if not REGISTRY[name].backward_needs_output])
def test_backward_does_not_read_the_output(name: str) -> None:
    """Others may not read it either; they need not say so."""
    for example in examples(name):
        module = made(example.op, example.inputs)
        gradients = []
        for overwrite in (False, True):
            torch.manual_seed(1)
            leaves = tuple(value.requires_grad_() for value in values(example.inputs))
            (result,) = outputs(module(*leaves))
            if overwrite:
                result.mul_(1.0).add_(3)
            result.sum().backward()
            gradients.append(tuple(leaf.grad for leaf in leaves))
        assert same(*gradients)


def test_an_output_that_is_read_cannot_be_overwritten() -> None:
    """What the test above would find."""
    result = torch.ones(3, requires_grad=True).tanh()
    result.add_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()


@each_op
def test_in_place(name: str) -> None:
    for example in REGISTRY[name].examples():
        emission = example.op.torch(*example.inputs)
        if isinstance(emission, Module) and emission.target.startswith("nn."):
            parameters = inspect.signature(getattr(nn, emission.target.removeprefix("nn."))).parameters
            assert REGISTRY[name].in_place == emission.inplace == ("inplace" in parameters)
        else:
            assert not REGISTRY[name].in_place


@each_op
def test_training_arguments_change_no_output(name: str) -> None:
    """In neither mode, to the last bit."""
    kind = REGISTRY[name]
    found = list(kind.examples())
    for argument in kind.training_arguments & set(kind.model_fields):
        known = list(dict.fromkeys(getattr(example.op, argument) for example in found))
        assert len(known) > 1
        for example in found:
            for value in known if not example.op.is_tied() else ():  # a tied layer takes no `init`
                module = made(example.op, example.inputs)
                other = build(example.op.model_copy(update={argument: value}), example.inputs)
                other.load_state_dict(module.state_dict())
                inputs = values(example.inputs)
                for training in (False, True):  # training changes statistics, which evaluation reads
                    one, two = module.train(training), other.train(training)
                    assert all(map(torch.equal, run(one, *inputs), run(two, *inputs)))


GATED = [name for name in OPS if issubclass(REGISTRY[name], Activation) and REGISTRY[name].gate]


@pytest.mark.parametrize("name", GATED)
def test_gate(name: str) -> None:
    kind = REGISTRY[name]
    assert issubclass(kind, Activation)
    x = Tensor(100)
    (value,) = values((x,))
    (gate,) = run(build(REGISTRY[kind.gate](), (x,)), value * 4)
    assert same((value * 4 * gate,), run(build(kind(), (x,)), value * 4))
