"""The results of studies as tables: networks side by side, a sweep, a setting that meets a budget, differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isinf
from typing import Any

from archdsl.analyses.choices import choose
from archdsl.analyses.measures import COMPARED
from archdsl.backends.tables.table import Column, Table, Value, lines, plain, shown
from archdsl.elaborate.derive import shown as setting_text
from archdsl.studies.difference import NetworkDifference
from archdsl.studies.entries import Entry
from archdsl.studies.fit import Fit
from archdsl.studies.ranges import Grid
from archdsl.studies.record import KEY, PROBLEM
from archdsl.studies.search import SearchStep
from archdsl.studies.subject import Subject
from archdsl.studies.sweep import SweepRow
from archdsl.studies.trial import Trier
from archdsl.studies.weights import in_words

SIDES = ("before", "after")
"""The names of the two networks of a difference, in formats for programs."""

SHOWN = 20
"""The most settings that are listed for each reason why the network cannot be compiled with them."""


def measured(names: Iterable[str]) -> list[Column]:
    """The columns for measures by name. Raises `CompileError` for unknown names."""
    found = choose("column", names, COMPARED)
    return [Column(m.name, m.heading, "number" if m.unit == "size" else m.unit, m.about) for m in found]


def explained(names: Iterable[str], precision: str) -> list[str]:
    """A line that says what measures in bytes mean, and with which precision; none if no measure is in bytes."""
    about = [f"{name}: {COMPARED[name].about}" for name in names if COMPARED[name].unit == "bytes"]
    return [f"{'; '.join(about)}, {precision}"] if about else []


# --- networks side by side -------------------------------------------------------------------


def comparison(rows: Sequence[Mapping[str, Any]], measures: Sequence[str], precision: str, exact: bool) -> Table:
    """The table of several networks, with a line for each; `rows` are their values by name of column."""
    columns = [Column("network", "network", leads=True), Column("input", "input"), *measured(measures)]
    return Table(
        f"{len(rows)} network{'s' if len(rows) != 1 else ''}",
        columns,
        lines([[row[column.name] for column in columns] for row in rows]),
        heading=explained(measures, precision),
        exact=exact,
    )


# --- a sweep ---------------------------------------------------------------------------------


def swept(
    network: Subject, points: Grid, trier: Trier, rows: Sequence[SweepRow], precision: str, exact: bool
) -> Iterator[Table]:
    """The table of costs, then a table for each reason why the network cannot be compiled with some settings."""
    varied = points.varied or tuple(points.dimensions)
    good = [row for row in rows if not row.problem]
    settings = [Column(name, name, "number", leads=True) for name in varied]
    columns = [*settings, *(Column(name, name, "number") for name in trier.coefficients), *measured(trier.measures)]
    fixed = ", ".join(f"{name} = {values[0]}" for name, values in points.dimensions.items() if name not in varied)
    yield Table(
        f"{network.network.name} ({network.title}): {len(good):,} of {len(points):,} settings",
        columns,
        lines([[{**row.point, **row.values}[column.name] for column in columns] for row in good]),
        heading=[f"with {fixed}"] if fixed else [],
        notes=explained(trier.measures, precision),
        exact=exact,
    )
    yield from _problems(rows, settings)


def _problems(rows: Iterable[SweepRow], settings: list[Column]) -> Iterator[Table]:
    """A table for each reason why the network cannot be compiled, with the settings."""
    reasons: dict[str, list[tuple[SweepRow, str]]] = {}
    for row in rows:
        if row.trial is not None and row.trial.problem is not None:
            problem = row.trial.problem
            reasons.setdefault(problem.message, []).append((row, problem.label))
    for message, of in reasons.items():
        yield Table(
            f"{len(of):,} {'settings fail' if len(of) > 1 else 'setting fails'}: {message}",
            [*settings, Column("found", "")],
            lines([[*(row.point[column.name] for column in settings), found] for row, found in of[:SHOWN]]),
            notes=[f"and {len(of) - SHOWN:,} more"] if len(of) > SHOWN else [],
        )


def recorded(network: Subject, points: Grid, trier: Trier, rows: Iterable[SweepRow]) -> Table:
    """All points of a sweep with the columns of its record, for programs."""
    names = [*KEY, *points.dimensions, *trier.coefficients, *trier.measures, PROBLEM]
    spec = dict(zip(KEY, (network.title, network.digest), strict=True))
    made = [{**spec, **row.point, **row.values, PROBLEM: row.problem} for row in rows]
    return Table("", [Column(name, name) for name in names], lines([[row.get(name) for name in names] for row in made]))


# --- a budget --------------------------------------------------------------------------------


def fitted(network: Subject, found: Fit, precision: str) -> Table:
    """The table of a search: the value within the budget, and the next one, which exceeds it."""
    names = [budget.measure.name for budget in found.budgets]
    costs = [Column(column.name, column.heading, "number") for column in measured(names)]
    shares = [Column(f"{name}_share", "of budget", "budget") for name in names]
    limits = [int(budget.limit) for budget in found.budgets]
    rows = [["budget", None, *_interleaved(limits, [None for _ in names])]]
    if found.best is not None:
        rows.append(["within", found.best.value, *_costs(found, found.best)])
    if found.beyond is not None:
        rows.append(["over" if found.best else "nearest", found.beyond.value, *_costs(found, found.beyond)])
    return Table(
        _meeting(found),
        [Column("what", "", leads=True), Column(found.name, found.name, "number"), *_interleaved(costs, shares)],
        lines(rows),
        heading=[f"{network.network.name} ({network.title})", *_coefficients(network, found)],
        notes=[*_searched(found), *explained(names, precision)],
        facts={
            "spec": network.title,
            "setting": found.name,
            "best": found.best.value if found.best else None,
            "searched": [end.value for end in found.ends],
            "tried": found.tried,
            "monotone": found.turn is None,
        },
        exact=True,
    )


def _interleaved(ones: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    return [item for pair in zip(ones, others, strict=True) for item in pair]


def _costs(found: Fit, step: SearchStep) -> list[Any]:
    costs = [step.costs[budget.measure.name] for budget in found.budgets]
    shares = [cost / budget.limit for cost, budget in zip(costs, found.budgets, strict=True)]
    return _interleaved(costs, shares)


def _meeting(found: Fit) -> str:
    low, high = sorted(end.value for end in found.ends)
    if found.best is None:
        where = f"no {found.name} between {low:g} and {high:g}" if low != high else f"no {found.name}"
        return f"{where} meets the budget"
    return f"{found.name} = {found.best.value:g} meets the budget"


def _coefficients(network: Subject, found: Fit) -> list[str]:
    """The values of other settings that follow from the value that was found."""
    step = found.best or found.beyond
    assert step is not None
    settings = network.compile({found.name: step.value}).graph.header.settings
    formulas = {formula.name.name for formula in network.network.scaling} - {found.name}
    texts = [f"{setting.name} {setting.value:.6g}" for setting in settings if setting.name in formulas]
    return [f"with {found.name} = {step.value:g}: {', '.join(texts)}"] if texts else []


def _searched(found: Fit) -> list[str]:
    low, high = sorted(end.value for end in found.ends)
    tried = f"{found.tried} values were tried" + (f", from {low:g} to {high:g}" if low != high else "")
    if found.constant:
        return [f"{tried}: the cost is the same for every {found.name}."]
    if found.turn is not None:
        one, other = (step.value for step in found.turn)
        turns = f"the cost rises and falls with {found.name}: it turns between {one:g} and {other:g}"
        may = "be better than the best of these" if found.best else "meet the budget"
        return [f"{tried}; {turns}. A value that was not tried may {may}."]
    rising = found.ends[0].value < found.ends[1].value
    notes = [f"{tried}; the cost only {'rises' if rising else 'falls'} with {found.name}."]
    if found.best is not None and found.beyond is None:
        notes.append("This value is the end of the range; a wider --range may use more of the budget.")
    return notes


# --- a difference ----------------------------------------------------------------------------


def both(
    found: NetworkDifference, labels: tuple[str, str], measures: Sequence[str], precision: str, exact: bool
) -> Table:
    """The table of both networks side by side, with a line for each measure."""
    values = (Column(name, label, "number") for name, label in zip(SIDES, labels, strict=True))
    change = (Column("change", "change", "number"), Column("share", "", "number"))
    return Table(
        f"{labels[0]} → {labels[1]}",
        [Column("measure", "", leads=True), *values, *change],
        lines([_compared(found, column, exact) for column in measured(measures)]),
        heading=[f"{name}: {_setting(ours)} → {_setting(theirs)}" for name, ours, theirs in found.settings],
        notes=explained(measures, precision),
    )


def _compared(found: NetworkDifference, column: Column, exact: bool) -> list[Value]:
    ours, theirs = (measures[column.name] for measures in found.measures)
    texts = [shown(column.unit, value, exact) for value in (ours, theirs)]
    return [column.heading, *texts, *_change(column, ours, theirs, exact)]


def _change(column: Column, ours: Any, theirs: Any, exact: bool) -> tuple[str, str]:
    if ours == theirs:
        return "same", ""
    if ours is None or theirs is None or isinf(ours) or isinf(theirs):
        return "", ""
    share = f"{100 * (theirs - ours) / ours:+.3g} %" if ours else ""
    return shown("change bytes" if column.unit == "bytes" else "change", theirs - ours, exact), share


def _setting(value: Any) -> str:
    return "none" if value is None else setting_text(value)


def differences(found: NetworkDifference, labels: tuple[str, str], exact: bool) -> Table:
    """The table of differences, with a line for each; its notes say whether a checkpoint still loads."""
    rows = [_entry(entry) for entry in found.entries]
    if found.followers:
        ops = f"{found.followers} op{'s' if found.followers != 1 else ''}"
        rows.append(["follows", ops, "as before, on other shapes", found.follows.params, found.follows.macs])
    count = len(found.entries)
    return Table(
        f"{count} difference{'s' if count != 1 else ''}" if rows else "no difference",
        [
            Column("kind", ""),
            Column("path", "path", "name", leads=True),
            Column("what", "what"),
            *(Column(column.name, column.heading, "change") for column in measured(("params", "macs"))),
        ],
        lines(rows),
        notes=list(in_words(found.loading, *labels)),
        facts={**dict(zip(SIDES, labels, strict=True)), **_facts(found)},
        exact=exact,
    )


def _entry(entry: Entry) -> list[Value]:
    """The line of an entry. An entry that was only renamed has no costs."""
    times = f" (×{entry.copies})" if entry.copies > 1 else ""
    cost = (None, None) if entry.kind == "renamed" else (entry.cost.params, entry.cost.macs)
    return [entry.kind, entry.path, entry.what + times, *cost]


def _facts(found: NetworkDifference) -> dict[str, Any]:
    loading = found.loading
    return {
        "measures": [{name: plain(value) for name, value in measures.items()} for measures in found.measures],
        "settings": [{"name": name, "before": ours, "after": theirs} for name, ours, theirs in found.settings],
        "checkpoint": {
            "loads": loading.loads,
            "fitting": len(loading.fitting),
            "misshapen": list(loading.misshapen),
            "missing": list(loading.missing),
            "unexpected": list(loading.unexpected),
            "moved": dict(loading.moved),
        },
    }
