"""Tables of a network's costs, in several formats."""

from archdsl.backends.table.request import FORMATS, Request, build, render

__all__ = ["FORMATS", "Request", "build", "render"]
