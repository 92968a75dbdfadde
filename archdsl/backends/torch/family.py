"""The parts of a file for several variants of a network: names of their classes, and a function that makes each.

    def resnet50(channels: int = 3, classes: int = 1000) -> ResNet:
        return ResNet(layers=(3, 4, 6, 3), channels=channels, classes=classes)

Variants are one class if only numbers differ. These are arguments of the class, and the function passes them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from archdsl.backends.python.code import Function, Line, Text
from archdsl.backends.python.layout import lay_out, text_of
from archdsl.backends.python.names import camel_case
from archdsl.backends.torch.blocks import argument
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.documents import variant_doc
from archdsl.backends.torch.names import legal
from archdsl.backends.torch.settings import Settings
from archdsl.formula import formula_of, name, same
from archdsl.ir.graph import Header

MOST_NAMED = 3
"""The most variants whose names make up the name of their class."""

TABLE = "NETWORKS"
"""The name of the dictionary of functions in the file."""


def class_name(headers: Sequence[Header], others: Sequence[Header]) -> str:
    """The name of the class of these variants; `others` are the variants of the family with other classes.

    It ends in the settings that are words and that the others do not have (`ResNetBottleneck`), or in the names of its
    variants.
    """
    first = headers[0]
    if not others:
        return camel_case(first.name)
    if len(headers) == 1:
        return camel_case(joined(first.name, first.variant or ""))
    words = [setting for setting in first.settings if isinstance(setting.value, str)]
    own = [word for word in words if all(word not in other.settings for other in others)]
    variants = [header.variant or "" for header in headers]
    parts = [str(word.value) for word in own] or (variants if len(variants) <= MOST_NAMED else [])
    return camel_case("_".join([first.name, *parts]))


def builder_name(header: Header) -> str:
    """The name of the function that makes a variant: `resnet50`, `efficientnet_b0`."""
    spec = PurePath(header.spec).stem
    network = spec if spec.isidentifier() else header.name
    return legal(joined(network.lower(), (header.variant or "").lower()))


def joined(network: str, variant: str) -> str:
    """The name of a network and that of a variant, joined: `ResNet50`, `EfficientNet_b0`, `CifarNet10_20`."""
    close = variant[:1].isdigit() and not network[-1:].isdigit()
    return f"{network}{variant}" if close else f"{network}_{variant}".strip("_")


def builders(construction: Construction, names: Mapping[str, str], settings: Settings) -> Iterator[Function]:
    """The function for each variant of this class; `names` has the functions' names, by the path of the network."""
    stay_open = settings.open.union(construction.context.channel_names)
    for scope in construction.body.uses:
        values = construction.constructor.values[scope.path]
        arguments: list[str] = []
        passed: list[ast.keyword] = []
        for parameter in construction.constructor.parameters:
            value = values[parameter.name]
            if parameter.name in stay_open:
                arguments.append(argument(replace(parameter, default=value)))
                passed.append(ast.keyword(parameter.name, name(parameter.name)))
            elif not same(value, parameter.default):
                passed.append(ast.keyword(parameter.name, formula_of(value)))
        made = text_of(ast.Call(name(construction.title), [], passed))
        doc = variant_doc(construction.outline.networks[scope.path].header)
        yield Function(names[scope.path], tuple(arguments), construction.title, (Line(f"return {made}"),), doc=doc)


def table(names: Iterable[str]) -> Text:
    """The dictionary of functions, by their names."""
    rows = ", ".join(f'"{builder}": {builder}' for builder in names)
    return Text("\n".join(lay_out(f"{TABLE}: dict[str, Callable[..., nn.Module]] = {{{rows}}}", 0)))
