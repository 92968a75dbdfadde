"""Makes the constructor of a part of a network from that of the whole: only the lines that the part needs.

    self.conv4 = nn.Sequential(Bottleneck(512, 256, stride=2), *(Bottleneck(1024, 256) for _ in range(5)))

becomes, for a part that has the copies 4 and 5, `self.conv4 = numbered(4, *(Bottleneck(1024, 256) for _ in range(2)))`.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from archdsl.backends.python.code import Code, Line, Suite
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.outline import Form
from archdsl.backends.torch.parts import Part, Steps, path_of
from archdsl.ir.graph import Scope

NUMBERED = '''
def numbered(first: int, *modules: nn.Module) -> nn.Sequential:
    """A part of a sequence, whose modules have the numbers that they have in the whole."""
    return nn.Sequential(OrderedDict((str(i), module) for i, module in enumerate(modules, first)))
'''.strip()


class Slices:
    """The lines of a network's constructor, cut down to those of one part."""

    def __init__(self, steps: Steps, part: Part) -> None:
        self.steps = steps
        self.own = {unit.path for unit in part.units}
        self.units: dict[str, list[str]] = {}
        """By the path of a step that the part has a share in: all its units."""
        for unit in steps.units:
            if unit.path not in self.units:
                self.units.setdefault(getattr(unit.item, "path", ""), []).append(unit.path)

    def lines(self, lines: Sequence[Code], attributes: Collection[str]) -> list[Code]:
        """The lines that set these attributes, and those that compute and check what is needed for that."""
        kept: list[Code] = []
        needed: set[str] = set()
        for line in reversed(lines):
            target = _target(line)
            if target.startswith("self.") and target[5:] in attributes:
                line = self._sliced(line, target[5:])
            elif target.startswith("self.") or (target and target not in needed):
                continue
            needed |= _names(line) if target else set()
            kept.append(line)
        kept.reverse()
        known = needed | {"self"}
        checked = [line for line in kept if _target(line) or not isinstance(line, Suite) or _asked(line) <= known]
        return _without_gaps(checked)

    def _sliced(self, line: Code, attribute: str) -> Code:
        units = self.units.get(attribute, [])
        if not isinstance(line, Line) or self.own.issuperset(units):
            return line
        scope = self.steps.graph.scopes[attribute]
        (statement,) = ast.parse(line.text).body
        assert isinstance(statement, ast.Assign)
        return Line(f"self.{attribute} = {text_of(self._sequence(scope, statement.value))}")

    def _sequence(self, scope: Scope, made: ast.expr) -> ast.expr:
        """The expression that makes the part's share of a sequence."""
        members = self.steps.outline.members(scope.path)
        if self.steps.form(scope) is Form.COPIES:
            own = [place for place, member in enumerate(members) if path_of(member) in self.own]
            return self._copies(made, own[0], own[-1] + 1, len(members))
        assert isinstance(made, ast.Call)
        (named,) = made.args
        assert isinstance(named, ast.Call)
        keywords = []
        for member, keyword in zip(members, named.keywords, strict=True):
            path = path_of(member)
            if path in self.own:
                keywords.append(keyword)
            elif any(own.startswith(f"{path}.") for own in self.own) and isinstance(member, Scope):
                is_whole = all(path_of(inner) in self.own for inner in self.steps.leaves(member))
                value = keyword.value if is_whole else self._sequence(member, keyword.value)
                keywords.append(ast.keyword(keyword.arg, value))
        return ast.Call(made.func, [ast.Call(named.func, [], keywords)], [])

    def _copies(self, made: ast.expr, start: int, stop: int, count: int) -> ast.expr:
        """`nn.Sequential(...)` with only the copies from `start` to before `stop`."""
        assert isinstance(made, ast.Call)
        found = list(_elements(made.args, start, stop))
        if sum(_length(one) or count + 1 for one in made.args) != count:
            # Loops over lists that the constructor does not count: the copies are made, and those outside dropped.
            whole = ast.Starred(ast.Subscript(made, ast.Slice(ast.Constant(start), ast.Constant(stop))))
            found = [whole]
        if start == 0:
            return ast.Call(made.func, found, [])
        return ast.Call(ast.Name("numbered"), [ast.Constant(start), *found], [])


def _elements(arguments: Sequence[ast.expr], start: int, stop: int) -> Iterator[ast.expr]:
    """The elements that make the copies from `start` to before `stop`; a loop is made shorter."""
    place = 0
    for argument in arguments:
        length = _length(argument) or 0
        first, last = max(start - place, 0), min(stop - place, length)
        place += length
        if first >= last:
            continue
        yield argument if (first, last) == (0, length) else _shorter(argument, first, last)


def _shorter(argument: ast.expr, first: int, last: int) -> ast.expr:
    """A loop `*(Unit(64 * i) for i in range(6))` whose turns are those from `first` to before `last`."""
    assert isinstance(argument, ast.Starred)
    loop = argument.value
    assert isinstance(loop, ast.GeneratorExp)
    (turn,) = loop.generators
    begin = _range(turn.iter)
    assert begin is not None
    assert isinstance(turn.target, ast.Name)
    is_used = turn.target.id in {node.id for node in ast.walk(loop.elt) if isinstance(node, ast.Name)}
    if not is_used and last - first == 1:
        return loop.elt
    ends = [begin[0] + first, begin[0] + last] if is_used else [last - first]
    over = ast.Call(
        ast.Name("range"), [ast.Constant(end) for end in ends if end or len(ends) == 1 or end == ends[-1]], []
    )
    return ast.Starred(ast.GeneratorExp(loop.elt, [ast.comprehension(turn.target, over, [], 0)]))


def _length(argument: ast.expr) -> int | None:
    """How many copies an element makes; None if that is not written."""
    if not isinstance(argument, ast.Starred):
        return 1
    if not isinstance(argument.value, ast.GeneratorExp) or len(argument.value.generators) != 1:
        return None
    found = _range(argument.value.generators[0].iter)
    return None if found is None else found[1] - found[0]


def _range(over: ast.expr) -> tuple[int, int] | None:
    """The ends of `range(6)` or `range(2, 6)`; None for anything else."""
    if not isinstance(over, ast.Call) or not isinstance(over.func, ast.Name) or over.func.id != "range":
        return None
    ends = [end.value for end in over.args if isinstance(end, ast.Constant) and isinstance(end.value, int)]
    if len(ends) != len(over.args) or len(ends) > 2:
        return None
    return (0, ends[0]) if len(ends) == 1 else (ends[0], ends[1])


# --- what a line needs -------------------------------------------------------------------------


def _text(code: Code, indent: str = "") -> str:
    if isinstance(code, Line):
        return indent + code.text
    return "\n".join([indent + code.header, *(_text(line, indent + "    ") for line in code.lines)])


def _target(line: Code) -> str:
    """What a line sets: `self.conv1`, or a name; "" for a line that sets nothing."""
    text = line.text if isinstance(line, Line) else line.header
    if not text:
        return ""
    (statement,) = ast.parse(text if isinstance(line, Line) else _text(line)).body
    if isinstance(statement, ast.FunctionDef):
        return statement.name
    return ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""


def _names(line: Code) -> set[str]:
    """The names that a line reads."""
    return {node.id for node in ast.walk(ast.parse(_text(line))) if isinstance(node, ast.Name)}


def _asked(line: Suite) -> set[str]:
    """The names in the condition of a check."""
    header = ast.parse(f"{line.header} pass")
    return {node.id for node in ast.walk(header) if isinstance(node, ast.Name)}


def _without_gaps(lines: Sequence[Code]) -> list[Code]:
    """The lines with no blank line at the end or after another one."""
    blank = Line("")
    kept: list[Code] = []
    for line in lines:
        if line != blank or (kept and kept[-1] != blank):
            kept.append(line)
    while kept and kept[-1] == blank:
        kept.pop()
    has_functions = any(isinstance(line, Suite) and line.header.startswith("def ") for line in kept)
    return kept if has_functions else [line for line in kept if line != blank]


def used_names(lines: Sequence[Code]) -> set[str]:
    """The names that the lines of a constructor read."""
    return {name for line in lines for name in _names(line)}
