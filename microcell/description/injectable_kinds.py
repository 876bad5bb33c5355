"""What a fault that can be injected says of itself, and what it can happen to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from microcell.faults import CATALOGUE

World = Literal["virtual", "mock"]
Told = Literal["fault", "inspection", "nobody"]

DEVICE_KINDS = (
    "arm", "gripper", "vacuum", "screwdriver", "tool_changer", "tool_crib", "force_sensor", "camera", "feeder", "fixture",
    "printer", "carton_station", "dispenser", "welder", "press", "turner", "tester", "bin",
)  # fmt: skip
PROGRAM_KINDS = ("journal", "clock", "skills", "node")
"""What is no device: the cell's journal, its clock, its skill server, a process of the ROS cell."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a fault is: unit, default, bounds, and what it is the size of."""

    unit: str
    default: float
    low: float
    high: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Injectable:
    """One fault that can be injected.

    `fits` are the kinds of device (or program) it can happen to; `commands` those commands of a kind that it happens at,
    all where it has none. `codes` is what the cell must tell, any of them. Told by inspection: the unit is rejected and
    reworked or replaced. Told by nobody: it must do no harm. `recoverable`: the order ends well without an operator.
    `times`: how often it happens where the schedule does not say.
    """

    sentence: str
    fits: tuple[str, ...]
    codes: tuple[str, ...] = ()
    told: Told = "fault"
    recoverable: bool = False
    worlds: tuple[World, ...] = ("virtual", "mock")
    size: Size | None = None
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    times: int = 1

    def __post_init__(self) -> None:
        unknown = sorted(set(self.codes) - set(CATALOGUE)) + sorted(set(self.fits) - {*DEVICE_KINDS, *PROGRAM_KINDS})
        if unknown or (self.told == "fault") != bool(self.codes):
            raise ValueError(f"an injectable fault that names {', '.join(unknown) or 'no code'}: {self.sentence}")

    def happens_at(self, kind: str, command: str) -> bool:
        """Whether it can happen at a command of a kind of device."""
        return kind in self.fits and (kind not in self.commands or command in self.commands[kind])
