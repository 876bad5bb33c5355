"""A camera over the plant: its images are rendered from where things truly are."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from microcell.description.cell import USUAL_LIGHT, CameraSpec
from microcell.devices.camera.contract import Frame
from microcell.devices.camera.pixels import PixelCamera, described_info, lit
from microcell.devices.contract import DeviceStatus
from microcell.devices.factory import DeviceHost
from microcell.devices.mocking import MockDevice, command
from microcell.devices.plausible import check_fresh
from microcell.plant.bench import Lighting
from microcell.plant.render import Light, photograph
from microcell.plant.surroundings import surroundings


class MockCamera(MockDevice, PixelCamera):
    """Renders the plant's scene; the light is right for the exposure time in the camera's description.

    The noise of a shot depends on nothing but the plant's seed, the camera's name and the shot's number.
    """

    def __init__(self, name: str, spec: CameraSpec, host: DeviceHost) -> None:
        MockDevice.__init__(self, name, spec, host)
        PixelCamera.__init__(self, name, spec, host)
        self._shots = 0
        self._work = host.work
        self._around = surroundings(host.line)

    async def status(self) -> DeviceStatus:
        return DeviceStatus(self._connected, self._connected, f"simulated, {self._shots} images taken")

    @command
    async def capture(self, exposure_s: float, light: str = USUAL_LIGHT) -> Frame:
        spec = lit(self.name, self.spec, light)
        await self.clock.sleep(exposure_s)
        self._shots += 1
        noise = np.random.default_rng((self.plant.seed, zlib.crc32(self.name.encode()), self._shots))
        exposed, taken_s = self._light(exposure_s / spec.exposure_s), self.clock.now()
        scene = self.plant.scene(self.name)
        photo = await self._work(lambda: photograph(scene, spec, exposed, noise, self._around))
        return Frame(photo.pixels, taken_s, photo.depth_m, None, described_info(spec), exposure_s, light)

    def _check_fresh(self, frame: Frame) -> None:
        check_fresh(self.name, frame.time_s, self.clock.now())

    def _light(self, exposure_ratio: float) -> Light:
        there = self.plant.lights.get(self.name, Lighting())
        light = Light(exposure_ratio * there.level)
        return light if there.blur_px is None else replace(light, blur_px=there.blur_px)


PLUGIN = MockCamera
