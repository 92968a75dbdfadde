"""What reading a network of others gives: a graph, and how the network itself names what the graph has.

Every reader gives this, whatever it reads: code, or a file of another tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archdsl.ir.graph import Graph
from archdsl.ir.recorded import Recorded


@dataclass(frozen=True)
class Imported:
    """An imported graph, and how its weights are named in the network that was read.

    `keys` are the names of the weights there (those of a state_dict), by node and by the op's own name of a parameter
    or buffer (`weight`, `running_mean`). `unused` are the names that no node has. `drop_paths` are the probabilities of
    the drop paths that were called, in order. (A module is traced in evaluation mode, and its graph does not contain
    them.) `left_out` says how many parameters are unused; it is empty if none is. `modules` has the module that each
    scope was made by, and `recorded` what is known of it, if it was made here. `inference` tells whether the network
    is one for inference alone, into whose layers normalizations may be folded. `notes` are sentences for the user.
    """

    graph: Graph
    keys: Mapping[str, Mapping[str, str]]
    unused: tuple[str, ...]
    drop_paths: tuple[float, ...] = ()
    left_out: str = ""
    modules: Mapping[str, str] = field(default_factory=dict)
    recorded: Mapping[str, Recorded] = field(default_factory=dict)
    inference: bool = False
    notes: tuple[str, ...] = ()
