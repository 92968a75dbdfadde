"""Writes a graph as the source of a standalone PyTorch module: its classes, each after those that it uses."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from archdsl import formula
from archdsl.analyses.budget import Outcome
from archdsl.backends.python.code import Class, Function, Text
from archdsl.backends.python.names import camel_case
from archdsl.backends.python.write import write_module, written
from archdsl.backends.torch import refusals, timm
from archdsl.backends.torch.blocks import block_class, finish_block, take_names
from archdsl.backends.torch.bodies import Body, Differ, If, Item
from archdsl.backends.torch.checkpointing import NAMES as CHECKPOINTING
from archdsl.backends.torch.checkpointing import block_titles, helpers, switch
from archdsl.backends.torch.classes import Classes
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.documents import network_doc, shown
from archdsl.backends.torch.extras import NONE, Extras
from archdsl.backends.torch.family import TABLE, builder_name, builders, class_name, table
from archdsl.backends.torch.features import Stage
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.further import Furthering, extra_names
from archdsl.backends.torch.generation import CACHE, GENERATE, generates
from archdsl.backends.torch.holding import lay_out
from archdsl.backends.torch.initialize import initialization
from archdsl.backends.torch.names import MODULE_NAMES, Namespace
from archdsl.backends.torch.network import finish_network, input_names, network_classes, result_names, result_wires
from archdsl.backends.torch.numbers import Subject
from archdsl.backends.torch.outline import Form, Member, Outline
from archdsl.backends.torch.plain import Forwards
from archdsl.backends.torch.program import family_program, main_program
from archdsl.backends.torch.recomputing import Recomputing
from archdsl.backends.torch.segments import Cut, Segmented, shortened
from archdsl.backends.torch.settings import asks_for_channels, settings_of
from archdsl.backends.torch.starts import differing
from archdsl.backends.torch.writing import Layout
from archdsl.ir.graph import Graph, Header, Scope

Definition = Class | Function | Text

LONGEST_SETTLING = 6
"""The most times that a block which contains itself is written until its parameters stay the same."""


class Emitted(NamedTuple):
    """The text of a module, the name of its main class, and what its training takes if a budget was asked for."""

    text: str
    name: str
    outcome: Outcome | None = None


def source(graph: Graph) -> str:
    """The text of a Python file that needs nothing but torch. The same graph gives the same bytes.

    Its main class has the name of the network, and as arguments the settings that change only numbers. In the state
    dict, the names of a node's parameters begin with the node's id.
    """
    return emit(graph).text


def family_source(graphs: Sequence[Graph], extras: Extras = NONE) -> str:
    """The text of one Python file for variants of a network: their classes, and for each a function that makes it.

    Classes that several variants share are written once. The graphs must be compiled from one spec.
    """
    outline = Outline(graphs)
    names = Namespace((TABLE,))
    functions = {path: names.unique(builder_name(graph.header)) for path, graph in outline.networks.items()}
    emission = Emission(outline, (TABLE, *functions.values()), extras)
    definitions = list(emission.definitions())
    for construction in emission.done:
        if construction.body.scope.parent is None:
            definitions += builders(construction, functions, emission.settings)
    definitions += emission.registered(functions)
    definitions += emission.helpers()
    title = graphs[0].header.name
    definitions += [
        table(functions.values()),
        family_program({functions[path]: graph for path, graph in outline.networks.items()}, f"a {title}", TABLE),
    ]
    return module_text(f"Variants of {title}", graphs, definitions, emission.imports)


def emit(graph: Graph, extras: Extras = NONE) -> Emitted:
    """The source of a graph, with the name of the network's class.

    Raises `CompileError` if the network has not what `extras` asks for, such as a head.
    """
    emission = Emission(Outline((graph,)), extras=extras)
    definitions = list(emission.definitions())
    name = emission.done[-1].title
    definitions += [Text(GENERATE)] if emission.generates else []
    definitions += emission.registered({"": builder_name(graph.header)}, name)
    definitions += emission.helpers()
    definitions.append(main_program(graph, name, emission.generates))
    what = f"{graph.header.name} for inference" if extras.inference else graph.header.name
    text = module_text(what, (graph,), definitions, emission.imports)
    return Emitted(text, name, emission.recomputing.outcome if emission.recomputing else None)


class Emission:
    """Writes the constructors of a graph's classes, each after those of the classes that it holds."""

    def __init__(self, outline: Outline, reserved: Sequence[str] = (), extras: Extras = NONE) -> None:
        self.outline, self.extras = outline, extras
        self.imports: list[str] = []
        """Lines that import what the extras use."""
        self.recomputing: Recomputing | None = None
        """What runs again in the backward pass, if a budget is asked for."""
        self.stages: dict[str, tuple[Stage, ...]] = {}
        """By the class of a network: the stages that are its features, if these are asked for."""
        for node in outline.graph:
            if node.op.name != "input":
                outline.emission(node)  # notes its definitions, in the order of the nodes
        self.classes = Classes(outline)
        self.settings = settings_of(outline)
        self.generates = len(outline.networks) == 1 and generates(outline.networks[""])
        generating = ("Cache", "generate") if self.generates else ()
        self.reserved = (*MODULE_NAMES, *CHECKPOINTING, *reserved, *generating, *extra_names(extras))
        self._begin()

    def _begin(self, kept: Sequence[Construction] = ()) -> None:
        self.known = tuple(self.outline.supports)
        self.names = Namespace((*self.reserved, *self.known, *(construction.title for construction in kept)))
        found = [self.classes.of[path] for path in self.outline.networks]
        self.networks = list({id(body): body for body in found}.values())
        self.titles = {id(body): self._title(body) for body in self.networks}
        self.made = {id(construction.body): construction.constructor for construction in kept}
        self.done = list(kept)

    def _title(self, body: Body) -> str:
        """The name of a network's class. Reserves the names of the tuples that it returns, too."""
        headers = [self._network(scope).header for scope in body.uses]
        others = [self._network(scope).header for other in self.networks if other is not body for scope in other.uses]
        title = self.names.unique(self.network_title(headers, others))
        for name in sorted({name for name in result_names(self._network(body.scope), title) if name}):
            self.names.unique(name)
        return title

    def network_title(self, headers: Sequence[Header], others: Sequence[Header]) -> str:
        """What the class of networks with these headers is called, beside networks with other ones."""
        return class_name(headers, others)

    def block_title(self, scope: Scope) -> str:
        """What the class of a block, a stage or a copy is called."""
        return base_name(self.outline, scope)

    def construction(self, subject: Subject, is_recursive: bool = False) -> Construction:
        """Writes the constructor of a class. Raises `Differ` if its uses cannot be one class."""
        return Construction(subject, is_recursive)

    def _network(self, scope: Scope) -> Graph:
        return self.outline.networks[scope.path]

    def definitions(self) -> Iterator[Definition]:
        """The definitions that the classes need, then the classes."""
        self._settle_all()
        initialize = self.initialization()
        words = {id(construction.body): construction for construction in self.done}
        forwards = Forwards(lambda body: words[id(body)])
        layout = self.layout(forwards)
        cached = self.generates
        yield from (Text(CACHE),) if cached else ()
        supports = self.outline.supports.values()
        yield from (Text(support.cached if cached and support.cached else support.source) for support in supports)
        yield from (initialize,) if initialize else ()
        self.recomputing = self._recomputing(layout)
        for construction in sorted(self.done, key=lambda construction: construction.body.scope.parent is None):
            body = construction.body
            if body.scope.parent is None:
                forward, methods = self._forward(construction, forwards, layout)
                assert forward is not None
                yield from self.network(construction, forward, layout, initialize is not None, methods)
            else:
                yield block_class(construction, *self._forward(construction, forwards, layout))

    def _recomputing(self, layout: Layout) -> Recomputing | None:
        """What runs again in the backward pass, if a budget is asked for."""
        if self.extras.budget is None:
            return None

        def write(one: Construction, cuts: Sequence[Cut]) -> Segmented:
            return segmented(one, layout, cuts)

        found = Recomputing(self.outline, self.done, write, self.extras.budget)
        found.mark()
        return found

    def _forward(
        self, construction: Construction, forwards: Forwards, layout: Layout
    ) -> tuple[Forward | None, Sequence[Function]]:
        """The `forward` of a class, and the methods that it calls; None if the class gives nothing."""
        body = construction.body
        if self.recomputing is None or not body.gives or not self.recomputing.changes(construction):
            return (forwards.written(body, layout) if body.gives else None), ()
        cuts = self.recomputing.cuts.get(id(body), ())
        finish = finish_network if body.scope.parent is None else finish_block
        forward = finish(segmented(construction, layout, cuts))
        forward.lines = list(shortened(forward.lines))
        return forward, forward.methods

    def initialization(self) -> Function | None:
        """The function that sets the initial weights, or None if the spec leaves them to PyTorch."""
        return initialization(self.done)

    def layout(self, forwards: Forwards) -> Layout:
        """How the lines of all `forward`s are laid out so that values are released early."""
        layout: Layout = frozenset()
        for root in self.outline.networks:
            layout |= lay_out(self.classes, root, forwards.written)[0]
        return layout

    def network(
        self,
        construction: Construction,
        forward: Forward,
        layout: Layout,
        initialized: bool,
        methods: Sequence[Function],
    ) -> Iterator[Definition]:
        """The class of a network, after what it needs. Its `forward` calls these methods."""
        doc = network_doc([self._network(scope).header for scope in construction.body.uses])
        further = Furthering(construction, layout, self.extras)
        self.imports += further.imports
        self.stages[construction.title] = further.features.stages if further.features else ()
        yield from further.definitions
        last = () if self.extras.inference else switch(self.outline, self.done, self.recomputing)
        added = replace(further.further(), last=(*methods, *last), begins=self.recomputing is not None)
        yield from (self.recomputing.table(),) if self.recomputing else ()
        yield from network_classes(construction, forward, doc, initialized, added)

    def helpers(self) -> Iterator[Definition]:
        """What `checkpointing` needs, if the networks have it."""
        if self.recomputing or (not self.extras.inference and block_titles(self.outline, self.done)):
            yield Text(helpers(self.outline, self.recomputing is not None and bool(self.recomputing.joins)))

    def registered(self, named: Mapping[str, str], makes: str | None = None) -> Iterator[Definition]:
        """What registers each network with timm. `named` has their names by their paths; `makes` is what makes them,
        if not a function of that name."""
        if not self.extras.timm:
            return
        of = {scope.path: one for one in self.done if one.body.scope.parent is None for scope in one.body.uses}
        graphs = self.outline.networks
        yield timm.configurations({name: (graphs[path], of[path]) for path, name in named.items()})
        for path, name in named.items():
            stages = len(self.stages[of[path].title])
            yield from timm.registered(graphs[path], of[path], makes or name, name, stages)

    def _settle_all(self) -> None:
        while True:
            try:
                for body in self.networks:
                    self.settle(body, ())
            except _UsesDiffer as found:
                self.classes.enter([self.outline.graph.scopes[path] for path in found.body.same], apart=True)
                # No class holds a network, so all other classes can stay as they are.
                is_network = found.body.scope.parent is None
                self._begin([one for one in self.done if one.body.scope.parent is not None] if is_network else ())
            except _NumberUnknown:
                self._begin()
            else:
                if self.known == tuple(self.outline.supports):
                    return
                self._begin()  # again, with the names of definitions that were found to be needed reserved

    def settle(self, body: Body, around: tuple[Body, ...]) -> None:
        """Writes the constructor of a class, after those of the classes that it holds.

        Raises `_UsesDiffer` for a class whose uses turn out to differ, `_NumberUnknown` as `_close` does.
        """
        if id(body) in self.made:
            return
        if any(body is outer for outer in around):
            raise _UsesDiffer(body)  # blocks that hold each other
        held = [self.classes.of[scope.path] for scope in self._held(body.items)]
        for inner in held:
            if inner is not body:
                self.settle(inner, (*around, body))
        is_network = body.scope.parent is None
        title = self.titles[id(body)] if is_network else self.names.unique(self.block_title(body.scope))
        takes = input_names(self._network(body.scope)) if is_network else take_names(self.outline, body)
        is_recursive = any(inner is body for inner in held)
        try:
            subject = Subject(self.classes, self.made, body, title, takes, self.settings)
            made = self._recursive(subject) if is_recursive else self.construction(subject)
            self.made[id(body)] = made.constructor
        except Differ:
            raise _UsesDiffer(body) from None
        # The numbers of a stage may be arguments of its class; those of a network are its settings alone.
        has_further = is_network and (made.has_unknown or made.added)
        if self._joins_variants(body) and (has_further or differing(self.classes)):
            raise _UsesDiffer(body)
        if made.has_unknown:
            self._close(made)
        self.done.append(made)

    def _close(self, network: Construction) -> None:
        """Closes the settings, and perhaps channels, on which a number without a formula may depend.

        Raises `_NumberUnknown` if any of them was open: the classes then have to be written again.
        """
        settings = self.settings
        closes = settings.channels_are_open and self._loses_channels(network)
        if settings.open or closes:
            settings.open, settings.channels_are_open = frozenset(), settings.channels_are_open and not closes
            raise _NumberUnknown

    def _loses_channels(self, network: Construction) -> bool:
        """Whether a number may depend on channels without a formula: some have none, or an expression asks for any."""
        if any(made.nameless or None in made.context.channels.values() for made in (*self.done, network)):
            return True
        graph = self.outline.graph
        written = (row for part in (*graph, *graph.scopes.values()) for _, row in part.written)
        lets = (let.written for scope in graph.scopes.values() for let in scope.lets)
        return any(asks_for_channels(one.expression) for one in (*written, *lets))

    def _recursive(self, subject: Subject) -> Construction:
        """Writes the constructor of a block that contains itself, again and again until its parameters stay the same.

        Raises `Differ` if a parameter has to be added to it: the inner use would need a further one, without end.
        """
        signatures: list[tuple[str, ...]] = []
        for _ in range(LONGEST_SETTLING):
            made = self.construction(subject, is_recursive=True)
            self.made[id(subject.body)] = made.constructor
            signatures.append(tuple(parameter.name for parameter in made.constructor.parameters))
            if len(signatures) > 2 and signatures[-1] == signatures[-2]:
                if made.added:
                    raise Differ(subject.title)
                return made
        raise Differ(subject.title)

    def _joins_variants(self, body: Body) -> bool:
        """Whether a class is the text of several networks, or of a stage in several networks."""
        return body.scope.block is None and len({self.outline.root(scope.path) for scope in body.uses}) > 1

    def _held(self, items: Sequence[Item]) -> Iterator[Scope]:
        """The uses of classes that a class makes, including those in its sequences and lists."""
        for item in items:
            if isinstance(item, If):
                for arm in item.arms.values():
                    yield from self._held(arm)
            else:
                for member in item.members.values():
                    yield from self._classes_in(member)

    def _classes_in(self, member: Member) -> Iterator[Scope]:
        if not isinstance(member, Scope):
            return
        if self.classes.form(member) is Form.CLASS:
            yield member
            return
        for inner in self.outline.members(member.path):
            yield from self._classes_in(inner)


def segmented(construction: Construction, layout: Layout, cuts: Sequence[Cut]) -> Segmented:
    """The `forward` of a class, still to be written, with segments in methods of their own."""
    outline, body = construction.outline, construction.body
    if body.scope.parent is None:
        takes = input_names(outline.networks[body.scope.path])
        return Segmented(construction, takes, result_wires(construction), layout, True, cuts)
    return Segmented(construction, take_names(outline, body), body.gives, layout, False, cuts)


class _NumberUnknown(Exception):
    """A number of the network has no formula, so settings, and perhaps channels, cannot be arguments."""


class _UsesDiffer(Exception):
    """The uses of a class cannot be one class."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body


def base_name(outline: Outline, scope: Scope) -> str:
    """The name of a class before it is made unique: that of its block, else one made of its place in the spec."""
    if scope.block is not None:
        return camel_case(scope.block)
    assert scope.parent is not None, "a network's class is named by the network"
    parent = outline.graph.scopes[scope.parent]
    if scope.kind == "copy":
        return base_name(outline, parent)
    if scope.kind in ("stage", "output") or parent.kind == "network":
        return camel_case(scope.name)
    return base_name(outline, parent) + camel_case(scope.name)


HELPERS = (formula.round_to, formula.whole_number)
"""Functions of the language's own, for modules that need them."""


def module_text(
    what: str, graphs: Sequence[Graph], definitions: Sequence[Definition], further: Sequence[str] = ()
) -> str:
    """The text of the module, with the imports and helper functions that it uses; `further` are other imports."""
    done = [written(definition) for definition in definitions]
    text = "\n".join(definition.text for definition in done)
    helpers = [Text(inspect.getsource(own)) for own in HELPERS if re.search(rf"\b{own.__name__}\(", text)]
    helpers += [Text(refusals.definition(graphs))] if "not_compiled(" in text else []
    imports = ["import argparse"]
    imports += ["import math"] if "math." in text else []
    imports += ["import os"] if "os.environ" in text else []
    imports += ["import re"] if "re.sub(" in text else []
    imports += ["import time"] if "time." in text else []
    imports += ["import warnings"] if "warnings.warn(" in text else []
    imports += ["from collections import OrderedDict"] if "OrderedDict(" in text else []
    collections = [name for name in ("Callable", "Iterator", "Mapping", "Sequence") if f"{name}[" in text]
    imports += [f"from collections.abc import {', '.join(collections)}"] if collections else []
    imports += ["from contextlib import nullcontext"] if "nullcontext(" in text else []
    imports += ["from datetime import timedelta"] if "timedelta(" in text else []
    imports += ["from functools import partial"] if "partial(" in text else []
    types = [name for name, use in (("Any", r"[:>] Any\b"), ("NamedTuple", r"\(NamedTuple\)")) if re.search(use, text)]
    imports += [f"from typing import {', '.join(types)}"] if types else []
    imports += ["", "import torch"]
    imports += ["import torch.distributed as dist"] if re.search(r"\bdist\.", text) else []
    imports += ["import torch.nn.functional as F"] if "F." in text else []
    imports += sorted({*further, "from torch import Tensor, nn"})
    imports += ["from torch.utils.checkpoint import checkpoint"] if "checkpoint(run" in text else []
    doc = f"{what} from {shown(graphs[0].header.spec)}, in PyTorch."
    run = Text('if __name__ == "__main__":\n    main()')
    return write_module((doc,), imports, (*helpers, *done, run))
