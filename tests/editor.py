"""A client of the language server: what an editor says and asks on standard input and output."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

WAIT = 60.0
"""Seconds that an answer may take on a busy machine."""


class Editor:
    """Starts `archdsl lsp` and speaks with it. All diagnostics that come are kept, by URI and version."""

    def __init__(self, folder: Path, words: tuple[str, ...] = ("-m", "archdsl", "lsp")) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.folder = folder
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.refreshed = 0
        self.messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self.answers: dict[int, dict[str, Any]] = {}
        self.last = 0
        threading.Thread(target=self._read, daemon=True).start()
        self.capabilities = self.ask("initialize", self._initialize())["capabilities"]
        self.tell("initialized", {})

    def _initialize(self) -> dict[str, Any]:
        workspace = {
            "inlayHint": {"refreshSupport": True},
            "didChangeWatchedFiles": {"dynamicRegistration": True},
            "workspaceFolders": True,
        }
        return {
            "processId": None,
            "rootUri": self.folder.as_uri(),
            "workspaceFolders": [{"uri": self.folder.as_uri(), "name": "folder"}],
            "capabilities": {
                "general": {"positionEncodings": ["utf-8", "utf-32", "utf-16"]},
                "workspace": workspace,
                "textDocument": {"publishDiagnostics": {}},
            },
        }

    # --- what is sent --------------------------------------------------------------------------

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.process.stdin.flush()

    def tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def send(self, method: str, params: Any) -> int:
        """Asks, and does not wait; the number is for `answer`."""
        self.last += 1
        self._send({"id": self.last, "method": method, "params": params})
        return self.last

    def ask(self, method: str, params: Any) -> Any:
        return self.answer(self.send(method, params))

    def answer(self, number: int) -> Any:
        """The result of a question. Fails if the server answers with an error."""
        answer = self.reply(number)
        assert "error" not in answer, answer
        return answer["result"]

    def reply(self, number: int) -> dict[str, Any]:
        """The whole answer, which may be an error."""
        end = time.monotonic() + WAIT
        while number not in self.answers:
            self._take(end)
        return self.answers.pop(number)

    # --- what comes ----------------------------------------------------------------------------

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            self.messages.put(json.loads(stream.read(length)))
        self.messages.put({"ended": True})

    def _take(self, end: float) -> None:
        message = self.messages.get(timeout=max(end - time.monotonic(), 0.001))
        assert "ended" not in message, (self.process.stderr.read() if self.process.stderr else b"").decode()[-3000:]
        if "method" not in message:
            self.answers[message["id"]] = message
        elif message["method"] == "textDocument/publishDiagnostics":
            self._published(message["params"])
        elif message["method"] == "window/showMessage":
            self.errors.append(message["params"]["message"])
        elif "id" in message:
            self.refreshed += message["method"] == "workspace/inlayHint/refresh"
            self._send({"id": message["id"], "result": None})

    def _published(self, params: dict[str, Any]) -> None:
        self.published.append({**params, "at": self.versions.get(params["uri"], 0)})

    # --- files ---------------------------------------------------------------------------------

    def open(self, path: Path, text: str | None = None) -> str:
        uri = path.as_uri()
        self.published = [one for one in self.published if one["uri"] != uri]
        self.texts[uri] = path.read_text(encoding="utf-8") if text is None else text
        self.versions[uri] = 1
        document = {"uri": uri, "languageId": "archdsl", "version": 1, "text": self.texts[uri]}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, text: str) -> None:
        self.texts[uri] = text
        self.versions[uri] += 1
        document = {"uri": uri, "version": self.versions[uri]}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def close_file(self, uri: str) -> None:
        self.tell("textDocument/didClose", {"textDocument": {"uri": uri}})

    def diagnostics(self, uri: str, quiet: float = 1.0) -> list[dict[str, Any]]:
        """Those of the present text: waits until they are there, and until no others come for a while."""
        end = time.monotonic() + WAIT
        while not self._current(uri):
            self._take(end)
        try:
            while True:
                self._take(time.monotonic() + quiet)
        except queue.Empty:
            found: list[dict[str, Any]] = self._current(uri)[-1]["diagnostics"]
            return found

    def settled(self, uri: str) -> None:
        """Waits until a text without errors was checked with its defaults, and with all variants."""
        end = time.monotonic() + WAIT
        while len(self._current(uri)) < 2:
            self._take(end)

    def _current(self, uri: str) -> list[dict[str, Any]]:
        version = self.versions.get(uri)
        return [one for one in self.published if one["uri"] == uri and one.get("version") == version]

    def at(self, uri: str, text: str, after: int = 0) -> dict[str, Any]:
        """The position of the first place where a text stands, or so many characters after its start."""
        before = self.texts[uri][: self.texts[uri].index(text) + after]
        line = before.rpartition("\n")[2]
        units = len(line.encode("utf-16-le")) // 2
        return {"textDocument": {"uri": uri}, "position": {"line": before.count("\n"), "character": units}}

    def end(self) -> int:
        """Ends the server as an editor does. Returns its exit code."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        return self.process.wait(WAIT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
