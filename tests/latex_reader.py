"""A strict reader of the LaTeX that tables are written in: it accepts only what it knows, and gives back the texts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SYMBOLS = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciigrave{}": "`",
    r"\textasciicircum{}": "^",
    r"\textbar{}": "|",
    r"\textmu{}": "µ",
    r"$<$": "<",
    r"$>$": ">",
    r"$-$": "−",
    r"$\times$": "×",
    r"$\to$": "→",
    r"$\cdot$": "·",
    r"$\varphi$": "φ",
    r"$\alpha$": "α",
    r"$\beta$": "β",
    r"$\gamma$": "γ",
    r"$\lfloor$": "⌊",
    r"$\rfloor$": "⌋",
    r"$\lceil$": "⌈",
    r"$\rceil$": "⌉",
    r"\allowbreak{}": "",
    "{[}": "[",
    "{*}": "*",
    "--": "–",
    "~": "\N{NO-BREAK SPACE}",
    **{f"\\{letter}": letter for letter in "&%$#_{}"},
}
TOKEN = re.compile("|".join(map(re.escape, sorted(SYMBOLS, key=len, reverse=True))) + r"|[^\\&%$#_{}~^|<>]")
COLUMN = re.compile(r"l|r|>\{\\ragged(?:right|left)\\arraybackslash\}p\{([\d.]+)pt\}")
NESTED = re.compile(
    r"\\begin\{tabular\}\[t\]\{@\{\}(?:l|>\{\\raggedright\\arraybackslash\}p\{[\d.]+pt\})@\{\}\}(.*)\\end\{tabular\}"
)
HEADS = (r"\endfirsthead", r"\endhead", r"\endfoot", r"\endlastfoot")
RULES = (r"\toprule", r"\midrule", r"\bottomrule", r"\addlinespace")


@dataclass
class Cell:
    """A cell: its text, its indentation in points, and whether it is bold or a line to write on."""

    text: str
    indent: float = 0
    bold: bool = False
    line: float = 0


@dataclass
class Panel:
    """A `longtable`: the widths to which its columns are wrapped (None for l and r), its caption and its rows.

    `numbers`: whether each column is aligned to the right.
    """

    widths: list[float | None]
    numbers: list[bool]
    caption: str = ""
    heads: dict[str, list[list[Cell]]] = field(default_factory=dict)
    rows: list[list[Cell]] = field(default_factory=list)


@dataclass
class Read:
    size: int
    gap: float
    panels: list[Panel]


def text_of(latex: str) -> str:
    """The text that LaTeX shows. Fails at anything that is not an ordinary letter or a known sign."""
    found, place = [], 0
    while place < len(latex):
        token = TOKEN.match(latex, place)
        assert token, f"not escaped: {latex[place : place + 20]!r} in {latex!r}"
        found.append(SYMBOLS.get(token[0], token[0]))
        place = token.end()
    return "".join(found)


def read(latex: str) -> Read:
    """What a written table says."""
    lines = [line.strip() for line in latex.splitlines() if not line.lstrip().startswith("%")]
    assert lines[0] == r"\begingroup"
    assert lines[-1] == r"\endgroup"
    size = re.fullmatch(r"\\fontsize\{(\d+)\}\{\d+\}\\selectfont\\sloppy", lines[1])
    gap = re.fullmatch(r"\\setlength\\tabcolsep\{([\d.]+)pt\}\\setlength\\LTcapwidth\{\\textwidth\}", lines[2])
    assert size
    assert gap
    panels, rest = [], lines[3:-1]
    while rest:
        end = rest.index(r"\end{longtable}")
        panels.append(_panel(rest[:end]))
        rest = rest[end + 1 :]
        if rest and rest[0] == r"\addtocounter{table}{-1}":
            rest = rest[1:]
    return Read(int(size[1]), 2 * float(gap[1]), panels)


def _panel(lines: list[str]) -> Panel:
    begin = re.fullmatch(r"\\begin\{longtable\}\{@\{\}(.*)@\{\}\}", lines[0])
    assert begin, lines[0]
    assert COLUMN.sub("", begin[1]) == ""
    columns = list(COLUMN.finditer(begin[1]))
    panel = Panel([float(c[1]) if c[1] else None for c in columns], [c[0] == "r" or "left" in c[0] for c in columns])
    pending: list[list[Cell]] = []
    for line in lines[1:]:
        if line.startswith(r"\caption["):
            caption = re.fullmatch(r"\\caption\[(.*?)\]\{(.*)\}\\\\", line)
            assert caption, line
            panel.caption = text_of(caption[2])
        elif line in HEADS:
            panel.heads[line], pending = pending, []
        elif line.startswith(r"\multicolumn"):
            assert re.fullmatch(rf"\\multicolumn\{{{len(panel.widths)}\}}\{{@\{{\}}[lr]@\{{\}}\}}\{{.*\}}\\\\", line)
        elif line not in RULES:
            assert line.endswith(r" \\"), line
            cells = [_cell(cell.strip(" ")) for cell in re.split(r"(?<!\\)&", line.removesuffix(r" \\"))]
            assert len(cells) == len(panel.widths), line
            pending.append(cells)
    assert list(panel.heads) == list(HEADS)
    panel.rows = pending
    return panel


def _cell(latex: str) -> Cell:
    if line := re.fullmatch(r"\\rule\{0pt\}\{[\d.]+pt\}\\rule\{([\d.]+)pt\}\{0.4pt\}", latex):
        return Cell("", line=float(line[1]))
    indent = re.match(r"\\hspace\*\{(\d+)pt\}|\\leftskip(\d+)pt\\relax ", latex)
    points = float(indent[1] or indent[2]) if indent else 0
    inner = latex[indent.end() if indent else 0 :]
    bold = re.fullmatch(r"\\textbf\{(.*)\}", inner)
    inner = bold[1] if bold else inner
    nested = NESTED.fullmatch(inner)
    lines = nested[1].split(r" \\ ") if nested else [inner]
    assert not any(line.startswith(("[", "*")) for line in lines), "read as an argument of the command before it"
    return Cell("\n".join(map(text_of, lines)), points, bool(bold))
