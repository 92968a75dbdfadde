"""What docs/compatibility.md promises of version 1: names only become more, and files of version 1.0 are read."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
from pathlib import Path

import pytest
from calls import Caller
from public_names import public_names

import archdsl

DATA = Path(__file__).parent / "data"
NAMES = DATA / "public_names.txt"
RELEASE = DATA / "release_1"
"""Files that version 1.0 wrote. They are never written anew."""
WEIGHTS = RELEASE / "weights.csv"
DOCUMENT = Path(__file__).parent.parent / "docs" / "compatibility.md"


# --- names ---------------------------------------------------------------------------------


def test_public_names_only_become_more(update: bool) -> None:
    """A name that went away, or an argument that moved, breaks what others have written: see docs/compatibility.md."""
    kept, now = NAMES.read_text(encoding="utf-8").splitlines(), list(public_names())
    assert [name for name in kept if name not in set(now)] == [], "these names are promised, and are not there"
    if update:
        NAMES.write_text("\n".join(now) + "\n", encoding="utf-8")
    elif added := [name for name in now if name not in set(kept)]:
        pytest.fail(f"`pytest --update {Path(__file__).name}` promises these new names, too: {added}")


def test_each_kind_of_name_is_promised_in_the_document() -> None:
    """The first word of the lines: `op`, `command`, and so on."""
    kinds = {re.split(r"[ .]", line)[0] for line in NAMES.read_text(encoding="utf-8").splitlines()}
    told = set(re.findall(r"`([a-z]+)`", DOCUMENT.read_text(encoding="utf-8")))
    assert kinds <= told


# --- weights -------------------------------------------------------------------------------


def names_of_weights(spec: str) -> tuple[int, str]:
    """How many entries the state dict of the emitted module has, and a digest of their names and shapes."""
    entries = archdsl.load(spec).module(device="meta").state_dict()
    text = "\n".join(f"{name} {tuple(value.shape)}" for name, value in entries.items())
    return len(entries), hashlib.sha256(text.encode()).hexdigest()[:16]


def kept_weights() -> list[tuple[str, int, str]]:
    """The same of version 1.0, for each network of its library."""
    with WEIGHTS.open(encoding="utf-8", newline="") as file:
        return [(row["spec"], int(row["entries"]), row["digest"]) for row in csv.DictReader(file)]


@pytest.mark.sampled
@pytest.mark.parametrize(("spec", "entries", "digest"), kept_weights(), ids=[spec for spec, _, _ in kept_weights()])
def test_weights_of_version_1_still_fit(spec: str, entries: int, digest: str) -> None:
    assert names_of_weights(spec) == (entries, digest)


# --- files ---------------------------------------------------------------------------------


def test_a_graph_file_of_version_1_is_read(call: Caller) -> None:
    assert "650 params" in call("check", str(RELEASE / "tiny.json")).out
    model = archdsl.load(str(RELEASE / "tiny.json")).module(device="meta")
    assert list(model.state_dict())[:3] == ["body.conv.weight", "body.conv.bias", "body.bn.weight"]


def test_a_record_of_version_1_is_continued(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("tiny.arch", "tiny.csv"):
        shutil.copy(RELEASE / name, tmp_path)
    told = call("sweep", "tiny.arch", "--width", "4,8,16,32", "-o", "tiny.csv")
    assert "wrote 1 setting to tiny.csv, 3 were there before" in told.out + told.err
    assert Path("tiny.csv").read_text().startswith((RELEASE / "tiny.csv").read_text())
