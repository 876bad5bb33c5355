"""What a calibration found: a file that a camera in a cell may name, with where it came from and until when it holds."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from microcell.description.base import Description, Document, PoseSpec, PositiveMetre
from microcell.description.cell import CameraSpec, Distortion, Pixel

Positive = Annotated[float, Field(gt=0, le=200_000)]


class BoardSpec(Description):
    """A flat calibration board."""

    kind: Literal["chessboard", "charuco"] = Field(description="Plain squares; or squares with markers (ChArUco).")
    columns: int = Field(ge=3, le=100, description="Inner corners along a row of a chessboard; squares of a ChArUco board.")
    rows: int = Field(ge=3, le=100, description="Inner corners, or squares, along a column.")
    square_m: PositiveMetre = Field(description="Side of a square, measured on the board.")
    marker_m: PositiveMetre | None = Field(None, description="Side of a marker of a ChArUco board.")
    dictionary: str = Field("", description="Markers of a ChArUco board, such as 5x5_100.")

    def __str__(self) -> str:
        return f"{self.kind} {self.columns} x {self.rows}, squares of {1e3 * self.square_m:g} mm"


class IntrinsicsSpec(Description):
    """Optics of a camera."""

    width_px: int = Field(gt=0, le=20_000, description="Width of the images.")
    height_px: int = Field(gt=0, le=20_000, description="Height of the images.")
    focal_x_px: Positive = Field(description="Focal length along rows.")
    focal_y_px: Positive = Field(description="Focal length along columns.")
    centre_px: tuple[Pixel, Pixel] = Field(description="Where the optical axis meets the image.")
    distortion_ratios: tuple[Distortion, Distortion, Distortion, Distortion, Distortion] = Field(
        description="Lens distortion k1, k2, p1, p2, k3 (ROS: plumb_bob)."
    )
    error_px: float = Field(ge=0, description="Root mean square distance of seen and computed corners.")
    held_out_px: float = Field(ge=0, description="The same in images that the optics had not been fitted to.")
    focal_sd_px: float = Field(ge=0, description="Standard deviation of the focal length.")
    images: int = Field(ge=1, description="Images used.")


class HandEyeSpec(Description):
    """Where a camera is on an arm's hand, or beside the arm. Its frame has z into the scene and y down (ROS: optical)."""

    mounting: Literal["in_hand", "to_hand"] = Field(description="On the hand; or beside the arm, which holds the board.")
    camera: PoseSpec = Field(description="The camera in the frame of the hand, or (to_hand) of the arm's base.")
    target: PoseSpec = Field(description="The board in the frame of the arm's base, or (to_hand) of the hand.")
    delay_s: float = Field(0.0, description="To be added to the camera's times to get the arm's.")
    depth_ratio: float = Field(1.0, gt=0.5, lt=2.0, description="What seen depths are to be multiplied by.")
    spread_m: float = Field(ge=0, description="Root mean square distance of the board's computed places from their mean.")
    held_out_m: float = Field(ge=0, description="The same of poses that the calibration had not been fitted to.")
    error_px: float | None = Field(None, ge=0, description="Distance of seen and computed corners, with images.")
    poses: int = Field(ge=1, description="Poses used.")


class PlaneSpec(Description):
    """The scale of images of one plane."""

    model: Literal["telecentric", "perspective"] = Field(description="The same scale everywhere; or one that changes.")
    pixel_m: PositiveMetre = Field(description="What a pixel in the middle of the image measures on the plane.")
    plane_from_pixel_ratios: tuple[float, float, float, float, float, float, float, float, float] = Field(
        description="Homography from pixels to metres on the plane, row by row, in the frame of the board."
    )
    error_m: float = Field(ge=0, description="Root mean square distance of seen and computed corners on the plane.")
    images: int = Field(ge=1, description="Images used.")


class Calibration(Document):
    """A calibration of one camera."""

    kind: Literal["calibration"]
    serial: str = Field(min_length=1, max_length=64, description="Serial of the camera.")
    made: date = Field(description="Day on which it was made.")
    valid_until: date = Field(description="Last day on which it may be used.")
    board: BoardSpec | None = Field(None, description="Board that was looked at, where one was.")
    intrinsics: IntrinsicsSpec | None = Field(None, description="Optics.")
    hand_eye: HandEyeSpec | None = Field(None, description="Place on or beside an arm.")
    plane: PlaneSpec | None = Field(None, description="Scale on a plane.")


def with_optics(device: Any, calibration: Calibration | None) -> Any:
    """A device, with its calibration's optics in place of the described ones where it is a camera that has one."""
    if not isinstance(device, CameraSpec) or calibration is None or calibration.intrinsics is None:
        return device
    optics = calibration.intrinsics
    changed = {
        "focal_px": (optics.focal_x_px * optics.focal_y_px) ** 0.5,
        "centre_px": optics.centre_px,
        "distortion_ratios": optics.distortion_ratios,
    }
    return device.model_copy(update=changed)
