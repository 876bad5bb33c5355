"""The form of a trial of NIST's Agile Robotics for Industrial Automation Competition, 2024 and 2023.

Source: the competition's documentation, "Configuration Files" (ariac.readthedocs.io).
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

PartType = Literal["battery", "pump", "sensor", "regulator"]
Colour = Literal["red", "green", "blue", "orange", "purple"]
Robot = Literal["floor_robot", "ceiling_robot"]
Sensor = Literal["break_beam", "proximity", "laser_profiler", "lidar", "camera", "logical_camera"]
Station = Literal["as1", "as2", "as3", "as4"]
Agv = Annotated[int, Field(ge=1, le=4)]
Quadrant = Annotated[int, Field(ge=1, le=4)]
Tray = Annotated[int, Field(ge=0, le=9)]

_PI = re.compile(r"([+-]?)\s*(\d+(?:\.\d+)?)?\s*\*?\s*pi\s*(?:/\s*(\d+(?:\.\d+)?))?\Z")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")


def angle_rad(value: Any) -> Any:
    """An angle: a number, or text that is a number or k*pi/m; ValueError for other text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _NUMBER.match(text):
        return float(text)
    found = _PI.match(text)
    if found is None or (found[3] and float(found[3]) == 0.0) or (not found[2] and "*" in text):
        raise ValueError("an angle is a number or k*pi/m, such as pi/2 or -3*pi/4")
    size = float(found[2] or 1) * math.pi / float(found[3] or 1)
    return -size if found[1] == "-" else size


Angle = Annotated[float, BeforeValidator(angle_rad)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class KittingTrays(_Part):
    tray_ids: list[Tray]
    slots: list[Annotated[int, Field(ge=1, le=6)]]


class Inserts(_Part):
    as1: Angle = 0.0
    as2: Angle = 0.0
    as3: Angle = 0.0
    as4: Angle = 0.0


class PlainPart(_Part):
    type: PartType
    color: Colour


class TrayPart(PlainPart):
    quadrant: Quadrant
    rotation: Angle = 0.0
    flipped: bool = False


class AgvParts(_Part):
    tray_id: Tray
    parts: list[TrayPart] = Field(max_length=4)


class BinPart(PlainPart):
    rotation: Angle = 0.0
    flipped: bool = False
    slots: list[Annotated[int, Field(ge=1, le=9)]] = Field(min_length=1)


class PartLot(PlainPart):
    number: int = Field(ge=1, le=1000)
    offset: float = Field(0.0, ge=-1, le=1)
    flipped: bool = False
    rotation: Angle = 0.0


class Conveyor(_Part):
    active: bool
    spawn_rate: float = Field(gt=0)
    order: Literal["sequential", "random"]
    parts_to_spawn: list[PartLot]


class Agvs(_Part):
    agv1: AgvParts | None = None
    agv2: AgvParts | None = None
    agv3: AgvParts | None = None
    agv4: AgvParts | None = None


class Bins(_Part):
    bin1: list[BinPart] | None = None
    bin2: list[BinPart] | None = None
    bin3: list[BinPart] | None = None
    bin4: list[BinPart] | None = None
    bin5: list[BinPart] | None = None
    bin6: list[BinPart] | None = None
    bin7: list[BinPart] | None = None
    bin8: list[BinPart] | None = None


class Parts(_Part):
    agvs: Agvs | None = None
    bins: Bins | None = None
    conveyor_belt: Conveyor | None = None


class PartPlaced(PlainPart):
    agv: Agv


class Submitted(_Part):
    order_id: str


class Announcement(_Part):
    """One of three; which, a rule sees to."""

    time_condition: float | None = Field(None, ge=0)
    part_place_condition: PartPlaced | None = None
    submission_condition: Submitted | None = None


class KitProduct(PlainPart):
    quadrant: Quadrant


class KittingTask(_Part):
    agv_number: Agv
    tray_id: Tray
    destination: Literal["warehouse", "kitting", "as1", "as2", "as3", "as4"]
    products: list[KitProduct] = Field(min_length=1, max_length=4)


class AssembledPose(_Part):
    xyz: tuple[float, float, float]
    rpy: tuple[Angle, Angle, Angle]


class AssemblyProduct(PlainPart):
    assembled_pose: AssembledPose
    assembly_direction: tuple[float, float, float]


class CombinedTask(_Part):
    station: Station
    products: list[AssemblyProduct] = Field(min_length=1, max_length=4)


class AssemblyTask(CombinedTask):
    agv_number: list[Agv] = Field(min_length=1)


class TrialOrder(_Part):
    id: str = Field(pattern=r"^[A-Za-z0-9]{8}$")
    type: Literal["kitting", "assembly", "combined"]
    announcement: Announcement
    priority: bool
    kitting_task: KittingTask | None = None
    assembly_task: AssemblyTask | None = None
    combined_task: CombinedTask | None = None


class _Conditioned(Announcement):
    announcement: Announcement | None = None
    """The documentation's list has the condition below this key, its example beside it."""


class DroppedPart(PlainPart):
    robot: Robot
    drop_after: int = Field(ge=0)
    delay: float = Field(ge=0)


class RobotMalfunction(_Conditioned):
    duration: float = Field(gt=0)
    robots_to_disable: list[Robot] = Field(min_length=1)


class SensorBlackout(_Conditioned):
    duration: float = Field(gt=0)
    sensors_to_disable: list[Sensor] = Field(min_length=1)


class FaultyPart(_Part):
    order_id: str
    quadrant1: bool = False
    quadrant2: bool = False
    quadrant3: bool = False
    quadrant4: bool = False


class Human(_Conditioned):
    behavior: Literal["antagonistic", "indifferent", "helpful"]


class Challenge(_Part):
    dropped_part: DroppedPart | None = None
    robot_malfunction: RobotMalfunction | None = None
    sensor_blackout: SensorBlackout | None = None
    faulty_part: FaultyPart | None = None
    human: Human | None = None


class Trial(_Part):
    """A whole trial. `gripper_types` and `gazebo_state_logging` were there in 2023."""

    time_limit: float = -1.0
    kitting_trays: KittingTrays | None = None
    assembly_inserts: Inserts | None = None
    gripper_types: list[str] | None = None
    gazebo_state_logging: bool | None = None
    parts: Parts | None = None
    orders: list[TrialOrder] = Field(min_length=1)
    challenges: list[Challenge] | None = None


CHALLENGES = tuple(Challenge.model_fields)
CONDITIONS = tuple(Announcement.model_fields)
