"""Explains syntax errors: what is wrong where the parser stopped, and what to write instead.

`explain` tries the rules of `RULES` in order. Each rule recognizes one common mistake. The most specific rules come
first, and the last one always applies.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from lark.exceptions import UnexpectedInput

from archdsl.diagnostics import Diagnostic, Note
from archdsl.source import Source
from archdsl.syntax.calls import (
    arguments_without_brackets,
    assignment,
    assignment_in_stage,
    brackets_of_a_size,
    called_on_a_value,
    chains_in_brackets,
    colon_after_step,
    copies_before_step,
    dotted_call,
    first_without_copies,
    inexact_equality,
    input_without_name,
    named_line,
    path_with_colon,
    percentage,
    return_of_step,
    second_name,
    shape_with_commas,
    stray_separator,
    sum_of_values,
    two_arrows,
)
from archdsl.syntax.foreign import (
    bad_number,
    chained_comparison,
    comprehension,
    equals,
    foreign_sign,
    foreign_word,
    function_with_body,
    names_of_loop,
    python_conditional,
    shape_without_blanks,
    spread_of_value,
)
from archdsl.syntax.mistakes import DECLARATIONS, FLOW, Mistake, mistake_of, shortened

DEFINITIONS = ("network", "block", "from", "def", "defaults")
"""Words that begin a definition."""

NAMED = ("network", "block", "stage", "path", "let", "shared", "learned", "output", "input", "param", "def")
"""Words that are followed by a name."""

OPENING = ("network", "block", "stage", "output", "repeat", "for", "if", "elif", "else", "variants", "scaling")
"""Words that begin a line with a colon."""

SPOKEN = {
    "COLON": "`:`",
    "ARROW": "`->`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "VBAR": "`|`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "PERCENT": "`%`",
    "IN": "`in`",
    "THEN": "`then`",
    "ELSE": "`else`",
    "IMPORT": "`import`",
    "STRING": "a string",
    "NUMBER": "a number",
    "LABEL": "the name of a variant",
    "VARIANT": "the name of a variant",
    "NAME": "a name",
    "_INDENT": "an indented line",
    "_NL": "the end of the line",
}
"""The names of terminals for messages, the most helpful first. Operators between values are not mentioned."""


def explain(source: Source, error: UnexpectedInput) -> Diagnostic:
    """The diagnostic for the place where Lark stopped."""
    mistake = mistake_of(source, error)
    return next(found for rule in RULES if (found := rule(mistake)))


# --- the first word of a line ----------------------------------------------------------------


def outside(mistake: Mistake) -> Diagnostic | None:
    """A line that is not a definition, at the top level of a file."""
    if "NETWORK" not in mistake.accepted:
        return None
    if (close := _close(mistake.word, DEFINITIONS)) and mistake.word not in DECLARATIONS:
        return _unknown(mistake, close)
    shown = f"`{mistake.shown}`" if re.match(r"\w", mistake.word) else "this line"
    message = f"{shown} stands outside of any network or block"
    return mistake.says("misplaced-line", message, "indent it under a `network` or a `block`")


def misplaced_line(mistake: Mistake) -> Diagnostic | None:
    """A definition or a declaration in a body, or a statement after a colon."""
    begins = mistake.begins_line and "RETURN" in mistake.accepted
    nested = mistake.second and mistake.begins_value and "ARROW" in mistake.accepted
    if mistake.first in ("network", "block", "from") and (begins or nested):
        message = f"`{mistake.first}` stands inside another definition"
        return mistake.says("misplaced-line", message, "begin it at the margin", mistake.first_span)
    declares = mistake.second and mistake.kind in ("NAME", "STRING")
    declares = declares or mistake.stack[-2:] == ("_head", "COLON")
    if mistake.first in DECLARATIONS and (begins or declares):
        in_stage = ", or at the beginning of a stage" if mistake.first in ("defaults", "init") else ""
        message = f"`{mistake.first}` belongs directly in a network{in_stage}"
        return mistake.says("misplaced-line", message, span=mistake.first_span)
    word = mistake.before.split()[-1:]
    if word and word[0] in FLOW and not mistake.second and mistake.begins_value and "ARROW" in mistake.accepted:
        return mistake.says("misplaced-line", f"`{word[0]}` begins a line of its own")
    return None


def missing_name(mistake: Mistake) -> Diagnostic | None:
    if mistake.first not in NAMED or mistake.before.rstrip(" :") != mistake.first or mistake.word in ("=", "->", "."):
        return None
    message = f"`{mistake.first}` needs a name: a letter, then letters, digits and `_`"
    number = re.match(r"\d\w*", mistake.rest)
    if number is None:
        main = "for the main output, end the network with a line that names the value: it is the last that flows"
        return mistake.says("missing-name", message, main if mistake.first == "output" else None)
    span = mistake.stretch(mistake.first_span.start, mistake.start + len(number[0]))
    return mistake.says("missing-name", message, f"write `{mistake.first} {mistake.first}{number[0]}`", span)


def missing_if(mistake: Mistake) -> Diagnostic | None:
    if mistake.first not in ("elif", "else") or mistake.before.rstrip() not in ("", "elif", "else", "else:"):
        return None
    message = f"no `if` stands right above this `{mistake.first}`"
    return mistake.says("misplaced-line", message, span=mistake.first_span)


def unknown_keyword(mistake: Mistake) -> Diagnostic | None:
    """`stge conv1: ...`, `inputs: ...`: a word like one that begins a line, and then a name or a colon."""
    known = FLOW + DECLARATIONS
    headed = mistake.stack[-2:] == ("_head", "COLON") and mistake.before.rstrip(" :") == mistake.first
    if not ((mistake.second and mistake.begins_value) or headed) or mistake.first in known:
        return None
    return _unknown(mistake, close) if (close := _close(mistake.first, known)) else None


def _unknown(mistake: Mistake, close: str) -> Diagnostic:
    home = "file" if "NETWORK" in mistake.accepted else "network or block"
    message = f"`{mistake.first}` cannot begin a line of a {home}"
    return mistake.says("unknown-keyword", message, f"did you mean `{close}`?", mistake.first_span)


def misplaced_docstring(mistake: Mistake) -> Diagnostic | None:
    if not mistake.begins_line or not mistake.word.startswith('"'):
        return None
    help = "move it up, or make it a comment with `#`"
    if mistake.word != '"""':
        help = 'a docstring stands in `"""`, a citation after `source`'
    return mistake.says("misplaced-docstring", "a docstring is the first line of a network, a block or a stage", help)


# --- colons and what stands under them -------------------------------------------------------


def missing_colon(mistake: Mistake) -> Diagnostic | None:
    """A missing colon: only a colon could follow, or the condition before it ends there."""
    if mistake.accepted <= {"LABEL", "_DEDENT"} and mistake.begins_line:
        return mistake.says("missing-colon", f"`{mistake.shown}` needs a colon: `{mistake.shown}: width = 1.2`")
    if re.fullmatch(r"expect\s+[\w.-]+\s+", mistake.before) and mistake.begins_value:
        return mistake.says("missing-colon", f"`{mistake.before.strip()}` needs a colon before `{mistake.shown}`")
    if "COLON" not in mistake.accepted or "ARROW" in mistake.accepted or mistake.first not in OPENING:
        return None
    if not (mistake.at_line_end or mistake.begins_value):
        return None
    if mistake.first == "repeat" and mistake.word == "in":
        return mistake.says(
            "foreign-syntax", "`repeat` counts, `for` takes values", "write `repeat n as i:` or `for i in xs:`"
        )
    where = "at the end of this line" if mistake.at_line_end else f"before `{mistake.shown}`"
    or_then = " or `then`" if "THEN" in mistake.accepted and not mistake.at_line_end else ""
    help = None if mistake.at_line_end else f"write `: {mistake.shown}`"
    return mistake.says("missing-colon", f"`{mistake.first}` needs a colon{or_then} {where}", help)


def indented_too_far(mistake: Mistake) -> Diagnostic | None:
    if mistake.kind != "_INDENT":
        return None
    above = mistake.line_above
    if mistake.line_below.startswith("|"):
        end = mistake.stretch(above.end, above.end + 1)
        return mistake.says("missing-colon", f"`{shortened(above.text)}` needs a colon before its branches", span=end)
    message = (
        f"this line is indented deeper than the one above, `{shortened(above.text)}`, which does not end in a colon"
    )
    start = mistake.source.text.index(mistake.line_below, mistake.start)
    span = mistake.stretch(start, start + len(mistake.line_below))
    return mistake.says("bad-indentation", message, "begin it as far left as the line above", span)


def missing_body(mistake: Mistake) -> Diagnostic | None:
    if mistake.at_line_end and mistake.stack[-1:] in (("defaults",), ("init",)) and "RETURN" in mistake.accepted:
        return mistake.says("missing-body", "this stage has defaults and no steps", span=mistake.line_above)
    if "_INDENT" not in mistake.accepted or mistake.stack[-1:] != ("_NL",):
        return None
    above = mistake.line_above
    message = f"nothing is indented under `{shortened(above.text)}`"
    if mistake.at_line_end or mistake.first in FLOW + DECLARATIONS + DEFINITIONS:
        return mistake.says("missing-body", message, span=above)
    note = Note("this line is not indented deeper", mistake.span)
    return mistake.says(
        "missing-body", message, "indent the lines that belong to it by four more spaces", above, (note,)
    )


# --- branches, arrows, commas ----------------------------------------------------------------


def missing_bar(mistake: Mistake) -> Diagnostic | None:
    if "VBAR" not in mistake.accepted or not mistake.accepted <= {"VBAR", "_DEDENT"} or not mistake.begins_line:
        return None
    head = mistake.line_above.text.removesuffix(":")
    if mistake.stack[-1] == "_INDENT" and head in (*NAMED, "elif", "else"):
        why = "needs a name" if head in NAMED else "has no `if` right above it"
        code = "missing-name" if head in NAMED else "misplaced-line"
        return mistake.says(code, f"`{head}` {why}", span=mistake.line_above)
    if mistake.stack[-1] == "_INDENT" and (close := _close(head, FLOW + DECLARATIONS)):
        message = f"`{head}` cannot begin a line of a network or block"
        return mistake.says("unknown-keyword", message, f"did you mean `{close}`?", mistake.line_above)
    return mistake.says(
        "missing-bar",
        "each branch of a join begins with `|`",
        "write `| ` before it, or indent it less if it comes after the join",
    )


def stray_bar(mistake: Mistake) -> Diagnostic | None:
    if mistake.stack[-2:] == ("_head", "COLON"):
        help = "behind a join in one line they stand in braces: `add{a | b}`"
        return mistake.says("stray-bar", "branches after a colon stand on lines of their own", help)
    if mistake.word != "|":
        return None
    return mistake.says(
        "stray-bar",
        "this branch belongs to no join",
        "branches stand in `add{a | b}`, or as lines that begin with `|` and are indented under `add:`",
    )


def dangling_arrow(mistake: Mistake) -> Diagnostic | None:
    if mistake.at_line_end and mistake.stack[-1:] == ("ARROW",):
        start = mistake.source.text.rindex("->", 0, mistake.start + 1)
        help = "begin the next line with `->`, indented deeper than this one"
        return mistake.says("dangling-arrow", "nothing comes after this `->`", help, mistake.stretch(start, start + 2))
    if mistake.word == "->" and (
        mistake.begins_line or (mistake.previous in " |:{" and mistake.before.rstrip()[-1:] in ":|{=")
    ):
        return mistake.says(
            "dangling-arrow", "nothing comes before this `->`", "leave it out, or name what flows: `it`"
        )
    return None


def missing_comma(mistake: Mistake) -> Diagnostic | None:
    if (
        "COMMA" not in mistake.accepted
        or "IN" in mistake.accepted
        or not mistake.begins_value
        or mistake.before.rstrip()[-1:] in ("", ",")
    ):
        return None
    return mistake.says("missing-comma", f"a comma is missing before `{mistake.shown}`", f"write `, {mistake.shown}`")


def missing_arrow(mistake: Mistake) -> Diagnostic | None:
    if "ARROW" not in mistake.accepted or not mistake.begins_value or mistake.begins_line:
        return None
    return mistake.says("missing-arrow", f"`->` is missing before `{mistake.shown}`", f"write `-> {mistake.shown}`")


def number_of_copies(mistake: Mistake) -> Diagnostic | None:
    if mistake.word not in ("+", "-", "/", "%", "*", "^") or "ARROW" not in mistake.accepted:
        return None
    help = "put the number of copies in parentheses: `Unit(64) * (n - 1)`" if "STAR" in mistake.stack[-3:] else None
    return mistake.says("unexpected-token", f"no number can be computed here, at `{mistake.shown}`", help)


def chain_as_value(mistake: Mistake) -> Diagnostic | None:
    """`[conv(8, 3) -> relu, tanh]`, `let unit = conv(8, 3) -> relu`."""
    if mistake.word != "->" or "ARROW" in mistake.accepted or "STAR" not in mistake.accepted:
        return None
    message = "a chain is not a value: lists, arguments and `let` hold numbers, words, ops and blocks"
    return mistake.says(
        "unexpected-token",
        message,
        "make a block of it: `block Unit(width): conv(width, 3) -> relu`, and write `Unit(8)`",
    )


def missing_reason(mistake: Mistake) -> Diagnostic | None:
    if mistake.first != "require" or not mistake.at_line_end or "STRING" not in mistake.accepted:
        return None
    help = 'write why after the condition: `require depth >= 1 "a network has layers"`'
    return mistake.says("missing-reason", "`require` needs a reason, which its error quotes", help)


# --- what is left ----------------------------------------------------------------------------


def unexpected(mistake: Mistake) -> Diagnostic:
    found = f"`{mistake.shown}`" if mistake.word else "the end of the line"
    if mistake.kind == "$END":
        found = "the end of the text"
    expected = _expected(mistake.accepted)
    return mistake.says(
        "unexpected-token", f"expected {expected}, found {found}" if expected else f"{found} is misplaced"
    )


def _expected(accepted: frozenset[str]) -> str:
    """What could stand here: `a value`, `` `)` or `,` ``. It is empty if there are more than four possibilities, as at
    the beginning of a line."""
    if "RETURN" in accepted:
        return ""
    if "ARROW" in accepted:
        accepted -= {"COLON", "LPAR"}
    group = "a value" if "NUMBER" in accepted and "LSQB" in accepted else "a step" if "STAR" in accepted else ""
    hidden = {"NAME", "NUMBER", "STRING", "LPAR"} if group and "NAME" in accepted else set()
    words = [text for kind, text in SPOKEN.items() if kind in accepted and kind not in hidden]
    words = ([group] if hidden else []) + words[:4]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


RULES: tuple[Callable[[Mistake], Diagnostic | None], ...] = (
    foreign_word,
    foreign_sign,
    python_conditional,
    comprehension,
    names_of_loop,
    spread_of_value,
    function_with_body,
    outside,
    missing_if,
    misplaced_docstring,
    shape_with_commas,
    input_without_name,
    path_with_colon,
    percentage,
    return_of_step,
    chains_in_brackets,
    two_arrows,
    brackets_of_a_size,
    named_line,
    colon_after_step,
    second_name,
    copies_before_step,
    equals,
    assignment,
    assignment_in_stage,
    inexact_equality,
    chained_comparison,
    misplaced_line,
    missing_name,
    unknown_keyword,
    indented_too_far,
    missing_body,
    missing_bar,
    stray_bar,
    dangling_arrow,
    missing_reason,
    bad_number,
    shape_without_blanks,
    missing_colon,
    stray_separator,
    missing_comma,
    dotted_call,
    called_on_a_value,
    first_without_copies,
    arguments_without_brackets,
    missing_arrow,
    sum_of_values,
    chain_as_value,
    number_of_copies,
    unexpected,
)


def _close(word: str, known: tuple[str, ...]) -> str | None:
    close = get_close_matches(word.lower(), known, 1, 0.7)
    return close[0] if close and close[0] != word else None
