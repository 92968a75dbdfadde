"""A network as a U, where it has that form inside its stages, and fits the page so."""

from __future__ import annotations

from archdsl.backends.figures.arms.drawing import Drawer
from archdsl.backends.figures.arms.reading import read
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import page, scale
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.view import Viewer


def in_arms(viewer: Viewer, figure: str, options: Options, *, costs: bool) -> Scene | None:
    """The picture with its head and legend; None where the network has no such form, or is too large."""
    arms = read(viewer)
    if arms is None:
        return None
    drawer = Drawer(viewer.graph, arms, options.colours, costs=costs)
    picture = drawer.picture()
    if scale(picture, options.paper) < 1:
        return None
    return page(viewer.graph, figure, picture, options, (), drawer.keys())
