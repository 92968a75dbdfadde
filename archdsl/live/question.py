"""What the page asks for: a text, the settings of its controls, and which view of the network is in sight."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from archdsl.limits import BYTES

Short = Annotated[str, Field(max_length=1000)]


class Question(BaseModel):
    """One question of the page. Whatever has another form is refused.

    `settings` are texts by name, as on the command line. `beside` names a second network: a name of the library or a
    spec in the folder, perhaps with a variant, or a variant of this text (`@34`). `width` is that of the view in
    points, and `aspect` its width by its height. With `fixes`, only the messages are asked for, with their edits.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(max_length=BYTES)]
    variant: Short | None = None
    settings: Annotated[dict[Short, Short], Field(max_length=200)] = Field(default_factory=dict)
    beside: Short = ""
    fixes: bool = False
    view: Literal["figure", "table", "code"] = "figure"
    figure: Short = "overview"
    rows: Short = "stage"
    width: Annotated[float, Field(ge=200, le=4000)] = 960.0
    aspect: Annotated[float, Field(ge=0.25, le=4)] = 16 / 9
