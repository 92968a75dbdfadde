"""One window of the page: takes its messages in order, and answers the latest question only."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from archdsl.diagnostics import CompileError
from archdsl.live.file import Changed

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from archdsl.live.page import Page


class Refused(Exception):
    """A message that the page would never send. The code is one of WebSocket's, for closing."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Session:
    """A connection of one window."""

    def __init__(self, page: Page, socket: WebSocket) -> None:
        self.page, self.socket = page, socket
        self.latest: dict[str, Any] | None = None
        self.asked = asyncio.Event()

    async def run(self) -> None:
        """Until the window is closed, or sends what is no message of the page."""
        self.page.windows.add(self.send)
        await self.send("welcome", {"language": self.page.language, "file": self.page.spec.state()})
        answering = asyncio.create_task(self._answer())
        try:
            while True:
                await self._take(_message(await self.socket.receive()))
        except Refused as refused:
            with suppress(RuntimeError):
                await self.socket.close(refused.code, str(refused))
        finally:
            self.page.windows.discard(self.send)
            answering.cancel()

    async def send(self, kind: str, content: dict[str, Any]) -> None:
        """Sends a message; where the window is gone meanwhile, nothing happens."""
        from starlette.websockets import WebSocketDisconnect

        with suppress(RuntimeError, WebSocketDisconnect):
            await self.socket.send_text(json.dumps({"kind": kind, **content}))

    async def _take(self, message: dict[str, Any]) -> None:
        match message:
            case {"kind": "ask", "number": int(), "question": dict()}:
                self.latest = message
                self.asked.set()
            case {"kind": "save", "text": str(text), "version": str(version), "overwrite": bool(overwrite)}:
                await self._save(text, version, overwrite)
            case _:
                raise Refused(1008, "this is no message of the page")

    async def _answer(self) -> None:
        """Answers questions. One that is followed by another before its turn is never compiled."""
        while True:
            await self.asked.wait()
            async with self.page.turn:
                self.asked.clear()
                asked = self.latest
                assert asked is not None
                answer = await self.page.answer(asked["question"])
            await self.send("answer", {"number": asked["number"], "answer": answer})

    async def _save(self, text: str, version: str, overwrite: bool) -> None:
        spec = self.page.spec
        try:
            written = await asyncio.to_thread(spec.save, text, version, overwrite)
        except Changed as error:
            await self.send("unsaved", {"problem": str(error), "changed": True, "file": spec.state()})
        except CompileError as error:
            await self.send("unsaved", {"problem": str(error), "changed": False})
        else:
            await self.send("saved", {"version": written})


def _message(received: Any) -> dict[str, Any]:
    """The JSON object of a text message. Raises `Refused` for anything else."""
    if received["type"] == "websocket.disconnect":
        raise Refused(1000, "")
    text = received.get("text")
    if text is None:
        raise Refused(1003, "messages are text")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(1007, "messages are JSON") from None
    if not isinstance(message, dict):
        raise Refused(1008, "this is no message of the page")
    return message
