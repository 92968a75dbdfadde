"""Modules that strangers write, imported: what is said of them, and that it is so."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from archdsl.diagnostics import CompileError
from archdsl.frontends.torch import from_torch


class Listening(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def test_nothing_that_pytorch_logs_reaches_the_user() -> None:
    """A product of matrices that do not fit is logged as an error, with all of PyTorch's calls, and raised too."""
    logger, listening = logging.getLogger("torch._subclasses.fake_tensor"), Listening()
    logger.addHandler(listening)
    before = logging.root.manager.disable
    try:
        with pytest.raises(CompileError, match="does not take the input 9"):
            from_torch(nn.Linear(8, 4), torch.zeros(2, 9))
    finally:
        logger.removeHandler(listening)
    assert listening.said == []
    assert logging.root.manager.disable == before
