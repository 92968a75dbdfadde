"""What holds of every text that is given to the compiler: it is answered, in time, and what is accepted is sound."""

from __future__ import annotations

import ast
import re
import time
from collections import Counter
from xml.etree import ElementTree

from archdsl.backends.figures import draw
from archdsl.diagnostics import CompileError
from archdsl.driver import Compiled, compile_network
from archdsl.ir.graph import Graph
from archdsl.ir.serialize import from_json, to_json
from archdsl.limits import SHOWN
from archdsl.outputs import written
from archdsl.report import render_text
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.syntax.parser import parse, source_of
from archdsl.syntax.printer import format_spec

SECONDS = 10.0
"""CPU time in which any text is answered."""

SMALL = 400
"""Nodes of a network of which everything is written."""

ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
"""Characters that no message shows."""


class Broken(AssertionError):
    """A property that does not hold."""


def check(text: str, counts: Counter[str]) -> None:
    """Raises `Broken`, or whatever the compiler raises that is no `CompileError`."""
    compiled = answered(text, counts)
    if compiled is not None and len(compiled.graph) <= SMALL:
        counts["written"] += 1
        sound(compiled.graph, counts)


def answered(text: str, counts: Counter[str]) -> Compiled | None:
    """The network, or None where the compiler says why not."""
    counts["texts"] += 1
    start = time.process_time()
    try:
        source = source_of(text.encode(errors="surrogatepass"), "mutant.arch")
        tree = parse(source)
        read = time.process_time() - start
        once = format_spec(tree)
        in_time(start)
        reformatted(once)
        counts["parsed"] += 1
        start = time.process_time() - read  # what is parsed already is not parsed again
        compiled = compile_network(resolve(source, specs_folder()))
        render_text(compiled.warnings)
    except CompileError as error:
        told(error)
        return None
    finally:
        in_time(start)
    return compiled


def in_time(start: float) -> None:
    """What one command does, to format a text or to compile it, takes no longer than it may."""
    spent = time.process_time() - start
    if spent > SECONDS:
        raise Broken(f"the answer took {spent:.1f} s of CPU")


def reformatted(once: str) -> None:
    """What was formatted can be read, and formatting it changes nothing."""
    try:
        again = format_spec(parse(source_of(once.encode(), "mutant.arch")))
    except CompileError as error:
        raise Broken(f"what was formatted cannot be read: {error}") from error
    if again != once:
        raise Broken("formatting twice is not formatting once")


def told(error: CompileError) -> None:
    """An error has something to say, not too much, and nothing that rewrites a terminal."""
    files = Counter(one.span.source.name if one.span else "" for one in error.diagnostics)
    if not error.diagnostics or max(files.values()) > SHOWN + 2:
        raise Broken(f"{len(error.diagnostics)} diagnostics")
    text = render_text(error.diagnostics)
    if ODD.search(text):
        raise Broken(f"a message shows {ODD.search(text)}")
    for one in error.diagnostics:
        if not one.message or "Error" in one.message or "Traceback" in text:
            raise Broken(f"a message says {one.message!r}")


def sound(graph: Graph, counts: Counter[str]) -> None:
    """What is written of a network can be read by those who read such files."""
    if from_json(to_json(graph)) != graph:
        raise Broken("the graph is not what was written")
    ElementTree.fromstring(draw(graph, "overview", "svg"))
    try:
        ast.parse(written(graph, "torch"))
        counts["modules"] += 1
    except CompileError as error:
        told(error)
