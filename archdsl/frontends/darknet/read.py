"""Reads a darknet configuration as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.darknet.layers import LAYERS
from archdsl.frontends.darknet.network import Failed, Network
from archdsl.frontends.darknet.sections import Section, sections
from archdsl.frontends.flat import Flat, Ref, not_read, too_many, wrong
from archdsl.ir.imported import Imported
from archdsl.source import Source
from archdsl.suggest import nearest
from archdsl.syntax.parser import check_size, read_source
from archdsl.tensor import Tensor
from archdsl.text import shown

NET = ("net", "network")


def read(path: Path, name: str, inputs: Sequence[Tensor]) -> Imported:
    """The network in a darknet configuration. Raises `CompileError` if it is wrong.

    The image has the size that `[net]` states, or that of `inputs`, channels first.
    """
    source = read_source(path, name)
    check_size([source])
    return read_text(source, path.stem, inputs)


def read_text(source: Source, title: str, inputs: Sequence[Tensor] = ()) -> Imported:
    """The same for the text of a configuration. The network is called `title`."""
    first, *layers = sections(source)
    flat = Flat(source)
    if len(inputs) > 1:
        raise too_many(source, len(inputs), 1)
    image = _image(flat, first, inputs)
    net = Network(flat, image)
    for section in layers:
        net.values.append(_layer(net, section))
        net.current = net.values[-1]
    if flat.problems:
        raise CompileError(flat.problems)
    if not layers:
        raise CompileError([Diagnostic("bad-model-file", f"{source.name} has no layers", first.span)])
    return flat.imported(title, _results(net), len(net.outputs) or 1, "\n".join(net.said))


def _image(flat: Flat, section: Section, inputs: Sequence[Tensor]) -> Ref:
    """The input, of the size that the first section states."""
    with flat.noting():
        if section.kind not in NET:
            message = (
                f"the first section is `[net]`, which states the size of the image, got `[{shown(section.kind, 60)}]`"
            )
            raise wrong(message, section.span)
        stated = [section.whole(side, 0) for side in ("channels", "height", "width")]
        if not inputs and not all(stated):
            missing = next(s for s, size in zip(("channels", "height", "width"), stated, strict=True) if not size)
            raise wrong(f"`[{section.kind}]` states no {missing}", section.span, f"write `{missing}=...` below it")
        tensor = inputs[0] if inputs else Tensor(*stated)
        return flat.add("input", span=section.span, name="image", dims=tensor.dims)[0]
    raise CompileError(flat.problems)


def _layer(net: Network, section: Section) -> Ref | None:
    """The value of a section; None if it could not be read, which is noted."""
    with net.flat.noting():
        if section.kind not in LAYERS:
            meant = nearest(section.kind, sorted(LAYERS))
            help = f"did you mean `[{meant}]`?" if meant else "write the network as a spec, see `docs/language.md`"
            raise not_read(f"`[{shown(section.kind, 60)}]` is no section that is read", section.span, help)
        try:
            return LAYERS[section.kind](net, section)
        except Failed:
            return None
        finally:
            net.flat.problems += section.slips()
    return None


def _results(net: Network) -> list[tuple[str, Ref]]:
    """The outputs: what the layers for boxes take, the last one first, or else what the last layer gives."""
    if not net.outputs:
        assert net.current is not None, "a network whose layers were all read gives something"
        return [("output", net.current)]
    *others, last = net.outputs
    return [last, *others]
