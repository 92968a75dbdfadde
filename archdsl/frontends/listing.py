"""The text that stands for the source of an imported network: a line for each module and each call.

layer1.0: Bottleneck
layer1.0.conv1: Conv2d(64, 64, kernel_size=(1, 1), stride=(1, 1), bias=False)
layer1.0.add: add(layer1.0.bn3, layer1.0.downsample.1)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archdsl.source import Source, Span


def listing(name: str, lines: Iterable[tuple[str, str]]) -> Mapping[str, Span]:
    """Spans of a source called `name`, by path, for lines of path and description."""
    texts = {path: f"{path}: {text}" if path else text for path, text in lines}
    source = Source(name, "".join(f"{text}\n" for text in texts.values()))
    starts = source.line_starts
    return {
        path: Span(source, starts[line], starts[line] + len(text)) for line, (path, text) in enumerate(texts.items())
    }
