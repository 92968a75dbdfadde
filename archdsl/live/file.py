"""The spec that the page shows, on disk: read with its version, and written only over the version that was read."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from os.path import isfile
from pathlib import Path
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import find_spec, read_spec
from archdsl.editing.mending import with_line_ends
from archdsl.files import SPEC, write_spec
from archdsl.limits import BYTES
from archdsl.syntax.parser import source_of
from archdsl.text import shown

GONE = "gone"
"""The version of a file that is not there."""


class Changed(Exception):
    """The file is not the one that was read: another program, or another window, has written it."""


@dataclass(frozen=True)
class SpecFile:
    """A spec's place. `writable` is False for a spec of the library, which is never written to."""

    path: Path
    name: str
    writable: bool

    def stamp(self) -> object:
        """Changes when the file does, and takes no reading."""
        try:
            found = self.path.stat()
        except OSError:
            return GONE
        return found.st_mtime_ns, found.st_size, found.st_ino

    def version(self) -> str:
        """A digest of what is in the file now."""
        try:
            return sha256(self.path.read_bytes()).hexdigest()
        except FileNotFoundError:
            return GONE
        except OSError as error:
            return f"unreadable: {error.strerror}"

    def state(self) -> dict[str, Any]:
        """What the page is told: the text with its version, or the `problem` why there is no text."""
        told: dict[str, Any] = {"name": self.name, "writable": self.writable}
        try:
            with self.path.open("rb") as file:
                content = file.read(BYTES + 1)
            return {**told, "version": sha256(content).hexdigest(), "text": source_of(content, self.name).text}
        except CompileError as error:
            return {**told, "version": self.version(), "problem": str(error)}
        except FileNotFoundError:
            return {**told, "version": GONE, "problem": f"{self.name} is no longer there"}
        except OSError as error:
            return {**told, "version": self.version(), "problem": f"{self.name} cannot be read: {error.strerror}"}

    def save(self, text: str, version: str, overwrite: bool = False) -> str:
        """Writes the text, whole or not at all, and returns its version. Line ends and a byte order mark stay.

        Raises `Changed` if the file is not of this version, unless it is to be overwritten, and `CompileError` if it
        cannot be written.
        """
        if not self.writable:
            raise CompileError(
                [Diagnostic("unwritable-file", f"{self.name} comes with archdsl, and is not written to")]
            )
        if not overwrite and self.version() not in (version, GONE):
            raise Changed(f"{self.name} was changed on disk since it was read here")
        whole = self._as_before(text)
        try:
            size = len(whole.encode())
        except UnicodeEncodeError:
            raise _unwritable("the text holds half a character, which no file can") from None
        if size > BYTES:
            raise _unwritable(f"{self.name} would be larger than {BYTES >> 20} MiB")
        write_spec(self.path, whole)
        return self.version()

    def _as_before(self, text: str) -> str:
        """The text with the line ends of the file that is there, and its byte order mark."""
        try:
            return with_line_ends(text, self.path.read_bytes().decode())
        except (OSError, UnicodeDecodeError):
            return text


def _unwritable(why: str) -> CompileError:
    return CompileError([Diagnostic("unwritable-file", why)])


def spec_file(name: str) -> SpecFile:
    """The spec of that name, which can be read now. Raises `CompileError` if it cannot."""
    path = find_spec(name)
    if path.suffix != SPEC and not path.is_dir():
        message = f"{shown(name)} does not end in {SPEC}, and only specs are edited"
        raise CompileError([Diagnostic("unreadable-file", message, help="`archdsl import` writes a spec of a network")])
    source, _ = read_spec(path)
    return SpecFile(path.absolute(), shown(source.name), isfile(name))
