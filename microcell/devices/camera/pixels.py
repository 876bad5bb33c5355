"""What cameras that make pixels have in common: the measuring. A driver adds `capture` and the connection."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from microcell.description.cell import CameraSpec
from microcell.devices.camera.contract import Camera, Frame
from microcell.geometry import Pose
from microcell.vision.measure import locate, measure
from microcell.vision.requests import CheckRequest, Locate, Reading


class PixelCamera(Camera):
    """A camera whose images are measured here, by `microcell.vision`.

    `last_frame` is the last image that could be measured, for evidence (`vision/overlay.py`). An image is too old when
    its driver says so (`_check_fresh`).
    """

    def __init__(self, name: str, spec: CameraSpec) -> None:
        self.name = name
        self.spec = spec
        self.last_frame: Frame | None = None

    async def measure(
        self, requests: Sequence[CheckRequest], exposure_s: float
    ) -> tuple[Sequence[Reading], str]:
        frame = await self._fresh(exposure_s)
        readings = measure(frame.pixels, self.spec, requests, self.name, getattr(frame, "depth_m", None))
        self.last_frame = frame
        return readings, hashlib.sha256(np.ascontiguousarray(frame.pixels).data).hexdigest()

    async def locate(self, request: Locate, exposure_s: float) -> Pose:
        frame = await self._fresh(exposure_s)
        return locate(frame.pixels, self.spec, request, self.name)

    async def _fresh(self, exposure_s: float) -> Frame:
        """Take an image for measuring; DEVICE_STALE for an old one."""
        frame = await self.capture(exposure_s)
        self._check_fresh(frame)
        return frame

    def _check_fresh(self, frame: Frame) -> None:
        """Judge an image's age; drivers that wait for the very image that they asked for need not."""
