"""Codes of what cannot be computed or shown of a graph, though it is right."""

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
        "Columns, rows, formats, conventions, precisions and machines are closed lists. The message has the list.",
        f"$ archdsl table net.arch --columns path,parms\n{NET}",
        exit_code=2,
    ),
    "no-peak": Code(
        "A machine's peak is not known for the precision asked for.",
        "A roofline needs operations a second for the numbers in use. Choose a precision that the machine states, or "
        "give --peak and --bandwidth.",
        f"$ archdsl table net.arch --machine cpu --precision fp16\n{NET}",
        exit_code=2,
    ),
}
