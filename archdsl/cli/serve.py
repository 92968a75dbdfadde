"""`archdsl serve`: a spec in the browser, with its figure, table and code beside it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.options import Format
from archdsl.cli.output import reporting

if TYPE_CHECKING:
    from archdsl.live.file import SpecFile

SpecFileArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A spec's file, or a name that `archdsl list` shows.", show_default=False)
]
PortOption = Annotated[
    int, typer.Option("--port", metavar="N", min=0, max=65535, help="The port to listen on.", show_default="a free one")
]
OpenOption = Annotated[
    bool, typer.Option("--open/--no-open", help="Open the page in the browser.", show_default="--open")
]


def serve(ctx: typer.Context, spec: SpecFileArgument, port: PortOption = 0, browse: OpenOption = True) -> None:
    """Edit a spec in the browser: its figure, table and code follow while you type.

    The page is for this machine alone. It ends with Ctrl+C. Nothing is written until you press Save.
    """
    from archdsl.packages import require

    with reporting(Format.TEXT):
        for package in ("starlette", "uvicorn", "websockets"):
            require(package, "`archdsl serve`")
        from archdsl.live.file import spec_file

        found = spec_file(spec)
        listening = _listen(ctx, port)
        _run(found, listening, browse)


def _listen(ctx: typer.Context, port: int) -> socket.socket:
    """A socket of this machine alone."""
    from archdsl.live.page import HOSTS

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOSTS[0], port))
    except OSError as error:
        listening.close()
        ctx.fail(f"Port {port} cannot be used: {error.strerror}. Choose another one, or leave --port out.")
    listening.listen(128)
    return listening


def _run(spec: SpecFile, listening: socket.socket, browse: bool) -> None:
    import webbrowser

    import uvicorn

    from archdsl.live.page import LARGEST, Page
    from archdsl.live.server import application

    page = Page(spec, listening.getsockname()[1])
    print(f"{spec.name} is at {page.address}\nCtrl+C ends it", flush=True)
    if browse:
        webbrowser.open(page.address)
    config = uvicorn.Config(
        application(page),
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        ws_max_size=LARGEST,
    )
    uvicorn.Server(config).run(sockets=[listening])
