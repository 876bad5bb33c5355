"""One run of the controller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Session:
    """What a journal is told about this run of the controller."""

    world: str
    camera: str = "rendered"
    seed: int = 0
    autostart: bool = True
