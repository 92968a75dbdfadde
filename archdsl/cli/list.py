"""`archdsl list`: the specs that come with archdsl."""

from __future__ import annotations

from archdsl.cli.output import console, table


def list_specs() -> None:
    """List the specs of the library: what they are, their variants, their parameters."""
    from archdsl.cli.complete import library
    from archdsl.driver import open_spec

    rows = table("spec", "network", "variants", "parameters")
    for name in library():
        network = open_spec(name).network
        assert network is not None, f"{name} of the library has no network"
        settings = [*(p.name for p in network.parameters), *(formula.name.name for formula in network.scaling)]
        rows.add_row(name, network.doc.partition("\n")[0], " ".join(network.variants), " ".join(settings))
    console().print(rows)
    print("\nA name stands for a file wherever a spec is asked for, and NAME@VARIANT for a variant of it.")
