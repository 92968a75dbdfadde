"""Compares the networks of the gallery, as Keras runs them, with the emitted PyTorch modules: `make keras`.

One variant of each kind is compared (`tests/variants.py`), large ones with smaller settings. Rows are written into
the record as they come, and a second run goes on where the first stopped. With names, `resnet@18 unet`, these networks
are measured anew. Ends with 1 where a network differs or fails.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from importlib.metadata import version
from math import prod
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import keras
import torch
from keras_record import RECORD, Row, rows
from records import said, write
from variants import FEWER_PIXELS, SHORTER, SPECS, Variant, kinds_of

import archdsl
from archdsl.outputs import written

VERSIONS = f"keras {version('keras')}, torch {version('torch').partition('+')[0]}"


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


# --- the record ----------------------------------------------------------------------------


def main(names: list[str]) -> int:
    """Compares what the record lacks, or the networks of these names."""
    record = rows()
    for name in names or (one.name for spec in SPECS for one in kinds_of(spec)):
        if names or name not in record:
            start = time.time()
            record[name] = measured(name)
            print(f"{_line(record[name])} ({time.time() - start:.0f} s)", flush=True)
            write(Row, [record[known] for known in sorted(record)], RECORD)
    failed = [row.network for row in record.values() if not row.holds]
    print(f"{RECORD}: {len(record)} networks, {len(failed)} differ or fail: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def _line(row: Row) -> str:
    return f"{row.network}: {row.failed or row.reason or row.difference}"


def measured(name: str) -> Row:
    """Compares one network."""
    try:
        net = archdsl.load(name, **SHORTER.get(name, {}), **FEWER_PIXELS.get(Variant(name).spec, {}))
        found = difference(net)
    except archdsl.CompileError as error:
        return Row(name, VERSIONS, reason=error.diagnostics[0].message)
    except Exception as error:  # to be seen in the record, and no reason to stop
        return Row(name, VERSIONS, failed=said(error))
    finally:
        keras.backend.clear_session()
        gc.collect()
    inputs = ", ".join(str(node.output) for node in net.graph.inputs)
    return Row(name, VERSIONS, inputs, weights(net), found)


def weights(net: archdsl.Network) -> int:
    """How many numbers are in the state dict of a network."""
    homes = {node.weights: node for node in net.graph}
    return sum(sum(map(prod, node.op.state(*net.graph.tensors_into(node.id)).values())) for node in homes.values())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
