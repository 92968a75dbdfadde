"""The switch with which an emitted module trains in less memory: blocks run again in the backward pass.

    model.checkpointing()  # every block keeps only its inputs; model.checkpointing(False) ends that

Blocks inside of blocks are computed again with the block around them. Recomputation must not update the running
statistics of normalizations a second time, so a file with such normalizations says how they stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from archdsl.backends.python.code import Code, Function, Line, Suite
from archdsl.backends.python.document import STEP
from archdsl.backends.python.layout import lay_out
from archdsl.backends.torch import recomputing
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.recomputing import Recomputing
from archdsl.ir.graph import Graph, Scope
from archdsl.ops.base import Module
from archdsl.ops.norm import Bn, InstanceNorm

NAMES = ("checkpoint", "nullcontext", "partial", "recomputed", "StatisticsKept", "RECOMPUTED")
"""Names that the file uses for it."""

RECOMPUTED = '''
def recomputed(block: nn.Module, run: Callable[..., Any], *values: Tensor) -> Any:
    """What `run` gives. Of it, only `values` are kept; the backward pass runs it again."""
    return checkpoint(run, *values, use_reentrant=False)
'''.strip()

WITH_STATISTICS = '''
def recomputed(block: nn.Module, run: Callable[..., Any], *values: Tensor) -> Any:
    """What `run` gives. Of it, only `values` are kept; the backward pass runs it again."""
    if torch.compiler.is_compiling():  # compiled code updates running statistics once in any case
        return checkpoint(run, *values, use_reentrant=False)
    return checkpoint(
        run,
        *values,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), StatisticsKept(MODULES)),
    )


class StatisticsKept:
    """A context in which normalizations leave their running statistics as they are."""

    def __init__(self, *modules: Any) -> None:
        parts = [part for one in modules if isinstance(one, nn.Module) for part in one.modules()]
        self.norms = [part for part in parts if isinstance(part, NORMS)]

    def __enter__(self) -> None:
        self.rates = [(norm.momentum, norm.num_batches_tracked) for norm in self.norms]
        for norm in self.norms:
            norm.momentum, norm.num_batches_tracked = 0.0, None

    def __exit__(self, *_: object) -> None:
        for norm, rate in zip(self.norms, self.rates, strict=True):
            norm.momentum, norm.num_batches_tracked = rate
'''.strip()

JOINED = '''
def joined(values: Sequence[Tensor]) -> Tensor:
    """The values side by side, as `torch.cat` gives them. They are kept in place of the result."""
    x = torch.cat(values, dim=1)
    if not torch.compiler.is_compiling():
        x.parts = [part for value in values for part in getattr(value, "parts", [value])]
    return x
'''.strip()

WHILE_COMPILING = """\
    if torch.compiler.is_compiling():
        return checkpoint(run, *values, use_reentrant=False)
"""

PARTS = """\
    groups = [getattr(value, "parts", [value]) for value in values]
    counts = [len(group) for group in groups]
    parts = [part for group in groups for part in group]
    given = [values]  # in the first pass, what is joined already

    def join_and_run(*parts: Tensor) -> Any:
        left = iter(parts)
        rows = [] if given else [[next(left) for _ in range(count)] for count in counts]
        joins = given.pop() if given else [torch.cat(row, 1) if row[1:] else row[0] for row in rows]
        return run(*joins)

"""

MANY = """\
        parts = [part for one in modules if isinstance(one, nn.Module) for part in one.modules()]
        self.norms = [part for part in parts if"""
ONE = "        self.norms = [part for part in block.modules() if"

DOC = "Let blocks keep only their inputs for training, and run again in the backward pass."


def switch(outline: Outline, done: Iterable[Construction], found: Recomputing | None) -> tuple[Function, ...]:
    """The method `checkpointing` of a network; none for a network without blocks, unless segments are `found`."""
    if found is not None:
        return (_switch(recomputing.switch_lines(), recomputing.DOC),)
    titles = block_titles(outline, done)
    return (_switch(_lines(titles), DOC),) if titles else ()


def _switch(lines: tuple[Code, ...], doc: str) -> Function:
    return Function("checkpointing", ("self", "on: bool = True"), "None", lines, doc=(doc,))


def helpers(outline: Outline, joins: bool = False) -> str:
    """What stands behind the network: the function `recomputed`, and what keeps running statistics if there are any.

    If it `joins`, concatenations are kept as their parts.
    """
    if joins:
        return f"{JOINED}\n\n\n{_with_parts(helpers(outline))}"
    norms = _norms(outline.graph)
    if not norms:
        return RECOMPUTED
    text = WITH_STATISTICS
    if any(outline.borrowed.values()):  # blocks are called with modules that are kept elsewhere
        text = text.replace("MODULES", "block, *values")
    else:
        text = text.replace("*modules: Any", "block: nn.Module").replace(MANY, ONE).replace("MODULES", "block")
    (line,) = re.findall("^ *(.*NORMS.*)$", text, re.MULTILINE)
    written = lay_out(line.replace("NORMS", " | ".join(norms)), 2)
    return text.replace(f"{STEP * 2}{line}", "\n".join(written))


def _norms(graph: Graph) -> list[str]:
    """The classes of PyTorch of normalizations that have running statistics."""
    found: set[str] = set()
    for node in graph:
        if isinstance(node.op, Bn | InstanceNorm) and node.op.track:
            made = node.op.torch(*graph.tensors_into(node.id))
            assert isinstance(made, Module)
            found.add(made.target)
    return sorted(found)


def _with_parts(text: str) -> str:
    """The function `recomputed` such that concatenations are kept as their parts."""
    short, long = "    return checkpoint(run, *values,", "    return checkpoint(\n        run,\n        *values,"
    if long in text:
        return text.replace(long, PARTS + long.replace("run", "join_and_run").replace("*values", "*parts"))
    call = short.replace("run", "join_and_run").replace("*values", "*parts")
    return text.replace(short, WHILE_COMPILING + PARTS + call)


def block_titles(outline: Outline, done: Iterable[Construction]) -> Sequence[str]:
    """The names of the classes of blocks that are not inside of other blocks."""
    return [one.title for one in done if one.body.gives and any(_is_outermost(outline, path) for path in one.body.same)]


def _is_outermost(outline: Outline, path: str) -> bool:
    scope, *around = outline.graph.ancestry(path)
    return _is_block(scope) and not any(map(_is_block, around))


def _is_block(scope: Scope) -> bool:
    return scope.parent is not None and (scope.block is not None or scope.kind == "copy")


def _lines(titles: Sequence[str]) -> tuple[Code, ...]:
    blocks = titles[0] if len(titles) == 1 else "blocks"
    named = (Line(f"blocks = ({', '.join(titles)})"),) if len(titles) > 1 else ()
    run = Line("run = partial(type(block).forward, block)")
    change = Line("block.forward = partial(recomputed, block, run) if on else run")
    return (
        *named,
        Suite("for block in self.modules():", (Suite(f"if isinstance(block, {blocks}):", (run, change)),)),
    )
