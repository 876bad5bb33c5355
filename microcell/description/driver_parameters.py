"""What our own drivers take from a device's `parameters`. Other drivers have theirs in the same place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import Field

from microcell.description.base import Description, Rgb

BENCH_RGB = (90, 90, 90)
"""A matt, neutral bench top: cameras' reference of brightness and white, where `background_rgb` says nothing else."""

SPELLING = 0.85
"""How like one of ours a parameter must be called to be taken for a mistake."""


class ArmParameters(Description):
    """Of `arm/ros`, whose tolerances these are, and of `arm/mock`."""

    joint_names: tuple[str, ...] = Field(
        (), description="As the controller knows the joints, base to tip; without them <arm>_joint_1 and so on."
    )
    point_period_s: float = Field(0.02, ge=0, le=1, description="Distance of the points sent; 0: as they were planned.")
    goal_tolerance_rad: float = Field(0.0005, gt=0, le=1, description="The goal is reached when all joints are so near.")
    start_tolerance_rad: float = Field(0.01, gt=0, le=1, description="A trajectory must begin so near to the arm.")
    path_tolerance_rad: float = Field(0.3, gt=0, le=7, description="Farther from its trajectory, the arm is stopped.")
    lag_s: float = Field(0.2, ge=0, le=5, description="So far behind the trajectory's time the arm may be.")
    settle_s: float = Field(1.0, gt=0, le=60, description="How long the arm may take to settle at its goal.")
    at_rest_rad_s: float = Field(0.01, gt=0, le=1, description="Slower than this for `stand_s` is standing still.")
    stand_s: float = Field(0.1, ge=0, le=5, description="Not needed by an arm that reports no velocity at all.")
    hold_s: float = Field(0.05, gt=0, le=5, description="Time given to come back to where a stop was decided.")
    overload_n: float = Field(150.0, gt=0, description="Mock: pressing force that trips the arm when it rests.")
    stop_s: float = Field(0.0, ge=0, le=5, description="Mock: how long it goes on with a motion that is cancelled.")


class CameraParameters(Description):
    """Of `camera/ros`, of `camera/files`, and of simulated cameras."""

    depth_image: bool = Field(True, description="With depth: whether there is a depth image beside the image.")
    points: bool = Field(False, description="With depth: whether there is a point cloud beside the image.")
    folder: str | None = Field(None, description="Files: the folder with the images.")
    repeat: bool = Field(False, description="Files: begin again after the last image.")
    background_rgb: Rgb = Field(BENCH_RGB, description="Simulated, and for the exposure: what is seen where no part is.")


PARAMETERS: dict[str, type[Description]] = {"arm": ArmParameters, "camera": CameraParameters}
"""By kind of device."""

DRIVERS = ("arm/mock", "arm/ros", "camera/files", "camera/mock", "camera/modelled", "camera/ros")
"""Those that take them."""


def arm_parameters(parameters: Mapping[str, Any], *names: str) -> ArmParameters:
    """What somebody takes of an arm's parameters; pydantic's `ValidationError` for a value that cannot be. What he does
    not take may be another driver's.
    """
    return ArmParameters.model_validate({name: parameters[name] for name in names if name in parameters})


def camera_parameters(parameters: Mapping[str, Any], *names: str) -> CameraParameters:
    """As `arm_parameters`, of a camera's."""
    return CameraParameters.model_validate({name: parameters[name] for name in names if name in parameters})


def ours(kind: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters of a device that our drivers take."""
    fields = PARAMETERS[kind].model_fields
    return {key: value for key, value in parameters.items() if key in fields}


def misspelt(kind: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each parameter that is nearly called like one of ours, with ours."""
    fields = PARAMETERS[kind].model_fields
    for key in parameters:
        if key not in fields and (near := get_close_matches(key, fields, 1, SPELLING)):
            yield key, near[0]
