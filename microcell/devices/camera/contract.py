"""A fixed camera with its light, and the measuring that goes with it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microcell.devices.contract import Device
from microcell.geometry import Pose
from microcell.vision.requests import CheckRequest, Locate, Reading

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Frame:
    """One image: (height, width, 3) uint8 RGB, with the cell time of its exposure.

    `depth_m` are distances along the optical axis, (height, width) float32, NaN where nothing was measured; None without.
    """

    pixels: np.ndarray[Any, Any]
    time_s: float
    depth_m: np.ndarray[Any, Any] | None = None


class Camera(Device):
    """Looks straight down on the stations it is declared to see."""

    @abstractmethod
    async def capture(self, exposure_s: float) -> Frame:
        """Light, expose and return an image; CAMERA_NO_IMAGE."""

    @abstractmethod
    async def measure(self, requests: Sequence[CheckRequest], exposure_s: float) -> tuple[Sequence[Reading], str]:
        """Judge a unit by one image: a reading for each request, in their order, and the image's SHA-256.

        The digest is "" where there is no image. Faults: CAMERA_NO_IMAGE, CAMERA_UNUSABLE_IMAGE.
        """

    @abstractmethod
    async def locate(self, request: Locate, exposure_s: float) -> Pose:
        """Pose of a part in the cell frame, near its nominal one; PART_NOT_FOUND."""
