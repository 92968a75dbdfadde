"""`archdsl lsp`: the language server that editors start."""

from __future__ import annotations


def lsp() -> None:
    """Serve an editor: mistakes, shapes, costs, names and fixes while a spec is typed (docs/editors.md).

    The editor starts this command and speaks with it on standard input and output, by the Language Server Protocol.
    """
    from archdsl.cli.options import Format
    from archdsl.cli.output import reporting
    from archdsl.packages import require

    with reporting(Format.TEXT) as report:
        require("pygls", "the language server")
        report.result_printed = True
        from archdsl.lsp.server import serve

        serve()
