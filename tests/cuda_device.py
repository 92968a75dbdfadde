"""Tests that need a CUDA device: they are marked `cuda`, and skip where there is none. `make bench-cuda` runs them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

CUDA = "cuda"


def needs_cuda(test: Any) -> Any:
    """Marks a test that runs on `CUDA`."""
    for mark in _MARKS:
        test = mark(test)
    return test


_MARKS = (
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
)

on_each_device = pytest.mark.parametrize("device", ["cpu", pytest.param(CUDA, marks=_MARKS)])
"""Runs a test on the CPU and on a CUDA device."""
