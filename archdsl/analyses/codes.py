"""Codes for requests about costs that cannot be met, although the network is correct."""

from __future__ import annotations

from archdsl.diagnostics import Code

NET = """\
network Net:
    input image: 3 x 32 x 32
    conv(8, 3)
"""

CODES: dict[str, Code] = {
    "unknown-choice": Code(
        "An option of a command got a word that it does not know.",
        "Columns, rows, formats, conventions, precisions and machines are fixed lists; the message shows the list.",
        f"$ archdsl table net.arch --columns path,parms\n{NET}",
        exit_code=2,
    ),
    "no-peak": Code(
        "The machine's peak speed is not known for the chosen precision.",
        "A roofline needs the machine's operations per second at that precision. Choose a precision that is listed "
        "for the machine, or give --peak and --bandwidth.",
        f"$ archdsl table net.arch --machine cpu --precision fp16\n{NET}",
        exit_code=2,
    ),
}
