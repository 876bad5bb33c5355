"""A fixed camera with its light, and the measuring that goes with it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microcell.description.cell import USUAL_LIGHT
from microcell.devices.contract import Device
from microcell.geometry import Pose
from microcell.vision.photos import as_rgb8
from microcell.vision.requests import CheckRequest, Locate, Reading

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class CameraInfo:
    """What a camera says of its optics: a camera matrix, row by row, and plumb_bob distortion k1, k2, p1, p2, k3.

    `serial` is "" where it does not say one.
    """

    width_px: int
    height_px: int
    matrix_px: tuple[float, ...]
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    frame_id: str = ""
    serial: str = ""


@dataclass(frozen=True)
class Frame:
    """What one exposure gave, with its cell time.

    `pixels` are (height, width) or (height, width, 3) RGB, uint8 or uint16. `depth_m` are distances along the optical axis,
    (height, width) float32, and `cloud_m` points in the camera's optical frame (z ahead, y down), (n, 3) or (height, width,
    3) float32; NaN where nothing was measured. `light` names the light that was on: one of the camera's `lights`, "usual",
    or "" where the driver does not know.
    """

    pixels: np.ndarray[Any, Any]
    time_s: float
    depth_m: np.ndarray[Any, Any] | None = None
    cloud_m: np.ndarray[Any, Any] | None = None
    info: CameraInfo | None = None
    exposure_s: float | None = None
    light: str = ""

    @property
    def rgb8(self) -> np.ndarray[Any, Any]:
        """The pixels as (height, width, 3) uint8 RGB: mono in three equal channels, of 16 bit the upper eight."""
        return as_rgb8(self.pixels)


class Camera(Device):
    """Looks straight down on the stations it is declared to see.

    Where a `light` is asked for that it cannot switch on, it says DEVICE_REFUSED.
    """

    @abstractmethod
    async def capture(self, exposure_s: float, light: str = USUAL_LIGHT) -> Frame:
        """Light, expose and return an image; CAMERA_NO_IMAGE."""

    @abstractmethod
    async def measure(
        self, requests: Sequence[CheckRequest], exposure_s: float, light: str = USUAL_LIGHT
    ) -> tuple[Sequence[Reading], str]:
        """Judge a unit by one image: a reading for each request, in their order, and the image's SHA-256.

        The digest is "" where there is no image. Faults: CAMERA_NO_IMAGE, CAMERA_UNUSABLE_IMAGE.
        """

    @abstractmethod
    async def locate(self, request: Locate, exposure_s: float) -> Pose:
        """Pose of a part in the cell frame, near its nominal one; PART_NOT_FOUND."""
