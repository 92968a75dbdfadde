"""Outputs that have the channels last in one of the two networks: the same numbers with their axes in another order.

Language models give their logits so, and the language has the channels first.
"""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.prove.form import Form, Part

Lasts = tuple[frozenset[int], frozenset[int]]
"""The numbers of the results that have the channels last in only one of two networks: in ours, in theirs."""


def put_first(forms: tuple[Form, Form]) -> Lasts:
    """Puts the channels of such outputs first, and says which they are. Changes the forms in place.

    An output that has them last in both networks stays as it is, and so do those of training, which have no order.
    """
    found = tuple({part.arguments.get("index"): place for place, part in enumerate(form.outputs)} for form in forms)
    lasts: tuple[set[int], set[int]] = (set(), set())
    for index in found[0].keys() & found[1].keys() - {None}:
        places = [places[index] for places in found]
        are_last = [_has_last(form.outputs[place]) for form, place in zip(forms, places, strict=True)]
        if any(are_last) and not all(are_last):
            side = are_last.index(True)
            _put_first(forms[side].outputs[places[side]])
            lasts[side].add(places[side])
    return frozenset(lasts[0]), frozenset(lasts[1])


def said(lasts: Lasts) -> Iterator[str]:
    """A note on each network that has outputs with the channels last."""
    for places, where in zip(lasts, ("here", "there"), strict=True):
        if places:
            which = "its output has" if len(places) == 1 else f"{len(places)} of its outputs have"
            yield f"{where}, {which} the channels last: compared with the axes moved"


def _has_last(output: Part) -> bool:
    source = output.inputs[0].part
    return source.op == "permute" and source.arguments["order"] == (*range(2, len(output.dims[0]) + 1), 1)


def _put_first(output: Part) -> None:
    *positions, channels = output.dims[0]
    output.inputs, output.dims = list(output.inputs[0].part.inputs), ((channels, *positions),)
