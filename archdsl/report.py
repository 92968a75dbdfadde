"""Turns diagnostics into text: several lines each for a terminal, one line each, or JSON.

Only the command line and the Python interface call this. Inside the compiler, diagnostics are passed on as data.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from archdsl.diagnostics import Diagnostic, Frame, Note, Severity, original
from archdsl.source import Source, Span
from archdsl.terminal import columns, wrap
from archdsl.text import clean, shortened, shown_lines

STYLES = {"error": "1;31", "warning": "1;33", "message": "1", "gutter": "1;34", "help": "36"}
"""ANSI attributes of the parts of a diagnostic."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning")

TAB = 4
"""Distance of tab stops, in columns."""

LONGEST = 120
"""Source lines are cut around the caret where they are wider than this and than the terminal, in columns."""

CODE = re.compile("`[^`\n]*`")

FRAMES = 3
"""Frames shown at each end of a chain of nested blocks that is too long (in a recursion) to be shown whole."""

MOST = 2_000
"""Characters of a message or note that are shown."""

Paint = Callable[[str, str], str]


def render_text(diagnostics: Iterable[Diagnostic], *, color: bool = False, width: int = 80) -> str:
    """Each diagnostic with its line of source, its notes and its frames; then how many there are.

    Notes are wrapped at `width` columns; `color` adds ANSI attributes. Without diagnostics the text is empty.
    """
    diagnostics = tuple(map(original, diagnostics))
    paint = _in_color if color else _plain
    blocks = ["\n".join(_lines(diagnostic, width, paint)) for diagnostic in diagnostics]
    return "\n\n".join([*blocks, _totals(diagnostics)] if blocks else [])


def render_line(diagnostic: Diagnostic) -> str:
    """`specs/resnet.arch:34:5: error[shape-mismatch]: ...`, for editors and `grep`."""
    diagnostic = original(diagnostic)
    place = f"{diagnostic.span}: " if diagnostic.span else ""
    return _safe(f"{place}{diagnostic.severity}[{diagnostic.code}]: {_one_line(diagnostic.message)}")


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON list with an object for each diagnostic, always with the same keys.

    A position is null, or `file`, `start` and `end`; each end has `offset` (characters from 0) and
    `line` and `column` (from 1), and the end is excluded.
    """
    return json.dumps([_as_json(original(diagnostic)) for diagnostic in diagnostics], indent=2)


# --- text ----------------------------------------------------------------------------------


def _lines(diagnostic: Diagnostic, width: int, paint: Paint) -> Iterator[str]:
    span = diagnostic.span
    gutter = " " * (len(str(span.line)) if span else 1)
    headline = paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity)
    yield headline + paint(f": {_safe(_one_line(diagnostic.message))}", "message")
    if span:
        yield from _pointer(span, diagnostic, gutter, width, paint)
    for note in diagnostic.notes:
        yield from _fact(note.text + (f" ({_place(note.span, span)})" if note.span else ""), gutter, width, paint)
    for text in _frames(diagnostic.frames, span):
        yield from _fact(text, gutter, width, paint)
    if diagnostic.help:
        yield from _fact(f"help: {diagnostic.help}", gutter, width, paint, style="help")


def _pointer(span: Span, diagnostic: Diagnostic, gutter: str, width: int, paint: Paint) -> Iterator[str]:
    """The place, the line of source, and the carets with the label. A label that is too long becomes a note."""
    code, caret = _code_frame(span, max(width, LONGEST) - len(gutter) - 3)
    label = f" {_safe(diagnostic.label)}" if diagnostic.label else ""
    fits = len(gutter) + 3 + columns(caret + label) <= width
    bar = paint("|", "gutter")
    yield f"{gutter}{paint('-->', 'gutter')} {_safe(str(span))}"
    yield f"{gutter} {bar}"
    yield f"{paint(str(span.line), 'gutter')} {bar} {code}".rstrip()
    yield f"{gutter} {bar} {paint(caret, diagnostic.severity)}{label if fits else ''}"
    if not fits:
        yield from _fact(diagnostic.label, gutter, width, paint)


def _code_frame(span: Span, limit: int) -> tuple[str, str]:
    """The span's first line as shown, and the carets under it (at least one). `...` marks where either was cut."""
    line, start = span.source.line(span.line), span.column - 1
    left = max(0, start - limit)
    cells = _cells(line[left : start + limit + 1])
    start -= left
    cut = left + len(cells) < len(line)
    several = span.source.position(max(span.start, span.end - 1))[0] > span.line
    end = len(cells) + cut if several else min(len(cells) + cut, start + span.end - span.start)
    first, last = _window(cells, start, limit)
    before = "..." if left or first else ""
    code = before + "".join(cells[first:last]) + ("..." if cut or last < len(cells) else "")
    carets = "^" * max(1, columns("".join(cells[start : min(end, last)])))
    blanks = " " * columns(before + "".join(cells[first:start]))
    return code, blanks + carets + ("..." if several or end > last else "")


def _cells(line: str) -> list[str]:
    """The text shown for each character of the line: for a tab the blanks up to the next stop, else itself."""
    cells: list[str] = []
    column = 0
    for character in line:
        cells.append(" " * (TAB - column % TAB) if character == "\t" else clean(character))
        column += columns(cells[-1])
    return cells


def _window(cells: Sequence[str], start: int, limit: int) -> tuple[int, int]:
    """Indices of the first cell to show and of the one after the last, such that `start` is among them."""
    if sum(map(columns, cells)) <= limit:
        return 0, len(cells)
    first = last = max(0, start - limit // 3)
    room = limit - 2 * len("...")
    while last < len(cells) and room >= columns(cells[last]):
        room -= columns(cells[last])
        last += 1
    return first, last


def _frames(frames: Sequence[Frame], home: Span | None) -> list[str]:
    """The lines for frames, from the innermost outwards. Of a long chain, the middle is replaced by its length."""
    texts = [f"in {frame.text} ({_place(frame.span, home)})" for frame in frames]
    hidden = len(texts) - 2 * FRAMES
    return texts if hidden <= FRAMES else [*texts[:FRAMES], f"... {hidden} more", *texts[-FRAMES:]]


def _place(span: Span, home: Span | None) -> str:
    """`line 16`, or `specs/blocks/mobile.arch:16` if that is another file than that of the diagnostic."""
    return (
        f"line\N{NO-BREAK SPACE}{span.line}"
        if home and span.source == home.source
        else f"{span.source.name}:{span.line}"
    )


def _fact(text: str, gutter: str, width: int, paint: Paint, style: str = "") -> Iterator[str]:
    """A line `= ...`, wrapped, but not inside `code`, so that the code can be copied."""
    sign = paint("=", "gutter")
    unbroken = CODE.sub(lambda code: code[0].replace(" ", "\N{NO-BREAK SPACE}"), _safe(text))
    lines = (line for part in unbroken.splitlines() for line in wrap(part, width - len(gutter) - 3))
    for line in (line.replace("\N{NO-BREAK SPACE}", " ") for line in lines):
        yield f"{gutter} {sign} {paint(line, style)}"
        sign = " "


def _totals(diagnostics: Sequence[Diagnostic]) -> str:
    counts: Counter[str] = Counter()
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += diagnostic.count
    return ", ".join(f"{n:,} {kind}{'s' if n != 1 else ''}" for kind in SEVERITIES if (n := counts[kind]))


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _safe(text: str) -> str:
    """A text that is safe to print: without control characters, and without its middle if it is very long."""
    return shown_lines(text, MOST)


def _plain(text: str, style: str) -> str:
    return text


def _in_color(text: str, style: str) -> str:
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if style else text


# --- JSON ----------------------------------------------------------------------------------


def _as_json(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": shortened(diagnostic.message, MOST),
        "label": shortened(diagnostic.label, MOST),
        "position": _position(diagnostic.span),
        "notes": [{"text": shortened(note.text, MOST), "position": _position(note.span)} for note in diagnostic.notes],
        "frames": [
            {"text": shortened(frame.text, MOST), "position": _position(frame.span)} for frame in diagnostic.frames
        ],
        "help": diagnostic.help and shortened(diagnostic.help, MOST),
    }


def _fact_as_json(fact: Note | Frame) -> dict[str, object]:
    return {"text": shortened(fact.text, MOST), "position": _position(fact.span)}


def _position(span: Span | None) -> dict[str, object] | None:
    if span is None:
        return None
    return {"file": span.source.name, "start": _end(span.source, span.start), "end": _end(span.source, span.end)}


def _end(source: Source, offset: int) -> dict[str, int]:
    line, column = source.position(offset)
    return {"offset": offset, "line": line, "column": column}
