"""A cell: the devices on the bench, where they stand, and which driver speaks to each."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from microcell.description.base import (
    Description,
    Document,
    FileName,
    JointRadian,
    Metre,
    Name,
    PoseSpec,
    PositiveMetre,
    Radian,
)
from microcell.description.shape import ShapeSpec
from microcell.geometry import Pose, from_rpy

World = Literal["virtual", "mock", "gazebo", "real"]
WORLDS: tuple[World, ...] = ("virtual", "mock", "gazebo", "real")


class DeviceSpec(Description):
    """What every device may say. Without `driver`, virtual uses `<kind>/mock`, other worlds `<kind>/ros`."""

    driver: dict[World, str] = Field(default_factory=dict, description="Driver by world, as <kind>/<driver>.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Handed to the driver as they are.")
    shape: tuple[ShapeSpec, ...] = Field(
        (), description="Solids that arms keep clear of, in the cell's frame. Without them, those usual for the kind."
    )


class JointLimit(Description):
    """Limits of one turning joint."""

    lower_rad: JointRadian = Field(description="Least position.")
    upper_rad: JointRadian = Field(description="Greatest position.")
    velocity_rad_s: float = Field(gt=0, le=50, description="Greatest speed.")
    acceleration_rad_s2: float = Field(gt=0, le=500, description="Greatest acceleration.")
    jerk_rad_s3: float = Field(gt=0, le=50_000, description="Greatest change of acceleration.")

    @property
    def unit(self) -> str:
        """Unit of positions."""
        return "rad"

    @property
    def values(self) -> tuple[float, float, float, float, float]:
        """Lower and upper position, velocity, acceleration and jerk, in rad and s."""
        return self.lower_rad, self.upper_rad, self.velocity_rad_s, self.acceleration_rad_s2, self.jerk_rad_s3


class LinearJointLimit(Description):
    """Limits of one sliding joint."""

    lower_m: Metre = Field(description="Least position.")
    upper_m: Metre = Field(description="Greatest position.")
    velocity_m_s: float = Field(gt=0, le=20, description="Greatest speed.")
    acceleration_m_s2: float = Field(gt=0, le=500, description="Greatest acceleration.")
    jerk_m_s3: float = Field(gt=0, le=50_000, description="Greatest change of acceleration.")

    @property
    def unit(self) -> str:
        """Unit of positions."""
        return "m"

    @property
    def values(self) -> tuple[float, float, float, float, float]:
        """Lower and upper position, velocity, acceleration and jerk, in m and s."""
        return self.lower_m, self.upper_m, self.velocity_m_s, self.acceleration_m_s2, self.jerk_m_s3


def _kind_of_joint(value: Any) -> str:
    keys = value if isinstance(value, dict) else getattr(type(value), "model_fields", {})
    return "linear" if "lower_m" in keys else "turning"


AnyJointLimit = Annotated[
    Annotated[JointLimit, Tag("turning")] | Annotated[LinearJointLimit, Tag("linear")], Discriminator(_kind_of_joint)
]


class ArmSpec(DeviceSpec):
    """A serial arm with what is built on its wrist."""

    kind: Literal["arm"]
    robot: FileName = Field("six_axis.urdf.xacro", description="URDF or xacro file, in urdf/robots or beside this file.")
    base_link: str = Field("", description="Link that stands at `base_in_cell`; without it, the file's root.")
    tip_link: str = Field("", description="Link of the flange; without it, the end of the file's only chain.")
    base_in_cell: PoseSpec = Field(PoseSpec(), description="Frame of the base.")
    joints: tuple[AnyJointLimit, ...] = Field(min_length=4, max_length=7, description="Limits, base to tip.")
    home_rad: tuple[JointRadian, ...] = Field(
        min_length=4, max_length=7, description="Joint positions at rest, those of sliding joints in m."
    )
    payload_kg: float = Field(gt=0, le=1000, description="Greatest mass of tool and part.")
    payload_reach_m: PositiveMetre = Field(
        0.15, description="Greatest distance of that mass's centre from the flange; a lighter one may be further out."
    )
    tool_changer: Name = Field(description="Tool changer at the flange.")
    force_sensor: Name = Field(description="Force sensor at the flange.")
    approach_m: PositiveMetre = Field(0.06, description="Height above a target where fast motion ends.")
    travel_height_m: PositiveMetre = Field(
        0.16, description="Height of the TCP above the bench on the way between stations."
    )
    serves: tuple[Name, ...] = Field(
        (), description="Stations, feeders and tool cribs that this arm works at; without any, all of the cell."
    )
    turning_radius_m: PositiveMetre = Field(
        0.30, description="In a cell with zones: distance of the TCP from the base at which the arm waits and turns."
    )

    def works_at(self, station: str) -> bool:
        """Whether this arm works at a station, feeder or tool crib."""
        return not self.serves or station in self.serves


class ToolChangerSpec(DeviceSpec):
    """Coupling at an arm's flange."""

    kind: Literal["tool_changer"]
    coupling: str = Field(description="Coupling standard; tools must have the same.")
    lock_s: float = Field(0.4, gt=0, le=10, description="Time to lock or unlock.")


class ForceSensorSpec(DeviceSpec):
    """Force/torque sensor between flange and coupling."""

    kind: Literal["force_sensor"]
    noise_n: float = Field(0.05, ge=0, le=10, description="Standard deviation of the force reading.")
    reaction_s: float = Field(
        0.05, gt=0, le=1, description="Longest time from contact until the arm stands, its way there at full speed."
    )


class Pocket(Description):
    """One pocket of the crib and what stands in it when the cell is set up."""

    flange_in_cell: PoseSpec = Field(description="Flange pose when the tool is coupled in the pocket.")
    tool: Name | None = Field(None, description="Name in this cell of the tool that belongs here; without one it is empty.")
    type: Name | None = Field(None, description="The tool's file, where that is not named as the tool: for equal tools.")
    serial: str = Field("", max_length=64, description="Serial that the coupling reads from the tool.")
    calibrated: date | None = Field(None, description="Day on which this tool was calibrated last.")


class ToolCribSpec(DeviceSpec):
    """Rack for tools."""

    kind: Literal["tool_crib"]
    pockets: tuple[Pocket, ...] = Field(min_length=1, description="One for each tool.")


class FeederSpec(DeviceSpec):
    """Presents parts at one place (nest, screw) or spread over a tray."""

    kind: Literal["feeder"]
    style: Literal["nest", "tray", "screw"] = Field(description="One place, a tray of places, or one screw at a time.")
    part_in_cell: PoseSpec = Field(description="Nominal pose of the presented part; of the first place for a tray.")
    columns: int = Field(1, ge=1, le=100, description="Places of a tray along x.")
    rows: int = Field(1, ge=1, le=100, description="Places of a tray along y.")
    pitch_m: Metre = Field(0.0, description="Distance of a tray's places along x (columns) and y (rows).")
    capacity: int = Field(gt=0, le=100_000, description="Pieces when it is full.")
    index_s: float = Field(0.5, ge=0, le=60, description="Time to bring the next part.")
    scatter_m: float = Field(0.0, ge=0, le=0.05, description="Standard deviation of the true place around the nominal one.")
    scatter_rad: float = Field(0.0, ge=0, le=3.2, description="Standard deviation of the true angle about z.")
    camera: Name | None = Field(None, description="Camera that finds the part; without one the nominal pose must do.")


class FixtureSpec(DeviceSpec):
    """Holds one unit."""

    kind: Literal["fixture"]
    seat_in_cell: PoseSpec = Field(description="Frame of the unit when it is seated.")
    clamp_s: float = Field(0.3, ge=0, le=10, description="Time to clamp or release.")


Pixel = Annotated[float, Field(ge=-20_000, le=20_000)]
Distortion = Annotated[float, Field(ge=-1e6, le=1e6)]


class LampSpec(Description):
    """A lamp beside the lens, far away."""

    azimuth_rad: Radian = Field(2.3, description="Its direction on the bench, from the cell's x axis.")
    elevation_rad: float = Field(0.95, gt=0.1, le=1.5707964, description="Its height over the horizon.")
    width_rad: float = Field(0.25, ge=0, le=1, description="Its width as the part sees it: wide lamps make soft shadows.")
    share_ratio: float = Field(0.12, gt=0, le=1, description="Its share of the light on a level surface.")


class LightSpec(Description):
    """What lights a camera's scene. What the lamps and the room leave over comes from a ring around the lens."""

    room_ratio: float = Field(0.12, ge=0, le=1, description="Share from all sides.")
    lamps: tuple[LampSpec, ...] = Field((LampSpec(),), max_length=8, description="Lamps that cast shadows.")

    @property
    def ring_ratio(self) -> float:
        """Share of the ring around the lens, whose shadows the camera does not see."""
        return 1.0 - self.room_ratio - sum(lamp.share_ratio for lamp in self.lamps)

    @model_validator(mode="after")
    def _shares_are_no_more_than_all(self) -> LightSpec:
        if self.ring_ratio < -1e-9:
            raise ValueError(f"room and lamps give {1.0 - self.ring_ratio:g} of the light; 1 is all")
        return self


USUAL_LIGHT = "usual"
"""The name of the light that is on where no other is asked for."""


class CameraSpec(DeviceSpec):
    """A fixed camera that looks straight down."""

    kind: Literal["camera"]
    lens_in_cell: PoseSpec = Field(
        description="Optical centre; the image's x axis is the frame's x axis, y the negative y axis."
    )
    width_px: int = Field(gt=0, le=10_000, description="Width of the image.")
    height_px: int = Field(gt=0, le=10_000, description="Height of the image.")
    focal_px: float = Field(gt=0, le=200_000, description="Focal length.")
    centre_px: tuple[Pixel, Pixel] | None = Field(
        None, description="Where the optical axis meets the image, from the first pixel's centre; without it, the middle."
    )
    distortion_ratios: tuple[Distortion, Distortion, Distortion, Distortion, Distortion] = Field(
        (0.0, 0.0, 0.0, 0.0, 0.0), description="Lens distortion k1, k2, p1, p2, k3 (ROS: plumb_bob)."
    )
    serial: str = Field("", max_length=64, description="Serial of the camera.")
    calibration: Name | None = Field(
        None, description="Calibration, a file in `calibrations/`; its optics replace those that stand here."
    )
    sees: tuple[Name, ...] = Field(min_length=1, description="Stations and feeders in view.")
    exposure_s: float = Field(0.02, gt=0, le=5, description="Exposure where an inspection gives none.")
    noise_ratio: float = Field(0.01, ge=0, le=1, description="Standard deviation of pixel noise, of full scale.")
    light: LightSpec = Field(LightSpec(), description="What usually lights its scene.")
    lights: dict[Name, LightSpec] = Field(
        {}, max_length=16, description="Lights that can be on instead, by name, for an inspection to look again in."
    )
    depth: bool = Field(False, description="It also gives the distance of what each pixel shows, along the optical axis.")
    depth_noise_m: float = Field(0.0002, ge=0, le=1, description="Standard deviation of that distance.")

    @property
    def axis_px(self) -> tuple[float, float]:
        """Where the optical axis meets the image; the centre of the first pixel is (0, 0)."""
        return self.centre_px or ((self.width_px - 1) / 2.0, (self.height_px - 1) / 2.0)

    def lit_by(self, light: str) -> CameraSpec:
        """The camera with one of its lights as the usual one; KeyError."""
        return self if light == USUAL_LIGHT else self.model_copy(update={"light": self.lights[light]})

    @model_validator(mode="after")
    def _usual_light_is_no_other(self) -> CameraSpec:
        if USUAL_LIGHT in self.lights:
            raise ValueError(f"the light that is called '{USUAL_LIGHT}' stands in 'light'; give this one another name")
        return self


class PressProgram(Description):
    """How hard and how long a press presses."""

    force_n: float = Field(gt=0, le=100_000, description="Force of the ram.")
    hold_s: float = Field(0.0, ge=0, le=600, description="How long it is held.")


class CartonStationSpec(DeviceSpec):
    """Takes finished units into cartons."""

    kind: Literal["carton_station"]
    carton_in_cell: PoseSpec = Field(description="Corner frame of the carton's tray: first place, unit's frame.")
    exchange_s: float = Field(6.0, ge=0, le=600, description="Time to exchange the carton.")


class PrinterSpec(DeviceSpec):
    """Label printer."""

    kind: Literal["printer"]
    label_in_cell: PoseSpec = Field(description="Frame of the label on the peel-off plate.")
    print_s: float = Field(1.5, ge=0, le=60, description="Time to print a label.")


class BinSpec(DeviceSpec):
    """Bin for rejects."""

    kind: Literal["bin"]
    drop_in_cell: PoseSpec = Field(description="Where parts are let go.")


class PressSpec(DeviceSpec):
    """A press over a fixture, whose flat ram comes down on the whole unit."""

    kind: Literal["press"]
    fixture: Name = Field(description="Fixture that it stands over.")
    programs: dict[Name, PressProgram] = Field(min_length=1, description="Programs stored in its controller, by name.")
    stroke_m: PositiveMetre = Field(0.20, description="Way of the ram from its rest down to the fixture's seat.")
    speed_m_s: float = Field(0.10, gt=0, le=2, description="Of the ram.")


class TurnerSpec(DeviceSpec):
    """Turns a fixture with the unit clamped in it upside down, about an axis along the fixture's x."""

    kind: Literal["turner"]
    fixture: Name = Field(description="Fixture that it turns.")
    axis_m: PositiveMetre = Field(description="Height of the axis over the fixture's seat.")
    turn_s: float = Field(2.0, gt=0, le=60, description="Time for half a turn.")

    @property
    def half_turn(self) -> Pose:
        """Pose, in the seat's frame, of the frame of a unit that is upside down."""
        return Pose((0.0, 0.0, 2.0 * self.axis_m), from_rpy(math.pi, 0.0, 0.0))


class TesterSpec(DeviceSpec):
    """A nest with contacts that measure the voltage of the part that lies in it."""

    kind: Literal["tester"]
    part_in_cell: PoseSpec = Field(description="Frame of the part in the nest.")
    measure_s: float = Field(0.5, gt=0, le=60, description="Time to close the contacts and measure.")
    noise_v: float = Field(0.001, ge=0, le=10, description="Standard deviation of the reading.")


class SafetySpec(DeviceSpec):
    """Safety controller, whose status the cell's interlock follows. It is not what makes the machine safe."""

    kind: Literal["safety"]
    buttons: tuple[Name, ...] = Field(min_length=1, description="Emergency stop buttons, by the names of their topics.")


DeviceUnion = Annotated[
    ArmSpec
    | ToolChangerSpec
    | ForceSensorSpec
    | ToolCribSpec
    | FeederSpec
    | FixtureSpec
    | CameraSpec
    | CartonStationSpec
    | PrinterSpec
    | BinSpec
    | PressSpec
    | TurnerSpec
    | TesterSpec
    | SafetySpec,
    Field(discriminator="kind"),
]


class ZoneSpec(Description):
    """A part of the bench, from its top to over all arms, that one arm at a time may be in."""

    low_m: tuple[Metre, Metre] = Field(description="Corner with the least x and y.")
    high_m: tuple[Metre, Metre] = Field(description="Corner with the greatest x and y.")


class Cell(Document):
    """Everything that stands on the bench. The cell frame has z up and its origin on the bench top."""

    kind: Literal["cell"]
    devices: dict[Name, DeviceUnion] = Field(min_length=1, description="Devices by name.")
    zones: dict[Name, ZoneSpec] = Field(
        default_factory=dict, description="Where two arms could meet, by name; none in a cell with one arm."
    )

    def of_kind(self, kind: str) -> dict[str, Any]:
        """The devices of one kind by name, in the order of the file."""
        return {name: spec for name, spec in self.devices.items() if spec.kind == kind}

    def driver_name(self, device: str, world: World) -> str:
        """The driver that speaks to a device in a world."""
        spec = self.devices[device]
        return spec.driver.get(world, f"{spec.kind}/{'mock' if world == 'virtual' else 'ros'}")
