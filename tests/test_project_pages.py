"""The pages for whoever cites or changes archdsl name what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_files_that_are_named_are_there() -> None:
    """Words in backticks with a slash or an end such as `.py`."""
    named = re.findall(r"`((?:[\w.]+/)+[\w.]*|[\w]+\.(?:toml|md|cff))`", CONTRIBUTING)
    assert len(named) > 20
    made = {"build/release/", ".venv/bin/archdsl"}
    assert [name for name in named if name not in made and not (ROOT / name).exists()] == []


def test_every_page_about_adding_something_is_named() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("adding_*.md")}
    assert pages == set(re.findall(r"\(docs/(adding_\w+\.md)\)", CONTRIBUTING))


def test_goals_of_make_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (goals,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    pages = CONTRIBUTING + (ROOT / "README.md").read_text(encoding="utf-8")
    named = {goal for words in re.findall(r"(?:`|^ *)make ([\w -]+)", pages, re.MULTILINE) for goal in words.split()}
    assert {"test", "demo", "docs", "lint", "release-check"} <= named
    assert named <= set(goals.split())


def test_the_citation_is_of_this_version() -> None:
    """Required by version 1.2.0 of the Citation File Format: the first four."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert citation["title"].startswith("archdsl")
    assert all(author["name"] for author in citation["authors"])
    assert citation["version"] == PROJECT["version"]
    assert citation["type"] == "software"
    assert citation["license"] in PROJECT["license"].split(" AND ")
    assert set(citation["keywords"]) <= set(PROJECT["keywords"])
