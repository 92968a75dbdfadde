"""How `archdsl serve` begins and ends, and what it says where it cannot."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest
from calls import Caller, started

from archdsl import packages
from archdsl.live.file import spec_file

SPEC = "network A:\n    input image: 3 x 8 x 8\n    conv(1, 1)\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "a.arch"
    path.write_text(SPEC)
    return path


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "websockets"])
def test_a_missing_package_is_told(call: Caller, spec: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = packages.find_spec
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == package else there(name))
    done = call("serve", spec)
    assert done.code == 2
    assert f"`archdsl serve` needs the package {package}" in done.err
    assert "pip install 'archdsl[serve]'" in done.err


def test_a_port_that_is_taken_is_told(call: Caller, spec: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call("serve", spec, "--port", str(port), "--no-open")
    assert done.code == 2
    assert f"Port {port} cannot be used" in done.err


def test_a_spec_that_is_not_there_is_told(call: Caller, tmp_path: Path) -> None:
    done = call("serve", tmp_path / "b.arch", "--no-open")
    assert done.code == 2
    assert "there is no file" in done.err


def test_ctrl_c_ends_it_without_a_traceback(spec: Path) -> None:
    with started("serve", str(spec), "--no-open") as run:
        assert run.stdout is not None
        assert "http://127.0.0.1:" in run.stdout.readline()
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert err == ""


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_one_comes(spec: Path) -> None:
    from archdsl.live.page import Page

    async def asked() -> list[dict[str, object]]:
        page = Page(spec_file(str(spec)), 1)
        try:
            first = await page.answer({"text": SPEC})
            page.child.seconds = 0.001
            second = await page.answer({"text": SPEC, "view": "table"})
            page.child.seconds = 30
            return [first, second, await page.answer({"text": SPEC})]
        finally:
            page.child.close()

    first, second, third = asyncio.run(asked())
    assert second == {"failed": "it takes longer than 0.001 s"}
    assert first == third
    assert "view" in third
