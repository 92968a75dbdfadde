"""The methods of `Expander` (in `expand.py`) that `steps.py`, `merge.py` and `regions.py` call.

`Expander` calls these modules and they call it. They import only this protocol, so that no import is circular.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from archdsl.elaborate.defaults import Defaults
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.naming import Text
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import Failed, Flow, Unit
from archdsl.ir.builder import Home, Ref
from archdsl.ir.graph import ScopeKind
from archdsl.resolve.model import Block
from archdsl.source import Span
from archdsl.syntax import tree

Result = Flow | tuple[Flow, ...] | Failed | None
"""What flows: one value, several, nothing yet, or something that failed."""


class Shell(NamedTuple):
    """The scope that a block fills, and its name. It is the block's own, or that of the stage, output or copy that
    consists of the block."""

    kind: ScopeKind
    name: str
    what: str
    facts: dict[str, Any]
    copy: tuple[int, int] | None = None
    home: Home | None = None


class Expansion(Protocol):
    """The part of `Expander` that other modules use. Its methods are documented there."""

    session: Session
    defaults: Defaults
    until: str | None
    read: frozenset[str]
    is_inner: bool
    outputs: dict[str, tuple[list[Ref], bool, bool]]

    def names_of(self, flow: Text, values: Iterable[str] = ()) -> AbstractContextManager[None]: ...

    def name_of(self, part: object) -> str: ...

    def stage_name(self, stage: tree.Stage, environment: Environment) -> str: ...

    def rest_of(self, branch: tree.Branch) -> tree.Branch: ...

    def body(self, block: Block, environment: Environment) -> Result: ...

    def statements(self, statements: Iterable[tree.FlowStatement], environment: Environment) -> Result: ...

    def attempt(self, statement: tree.FlowStatement, environment: Environment) -> Result: ...

    def chain(self, chain: tree.Chain, incoming: Result, environment: Environment) -> Result: ...

    def is_value(self, target: tree.StepTarget, environment: Environment) -> bool: ...

    def head(self, step: tree.Step, environment: Environment) -> Result: ...

    def step(
        self, step: tree.Step, incoming: Result, environment: Environment, shell: Shell | None = None
    ) -> Result: ...

    def unit(self, target: tree.Name | tree.Call | tree.VariantOf, environment: Environment) -> Unit: ...

    def arm(
        self,
        place: Span,
        conditions: tuple[tree.Expression, ...],
        arms: int,
        taken: int,
        environment: Environment,
        flow: Result,
    ) -> AbstractContextManager[dict[str, tuple[Ref, ...]]]: ...
