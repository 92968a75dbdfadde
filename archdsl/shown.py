"""What a Python session or a notebook shows of a network: a figure that fits its cell, a table with its rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archdsl.diagnostics import CompileError
from archdsl.files import write
from archdsl.report import render_text

if TYPE_CHECKING:
    from archdsl.backends.figures.scene import Scene


@contextmanager
def readable() -> Iterator[None]:
    """Gives a `CompileError` raised inside the text that the command line would print."""
    try:
        yield
    except CompileError as error:
        error.args = (f"\n{render_text(error.diagnostics)}",)
        raise


@dataclass(frozen=True)
class Drawing:
    """A figure in one format, which a notebook shows."""

    data: bytes = field(repr=False)
    format: str
    scene: Scene | None = field(default=None, repr=False)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the figure as the suffix says, whatever it was drawn as.

        A figure in steps is one SVG that says when each item appears, a PDF with a page for each frame, or a PNG for
        each frame: `x-1.png`, `x-2.png` for `x.png`. With `{n}` in its name, any format is a file for each frame.

        Raises `CompileError` where it cannot be written, and `ValueError` for a suffix that is no format of figures.
        """
        suffix = Path(path).suffix.removeprefix(".")
        with readable():
            write(self._files(Path(path), suffix))

    def _files(self, path: Path, format: str) -> Mapping[Path, bytes]:
        from archdsl.backends.figures import FORMATS, WHOLE, files

        formats = [name for name in FORMATS if name not in WHOLE] if self.scene else [self.format]
        if format not in formats:
            raise ValueError(f"this figure cannot be written as {f'.{format}'!r}; it may be {', '.join(formats)}")
        if self.scene is None or (format == self.format and not self.scene.steps):
            return {path: self.data}
        return files(self.scene, path)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """As SVG as wide as the cell; a figure that was asked for as PNG as that, and a page in a frame."""
        if self.format == "png":
            return {"image/png": self.data}
        if self.format == "html":
            return {"text/html": framed(self.data.decode())}
        if self.scene is None:
            return {"text/plain": repr(self)}
        from archdsl.backends.figures import written

        # Notebooks show it as a part of their page, or as an image: a width in the style holds for the first alone.
        text = re.sub(
            r' width="[\d.]+pt" height="[\d.]+pt"', ' width="100%"', written(self.scene, "svg").decode(), count=1
        )
        return {"image/svg+xml": text.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)}


def framed(page: str) -> str:
    """A page as an element of another one, of which it can read and change nothing.

    Where a notebook is not trusted, it shows no frames; what lies behind the frame then says so.
    """
    return (
        '<div style="position:relative;height:600px;overflow:auto;resize:vertical">'
        "<p>A figure whose boxes open. It is shown once the notebook is trusted.</p>"
        f'<iframe sandbox="allow-scripts" srcdoc="{escape(page)}" title="Figure of a network" '
        'style="position:absolute;left:0;top:0;width:100%;height:100%;border:0;background:white"></iframe></div>'
    )


class TableText(str):
    """A table as text, which shows its rows where it is the value of a line, and as HTML in a notebook."""

    html: Callable[[], str]

    def __new__(cls, text: str, html: Callable[[], str]) -> TableText:
        """`html` makes the same table for a notebook, when one asks for it."""
        table = super().__new__(cls, text)
        table.html = html
        return table

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html()}
