"""Camera over ROS: topic `<name>/image` (sensor_msgs/Image), and service `<name>/capture` where it exposes on request.

A camera without the service runs freely, as Gazebo's do: then the first image that was exposed after the request is
taken, whatever exposure and light it has. That is told by its stamp: DEVICE_STALE where the camera's clock is another.
Beside it `<name>/camera_info` (sensor_msgs/CameraInfo) is read where it comes: optics that contradict it measure nothing.

A camera that is described with `depth: true` is waited for until `<name>/depth_image` (sensor_msgs/Image) with the image's
stamp has come as well; with the parameter `points: true` also `<name>/points` (sensor_msgs/PointCloud2), and with
`depth_image: false` only that.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo as CameraInfoMsg
from sensor_msgs.msg import Image, PointCloud2

from microcell.description.cell import USUAL_LIGHT, CameraSpec
from microcell.description.driver_parameters import camera_parameters
from microcell.devices.camera.contract import CameraInfo, Frame
from microcell.devices.camera.pixels import PixelCamera
from microcell.devices.factory import DeviceHost
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.ros import convert, convert_images, names, qos
from microcell.ros.driver import CONNECT_S, LOOK_S, Inbox, RosDevice
from microcell.ros.guards import STALE_S
from microcell_interfaces.srv import CaptureImage

if TYPE_CHECKING:
    import numpy as np

FREE_RUNNING_S = 1.0
"""A camera whose service is not there after so much real time, but whose images are, runs freely."""

IMAGE_S = 5.0
"""Real time that an image may take to be made (those of mock hardware are rendered), and to come."""

AHEAD_S = 0.1
"""How far (in real time) the stamp of an image may lie ahead of this process's clock, which is a little behind /clock."""

KEPT = 4
"""So many images are kept of each topic: of a camera that runs on, later ones may have come when one is looked for."""

_BESIDE = {"depth_image": (Image, names.depth_image), "points": (PointCloud2, names.points)}
"""What a camera with depth shows beside its image, where its parameters do not say otherwise: type and topic."""


class RosCamera(RosDevice, PixelCamera):
    """Asks for an image, and takes the one with the stamp that was answered."""

    def __init__(self, name: str, spec: CameraSpec, host: DeviceHost) -> None:
        RosDevice.__init__(self, name, spec, host)
        PixelCamera.__init__(self, name, spec, host)
        self._on_request = True
        self._unread = ""
        told = camera_parameters(spec.parameters, *_BESIDE)
        self._beside = tuple(what for what in _BESIDE if spec.depth and getattr(told, what))

    def _open(self) -> None:
        self._images = self._inbox(Image, names.image(self.name), qos.IMAGE, kept=KEPT)
        self._infos = self._inbox(CameraInfoMsg, names.camera_info(self.name), qos.IMAGE, needed=False)
        self._inboxes = {}
        for what in self._beside:
            kind, topic = _BESIDE[what]
            self._inboxes[what] = self._inbox(kind, topic(self.name), qos.IMAGE, kept=KEPT)
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

    async def capture(self, exposure_s: float, light: str = USUAL_LIGHT) -> Frame:
        self._check_connected()
        self._on_request = self._on_request or self._capture.service_is_ready()  # found later than others' images came
        if light != USUAL_LIGHT and not self._on_request:
            raise FaultError("DEVICE_REFUSED", self.name, f"it runs freely: nobody can switch on its light '{light}'")
        try:
            message = await (self._request(exposure_s, light) if self._on_request else self._await_next())
            stamp = message.header.stamp
            beside = {what: await self._of(inbox, stamp, what) for what, inbox in self._inboxes.items()}
        except FaultError as error:
            if error.fault.code != "DEVICE_SILENT":
                raise
            raise FaultError("CAMERA_NO_IMAGE", self.name, error.fault.detail) from error
        frame = self._frame(message, beside.get("depth_image"), beside.get("points"))
        return replace(frame, exposure_s=exposure_s, light=light) if self._on_request else frame

    def _frame(self, image: Image, depth: Image | None, cloud: PointCloud2 | None) -> Frame:
        """The messages of one exposure as a frame; DEVICE_MALFORMED for one that cannot be read."""
        try:
            pixels = convert_images.pixels_of(image)
            return Frame(
                pixels=pixels,
                time_s=self._time_s(image),
                depth_m=None if depth is None else self._depth_of(depth, pixels.shape[:2]),
                cloud_m=None if cloud is None else convert_images.cloud_of(cloud),
                info=self._info(),
            )
        except UsageError as error:
            raise FaultError("DEVICE_MALFORMED", self.name, str(error)) from error

    def _info(self) -> CameraInfo | None:
        """What the camera says of its optics; None where it says nothing (K is zero), or nothing that can be read: then the
        optics in use cannot be held against it, and the image is as good as before.
        """
        message = self._infos.newest
        if message is None or not message.k[0]:
            return None
        try:
            return convert_images.info_of(message)
        except UsageError as error:
            if str(error) != self._unread:
                self._unread = str(error)
                self._node.get_logger().warning(f"{self.name}: its camera info is not used: {error}")
            return None

    def _depth_of(self, message: Image, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        """A depth image; `UsageError` where it is not of the image's size: its pixels would be those of other places."""
        depth = convert_images.depth_of(message)
        if depth.shape != shape:
            (rows, columns), (height, width) = depth.shape, shape
            raise UsageError(f"the depth image is of {columns} x {rows} pixels, the image of {width} x {height}")
        return depth

    def _time_s(self, message: Image) -> float:
        """Cell time of an image's stamp, s."""
        return convert.seconds(message.header.stamp) - self.clock.epoch_s

    async def _request(self, exposure_s: float, light: str) -> Image:
        answer = await self._call(self._capture, CaptureImage.Request(exposure=exposure_s, light=light), exposure_s)
        self._raise_fault(answer.fault)
        return await self._of(self._images, answer.stamp, "image")

    def _limit_s(self, expected_s: float) -> float:
        return IMAGE_S + super()._limit_s(expected_s)

    async def _of(self, inbox: Inbox[Any], stamp: Time, what: str) -> Any:
        """The message with a stamp, which may have come already."""

        def is_it(message: Any) -> bool:
            return bool(message.header.stamp == stamp)

        outcome: asyncio.Future[Any] = self._runtime.loop.create_future()
        with inbox.watched(outcome, lambda message: message if is_it(message) else None):
            if (came := inbox.found(is_it)) is not None:
                return came
            return await self._within(outcome, max(IMAGE_S, self._answer_s), f"its {what} did not come")

    async def _await_next(self) -> Image:
        """The next image that was exposed from now on; DEVICE_STALE where images come with stamps of another time."""
        since_s, pace = self.clock.now(), max(1.0, self._rate)
        ahead_s: float | None = None

        def look(message: Image) -> Image | None:
            nonlocal ahead_s
            ahead_s = self._time_s(message) - self.clock.now()
            return message if self._time_s(message) >= since_s and ahead_s <= AHEAD_S * pace else None

        try:
            return await self._first(self._images, look, max(IMAGE_S, self._answer_s), "no image came")
        except FaultError as error:
            if ahead_s is None or -STALE_S * pace <= ahead_s <= AHEAD_S * pace:
                raise
            side = "ahead of" if ahead_s > 0.0 else "behind"
            detail = f"images come, but their stamps are {abs(ahead_s):.1f} s {side} the cell's time: set the camera's clock"
            raise FaultError("DEVICE_STALE", self.name, detail) from error


PLUGIN = RosCamera
