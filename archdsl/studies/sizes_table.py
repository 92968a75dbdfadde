"""The sizes that a network accepts, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.backends.tables.table import Column, Table, lines
from archdsl.studies.periodic import listed
from archdsl.studies.sizes import Reason, Sizes

SHOWN = 4
"""The most sizes around the declared one, and the most nodes that lose rows, that are named."""


def sizes_table(title: str, found: tuple[Sizes, ...]) -> Table:
    """The table for all axes: above it, in words, the sizes that each accepts; a line for each reason for a failure."""
    groups = _alike(found)
    rows = [[group[0].axis.name, *_reason(reason)] for group in groups for reason in group[0].reasons]
    heading = [line for group in groups for line in _about(group)] or ["Its inputs are vectors: they have no size."]
    return Table(
        title,
        [
            Column("axis", "", leads=True),
            Column("size", "at", "number", leads=True),
            Column("reason", "why not"),
            Column("place", "where", "name"),
            Column("sizes", "sizes", "number"),
        ],
        lines(rows),
        heading=heading,
        facts={"spec": title, "axes": [_facts(one) for one in found]},
    )


def _alike(found: tuple[Sizes, ...]) -> list[list[Sizes]]:
    """Groups of axes with equal results, such as height and width, which are described together."""
    groups: dict[tuple[Any, ...], list[Sizes]] = {}
    for one in found:
        rules = (one.accepted, one.smallest, one.exceptions, one.lossless, one.same_weights)
        groups.setdefault((one.axis.start, *rules), []).append(one)
    return list(groups.values())


def _reason(reason: Reason) -> list[Any]:
    return [reason.example, reason.text, reason.node or str(reason.problem.span or ""), len(reason.sizes)]


def _about(group: list[Sizes]) -> Iterator[str]:
    one, *others = group
    axis = one.axis
    yield ""
    meaning = ", likewise ".join([axis.meaning, *(other.axis.meaning for other in others)])
    declared = f"{axis.start} as declared" + ("" if one.origin == axis.start else ", which is not accepted")
    yield f"{f'{axis.name} is the ' if axis.setting else ''}{meaning}: {declared}"
    yield _rule(one)
    yield _lost(one)
    yield _weights(one)
    yield f"{len(one.verdicts)} sizes were tried, {min(one.verdicts)} to {max(one.verdicts)}."


def _rule(one: Sizes) -> str:
    axis, rule = one.axis, one.accepted
    if rule is None:
        accepted = listed(size for size, verdict in one.verdicts.items() if verdict.accepted)
        return f"No rule was found for {axis.name}; of the sizes tried it may be {accepted}."
    if rule.is_everything:
        text = f"{axis.name} may be anything from {one.smallest} on"
    else:
        text = f"{axis.name} must be {rule}, at least {one.smallest}: {_examples(one)}"
    if not one.exceptions:
        return f"{text}."
    taken = [size for size in one.exceptions if one.verdicts[size].accepted]
    not_taken = [size for size in one.exceptions if not one.verdicts[size].accepted]
    texts = [f"{listed(taken)} too"] if taken else []
    texts += [f"not {listed(not_taken)}"] if not_taken else []
    return f"{text}; {', but '.join(texts)}."


def _examples(one: Sizes) -> str:
    """Some accepted sizes around the origin, in words."""
    rule, start = one.accepted, one.origin
    assert rule is not None
    below = [size for size in range(max(one.smallest, start - 2 * rule.period), start) if size in rule]
    above = [size for size in range(start, start + 3 * rule.period) if size in rule]
    return ", ".join(map(str, [*below[-SHOWN // 2 :], *above[: SHOWN // 2 + 1]]))


def _lost(one: Sizes) -> str:
    loss = one.loss
    if loss is None:
        return "No rows are lost."
    nodes = [f"{id} loses {' and '.join(_rows(lost))}" for id, lost in loss.nodes[:SHOWN]]
    more = f" and {len(loss.nodes) - SHOWN} more" if len(loss.nodes) > SHOWN else ""
    if one.lossless is None or not one.lossless.remainders:
        rule = "Every size loses rows"
    else:
        rule = f"Rows are lost unless {one.axis.name} is {one.lossless}"
    return f"{rule}: at {loss.example} {', '.join(nodes)}{more}."


def _rows(lost: tuple[int, ...]) -> Iterator[str]:
    names = ("position",) if len(lost) == 1 else ("row", "column")
    for count, name in zip(lost, names, strict=True):
        if count:
            yield f"{count} {name}{'s' if count != 1 else ''}"


def _weights(one: Sizes) -> str:
    if not one.weights_vary:
        return "The weights are the same for every size."
    first, last = one.same_weights
    reach = f"from {first} on" if last is None else f"{first} to {last}" if first != last else "no other size"
    return f"The weights depend on the size: those for {one.origin} fit {reach}."


def _facts(one: Sizes) -> dict[str, Any]:
    rule = one.accepted
    return {
        "name": one.axis.name,
        "setting": one.axis.setting,
        "declared": one.axis.start,
        "period": rule.period if rule else None,
        "remainders": list(rule.remainders) if rule else None,
        "smallest": one.smallest,
        "exceptions": list(one.exceptions),
        "tried": sorted(one.verdicts),
        "accepted": sorted(size for size, verdict in one.verdicts.items() if verdict.accepted),
        "losing_rows": sorted(size for size, verdict in one.verdicts.items() if verdict.accepted and verdict.dropped),
        "same_weights": list(one.same_weights),
    }
