"""`archdsl list`: the specs that come with archdsl."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archdsl.cli.output import print_table, table

if TYPE_CHECKING:
    from archdsl.syntax import tree


def list_specs() -> None:
    """List the specs of the library: what they are, their variants, their parameters."""
    from archdsl.resources import specs_folder
    from archdsl.syntax.parser import parse, read_source

    rows = table("spec", "what it is, its variants, its parameters")
    for path in sorted(specs_folder().glob("*.arch")):
        rows.add_row(path.stem, "\n".join(_about(parse(read_source(path, path.name)))))
    print_table(rows)
    print("\nA name stands for a file where a spec is asked for; NAME@VARIANT is a variant.")


def _about(spec: tree.Spec) -> Iterator[str]:
    """What the head of a network says. Its imports are not read, and nothing is compiled."""
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
