"""Damaged files of other tools: each is read or refused, and nothing in it is executed. `make fuzz` tries many more."""

from __future__ import annotations

from pathlib import Path

import pytest
from edited_files import KINDS, checked


@pytest.mark.parametrize("kind", KINDS)
def test_random_edits_are_read_or_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read = [checked(kind, seed, tmp_path) for seed in range(40)]
    assert {True, False} == set(read)
