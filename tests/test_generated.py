"""Generated documents are those that `make docs` would write."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "docs.py"))


@pytest.mark.parametrize("name", SCRIPT["GENERATED"])
def test_document_is_up_to_date(name: str) -> None:
    assert (SCRIPT["DOCS"] / name).read_text(encoding="utf-8") == SCRIPT["GENERATED"][name](), "run `make docs`"
