"""The controls of a network: its variants, and its parameters and scaling coefficients with what they are now."""

from __future__ import annotations

from typing import Any

from archdsl.ir.graph import Setting
from archdsl.resolve.model import Network
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text

SMALL = 8
"""How far a slider goes whose number is 0 by default."""

LEAST = 0.001
"""A smaller default has no slider."""


def controls(network: Network, variant: str | None, settings: tuple[Setting, ...] = ()) -> dict[str, Any]:
    """All controls, with the values that `settings` have in the compiled network; without one, with none."""
    now = {setting.name: setting for setting in settings}
    rows = [(p.name, p.type, p.default, p.doc) for p in network.parameters]
    rows += [(formula.name.name, "float", formula.value, "") for formula in network.scaling]
    return {
        "variants": list(network.variants),
        "variant": variant,
        "settings": [_control(*row, now.get(row[0])) for row in rows],
    }


def _control(
    name: str, kind: str | None, default: tree.Expression | None, doc: str, now: Setting | None
) -> dict[str, Any]:
    written = expression_text(default) if default is not None else ""
    return {
        "name": name,
        "type": kind or (_kind(now.value) if now else ""),
        "doc": doc,
        "default": written,
        "value": _text(now.value) if now else None,
        "origin": now.origin if now else "",
        "slider": _slider(kind, written),
    }


def _kind(value: Any) -> str:
    return type(value).__name__ if isinstance(value, bool | int | float) else ""


def _text(value: Any) -> str | None:
    """A value as a spec writes it; None for one that no control can hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int | str):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value):
        return f"[{', '.join(filter(None, map(_text, value)))}]"
    return None


def _slider(kind: str | None, default: str) -> dict[str, float] | None:
    """From where to where the slider of a number goes: to twice its default.

    A default that is a formula, or a very small number such as an epsilon, has none.
    """
    usual = _number(default)
    if kind not in ("int", "float") or usual is None or usual < 0 or 0 < usual < LEAST:
        return None
    if kind == "int":
        return {"from": min(1, int(usual)), "to": int(2 * usual) or SMALL, "step": 1}
    top = 2 * usual or SMALL
    return {"from": 0, "to": top, "step": _step(top)}


def _step(top: float) -> float:
    """1, 0.1, 0.01 and so on: the largest of which there are at least 20 to the top.

    >>> _step(8), _step(2.4), _step(0.4)
    (0.1, 0.1, 0.01)
    """
    return next(step for step in (10.0**-digits for digits in range(6)) if top / step >= 20)


def _number(text: str) -> float | None:
    try:
        return float(text.replace("_", ""))
    except ValueError:
        return None
