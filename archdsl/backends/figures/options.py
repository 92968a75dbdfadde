"""What a figure may be asked for, beside the network."""

from __future__ import annotations

from dataclasses import dataclass, field

from archdsl.backends.figures.known import ThemeName
from archdsl.backends.figures.style import THEMES, Theme


@dataclass(frozen=True, slots=True)
class Paper:
    """The page in points: a slide of 13⅓ inches at 16:9, unless asked otherwise."""

    width: float = 960.0
    aspect: float = 16 / 9

    @property
    def height(self) -> float:
        return self.width / self.aspect


@dataclass(frozen=True, slots=True)
class Options:
    """What each is of: `depth` and `expand` of the graph figure, `block` of the block figure, `cost` of `compare`.

    Other figures do not look at them.
    """

    theme: ThemeName = "light"
    paper: Paper = field(default_factory=Paper)
    depth: int | None = None
    expand: tuple[str, ...] = ()
    block: str | None = None
    cost: str | None = None

    @property
    def colours(self) -> Theme:
        return THEMES[self.theme]
