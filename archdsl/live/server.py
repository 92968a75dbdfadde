"""Serves the page on this machine alone: its files to whoever asks, the spec to whoever knows the token.

A page of another site can neither read what is answered here nor connect: the host and the origin of each request
are checked, and the socket asks for a token that only the address printed by `archdsl serve` holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from archdsl.live.look import STATIC, style
from archdsl.live.page import HOSTS, PROTOCOL, Page
from archdsl.live.session import Session

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

FILES = {"/": ("index.html", "text/html"), "/app.js": ("app.js", "text/javascript")}
"""What is served besides the style sheet. Nothing else is: no path of a request is ever looked for on disk."""


def application(page: Page) -> Starlette:
    """The page as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import Response
    from starlette.routing import Route, WebSocketRoute

    async def file(request: Request) -> Response:
        if request.url.path == "/style.css":
            return Response(style(), media_type="text/css", headers=page.headers())
        name, kind = FILES[request.url.path]
        return Response((STATIC / name).read_bytes(), media_type=kind, headers=page.headers())

    async def socket(websocket: WebSocket) -> None:
        if not page.is_own(websocket):
            await websocket.close(1008)
            return
        await websocket.accept(subprotocol=PROTOCOL)
        await Session(page, websocket).run()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(page.watch()), asyncio.create_task(page.answer({"text": ""}))]
        try:
            yield
        finally:
            page.child.close()
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    routes = [*(Route(path, file) for path in (*FILES, "/style.css")), WebSocketRoute("/socket", socket)]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False)
    return Starlette(routes=routes, middleware=[hosts], lifespan=lifespan)
