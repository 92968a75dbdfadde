"""Texts that would end, open or rewrite what they are put into, and readers that say what a written file holds."""

from __future__ import annotations

import ast
import builtins
import csv
import io
import json
import re
import symtable
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from unicodedata import normalize
from xml.etree import ElementTree

from tests.tikz import MATHS, drawn_in_svg, read

CALL = "__import__('os').system('touch PWNED')"

TEXTS = (
    *(
        "plain",
        "it's",
        'say "hi"',
        '"',
        "'",
        "''",
        '""',
        "'''",
        '"""',
        '""" + 1 + """',
        '" + 1 + "',
        "a\\",
        "\\",
        "\\\\",
    ),
    *("\\n", "\\x41", "\\N{DASH}", '\\"', "\\'", "%s %d", "{}", "{0.__class__}", "{x!r}", "${HOME}", "$(ls)", "`ls`"),
    *("<b>", "</title>", "</svg>", "</desc>", "<script>alert(1)</script>", "a & b", "&amp;", "&#0;", "&lt;b&gt;"),
    *(
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?xml?>",
        "/* a */",
        "*/",
        "// a",
        "# a",
        "--",
        "---",
        "; drop",
        "%",
        "100 %",
    ),
    *("$x^2$", "_", "a_b", "~", "^", "\\input{a}", "\\end{table}", "a | b", "**a**", "*a*", "[a](b)", "![a](b)", "> a"),
    *("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|'/c calc'!A1", "a,b", "a;b", "1.0", "true", "null", "NaN", "a\tb", "a\nb"),
    *("a\rb", "a\r\nb", "\n", "\x00", "a\x0bb", "a\x0cb", "a\x1b[31mb", "\x7f", "\x85", "\x9b31m", "\u2028", "\u2029"),
    *("\u202etxt.exe", "\u2066a\u2069", "\u200fa", "\ufeffa", "\uffff", "\ud800", "é", "e\u0301", "\u0301", "日本語"),
    *("🙂", "👩\u200d👩\u200d👧", "a\N{NO-BREAK SPACE}b", "a\u200bb", "x" * 300, "word " * 200, "𝔘𝔫𝔦", "ﬁ", "Ω"),
    *(CALL, f"{{{CALL}}}", f'" + {CALL} + "', f'"""\n{CALL}\n"""', "\\N{" + CALL + "}", "eval('1')", "lambda: 0"),
)
"""All kinds: quotes, braces, escapes, markup, comments, formulas, controls, directions, letters, lengths, code."""

NAMES = (
    *("", " ", "a b", "a-b", "a.b", "1a", "01", "٣", "é", "ﬁ", "class", "None", "lambda", "__class__", "__dict__"),
    *("__init__", "_modules", "forward", "training", "a\n", "\n", "a\nb", "a'b", 'a"b', "a\\", "x" * 10_000, "a(b)"),
    *(CALL, f"a[{CALL}]", f"__dict__[{CALL}]", "a\x00", "a\u202e", "a=1", "a:", "a;b", "*a", "a#", "import os", "{a}"),
)
"""What is no name, or none of a part of a module."""

LEGAL = (
    *(
        "_",
        "_a",
        "_fields",
        "l",
        "O",
        "self",
        "cls",
        "torch",
        "nn",
        "F",
        "Tensor",
        "NamedTuple",
        "math",
        "main",
        "print",
    ),
    *("list", "input", "it", "count", "index", "super", "match", "type", "init", "args", "kwargs", "x" * 100, "Net_"),
)
"""Names that some place or other has already."""

CANARY = "PWNED"


def letters(text: str) -> str:
    """A text without its blanks: lines may be broken anywhere."""
    return "".join(text.split())


# --- readers: what stands in a file, as one text -----------------------------------------------


def in_python(text: str) -> str:
    """The strings and docstrings of a module, in which only what it defines or imports is named."""
    module = ast.parse(text)
    assert list(unknown(text)) == []
    compile(text, "net.py", "exec")
    strings = [n.value for n in ast.walk(module) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return "\n".join(strings)


def unknown(text: str) -> Iterator[str]:
    """Names that a module uses and nobody has defined, attributes that lead out of it, and calls that run text."""
    top = symtable.symtable(text, "net.py", "exec")
    defined = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    forbidden = {"eval", "exec", "compile", "getattr", "setattr", "open", "globals", "vars", "__import__"}
    tables = [top]
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if symbol.is_global() and name not in defined | ((set(dir(builtins)) | {"__name__"}) - forbidden):
                yield name
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr.startswith("__") and node.attr != "__init__":
            yield node.attr
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            known = {
                "__future__",
                "argparse",
                "collections",
                "contextlib",
                "functools",
                "keras",
                "math",
                "time",
                "torch",
                "typing",
            }
            yield from (name for name in names if name.partition(".")[0] not in known)


def in_json(text: str) -> str:
    return "\n".join(_strings(json.loads(text)))


def _strings(data: Any) -> Iterator[str]:
    match data:
        case str():
            yield data
        case list():
            for entry in data:
                yield from _strings(entry)
        case dict():
            for key, value in data.items():
                yield key
                yield from _strings(value)


def in_xml(text: str) -> str:
    root = ElementTree.fromstring(text)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    parts = [part for element in root.iter() for part in (element.text or "", *element.attrib.values())]
    return "\n".join(parts)


def in_dot(text: str) -> str:
    """Graphviz's own reader."""
    import pygraphviz

    graph = pygraphviz.AGraph(string=text)
    graphs, parts = [graph], []
    while graphs:
        one = graphs.pop()
        graphs += one.subgraphs()
        parts.append(one.graph_attr["label"] or "")
    parts += [node.attr["label"] or "" for node in graph.nodes()]
    assert not any(part.startswith("<") and part.endswith(">") for part in parts)
    return re.sub(r"\\(.)", _backslash, "\n".join(parts))


def _backslash(found: re.Match[str]) -> str:
    assert found[1] in '\\"', f"{found[0]} means something"
    return found[1]


def in_csv(text: str) -> str:
    rows = list(csv.reader(io.StringIO(text), strict=True))
    assert len({len(row) for row in rows}) == 1
    return "\n".join(cell for row in rows for cell in row)


def in_html(text: str) -> str:
    reader = _Page()
    reader.feed(text)
    reader.close()
    assert reader.tags <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "p", "div", "table", "thead", "tbody", "tfoot"),
        *("tr", "th", "td"),
    }
    return "\n".join(reader.texts)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def in_markdown(text: str) -> str:
    """The texts of GitHub's Markdown; nothing in it is code, a link, or a tag, but for the indentation."""
    from markdown_it import MarkdownIt

    texts = []
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        assert token.type not in ("html_block", "fence", "code_block", "heading_open", "hr", "blockquote_open")
        for part in token.children or ():
            assert part.type not in ("link_open", "image", "code_inline", "em_open", "html_inline"), part
            texts.append(part.content)
    return "\n".join(texts)


LATEX = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textasciigrave{}": "`",
    r"\textbar{}": "|",
    r"\allowbreak{}": "",
    "{[}": "[",
    "{*}": "*",
    "{}": "",
    r"$\times$": "×",
    **{f"$\\{name}$": sign for name, sign in MATHS.items()},
    "$<$": "<",
    "$>$": ">",
    "~": "\N{NO-BREAK SPACE}",
    **{f"\\{character}": character for character in "&%$#_{}"},
}
COMMAND = re.compile("|".join(map(re.escape, LATEX)))


def in_latex(text: str) -> str:
    """What is typeset. Only the commands of a table are in it, and its braces are in pairs."""
    plain = COMMAND.sub(lambda found: f"\0{LATEX[found[0]]}" if LATEX[found[0]] else "", text)
    known = "begin|end|caption|toprule|midrule|bottomrule|addlinespace|textbf|to|cdot|textmu|rule|hspace|leftskip|relax"
    known += "|begingroup|endgroup|fontsize|selectfont|sloppy|setlength|tabcolsep|LTcapwidth|textwidth|raggedright"
    known += "|raggedleft|arraybackslash|multicolumn|tablename|thetable|endfirsthead|endhead|endfoot|endlastfoot"
    known += "|addtocounter"
    lines = [line for line in plain.split("\n") if not line.lstrip().startswith("%")]
    commands = re.findall(r"(?<!\0)\\([A-Za-z]+)", "\n".join(lines))
    assert set(commands) <= set(known.split("|")), commands
    bare = re.sub(r"\0.", "", plain)
    assert bare.count("{") == bare.count("}")
    return plain.replace("\0", "")


def in_tikz(text: str, svg: bytes) -> str:
    """What is typeset of a figure, which is what the SVG has, and its comments; also with accents apart."""
    figure = read(text)
    words = [drawn.words for drawn in figure.drawn if drawn.kind == "text"]
    assert words == [drawn.words for drawn in drawn_in_svg(svg) if drawn.kind == "text"]
    page = "\n".join([*words, *figure.notes])
    return f"{page}\n{normalize('NFD', page)}"


def in_text(text: str) -> str:
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) is None
    return text


MERMAID = re.compile(
    r'---|title: "[^"]*"|flowchart TB|    \w+(\(\["[^"]*"\]\)|\["[^"]*"\])|    \w+ (-->|-\.->)\|"[^"]*"\| \w+', re.ASCII
)
"""The lines of a flowchart."""


def in_mermaid(text: str) -> str:
    """The texts of boxes and arrows, each in quotes on a line of the right form."""
    assert all(MERMAID.fullmatch(line) for line in text.splitlines()), text
    found = " ".join(re.findall(r'"([^"]*)"', text)).replace("<br/>", " ")
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), found)


def in_onnx(content: bytes) -> str:
    """Whatever text a model holds: names, notes, and what is known of it."""
    import onnx

    model = onnx.load_model_from_string(content)
    graph = model.graph
    named = [*graph.node, *graph.initializer, *graph.input, *graph.output, graph]
    notes = [prop.value for prop in model.metadata_props]
    return " ".join([model.doc_string, *notes, *(f"{one.name} {one.doc_string}" for one in named)])


READERS: dict[str, Callable[[Any], str]] = {
    "torch": in_python,
    "keras": in_python,
    "json": in_json,
    "onnx": in_onnx,
    "mermaid": in_mermaid,
    "dot": in_dot,
    "svg": in_xml,
    "csv": in_csv,
    "html": in_html,
    "markdown": in_markdown,
    "latex": in_latex,
    "text": in_text,
}
