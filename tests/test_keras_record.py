"""The record of the gallery in Keras has every spec, nothing in it differs, and what it says is refused is refused."""

from __future__ import annotations

import keras_record
import pytest

import archdsl
from archdsl.outputs import written
from archdsl.resources import specs_folder

ROWS = keras_record.rows()
REFUSED = ("pointnet", "siamese", "vit")


def test_every_spec_is_in_the_record_and_agrees() -> None:
    assert {name.partition("@")[0] for name in ROWS} == {path.stem for path in specs_folder().glob("*.arch")}
    assert [row.network for row in ROWS.values() if not row.holds] == []


def test_networks_that_are_not_written_say_why(all_variants: bool) -> None:
    for name in [name for name, row in ROWS.items() if row.reason] if all_variants else REFUSED:
        with pytest.raises(archdsl.CompileError) as caught:
            written(archdsl.load(name).graph, "keras")
        assert caught.value.diagnostics[0].message == ROWS[name].reason, name
