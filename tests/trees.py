"""Random syntax trees: every form of the grammar, in every place where it may stand."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.builder import dedented

NOWHERE = Span(Source("random.arch", ""), 0, 0)

# Words of the language that are names where nothing else is meant are among them.
WORDS = (
    *("a", "b1", "conv", "Unit", "long_name_of_a_block", "it", "x1", "xs"),
    *("first", "last", "training", "of", "source", "input", "output", "path", "stage", "let", "shared", "param"),
)
NUMBERS = ("0", "7", "224", "25_557_032", "0.25", "1.0", "1e-5", "2.5e3", "4.1G", "64K", "1_0.5")
SUFFIXES = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
LABELS = ("b0", "50", "50_32x4d", "D", "16-8", "0.75", "expect")
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.sampled_from('\\"#'), max_size=12)


def node(cls: Any, *fields: Any) -> Any:
    """A strategy for a node of class `cls` from strategies, or values, for its fields but the span."""
    parts = [field if isinstance(field, st.SearchStrategy) else st.just(field) for field in fields]
    return st.builds(cls, *parts, st.just(NOWHERE))


def several(items: Any, least: int = 0, most: int = 3) -> Any:
    return st.lists(items, min_size=least, max_size=most).map(tuple)


def _number(text: str) -> tree.Number:
    digits = text.rstrip("KMGT").replace("_", "")
    value = int(digits) if digits.isdigit() else float(digits)
    return tree.Number(text, round(value * SUFFIXES[text[-1]]) if text[-1] in SUFFIXES else value, NOWHERE)


words = st.sampled_from(WORDS)
names = node(tree.Name, words)
numbers = st.sampled_from(NUMBERS).map(_number)
strings = node(tree.String, TEXT)
docs = node(
    tree.String, st.lists(TEXT, max_size=3).map("\n  ".join).filter(lambda text: '"""' not in text).map(dedented)
)
variants = node(tree.VariantOf, words, st.sampled_from(LABELS))

# --- expressions ---------------------------------------------------------------------------

expressions: Any = st.deferred(
    lambda: (
        st.one_of(numbers, names, strings, node(tree.Boolean, st.booleans()), values)
        | st.one_of(
            node(tree.List, several(expressions)),
            node(tree.Shape, several(expressions, 2)),
            node(tree.Unary, st.sampled_from(("-", "not")), expressions),
            node(tree.Binary, st.sampled_from("+ - * / // % ^ and or".split()), expressions, expressions),
            comparisons,
            node(tree.Comprehension, expressions, several(names, 1), expressions, st.none() | expressions),
            node(tree.Conditional, expressions, expressions, expressions),
        )
    )
)
values: Any = st.deferred(
    lambda: (
        names
        | st.one_of(
            variants,
            calls,
            node(tree.Attribute, values, words),
            node(tree.Index, values, expressions),
            node(tree.Slice, values, st.none() | expressions, st.none() | expressions),
        )
    )
)
arguments = node(tree.Argument, st.none() | words, expressions)
handed_over = st.deferred(lambda: node(tree.Argument, st.none(), spreads))
calls = node(tree.Call, names | variants, several(arguments | handed_over))
rules = node(tree.Call, names, several(arguments))
"""What stands in `defaults` and `init`, which is for every variant."""
comparisons = node(
    tree.Compare, st.sampled_from(("==", "!=", "<", "<=", ">", ">=")), expressions, expressions, None
) | node(tree.Compare, "~", expressions, expressions, st.none() | numbers)

# --- flow ----------------------------------------------------------------------------------

spreads = node(tree.Spread, values)
bindings = names.map(lambda name: tree.Binding((name,), False, NOWHERE)) | node(tree.Binding, several(names, 1), True)
copies = node(tree.Copies, expressions, several(arguments, most=2), several(arguments, most=2))
clauses = node(tree.Each, several(names, 1), expressions) | node(tree.When, expressions)
heads = st.none() | names | calls
targets: Any = st.deferred(
    lambda: (
        values
        | st.one_of(
            node(tree.Values, several(values | spreads, 2)),
            spreads,
            node(tree.Group, chains),
            node(
                tree.Merge,
                st.none() | names | calls,
                several(node(tree.Branch, several(clauses, most=2), chains), 1),
                True,
            ),
        )
    )
)
arms: Any = node(tree.Step, targets, st.none() | copies, None)
choices: Any = st.deferred(
    lambda: node(
        tree.Choice,
        expressions,
        arms,
        st.none() | arms | choices.map(lambda choice: tree.Step(choice, None, None, NOWHERE)),
    )
)
steps = node(tree.Step, targets, st.none() | copies, st.none() | bindings) | node(
    tree.Step, choices, None, st.none() | bindings
)
chains = st.builds(lambda steps, broken: _chain(steps, broken), several(steps, 1), st.integers(0, 7))
lines: Any = st.deferred(
    lambda: chains | st.builds(_ending_in, several(steps, most=2), blocks_of_branches, st.integers(0, 7))
)
blocks_of_branches: Any = st.deferred(
    lambda: node(tree.Merge, heads, several(node(tree.Branch, several(clauses, most=2), lines), 1), False)
)


def _ending_in(before: tuple[tree.Step, ...], merge: tree.Merge, broken: int) -> tree.Chain:
    return _chain((*before, tree.Step(merge, None, None, NOWHERE)), broken)


def _chain(steps: tuple[tree.Step, ...], broken: int) -> tree.Chain:
    """`broken` has a bit for each step before which the line ends."""
    return tree.Chain(steps, frozenset(i for i in range(1, len(steps)) if broken >> i & 1), NOWHERE)


# --- statements and definitions ------------------------------------------------------------

statements: Any = st.deferred(
    lambda: (
        lines
        | st.one_of(
            node(tree.Path, names, lines | bodies),
            node(tree.Let, names, expressions),
            node(tree.Shared, names, names | calls),
            node(tree.Repeat, expressions, st.none() | names, bodies),
            node(tree.For, several(names, 1), expressions, bodies),
            node(tree.If, several(st.tuples(expressions, bodies), 1, 2), st.none() | bodies),
            node(tree.Return, several(expressions | spreads, 1)),
            node(tree.Output, names, st.booleans(), lines | bodies),
            node(tree.Stage, names, st.none() | expressions, st.none() | strings, None, st.just(()), lines),
            node(
                tree.Stage,
                names,
                st.none() | expressions,
                st.none() | strings,
                st.none() | docs,
                several(defaults, most=2),
                bodies,
            ),
        )
    )
)
bodies: Any = node(tree.Body, several(statements, 1, 2))
parameters = node(
    tree.Parameter,
    names,
    st.none() | st.sampled_from(("int", "float", "bool", "str", "list", "block", "op")),
    st.none() | expressions,
    st.none() | strings,
)
assignments = node(tree.Assignment, names, expressions)
defines = node(tree.Define, names, several(names), expressions)
defaults = node(tree.Defaults, several(rules, 1)) | node(tree.Init, several(rules, 1))
items = st.one_of(
    statements,
    node(tree.Citation, strings),
    node(tree.Input, names, expressions, st.sampled_from(("float", "int"))),
    parameters,
    node(tree.Scaling, several(assignments, 1)),
    node(tree.Variants, several(node(tree.Variant, st.sampled_from(LABELS), several(assignments)), 1)),
    defines,
    node(tree.Require, expressions, strings),
    defaults,
    node(tree.Expect, st.none() | st.sampled_from(LABELS), several(comparisons, 1)),
)
ports = node(tree.Ports, several(names, 1), st.none() | names) | node(tree.Ports, (), names)
definitions = st.one_of(
    node(tree.Import, several(words, 1), several(names, 1)),
    node(tree.Defaults, several(rules, 1)),
    defines,
    node(tree.Block, names, several(parameters), st.none() | ports, st.none() | docs, bodies),
    node(tree.Network, names, st.none() | docs, several(items, 1)),
)
specs = several(definitions, 1).map(lambda parts: tree.Spec(NOWHERE.source, parts))
