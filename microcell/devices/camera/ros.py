"""Camera over ROS: topic `<name>/image` (sensor_msgs/Image), and service `<name>/capture` where it exposes on request.

A camera without the service runs freely, as Gazebo's do: then the first image that was exposed after the request is
taken, whatever exposure it has. Beside it are read, where they come: `<name>/camera_info` (sensor_msgs/CameraInfo), and of a
camera that is described with `depth: true` `<name>/depth_image` (sensor_msgs/Image; of the same exposure as the image) and
`<name>/points` (sensor_msgs/PointCloud2). Those two are waited for; parameters `depth_image: false` or `points: false` say that
a camera has only the other.
"""

from __future__ import annotations

import asyncio
import time

from sensor_msgs.msg import Image

from microcell.description.cell import CameraSpec
from microcell.devices.camera.contract import Frame
from microcell.devices.camera.pixels import PixelCamera
from microcell.devices.factory import DeviceHost
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.ros import convert, names, qos
from microcell.ros.driver import CONNECT_S, LOOK_S, RosDevice
from microcell_interfaces.srv import CaptureImage

FREE_RUNNING_S = 1.0
"""A camera whose service is not there after so much real time, but whose images are, runs freely."""

IMAGE_S = 5.0
"""Real time that an image may take to come."""


class RosCamera(RosDevice, PixelCamera):
    """Asks for an image, and takes the one with the stamp that was answered."""

    def __init__(self, name: str, spec: CameraSpec, host: DeviceHost) -> None:
        RosDevice.__init__(self, name, spec, host)
        PixelCamera.__init__(self, name, spec)
        self._on_request = True

    def _open(self) -> None:
        self._images = self._inbox(Image, names.image(self.name), qos.IMAGE)
        self._capture = self._client(CaptureImage, names.capture(self.name), needed=False)

    async def _discovered(self) -> None:
        await super()._discovered()
        start_s = time.monotonic()
        while not self._capture.service_is_ready():
            waited_s = time.monotonic() - start_s
            if self._images.newest is not None and waited_s > FREE_RUNNING_S:
                self._on_request = False
                return
            if waited_s > CONNECT_S:
                raise self._silent(f"neither images nor service '{self._full(self._capture)}' within {CONNECT_S:g} s")
            await asyncio.sleep(LOOK_S)
        self._on_request = True

    async def capture(self, exposure_s: float) -> Frame:
        self._check_connected()
        try:
            message = await (self._request(exposure_s) if self._on_request else self._await_next())
            return Frame(convert.image_of(message), convert.seconds(message.header.stamp) - self.clock.epoch_s)
        except FaultError as error:
            if error.fault.code != "DEVICE_SILENT":
                raise
            raise FaultError("CAMERA_NO_IMAGE", self.name, error.fault.detail) from error
        except UsageError as error:
            raise FaultError("CAMERA_NO_IMAGE", self.name, str(error)) from error

    async def _request(self, exposure_s: float) -> Image:
        answer = await self._call(self._capture, CaptureImage.Request(exposure=exposure_s), exposure_s)
        self._raise_fault(answer.fault)

        def look(message: Image) -> Image | None:
            return message if message.header.stamp == answer.stamp else None

        outcome: asyncio.Future[Image] = self._runtime.loop.create_future()
        with self._images.watched(outcome, look):
            newest = self._images.newest
            if newest is not None and look(newest) is not None:
                return newest
            return await self._within(outcome, IMAGE_S, "its image did not come")

    async def _await_next(self) -> Image:
        since_s = self.clock.now()

        def look(message: Image) -> Image | None:
            return message if convert.seconds(message.header.stamp) - self.clock.epoch_s >= since_s else None

        return await self._first(self._images, look, IMAGE_S, "no image came")


PLUGIN = RosCamera
