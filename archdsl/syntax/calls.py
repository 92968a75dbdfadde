"""Rules of `teaching.py` for steps that are called, joined or named as in Python: `y = nn.Conv2d(3, 64, 3)(x)`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps

from archdsl.diagnostics import Diagnostic
from archdsl.foreign import Meaning, folded, step, without_numbers
from archdsl.syntax.mistakes import DECLARATIONS, FLOW, LONGEST_LINE, Mistake, shortened
from archdsl.translated import Argument, called

NUMERIC = frozenset(
    "round_to ceil floor round min max len sum range enumerate log2 log exp sqrt".split(),
)
"""Functions of numbers. They are defined in `resolve/names.py`, which this package must not import."""

LINEAR = Meaning("linear(10)", "how many features flow in is not written")
"""What `nn.Linear` is, which has the name of an op."""

FLOWING = frozenset(("x", "it", "input"))
"""Names that cannot be given: `it` and `input` are what flows, and `x` belongs to shapes."""


Rule = Callable[[Mistake], Diagnostic | None]


def of_a_line(rule: Rule) -> Rule:
    """The rule restricted to lines of a usual length: on a very long line its search would take too much time."""

    @wraps(rule)
    def limited(mistake: Mistake) -> Diagnostic | None:
        return rule(mistake) if len(mistake.before) + len(mistake.rest) <= LONGEST_LINE else None

    return limited


@of_a_line
def dotted_call(mistake: Mistake) -> Diagnostic | None:
    """`nn.Conv2d(3, 64, 3)`."""
    dotted = re.search(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$", mistake.before)
    if mistake.word != "(" or dotted is None:
        return None
    meaning = step(dotted[0])
    inside = re.match(r"\(([^()]*)\)", mistake.rest)
    text = called(dotted[0], meaning, _arguments(inside[1])) if meaning and inside else None
    if meaning is not None and text is not None:
        meaning = Meaning(text, without_numbers(meaning.note))
    if meaning is None and folded(dotted[0]) == "linear" and inside:
        meaning = Meaning(called("Linear", LINEAR, _arguments(inside[1])) or LINEAR.code, LINEAR.note)
    unsure = f"write the name of an op, perhaps `{folded(dotted[0])}`: `archdsl ops` lists them"
    span = mistake.stretch(mistake.start - len(dotted[0]), mistake.start)
    message = f"`{shortened(dotted[0])}` is not an op: names of ops have no dots"
    return mistake.says("foreign-syntax", message, str(meaning or unsure), span)


def _arguments(text: str) -> list[Argument]:
    """What stands between brackets, at the commas."""
    parts = [part.partition("=") for part in re.findall(r"(?:\[[^\]]*\]|[^,\[])+", text) if part.strip()]
    return [(left.strip(), right.strip()) if equal else (None, left.strip()) for left, equal, right in parts]


@of_a_line
def return_of_step(mistake: Mistake) -> Diagnostic | None:
    """`return concat{a | b}`, `return conv(8, 3) -> relu`."""
    if mistake.first != "return" or mistake.word not in ("{", "->"):
        return None
    step = (mistake.before + mistake.rest).removeprefix("return").strip()
    message = "`return` names values; a step stands on a line of its own, and what flows last leaves the block"
    return mistake.says("unexpected-token", message, f"write `{step}`")


@of_a_line
def called_on_a_value(mistake: Mistake) -> Diagnostic | None:
    """`conv(16, 3)(image)`."""
    called = re.search(r"\w+\([^()]*\)$", mistake.before)
    value = re.match(r"\(\s*([A-Za-z_]\w*)\s*\)", mistake.rest)
    if called is None or value is None:
        return None
    return mistake.says("foreign-syntax", "a value flows into a step by `->`", f"write `{value[1]} -> {called[0]}`")


@of_a_line
def chains_in_brackets(mistake: Mistake) -> Diagnostic | None:
    """`(relu -> conv(8, 1), tanh)`, several chains where only names can stand in brackets."""
    if mistake.word not in (",", "->"):
        return None
    opened = _opened(mistake.before)
    if opened is None or re.search(r"\w$", mistake.before[:opened]):
        return None
    line = mistake.before + mistake.rest
    parts, end = _parts(line, opened)
    if len(parts) < 2 or not any("->" in part for part in parts):
        return None
    begin = mistake.start - len(mistake.before)
    message = "brackets hold names of values; chains that go side by side are the branches of `parallel`"
    span = mistake.stretch(begin + opened, begin + end)
    return mistake.says("unexpected-token", message, f"write `parallel{{{' | '.join(parts)}}}`", span)


def _opened(text: str) -> int | None:
    """The place of the last bracket that is opened in a text and not closed."""
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[place], 0)
        if depth < 0:
            return place
    return None


def _parts(line: str, opened: int) -> tuple[list[str], int]:
    """What stands between the commas in a bracket, but for inner brackets, and where the bracket is closed."""
    parts, depth, begin = [], 0, opened + 1
    for place in range(opened, len(line)):
        depth += (line[place] in "([{") - (line[place] in ")]}")
        if depth == 0 or (depth == 1 and line[place] == ","):
            parts.append(line[begin:place].strip())
            begin = place + 1
        if depth == 0:
            return parts, begin
    return [], len(line)


@of_a_line
def stray_separator(mistake: Mistake) -> Diagnostic | None:
    """`conv(16, 3),` or `conv(16, 3); relu`."""
    if mistake.word not in (",", ";") or "ARROW" not in mistake.accepted or "COMMA" in mistake.accepted:
        return None
    if "VBAR" in mistake.accepted:
        return mistake.says("unexpected-token", "branches are separated by bars", "write `|` instead of the comma")
    after = mistake.rest[1:].strip()
    help = f"write `-> {shortened(after)}`" if after else "leave it out"
    message = f"`{mistake.word}` does not separate steps: `->` does, or the end of the line"
    return mistake.says("unexpected-token", message, help)


@of_a_line
def first_without_copies(mistake: Mistake) -> Diagnostic | None:
    """`conv(16, 3) first(stride=2)`."""
    if mistake.word not in ("first", "last") or "STAR" not in mistake.accepted:
        return None
    message = f"`{mistake.word}` is for one of several copies, but this step has no copies"
    unit = mistake.before.rpartition("->")[2].strip()
    return mistake.says("unexpected-token", message, f"write the number of copies: `{unit} * 3 {mistake.rest.strip()}`")


@of_a_line
def arguments_without_brackets(mistake: Mistake) -> Diagnostic | None:
    """`conv 16 3`."""
    unit = re.search(r"(?:^|->\s*)([A-Za-z_]\w*)\s+$", mistake.before)
    numbers = re.match(r"\d[\w.]*(?:[ ,]+[\w.=]+)*\s*(?=$|->)", mistake.rest)
    if unit is None or numbers is None or "ARROW" not in mistake.accepted:
        return None
    arguments = ", ".join(re.split(r"[ ,]+", numbers[0].strip()))
    return mistake.says("missing-brackets", "arguments stand in parentheses", f"write `{unit[1]}({arguments})`")


@of_a_line
def copies_before_step(mistake: Mistake) -> Diagnostic | None:
    """`3 * conv(16, 3)`."""
    copies = re.match(r"(\d+)\s*[*x]\s*(\w.*)$", mistake.rest)
    if copies is None or not (mistake.begins_line or mistake.before.rstrip().endswith(("->", ":", "|", "{"))):
        return None
    span = mistake.stretch(mistake.start, mistake.start + len(mistake.rest))
    message = "the number of copies stands after the step"
    return mistake.says("foreign-syntax", message, f"write `{copies[2]} * {copies[1]}`", span)


@of_a_line
def second_name(mistake: Mistake) -> Diagnostic | None:
    """`conv(16, 3) as a as b`, `conv(16, 3) as 3x`."""
    if mistake.word == "as" and "ARROW" in mistake.accepted:
        return mistake.says("unexpected-token", "a step gets one name", f"leave out `{mistake.rest.strip()}`")
    if re.search(r"\bas $", mistake.before) and mistake.word[:1].isdigit():
        message = f"`{mistake.shown}` is not a name: names begin with a letter"
        return mistake.says("missing-name", message, f"write `v{mistake.shown}`, or another name")
    return None


@of_a_line
def named_line(mistake: Mistake) -> Diagnostic | None:
    """`shortcut: conv(16, 3)`: a name and a colon before a step."""
    begins = re.fullmatch(r"([A-Za-z_]\w*)\s*:\s*", mistake.before)
    is_named = begins is not None and mistake.begins_value and mistake.stack[-2:] == ("_head", "COLON")
    if begins is None or not is_named or "|" in mistake.rest or begins[1] in FLOW + DECLARATIONS:
        return None
    help = f"write `path {begins[1]} = {mistake.rest.strip()}`, or `{mistake.rest.strip()} as {begins[1]}`"
    return mistake.says("stray-colon", f"`{begins[1]}:` does not give the line a name", help, mistake.first_span)


@of_a_line
def colon_after_step(mistake: Mistake) -> Diagnostic | None:
    """`conv(16, 3):` with lines under it."""
    above = mistake.line_above.text
    if mistake.stack[-1:] != ("_INDENT",) or not re.search(r"\)\s*:$", above) or not mistake.begins_line:
        return None
    message = f"nothing belongs under `{shortened(above)}`: only joins, stages and the like have a colon"
    return mistake.says(
        "stray-colon",
        message,
        "leave out the colon, and begin the next line as far left as this one",
        mistake.line_above,
    )


@of_a_line
def path_with_colon(mistake: Mistake) -> Diagnostic | None:
    """`path a: conv(16, 3)` in one line."""
    begins = re.fullmatch(r"path\s+(\w+)\s*:\s*", mistake.before)
    if begins is None or not mistake.begins_value:
        return None
    help = f"write `path {begins[1]} = {mistake.rest.strip()}`"
    return mistake.says("unexpected-token", "a path in one line has a `=`", help)


@of_a_line
def percentage(mistake: Mistake) -> Diagnostic | None:
    """`dropout(50%)`."""
    number = re.search(r"(\d+(?:\.\d+)?)%\s*$", mistake.before)
    if number is None or mistake.word not in (")", ","):
        return None
    span = mistake.stretch(mistake.start - len(mistake.before) + number.start(), mistake.start)
    return mistake.says("bad-number", "a fraction is written without `%`", f"write `{float(number[1]) / 100:g}`", span)


@of_a_line
def two_arrows(mistake: Mistake) -> Diagnostic | None:
    """`relu -> -> conv(16, 3)`."""
    if mistake.word != "->" or not re.search(r"->\s*$", mistake.before):
        return None
    return mistake.says("dangling-arrow", "nothing stands between these arrows", "leave one of them out")


@of_a_line
def brackets_of_a_size(mistake: Mistake) -> Diagnostic | None:
    """`conv(16, (3, 3))`."""
    size = re.search(r"\(\s*(\w+(?:\s*,\s*\w+)+)\s*\)", mistake.before + mistake.rest)
    opened = re.search(r"[(,=]\s*\(\s*\w+\s*$", mistake.before)
    if mistake.word != "," or size is None or opened is None:
        return None
    dims = "x".join(re.split(r"\s*,\s*", size[1]))
    begin = mistake.start - len(mistake.before)
    span = mistake.stretch(begin + size.start(), begin + size.end())
    return mistake.says("foreign-syntax", "the sizes of a window are separated by `x`", f"write `{dims}`", span)


@of_a_line
def sum_of_values(mistake: Mistake) -> Diagnostic | None:
    """`a + b`, `a * b` where `a` and `b` are values."""
    ops = {"+": "add", "*": "mul"}
    left = re.search(r"(?:^|[:=|{]\s*)([A-Za-z_]\w*)\s*$", mistake.before)
    right = re.match(r"[+*]\s*([A-Za-z_]\w*)\s*(?=$|->|[|}])", mistake.rest)
    if mistake.word not in ops or left is None or right is None or "ARROW" not in mistake.accepted:
        return None
    help = f"write `{ops[mistake.word]}{{{left[1]} | {right[1]}}}`"
    span = mistake.stretch(mistake.start - len(mistake.before) + left.start(1), mistake.start + right.end(1))
    return mistake.says("foreign-syntax", f"`{mistake.word}` computes with numbers; values are joined", help, span)


@of_a_line
def shape_with_commas(mistake: Mistake) -> Diagnostic | None:
    """`input image: (3, 32, 32)` and `input image: 3, 32, 32`."""
    line = mistake.before + mistake.rest
    shape = re.match(r"input\s+\w+\s*:\s*[(\[]?\s*(\w+(?:\s*,\s*\w+)+)", line)
    if mistake.first != "input" or mistake.word != "," or shape is None:
        return None
    dims = " x ".join(re.split(r"\s*,\s*", shape[1]))
    begin = mistake.start - len(mistake.before) + line.index(shape[0]) + shape[0].index(shape[0].split(":")[1].strip())
    span = mistake.stretch(begin, mistake.start - len(mistake.before) + len(line.rstrip()))
    return mistake.says("foreign-syntax", "the sizes of a shape are separated by `x`", f"write `{dims}`", span)


@of_a_line
def input_without_name(mistake: Mistake) -> Diagnostic | None:
    """`input: 3 x 32 x 32` and `input image = 3 x 32 x 32`."""
    shape = re.match(r"input\s*(\w*)\s*[:=]\s*(\S.*)$", (mistake.before + mistake.rest).strip())
    if mistake.first != "input" or shape is None or mistake.word == ",":
        return None
    help = f"write `input {shape[1] or 'image'}: {shortened(shape[2])}`"
    if not shape[1]:
        return mistake.says("missing-name", "an input needs a name", help)
    if mistake.word != "=":
        return None
    return mistake.says("unexpected-token", "`:` stands between an input and its shape", help)


@of_a_line
def inexact_equality(mistake: Mistake) -> Diagnostic | None:
    """`expect params == 16M ± 5%`."""
    if mistake.word != "±" and not re.match(r"\+/?-", mistake.rest):
        return None
    compared = re.search(r"==\s*(\S+)\s*$", mistake.before)
    if compared is None:
        return None
    help = f"write `~ {compared[1]} ± {mistake.rest.lstrip('±+/- ').strip()}`"
    span = mistake.stretch(mistake.start - len(mistake.before) + compared.start(), mistake.start + len(mistake.rest))
    return mistake.says("unexpected-token", "`==` is exact and has no tolerance", help, span)


@of_a_line
def assignment(mistake: Mistake) -> Diagnostic | None:
    """`y = conv(16, 3)(image)`, `y = conv(16, 3)`, `n = 3`."""
    name = mistake.before.rstrip(" :")
    if mistake.word[:1] != "=" or mistake.previous == "=" or not re.fullmatch(r"\w+", name):
        return None
    message = f"`{name} =` does not say whether `{name}` is a number or a value that flows"
    right = mistake.rest[1:].partition("#")[0].strip()
    return mistake.says("bare-assignment", message, f"write `{_named(name, right)}`" if right else None)


@of_a_line
def assignment_in_stage(mistake: Mistake) -> Diagnostic | None:
    """`stage body: y = conv(16, 3)`."""
    begins = re.fullmatch(r"(?:stage|output)\s+(\w+)\s*:\s*(\w+)\s*", mistake.before)
    right = mistake.rest[1:].strip()
    if mistake.word != "=" or begins is None or not right:
        return None
    span = mistake.stretch(mistake.start - len(mistake.before) + begins.start(2), mistake.start + len(mistake.rest))
    message = f"`{begins[2]} =` gives no name here: what flows out of these steps is called `{begins[1]}`"
    return mistake.says("bare-assignment", message, f"write `{right}`", span)


def _named(name: str, right: str) -> str:
    """The statement that gives a name to what stands to the right of the `=`; the step alone for `y = Unit(y)`."""
    called = re.fullmatch(r"(?:\w+\.)*(\w+)\((.*)\)\((\w+)\)", right)
    if right in FLOWING:
        return f"path {name} = {right}"
    updated = re.fullmatch(rf"([A-Za-z_]\w*)\(\s*{name}\s*(?:,\s*([^()]*))?\)", right)
    if updated is not None and updated[1] not in NUMERIC:
        return f"{updated[1]}({updated[2]})" if updated[2] else updated[1]
    flow = f"{called[3]} -> {called[1]}({called[2]})" if called else right
    head = re.match(r"[A-Za-z_]\w*(?=[({]|\s*->)", flow)
    if not called and (head is None or head[0] in NUMERIC):
        return f"let {name} = {right}"
    return flow if name in FLOWING else f"{flow} as {name}"
