"""Copies Markdown pages of the repository to where the site has them: links follow, fences take the builder's form."""

from __future__ import annotations

import base64
import os
import re
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PLAYGROUND = "playground/index.html"
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<kind>\w*)(?: +(?P<file>\S.*?))? *\n(?P<text>.*?)^(?P=fence) *$", re.M | re.S)
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?P<after>\))")
WHOLE = re.compile(r"^network ", re.M)
"""What a text has that can be tried by itself."""
FOREIGN = re.compile(r"^[a-z]+:")


@dataclass(frozen=True)
class Pages:
    """Where files of the repository stand in the site: `moved` has the exceptions, `docs/x` is `x`, others stay.

    With a playground, specs can be tried.
    """

    root: Path
    folder: Path
    moved: Mapping[str, str]
    playground: bool

    def place(self, file: str) -> str:
        """The path in the site of a file of the repository."""
        return self.moved.get(file, file.removeprefix("docs/"))

    def copy(self, file: str) -> None:
        """Copies one file, and if it is a page, with links to where other files are in the site."""
        source, target = self.root / file, self.folder / self.place(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            self.write(target.relative_to(self.folder).as_posix(), self.page(source.read_text(encoding="utf-8"), file))
        else:
            shutil.copy(source, target)

    def write(self, place: str, text: str) -> None:
        """Writes a page of the site that no file of the repository has."""
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def page(self, text: str, file: str) -> str:
        """The text of a page as the site has it."""
        parts, end = [], 0
        for fence in FENCE.finditer(text):
            parts += [self._links(text[end : fence.start()], file), _fence(fence), self._try_it(fence, file)]
            end = fence.end()
        return "".join([*parts, self._links(text[end:], file)])

    def _links(self, text: str, file: str) -> str:
        def link(match: re.Match[str]) -> str:
            if FOREIGN.match(match["target"]):
                return match[0]
            return f"{match['before']}{self._target(match['target'], file)}{match['anchor'] or ''}{match['after']}"

        return LINK.sub(link, text)

    def _try_it(self, fence: re.Match[str], file: str) -> str:
        """A link below a whole spec to the playground that has it."""
        whole = fence["kind"] == "arch" and WHOLE.search(fence["text"])
        if not (self.playground and whole) or file == "docs/diagnostics.md":  # where samples are mistakes
            return ""
        home = "../" * self.place(file).count("/")
        return f"\n\n[Try it]({home}{PLAYGROUND}#text={packed(fence['text'])}){{ .try-it }}"

    def _target(self, target: str, file: str) -> str:
        """A link of `file`, as the page that is made of it has to have it."""
        aim = os.path.normpath(PurePosixPath(file).parent / target)
        return os.path.relpath(self.place(aim), PurePosixPath(self.place(file)).parent)


def packed(text: str) -> str:
    """A text as the playground has it in its address: compressed, in letters and digits."""
    deflated = zlib.compress(text.encode(), 9, wbits=-15)
    return base64.urlsafe_b64encode(deflated).decode().rstrip("=")


def _fence(fence: re.Match[str]) -> str:
    """The name of a file behind the language becomes a title above the block."""
    title = f' title="{fence["file"]}"' if fence["file"] else ""
    return f"{fence['fence']}{fence['kind'] or 'text'}{title}\n{fence['text']}{fence['fence']}"
