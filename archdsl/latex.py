"""The one gate for text on its way into LaTeX: what a spec brings to tables and figures passes through it.

`escaped` is for what is included in a document that has its own encoding and fonts: letters stay as they are. `spelled`
is for a document that archdsl writes whole: it is ASCII, and reads the same in pdflatex, xelatex and lualatex.
"""

from __future__ import annotations

from itertools import groupby
from unicodedata import normalize

SPECIAL = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "`": r"\textasciigrave{}",
    "|": r"\textbar{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "\N{NO-BREAK SPACE}": "~",
}
"""Characters that LaTeX would read as something else, or print as something else."""


def _named(letters: str, names: str) -> dict[str, str]:
    return dict(zip(letters, names.split(), strict=True))


GREEK = {
    **_named("αβγδεζηθικλμν", "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu"),
    **_named("ξπρςστυφχψω", "xi pi rho varsigma sigma tau upsilon varphi chi psi omega"),
    **_named("ΓΔΘΛΞΠΣΥΦΨΩ", "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"),
}
ROMAN = _named("οΑΒΕΖΗΙΚΜΝΟΡΤΧ", "o A B E Z H I K M N O P T X")
"""Greek letters for which TeX has only the Latin ones that look like them."""

MATHS = {
    **_named("×·→←↑↓", "times cdot to leftarrow uparrow downarrow"),
    **_named("≤≥≠≈∞√∑", "le ge ne approx infty surd sum"),
    **_named("⊕⊗⌊⌋⌈⌉", "oplus otimes lfloor rfloor lceil rceil"),
}

SIGNS = {
    **{letter: f"$\\{name}$" for letter, name in (GREEK | MATHS).items()},
    **{letter: f"$\\mathrm{{{latin}}}$" for letter, latin in ROMAN.items()},
    **_named("−¹²³", "$-$ $^1$ $^2$ $^3$"),
    **_named("–—µ", r"-- --- \textmu{}"),
}
"""Signs that the fonts of most documents have only in formulas."""

OWN = {
    **_named("<>'\"", "textless textgreater textquotesingle textquotedbl"),
    **_named("×·¹²³", "texttimes textperiodcentered textonesuperior texttwosuperior textthreesuperior"),
    **_named("–—•°±÷¬", "textendash textemdash textbullet textdegree textpm textdiv textlnot"),
    **_named("‘’“”", "textquoteleft textquoteright textquotedblleft textquotedblright"),
    **_named("‚„«»¡¿", "quotesinglbase quotedblbase guillemotleft guillemotright textexclamdown textquestiondown"),
    **_named("¢£¤¥¦§¶", "textcent textsterling textcurrency textyen textbrokenbar textsection textparagraph"),
    **_named("©®ªº", "textcopyright textregistered textordfeminine textordmasculine"),
    **_named("¼½¾", "textonequarter textonehalf textthreequarters"),
    **_named("¨¯´¸", "textasciidieresis textasciimacron textasciiacute c"),
    **_named("ßæÆœŒøØłŁ", "ss ae AE oe OE o O l L"),
    **_named("đĐðÐþÞŋŊıȷĳĲ", "dj DJ dh DH th TH ng NG i j ij IJ"),
}
"""What a font in LaTeX's encodings T1 and TS1 has itself: it is as heavy as its letters."""

ACCENTS = _named(
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327\u0328\u0326",
    "` ' ^ ~ = u . \" r H v c k textcommabelow",
)
BELOW = frozenset("\u0327\u0328\u0326")

FOREIGN = "foreign"
"""The command around letters for which there is none. Who uses `spelled` defines it."""


def escaped(text: str) -> str:
    r"""The text for a document that knows its letters: what LaTeX would misread becomes a command.

    >>> escaped("50% of {x} ×2, é")
    '50\\% of \\{x\\} $\\times$2, é'
    """
    return "".join(SPECIAL.get(letter) or SIGNS.get(letter, letter) for letter in text)


def spelled(text: str) -> str:
    r"""The text in ASCII, for fonts in the encodings T1 and TS1. Letters without a command stay, in `\foreign{...}`.

    >>> print(spelled("3×3, 64 -- Rețea 网络"))
    3\texttimes{}3, 64 -{}- Re\textcommabelow{t}ea \foreign{网络}
    """
    parts = []
    for known, letters in groupby(normalize("NFC", text), key=lambda letter: _command(letter) is not None):
        if known:
            parts.append("".join(_command(letter) or "" for letter in letters))
        else:
            parts.append(f"\\{FOREIGN}{{{''.join(letters)}}}")
    return "".join(parts).replace("--", "-{}-").replace("--", "-{}-").replace(",,", ",{},").replace(",,", ",{},")


def without_command(text: str) -> str:
    """The letters that `spelled` can only leave as they are, each once.

    >>> without_command("Rețea 网络 φ")
    '络网'
    """
    return "".join(sorted({letter for letter in normalize("NFC", text) if _command(letter) is None}))


def _command(letter: str) -> str | None:
    """What stands for a letter in ASCII; None where nothing does."""
    if letter == "…":
        return "{...}"  # LaTeX's own has more room between its dots than fonts have
    if letter in OWN:
        return f"\\{OWN[letter]}{{}}"
    if letter in SPECIAL or letter in SIGNS:
        return SPECIAL.get(letter) or SIGNS[letter]
    if letter.isascii():
        return letter
    letters = normalize("NFD", letter)
    base, mark = letters[:1], letters[1:]
    if mark not in ACCENTS or not base.isascii():
        return None
    dotless = "\\" if base in "ij" and mark not in BELOW else ""
    return f"\\{ACCENTS[mark]}{{{dotless}{base}}}"
