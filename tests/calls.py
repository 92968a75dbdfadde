"""Commands that are run in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from archdsl import cli


class Call(NamedTuple):
    """What a command did: its exit code, and what it printed."""

    code: int
    out: str
    err: str


Caller = Callable[..., Call]


def run(capsys: pytest.CaptureFixture[str], words: Sequence[str | Path]) -> Call:
    code = cli.main([str(word) for word in words])
    return Call(code, *capsys.readouterr())
