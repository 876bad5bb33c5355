"""Cameras of a Gazebo world behind the service that the cell's driver knows."""

from __future__ import annotations

import asyncio

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Bool

from microcell.faults import FaultError
from microcell.gazebo import scheme
from microcell.ros import convert, names, qos
from microcell.ros.hardware_face import Face
from microcell_interfaces.srv import CaptureImage

ANSWER_S = 3.0
"""Real time after which an exposure is asked for again."""

FIRST_TRIES, TRIES = 20, 3
"""The renderer takes seconds before its first image."""


class GazeboCamera:
    """Service `<camera>/capture`: triggers one image and answers its stamp. The image comes from the world itself.

    Gazebo tells `<camera>/camera_info` with the stamp of the image that it is about to render (gz-sensors, CameraSensor.cc).
    Its exposure is always the same.
    """

    def __init__(self, face: Face, name: str) -> None:
        self._name = name
        self._triggers = face.publisher(Bool, scheme.trigger(name), qos.COMMAND)
        self._news = asyncio.Event()
        self._newest: CameraInfo | None = None
        self._one_at_a_time = asyncio.Lock()
        face.listen(CameraInfo, names.camera_info(name), self._on_info)
        face.serve(CaptureImage, names.capture(name), self._capture)

    async def expose(self, tries: int = TRIES) -> CameraInfo:
        """Expose an image; what is told of it, with its stamp. CAMERA_NO_IMAGE when none comes."""
        async with self._one_at_a_time:
            before = self._newest
            for _ in range(tries):
                self._news.clear()
                self._triggers.publish(Bool(data=True))
                try:
                    await asyncio.wait_for(self._later_than(before), ANSWER_S)
                except asyncio.TimeoutError:
                    continue
                if self._newest is not None:
                    return self._newest
        raise FaultError("CAMERA_NO_IMAGE", self._name, f"the world exposed none in {tries * ANSWER_S:g} s")

    async def _later_than(self, before: CameraInfo | None) -> None:
        while self._newest is None or (before is not None and _stamped_s(self._newest) <= _stamped_s(before)):
            self._news.clear()
            await self._news.wait()

    async def _capture(self, request: CaptureImage.Request, response: CaptureImage.Response) -> None:
        response.stamp = (await self.expose()).header.stamp

    def _on_info(self, message: CameraInfo) -> None:
        self._newest = message
        self._news.set()


def _stamped_s(message: CameraInfo) -> float:
    return convert.seconds(message.header.stamp)
