"""Pages that a reader carries out from top to bottom, in one folder: the tutorial and the cookbook.

A fence that names a file (`arch net.arch`) is that file, as the reader writes it. `text FILE` is a part of a file that
a command wrote, `...` for what is left out. `console` has commands after `$` and what they print. `python` without a
file runs. A figure of `docs/figures` that the page shows is what the command that wrote a file of its name draws.
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from literate import BLOCK

from archdsl.source import Source
from archdsl.syntax.parser import parse
from archdsl.syntax.printer import format_spec

NOT_RUN = ("sh", "latex", "html", "diff")
"""Fences that are for another program, or change a file by hand."""

Archdsl = Callable[[list[str]], str]
"""Runs a command in the current folder, and returns what it printed."""


def matches(expected: str, printed: str) -> bool:
    """Whether a text is the expected one, in which `...` stands for anything."""
    pattern = ".*?".join(map(re.escape, expected.strip().split("...")))
    return re.fullmatch(pattern, printed.strip(), re.S) is not None


def commands(sample: str) -> list[tuple[str, str]]:
    """The commands of a `console` fence, and what each prints."""
    parts = re.split(r"^\$ ", sample, flags=re.M)[1:]
    return [(part.split("\n", 1)[0], part.split("\n", 1)[1]) for part in parts]


class Lesson:
    """One page, carried out in the current folder. With `update`, what came out is written into the page."""

    def __init__(self, page: Path, archdsl: Archdsl, *, update: bool) -> None:
        self.page, self.archdsl, self.update = page, archdsl, update

    def carry_out(self) -> None:
        text = self.page.read_text(encoding="utf-8")
        done = BLOCK.sub(self._fence, text)
        if done != text:
            self.page.write_text(done, encoding="utf-8")

    def _fence(self, fence: re.Match[str]) -> str:
        kind, file, text = fence["kind"], fence["info"], fence["text"]
        if kind == "console":
            return fence[0].replace(text, "".join(self._command(*pair) for pair in commands(text)))
        if kind == "text":
            return fence[0].replace(text, self._part_of(file, text))
        if file:
            Path(file).write_text(text, encoding="utf-8")
        if kind == "arch":
            assert format_spec(parse(Source("sample.arch", text))) == text
        elif kind == "python" and not file:
            self._python(["-c", text])
        else:
            assert file or kind in NOT_RUN, f"{self.page.name}: nothing is done with a fence of the kind {kind!r}"
        return fence[0]

    def _command(self, command: str, expected: str) -> str:
        words = shlex.split(command)
        printed = self.archdsl(words[1:]) if words[0] == "archdsl" else self._python(words[1:])
        if words[:2] == ["archdsl", "draw"]:
            self._same_figure(words[1:])
        if matches(expected, printed):
            return f"$ {command}\n{expected}"
        assert self.update, f"$ {command}\n--- shown\n{expected}\n--- printed\n{printed}"
        return f"$ {command}\n{printed}"

    def _python(self, words: list[str]) -> str:
        """Runs Python in this process, which has PyTorch already, as if it had been started in the current folder."""
        before = set(sys.modules)
        sys.path.insert(0, str(Path.cwd()))
        try:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                if words[0] == "-c":
                    exec(words[1], {"__name__": "__main__"})
                else:
                    runpy.run_path(words[0], run_name="__main__")
        finally:
            sys.path.remove(str(Path.cwd()))
            for name in set(sys.modules) - before:
                if str(Path.cwd()) in str(getattr(sys.modules[name], "__file__", "")):
                    del sys.modules[name]
        return printed.getvalue()

    def _part_of(self, file: str, text: str) -> str:
        whole = Path(file).read_text(encoding="utf-8")
        for part in re.split(r"^ *\.\.\.\n", text, flags=re.M):
            assert part in whole, f"{self.page.name}: {file} does not have\n{part}"
        return text

    def _same_figure(self, words: list[str]) -> None:
        """The figure that the page shows is the one that the command draws, with its text as shapes."""
        name = words[words.index("-o") + 1]
        (shown,) = [*re.findall(rf"\]\(((?:\.\./)?figures/{re.escape(name)})\)", self.page.read_text()), ""][:1]
        if not shown:
            return
        self.archdsl([*words, "--text", "outline", "-o", "shown.svg"])
        drawn, figure = Path("shown.svg").read_bytes(), self.page.parent / shown
        if self.update:
            figure.write_bytes(drawn)
        assert figure.read_bytes() == drawn, f"{figure.name} is not what {' '.join(words)} draws"
