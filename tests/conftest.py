"""Options and fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from zlib import crc32

import pytest
from calls import Caller, run

from archdsl.resources import specs_folder

os.environ["OMP_NUM_THREADS"] = "1"
"""For PyTorch, here and in commands that tests start: threads of two workers on two cores would wait for each other."""

GALLERY = frozenset(path.stem for path in specs_folder().glob("*.arch"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite expected outputs of literate cases")
    parser.addoption(
        "--all-variants", action="store_true", help="run all variants of the gallery, and all cases of sampled tests"
    )


SHARE = 15
"""Of the cases of a test that is marked `sampled`, `make test` runs one in so many; `make variants` runs all."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out most cases of sampled tests, unless some are asked for; gives all tests of one spec to one worker.

    Which cases run follows from their names: each test has others, so that together they see the whole gallery. With
    `--dist loadgroup` a worker compiles a spec once for all tests of it.
    """
    chosen = config.getoption("-k") or config.getoption("-m") or any("::" in word for word in config.args)
    asked_for = config.getoption("--all-variants") or chosen
    if not asked_for:
        left_out = [
            item for item in items if item.get_closest_marker("sampled") and crc32(item.nodeid.encode()) % SHARE
        ]
        config.hook.pytest_deselected(items=left_out)
        kept = set(items).difference(left_out)
        items[:] = [item for item in items if item in kept]
    for item in items:
        given = getattr(item, "callspec", None)
        spec = given.params.get("spec") if given else None
        if isinstance(spec, str) and spec in GALLERY:
            item.add_marker(pytest.mark.xdist_group(spec))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither rely on the user's cache nor fill it."""
    os.environ["ARCHDSL_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ["ARCHDSL_CACHE"]


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be rewritten."""
    return bool(request.config.getoption("--update"))


@pytest.fixture
def all_variants(request: pytest.FixtureRequest) -> bool:
    """Whether all variants of the gallery are to be run."""
    return bool(request.config.getoption("--all-variants"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Caller:
    """Runs a command in this process."""
    return lambda *words: run(capsys, words)
