"""What the `forward` of a class does, step by step: calls of members, and loops over copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.backends.torch.loops import Loop, find_loop
from archdsl.backends.torch.outline import Form, Member, Outline
from archdsl.ir.graph import Scope, Value


@dataclass(frozen=True, slots=True)
class Call:
    """One call: of a module, or of an expression that stands in `forward` itself."""

    member: Member
    takes: tuple[Value, ...]
    gives: tuple[Value, ...]


Step: TypeAlias = Call | Loop


def steps(outline: Outline, path: str) -> tuple[Step, ...]:
    """The live steps of a scope that is a class, in order; copies in a list are its owner's steps."""
    return tuple(_steps(outline, path))


def _steps(outline: Outline, path: str) -> Iterator[Step]:
    for member in outline.members(path):
        if not outline.is_live(member):
            continue
        if isinstance(member, Scope) and outline.forms[member.path] is Form.LIST:
            yield from _list_steps(outline, member)
        else:
            yield Call(member, outline.takes(member), outline.gives(member))


def _list_steps(outline: Outline, container: Scope) -> Iterator[Step]:
    """A loop over the copies of a list, with those before and after it; one call each where there is no loop."""
    loop = find_loop(outline, container)
    called = list(_steps(outline, container.path))
    if loop is None:
        yield from called
        return
    looped = {copy.path for copy in loop.copies}
    members = (step.member for step in called if isinstance(step, Call))
    first = next(i for i, member in enumerate(members) if isinstance(member, Scope) and member.path in looped)
    yield from called[:first]
    yield loop
    yield from called[first + len(looped) :]
