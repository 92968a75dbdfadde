"""What an importer knows of a part of a network besides its ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of a module: its class, the arguments it was made with, and the names of its inputs."""

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
