"""Compares the networks of the gallery, as Keras runs them, with the emitted PyTorch modules.

`python scripts/keras_gallery.py [NAME[@VARIANT] ...]` prints a line for each network: the largest difference of an
output, relative to its largest number, or why it is not written in Keras.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import torch

import archdsl
from archdsl.outputs import written
from archdsl.resources import specs_folder

TOLERANCE = 1e-5


def built(text: str, name: str) -> tuple[keras.Model, dict]:
    """The model that an emitted file makes, and the names that the file defines."""
    space: dict = {"__name__": name}
    exec(compile(text, f"{name}.py", "exec"), space)
    makers = [
        v for v in space.values() if callable(v) and getattr(v, "__annotations__", {}).get("return") == "keras.Model"
    ]
    return makers[-1](), space


def as_trained(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """The module in evaluation, with running statistics and scales as after training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in module.modules():
            if isinstance(getattr(one, "running_mean", None), torch.Tensor):
                one.running_mean.normal_(0, 0.2, generator=generator)
                one.running_var.uniform_(0.5, 1.5, generator=generator)
                if one.weight is not None:
                    one.weight.uniform_(0.7, 1.3, generator=generator)
                    one.bias.normal_(0, 0.2, generator=generator)
    return module.eval()


def difference(net: archdsl.Network) -> float:
    """The largest difference between the outputs of both files, in double precision, relative to the largest number.

    Raises `CompileError` if the network is not written in Keras, AssertionError if the numbers of weights differ.
    """
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    text = written(net.graph, "keras")
    assert isinstance(text, str)
    torch.manual_seed(0)
    module = as_trained(net.module().double())
    model, space = built(text, "emitted")
    counted = {key: v for key, v in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    assert model.count_params() == sum(v.numel() for v in counted.values()), "the numbers of weights differ"
    space["load_torch"](model, counted)
    inputs = [torch.randn(2, *node.output.dims, dtype=torch.float64) for node in net.graph.inputs]
    with torch.no_grad():
        wanted = module(*inputs)
        found = model([last(x) for x in inputs] if len(inputs) > 1 else last(inputs[0]), training=False)
    if not isinstance(found, dict):
        return relative(first(found), wanted)
    names = wanted._asdict() if hasattr(wanted, "_asdict") else {net.graph.outputs[0].name: wanted}
    worst = 0.0
    for name, value in names.items():
        rows = zip(found[name], value, strict=True) if isinstance(value, tuple) else ((found[name], value),)
        worst = max([worst, *(relative(first(one), other) for one, other in rows)])
    return worst


def last(x: torch.Tensor) -> torch.Tensor:
    """Maps with their channels last."""
    return x.movedim(1, -1)


def first(x: torch.Tensor) -> torch.Tensor:
    """Maps with their channels first."""
    return x.movedim(-1, 1)


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference of two values, relative to the largest number."""
    assert found.shape == wanted.shape, (found.shape, wanted.shape)
    return float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12))


def main() -> int:
    """Compares each network, and returns 1 if one differs."""
    failed = 0
    for name in sys.argv[1:] or (path.stem for path in specs_folder().glob("*.arch")):
        try:
            found = difference(archdsl.load(name))
        except archdsl.CompileError as error:
            print(f"{name}: not written: {str(error).splitlines()[0]}", flush=True)
            continue
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error)[:300]}", flush=True)
            failed = 1
            continue
        failed |= found > TOLERANCE
        print(f"{name}: {found:.1e}", flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
