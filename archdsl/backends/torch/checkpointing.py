"""The switch with which an emitted module trains in less memory: blocks run again in the backward pass.

    model.checkpointing()  # every block keeps only its inputs; model.checkpointing(False) ends that

Blocks inside of blocks are computed again with the block around them. Recomputation must not update the running
statistics of normalizations a second time, so a file with such normalizations says how they stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archdsl.backends.python.code import Code, Function, Line, Suite
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.outline import Outline
from archdsl.ir.graph import Scope

NAMES = ("checkpoint", "contextmanager", "nullcontext", "partial", "recomputed", "statistics_kept")
"""Names that the file uses for it."""

RECOMPUTED = '''
def recomputed(block: nn.Module, method: str, *values: Tensor) -> Any:
    """What a method gives. Of it, only `values` are kept; the backward pass runs it again."""
    run = partial(getattr(type(block), method), block)
    return checkpoint(run, *values, use_reentrant=False)
'''.strip()

WITH_STATISTICS = '''
def recomputed(block: nn.Module, method: str, *values: Tensor) -> Any:
    """What a method gives. Of it, only `values` are kept; the backward pass runs it again."""
    run = partial(getattr(type(block), method), block)
    if torch.compiler.is_compiling():  # compiled code updates running statistics once in any case
        return checkpoint(run, *values, use_reentrant=False)
    return checkpoint(
        run,
        *values,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), statistics_kept(MODULES)),
    )


@contextmanager
def statistics_kept(*modules: Any) -> Iterator[None]:
    """A context in which normalizations leave their running statistics as they are."""
    parts = [part for module in modules for part in module.modules()]
    norms = [part for part in parts if getattr(part, "track_running_stats", False)]
    rates = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, rate in zip(norms, rates, strict=True):
            norm.momentum, norm.num_batches_tracked = rate
'''.strip()

MANY = """\
    parts = [part for module in modules for part in module.modules()]
    norms = [part for part in parts if"""
ONE = "    norms = [part for part in block.modules() if"

DOC = "Let blocks keep only their inputs for training, and run again in the backward pass."


def switch(outline: Outline, done: Iterable[Construction]) -> tuple[Function, ...]:
    """The method `checkpointing` of a network; none for a network without blocks."""
    titles = block_titles(outline, done)
    if not titles:
        return ()
    return (Function("checkpointing", ("self", "on: bool = True"), "None", _lines(titles), doc=(DOC,)),)


def helpers(outline: Outline) -> str:
    """What stands behind the network: the function `recomputed`, and what keeps running statistics if there are any."""
    if not any(getattr(node.op, "track", False) for node in outline.graph):
        return RECOMPUTED
    if any(outline.borrowed.values()):  # blocks are called with modules that are kept elsewhere
        return WITH_STATISTICS.replace("MODULES", "block, *(v for v in values if isinstance(v, nn.Module))")
    return WITH_STATISTICS.replace("*modules: Any", "block: nn.Module").replace(MANY, ONE).replace("MODULES", "block")


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
    on = Suite("if on:", (Line('block.forward = partial(recomputed, block, "forward")'),))
    off = Line('block.__dict__.pop("forward", None)')
    return (
        *named,
        Suite("for block in self.modules():", (Suite(f"if isinstance(block, {blocks}):", (off, on)),)),
    )
