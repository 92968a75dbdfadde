"""Rules of `teaching.py` for text that is written as in another language, mostly as in Python."""

from __future__ import annotations

import re

from archdsl.diagnostics import Diagnostic
from archdsl.syntax.mistakes import LONGEST_LINE, Mistake, shortened

FOREIGN_SIGNS = {
    "**": "write `^`",
    "||": "write `or`",
    "+=": "write `let` with a new name",
    "-=": "write `let` with a new name",
    "=>": "write `->`",
    "|>": "write `->`",
    "//": "comments begin with `#`",
}
FOREIGN_WORDS = {
    "import": "write `from blocks.residual import Bottleneck`",
    "class": "write `block` or `network`",
    "model": "write `network`",
    "while": "write `repeat n:`, with how often it is; `for k in ks:` goes through a list",
    "const": "write `let`",
    "var": "write `let`",
}
"""Words of other languages, and what to write here instead."""


def foreign_word(mistake: Mistake) -> Diagnostic | None:
    if mistake.first in FOREIGN_WORDS and (mistake.begins_line or mistake.second):
        help = FOREIGN_WORDS[mistake.first]
        return mistake.says("foreign-syntax", f"`{mistake.first}` cannot begin a line here", help, mistake.first_span)
    return None


def foreign_sign(mistake: Mistake) -> Diagnostic | None:
    sign = mistake.previous + "*" if mistake.previous == "*" and mistake.word[:1] == "*" else mistake.word
    if sign not in FOREIGN_SIGNS:
        return None
    sums = re.fullmatch(r"(\w+)\s*\+=\s*([A-Za-z_]\w*)", (mistake.near + mistake.rest).strip())
    if sums is not None:
        return mistake.says("foreign-syntax", "`+=` means nothing here", f"write `add{{{sums[1]} | {sums[2]}}}`")
    span = mistake.stretch(mistake.span.end - len(sign), mistake.span.end)
    return mistake.says("foreign-syntax", f"`{sign}` means nothing here", FOREIGN_SIGNS[sign], span)


def python_conditional(mistake: Mistake) -> Diagnostic | None:
    if mistake.word != "if" or not mistake.before:
        return None
    if mistake.before.rstrip() == "else":
        span = mistake.stretch(mistake.start - len(mistake.before), mistake.span.end)
        return mistake.says("foreign-syntax", "`else if` is one word", "write `elif`", span)
    value = re.search(r"[\w.]+\s*$", mistake.near)
    rest = re.match(r"if\s+(\S[^,()]*?)\s+else\s+([\w.]+)", mistake.rest[:LONGEST_LINE])
    if value is None or rest is None:
        return mistake.says("foreign-syntax", "the condition comes first", "write `if condition then a else b`")
    span = mistake.stretch(mistake.start - len(value[0]), mistake.start + rest.end())
    help = f"write `if {rest[1]} then {value[0].strip()} else {rest[2]}`"
    return mistake.says("foreign-syntax", "the condition comes first", help, span)


def comprehension(mistake: Mistake) -> Diagnostic | None:
    if mistake.word != "for" or not mistake.before:
        return None
    help = "write `[c * 2 for c in widths]`; a loop over branches is `| for r in rates: conv(256, 3, dilation=r)`"
    if "RSQB" in mistake.accepted and "COMMA" not in mistake.accepted:
        return mistake.says("foreign-syntax", "a list is made by one loop", "make the inner list first, with `let`")
    return mistake.says("foreign-syntax", "a loop makes values in a list only", help)


def names_of_loop(mistake: Mistake) -> Diagnostic | None:
    """`for [k, c] in rows`, `for (k, c) in rows`, `for i, (k, c) in enumerate(rows)`."""
    before = re.search(r"\bfor\s+([\w\s,]*)$", mistake.before)
    if mistake.word not in ("[", "(") or before is None or not mistake.accepted <= {"NAME"}:
        return None
    inside = re.compile(r"[\[(]\s*(\w+(?:\s*,\s*\w+)*)\s*,?\s*[\])]").match(mistake.source.text, mistake.start)
    span = mistake.stretch(mistake.start, inside.end()) if inside else None
    help = f"write `{shortened(inside[1])}`" if inside else "leave them out"
    if before[1]:
        help = f"give the row one name: `for {before[1]}row in enumerate(rows):`, then `row[0]` or `Unit(*row)`"
    return mistake.says("foreign-syntax", "the names of a loop stand without brackets", help, span)


def spread_of_value(mistake: Mistake) -> Diagnostic | None:
    """`Unit(*[8, 3])`, `Unit(*(a + b))`."""
    if not mistake.accepted <= {"NAME"} or not re.search(r"[(,]\s*\*\s*$", mistake.before):
        return None
    help = "name the list: `let row = [8, 3]`, then `*row`"
    return mistake.says("unexpected-token", f"`*` stands before the name of a list, not before `{mistake.shown}`", help)


def function_with_body(mistake: Mistake) -> Diagnostic | None:
    if mistake.first != "def" or mistake.word != ":":
        return None
    return mistake.says("foreign-syntax", "a `def` is one expression", "write `def C(c) = round_to(c, 8)`")


def bad_number(mistake: Mistake) -> Diagnostic | None:
    digits = re.search(r"[\d_.]*$", mistake.near) if mistake.word[:1] == "." else None
    number = (digits[0] if digits else "") + mistake.word
    if not re.match(r"\d|\.\d", number) or not ({"NUMBER"} & mistake.accepted or mistake.word[:1] == "."):
        return None
    plain = number[:-1].replace("_", "").replace(".", "").isdigit()
    help = "digits with `_` between them, a fraction, an exponent or one of the suffixes K, M, G, T: `4.1G`"
    if number[0] == "." or (plain and number[-1] in "kmgt."):
        help = f"write `{'0' * (number[0] == '.')}{number.upper()}{'0' * (number[-1] == '.')}`"
    span = mistake.stretch(mistake.span.end - len(number), mistake.span.end)
    return mistake.says("bad-number", f"`{shortened(number)}` is not a number", help, span)


def shape_without_blanks(mistake: Mistake) -> Diagnostic | None:
    if not mistake.previous.isalnum() or mistake.word[:1] != "x" or "_X" not in mistake.accepted:
        return None
    return mistake.says("bad-number", f"`{mistake.shown}` is read as a name", f"write ` x {mistake.word[1:]}`")


def equals(mistake: Mistake) -> Diagnostic | None:
    if mistake.word[:1] != "=":
        return None
    if mistake.previous == "=":
        span = mistake.stretch(mistake.start - 1, mistake.start + 1)
        return mistake.says("double-equals", "`==` compares; a name is given with `=`", "write `=`", span)
    if "COMPARE" in mistake.accepted or re.search(r"\b(if|elif|expect|require)\b", mistake.near):
        return mistake.says("single-equals", "`=` gives a name; values are compared with `==`", "write `==`")
    return None


def chained_comparison(mistake: Mistake) -> Diagnostic | None:
    if not re.match(r"[<>=!~]", mistake.word) or not {"COMPARE", "ABOUT"} & set(mistake.stack[-3:]):
        return None
    chain = re.search(r"([\w.]+)\s*([<>=!~]+)\s*([\w.]+)\s*$", mistake.near)
    last = re.match(r"([<>=!~]+)\s*([\w.]+)", mistake.rest)
    if chain is None or last is None:
        return mistake.says("chained-comparison", "one comparison holds two values", "write `a < b and b < c`")
    span = mistake.stretch(mistake.start - len(mistake.near) + chain.start(), mistake.start + last.end())
    help = f"write `{chain[1]} {chain[2]} {chain[3]} and {chain[3]} {last[1]} {last[2]}`"
    return mistake.says("chained-comparison", "one comparison holds two values", help, span)
