"""Writes a tree as its canonical text, as `archdsl fmt` does. Parsing the text gives the tree back.

Each level is indented by four spaces, and lines have at most `WIDTH` columns wherever they can be broken. Some of the
author's choices are kept: line ends before `->` and between the settings of a variant or the facts of an `expect`,
bodies on the line of their header, and single blank lines. There is one blank line between definitions. Comments stay
where they are, except that those inside brackets move above their line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.page import Page
from archdsl.syntax.phrases import (
    arrow_doc,
    clauses_doc,
    expression_doc,
    expression_text,
    merge_head,
    names_text,
    parameter_doc,
    shape_doc,
    step_doc,
    string_text,
    value_doc,
)
from archdsl.syntax.pretty import (
    INDENT,
    Aside,
    Choose,
    Doc,
    Group,
    LineBreak,
    Nest,
    bracketed,
    flat_text,
    separated,
)

__all__ = ["WIDTH", "expression_text", "format_spec"]

WIDTH = 100

Entry = tree.Assignment | tree.Expression


def format_spec(spec: tree.Spec) -> str:
    """The canonical text of a file. Formatting it again changes nothing."""
    printer = _Printer(Page(spec.source.text, spec.comments, WIDTH))
    printer.definitions(spec.items)
    return printer.page.finished()


class _Printer:
    """Writes a tree from its beginning to its end.

    In its methods, `limit` is the offset up to which comments belong to a statement: the start of the next one.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    # --- a file ----------------------------------------------------------------------------

    def definitions(
        self, items: Sequence[tree.Import | tree.Defaults | tree.Define | tree.Block | tree.Network]
    ) -> None:
        previous: object = None
        for item, limit in self.page.limits(items, len(self.page.text) + 1):
            self.page.blank_due = not (isinstance(previous, tree.Import) and isinstance(item, tree.Import))
            previous = item
            match item:
                case tree.Import():
                    self.imports(item)
                case tree.Block():
                    self.block(item, limit)
                case tree.Network():
                    self.network(item, limit)
                case _:
                    self.declaration(item, limit)

    def imports(self, item: tree.Import) -> None:
        names = separated((",", LineBreak()), (name.name for name in item.names))
        group = Group((Choose("", "("), Nest((LineBreak(""), *names)), Choose("", ","), LineBreak(""), Choose("", ")")))
        self.page.write(("from ", ".".join(item.path), " import ", group), item.span)

    def network(self, network: tree.Network, limit: int) -> None:
        self.page.write(f"network {network.name.name}:", network.span.to(network.name.span))
        with self.page.body(network.span, limit):
            self.doc(network.doc)
            for item, end in self.page.limits(network.items, limit):
                self.item(item, end)

    def block(self, block: tree.Block, limit: int) -> None:
        header: list[Doc] = [f"block {block.name.name}"]
        if block.parameters:
            header.append(bracketed("(", [parameter_doc(parameter) for parameter in block.parameters], ")"))
        if block.ports:
            rest = [f"*{block.ports.rest.name}"] if block.ports.rest else []
            header.append(" from " + ", ".join([*(name.name for name in block.ports.names), *rest]))
        last = block.ports or (block.parameters[-1] if block.parameters else block.name)
        self.body(tuple(header), block.span.to(last.span), block.body, limit, block.doc)

    def doc(self, doc: tree.String | None) -> None:
        if doc is None:
            return
        lines = f'"""{doc.value}'.split("\n")
        lines += [""] if len(lines) > 1 or doc.value.endswith('"') else []
        lines[-1] += '"""'
        blanks = " " * self.page.column
        self.page.write_lines([blanks + line if line else "" for line in lines], doc.span)

    # --- statements ------------------------------------------------------------------------

    def item(self, item: tree.Item, limit: int) -> None:
        match item:
            case tree.Chain():
                self.chain("", item, item.span, limit)
            case tree.Path(name, flow):
                self.flow(f"path {name.name}", " = ", item.span.to(name.span), flow, limit)
            case tree.Output(name, training, flow):
                kind = " training" if training else ""
                self.flow(f"output {name.name}{kind}", ": ", item.span.to(name.span), flow, limit)
            case tree.Stage():
                self.stage(item, limit)
            case tree.Repeat(count, index, body):
                named = f" as {index.name}" if index else ""
                end = (index or count).span
                self.body(("repeat ", expression_doc(count), named), item.span.to(end), body, limit)
            case tree.For(names, values, body):
                header = (f"for {names_text(names)} in ", expression_doc(values))
                self.body(header, item.span.to(values.span), body, limit)
            case tree.If():
                self.conditional(item, limit)
            case _:
                self.declaration(item, limit)

    def flow(self, header: str, before_chain: str, span: Span, flow: tree.Chain | tree.Body, limit: int) -> None:
        if isinstance(flow, tree.Chain):
            self.chain(header + before_chain, flow, span.to(flow.span), limit)
        else:
            self.page.write(f"{header}:", span)
            self.statements(flow, span, limit)

    def stage(self, stage: tree.Stage, limit: int) -> None:
        title = f" {string_text(stage.title)}" if stage.title else ""
        name = stage.name.name + (f"{{{expression_text(stage.number)}}}" if stage.number else "")
        header = stage.span.to((stage.title or stage.number or stage.name).span)
        if isinstance(stage.flow, tree.Chain):
            self.chain(f"stage {name}{title}: ", stage.flow, stage.span, limit)
        else:
            self.page.write(f"stage {name}{title}:", header)
            self.lines((*stage.defaults, *stage.flow.statements), header, limit, stage.doc)

    def conditional(self, item: tree.If, limit: int) -> None:
        bodies = [body for _, body in item.arms] + ([item.otherwise] if item.otherwise else [])
        headers: list[tuple[Doc, Span]] = []
        for i, (condition, _) in enumerate(item.arms):
            start = self.page.word("elif", bodies[i - 1].span, condition.span) if i else item.span
            headers.append((("elif " if i else "if ", expression_doc(condition)), start.to(condition.span)))
        if item.otherwise:
            headers.append(("else", self.page.word("else", bodies[-2].span, bodies[-1].span)))
        ends = [*(span.start for _, span in headers[1:]), limit]
        for (header, span), body, end in zip(headers, bodies, ends, strict=True):
            self.body(header, span, body, end)

    def body(self, header: Doc, span: Span, body: tree.Body, limit: int, doc: tree.String | None = None) -> None:
        """A header with its body: on the same line if the body is one chain that the author wrote there."""
        only = body.statements[0] if len(body.statements) == 1 and not doc else None
        if isinstance(only, tree.Chain) and not self.page.begins_line(only.span.start):
            self.chain((header, ": "), only, span.to(only.span), limit)
        else:
            self.page.write((header, ":"), span)
            self.statements(body, span, limit, doc)

    def statements(self, body: tree.Body, header: Span, limit: int, doc: tree.String | None = None) -> None:
        self.lines(body.statements, header, limit, doc)

    def lines(self, items: Sequence[tree.Item], header: Span, limit: int, doc: tree.String | None) -> None:
        with self.page.body(header, limit):
            self.doc(doc)
            for item, end in self.page.limits(items, limit):
                self.item(item, end)

    # --- chains ----------------------------------------------------------------------------

    def chain(self, prefix: Doc, chain: tree.Chain, span: Span, limit: int) -> None:
        """Writes a chain after `prefix`, and the branches of a join at its end if they are on lines of their own."""
        last = chain.steps[-1].target
        block = last if isinstance(last, tree.Merge) and not last.inline else None
        steps = [step_doc(step) for step in chain.steps]
        if block:
            steps[-1] = (merge_head(block), ":")
            end = block.op.span.end if block.op else block.span.start + len("parallel")
            span = Span(span.source, span.start, end)
        self.page.write((prefix, _steps(steps, chain.breaks, self.asides(chain))), span)
        if block:
            deeper = self.page.lines[-1].lstrip().startswith("->")
            self.page.level += deeper
            self.branches(block.branches, span, limit)
            self.page.level -= deeper

    def branches(self, branches: Sequence[tree.Branch], header: Span, limit: int) -> None:
        with self.page.body(header, limit):
            for branch, end in self.page.limits(branches, limit):
                self.chain(("| ", clauses_doc(branch.clauses)), branch.chain, branch.span, end)

    def asides(self, chain: tree.Chain) -> dict[int, list[tree.Comment]]:
        """The comments in a chain, by the step that they stand above."""
        pairs = enumerate(zip(chain.steps, chain.steps[1:], strict=False), 1)
        return {i: self.page.take(before.span.end, after.span.start) for i, (before, after) in pairs}

    # --- declarations ----------------------------------------------------------------------

    def declaration(self, item: tree.Item, limit: int) -> None:
        match item:
            case tree.Scaling(assignments):
                self.page.write("scaling:", _start(item.span))
                with self.page.body(item.span, limit):
                    for assignment in assignments:
                        self.page.write(_entry(assignment), assignment.span)
            case tree.Variants(variants):
                self.page.write("variants:", _start(item.span))
                with self.page.body(item.span, limit):
                    for variant, end in self.page.limits(variants, limit):
                        self.entries(f"{variant.name}:", variant.span, variant.assignments, ",", end)
            case tree.Defaults(calls):
                self.entries("defaults:", item.span, calls, ",", limit)
            case tree.Init(calls):
                self.entries("init:", item.span, calls, ",", limit)
            case tree.Expect(variant, facts):
                self.entries(f"expect {variant}:" if variant else "expect", item.span, facts, ";", limit)
            case _:
                self.page.write(_declaration(item), item.span)

    def entries(self, header: str, span: Span, nodes: Sequence[Entry], separator: str, limit: int) -> None:
        """Writes settings, calls or facts: beginning on the line of their header, or all on lines below it."""
        start = _start(span)
        hangs = bool(nodes) and self.page.same_line(start, nodes[0].span)
        rows = self.rows(nodes, len(header) + 1 if hangs else INDENT, separator, hangs)
        docs = [tuple(separated((f"{separator} ",), map(_entry, row))) for row in rows]
        if hangs:
            docs = [*((doc, separator) for doc in docs[:-1]), docs[-1]]
            self.page.write((header, " ", docs.pop(0)), start.to(rows.pop(0)[-1].span))
        else:
            self.page.write(header, start)
        if rows:
            with self.page.body(span, limit):
                for row, doc in zip(rows, docs, strict=True):
                    self.page.write(doc, row[0].span.to(row[-1].span))

    def rows(self, nodes: Sequence[Entry], indent: int, separator: str, hangs: bool) -> list[list[Entry]]:
        """Divides entries into lines: at the author's line ends, and where a line would be too long."""
        rows: list[list[Entry]] = []
        end = 0
        for node in nodes:
            width = len(flat_text(_entry(node)))
            closing = len(separator) if hangs and node is not nodes[-1] else 0
            joined = end + len(separator) + 1 + width
            if rows and joined + closing <= WIDTH and self.page.same_line(rows[-1][-1].span, node.span):
                rows[-1].append(node)
                end = joined
            else:
                end = self.page.column + (INDENT if rows else indent) + width
                rows.append([node])
        return rows


def _steps(steps: Sequence[Doc], breaks: Collection[int], asides: Mapping[int, Sequence[tree.Comment]]) -> Doc:
    """Writes steps, with comments at the end of a step's line or on lines above the next step."""
    docs: list[Doc] = []
    for i, step in enumerate(steps[1:], 1):
        for comment in asides.get(i, ()):
            docs.append((LineBreak(None), comment.text) if comment.own_line else Aside(f"  {comment.text}"))
        docs.append(arrow_doc(step, i in breaks))
    return steps[0], Nest(tuple(docs))


def _declaration(item: tree.Item | tree.Import) -> Doc:
    match item:
        case tree.Citation(text):
            return "source ", string_text(text)
        case tree.Input(name, shape, kind):
            form = shape_doc(shape) if isinstance(shape, tree.Shape) else expression_doc(shape)
            return f"input {name.name}: ", form, " of int" if kind == "int" else ""
        case tree.Parameter():
            return "param ", parameter_doc(item, " = ")
        case tree.Define(name, parameters, value):
            names = ", ".join(parameter.name for parameter in parameters)
            return f"def {name.name}({names}) = ", expression_doc(value)
        case tree.Require(condition, reason):
            return "require ", expression_doc(condition), " ", string_text(reason)
        case tree.Let(name, value):
            return f"let {name.name} = ", expression_doc(value)
        case tree.Shared(name, value):
            return f"shared {name.name} = ", expression_doc(value)
        case tree.Learned(name, shape, start):
            form = shape_doc(shape) if isinstance(shape, tree.Shape) else expression_doc(shape)
            return f"learned {name.name}: ", form, *((" = ", expression_doc(start)) if start else ())
        case tree.Return(values):
            return "return ", *separated((", ",), map(value_doc, values))
        case _:
            raise AssertionError(f"no text for {type(item).__name__}")


def _entry(node: Entry) -> Doc:
    if isinstance(node, tree.Assignment):
        return node.name.name, " = ", expression_doc(node.value)
    return expression_doc(node)


def _start(span: Span) -> Span:
    return Span(span.source, span.start, span.start)
