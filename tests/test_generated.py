"""Generated documents are those that `make docs` would write."""

from __future__ import annotations

import pytest
from write_docs import DOCS, GENERATED


@pytest.mark.parametrize("name", GENERATED)
def test_document_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == GENERATED[name](), "run `make docs`"
