"""Breaks text at the places where it may be broken, into lines of at most 100 columns.

A document is a flat list of pieces: words, possible breaks, and marks that open and close groups. If a group fits, it
is printed on one line; else its own breaks become line breaks, and the groups in it are tried one by one. These are
the rules of `ruff format`. Nothing in this file depends on Python's grammar.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

WIDTH = 100
"""The most columns of a line."""

UNLIMITED = 1 << 60
"""The width to pass for lines that are never broken."""

STEP = "    "
"""The indentation of a line within brackets."""


@dataclass(frozen=True, slots=True)
class Break:
    """Printed as a line break if its group is broken, else as the text `flat`."""

    flat: str


@dataclass(frozen=True, slots=True)
class Group:
    """Opens a group: all its own breaks become line breaks, or none. Other pieces refer to it by its `key`.

    With `is_broken`, it is always broken. With `only_in`, it is a group only if the group of that key is broken.
    """

    key: int = 0
    is_broken: bool = False
    only_in: int = 0


@dataclass(frozen=True, slots=True)
class Indent:
    """Opens a part that is indented by a step; with `only_in`, only if the group of that key is broken."""

    only_in: int = 0


@dataclass(frozen=True, slots=True)
class Bracketed:
    """Opens brackets that may be broken even if the group of this key is not."""

    key: int


@dataclass(frozen=True, slots=True)
class Parentheses:
    """Opens a part that is put in parentheses, on a line of its own, if it does not fit otherwise."""

    key: int


@dataclass(frozen=True, slots=True)
class End:
    """Closes the part that was opened last."""


@dataclass(frozen=True, slots=True)
class If:
    """Prints `piece` if the group of `key` is broken, or if it is not, as `is_broken` says.

    Key 0 is the group around this piece.
    """

    key: int
    is_broken: bool
    piece: str | Break


@dataclass(frozen=True, slots=True)
class Choice:
    """Prints the first of its forms that fits, or the last. Each form is more broken than the one before."""

    forms: tuple[tuple[Piece, ...], ...]


Piece: TypeAlias = str | Break | Group | Indent | Bracketed | Parentheses | End | If | Choice

SOFT = Break("")
SPACE = Break(" ")
END = End()
HARD = Break("\n")
"""The line break inside parentheses that the printer adds."""


class _Frame(NamedTuple):
    """How the part that was `opened` is printed.

    While it is tried whether something fits, `all_lines` says that all lines must fit and not only the first, and
    `may_overflow` that they need not.
    """

    opened: type[object]
    is_broken: bool
    indent: int
    all_lines: bool = False
    may_overflow: bool = False


def flat_text(pieces: Sequence[Piece]) -> str:
    """A document as one line, however long. Every break in it must be inside a group."""
    words: list[str] = []
    for piece in pieces:
        if isinstance(piece, If):
            if piece.is_broken:
                continue
            piece = piece.piece
        if isinstance(piece, str):
            words.append(piece)
        elif isinstance(piece, Break):
            words.append(piece.flat)
        elif isinstance(piece, Choice):
            words.append(flat_text(piece.forms[0]))
    return "".join(words)


def print_document(pieces: Sequence[Piece], indent: int, width: int = WIDTH) -> list[str]:
    """The lines of a document of at most `width` columns, where they can be broken; the first is indented by `indent`
    steps."""
    return _Printer(pieces, indent, width).lines()


class _Printer:
    def __init__(self, pieces: Sequence[Piece], indent: int, width: int) -> None:
        self._queue: list[tuple[Sequence[Piece], int]] = [(pieces, 0)]
        self._stack = [_Frame(object, True, indent)]
        self._limit = width
        self._broken: dict[int, bool] = {}
        self._settled: set[int] = set()
        """Keys of groups that fit with all their brackets broken; which of these must be broken is tried later."""
        self._is_measured = False
        """Whether the part that is being printed on one line is known to fit."""
        self._words: list[str] = []
        self._margin = STEP * indent
        self._width = 0
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        while self._queue:
            self._print(_next(self._queue))
        return [*self._lines, "".join(self._words)]

    def _print(self, piece: Piece) -> None:
        if isinstance(piece, str):
            self._write(piece)
            return
        frame = self._stack[-1]
        match piece:
            case Break():
                self._break(piece, frame)
            case If(key, is_broken, content):
                if self._is_broken(key, frame) is is_broken:
                    self._print(content)
            case Group(key):
                is_broken = frame.is_broken
                if not piece.only_in or self._is_broken(piece.only_in, frame):
                    is_broken = piece.is_broken or not self._fits_flat(_Frame(Group, is_broken, frame.indent), key)
                self._note(key, is_broken)
                self._stack.append(_Frame(Group, is_broken, frame.indent))
            case Indent(only_in):
                step = int(not only_in or self._is_broken(only_in, frame))
                self._stack.append(_Frame(Indent, frame.is_broken, frame.indent + step))
            case Bracketed(key):
                if not self._is_broken(key, frame):
                    self._is_measured = False
                self._stack.append(_Frame(Bracketed, frame.is_broken, frame.indent))
            case Parentheses():
                self._open_parentheses(piece, frame)
            case Choice():
                self._choose(piece, frame)
            case End():
                self._close(frame)

    def _write(self, text: str) -> None:
        if not text:
            return
        if not self._words:
            self._words.append(self._margin)
            self._width = len(self._margin)
        self._words.append(text)
        self._width += columns(text)

    def _break(self, piece: Break, frame: _Frame) -> None:
        if frame.is_broken or piece is HARD:
            self._lines.append("".join(self._words))
            self._words = []
            self._margin = STEP * frame.indent
            self._width = 0
            self._is_measured = False
        else:
            self._write(piece.flat)

    def _close(self, frame: _Frame) -> None:
        self._stack.pop()
        if frame.opened is Parentheses and frame.is_broken:
            self._queue.append(((HARD, ")"), 0))

    def _open_parentheses(self, piece: Parentheses, frame: _Frame) -> None:
        """Prints on one line if that fits; else in parentheses if that fits; else as it is."""
        opened = frame._replace(opened=Parentheses)
        fits = self._fits_flat(opened, piece.key)
        is_broken = False
        if not fits:
            self._note(piece.key, True)
            inner = opened._replace(indent=frame.indent + 1, all_lines=True)
            is_broken = self._fits([*self._queue, (("(", HARD), 0)], inner)
        self._note(piece.key, is_broken)
        if is_broken:
            self._write("(")
            self._stack.append(opened._replace(is_broken=True, indent=frame.indent + 1))
            self._break(HARD, self._stack[-1])
        else:
            self._stack.append(opened._replace(is_broken=False))

    def _choose(self, choice: Choice, frame: _Frame) -> None:
        opened = frame._replace(opened=Choice, is_broken=False)
        if not frame.is_broken and self._is_measured:
            self._open(opened, choice.forms[0])
            return
        self._is_measured = True
        for form in choice.forms[:-1]:
            if self._fits([*self._queue, ((*form, END), 0)], opened):
                self._open(opened, form)
                return
        self._open(opened._replace(is_broken=True), choice.forms[-1])

    def _open(self, frame: _Frame, pieces: Sequence[Piece]) -> None:
        self._stack.append(frame)
        self._queue.append(((*pieces, END), 0))

    def _is_broken(self, key: int, frame: _Frame) -> bool:
        return self._broken.get(key, frame.is_broken) if key else frame.is_broken

    def _note(self, key: int, is_broken: bool) -> None:
        if key:
            self._broken[key] = is_broken

    def _fits_flat(self, opened: _Frame, key: int) -> bool:
        if not opened.is_broken and self._is_measured:
            return True
        self._is_measured = True
        self._note(key, False)
        fits = self._fits(list(self._queue), opened._replace(is_broken=False))
        if fits and key:
            self._settled.add(key)
        return fits

    def _fits(self, queue: list[tuple[Sequence[Piece], int]], opened: _Frame) -> bool:
        """Whether the text up to the next line break fits; for a frame with `all_lines`, whether all its lines do."""
        width = self._width
        margin = 0 if self._words else len(self._margin)
        opened_here, depth = [opened], len(self._stack)
        frame = opened
        pieces: Sequence[Piece] = ()
        index = 0
        while True:
            if index == len(pieces):
                if not queue:
                    return True
                pieces, index = queue.pop()
                continue
            piece = pieces[index]
            index += 1
            if isinstance(piece, If):
                if self._is_broken(piece.key, frame) is not piece.is_broken:
                    continue
                piece = piece.piece
            if isinstance(piece, Break):
                if frame.is_broken or piece is HARD:
                    if not frame.all_lines:
                        return True
                    width, margin = 0, len(STEP) * frame.indent
                    continue
                piece = piece.flat
            if isinstance(piece, str):
                if piece:
                    width, margin = width + margin + columns(piece), 0
                if width > self._limit and not frame.may_overflow:
                    return False
                continue
            if isinstance(piece, End):
                if not opened_here:
                    depth -= 1
                else:
                    closed = opened_here.pop()
                    if closed.opened is Parentheses and closed.is_broken:
                        width, margin = 1, len(STEP) * (closed.indent - 1)
                frame = opened_here[-1] if opened_here else self._stack[depth - 1]
                continue
            if isinstance(piece, Choice):
                queue.append((pieces, index))
                pieces, index = (*piece.forms[-1 if frame.is_broken else 0], END), 0
            frame = self._tried(piece, frame)
            opened_here.append(frame)

    def _tried(self, piece: Group | Indent | Bracketed | Parentheses | Choice, frame: _Frame) -> _Frame:
        """The frame for a part opened within `frame`, while it is tried whether it fits."""
        _, is_broken, indent, all_lines, may_overflow = frame
        match piece:
            case Group(key):
                if not piece.only_in or self._is_broken(piece.only_in, frame):
                    is_broken = piece.is_broken or is_broken
                self._note(key, is_broken)
            case Indent(only_in):
                indent += int(not only_in or self._is_broken(only_in, frame))
            case Bracketed(key):
                if not self._is_broken(key, frame):
                    is_broken, all_lines, may_overflow = True, key not in self._settled, True
            case Parentheses(key):
                self._note(key, is_broken)
        return _Frame(object, is_broken, indent, all_lines, may_overflow)


def _next(queue: list[tuple[Sequence[Piece], int]]) -> Piece:
    """Takes the next piece from the queue, and removes lists that are finished."""
    pieces, index = queue[-1]
    if index + 1 < len(pieces):
        queue[-1] = (pieces, index + 1)
    else:
        queue.pop()
    return pieces[index]


def columns(text: str) -> int:
    """The number of columns that a text takes in a terminal: some characters take two columns, some none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
