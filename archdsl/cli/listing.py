"""`archdsl list` and `archdsl ops`: the specs and the ops that come with archdsl."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.complete import op_names
from archdsl.cli.output import print_table, width

if TYPE_CHECKING:
    from archdsl.ops.reference import OpReference
    from archdsl.syntax import tree


def list_specs() -> None:
    """List the specs that come with archdsl: what each is, its variants and its parameters."""
    from archdsl.resources import specs_folder
    from archdsl.syntax.parser import parse, read_source

    specs = sorted(specs_folder().glob("*.arch"))
    rows = [(path.stem, "\n".join(_about_spec(parse(read_source(path, path.name))))) for path in specs]
    print_table(("spec", "what it is, its variants, its parameters"), rows)
    print("\nEach name stands for its file in every command; NAME@VARIANT is a variant.")


def _about_spec(spec: tree.Spec) -> Iterator[str]:
    """The description, variants and parameters that a network declares. Imports are not read, nothing is compiled."""
    from archdsl.syntax.tree import Network, Parameter, Scaling, Variants

    network = next(item for item in spec.items if isinstance(item, Network))
    heads = [item for item in network.items if isinstance(item, Parameter | Scaling | Variants)]
    variants = [v.name for head in heads if isinstance(head, Variants) for v in head.variants]
    settings = [head.name.name for head in heads if isinstance(head, Parameter)]
    settings += [formula.name.name for head in heads if isinstance(head, Scaling) for formula in head.assignments]
    yield network.doc.value.partition("\n")[0] if network.doc else ""
    if variants:
        yield f"variants: {' '.join(variants)}"
    if settings:
        yield f"parameters: {' '.join(settings)}"


NameArgument = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Name of an op.", autocompletion=op_names, show_default=False)
]


def ops(ctx: typer.Context, name: NameArgument = None) -> None:
    """List the ops, or describe one: its arguments, their defaults, examples with shapes."""
    if name is None:
        _print_all()
    else:
        _print_one(ctx, name)


def _print_all() -> None:
    from archdsl.ops.reference import families, reference

    for family, members in families().items():
        print(f"{family.capitalize()}")
        print_table(["", ""], [(f"  {op.name}", reference(op).summary) for op in members])
        print()
    print("`archdsl ops NAME` describes one op.")


def _print_one(ctx: typer.Context, name: str) -> None:
    from archdsl.ops.reference import families, reference

    known = {op.name: op for members in families().values() for op in members}
    if name not in known:
        from archdsl.suggest import help_for_step

        help = help_for_step(name, known)
        ctx.fail(f"There is no op `{name}`{f'; {help}' if help else ''}")
    entry = reference(known[name])
    print("\n".join(_about_op(entry)))
    if entry.arguments:
        rows = [
            (a.name, a.type, "required" if a.required else a.default or "unset", a.description) for a in entry.arguments
        ]
        print()
        print_table(["argument", "type", "default", "meaning"], rows)
    print()
    print_table(["example", "in", "out"], entry.examples)


def _about_op(entry: OpReference) -> Iterator[str]:
    from textwrap import wrap

    yield from wrap(entry.signature, width(), subsequent_indent=" " * (len(entry.name) + 1))
    for paragraph in (entry.summary, *entry.details.split("\n\n")):
        if paragraph:
            yield ""
            yield from wrap(paragraph, width())
