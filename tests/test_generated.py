"""Generated documents are those that `make docs` would write."""

from __future__ import annotations

import pytest
from shown_figures import gallery
from write_docs import DOCS, GENERATED


@pytest.mark.parametrize("name", GENERATED)
def test_document_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == GENERATED[name](), "run `make docs`"


def test_the_readme_shows_the_figures() -> None:
    assert gallery() in (DOCS.parent / "README.md").read_text(encoding="utf-8"), "`scripts/shown_figures.py` has it"
