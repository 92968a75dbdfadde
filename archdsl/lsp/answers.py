"""Answers the questions of the language server, in the child process: plain data as the protocol has it.

A question has the `uri` of a file, the texts of all open files by URI, the folders of the workspace, and the `kind` of
what is asked, with what that needs, such as a `position`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic, original
from archdsl.editing import calls, completing, hovering, naming, outline, shown
from archdsl.editing.checking import Spec, found
from archdsl.editing.fixes import Fix, fixed, fixes
from archdsl.editing.lines import LineFacts
from archdsl.lsp.positions import offset, path_of, place, position, span_range
from archdsl.resolve.model import File
from archdsl.resolve.resolve import resolve
from archdsl.source import Source, Span
from archdsl.syntax.parser import parse, with_plain_lines
from archdsl.syntax.printer import format_spec

SEVERITY = {"error": 1, "warning": 2}
KIND = {
    "op": 3,
    "function": 3,
    "block": 7,
    "network": 9,
    "value": 6,
    "argument": 10,
    "word": 12,
    "keyword": 14,
    "type": 25,
    "field": 5,
    "variant": 20,
    "stage": 6,
    "file": 17,
}
"""The protocol's numbers for kinds of completions, by ours."""

SYMBOL = {"network": 5, "block": 6, "function": 12, "parameter": 7, "variant": 22, "input": 8, "stage": 3, "output": 8}
"""The protocol's numbers for kinds of symbols, by ours."""


def answer(question: dict[str, Any]) -> Any:
    return ANSWERS[question["kind"]](Asked(question))


class Asked:
    """A question about one file, with its text and those of the other open files."""

    def __init__(self, question: dict[str, Any]) -> None:
        self.question = question
        self.uri: str = question["uri"]
        self.path = path_of(self.uri)
        texts = {path_of(uri): with_plain_lines(text) for uri, text in question["texts"].items()}
        self.texts = {path: text for path, text in texts.items() if path is not None and path != self.path}
        self.spec = Spec(with_plain_lines(question["texts"][self.uri]), self.path, self.texts)
        self.source = self.spec.source
        around = [self.path.parent, self.path.parent.parent] if self.path is not None else []
        folders = [folder for uri in question["folders"] if (folder := path_of(uri)) is not None]
        near = [place for place in around if any(place.is_relative_to(folder) for folder in folders)]
        self.folders = list(dict.fromkeys([*near, *folders])) or around

    @property
    def offset(self) -> int:
        return offset(self.source, self.question["position"])

    @cached_property
    def partial(self) -> File:
        """The file as far as it can be read."""
        return resolve(self.source, self.path.parent if self.path else None, self.texts, partial=True)

    @cached_property
    def shown(self) -> Spec:
        return shown.network_for(self.spec, self.folders)


# --- mistakes ------------------------------------------------------------------------------------


def check(asked: Asked) -> dict[str, Any]:
    """The diagnostics of a file, and the files whose changes concern it."""
    network = asked.shown
    diagnostics = shown.mistakes(asked.spec, network, asked.question["variants"])
    partial = asked.partial
    files = {*shown.reached(partial), *((network.path,) if network.path not in (None, asked.path) else ())}
    return {
        "diagnostics": [_diagnostic(original(one), asked, partial) for one in diagnostics],
        "files": sorted(str(path) for path in files if path is not None),
    }


def _diagnostic(diagnostic: Diagnostic, asked: Asked, file: File) -> dict[str, Any]:
    span, inside = _own_place(diagnostic, asked, file)
    related = [(note.text, note.span) for note in diagnostic.notes if note.span is not None]
    related += [(frame.text, frame.span) for frame in diagnostic.frames]
    related += [(diagnostic.message, diagnostic.span)] if inside and diagnostic.span is not None else []
    message = "\n".join(_message(diagnostic, f"in {diagnostic.span}: " if inside else ""))
    return {
        "range": span_range(span),
        "severity": SEVERITY[diagnostic.severity],
        "code": diagnostic.code,
        "source": "archdsl",
        "message": message,
        "relatedInformation": [
            {"location": place(where, asked.uri), "message": text} for text, where in related if where is not None
        ],
        "tags": [1] if diagnostic.code.startswith("unused") else [],
    }


def _message(diagnostic: Diagnostic, before: str) -> Iterator[str]:
    yield before + diagnostic.message + (f" ({diagnostic.label})" if diagnostic.label else "")
    yield from (note.text for note in diagnostic.notes if note.span is None)
    if diagnostic.help:
        yield f"help: {diagnostic.help}"


def _own_place(diagnostic: Diagnostic, asked: Asked, file: File) -> tuple[Span, bool]:
    """Where a diagnostic is shown in the text, and whether its own place is in another file.

    Then it is shown where the text uses what is wrong there: at the step, or else at the import.
    """
    places = [diagnostic.span, *(frame.span for frame in diagnostic.frames)]
    for number, span in enumerate(span for span in places if span is not None):
        if span.source.path == asked.path and span.source.text == asked.source.text:
            return span, number > 0
    there = diagnostic.span.source.path if diagnostic.span is not None else None
    importing = (item.span for item, path in file.imports if there is None or path == there)
    first = next(importing, file.imports[0][0].span if file.imports else Span(asked.source, 0, 0))
    return (first if there is not None else Span(asked.source, 0, 0)), there is not None


def actions(asked: Asked) -> list[dict[str, Any]]:
    """Fixes of the mistakes in a range, and one that applies all that are certain."""
    start = offset(asked.source, asked.question["range"]["start"])
    end = offset(asked.source, asked.question["range"]["end"])
    known = found(asked.spec)
    near = [one for one in known if one.span is not None and _meets(one.span, asked, start, end)]

    def tried(text: str) -> tuple[Diagnostic, ...]:
        return found(asked.spec.with_text(text))

    found_fixes = [(one, fix) for one in near for fix in fixes(one, tried)]
    made = [_action(one, fix, asked, index) for index, (one, fix) in enumerate(found_fixes)]
    if asked.question["all"]:
        made += _fix_all(asked, tried)
    return made


def _meets(span: Span, asked: Asked, start: int, end: int) -> bool:
    return span.source.text == asked.source.text and span.start <= end and start <= span.end


def _action(diagnostic: Diagnostic, fix: Fix, asked: Asked, index: int) -> dict[str, Any]:
    return {
        "title": fix.title[:1].upper() + fix.title[1:],
        "kind": "quickfix",
        "isPreferred": fix.sure,
        "diagnostics": [_diagnostic(diagnostic, asked, asked.partial)],
        "edit": {"changes": {asked.uri: [{"range": span_range(fix.span), "newText": fix.text}]}},
    }


def _fix_all(asked: Asked, tried: Callable[[str], tuple[Diagnostic, ...]]) -> list[dict[str, Any]]:
    done = fixed(asked.source.text, tried)
    if not done.steps:
        return []
    title = f"Mend {len(done.steps)} error{'s' if len(done.steps) != 1 else ''} with certain edits"
    edit = {"changes": {asked.uri: _edits(asked.source, done.text)}}
    return [{"title": title, "kind": "source.fixAll.archdsl", "edit": edit}]


# --- shapes --------------------------------------------------------------------------------------

_last: dict[str, tuple[str, list[LineFacts]]] = {}
"""By file, the last text without errors, and what stood at the ends of its lines."""


def hints(asked: Asked) -> list[dict[str, Any]]:
    """What stands at the ends of lines. While a text has errors, that of the lines above the first change stays."""
    network = asked.shown
    facts = shown.line_facts(asked.spec, network)
    if facts is not None:
        _last[asked.uri] = (asked.source.text, facts)
    elif asked.uri in _last:
        facts = shown.kept(*_last[asked.uri], asked.source.text)
    title = f"in {network.path.name}" if network.path not in (None, asked.path) and network.path else ""
    wanted = asked.question["range"]
    lines = range(wanted["start"]["line"], wanted["end"]["line"] + 1)
    return [_hint(fact, asked.source, title) for fact in facts or () if fact.line - 1 in lines]


def _hint(fact: LineFacts, source: Source, title: str) -> dict[str, Any]:
    line = source.line_starts[fact.line - 1]
    shapes = ", ".join(fact.shapes[:8]) + (" ..." if len(fact.shapes) > 8 else "")
    uses = f"{fact.uses} uses: {shapes}" if fact.uses > 1 else shapes
    costs = f"{fact.params:,} parameters, {fact.macs:,} MACs" if fact.params or fact.macs else ""
    return {
        "position": position(source, line + len(source.line(fact.line))),
        "label": fact.text,
        "paddingLeft": True,
        "tooltip": "\n".join(part for part in (title, uses, costs) if part),
    }


def hover(asked: Asked) -> dict[str, Any] | None:
    network = asked.shown
    graph = shown.graph_of(network)
    found_here = hovering.hover(asked.partial, graph, asked.offset)
    if found_here is None:
        return None
    contents = {"kind": "markdown", "value": found_here.text}
    return {"contents": contents, "range": span_range(found_here.span)}


# --- names ---------------------------------------------------------------------------------------


def definition(asked: Asked) -> dict[str, Any] | None:
    file = asked.partial
    given = naming.given_at(file, asked.offset)
    if given is not None:
        return place(given, asked.uri)
    path = naming.imported_at(file, asked.offset)
    start = {"line": 0, "character": 0}
    return {"uri": path.as_uri(), "range": {"start": start, "end": start}} if path is not None else None


def references(asked: Asked) -> list[dict[str, Any]]:
    file = asked.partial
    given = naming.given_at(file, asked.offset)
    if given is None:
        return []
    spans = naming.uses_of(given, naming.with_users(file, asked.texts, asked.folders))
    return [place(span, asked.uri) for span in spans if asked.question["declaration"] or span != given]


def prepare_rename(asked: Asked) -> dict[str, Any] | None:
    use = naming.use_at(asked.partial, asked.offset)
    return {"range": span_range(use.place), "placeholder": use.place.text} if use is not None else None


def rename(asked: Asked) -> dict[str, Any]:
    """The edits by file, or the reason why the name stays."""
    file, new = asked.partial, asked.question["name"]
    given = naming.given_at(file, asked.offset)
    if given is None:
        return {"refused": "there is no name of this spec here"}
    files = naming.with_users(file, asked.texts, asked.folders)
    spans = naming.uses_of(given, files)
    refused = naming.refusal(given, new, files) or _in_library(spans, asked)
    if refused:
        return {"refused": refused}
    changes: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        where = place(span, asked.uri)
        changes.setdefault(where["uri"], []).append({"range": where["range"], "newText": new})
    return {"changes": changes}


def _in_library(spans: list[Span], asked: Asked) -> str | None:
    """Why a name of the library stays: other specs use it. One who opens the library's own folder may change it."""
    from archdsl.resources import specs_folder

    inside = [
        span for span in spans if span.source.path is not None and span.source.path.is_relative_to(specs_folder())
    ]
    open_there = any(specs_folder().is_relative_to(folder) for folder in asked.folders)
    if not inside or open_there or (asked.path is not None and asked.path.is_relative_to(specs_folder())):
        return None
    return f"{inside[0].source.name} is of the library, which is not changed; copy it beside your spec, and import that"


# --- typing --------------------------------------------------------------------------------------


def completion(asked: Asked) -> list[dict[str, Any]]:
    items = completing.completions(asked.partial, asked.offset)
    return [
        {
            "label": item.word,
            "kind": KIND[item.kind],
            "detail": item.detail,
            "documentation": item.doc,
            "sortText": f"{number:04}",
        }
        for number, item in enumerate(items)
    ]


def signature(asked: Asked) -> dict[str, Any] | None:
    call = calls.call_at(asked.source.text, asked.offset)
    takes = calls.signature(call.name, asked.partial) if call is not None else None
    if call is None or takes is None:
        return None
    parameters = [{"label": one.label, "documentation": one.doc} for one in takes.arguments]
    active = calls.number_of(call, takes)
    described = {"label": takes.label, "documentation": takes.doc, "parameters": parameters}
    return {"signatures": [described], "activeSignature": 0, "activeParameter": active}


# --- the text as a whole -------------------------------------------------------------------------


def symbols(asked: Asked) -> list[dict[str, Any]]:
    return [_symbol(symbol) for symbol in outline.symbols(asked.source)]


def _symbol(symbol: outline.Symbol) -> dict[str, Any]:
    return {
        "name": symbol.name,
        "kind": SYMBOL.get(symbol.kind, 13),
        "detail": symbol.kind,
        "range": span_range(symbol.whole),
        "selectionRange": span_range(symbol.place),
        "children": [_symbol(part) for part in symbol.parts],
    }


def folding(asked: Asked) -> list[dict[str, Any]]:
    return [{"startLine": first - 1, "endLine": last - 1} for first, last in outline.folds(asked.source)]


def formatting(asked: Asked) -> list[dict[str, Any]] | None:
    """The edits that give a text its canonical form; None if it has errors of syntax, which are shown already."""
    try:
        return _edits(asked.source, format_spec(parse(asked.source)))
    except CompileError:
        return None


def _edits(source: Source, new: str) -> list[dict[str, Any]]:
    """The edits that lead from a text to another one, by whole lines."""
    starts = [*source.line_starts, len(source.text)]
    return [
        {"range": span_range(Span(source, starts[first], starts[min(last, len(starts) - 1)])), "newText": text}
        for first, last, text in outline.differences(source.text, new)
    ]


ANSWERS: dict[str, Callable[[Asked], Any]] = {
    "check": check,
    "actions": actions,
    "hints": hints,
    "hover": hover,
    "definition": definition,
    "references": references,
    "prepare_rename": prepare_rename,
    "rename": rename,
    "completion": completion,
    "signature": signature,
    "symbols": symbols,
    "folding": folding,
    "formatting": formatting,
}
