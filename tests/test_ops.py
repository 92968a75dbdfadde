"""Every op, every example: what it says of itself is what torch does."""

from __future__ import annotations

import contextlib
import inspect
import json
import subprocess
import sys
from functools import cache

import pytest
import torch
from emitted_ops import build, outputs, source, values
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl.backends.torch.load import load
from archdsl.ops.base import Example, Mismatch, Module, Op
from archdsl.ops.reference import families, markdown, reference
from archdsl.ops.registry import REGISTRY, dump, load_op, register
from archdsl.tensor import Tensor

OPS = sorted(REGISTRY)
EXAMPLES = [(name, example) for name in OPS for example in REGISTRY[name].examples()]
EMITTED = [(name, example) for name, example in EXAMPLES if not example.op.internal]


def label(value: object) -> str | None:
    return "x".join(map(str, value.inputs)) if isinstance(value, Example) else None


each_example = pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=label)
each_emitted = pytest.mark.parametrize(("name", "example"), EMITTED, ids=label)
each_op = pytest.mark.parametrize("name", OPS)


def expected(example: Example) -> tuple[Tensor, ...]:
    return example.outputs if isinstance(example.outputs, tuple) else (example.outputs,)


# --- what an op says of itself ---------------------------------------------------------------


@each_example
def test_shape_is_the_one_stated(name: str, example: Example) -> None:
    assert example.op.outputs(*example.inputs) == expected(example)


@each_emitted
def test_shape_parameters_buffers_and_macs_are_torchs(name: str, example: Example) -> None:
    module = build(example.op, example.inputs, "meta")
    for training in (True, False):
        module.train(training)
        with FlopCounterMode(display=False) as counter:
            results = outputs(module(*values(example.inputs, batch=2, device="meta")))
        assert [tuple(r.shape) for r in results] == [(2, *t.dims) for t in expected(example)]
        assert counter.get_total_flops() == 2 * 2 * example.op.macs(*example.inputs)
    assert sum(p.numel() for p in module.parameters()) == example.op.params(*example.inputs)
    assert sum(b.numel() for b in module.buffers()) == example.op.buffers(*example.inputs)
    held = {name.removeprefix("op."): tuple(value.shape) for name, value in module.state_dict().items()}
    assert dict(example.op.state(*example.inputs)) == held


@each_op
def test_examples_use_every_argument(name: str) -> None:
    examples = list(REGISTRY[name].examples())
    assert len(examples) >= 2
    assert set().union(*(e.op.model_fields_set for e in examples)) == set(REGISTRY[name].model_fields)


@pytest.mark.parametrize("name", [name for name in OPS if not REGISTRY[name].internal])
def test_is_documented(name: str) -> None:
    entry = reference(REGISTRY[name])
    assert entry.summary.endswith(".")
    assert entry.examples
    for argument in entry.arguments:
        assert argument.description, f"{name}'s {argument.name} has no description"
        assert argument.type


@each_example
def test_survives_json(name: str, example: Example) -> None:
    again = load_op(json.loads(json.dumps(dump(example.op))))
    assert again == example.op
    assert type(again) is type(example.op)
    assert hash(again) == hash(example.op)


@each_emitted
def test_leaves_out_only_what_torch_assumes(name: str, example: Example) -> None:
    """The defaults that an emission records are those in the signature of torch's class."""
    emission = example.op.torch(*example.inputs)
    if not isinstance(emission, Module) or not emission.target.startswith("nn."):
        return
    target = getattr(torch.nn, emission.target.removeprefix("nn."))
    signature = inspect.signature(torch.nn.RNNBase if issubclass(target, torch.nn.RNNBase) else target).parameters
    for option, value in emission.defaults:
        # A pool's stride is the kernel where it is not given; torch writes that as None.
        torchs = signature[option].default
        assert value == (emission.args[-1] if option == "stride" and torchs is None else torchs)
    names = [option for option, _ in emission.kwargs]
    assert names == sorted(names, key=list(signature).index)


# --- what torch's compilers make of the emission ----------------------------------------------


def small(example: Example) -> bool:
    return sum(t.size for t in example.inputs) < 60_000


SMALL = [(name, example) for name, example in EMITTED if small(example)]
each_small = pytest.mark.parametrize(("name", "example"), SMALL, ids=label)
RANDOM = {"fractional_max_pool"}


def test_every_op_has_an_example_to_run() -> None:
    assert {name for name, _ in SMALL} == {name for name, _ in EMITTED}


DIFFERENT = [(n, e) for n, e in SMALL if e.inputs[0].rank < 4 or "3d" in str(e.op.torch(*e.inputs))]
"""Where nothing is written for clips alone, the code is that for images, and need not be compiled again."""
each_different = pytest.mark.parametrize(("name", "example"), DIFFERENT, ids=label)


@pytest.mark.sampled
@each_different
def test_compiles_in_one_graph(name: str, example: Example) -> None:
    torch.compiler.reset()
    module = build(example.op, example.inputs)
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    inputs = values(example.inputs)
    for training in (True, False):
        compiled.train(training)
        with torch._dynamo.config.patch(allow_rnn=True):  # without it there are several graphs
            results = outputs(compiled(*inputs))
        assert [tuple(r.shape[1:]) for r in results] == [t.dims for t in expected(example)]
    if name not in RANDOM:
        compare(outputs(module.eval()(*inputs)), results)


@pytest.mark.sampled
@each_different
def test_exports(name: str, example: Example) -> None:
    module = build(example.op, example.inputs).eval()
    inputs = values(example.inputs)
    exported = torch.export.export(module, inputs)
    results = outputs(exported.module()(*inputs))
    if name not in RANDOM:
        compare(outputs(module(*inputs)), results)


@each_different
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_traces(name: str, example: Example) -> None:
    module = build(example.op, example.inputs).eval()
    inputs = values(example.inputs)
    traced = torch.jit.trace(module, inputs, check_trace=False)
    if name not in RANDOM:
        compare(outputs(module(*inputs)), outputs(traced(*inputs)))


NOT_SCRIPTED = ("stochastic_pool",)
"""As `docs/emitter.md` says."""


@pytest.mark.sampled
@each_different
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripts(name: str, example: Example) -> None:
    imports = "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor, nn\n"
    module = load(imports + source(example.op, example.inputs), name).Net().eval()
    if name in NOT_SCRIPTED:
        with pytest.raises(RuntimeError):
            torch.jit.script(module)
        return
    taken = values(example.inputs)
    torch.manual_seed(0)
    wanted = outputs(module(*taken))
    torch.manual_seed(0)
    assert all(map(torch.equal, outputs(torch.jit.script(module)(*taken)), wanted))


NOT_IN_HALF = ("avg_pool", "lp_pool")
"""Of clips: on the CPU PyTorch averages their windows in no half precision, as `docs/emitter.md` says."""


@each_small
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_runs_in_other_precisions(name: str, example: Example, dtype: torch.dtype) -> None:
    module = build(example.op, example.inputs, dtype=dtype)
    inputs = values(example.inputs, dtype=dtype)
    if name in NOT_IN_HALF and example.inputs[0].rank == 4 and dtype.itemsize == 2:
        with pytest.raises(NotImplementedError, match="avg_pool3d"):
            module(*inputs)
        return
    for training in (True, False):
        for result, tensor in zip(outputs(module.train(training)(*inputs)), expected(example), strict=True):
            assert result.dtype == (dtype if tensor.kind == "float" else torch.int64)
            assert result.isfinite().all()


@cache
def has_half_lstm() -> bool:
    """Whether PyTorch's own LSTM runs under autocast on this processor: without instructions for it, it raises."""
    try:
        with torch.autocast("cpu", torch.bfloat16):
            nn.LSTM(2, 2)(torch.zeros(3, 1, 2))
    except RuntimeError:
        return False
    return True


@each_small
def test_runs_under_autocast(name: str, example: Example) -> None:
    if name == "lstm" and not has_half_lstm():
        pytest.skip("PyTorch has no LSTM for autocast on this processor")
    module = build(example.op, example.inputs)
    inputs = values(example.inputs)
    halves = tuple(v.bfloat16() if v.is_floating_point() else v for v in inputs)
    with torch.autocast("cpu", torch.bfloat16):
        for given in (inputs, halves):
            for result in outputs(module(*given)):
                assert result.isfinite().all()


IMAGES = [(n, e) for n, e in SMALL if n not in RANDOM and all(t.rank == 3 for t in e.inputs)]


@pytest.mark.parametrize(("name", "example"), IMAGES, ids=label)
def test_channels_last_gives_the_same(name: str, example: Example) -> None:
    module = build(example.op, example.inputs).eval()
    inputs = values(example.inputs)
    again = tuple(v.contiguous(memory_format=torch.channels_last) for v in inputs)
    wanted = outputs(module(*inputs))
    compare(wanted, outputs(module.to(memory_format=torch.channels_last)(*again)))


MAPS = [(name, example) for name, example in EMITTED if any(t.spatial for t in example.inputs)]


@pytest.mark.parametrize(("name", "example"), MAPS, ids=label)
@pytest.mark.parametrize("more", [1, 2, 6])
def test_runs_at_other_sizes(name: str, example: Example, more: int) -> None:
    """A module made for one size gives at another what the op says of that one."""
    module = build(example.op, example.inputs, "meta")
    larger = tuple(
        Tensor(t.channels, *(n + more if n > 1 else n for n in t.spatial), kind=t.kind) for t in example.inputs
    )
    try:
        wanted = example.op.outputs(*larger)
    except Mismatch:
        # Windows, shapes, squares and states have to fit.
        assert name in ("attend", "gru", "lstm", "reshape", "space_to_depth")
        return
    if example.op.learns_by_position():
        return  # a layer over the positions is made for their number
    results = outputs(module(*values(larger, device="meta")))
    assert [tuple(r.shape[1:]) for r in results] == [t.dims for t in wanted]


@each_small
def test_every_parameter_and_input_gets_a_finite_gradient(name: str, example: Example) -> None:
    module = build(example.op, example.inputs)
    inputs = tuple(v.requires_grad_() if v.is_floating_point() else v for v in values(example.inputs))
    if example.op.reads_shape_alone or not (example.op.params(*example.inputs) or any(v.requires_grad for v in inputs)):
        return
    sum(r.square().sum() for r in outputs(module(*inputs))).backward()
    # Of a crop's two inputs, the second lends only its size.
    used = inputs if getattr(example.op, "size", None) != "like" else inputs[:1]
    for leaf in (*module.parameters(), *(v for v in used if v.is_floating_point())):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


def laid_out() -> list[tuple[str, Example]]:
    """The examples with positions, of ops that take the channels first or last."""
    return [(n, e) for n, e in EMITTED if e.op.layout_for(*e.inputs) == "either" and any(x.rank > 1 for x in e.inputs)]


@pytest.mark.parametrize(("name", "example"), laid_out(), ids=label)
def test_channels_first_and_last_give_the_same(name: str, example: Example) -> None:
    first, last = (build(example.op, example.inputs, last=last).eval() for last in (False, True))
    last.load_state_dict(first.state_dict())
    taken = values(example.inputs)
    compare(outputs(first(*taken)), outputs(last(*taken)))


def compare(wanted: tuple[torch.Tensor, ...], found: tuple[torch.Tensor, ...]) -> None:
    assert len(wanted) == len(found)
    for one, other in zip(wanted, found, strict=True):
        torch.testing.assert_close(other, one)


# --- the registry ------------------------------------------------------------------------------


def test_a_name_cannot_be_taken_twice() -> None:
    with pytest.raises(ValueError, match=r"'relu' is registered twice: in archdsl\.ops\.activation and in"):

        @register
        class Relu(Op):
            name = "relu"


def test_ops_of_imported_networks_are_known_by_name_before_they_are_loaded() -> None:
    code = """
import pkgutil, sys, archdsl.ops as ops
from archdsl.ops.registry import REGISTRY
early, known = {*sys.modules}, {*REGISTRY}
for module in pkgutil.iter_modules(ops.__path__):
    __import__(f"archdsl.ops.{module.name}")
assert "archdsl.ops.held" not in early
assert {*REGISTRY} == known and len(REGISTRY) == len(known)
late = [op for op in REGISTRY.values() if op.__module__ not in early]
assert late and all(op.imported and op.internal for op in late)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_ops_imports_no_torch() -> None:
    code = "import sys, archdsl.ops, archdsl.ops.reference, archdsl.ops.codes; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_reference_has_every_op_once() -> None:
    text = markdown()
    listed = [op.name for ops in families().values() for op in ops]
    assert sorted(listed) == [name for name in OPS if not REGISTRY[name].internal]
    for name in listed:
        assert text.count(f"\n### {name}\n") == 1


@pytest.mark.parametrize("data", [{"op": "konv", "arguments": {}}, {"op": "conv", "arguments": {"out": 3.0}}])
def test_loading_nonsense_is_an_error(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"konv|valid"):
        load_op(data)


@each_emitted
def test_wrong_inputs_are_a_mismatch(name: str, example: Example) -> None:
    """Whatever flows in, an op answers with a shape or a `Mismatch`."""
    tokens = Tensor(12, kind="int")
    for strange in (Tensor(7), Tensor(5, 1), Tensor(1, 1, 1), Tensor(2, 3, 4, 5), tokens):
        inputs = (strange, *example.inputs[1:])
        with contextlib.suppress(Mismatch):
            example.op.outputs(*inputs)
    if example.op.takes == "float":
        with pytest.raises(Mismatch) as caught:
            example.op.outputs(tokens, *example.inputs[1:])
        assert caught.value.code == "wrong-kind"
    with pytest.raises(Mismatch) as caught:
        example.op.outputs()
    assert caught.value.code == "wrong-number-of-values"


@each_emitted
def test_source_is_the_same_every_time(name: str, example: Example) -> None:
    again = load_op(dump(example.op))
    assert source(example.op, example.inputs) == source(again, example.inputs)
