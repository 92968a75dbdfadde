"""Reads the members of a `.pt2` archive that are JSON or plain numbers.

Nothing is unpickled. `torch.export.load` does that, and so would execute what a hostile file says; it is not used.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.limits import BYTES, PT2_BYTES
from archdsl.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("models/", "serialized_exported_program.json")
"""The folder of programs in an archive, and the one program of an archive before PyTorch 2.8."""


def refused(message: str, help: str | None = None, code: str = "bad-model-file") -> CompileError:
    """The error for a file that is not as it should be."""
    return CompileError([Diagnostic(code, message, help=help)])


class Archive:
    """An open archive. `name` is what the file is called in messages."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive, self.name = archive, name
        self.members = {member.partition("/")[2] or member: member for member in archive.namelist()}
        """The names in the archive by their names without its first folder, which has the name of the file."""

    def program(self) -> Mapping[str, Any]:
        """The JSON of the one program."""
        found = [m for m in self.members.values() if m.endswith(PROGRAMS[1]) or (PROGRAMS[0] in m and ".json" in m)]
        if len(found) != 1:
            raise refused(f"{self.name} holds {len(found)} programs of torch.export; one is read")
        return self.json(found[0])

    def json(self, member: str) -> Mapping[str, Any]:
        """A member that is JSON."""
        try:
            data = json.loads(self.content(member, PT2_BYTES))
        except RecursionError:
            raise refused(f"{shown(member)} in {self.name} is nested too deeply") from None
        except ValueError as error:
            raise refused(f"{shown(member)} in {self.name} is not JSON: {shown(str(error))}") from None
        if not isinstance(data, Mapping):
            raise refused(f"{shown(member)} in {self.name} is no table")
        return data

    def content(self, member: str, most: int) -> bytes:
        """The bytes of a member, which is unpacked up to a limit."""
        with self.archive.open(member) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise refused(f"{shown(member)} in {self.name} is larger than {most >> 20} MiB", code="file-too-large")
        return content

    def numbers(self, folder: str) -> Mapping[str, tuple[Mapping[str, Any], bytes]]:
        """The small tensors of a folder (`weights`, `constants`) that are plain bytes: how each lies, and the bytes."""
        found: dict[str, tuple[Mapping[str, Any], bytes]] = {}
        for member in self.members.values():
            if f"data/{folder}/" not in member or not member.endswith(f"_{folder}_config.json"):
                continue
            config = self.json(member).get("config")
            for name, row in config.items() if isinstance(config, Mapping) else ():
                path = f"{member.rpartition('/')[0]}/{row.get('path_name')}" if isinstance(row, Mapping) else ""
                if path in self.archive.NameToInfo and self._is_small(path) and _is_plain(row):
                    found[str(name)] = row["tensor_meta"], self.content(path, BYTES)
        return found

    def _is_small(self, member: str) -> bool:
        return self.archive.getinfo(member).file_size <= BYTES


def _is_plain(row: Mapping[str, Any]) -> bool:
    """Whether a tensor that is not trained lies in the archive as its bytes, and not as a pickle."""
    return row.get("use_pickle") is False and not row.get("is_param") and isinstance(row.get("tensor_meta"), Mapping)


@contextmanager
def opened(path: Path, name: str) -> Iterator[Archive]:
    """The archive in a file. Raises `CompileError` if it cannot be read, also while it is used."""
    title = shown(name)
    try:
        with zipfile.ZipFile(path) as archive:
            yield Archive(archive, title)
    except FileNotFoundError:
        raise refused(f"there is no file {title}", code="file-not-found") from None
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise refused(f"{title} cannot be read as a .pt2 archive: {shown(str(error))}") from None
