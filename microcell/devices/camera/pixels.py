"""What cameras that make pixels have in common: the measuring. A driver adds `capture` and the connection."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from microcell.description.cell import USUAL_LIGHT, CameraSpec
from microcell.description.wording import listed
from microcell.devices.camera.contract import Camera, CameraInfo, Frame
from microcell.devices.factory import DeviceHost
from microcell.devices.plausible import check_calibrated, check_optics
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.vision.measure import locate, measure
from microcell.vision.requests import CheckRequest, Locate, Reading


class PixelCamera(Camera):
    """A camera whose images are measured here, by `microcell.vision`.

    `last_frame` is the last image that could be measured, for evidence (`vision/overlay.py`). An image is too old when
    its driver says so (`_check_fresh`).
    """

    def __init__(self, name: str, spec: CameraSpec, host: DeviceHost) -> None:
        self.name = name
        self.spec = spec
        self.clock = host.clock
        self.calibration = host.line.calibrations.get(name)
        self.last_frame: Frame | None = None

    async def measure(
        self, requests: Sequence[CheckRequest], exposure_s: float, light: str = USUAL_LIGHT
    ) -> tuple[Sequence[Reading], str]:
        spec = lit(self.name, self.spec, light)
        frame = await self._fresh(exposure_s, light)
        readings = measure(frame.rgb8, spec, requests, self.name, frame.depth_m)
        self.last_frame = frame
        return readings, hashlib.sha256(np.ascontiguousarray(frame.pixels).data).hexdigest()

    async def locate(self, request: Locate, exposure_s: float) -> Pose:
        frame = await self._fresh(exposure_s)
        return locate(frame.rgb8, self.spec, request, self.name)

    async def _fresh(self, exposure_s: float, light: str = USUAL_LIGHT) -> Frame:
        """Take an image for measuring; DEVICE_STALE for an old one, CAMERA_NOT_CALIBRATED."""
        frame = await self.capture(exposure_s, light)
        self._check_fresh(frame)
        self._check_calibrated(frame)
        return frame

    def _check_calibrated(self, frame: Frame) -> None:
        serial = frame.info.serial if frame.info and frame.info.serial else self.spec.serial
        check_calibrated(self.name, serial, self.calibration, self.clock.epoch_s + self.clock.now())
        check_optics(self.name, self.spec, frame.info)

    def _check_fresh(self, frame: Frame) -> None:
        """Judge an image's age; drivers that wait for the very image that they asked for need not."""


def lit(name: str, spec: CameraSpec, light: str) -> CameraSpec:
    """A camera's description with one of its lights on; DEVICE_REFUSED for a light that it does not have."""
    try:
        return spec.lit_by(light)
    except KeyError as error:
        there = listed((USUAL_LIGHT, *spec.lights))
        raise FaultError("DEVICE_REFUSED", name, f"it has no light '{light}', only: {there}") from error


def described_info(spec: CameraSpec) -> CameraInfo:
    """What a camera's description says of its optics."""
    focal, (cx, cy) = spec.focal_px, spec.axis_px
    matrix = (focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0)
    return CameraInfo(spec.width_px, spec.height_px, matrix, spec.distortion_ratios, serial=spec.serial)
