"""Writes a graph as a standalone Keras module: a function for each block, and one that makes the network.

Which scopes are one function, what their numbers are called, and in which order steps run is found as for PyTorch
(`docs/emitter.md`). Here a block becomes a function that calls layers, so that a network has layers of Keras alone.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from archdsl.backends.keras.functions import Flow, Numbers
from archdsl.backends.keras.layout import KerasOutline
from archdsl.backends.keras.weights import LOADING
from archdsl.backends.python.code import Code, Function, Line, Text
from archdsl.backends.python.write import write_module, written
from archdsl.backends.torch import refusals
from archdsl.backends.torch.blocks import argument, take_names
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.documents import block_doc, network_doc, shown
from archdsl.backends.torch.family import builder_name
from archdsl.backends.torch.names import Namespace, legal
from archdsl.backends.torch.network import result_wires
from archdsl.backends.torch.numbers import Subject
from archdsl.backends.torch.source import HELPERS, Emission
from archdsl.ir.graph import Graph, Header, Output, Scope
from archdsl.naming import snake_case

OWN = ("keras", "layers", "ops", "KerasTensor", "inputs", "load_torch", "name")
"""Names that the file itself uses."""


def keras_source(graph: Graph) -> str:
    """The text of a Python file that needs nothing but Keras. The same graph gives the same bytes.

    Its main function has the name of the network, and as arguments the settings that change only numbers. The name of
    a layer is the id of its node, with `_` in place of dots.
    """
    emission = KerasEmission(KerasOutline(graph))
    functions = list(emission.functions())
    main = emission.done[-1].title
    definitions: list[Function | Text] = [
        *(Text(support.source) for support in emission.outline.supports.values()),
        *functions,
    ]
    definitions += [Text(LOADING), Text(f'if __name__ == "__main__":\n    {main}().summary()')]
    done = [written(definition) for definition in definitions]
    text = "\n".join(definition.text for definition in done)
    helpers = [Text(inspect.getsource(own)) for own in HELPERS if re.search(rf"\b{own.__name__}\(", text)]
    helpers += [Text(refusals.definition((graph,)))] if "not_compiled(" in text else []
    imports = ["import math", ""] if "math." in text else []
    used = [own for own in ("KerasTensor", "layers", "ops") if re.search(rf"\b{own}\b", text)]
    hidden: dict[str, str] = {own: f"keras_{own}" for own in ("layers", "ops") if own in emission.numbers()}
    parts = [_with_modules(part, hidden) for part in (*helpers, *done)]
    named = [f"{own} as {hidden[own]}" if own in hidden else own for own in used]
    imports += ["import keras", f"from keras import {', '.join(named)}"]
    doc = f"{graph.header.name} from {shown(graph.header.spec)}, in Keras. Maps have their channels last."
    return write_module((doc,), imports, parts)


def _with_modules(part: Text, called: Mapping[str, str]) -> Text:
    """A part of the file with other names for modules of Keras, where numbers of the spec have their usual ones."""
    text = part.text
    for own, name in called.items():
        text = re.sub(rf"\b{own}\.(?=\w)", f"{name}.", text)
    return replace(part, text=text)


class KerasEmission(Emission):
    """Writes the functions of a graph, each after those that it calls."""

    def __init__(self, outline: KerasOutline) -> None:
        super().__init__(outline, OWN)

    def network_title(self, headers: Sequence[Header], others: Sequence[Header]) -> str:
        """The name of the function that makes the network."""
        return builder_name(headers[0])

    def block_title(self, scope: Scope) -> str:
        """The name of the function for a block, a stage or a copy."""
        return snake_case(super().block_title(scope))

    def construction(self, subject: Subject, is_recursive: bool = False) -> Construction:
        """Finds the numbers of a function. Raises `Differ` if its uses cannot be one function."""
        return Numbers(subject, is_recursive)

    def functions(self) -> Iterator[Function]:
        """The functions of all blocks and of the network."""
        self._settle_all()
        for one in sorted(self.done, key=lambda one: one.body.scope.parent is None):
            assert isinstance(one, Numbers)
            yield self._block(one) if one.body.scope.parent is not None else self._network_function(one)

    def numbers(self) -> set[str]:
        """The names of all numbers in the functions."""
        return {own for one in self.done for own in one.context.values[0]}

    def _fixed(self, one: Numbers) -> list[str]:
        """Names that no value in a function may have."""
        own = [parameter.name for parameter in (*one.constructor.parameters, *one.incoming)]
        titles = [other.title for other in self.done]
        return [*OWN, *own, *one.context.lets, *one.context.functions, *self.outline.supports, *titles]

    def _block(self, one: Numbers) -> Function:
        fixed = self._fixed(one)
        names = Namespace(fixed)
        takes = [names.unique(own) for own in take_names(self.outline, one.body)]
        flow = Flow(one, takes, one.body.gives, "{name}_", fixed)
        flow.run(flow.items)
        flow.flush()
        results = [flow.read(wire).text for wire in one.body.gives]
        lines = _with_channels(one, takes, [*one.first_lines(), *flow.lines, Line(f"return {', '.join(results)}")])
        arguments = [*(f"{own}: KerasTensor" for own in takes), *map(argument, one.constructor.parameters)]
        result = "KerasTensor" if len(results) == 1 else f"tuple[{', '.join(['KerasTensor'] * len(results))}]"
        return Function(one.title, (*arguments, "*", "name: str"), result, lines, doc=block_doc(one.body.scope))

    def _network_function(self, one: Numbers) -> Function:
        graph = self.outline.networks[one.body.scope.path]
        single = len(graph.inputs) == 1
        takes = ["inputs"] if single else [legal(node.name) for node in graph.inputs]
        flow = Flow(one, takes, result_wires(one), "", [*self._fixed(one), *takes])
        flow.run(flow.items)
        flow.flush()
        inputs = [
            Line(f'{take} = keras.Input({(*node.output.spatial, node.output.channels)}, name="{node.name}")')
            for take, node in zip(takes, graph.inputs, strict=True)
        ]
        taken = "inputs" if single else f"[{', '.join(takes)}]"
        last = Line(f'return keras.Model({taken}, {_results(flow, graph)}, name="{one.title}")')
        lines = (*one.first_lines(), *inputs, *flow.lines, last)
        return Function(
            one.title,
            tuple(map(argument, one.constructor.parameters)),
            "keras.Model",
            lines,
            doc=network_doc([graph.header]),
        )


def _results(flow: Flow, graph: Graph) -> str:
    """The outputs of a network as text: the only one, or all by name; one of several values is a list."""
    wires = {wire.value: wire for wire in flow.body.gives}

    def text(output: Output) -> str:
        found = [flow.read(wires[value]).text for value in output.values]
        return f"[{', '.join(found)}]" if output.several else found[0]

    outputs = [(output.name, text(output)) for output in graph.outputs]
    named = ", ".join(f'"{name}": {value}' for name, value in outputs)
    return outputs[0][1] if len(outputs) == 1 else f"{{{named}}}"


def _with_channels(one: Numbers, takes: Sequence[str], lines: Sequence[Code]) -> tuple[Code, ...]:
    """The lines, after those that read the channels of the inputs, where a line speaks of them."""
    probe = written(Function("probe", (), "None", tuple(lines))).text
    read = [p for p in one.incoming if re.search(rf"\b{p.name}\b", probe)]
    return (*(Line(f"{p.name} = {takes[p.place]}.shape[-1]") for p in read), *lines)
