"""What options add to the class of a network, put together: base classes, lines of the constructor, methods."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from archdsl.backends.python.code import Function, Line, Text
from archdsl.backends.torch import inference, published, timm
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.extras import Extras
from archdsl.backends.torch.features import Features
from archdsl.backends.torch.inference import FoldedLoading
from archdsl.backends.torch.network import Further, input_names, network_of, result_names
from archdsl.backends.torch.published import Loading
from archdsl.backends.torch.writing import Layout

HUB = "PyTorchModelHubMixin"
"""The base class of modules that the Hugging Face Hub loads and saves. Its configuration are the constructor's
arguments."""


def extra_names(extras: Extras) -> Iterator[str]:
    """The names in the file that the options use."""
    yield from published.NAMES if extras.published else ()
    yield from inference.NAMES if extras.inference else ()
    yield from (HUB,) if extras.hub else ()
    yield from timm.NAMES if extras.timm else ()


class Furthering:
    """The additions to one network. Raises `CompileError` if it has not what they need."""

    def __init__(self, construction: Construction, layout: Layout, extras: Extras) -> None:
        self.construction, self.extras = construction, extras
        self.graph = network_of(construction)
        self.features = Features(construction, layout) if extras.with_features else None
        self.loading = Loading(self.graph, extras.published, self._takes_channels()) if extras.published else None
        found = extras.inference
        self.folded = FoldedLoading(self.graph, construction.title, found) if found else None

    @property
    def imports(self) -> tuple[str, ...]:
        hub = (f"from huggingface_hub import {HUB}",) if self.extras.hub else ()
        return (*hub, *((timm.IMPORT,) if self.extras.timm else ()))

    @property
    def definitions(self) -> tuple[Text | Function, ...]:
        """What stands before the class."""
        return tuple(chain.from_iterable(one.definitions() for one in (self.loading, self.folded) if one))

    def further(self) -> Further:
        """What is added to the class."""
        bases = (HUB,) if self.extras.hub else ()
        lines = tuple(self.features.lines()) if self.features else ()
        lines += tuple(timm.lines(self.construction)) if self.extras.timm else ()
        lines += self.folded.lines if self.folded else ()
        methods = tuple(self._methods())
        return Further(bases, lines, methods, self._forward())

    def _methods(self) -> Iterator[Function]:
        if self.features is not None:
            _, evaluation = result_names(self.graph, self.construction.title)
            yield from self.features.methods(input_names(self.graph), evaluation or "Tensor", evaluation)
        yield from timm.methods(self.construction) if self.extras.timm else ()
        yield from (self.loading.method(),) if self.loading else ()
        yield from self.folded.methods() if self.folded else ()

    def _forward(self) -> tuple[Line, ...]:
        """`forward` in two steps, where it does the same in training as in evaluation."""
        training, evaluation = result_names(self.graph, self.construction.title)
        if self.features is None or training != evaluation:
            return ()
        takes = ", ".join(input_names(self.graph))
        return (Line(f"return self.forward_head(self.forward_features({takes}))"),)

    def _takes_channels(self) -> bool:
        """Whether the channels of the input are an argument of the class."""
        context = self.construction.context
        channels = (context.channels.get(id(wire)) for wire in self.construction.body.takes)
        return any(found is not None and not hasattr(found, "value") for found in channels)
