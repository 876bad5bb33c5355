"""A swappable tool of the arm: what it is, what it can do, how long it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from microcell.description.base import Description, Document, FileName, Metre, PoseSpec, PositiveMetre
from microcell.description.shape import ShapeSpec

Capability = Literal["grip", "suction", "drive_screw", "dispense", "weld"]


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a tool: fingers must open to `width_m` and close with `force_n`, a bit must turn with `torque_n_m`
    and at `speed_rad_s`."""

    capability: Capability
    width_m: float = 0.0
    force_n: float = 0.0
    torque_n_m: float = 0.0
    speed_rad_s: float = 0.0


class ToolLife(Description):
    """Limits of a tool's life, counted for each serial; at the first that is reached, the tool is not used any more."""

    cycles: int = Field(0, ge=0, description="Uses: operations in which it was on the arm; 0 = no limit.")
    torque_n_m_h: float = Field(0.0, ge=0, description="Torque-hours: its torque summed over time; 0 = no limit.")
    calibration_days: int = Field(
        0, ge=0, description="Days that a calibration holds, from the date in the tool's pocket; 0 = no limit."
    )


class ToolBase(Document):
    """What every tool has; frames are the flange's, z out of the flange."""

    kind: Literal["tool"]
    coupling: str = Field(description="Coupling standard; the arm's changer must have the same.")
    capabilities: tuple[Capability, ...] = Field(min_length=1, description="What it can do; grasps ask for one of these.")
    mass_kg: float = Field(gt=0, le=50, description="Mass.")
    centre_of_gravity_m: tuple[Metre, Metre, Metre] = Field((0.0, 0.0, 0.0), description="In the flange's frame.")
    model: FileName | None = Field(
        None, description="URDF or xacro file of its solids and looks, in urdf/tools or beside this file; root: the flange."
    )
    shape: tuple[ShapeSpec, ...] = Field((), description="Solids instead of the model's, in the flange's frame.")
    tcp_in_flange: PoseSpec = Field(description="Tool centre point; its z axis points away from the flange.")
    life: ToolLife = Field(ToolLife(), description="How long one tool of this kind lasts.")

    def can(self, task: Task) -> bool:
        """Whether it can do a task."""
        return task.capability in self.capabilities


OPENING_MARGIN_M, LEAST_MARGIN_M = 0.012, 0.002
"""How much wider than what they take fingers open; at least so much, or they come down on it."""


class GripperTool(ToolBase):
    """Two parallel fingers that close along the TCP's x axis."""

    device: Literal["gripper"]
    stroke_m: PositiveMetre = Field(description="Opening between the fingers when open.")
    speed_m_s: float = Field(0.1, gt=0, le=2, description="At which the opening changes.")
    force_max_n: float = Field(gt=0, le=2000, description="Greatest gripping force.")
    goal_tolerance_m: float = Field(
        0.001, gt=0, le=0.0015, description="On ROS: the opening that was asked for is reached when it is so near."
    )
    at_rest_m_s: float = Field(0.002, gt=0, le=0.1, description="On ROS: a finger that seems slower than this stands.")

    def opening_m(self, width_m: float) -> float:
        """How far the fingers open around something so wide, m."""
        return min(width_m + OPENING_MARGIN_M, self.stroke_m)

    def can_grip(self, width_m: float, force_n: float) -> bool:
        """Whether the fingers go around something so wide, and press so hard."""
        return self.stroke_m >= width_m + LEAST_MARGIN_M - 1e-9 and self.force_max_n >= force_n

    def can(self, task: Task) -> bool:
        return super().can(task) and self.can_grip(task.width_m, task.force_n)


class VacuumTool(ToolBase):
    """A suction cup with pressure switch."""

    device: Literal["vacuum"]
    cup_diameter_m: PositiveMetre = Field(description="Diameter of the cup's lip.")
    pressure_pa: float = Field(60_000, gt=0, le=101_325, description="Under-pressure when sealed.")
    settle_s: float = Field(0.25, gt=0, le=10, description="Time from switching until the pressure is steady.")


class ScrewdriverTool(ToolBase):
    """A driven magnetic bit with torque and angle sensing."""

    device: Literal["screwdriver"]
    torque_max_n_m: float = Field(gt=0, le=100, description="Greatest torque.")
    speed_max_rad_s: float = Field(60.0, gt=0, le=1000, description="Greatest speed.")

    def can(self, task: Task) -> bool:
        strong = self.torque_max_n_m >= task.torque_n_m and self.speed_max_rad_s >= task.speed_rad_s
        return super().can(task) and strong


class DispenserTool(ToolBase):
    """A nozzle with a metering pump and a cartridge."""

    device: Literal["dispenser"]
    flow_kg_s: float = Field(gt=0, le=1, description="The most that the pump gives; the nozzle goes no faster.")
    cartridge_kg: float = Field(gt=0, le=50, description="What a full cartridge holds.")
    open_s: float = Field(0.05, gt=0, le=5, description="Time to open or close the valve.")


class WelderTool(ToolBase):
    """A spot welding head with two electrodes side by side."""

    device: Literal["welder"]
    energy_j: float = Field(gt=0, le=10_000, description="Of one spot.")
    weld_s: float = Field(0.05, gt=0, le=5, description="Time for one spot, charging included.")


Tool = Annotated[GripperTool | VacuumTool | ScrewdriverTool | DispenserTool | WelderTool, Field(discriminator="device")]
