"""What text may go where. A leaf: all that comes from outside passes here before anything is made of it.

A name becomes an identifier in Python, an id in a figure, a row of a table. Prose is shown as it is, with the escapes
of whatever it is shown in. Specs are checked as they are parsed, graphs by `ir/verify.py` after each stage and as they
are read. What no rule can ask for, such as the name of a file, is cleaned by `shown`.
"""

from __future__ import annotations

import re
import unicodedata

from archdsl.naming import RESERVED

LONGEST_NAME = 255
"""Most characters of a name."""

LONGEST_WRITTEN = 100
"""Most characters of a name in a spec; names that are made of it, with numbers and underscores, are longer."""

NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
COPY = re.compile(r"0|[1-9][0-9]{0,8}")
PART = re.compile(r"(?!__)[A-Za-z0-9_][A-Za-z0-9_-]*")
LABEL = re.compile(r"\w+([.-]\d\w*)*", re.ASCII)

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # ends of lines, and turns of direction
    "\ufeff\ud800-\udfff\ufffe\uffff]"  # what is no character
)
"""Control characters, marks that turn the direction of text, and what no XML may hold. Tabs and line ends are none."""


UNSEEN = frozenset(("Cc", "Cf", "Cs", "Cn", "Zl", "Zp"))
"""Categories of characters that take no place, or that nobody has assigned."""


def is_name(text: str) -> bool:
    """Whether this names a block, a parameter, a value: an identifier in every language that is written.

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
    """Whether a part of a module may be called so: by a name that modules and Python have not taken.

    >>> is_attribute("conv1"), is_attribute("lambda"), is_attribute("forward"), is_attribute("0")
    (True, False, False, False)
    """
    return is_name(text) and text not in RESERVED


def is_output(text: str) -> bool:
    """Whether an output may be called so, which becomes a field of a named tuple.

    >>> is_output("early"), is_output("_early"), is_output("half")
    (True, False, False)
    """
    return is_attribute(text) and not text.startswith("_")


def is_step(text: str) -> bool:
    """Whether this is the last part of a path: an attribute, or the number of a copy."""
    return is_attribute(text) or COPY.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """Whether weights may be kept so: `conv4.2.conv1`, also with the names of an imported module's parts.

    These may be words that Python has taken, and have hyphens; before anything is written of them in Python, they get
    other names (`passes/legal_names.py`).

    >>> is_path("conv4.2.conv1"), is_path("norm-1.class"), is_path("__dict__"), is_path("a()")
    (True, True, False, False)
    """
    return all(len(part) <= LONGEST_NAME and PART.fullmatch(part) for part in text.split("."))


def is_label(text: str) -> bool:
    """Whether a variant may be called so: `50`, `b3`, `1.0x`."""
    return len(text) <= LONGEST_NAME and LABEL.fullmatch(text) is not None


def hidden(text: str, several_lines: bool = False) -> int | None:
    """Where the first character stands that is not to be seen, or not what it seems; None if there is none.

    Line ends and tabs belong to text of several lines.

    >>> hidden("plain"), hidden("a\\x1b[31m"), hidden("a\\nb"), hidden("a\\nb", several_lines=True)
    (None, 1, 1, None)
    """
    found = HIDDEN.search(text)
    places = [found.start()] if found else []
    if not several_lines:
        places += [place for place in (text.find("\n"), text.find("\t")) if place >= 0]
    return min(places, default=None)


def code_point(text: str) -> str:
    """How a character that is not to be seen is called: `U+001B`."""
    return f"U+{ord(text):04X}"


def clean(text: str) -> str:
    """Control and formatting characters, which could rewrite the terminal or hide text, become a mark."""
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
    """The same of each of several lines."""
    return "\n".join(shown(line, most) for line in text.split("\n"))


def shortened(text: str, most: int) -> str:
    """A text with its middle left out where it is longer than `most`."""
    kept = (most - len("...")) // 2
    return text if len(text) <= most else f"{text[:kept]}...{text[-kept:]}"
