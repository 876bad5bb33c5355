"""A cell: the devices on the bench, where they stand, and which driver speaks to each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from microcell.description.base import Description, Document, Metre, Name, PoseSpec, PositiveMetre, Radian

World = Literal["virtual", "mock", "gazebo", "real"]
WORLDS: tuple[World, ...] = ("virtual", "mock", "gazebo", "real")


class DeviceSpec(Description):
    """What every device may say. Without `driver`, virtual uses `<kind>/mock`, other worlds `<kind>/ros`."""

    driver: dict[World, str] = Field(default_factory=dict, description="Driver by world, as <kind>/<driver>.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Handed to the driver as they are.")


class JointLimit(Description):
    """Limits of one joint."""

    lower_rad: Radian
    upper_rad: Radian
    velocity_rad_s: float = Field(gt=0, le=50)
    acceleration_rad_s2: float = Field(gt=0, le=500)


class ArmGeometry(Description):
    """A six-axis arm with shoulder, elbow and spherical wrist, by its four lengths."""

    shoulder_height_m: PositiveMetre
    upper_arm_m: PositiveMetre
    forearm_m: PositiveMetre
    wrist_to_flange_m: PositiveMetre


class ArmSpec(DeviceSpec):
    """A serial arm with what is built on its wrist."""

    kind: Literal["arm"]
    base_in_cell: PoseSpec = PoseSpec()
    geometry: ArmGeometry
    joints: tuple[JointLimit, ...] = Field(min_length=6, max_length=6)
    home_rad: tuple[Radian, ...] = Field(min_length=6, max_length=6)
    payload_kg: float = Field(gt=0, le=1000)
    tool_changer: Name
    force_sensor: Name
    approach_m: PositiveMetre = Field(0.06, description="Height above a target where fast motion ends.")
    travel_height_m: PositiveMetre = Field(
        0.16, description="Height of the TCP above the bench on the way between stations."
    )


class ToolChangerSpec(DeviceSpec):
    """Coupling at an arm's flange."""

    kind: Literal["tool_changer"]
    coupling: str
    lock_s: float = Field(0.4, gt=0, le=10)


class ForceSensorSpec(DeviceSpec):
    """Force/torque sensor between flange and coupling."""

    kind: Literal["force_sensor"]
    noise_n: float = Field(0.05, ge=0, le=10, description="Standard deviation of the force reading.")


class Pocket(Description):
    """One pocket of the crib and what stands in it when the cell is set up."""

    flange_in_cell: PoseSpec = Field(description="Flange pose when the tool is coupled in the pocket.")
    tool: Name | None = None
    serial: str = Field("", max_length=64)


class ToolCribSpec(DeviceSpec):
    """Rack for tools."""

    kind: Literal["tool_crib"]
    pockets: tuple[Pocket, ...] = Field(min_length=1)


class FeederSpec(DeviceSpec):
    """Presents parts at one place (nest, screw) or spread over a tray."""

    kind: Literal["feeder"]
    style: Literal["nest", "tray", "screw"]
    part_in_cell: PoseSpec = Field(description="Nominal pose of the presented part; of the first place for a tray.")
    columns: int = Field(1, ge=1, le=100)
    rows: int = Field(1, ge=1, le=100)
    pitch_m: Metre = Field(0.0, description="Distance of a tray's places along x (columns) and y (rows).")
    capacity: int = Field(gt=0, le=100_000)
    index_s: float = Field(0.5, ge=0, le=60, description="Time to bring the next part.")
    scatter_m: float = Field(
        0.0, ge=0, le=0.05, description="Standard deviation of the true place around the nominal one."
    )
    scatter_rad: float = Field(0.0, ge=0, le=3.2)
    camera: Name | None = Field(None, description="Camera that finds the part; without one the nominal pose must do.")


class FixtureSpec(DeviceSpec):
    """Holds one unit."""

    kind: Literal["fixture"]
    seat_in_cell: PoseSpec = Field(description="Frame of the unit when it is seated.")
    clamp_s: float = Field(0.3, ge=0, le=10)


class CameraSpec(DeviceSpec):
    """A fixed camera that looks straight down."""

    kind: Literal["camera"]
    lens_in_cell: PoseSpec = Field(
        description="Optical centre; the image's x axis is the frame's x axis, y the negative y axis."
    )
    width_px: int = Field(gt=0, le=10_000)
    height_px: int = Field(gt=0, le=10_000)
    focal_px: float = Field(gt=0, le=200_000)
    sees: tuple[Name, ...] = Field(min_length=1, description="Stations and feeders in view.")
    exposure_s: float = Field(0.02, gt=0, le=5)
    noise_ratio: float = Field(0.01, ge=0, le=1, description="Standard deviation of pixel noise, of full scale.")


class CartonStationSpec(DeviceSpec):
    """Takes finished units into cartons."""

    kind: Literal["carton_station"]
    carton_in_cell: PoseSpec = Field(description="Corner frame of the carton's tray: first place, unit's frame.")
    exchange_s: float = Field(6.0, ge=0, le=600)


class PrinterSpec(DeviceSpec):
    """Label printer."""

    kind: Literal["printer"]
    label_in_cell: PoseSpec
    print_s: float = Field(1.5, ge=0, le=60)


class BinSpec(DeviceSpec):
    """Bin for rejects."""

    kind: Literal["bin"]
    drop_in_cell: PoseSpec


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
    | BinSpec,
    Field(discriminator="kind"),
]


class Cell(Document):
    """Everything that stands on the bench. The cell frame has z up and its origin on the bench top."""

    kind: Literal["cell"]
    devices: dict[Name, DeviceUnion] = Field(min_length=1)

    def of_kind(self, kind: str) -> dict[str, Any]:
        """The devices of one kind by name, in the order of the file."""
        return {name: spec for name, spec in self.devices.items() if spec.kind == kind}

    def driver_name(self, device: str, world: World) -> str:
        """The driver that speaks to a device in a world."""
        spec = self.devices[device]
        return spec.driver.get(world, f"{spec.kind}/{'mock' if world == 'virtual' else 'ros'}")
