"""Registers a network with timm: `timm.create_model("arch_resnet50", num_classes=10)`.

timm calls a classifier's arguments `num_classes` and `in_chans`, and asks a network for its classifier and its
features. The names that are registered begin with `arch_`, since timm has names such as `resnet50` for its own
networks, which a second registration would replace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archdsl.backends.python.code import Code, Function, Line, Suite, Text
from archdsl.backends.python.layout import lay_out
from archdsl.backends.python.write import written
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.documents import variant_doc
from archdsl.backends.torch.head import refused
from archdsl.backends.torch.network import network_of
from archdsl.backends.torch.published import first_convolutions, last_layers
from archdsl.backends.torch.references import module_text
from archdsl.ir.graph import Graph, Node

IMPORT = "from timm.models import build_model_with_cfg, generate_default_cfgs, register_model"

NAMES = ("build_model_with_cfg", "generate_default_cfgs", "register_model", "default_cfgs")
"""Names that the file uses for it."""

PREFIX = "arch_"


def lines(construction: Construction) -> Iterator[Line]:
    """Lines of the constructor: the numbers that timm asks for, and `reset_classifier` needs."""
    text = classifier_text(construction)
    yield Line(f"self.num_classes = {text}.out_features")
    yield Line(f"self.head_hidden_size = {text}.in_features")


def methods(construction: Construction) -> Iterator[Function]:
    """`get_classifier`, `reset_classifier`, and `forward_intermediates`, which timm's wrapper for features calls."""
    text = classifier_text(construction)
    yield Function("get_classifier", ("self",), "nn.Module", (Line(f"return {text}"),))
    reset = (
        Line("self.num_classes = num_classes"),
        Line("layer = nn.Linear(self.head_hidden_size, num_classes) if num_classes else nn.Identity()"),
        Line(f"{text} = layer"),
    )
    doc = ("Replace the last layer by one for other classes; for none, the network ends before it.",)
    arguments = ("self", "num_classes: int", "global_pool: str | None = None")
    yield Function("reset_classifier", arguments, "None", reset, doc=doc)
    yield Function("forward_intermediates", INTERMEDIATES, RESULT, _INTERMEDIATES, doc=(_DOC,))


INTERMEDIATES = (
    "self",
    "x: Tensor",
    "indices: int | Sequence[int] | None = None",
    "norm: bool = False",
    "stop_early: bool = False",
    'output_fmt: str = "NCHW"',
    "intermediates_only: bool = False",
)

RESULT = "list[Tensor] | tuple[Tensor, list[Tensor]]"

_DOC = "What timm's `features_only` calls: the outputs of stages, and with them that of the last."

_INTERMEDIATES = (
    Line("features = self.forward_stages(x)"),
    Line("chosen = features[-indices:] if isinstance(indices, int) else features"),
    Suite("if isinstance(indices, Sequence):", (Line("chosen = [features[index] for index in indices]"),)),
    Line("return chosen if intermediates_only else (features[-1], chosen)"),
)


def classifier_text(construction: Construction) -> str:
    """`self.head.linear`: the last layer of a classifier. Raises `CompileError` for other networks."""
    node = classifier(network_of(construction))
    return module_text(construction.outline, construction.body.scope.path, node.weights)


def classifier(graph: Graph) -> Node:
    """The last layer, a linear one, of a network that takes an image. Raises `CompileError` for other networks."""
    if [node.output.rank for node in graph.inputs] != [3]:
        raise refused(graph, "timm registers networks that take one image, and nothing else")
    last = [node for node in last_layers(graph) if node.id not in graph.training_only]
    if len(last) != 1 or last[0].op.name != "linear" or last[0].output.rank != 1:
        found = " and ".join(f"`{node.op.name}`" for node in last) or "no layer with weights"
        raise refused(graph, f"timm registers classifiers, whose last layer is linear; here it is {found}")
    return last[0]


def registered(
    graph: Graph, construction: Construction, makes: str, named: str, stages: int
) -> Iterator[Text | Function]:
    """The functions that make a network for timm. `makes` is the class or function that makes it, `named` its name.

    `stages` is the number of its stages that are features.
    """
    made = f"make_{named}"
    classes = graph.tensor(graph.outputs[0].values[0]).channels
    channels = graph.inputs[0].output.channels
    arguments = (f"num_classes: int = {classes}", f"in_chans: int = {channels}", "**settings: Any")
    doc = ("The network with timm's names for its arguments; without classes, it ends before its last layer.",)
    yield Function(made, arguments, construction.title, tuple(_makes(graph, construction, makes)), doc=doc)
    indices = ", ".join(map(str, range(stages)))
    call = f'build_model_with_cfg({made}, "{PREFIX}{named}", pretrained, feature_cfg=features, **settings)'
    lines = (
        Line(f'features = {{"feature_cls": "getter", "out_indices": ({indices},)}}'),
        Line(f"return {call}"),
    )
    function = Function(
        f"{PREFIX}{named}",
        ("pretrained: bool = False", "**settings: Any"),
        "nn.Module",
        lines,
        doc=variant_doc(graph.header),
    )
    yield Text(f"@register_model\n{written(function).text}")


def _makes(graph: Graph, construction: Construction, makes: str) -> Iterator[Code]:
    taken = {parameter.name for parameter in construction.constructor.parameters}
    classes = graph.tensor(graph.outputs[0].values[0]).channels
    given = [f"classes=num_classes or {classes}"] if "classes" in taken else []
    given += ["channels=in_chans"] if "channels" in taken else []
    if "channels" not in taken:
        channels = graph.inputs[0].output.channels
        text = f'raise ValueError(f"{construction.title} takes {channels} channels, and not {{in_chans}}")'
        yield Suite(f"if in_chans != {channels}:", (Line(text),))
    yield Line(f"model = {makes}({', '.join([*given, '**settings'])})")
    yield Suite("if num_classes != model.num_classes:", (Line("model.reset_classifier(num_classes)"),))
    yield Line("return model")


def configurations(rows: Mapping[str, tuple[Graph, Construction]]) -> Text:
    """`default_cfgs`: what timm knows of each network, by the name of the function that makes it."""
    entries = ", ".join(f'"{PREFIX}{named}": {{{", ".join(_facts(*row))}}}' for named, row in rows.items())
    return Text("\n".join(lay_out(f"default_cfgs = generate_default_cfgs({{{entries}}})", 0)))


def _facts(graph: Graph, construction: Construction) -> Iterator[str]:
    yield f'"num_classes": {classifier(graph).output.channels}'
    yield f'"input_size": {graph.inputs[0].output.dims}'
    first = first_convolutions(graph)
    prefix = construction.body.scope.path
    yield from (f'"first_conv": "{_below(first[0].weights, prefix)}"',) if len(first) == 1 else ()
    yield f'"classifier": "{_below(classifier(graph).weights, prefix)}"'


def _below(path: str, root: str) -> str:
    return path.partition(".")[2] if root else path
