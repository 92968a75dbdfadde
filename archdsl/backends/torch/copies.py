"""Writes the copies of a block as loops: `*(Bottleneck(256, 64) for _ in range(2))`.

Copies with equal arguments become one loop, and so do copies whose numbers change by a rule (`64 + 32 * i`,
`widths[i]`). The first and the last copy may be written separately. Copies that follow no rule are listed.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Protocol, TypeAlias

from archdsl import formula
from archdsl.backends.torch.bodies import alike
from archdsl.backends.torch.context import Context
from archdsl.backends.torch.modules import Argument, Chain, Copies, New, Tree, written_call
from archdsl.backends.torch.names import Namespace
from archdsl.backends.torch.outline import Form
from archdsl.backends.torch.rows import Each, asks_for_elements, each_row
from archdsl.backends.torch.series import counts_network, has_element, rule, says_one, says_other
from archdsl.formula import combined, name

MOST_WRITTEN_OUT = 4
"""At most this many copies, or parts, are written one by one if they follow no common rule."""

END = -(2**31)
"""A cut after the last copy, whatever the number of copies; other negative cuts count from the end."""

STILL = ast.Constant(None)
"""Stands for the rule of an argument that is the same for all copies."""

Rows = Mapping[int, Sequence[Sequence[Argument]]]
"""For each use, by its number: the arguments of each copy."""

Rule: TypeAlias = tuple[Mapping[int, Argument], "ast.expr | None"]
"""For one argument: its value in the first copy of each use, and the formula by which it changes from copy to copy.

The formula is `STILL` for an argument that does not change, and None for one that follows no rule.
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """The copies between two cuts, and the formula of each argument in the loop over them.

    `moves` says whether a formula contains the number of the copy.
    """

    start: int
    stop: int
    settled: tuple[ast.expr, ...]
    moves: bool


class Settling(Protocol):
    """The methods of a constructor (`Construction`) that this file needs."""

    context: Context

    def settle(self, arguments: Mapping[int, Argument]) -> ast.expr: ...

    def require(self, count: ast.expr, number: int) -> None: ...

    def require_at_most(self, count: ast.expr, number: int) -> None: ...

    def require_at_least(self, count: ast.expr, number: int) -> None: ...


class Elements:
    """Writes copies as the elements of an `nn.Sequential` or `nn.ModuleList`."""

    def __init__(self, construction: Settling, trees: Mapping[int, Copies], attribute: str) -> None:
        self.construction, self.context = construction, construction.context
        self.trees, self.attribute = trees, attribute
        self.index = self._index()

    def _index(self) -> str:
        """An unused name for the number of a copy."""
        taken = self.context.values[0]
        return next(name for name in ("i", "j", "k", "copy_index") if name not in taken)

    def made(self) -> ast.expr:
        """The Python that makes the `nn.Sequential` or `nn.ModuleList`."""
        form = alike((copies.form for copies in self.trees.values()), self.attribute)
        elements = list(self.elements())
        if form is Form.COPIES:
            return ast.Call(name("nn.Sequential"), elements, [])
        if len(elements) == 1 and isinstance(elements[0], ast.Starred):
            return ast.Call(name("nn.ModuleList"), [elements[0].value], [])
        return ast.Call(name("nn.ModuleList"), [ast.List(elements, ast.Load())], [])

    def elements(self) -> Iterator[ast.expr]:
        """The elements: loops over copies, or single copies."""
        runs = {use: self._runs(copies.children) for use, copies in self.trees.items()}
        pattern = alike((tuple(shape for shape, _ in row) for row in runs.values()), self.attribute)
        for place in range(len(pattern)):
            children = {use: row[place][1] for use, row in runs.items()}
            used = dict(self.context.used)
            count = self.count(children, len(pattern))
            made = list(self.run(children, count))
            if not made:
                self.context.used = used  # the copies are listed, so their number is not needed
                rows = _rows(children)
                made = [self.listed(next(row[0] for row in children.values() if row), rows)]
                lengths = {len(row) for row in rows.values()}
                if len(lengths) == 1 and not isinstance(count, ast.Constant):
                    self.construction.require(count, lengths.pop())
            yield from made

    def _runs(self, children: Sequence[Tree]) -> list[tuple[Hashable, list[Tree]]]:
        """Groups of adjacent copies that are made alike except for their numbers."""
        return [(shape, list(run)) for shape, run in groupby(children, key=_shape)]

    def count(self, children: Mapping[int, Sequence[Tree]], runs: int) -> ast.expr:
        """The formula for the number of copies in a run."""
        said = {use: copies.count for use, copies in self.trees.items()}
        if runs > 1 or any(count is None for count in said.values()):
            said = {use: ast.Constant(len(row)) for use, row in children.items()}
        arguments = {
            use: Argument(None, f"{self.attribute}_count", count, len(children[use]))
            for use, count in said.items()
            if count is not None
        }
        return self.construction.settle(arguments)

    # --- runs ------------------------------------------------------------------------------

    def run(self, children: Mapping[int, Sequence[Tree]], count: ast.expr) -> Iterator[ast.expr]:
        """Copies that differ only in numbers, as one or a few loops; nothing if the numbers follow no rule."""
        template = next(row[0] for row in children.values() if row)
        rows = _rows(children)
        counts = [len(row) for row in rows.values()]
        if not isinstance(count, ast.Constant) and max(counts) < 2:
            # One copy does not show which arguments a second one would have.
            self.construction.require(count, max(counts))
            count = ast.Constant(max(counts))
        is_fixed = isinstance(count, ast.Constant)
        found = self.best_cuts(rows, is_fixed)
        if found is None:
            return
        cuts, parts, is_guess = found
        segments = [self.segment(pair, rules) for pair, rules in zip(pairwise(cuts), parts, strict=True)]
        if not is_fixed and self.hangs_on_count(cuts, counts):
            self.construction.require(count, counts[0])
        elif not is_fixed:
            self.limit(count, segments, max(counts) if is_guess else None)
        yield from (self.element(template, segment, cuts, count) for segment in segments)

    def best_cuts(self, rows: Rows, is_fixed: bool) -> tuple[Sequence[int], list[list[Rule]], bool] | None:
        """The first way to cut the copies so that every number follows a rule: cuts, rules, and whether it is a guess.

        It is a guess if the number of copies may change, and the uses have too few copies to be sure of the rule. A way
        that is no guess is preferred.
        """
        doubtful = None
        for cuts in _cuts(list(rows.values()), is_fixed):
            parts = self.parts(rows, cuts, is_fixed)
            if parts is None:
                continue
            pairs = zip(pairwise(cuts), parts, strict=True)
            if is_fixed or not any(self.is_guess(*pair, rules, rows) for pair, rules in pairs):
                return cuts, parts, False
            doubtful = doubtful or (cuts, parts, True)
        return doubtful

    def hangs_on_count(self, cuts: Sequence[int], counts: Sequence[int]) -> bool:
        """Whether the last copy may depend on the number of copies.

        This is so if it is written separately, its loop has a variable, and all uses have the same number of copies.
        Its arguments may then come from its place: `width * 2 ** 2` is right for three copies, and wrong for two.
        """
        numbered = any(copies.numbered for copies in self.trees.values())
        return numbered and -1 in cuts and len(set(counts)) == 1

    def limit(self, count: ast.expr, segments: Sequence[Segment], most: int | None) -> None:
        """Requires that there are as many copies as are written separately, and at most `most` if that is given."""
        apart = sum(_is_one(segment.start, segment.stop) for segment in segments)
        if apart:
            self.construction.require_at_least(count, apart)
        if most is not None:
            self.construction.require_at_most(count, most)

    def is_guess(self, start: int, stop: int, rules: Sequence[Rule], rows: Rows) -> bool:
        """Whether a loop has too few copies, in all uses, to show which arguments a further copy would have.

        One copy is enough if it is steady (see `Copies`), and two if their numbers are the elements of a list. If two
        copies have the same element as an argument, `widths[0]`, that may be the output of the first, and a third copy
        would need another element.
        """
        if _is_one(start, stop):
            return False
        shown = {use: range(_at(start, len(row)), _at(stop, len(row))) for use, row in rows.items()}
        most = max(map(len, shown.values()))
        still = (argument for first, rule in rules if rule is STILL for argument in first.values())
        if most <= 2 and any(has_element(argument.formula) for argument in still):
            return True
        if most == 1:
            return not all(self.trees[use].steady[place] for use, places in shown.items() for place in places)
        moving = [rule for _, rule in rules if rule is not STILL]
        return most == 2 and not all(rule is not None and asks_for_elements(rule, self.index) for rule in moving)

    def parts(self, rows: Rows, cuts: Sequence[int], is_fixed: bool) -> list[list[Rule]] | None:
        """The rules of the copies between the cuts; None if a number follows no rule there."""
        if not is_fixed and not self.context.is_network and _count_network(rows):
            return None
        found: list[list[Rule]] = []
        for start, stop in pairwise(cuts):
            every = {use: row[_at(start, len(row)) : _at(stop, len(row))] for use, row in rows.items()}
            part = {use: row for use, row in every.items() if row}
            if not part:
                return None  # no use has a copy here
            rules = list(self.rules(part))
            # Any two copies fit some rule; it is evidence only if a use has more than two.
            few = is_fixed and max(map(len, part.values())) <= 2
            if any(moving is None or (few and moving is not STILL) for _, moving in rules):
                return None
            found.append(rules)
        return found

    def segment(self, cuts: tuple[int, int], rules: Sequence[Rule]) -> Segment:
        """The copies between two cuts, with the formula of each argument."""
        settled: list[ast.expr] = []
        for first, moving in rules:
            if moving is STILL or moving is None:
                settled.append(self.construction.settle(first))
            else:
                for own in formula.names(moving) - {self.index}:
                    self.context.note(name(own))
                settled.append(moving)
        return Segment(*cuts, tuple(settled), any(moving is not STILL for _, moving in rules))

    def rules(self, rows: Rows) -> Iterator[Rule]:
        """For each argument of the copies: its value in the first copy, and how it changes from copy to copy."""
        for place in range(len(next(iter(rows.values()))[0])):
            column = {use: [copy[place] for copy in row] for use, row in rows.items()}
            yield {use: row[0] for use, row in column.items()}, self.moving(column)

    def moving(self, arguments: Mapping[int, Sequence[Argument]]) -> ast.expr | None:
        """The rule by which an argument changes, the same in every use; `STILL` if it does not, None without a rule."""
        if all(says_one(row) for row in arguments.values()):
            return STILL
        if not self.context.is_network and any(counts_network(row) for row in arguments.values()):
            return None
        rules = [rule(row, self.index) for row in arguments.values() if len(row) > 1]
        first = rules[0]
        if first is None or any(found is None or formula.text(found) != formula.text(first) for found in rules):
            return None
        begin = formula.text(formula.substituted(first, {self.index: ast.Constant(0)}))
        if any(formula.text(row[0].formula) != begin for row in arguments.values() if len(row) == 1):
            return None
        for use, row in arguments.items():
            for place, argument in enumerate(row):
                if not formula.same(
                    formula.evaluated(first, {**self.context.values[use], self.index: place}), argument.value
                ):
                    return None
        return first

    def element(self, template: Tree, segment: Segment, cuts: Sequence[int], count: ast.expr) -> ast.expr:
        """The copies of a segment as one element: a loop, or a single copy."""
        each = self.each(segment, count)
        if each is not None:
            return _loop(_made(template, iter(each.settled)), each.target, each.over)
        made = _made(template, iter(segment.settled))
        if _is_one(segment.start, segment.stop):
            return made
        if segment.stop > 0:
            number: ast.expr = ast.Constant(segment.stop - segment.start)
        else:
            apart = sum(_is_one(start, stop) for start, stop in pairwise(cuts))
            number = combined(ast.Sub, count, ast.Constant(apart))
        if isinstance(number, ast.Constant) and number.value == 1:
            return made
        turn = self.index if segment.moves else "_"
        return _loop(made, name(turn), ast.Call(name("range"), [number], []))

    def each(self, segment: Segment, count: ast.expr) -> Each | None:
        """The loop over a list, if the numbers of these copies are its elements up to the last; else None."""
        if segment.stop != END or not segment.moves:
            return None
        taken = Namespace(("self", self.index, *self.context.values[0]))
        return each_row(segment.settled, self.index, segment.start, count, self.context.row_names, taken)

    # --- lists -----------------------------------------------------------------------------

    def listed(self, template: Tree, rows: Rows) -> ast.expr:
        """A loop over the numbers of copies that follow no rule: `*(Unit(width) for width in (64, 96, 160))`."""
        names = Namespace(("self", self.index, *self.context.values[0]))
        first = next(row for row in rows.values() if row)
        settled: list[ast.expr] = []
        lists: list[tuple[str, Mapping[int, list[Argument]]]] = []
        for place in range(len(first[0])):
            column = {use: [copy[place] for copy in row] for use, row in rows.items()}
            if all(says_one(row) for row in column.values()):
                settled.append(self.construction.settle({use: row[0] for use, row in column.items() if row}))
            else:
                own = names.unique(first[0][place].called.removeprefix(f"{self.attribute}_"))
                lists.append((own, column))
                settled.append(name(own))
        made = _made(template, iter(settled))
        target = name(lists[0][0]) if len(lists) == 1 else ast.Tuple([name(own) for own, _ in lists], ast.Store())
        return _loop(made, target, self._lists([column for _, column in lists]))

    def _lists(self, columns: Sequence[Mapping[int, list[Argument]]]) -> ast.expr:
        """The list of rows, or the `zip` of lists, that a loop with several variables runs over."""
        said = [self.construction.settle({use: _tuple(row) for use, row in column.items()}) for column in columns]
        if len(said) == 1:
            return said[0]
        if all(isinstance(found, ast.Tuple) for found in said):
            parts = zip(*(found.elts for found in said if isinstance(found, ast.Tuple)), strict=True)
            return ast.Tuple([ast.Tuple(list(row), ast.Load()) for row in parts], ast.Load())
        strict = ast.keyword("strict", ast.Constant(True))
        return ast.Call(name("zip"), said, [strict])


def _count_network(rows: Rows) -> bool:
    return any(counts_network(copy) for row in rows.values() for copy in row)


# --- cuts --------------------------------------------------------------------------------------


def _cuts(rows: Sequence[Sequence[Sequence[Argument]]], is_fixed: bool) -> Iterator[tuple[int, ...]]:
    """Ways to cut: not at all, after the first, before the last, both, where arguments change, after every copy.

    The last two are tried only if they make few parts, which are the same in every use.
    """
    fewest, most = min(map(len, rows)), max(map(len, rows))
    if most <= 1 and is_fixed:
        yield 0, 1
        return
    yield 0, END
    if fewest >= 1:
        yield 0, 1, END
        yield 0, -1, END
    if fewest >= 2:
        yield 0, 1, -1, END
    if is_fixed and fewest == most:
        changes = [place for place in range(1, most) if any(says_other(row[place - 1], row[place]) for row in rows)]
        for cuts in ((0, *changes, most), tuple(range(most + 1))):
            if len(cuts) <= MOST_WRITTEN_OUT + 1:
                yield cuts


def _is_one(start: int, stop: int) -> bool:
    """Whether there is exactly one copy between two cuts, whatever the number of copies."""
    return start == -1 or (start >= 0 and stop == start + 1)


def _at(cut: int, count: int) -> int:
    return count if cut == END else cut if cut >= 0 else count + cut


# --- trees -------------------------------------------------------------------------------------


def _rows(children: Mapping[int, Sequence[Tree]]) -> Rows:
    return {use: [list(_arguments(child)) for child in row] for use, row in children.items()}


def _shape(tree: Tree) -> Hashable:
    """The structure of a tree without its numbers."""
    match tree:
        case New():
            keys = tuple(argument.keyword for argument in tree.arguments)
            return tree.target, id(tree.body), keys, tree.inplace
        case Chain(children=children):
            return tuple((own, _shape(child)) for own, child in children)
        case Copies(form=form, children=inner):
            return form, tuple(map(_shape, inner))


def _arguments(tree: Tree) -> Iterator[Argument]:
    match tree:
        case New(arguments=arguments):
            yield from arguments
        case Chain(children=children):
            for _, child in children:
                yield from _arguments(child)
        case Copies(children=inner):
            for child in inner:
                yield from _arguments(child)


def _made(tree: Tree, settled: Iterator[ast.expr]) -> ast.expr:
    """The Python that makes the module of a tree, with `settled` as its arguments, in order."""
    match tree:
        case New(arguments=arguments, inplace=inplace):
            return written_call(tree, [next(settled) for _ in arguments], inplace)
        case Chain(children=children):
            keywords = [ast.keyword(own, _made(child, settled)) for own, child in children]
            inner: list[ast.expr] = [ast.Call(name("OrderedDict"), [], keywords)] if keywords else []
            return ast.Call(name("nn.Sequential"), inner, [])
        case Copies(form=form, children=inner_trees):
            elements = [_made(child, settled) for child in inner_trees]
            if form is Form.COPIES:
                return ast.Call(name("nn.Sequential"), elements, [])
            return ast.Call(name("nn.ModuleList"), [ast.List(elements, ast.Load())], [])


def _loop(made: ast.expr, target: ast.expr, over: ast.expr) -> ast.expr:
    turns = ast.comprehension(target, over, [], 0)
    return ast.Starred(ast.GeneratorExp(made, [turns]), ast.Load())


def _tuple(row: Sequence[Argument]) -> Argument:
    found = ast.Tuple([argument.formula for argument in row], ast.Load())
    values = tuple(argument.value for argument in row)
    called = row[0].called.removesuffix("s") + "s"
    return Argument(None, called, found, values, counts_network=counts_network(row))
