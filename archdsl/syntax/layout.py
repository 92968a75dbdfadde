"""Checks a text before it is parsed: comments, brackets, strings, lines and their indentation.

`scan` reads the text once and reports the errors that can be found without the grammar. The parser relies on what
it checks: brackets match, strings are closed and the indentation is consistent.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field

from archdsl.diagnostics import Diagnostic, Note
from archdsl.source import Source, Span
from archdsl.syntax.mistakes import shortened
from archdsl.syntax.tree import Comment
from archdsl.text import code_point, hidden

DEPTH = 64
"""The most levels of nested brackets, and of indented bodies."""

TAB = 8
"""The width of a tab in columns, in a text that is indented only with tabs."""

PIECE = re.compile(
    r"""
      (?P<line>\n[ \t\r\f]*)
    | (?P<comment>\#[^\n]*)
    | (?P<text>"{3}[\s\S]*?"{3} | "(?!"")[^"\\\n]*(?:\\.[^"\\\n]*)*")
    | (?P<quote>"{3}[\s\S]* | "[^\n]*)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<alien>['“”„‘’][^'“”„‘’\n]*['“”„‘’] | &&? | !(?!=) | [$'?`\\] | [\x00-\x08\x0b\x0e-\x1f\x7f] | [^\x00-\x7f±×]+)
    """,
    re.VERBOSE,
)
"""The pieces of a text that are checked here. All others are skipped."""

PARTNERS = {"(": ")", "[": "]", "{": "}"}

STATEMENT = re.compile(
    r"(?:network|block|stage|param|output|path|let|shared|learned|def|input) +"
    r"(?!(?:and|or|x|as|then|else|if|for)\b|x\d)[A-Za-z_]"
    r"|(?:variants|scaling|defaults|init) *:"
)
"""The beginning of a statement. If a line inside brackets begins like this, the bracket was not closed."""

ALIENS = {
    "&": "and",
    "&&": "and",
    "!": "not",
    "→": "->",
    "−": "-",
    "–": "-",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~",
    "·": " * ",
    "∗": " * ",
    "²": " ^ 2",
    "³": " ^ 3",
    "\N{NO-BREAK SPACE}": " ",
}
"""Characters of copied text or of other languages, and what to write instead."""


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """A logical line: `start` is the offset of its first word, and `indent` the number of columns before it.

    `goes_on` says that it belongs to the statement above it (`elif`, `else`).
    """

    start: int
    indent: int
    goes_on: bool


@dataclass(frozen=True, slots=True)
class LogicalLines:
    """The logical lines of a text. One covers several lines if a bracket is open or the next line begins with `->`."""

    comments: tuple[Comment, ...]
    lines: tuple[LogicalLine, ...]
    problems: tuple[Diagnostic, ...]

    def definition(self, offset: int) -> tuple[int, int | None]:
        """The number of the logical line that begins the definition around `offset`, and that of the next one's."""
        return self._around(self._line(offset), 0)

    def statement(self, offset: int) -> tuple[int, int | None]:
        """The same for a statement directly inside a definition, with everything that is indented under it.

        If `offset` is in the first line of a definition, the result is that of `definition`.
        """
        line = self._line(offset)
        home, _ = self._around(line, 0)
        return self._around(line, 0 if line == home else self.lines[home + 1].indent)

    def _line(self, offset: int) -> int:
        return max(bisect_right(self.lines, offset, key=lambda line: line.start) - 1, 0)

    def _around(self, line: int, level: int) -> tuple[int, int | None]:
        """The number of the line that begins the last statement at `level` up to `line`, and that of the next one's."""
        begins = [i for i, other in enumerate(self.lines) if other.indent <= level and not other.goes_on]
        after = bisect_right(begins, line)
        return begins[after - 1] if after else 0, begins[after] if after < len(begins) else None


def scan(source: Source) -> LogicalLines:
    """The comments and logical lines of a text, and the problems with its brackets, quotes, characters, indentation."""
    scanner = _Scanner(source)
    blanks = source.text[: len(source.text) - len(source.text.lstrip(" \t\r\f"))]
    scanner.begin_line(len(blanks), blanks)
    for match in PIECE.finditer(source.text):
        assert match.lastgroup is not None
        getattr(scanner, match.lastgroup)(match)
        if scanner.ended:
            break
    else:
        scanner.left_open()
    return LogicalLines(tuple(scanner.comments), tuple(scanner.lines), tuple(scanner.problems))


@dataclass
class _Scanner:
    """The state of one scan, with a method for each kind of piece."""

    source: Source
    comments: list[Comment] = field(default_factory=list)
    lines: list[LogicalLine] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    brackets: list[tuple[str, int]] = field(default_factory=list)
    indents: list[int] = field(default_factory=lambda: [0])
    blanks: dict[str, int] = field(default_factory=dict)
    ended: bool = False

    def problem(
        self, code: str, message: str, start: int, end: int, help: str | None = None, notes: tuple[Note, ...] = ()
    ) -> None:
        self.problems.append(Diagnostic(code, message, Span(self.source, start, end), notes=notes, help=help))

    # --- lines -----------------------------------------------------------------------------

    def line(self, match: re.Match[str]) -> None:
        if self.brackets and STATEMENT.match(self.source.text, match.end()):
            self.left_open()
        if not self.brackets:
            self.begin_line(match.end(), match[0][1:])

    def begin_line(self, start: int, blanks: str) -> None:
        text = self.source.text
        if start == len(text) or text[start] in "\n#":
            return
        self.check_blanks(start, blanks)
        indent = blanks.count(" ") + TAB * blanks.count("\t")
        if text.startswith("->", start) and self.lines:
            self.check_continuation(start, indent)
        else:
            self.lines.append(LogicalLine(start, indent, bool(re.compile(r"(?:elif|else)\b").match(text, start))))
            self.check_indent(start, start - len(blanks), indent)

    def check_blanks(self, start: int, blanks: str) -> None:
        """Reports a file that is indented with both tabs and spaces."""
        for blank in {" ", "\t"} & set(blanks):
            self.blanks.setdefault(blank, self.source.position(start)[0])
        if len(self.blanks) == 2 and "mixed" not in self.blanks:
            spaces, tabs = self.blanks[" "], self.blanks["\t"]
            self.blanks["mixed"] = 0
            self.problem(
                "mixed-indentation",
                f"indentation mixes tabs (line {tabs}) with spaces (line {spaces})",
                start - len(blanks),
                start,
                help="indent with four spaces everywhere",
            )

    def check_continuation(self, start: int, indent: int) -> None:
        above = self.lines[-1]
        bar = self.source.text[above.start] == "|"
        if indent < above.indent or (bar and indent == above.indent):
            self.problem(
                "bad-indentation",
                "a line that begins with `->` continues the line above, and has to be indented deeper",
                start,
                start + 2,
                help="to go on after a join, write the step on a line of its own, without `->`",
            )

    def check_indent(self, start: int, line: int, indent: int) -> None:
        if indent > self.indents[-1]:
            if len(self.lines) == 1:
                self.problem("bad-indentation", "the first line of a file is not indented", line, start)
            self.indents.append(indent)
            self.check_depth(len(self.indents), start)
            return
        above = self.indents.copy()
        while indent < self.indents[-1]:
            self.indents.pop()
        if indent != self.indents[-1] and "mixed" not in self.blanks:
            known = ", ".join(map(str, above))
            message = f"this line is indented by {indent}, the lines above it by {known}"
            self.problem("bad-indentation", message, line, start)
            self.indents.append(indent)

    def check_depth(self, depth: int, start: int) -> None:
        if depth > DEPTH:
            self.problem("too-deep", f"this is nested deeper than {DEPTH} levels", start, start + 1)
            self.ended = True

    # --- brackets --------------------------------------------------------------------------

    def open(self, match: re.Match[str]) -> None:
        self.brackets.append((match[0], match.start()))
        self.check_depth(len(self.brackets), match.start())

    def close(self, match: re.Match[str]) -> None:
        partners = [PARTNERS[bracket] for bracket, _ in self.brackets]
        if match[0] not in partners:
            message = f"`{match[0]}` closes no bracket"
            self.problem("unmatched-bracket", message, match.start(), match.end(), help="leave it out")
            return
        while PARTNERS[self.brackets[-1][0]] != match[0]:
            self.unclosed(*self.brackets.pop(), match)
        self.brackets.pop()

    def left_open(self) -> None:
        """Reports the outermost open bracket, and continues as if all brackets were closed."""
        if self.brackets:
            self.unclosed(*self.brackets[0])
            self.brackets.clear()

    def unclosed(self, bracket: str, start: int, closer: re.Match[str] | None = None) -> None:
        ends = [closer] if closer else []
        notes = tuple(Note(f"`{end[0]}` comes first", Span(self.source, end.start(), end.end())) for end in ends)
        help = f"close it with `{PARTNERS[bracket]}`"
        self.problem("unclosed-bracket", f"`{bracket}` is never closed", start, start + 1, notes=notes, help=help)

    # --- words -----------------------------------------------------------------------------

    def comment(self, match: re.Match[str]) -> None:
        before = self.source.text[self.source.text.rfind("\n", 0, match.start()) + 1 : match.start()]
        text = match[0].rstrip()
        span = Span(self.source, match.start(), match.start() + len(text))
        self.check_characters(match[0].rstrip("\r"), match.start(), several_lines=True)
        self.comments.append(Comment(text, not before.strip(), span))

    def text(self, match: re.Match[str]) -> None:
        """Skips a string, which may contain any visible characters."""
        self.check_characters(match[0], match.start(), several_lines=match[0].startswith('"""'))

    def check_characters(self, text: str, start: int, several_lines: bool) -> None:
        """Reports the first character of a comment or string that is invisible or changes the direction of text."""
        place = hidden(text.replace("\r\n", " \n") if several_lines else text, several_lines)
        if place is not None:
            message = f"{code_point(text[place])} is a character that cannot be seen"
            self.problem("hidden-character", message, start + place, start + place + 1)

    def quote(self, match: re.Match[str]) -> None:
        what = (
            "this docstring is never closed" if match[0].startswith('"""') else "this string does not end on its line"
        )
        self.problem("unterminated-string", what, match.start(), match.start() + len(match[0].split("\n")[0]))
        # Closing brackets inside the unfinished string were probably meant to close the brackets before it.
        for character in match[0]:
            if self.brackets and character == PARTNERS[self.brackets[-1][0]]:
                self.brackets.pop()

    def alien(self, match: re.Match[str]) -> None:
        text = match[0]
        shown = text if text.isprintable() else " ".join(map(code_point, text))
        message = f"`{shortened(shown)}` has no meaning here: names and signs are plain ASCII"
        written = _ascii(text)
        if len(text) > 1 and text[0] in QUOTES:
            message, written = "strings stand in double quotes", f'"{text[1:-1]}"'
        help = f"write `{written}`" if written else None
        self.problem("unknown-character", message, match.start(), match.end(), help=help)


QUOTES = "'“”„‘’"


def _ascii(text: str) -> str | None:
    """The text in ASCII, `alpha * beta ^ 2` for `α·β²`, or None if a character has no such form."""
    parts = [ALIENS.get(text)] if text in ALIENS else [ALIENS.get(sign) or _greek(sign) for sign in text]
    return None if None in parts else "".join(filter(None, parts)).lstrip() or "a plain space"


def _greek(letter: str) -> str | None:
    script, _, name = unicodedata.name(letter, "").partition(" LETTER ")
    return name.split(" ")[0].lower() if script in ("GREEK SMALL", "GREEK CAPITAL") else None
