"""What all windows of the page share: the spec, the process that compiles, the token, and the watch on the file."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from archdsl.editing.child import Child, Failed
from archdsl.limits import BYTES
from archdsl.live.language import language

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from archdsl.live.file import SpecFile

HOSTS = ("127.0.0.1", "localhost")
PROTOCOL = "archdsl"
"""Of the socket. The page names it, and the token after it."""
EVERY = 1.0
"""Seconds between two looks at the file."""
LARGEST = 4 * BYTES
"""Bytes of a message: a text with each of its characters escaped."""
SECONDS, MEMORY = 10.0, 4 << 30
"""What one answer may take."""

Tell = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Sends a window a message of a kind, with its content."""


class Page:
    """The page of one spec on one port."""

    def __init__(self, spec: SpecFile, port: int, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.spec, self.port = spec, port
        self.token = secrets.token_urlsafe(24)
        self.child = Child("archdsl.live.answer:answer", seconds=seconds, memory=memory)
        self.turn = asyncio.Lock()
        self.windows: set[Tell] = set()
        self.language = language()

    @property
    def address(self) -> str:
        return f"http://{HOSTS[0]}:{self.port}/#{self.token}"

    async def answer(self, question: Any) -> dict[str, Any]:
        """Asks the child, which answers one question after another: a window first waits for its `turn`."""
        given = {"question": question, "path": str(self.spec.path)}
        try:
            answer: dict[str, Any] = await asyncio.to_thread(self.child.ask, given)
        except Failed as error:
            return {"failed": str(error)}
        return answer

    async def watch(self) -> None:
        """Tells all windows when the file is another one than before."""
        stamp, version = self.spec.stamp(), self.spec.version()
        while True:
            await asyncio.sleep(EVERY)
            if self.spec.stamp() == stamp:
                continue
            stamp = self.spec.stamp()
            state = self.spec.state()
            if state["version"] != version:
                version = state["version"]
                for tell in tuple(self.windows):
                    await tell("file", {"file": state})

    def policy(self) -> str:
        """What the page may do. Inline styles are those of its editor and of tables; it has no inline script."""
        sockets = " ".join(f"ws://{host}:{self.port}" for host in HOSTS)
        return (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src data:; "
            f"connect-src {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    def headers(self) -> dict[str, str]:
        return {
            "Content-Security-Policy": self.policy(),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }

    def is_own(self, socket: WebSocket) -> bool:
        """Whether a socket is asked for by this page, opened with the token."""
        origins = [f"http://{host}:{self.port}" for host in HOSTS]
        asked = socket.scope.get("subprotocols", [])
        known = len(asked) == 2 and asked[0] == PROTOCOL
        return (
            socket.headers.get("origin") in origins
            and known
            and secrets.compare_digest(asked[1].encode(), self.token.encode())
        )
