"""Decides how each number in a constructor is written: as the formula that all uses share, else as a new parameter.

A class may be right only for some arguments: those with a certain number of copies, or for which an `if` takes an arm
that some use has built. Its constructor then refuses others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archdsl import formula
from archdsl.backends.python.code import Suite
from archdsl.backends.torch.bodies import Body, Wire, alike
from archdsl.backends.torch.classes import Classes
from archdsl.backends.torch.context import Context
from archdsl.backends.torch.copies import Elements
from archdsl.backends.torch.modules import (
    Argument,
    Chain,
    Channels,
    Constructor,
    Copies,
    Modules,
    New,
    Tree,
    written_call,
)
from archdsl.backends.torch.names import Namespace
from archdsl.backends.torch.refusals import channel_settings, refusal, settings_behind
from archdsl.backends.torch.settings import Settings
from archdsl.formula import UNKNOWN_NUMBER, formula_of, name, same, substituted, unknown

LONG = 20
"""A formula for channels with more characters than this gets a name."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The class to write: its body, its name `title`, the names of its inputs, and constructors of other classes."""

    classes: Classes
    constructors: Mapping[int, Constructor]
    body: Body
    title: str
    takes: Sequence[str]
    settings: Settings


class Numbers:
    """The numbers of one class. `added` are parameters that the spec does not have, with their value in each use."""

    def __init__(self, subject: Subject) -> None:
        self.classes, self.outline = subject.classes, subject.classes.outline
        self.body, self.title = subject.body, subject.title
        self.context = Context(self.outline, subject.body, subject.takes, subject.settings)
        self.modules = Modules(subject.classes, subject.constructors, self.context)
        self.added: dict[str, dict[int, tuple[Any, ast.expr | None]]] = {}
        self.counted: set[str] = set()
        """The added parameters that depend on a place in the whole network."""
        self.settled_arguments: dict[str, tuple[Body, dict[str, ast.expr]]] = {}
        """By attribute: its class, and the formulas that were written for the parameters of that class."""
        self.required: dict[str, ast.Compare] = {}
        """The conditions under which the class is wrong, by their text."""
        self.has_unknown = False
        self.unknowns: dict[str, ast.expr] = {}
        """By a number that had no formula: the parameter that stands for it."""
        self.nameless: dict[int, ast.Name] = {}
        """What stands for the channels of a value that have no formula, by the `id` of its wire."""
        self._names = Namespace(("self", *self.context.values[0]))

    # --- modules ---------------------------------------------------------------------------

    def settled(self, trees: Mapping[int, Tree], attribute: str) -> ast.expr:
        """The Python expression that makes a member, right for every use."""
        first = next(iter(trees.values()))
        alike((type(tree) for tree in trees.values()), attribute)
        if isinstance(first, New):
            return self.new({use: tree for use, tree in trees.items() if isinstance(tree, New)}, attribute)
        if isinstance(first, Chain):
            return self.chain({use: tree for use, tree in trees.items() if isinstance(tree, Chain)})
        return Elements(self, {u: t for u, t in trees.items() if isinstance(t, Copies)}, attribute).made()

    def new(self, trees: Mapping[int, New], attribute: str) -> ast.expr:
        """The call that makes a module, with arguments that are right for every use."""
        first = next(iter(trees.values()))
        alike(((tree.target, id(tree.body), len(tree.arguments)) for tree in trees.values()), attribute)
        settled = [
            self.settle({use: tree.arguments[place] for use, tree in trees.items()})
            for place in range(len(first.arguments))
        ]
        if first.body is not None:
            said = zip(self.modules.constructors[id(first.body)].parameters, settled, strict=True)
            self.settled_arguments[attribute] = first.body, {parameter.name: found for parameter, found in said}
        return written_call(first, settled, all(tree.inplace for tree in trees.values()))

    def chain(self, trees: Mapping[int, Chain]) -> ast.expr:
        """The `nn.Sequential` of named modules, right for every use."""
        alike((tuple(child for child, _ in tree.children) for tree in trees.values()), "a chain")
        first = next(iter(trees.values()))
        children = [
            ast.keyword(own, self.settled({use: tree.children[place][1] for use, tree in trees.items()}, own))
            for place, (own, _) in enumerate(first.children)
        ]
        if not children:
            return ast.Call(name("nn.Sequential"), [], [])
        return ast.Call(name("nn.Sequential"), [ast.Call(name("OrderedDict"), [], children)], [])

    # --- one number ------------------------------------------------------------------------

    def settle(self, arguments: Mapping[int, Argument]) -> ast.expr:
        """What to write for a number: its formula, if all uses have the same one, else a new parameter."""
        if not self.context.is_network and any(argument.counts_network for argument in arguments.values()):
            return self.add(arguments)
        if self.unknowns:
            arguments = {u: a._replace(formula=substituted(a.formula, self.unknowns)) for u, a in arguments.items()}
        first, *others = arguments.values()
        if not all(formula.is_known(argument.formula) for argument in arguments.values()):
            return self.unknown(arguments)
        if all(formula.text(other.formula) == formula.text(first.formula) for other in others):
            values = [(use, argument.value) for use, argument in arguments.items()]
            if all(self.context.comes_to(first.formula, use, value) for use, value in values):
                return self.context.note(self.context.as_whole(first.formula, values))
        if all(same(other.value, first.value) for other in others) and not formula.names(first.formula):
            return formula_of(first.value)
        return self.add(arguments)

    def unknown(self, arguments: Mapping[int, Argument]) -> ast.expr:
        """What to write for a number without a formula: in the network its value, in a block a new parameter."""
        first = next(iter(arguments.values()))
        if self.context.is_network:
            self.has_unknown = True
            return formula_of(first.value)
        found = self.add({use: argument._replace(formula=UNKNOWN_NUMBER) for use, argument in arguments.items()})
        texts = {formula.text(argument.formula) for argument in arguments.values()}
        if isinstance(first.formula, ast.Name) and first.formula.id != UNKNOWN_NUMBER.id and len(texts) == 1:
            self.unknowns[first.formula.id] = found
        return found

    def add(self, arguments: Mapping[int, Argument]) -> ast.expr:
        """Adds a parameter that the spec does not have, and returns its name; each use passes its own value."""
        values = {
            use: (argument.value, argument.formula if formula.is_known(argument.formula) else None)
            for use, argument in arguments.items()
        }
        wanted = self.modules.called(next(iter(arguments.values())))
        for own, known in self.added.items():
            if own == wanted and known == values:
                return name(own)
        own = self._names.unique(wanted)
        self.added[own] = values
        if any(argument.counts_network for argument in arguments.values()):
            self.counted.add(own)
        for use, (value, _) in values.items():
            self.context.values[use][own] = value
        self.context.used[own] = None
        return name(own)

    def is_partial(self, own: str) -> bool:
        """Whether only some uses need a parameter; the others leave it out."""
        return own in self.added and len(self.added[own]) < len(self.body.uses)

    # --- formulas for channels -------------------------------------------------------------

    def named(self, channels: Sequence[Channels]) -> list[Channels]:
        """Formulas in which added parameters replace numbers that had no formula; None if one still has none."""
        found = [None if known is None else substituted(known, self.unknowns) for known in channels]
        return [known if known is not None and formula.is_known(known) else None for known in found]

    def flow(self, wire: Wire) -> ast.expr:
        """The channels of a value; where they have no formula, what stands for them until a module asks for them."""
        found = self.context.channels.get(id(wire))
        return found if found is not None else self.nameless.setdefault(id(wire), unknown(str(len(self.nameless))))

    def learn(self, wire: Wire) -> None:
        """Notes the channels of a value that a module has made a parameter of the class."""
        stand_in = self.nameless.get(id(wire))
        if stand_in is not None and stand_in.id in self.unknowns:
            self.context.enter(wire, [self.unknowns[stand_in.id]] * len(wire.values))

    def enter(self, gives: Sequence[Wire], channels: Mapping[int, Sequence[Channels]], path: str = "") -> None:
        """Enters the channels of a step's outputs; a long formula gets a name."""
        for place, wire in enumerate(gives):
            found = self.context.enter(wire, [row[place] for row in channels.values()])
            if found is not None and path and len(formula.text(found)) > LONG:
                own = self._names.unique(f"{path}_channels" if len(gives) == 1 else f"{path}_channels{place + 1}")
                self.context.enter(wire, [self.local(own, found)] * len(channels))

    def local(self, own: str, found: ast.expr) -> ast.expr:
        """A name for a long formula, which is assigned at the top of the constructor."""
        if isinstance(found, ast.Name | ast.Constant):
            return found
        self.context.lets[own] = found
        for use, values in enumerate(self.context.values):
            values[own] = formula.evaluated(found, self.context.values[use])
        return name(own)

    def spelled_out(self, found: ast.expr) -> ast.expr:
        """A formula with every named number replaced by its own formula."""
        while not formula.names(found).isdisjoint(self.context.lets):
            found = substituted(found, self.context.lets)
        return found

    # --- requirements ----------------------------------------------------------------------

    def require(self, count: ast.expr, number: int) -> None:
        """Notes that the class is right only if `count`, the number of copies, is `number`."""
        self._require(ast.Compare(count, [ast.NotEq()], [ast.Constant(number)]))

    def require_at_most(self, count: ast.expr, number: int) -> None:
        """Notes that the class is right only if there are at most `number` copies."""
        self._require(ast.Compare(count, [ast.Gt()], [ast.Constant(number)]))

    def require_at_least(self, count: ast.expr, number: int) -> None:
        """Notes that the class is right only if there are at least `number` copies."""
        self._require(ast.Compare(count, [ast.Lt()], [ast.Constant(number)]))

    def _require(self, wrong: ast.Compare) -> None:
        self.context.note(wrong)
        self.required.setdefault(formula.text(wrong), wrong)

    def requirements(self) -> Iterator[tuple[ast.expr, Suite]]:
        """The conditions under which the class is wrong, each with the lines that then refuse the arguments.

        Conditions on several elements of one list are joined in one.
        """
        alike: dict[tuple[str, str], list[ast.Compare]] = {}
        for text, wrong in self.required.items():
            alike.setdefault(_bound_of_element(wrong) or (text, ""), []).append(wrong)
        for (base, _), row in alike.items():
            every = ast.Compare(ast.Call(name("min"), [name(base)], []), row[0].ops, row[0].comparators)
            holds = all(formula.evaluated(every, values) is False for values in self.context.values)
            for wrong in (every,) if len(row) > 1 and holds else row:
                yield wrong, self.refusal(wrong)

    def refusal(self, missing: ast.expr) -> Suite:
        """The lines that refuse arguments under the condition `missing`, since they need other layers."""
        known = self.context.open_settings() if not self.context.is_network else sorted(self.context.settings)
        behind = {setting for own in formula.names(self.spelled_out(missing)) for setting in self._behind(own, known)}
        return refusal(self.title, missing, [own for own in known if own in behind])

    def _behind(self, own: str, known: Sequence[str]) -> Iterable[str]:
        """Those of the settings `known` from which a parameter may come."""
        if own in self.context.channel_names or own in self.added:
            return channel_settings(self.outline, known)
        if self.context.is_network or not self.context.is_own(own):
            return (own,) if own in known else ()
        return settings_behind(self.outline, self.body.scope, own, known)


def _bound_of_element(wrong: ast.expr) -> tuple[str, str] | None:
    """The list and the number in a condition such as `layers[1] < 2`."""
    match wrong:
        case ast.Compare(ast.Subscript(ast.Name(base)), [ast.Lt()], [ast.Constant(number)]):
            return base, repr(number)
    return None
