"""`archdsl table`: what a network costs, where."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archdsl.cli.complete import columns, conventions, machines, precisions, row_kinds, table_formats
from archdsl.cli.options import DEPTH, STEPS, DepthOption, Format, OutputOption, SetOption, SpecArgument, StepsOption
from archdsl.cli.options import VariantOption
from archdsl.cli.output import in_color, reporting, width

if TYPE_CHECKING:
    from archdsl.analyses.summary import Basis
    from archdsl.backends.table.document import Table
    from archdsl.ir.graph import Graph


def table() -> None: ...
