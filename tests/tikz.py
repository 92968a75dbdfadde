"""Reads figures back, by nothing but the file: what is drawn where, how it looks, and what is written; TikZ and SVG.

The reader of TikZ is strict. Lines of another form than a few are errors, and so are unknown commands, and colours and
styles that are not declared, or declared in vain.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree import ElementTree

from tests.pictures import SVG

Point = tuple[float, float]


class Drawn(NamedTuple):
    """One thing of a figure. A box has two corners; a line that is an arrow ends at its tip."""

    kind: str
    points: tuple[Point, ...]
    fill: str = ""
    stroke: str = ""
    line: float = 0.0
    dash: tuple[float, ...] = ()
    radii: tuple[float, ...] = ()
    arrow: bool = False
    words: str = ""
    size: float = 0.0
    bold: bool = False
    anchor: str = ""
    upright: bool = False
    long: float = 0.0


# --- TikZ ----------------------------------------------------------------------------------

HEAD = (
    r"\documentclass[tikz]{standalone}",
    r"\usepackage{fix-cm}",
    r"\usepackage[T1]{fontenc}",
    r"\usetikzlibrary{arrows.meta}",
    r"\begin{document}",
    r"\begin{tikzpicture}",
    r"\ifdefined\figurepoint\else\newlength{\figurepoint}\fi",
)
FITTED = (
    r"\def\fitted#1#2{\setbox0\hbox{#2}"
    r"\ifdim\wd0>#1\figurepoint\resizebox{#1\figurepoint}{\height}{\box0}\else\box0\fi}"
)
FOREIGN = r"\def\foreign#1{{\fboxsep0pt\fbox{\rule{0pt}{1.5ex}\hskip1em}}}"
AXES = r"x=\figurepoint, y=-\figurepoint, every node/.style={inner sep=0pt, text depth=0pt, text=ink},"
FOOT = (r"\end{tikzpicture}", r"\end{document}")
NUMBER = r"-?\d+(?:\.\d+)?"
PAIR = rf"\(({NUMBER}), ({NUMBER})\)"


@dataclass
class Figure:
    """A document that `read` has read. `notes` are its comments."""

    point: float = 0.0
    colours: dict[str, str] = field(default_factory=dict)
    styles: dict[str, str] = field(default_factory=dict)
    drawn: list[Drawn] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


def read(text: str, in_vain: bool = False) -> Figure:
    """A whole document. Raises `AssertionError` for what a figure does not have; what is `in_vain` may be allowed."""
    figure, lines = Figure(), []
    for line in text.removesuffix("\n").split("\n"):
        code, note = divided(line)
        figure.notes.append(note)
        lines += [code] if code else []
    middle = lines.index("}")
    setting = [re.fullmatch(r"\\setlength\{\\figurepoint\}\{([\d.]+)bp\}", lines[len(HEAD)])]
    assert tuple(lines[: len(HEAD)]) == HEAD
    assert setting[0], lines[len(HEAD)]
    figure.point = float(setting[0][1])
    declare(figure, lines[len(HEAD) + 1 : middle])
    rest = lines[middle + 1 :]
    foreign = r"\foreign{" in "".join(rest)
    macros = [FITTED] * any(r"\node" in line for line in rest) + [FOREIGN] * foreign
    assert rest[: len(macros)] == macros
    assert tuple(rest[-len(FOOT) :]) == FOOT
    figure.drawn = [statement(figure, line) for line in rest[len(macros) : -len(FOOT)]]
    assert in_vain or set(figure.colours) | set(figure.styles) == figure.used | {"ink"}, "declared in vain"
    return figure


def divided(line: str) -> tuple[str, str]:
    """What a line says to LaTeX, without the blanks around, and its comment."""
    found = re.fullmatch(r"((?:[^\\%]|\\.)*)(?:%(.*))?", line)
    assert found, line
    return found[1].strip(), (found[2] or "").strip()


def declare(figure: Figure, lines: list[str]) -> None:
    """The colours and styles at the top, each declared once."""
    start = lines.index(r"\tikzset{")
    for line in lines[:start]:
        found = re.fullmatch(r"\\definecolor\{([a-z]+\d*)\}\{HTML\}\{([0-9A-F]{6})\}", line)
        assert found, line
        assert found[1] not in figure.colours
        figure.colours[found[1]] = f"#{found[2]}"
    assert lines[start + 1] == AXES
    for line in lines[start + 2 :]:
        found = re.fullmatch(r"([a-z]+(?: [a-z]+)*(?: \d+)?)/\.style=\{(.*)\},", line)
        assert found, line
        assert found[1] not in {**figure.styles, **figure.colours}
        figure.styles[found[1]] = found[2]


def statement(figure: Figure, line: str) -> Drawn:
    found = re.fullmatch(r"\\(path|draw|node)\[([^][]*)\] (.*);", line)
    assert found, line
    command, options, rest = found.groups()
    if rest.startswith("at "):
        assert command == "node"
        return text_of(figure, options, rest)
    if options.startswith("use as bounding box, "):
        options = options.partition(", ")[2]
    look = options_of(figure, options)
    paint = Drawn(
        "",
        (),
        colour(figure, look["fill"]) if "fill" in look else "",
        colour(figure, look["draw"]) if "draw" in look else "",
        length(look.get("line width", "")),
        tuple(map(length, re.findall(r"(?:on|off) (\S+)", look.get("dash pattern", "")))),
        arrow="arrows" in look,
    )
    rounded = length(look.get("rounded corners", ""))
    if command == "draw":
        return line_of(paint, rest, rounded)
    return shape_of(paint, rest, rounded)


def shape_of(paint: Drawn, path: str, rounded: float) -> Drawn:
    if circle := re.fullmatch(rf"{PAIR} circle\[radius=({NUMBER})\]", path):
        x, y, radius = map(float, circle.groups())
        return paint._replace(kind="box", points=((x - radius, y - radius), (x + radius, y + radius)), radii=(radius,))
    if box := re.fullmatch(rf"{PAIR} rectangle (\+?){PAIR}", path):
        x, y, across, down = (float(box[i]) for i in (1, 2, 4, 5))
        end = (x + across, y + down) if box[3] else (across, down)
        return paint._replace(kind="box", points=((x, y), end), radii=(rounded,))
    assert re.fullmatch(rf"(?:{PAIR} -- )+cycle", path), path
    return paint._replace(kind="polygon", points=points(path))


def line_of(paint: Drawn, path: str, rounded: float) -> Drawn:
    if re.fullmatch(rf"{PAIR} \.\. controls {PAIR} and {PAIR} \.\. {PAIR}", path):
        return paint._replace(kind="curve", points=points(path))
    assert re.fullmatch(rf"{PAIR}(?: (?:\[[a-z0-9 .=]+\] )?-- {PAIR})+", path), path
    radii = []
    for turn in re.findall(r"(?: \[(.*?)\])? -- ", path):
        rounded = 0.0 if turn == "sharp corners" else float(turn.removeprefix("round=")) if turn else rounded
        radii.append(rounded)
    return paint._replace(kind="line", points=points(path), radii=tuple(radii[:-1]))


def text_of(figure: Figure, options: str, rest: str) -> Drawn:
    found = re.fullmatch(rf"at {PAIR} \{{\\fitted\{{({NUMBER})\}}\{{(.*)\}}\}}", rest)
    assert found, rest
    look = options_of(figure, options)
    font = re.fullmatch(r"\\fontsize\{(\S+?)\}\{\S+?\}\\usefont\{T1\}\{phv\}\{([mb])\}\{n\}", look["font"])
    assert font, look
    size = length(font[1])
    assert abs(length(look["text height"]) - 0.72 * size) < 0.01
    return Drawn(
        "text",
        ((float(found[1]), float(found[2])),),
        colour(figure, look.get("text", "ink")),
        words=typeset(found[4]),
        size=size,
        bold=font[2] == "b",
        anchor={"west": "start", "east": "end"}.get(look.get("anchor", ""), "middle"),
        upright=look.get("rotate") == "90",
        long=float(found[3]),
    )


def options_of(figure: Figure, options: str) -> dict[str, str]:
    """Options by name, those of the styles among them; only what is declared is a style."""
    found: dict[str, str] = {}
    for option in split(options):
        name, _, value = option.partition("=")
        if name in figure.styles:
            figure.used.add(name)
            found |= options_of(figure, figure.styles[name].replace("#1", value))
        else:
            known = "fill draw font anchor text rotate arrows".split()
            assert name in [*known, "line width", "dash pattern", "text height", "rounded corners"], option
            found[name] = value
    return found


def split(options: str) -> list[str]:
    """At the commas that are in no group."""
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(options):
        depth += (letter in "{[") - (letter in "}]")
        assert depth >= 0, options
        if letter == "," and not depth:
            parts, start = [*parts, options[start:i].strip()], i + 1
    assert depth == 0, options
    return [*parts, options[start:].strip()]


def length(text: str) -> float:
    """In points of the figure."""
    return float(text.removesuffix(r"\figurepoint") or "0") if text else 0.0


def points(path: str) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in re.findall(PAIR, path))


def colour(figure: Figure, name: str) -> str:
    """As `#RRGGBB`: `a!30!b` is 30 % of a and 70 % of b."""
    first, *mixed = name.split("!")
    figure.used |= {first, *mixed[1:]}
    if not mixed:
        return figure.colours[first]
    part, other = float(mixed[0]) / 100, figure.colours[mixed[1]]
    pairs = zip(channels(figure.colours[first]), channels(other), strict=True)
    return "#" + "".join(f"{int(a * part + b * (1 - part) + 0.5):02X}" for a, b in pairs)


def channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


# --- text of LaTeX -------------------------------------------------------------------------

GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon chi psi omega"
)
MATHS: Mapping[str, str] = {
    **{name: unicodedata.lookup(f"GREEK SMALL LETTER {name.replace('lambda', 'lamda')}") for name in GREEK.split()},
    **{name.title(): unicodedata.lookup(f"GREEK CAPITAL LETTER {name}") for name in "gamma delta theta pi xi".split()},
    **{name.title(): unicodedata.lookup(f"GREEK CAPITAL LETTER {name}") for name in "sigma phi psi omega".split()},
    **{"varphi": "φ", "varsigma": "ς", "Lambda": "Λ", "Upsilon": "Υ", "to": "→", "leftarrow": "←", "uparrow": "↑"},
    **{"downarrow": "↓", "le": "≤", "ge": "≥", "ne": "≠", "approx": "≈", "infty": "∞", "surd": "√", "sum": "∑"},
    **{"oplus": "⊕", "otimes": "⊗", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉"},
}
NAMED: Mapping[str, str] = {
    **{"textbackslash": "\\", "textasciitilde": "~", "textasciigrave": "`", "textbar": "|", "textasciicircum": "^"},
    **{"textless": "<", "textgreater": ">", "textquotesingle": "'", "textquotedbl": '"', "texttimes": "×"},
    **{"textperiodcentered": "·", "textonesuperior": "¹", "texttwosuperior": "²", "textthreesuperior": "³"},
    **{"textendash": "–", "textemdash": "—", "textbullet": "•", "textdegree": "°", "textpm": "±"},
    **{"textquoteleft": "‘", "textquoteright": "’", "textquotedblleft": "“", "textquotedblright": "”"},
    **{"quotesinglbase": "‚", "quotedblbase": "„", "guillemotleft": "«", "guillemotright": "»", "textmu": "µ"},
    **{"textexclamdown": "¡", "textquestiondown": "¿", "textcent": "¢", "textsterling": "£", "textyen": "¥"},
    **{"textcurrency": "¤", "textbrokenbar": "¦", "textsection": "§", "textparagraph": "¶", "textcopyright": "©"},
    **{"textregistered": "®", "textordfeminine": "ª", "textordmasculine": "º", "textonequarter": "¼", "textdiv": "÷"},
    **{"textonehalf": "½", "textthreequarters": "¾", "textasciidieresis": "¨", "textasciimacron": "¯", "textlnot": "¬"},
    **{"textasciiacute": "´", "c": "¸", "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø"},
    **{"l": "ł", "L": "Ł", "dj": "đ", "DJ": "Đ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "ng": "ŋ", "NG": "Ŋ"},
    **{"i": "ı", "j": "ȷ", "ij": "ĳ", "IJ": "Ĳ"},
}
MARKS = {
    **{"`": "GRAVE ACCENT", "'": "ACUTE ACCENT", "^": "CIRCUMFLEX ACCENT", "~": "TILDE", "=": "MACRON", "u": "BREVE"},
    **{".": "DOT ABOVE", '"': "DIAERESIS", "r": "RING ABOVE", "H": "DOUBLE ACUTE ACCENT", "v": "CARON"},
    **{"c": "CEDILLA", "k": "OGONEK", "textcommabelow": "COMMA BELOW"},
}
TOKEN = re.compile(
    r"\\(?P<named>[A-Za-z]+)\{\}|\\(?P<mark>[A-Za-z]+|[`'^~=.\"])\{\\?(?P<base>[A-Za-z])\}|\\(?P<plain>[&%$#_{}])"
    r"|\\foreign\{(?P<foreign>[^\\{}\x00-\x7f]+)\}|\$\\mathrm\{(?P<roman>[A-Zo])\}\$|\$\\(?P<maths>[A-Za-z]+)\$"
    r"|(?P<minus>\$-\$)|(?P<dots>\{\.\.\.\})|(?P<tie>~)|(?P<apart>\{\})|(?P<letter>[^\\{}$&#^_~%])"
)


def typeset(text: str) -> str:
    """What LaTeX prints of a text. Raises `AssertionError` for a command that is not known, or a bare sign."""
    place, printed = 0, ""
    while place < len(text):
        found = TOKEN.match(text, place)
        assert found, f"{text[place:]} is no text"
        printed += letter(found)
        place = found.end()
    assert "--" not in text, "two hyphens become a dash"
    return printed


def letter(found: re.Match[str]) -> str:
    kind, text = str(found.lastgroup), str(found[str(found.lastgroup)])
    match kind:
        case "named":
            return NAMED[text]
        case "base":
            return unicodedata.normalize("NFC", text + unicodedata.lookup(f"COMBINING {MARKS[found['mark']]}"))
        case "maths":
            return MATHS[text]
        case "roman":
            return {"o": "ο", "A": "Α", "B": "Β", "E": "Ε", "Z": "Ζ", "H": "Η", "I": "Ι"}.get(text) or greek(text)
    return {"minus": "−", "dots": "…", "tie": "\N{NO-BREAK SPACE}", "apart": ""}.get(kind, text)


def greek(latin: str) -> str:
    return dict(zip("KMNOPTX", "ΚΜΝΟΡΤΧ", strict=True))[latin]


# --- SVG -----------------------------------------------------------------------------------


def drawn_in_svg(data: bytes) -> list[Drawn]:
    """What is drawn in an SVG, in its order; an arrow's head belongs to its line."""
    found: list[Drawn] = []
    for element in ElementTree.fromstring(data).iter():
        tag = element.tag.removeprefix(SVG)
        if tag == "polygon" and found and found[-1].kind in ("line", "curve") and "stroke" not in element.attrib:
            tip = pairs(element.attrib["points"])[0]
            found[-1] = found[-1]._replace(points=(*found[-1].points[:-1], tip), arrow=True)
        elif tag in ("rect", "polygon", "path", "text"):
            found.append(svg_text(element) if tag == "text" else svg_item(tag, element.attrib))
    return found


def svg_item(tag: str, given: Mapping[str, str]) -> Drawn:
    fill, stroke = (given.get(name, "").replace("none", "") for name in ("fill", "stroke"))
    dash = tuple(map(float, given.get("stroke-dasharray", "").split()))
    paint = Drawn("", (), fill, stroke, float(given.get("stroke-width", 0)), dash)
    if tag == "polygon":
        return paint._replace(kind="polygon", points=pairs(given["points"]))
    if tag == "path":
        return svg_path(paint, given["d"])
    x, y, wide, high = (float(given.get(name, 0)) for name in ("x", "y", "width", "height"))
    radius = min(float(given.get("rx", 0)), wide / 2, high / 2)
    return paint._replace(kind="box", points=((x, y), (x + wide, y + high)), radii=(radius,))


def svg_path(paint: Drawn, path: str) -> Drawn:
    if "C" in path:
        return paint._replace(kind="curve", points=pairs(path))
    corners: list[Point] = []
    radii: list[float] = []
    for command, numbers in re.findall(r"([MLQ])([-\d. ]+)", path):
        first, *_ = pairs(numbers)
        if command == "Q":
            radii.append(abs(corners[-1][0] - first[0]) + abs(corners[-1][1] - first[1]))
            corners[-1] = first
        else:
            corners.append(first)
    return paint._replace(kind="line", points=tuple(corners), radii=tuple(radii))


def svg_text(element: ElementTree.Element) -> Drawn:
    given = element.attrib
    size = float(given["font-size"])
    return Drawn(
        "text",
        ((float(given["x"]), float(given["y"]) - 0.36 * size),),
        given["fill"],
        words=unicodedata.normalize("NFC", element.text or ""),
        size=size,
        bold=given.get("font-weight") == "bold",
        anchor=given["text-anchor"],
        upright="transform" in given,
        long=float(given["textLength"]),
    )


def pairs(text: str) -> tuple[Point, ...]:
    numbers = [float(number) for number in re.findall(NUMBER, text)]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
