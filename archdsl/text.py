"""The rules for text that comes from outside: what names, paths, labels and prose may contain.

A name becomes an identifier in Python, an id in a figure, a row of a table. Prose (titles, descriptions) is shown as
it is, escaped for the format it is shown in. The parser checks specs, and `ir/verify.py` checks graphs after each
stage and when they are read. Text for which there is no rule, such as the name of a file, is cleaned by `shown`.
"""

from __future__ import annotations

import re
import unicodedata

from archdsl.naming import RESERVED

LONGEST_NAME = 255
"""The most characters that a name may have."""

LONGEST_WRITTEN = 100
"""The most characters of a name in a spec. Names that the compiler makes from it, with numbers, may be longer."""

NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
COPY = re.compile(r"0|[1-9][0-9]{0,8}")
PART = re.compile(r"(?!__)[A-Za-z0-9_][A-Za-z0-9_-]*")
LABEL = re.compile(r"\w+([.-]\d\w*)*", re.ASCII)

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # line ends, and marks that change the direction of text
    "\ufeff\ud800-\udfff\ufffe\uffff]"  # code points that are not characters
)
"""Control characters (but not tabs and line ends), marks that change the direction of text, and what XML forbids."""


UNSEEN = frozenset(("Cc", "Cf", "Cs", "Cn", "Zl", "Zp"))
"""Unicode categories of characters that take up no space, or that are not assigned."""


def is_name(text: str) -> bool:
    """Whether this can be the name of a block, parameter or value: an identifier in every language that is emitted.

    >>> is_name("conv1"), is_name("lambda"), is_name("__dict__"), is_name("a b"), is_name("")
    (True, True, False, False, False)
    """
    return len(text) <= LONGEST_NAME and NAME.fullmatch(text) is not None


def as_name(text: str) -> str:
    """A name that is as much like `text` as a name can be.

    >>> as_name("norm-1"), as_name("3x3"), as_name("__dict__"), as_name("")
    ('norm_1', '_3x3', '_dict__', '_')
    """
    legal = re.sub(r"\W", "_", text[:LONGEST_WRITTEN], flags=re.ASCII)
    return re.sub(r"^(?:_{2,}|(?=\d)|$)", "_", legal)


def is_attribute(text: str) -> bool:
    """Whether this can be the name of a submodule: neither Python nor PyTorch's modules use the name already.

    >>> is_attribute("conv1"), is_attribute("lambda"), is_attribute("forward"), is_attribute("0")
    (True, False, False, False)
    """
    return is_name(text) and text not in RESERVED


def is_output(text: str) -> bool:
    """Whether this can be the name of an output, which becomes a field of a named tuple.

    >>> is_output("early"), is_output("_early"), is_output("half")
    (True, False, False)
    """
    return is_attribute(text) and not text.startswith("_")


def is_step(text: str) -> bool:
    """Whether this can be one part of a path: the name of a submodule, or the number of a copy."""
    return is_attribute(text) or COPY.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """Whether this can be the path of weights: `conv4.2.conv1`, or that of a part of an imported module.

    The latter may contain Python's keywords and hyphens. `passes/legal_names.py` replaces them before Python is
    written.

    >>> is_path("conv4.2.conv1"), is_path("norm-1.class"), is_path("__dict__"), is_path("a()")
    (True, True, False, False)
    """
    return all(len(part) <= LONGEST_NAME and PART.fullmatch(part) for part in text.split("."))


def is_label(text: str) -> bool:
    """Whether this can be the name of a variant: `50`, `b3`, `1.0x`."""
    return len(text) <= LONGEST_NAME and LABEL.fullmatch(text) is not None


def hidden(text: str, several_lines: bool = False) -> int | None:
    """The index of the first character that is invisible or misleading (a control character ...); None if none is.

    Line ends and tabs are accepted if the text may have `several_lines`.

    >>> hidden("plain"), hidden("a\\x1b[31m"), hidden("a\\nb"), hidden("a\\nb", several_lines=True)
    (None, 1, 1, None)
    """
    found = HIDDEN.search(text)
    places = [found.start()] if found else []
    if not several_lines:
        places += [place for place in (text.find("\n"), text.find("\t")) if place >= 0]
    return min(places, default=None)


def code_point(text: str) -> str:
    """The name of a character that cannot be shown: `U+001B`."""
    return f"U+{ord(text):04X}"


def clean(text: str) -> str:
    """The text with a mark in place of each control or formatting character: they could hide text in a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in UNSEEN and c != "\n" else c for c in text)


def shown(text: str, most: int = 300) -> str:
    """A text from outside on one line, cleaned, with its middle left out where it is longer than `most`.

    >>> shown("net\\x1b.arch"), shown("abcdefghijklmnopqrstuvwxyz", 11)
    ('net�.arch', 'abcd...wxyz')
    """
    return clean(shortened(text, most).replace("\n", "\N{REPLACEMENT CHARACTER}"))


def shown_lines(text: str, most: int) -> str:
    """Each line of a text as `shown` gives it."""
    return "\n".join(shown(line, most) for line in text.split("\n"))


def shortened(text: str, most: int) -> str:
    """A text with its middle left out where it is longer than `most`."""
    kept = (most - len("...")) // 2
    return text if len(text) <= most else f"{text[:kept]}...{text[-kept:]}"
