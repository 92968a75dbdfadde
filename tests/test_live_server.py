"""`archdsl serve` under hostile requests and many windows: it answers, stays in its folder, and does not go down."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from served import Served, ask, receive, send, served

SMALL = """\
network Small:
    param width: int = 16
    input image: 3 x 32 x 32
    conv(width, 3) -> relu -> global_avg_pool -> flatten -> linear(10)
"""
OUTSIDE = "network Secret:\n    input image: 3 x 8 x 8\n    conv(1, 1)\n"
WINDOWS, SAMPLE, KEYS = 200, 40, 5
"""How many windows type how much; `make test` opens some of them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A spec in a folder, beside which there is a file that nobody may see."""
    around = tmp_path_factory.mktemp("around")
    folder = around / "folder"
    folder.mkdir()
    (around / "secret.arch").write_text(OUTSIDE)
    (folder / "link.arch").symlink_to(around / "secret.arch")
    (folder / "other.arch").write_text(SMALL.replace("Small", "Other"))
    spec = folder / "net.arch"
    spec.write_text(SMALL)
    with served(spec) as running:
        yield running


@pytest.fixture(autouse=True)
def _stands(server: Served) -> Iterator[None]:
    """After each test the server answers, and its folder is as it was."""
    before = {path: path.read_bytes() for path in server.spec.parent.iterdir()}
    yield
    assert server.process.poll() is None
    assert {path: path.read_bytes() for path in server.spec.parent.iterdir()} == before
    with server.window() as window:
        assert "svg" in ask(window, SMALL)["view"]


def request(server: Served, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


# --- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/app.js", "/style.css"])
def test_its_files_come_with_a_policy_and_hold_nothing_of_the_spec(server: Served, path: str) -> None:
    found = request(server, path)
    content = found.read().decode()
    assert found.status == 200
    assert "default-src 'none'; script-src 'self'" in str(found.getheader("Content-Security-Policy"))
    assert found.getheader("X-Content-Type-Options") == "nosniff"
    assert server.token not in content
    assert "Small" not in content


@pytest.mark.parametrize(
    "path",
    [
        "/net.arch",
        "/../secret.arch",
        "/%2e%2e/secret.arch",
        "//etc/passwd",
        "/app.js/../../answer.py",
        "/index.html",
        "/static/app.js",
        "/?../secret.arch%00" + "a" * 5000,
    ],
)
def test_no_other_file_is_served(server: Served, path: str) -> None:
    found = request(server, path)
    assert found.status == 404 or (found.status == 200 and b"<title>archdsl</title>" in found.read())
    assert b"Secret" not in found.read()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_taken_but_get(server: Served, method: str) -> None:
    assert request(server, "/", method).status == 405


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "192.168.0.1"])
def test_other_hosts_are_refused(server: Served, host: str) -> None:
    """A name of another site that leads to this machine (DNS rebinding) gets nothing."""
    assert request(server, "/", Host=host).status == 400


def test_it_listens_on_this_machine_alone(server: Served) -> None:
    with pytest.raises(OSError, match="refused"), socket.create_connection((_own_address(), server.port), timeout=5):
        pass


def _own_address() -> str:
    """Another address of this machine than the one that is served."""
    return "127.0.0.2"


# --- the socket --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "http://evil.example"},
        {"origin": "https://127.0.0.1"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"origin": None},
        {"subprotocols": ["archdsl", "wrong"]},
        {"subprotocols": ["archdsl", ""]},
        {"subprotocols": ["archdsl"]},
        {"subprotocols": None},
    ],
    ids=str,
)
def test_only_the_page_with_the_token_connects(server: Served, changed: dict[str, Any]) -> None:
    from websockets.exceptions import InvalidHandshake

    with pytest.raises((InvalidHandshake, ValueError)) as refused, server.window(**changed):
        pass
    if isinstance(refused.value, InvalidHandshake):
        assert "403" in str(refused.value)


def test_the_token_alone_is_no_protocol(server: Served) -> None:
    from websockets.exceptions import InvalidHandshake

    with pytest.raises(InvalidHandshake), server.window(subprotocols=[server.token]):
        pass


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x00\xff", 1003),
        ("{", 1007),
        ("[" * 100_000, 1007),
        ("1" * 10_000, 1007),
        ("[]", 1008),
        ("{}", 1008),
        ('{"kind": "run", "code": "print(1)"}', 1008),
        ('{"kind": "save", "text": 1, "version": "", "overwrite": true}', 1008),
        ('{"kind": "ask", "number": 1, "question": "text"}', 1008),
        ("x" * (17 << 20), 1009),
    ],
    ids=["binary", "no JSON", "deep", "large number", "list", "no kind", "unknown", "wrong save", "wrong ask", "huge"],
)
def test_what_no_page_sends_ends_its_connection(server: Served, message: str | bytes, code: int) -> None:
    from websockets.exceptions import ConnectionClosed

    with server.window() as window:
        receive(window, "welcome")
        with suppress(ConnectionClosed):
            window.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            window.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code


@pytest.mark.parametrize(
    "question",
    [
        {"folder": "/"},
        {"view": "shell"},
        {"width": 1e9},
        {"width": "wide"},
        {"settings": {"width": 3}},
        {"settings": {str(n): "1" for n in range(1000)}},
        {"beside": "x" * 5000},
    ],
    ids=lambda question: next(iter(question)),
)
def test_questions_of_another_form_are_refused(server: Served, question: dict[str, Any]) -> None:
    with server.window() as window:
        assert "refused" in ask(window, SMALL, **question)


# --- what a text or a name may reach -----------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../secret", "../secret.arch", "link", "link.arch", "/etc/passwd", "torchvision:resnet50", "a\x00b", "..", "/"],
)
def test_a_second_network_is_of_the_folder_or_the_library(server: Served, name: str) -> None:
    path = str(server.spec.parent.parent / "secret.arch")
    with server.window() as window:
        for asked in (name, path):
            answer = ask(window, SMALL, beside=asked)
            assert "neither the folder nor the library has a spec" in answer["beside"]
            assert "Secret" not in json.dumps(answer)
        assert "beside" not in ask(window, SMALL, beside="other")
        assert "beside" not in ask(window, SMALL, beside="resnet@18")


@pytest.mark.parametrize("module", ["link", "..secret", "secret"])
def test_imports_stay_in_the_folder(server: Served, module: str) -> None:
    with server.window() as window:
        answer = ask(window, f"from {module} import Secret\n{SMALL}")
    assert [message["severity"] for message in answer["diagnostics"]][:1] == ["error"]
    assert "conv(1, 1)" not in json.dumps(answer)


@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace("conv(", "repeat 1_000_000_000:\n        conv("),
        SMALL.replace("= 16", "= 2 ^ 9 ^ 9 ^ 9"),
        f"block B: B\n{SMALL}    B\n",
        SMALL.replace("relu", "(" * 20_000 + "relu"),
        SMALL.replace("relu", "relu -> " * 50_000 + "relu"),
        "\n" * 200_000,
        "network " + "N" * (4 << 20),
        "\x00\u202e\ud800",
    ],
    ids=["loop", "power", "recursion", "brackets", "long chain", "empty lines", "long name", "odd letters"],
)
def test_texts_that_explode_are_answered(server: Served, text: str) -> None:
    with server.window() as window:
        answer = ask(window, text)
    assert answer.get("refused") or answer.get("failed") or answer["diagnostics"]
    assert "view" not in answer


# --- many windows ------------------------------------------------------------------------------


def test_the_keystrokes_of_many_windows_are_answered(server: Served, all_variants: bool) -> None:
    """Each window gets the answer to its last question; those before it are left out where there is no time."""
    windows = WINDOWS if all_variants else SAMPLE
    answers = asyncio.run(_typed_in_many(server, windows))
    assert [numbers[-1] for numbers in answers] == [KEYS] * windows
    assert all(numbers == sorted(set(numbers)) for numbers in answers)


async def _typed_in_many(server: Served, windows: int) -> list[list[int]]:
    from websockets.asyncio.client import connect

    async def typed(window: int) -> list[int]:
        headers: dict[str, Any] = {"origin": f"http://127.0.0.1:{server.port}"}
        protocols: Any = ["archdsl", server.token]
        numbers: list[int] = []
        async with connect(server.socket, subprotocols=protocols, open_timeout=60, max_size=None, **headers) as socket:
            for key in range(1, KEYS + 1):
                question = {"text": SMALL.replace("16", str(window + key))}
                await socket.send(json.dumps({"kind": "ask", "number": key, "question": question}))
            while not numbers or numbers[-1] < KEYS:
                message = json.loads(await asyncio.wait_for(socket.recv(), 120))
                if message["kind"] == "answer":
                    assert f"{window + message['number']}×32×32" in message["answer"]["view"]["svg"]
                    numbers.append(message["number"])
        return numbers

    return list(await asyncio.gather(*map(typed, range(windows))))


def test_a_window_that_goes_while_it_is_answered_leaves_no_trace(server: Served) -> None:
    for _ in range(20):
        with server.window() as window:
            send(window, "ask", number=1, question={"text": SMALL})
