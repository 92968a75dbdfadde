"""`archdsl list`: the specs that come with archdsl."""

from __future__ import annotations

from archdsl.cli.output import print_table


def list_specs() -> None:
    """List the specs of the library: what they are, their variants, their parameters."""
    from archdsl.cli.complete import library
    from archdsl.driver import open_spec

    rows = []
    for name in library():
        network = open_spec(name).network
        assert network is not None, f"{name} of the library has no network"
        settings = [*(p.name for p in network.parameters), *(formula.name.name for formula in network.scaling)]
        about = [network.doc.partition("\n")[0]]
        about += [f"variants: {' '.join(network.variants)}"] if network.variants else []
        about += [f"parameters: {' '.join(settings)}"] if settings else []
        rows.append((name, "\n".join(about)))
    print_table(("spec", "what it is, its variants, its parameters"), rows)
    print("\nA name stands for a file where a spec is asked for; NAME@VARIANT is a variant.")
