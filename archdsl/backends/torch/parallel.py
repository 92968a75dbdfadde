"""Writes a network as a file that trains on several devices with torch.distributed.

pipeline=4   a class for each of four stages, which pass their values on
fsdp         the network's classes; each process keeps a share of the weights of each block
ddp          the network's classes; each process keeps all weights
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.analyses import totals
from archdsl.analyses.cuts import balanced
from archdsl.analyses.devices import MICROBATCHES, SAMPLES, Stage
from archdsl.backends.python.code import Function, Line, Text
from archdsl.backends.python.layout import lay_out
from archdsl.backends.python.write import written
from archdsl.backends.torch import launch
from archdsl.backends.torch.classes import Classes
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.launch import filled
from archdsl.backends.torch.outline import Form, Outline
from archdsl.backends.torch.parts import Part, Steps
from archdsl.backends.torch.plain import Forwards
from archdsl.backends.torch.slices import NUMBERED
from archdsl.backends.torch.source import Definition, Emission, module_text
from archdsl.backends.torch.stages import StageClass, staged
from archdsl.backends.torch.writing import Layout
from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.tensor import Tensor

NAMES = (
    "os dist timedelta join start_from loss sample stage together save spread numbered STAGES BLOCKS".split()
    + (
        "PipelineStage Schedule1F1B ScheduleGPipe DistributedDataParallel StateDictOptions get_model_state_dict "
        "init_device_mesh fully_shard"
    ).split()
)
"""Names that such a file itself uses."""


def parallel(graph: Graph, kind: str, stages: int = 0) -> str:
    """The source of a file that trains the graph; `stages` are those of a pipeline.

    Raises `CompileError` if the graph cannot be cut into so many.
    """
    emission = _Pipeline(graph, stages) if kind == "pipeline" else _Whole(graph, kind)
    definitions = list(emission.definitions())
    definitions += emission.program(emission.done[-1].title)
    what = {"pipeline": f"a pipeline of {stages} stages", "fsdp": "sharded by block", "ddp": "a copy in each process"}
    imports = {"pipeline": launch.PIPELINE_IMPORTS, "fsdp": launch.FSDP_IMPORTS, "ddp": launch.DDP_IMPORTS}
    return module_text(f"{graph.header.name}, {what[kind]},", (graph,), definitions, imports[kind])


def cut(steps: Steps, count: int) -> tuple[Part, ...]:
    """The `count` stages of a network whose most expensive one has fewest multiply-adds, and which send least.

    Raises `CompileError` if there are too few places to cut.
    """
    graph, header = steps.graph, steps.graph.header
    returned = [output.name for output in graph.outputs]
    if len(returned) > 1:
        raise _refused(graph, f"a pipeline ends in one value, and it returns {', '.join(returned)}", "fsdp")
    open_borders = [border for border in steps.borders if border.refused is None]
    if len(open_borders) < count - 1:
        most = len(open_borders) + 1
        other = f"pipeline={most}" if most > 1 else "fsdp"
        can = f"can be cut into {most} stages at most" if most > 1 else "cannot be cut"
        raise _refused(graph, f"{count} stages are asked for, and {header.name} {can}", other, steps)
    sent = {border.place: sum(graph.tensor(wire.value).size for wire in border.values) for border in open_borders}
    costs = [totals.macs(graph, unit.nodes) for unit in steps.units]
    return steps.parts(balanced(costs, sent, count))


def steps_of(graph: Graph) -> Steps:
    """The steps of a graph, without their code."""
    classes = Classes(Outline((graph,)))
    return Steps(classes, classes.of[""])


def stages(graph: Graph, count: int) -> tuple[Graph, tuple[Stage, ...]]:
    """The stages of a pipeline as facts, and the graph of their nodes, in which channels lie as in the code.

    Raises `CompileError` as `cut` does.
    """
    steps = steps_of(graph)
    parts = cut(steps, count)
    return steps.graph, tuple(
        Stage(part.title, part.nodes, tuple(w.value for w in part.takes), tuple(w.value for w in part.gives))
        for part in parts
    )


def blocks(graph: Graph) -> list[str]:
    """The paths of the blocks that FSDP gathers one by one."""
    return [scope.path for scope in blocks_of(Classes(Outline((graph,))))]


def blocks_of(classes: Classes) -> Iterator[Scope]:
    """The outermost scopes of a network that are modules of an own class."""
    outline = classes.outline
    pending = [""]
    while pending:
        for member in outline.members(pending.pop()):
            if not isinstance(member, Scope) or not outline.is_own(member):
                continue
            if classes.form(member) is Form.CLASS and not classes.makes_nothing(member):
                yield member
            else:
                pending.append(member.path)


class _Parallel(Emission):
    """The classes of a network, whose `forward`s call blocks as wholes: what is added to them acts on their calls."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(Outline((graph,)), NAMES)
        self.generates = False
        self.given = graph

    sampled: tuple[str, ...] = ()
    """What else is said of the samples."""

    def layout(self, forwards: Forwards) -> Layout:
        return frozenset()

    def example(self) -> Iterator[Definition]:
        """The functions that a user replaces: what a batch is, and what training makes small."""
        outputs = [self.given.tensor(value) for output in self.given.outputs for value in output.values]
        classifies = all(tensor.channels > 1 for tensor in outputs)
        function = "F.cross_entropy" if classifies else "F.mse_loss"
        targets = [_target(tensor, classifies) for tensor in outputs]
        inputs = ", ".join(map(self._drawn, self.given.inputs))
        is_one = len(self.given.outputs) == 1 and not self.given.outputs[0].several
        target = targets[0] if is_one else f"({', '.join(targets)},)"
        kind = "Tensor" if is_one else "tuple[Tensor, ...]"
        yield Function(
            "sample",
            ("batch: int", "device: torch.device | str"),
            f"tuple[tuple[Tensor, ...], {kind}]",
            (Line(f"inputs = ({inputs},)"), Line(f"target = {target}"), Line("return inputs, target")),
            doc=("Random inputs and what the network should make of them. Put your own data here.", *self.sampled),
        )
        lines = [Line(f"return {function}(output, target)")]
        if not is_one:
            flat = "[value for one in output for value in ((one,) if isinstance(one, Tensor) else one)]"
            each = f"{function}(value, wanted) for value, wanted in zip(values, target)"
            lines = [Line(f"values = {flat}"), Line(f"return sum({each})")]
        takes = (f"output: {kind}", f"target: {kind}")
        yield Function("loss", takes, "Tensor", tuple(lines), doc=("What training makes small. Put your own here.",))

    def _drawn(self, node: Node) -> str:
        """The code that draws an input at random: normal numbers, or indices of the table that reads them."""
        dims = ", ".join(map(str, node.output.dims))
        if node.output.kind != "int":
            return f"torch.randn(batch, {dims}, device=device)"
        tables = [user.op.state(*self.given.tensors_into(user.id)) for user in self.given.users(node.id)]
        sizes = [shape[0] for table in tables for shape in table.values()]
        return f"torch.randint({min(sizes, default=1)}, (batch, {dims}), device=device)"


class _Pipeline(_Parallel):
    """A class for each stage of the network, in place of its own."""

    sampled = ("", "All processes need the same samples: the first takes the inputs, the last the target.")

    def __init__(self, graph: Graph, count: int) -> None:
        super().__init__(graph)
        self.count = count
        self.parts: tuple[Part, ...] = ()
        self.staged: list[StageClass] = []

    def initialization(self) -> Function | None:
        network = self.done[-1]
        steps = Steps(self.classes, network.body)
        parts = cut(steps, self.count)
        names = [self.names.unique(f"{network.title}Stage{number}") for number in range(self.count)]
        self.staged = [StageClass(network, steps, parts, number, name) for number, name in enumerate(names)]
        whole = super().initialization()
        return None if whole is None else staged(whole, network.title, self.staged)

    def network(
        self,
        construction: Construction,
        forward: Forward,
        layout: Layout,
        initialized: bool,
        methods: Sequence[Function],
    ) -> Iterator[Definition]:
        classes = [written(stage.written(initialized)) for stage in self.staged]
        if any("numbered(" in made.text for made in classes):
            yield Text(NUMBERED)
        yield from classes

    def program(self, name: str) -> Iterator[Definition]:
        count = self.count
        words = {"network": name, "count": count, "batch": SAMPLES * count, "micro": MICROBATCHES * count}
        names = ", ".join(stage.name for stage in self.staged)
        yield Text("\n".join(lay_out(f"STAGES = ({names})", 0)))
        yield from self.example()
        yield Text(filled(launch.JOIN, count=self.count))
        yield Text(launch.START)
        yield Text(launch.PIPELINE_STAGE)
        yield Text(filled(launch.PIPELINE_MAIN, **words))


class _Whole(_Parallel):
    """The network's own class, which `kind` spreads over the processes."""

    def __init__(self, graph: Graph, kind: str) -> None:
        super().__init__(graph)
        self.kind = kind

    def program(self, name: str) -> Iterator[Definition]:
        yield from self.helpers()
        yield from self.example()
        yield Text(filled(launch.JOIN, count=2))
        yield Text(launch.START)
        titles = {id(made.body): made.title for made in self.done}
        blocks = dict.fromkeys(titles[id(self.classes.of[scope.path])] for scope in blocks_of(self.classes))
        listed = "\n".join(lay_out(f"BLOCKS = ({', '.join(blocks)}{',' * (len(blocks) == 1)})", 0))
        yield Text(filled(launch.FSDP, blocks=listed) if self.kind == "fsdp" else launch.DDP)
        how = "with its weights shared out" if self.kind == "fsdp" else "in a copy for each process"
        yield Text(filled(launch.WHOLE_MAIN, network=name, how=how, batch=SAMPLES))


def _target(tensor: Tensor, classifies: bool) -> str:
    """The code that draws what an output should be: a class at each position, or numbers."""
    if not classifies:
        return f"torch.randn(batch, {', '.join(map(str, tensor.dims))}, device=device)"
    return f"torch.randint({tensor.channels}, ({', '.join(map(str, ('batch', *tensor.spatial)))},), device=device)"


def _refused(graph: Graph, why: str, instead: str, steps: Steps | None = None) -> CompileError:
    """The error for a network that cannot be cut; `steps` has the reasons at single places. Each is said once."""
    reasons: dict[str, str] = {}
    for border in steps.borders if steps is not None else ():
        if border.refused is not None and steps is not None:
            reasons.setdefault(border.refused, steps.units[border.place].path)
    notes = tuple(Note(f"not before `{path}`, since {reason}") for reason, path in reasons.items())
    header = graph.header
    variant = f"@{header.variant}" if header.variant else ""
    return CompileError(
        [Diagnostic("cannot-cut", f"{header.spec}{variant}: {why}", notes=notes, help=f"use --parallel {instead}")]
    )
