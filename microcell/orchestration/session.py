"""What a journal is told about a run of the controller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Session:
    """The world and how it is simulated; with `autostart` the cell resets and starts by itself."""

    world: str
    camera: str = "rendered"
    seed: int = 0
    autostart: bool = True
