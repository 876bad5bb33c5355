"""The face of cameras that expose on request."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo, Image

from microcell.description.cell import USUAL_LIGHT, CameraSpec
from microcell.devices.camera.contract import Camera
from microcell.ros import convert, names, qos
from microcell.ros.convert_skills import stamp
from microcell.ros.hardware_face import Face
from microcell_interfaces.srv import CaptureImage


class CameraFace:
    """A camera: service `<camera>/capture`, topics `<camera>/image` and `<camera>/camera_info` (latched).

    With depth also `<camera>/depth_image`. All are published before the answer is sent, with its stamp.
    """

    def __init__(self, face: Face, camera: Camera, spec: CameraSpec) -> None:
        self._face = face
        self._camera = camera
        self._spec = spec
        self._frame = names.optical_frame(camera.name)
        self._images = face.publisher(Image, names.image(camera.name), qos.IMAGE)
        self._depths = face.publisher(Image, names.depth_image(camera.name), qos.IMAGE) if spec.depth else None
        self._infos = face.publisher(CameraInfo, names.camera_info(camera.name), qos.latched())
        self._infos.publish(convert.camera_info_message(spec, self._frame, face.now()))
        face.serve(CaptureImage, names.capture(camera.name), self._capture)

    async def _capture(self, request: CaptureImage.Request, response: CaptureImage.Response) -> None:
        frame = await self._camera.capture(request.exposure, request.light or USUAL_LIGHT)
        response.stamp = stamp(self._face.clock.epoch_s + frame.time_s)
        if self._depths is not None and frame.depth_m is not None:
            self._depths.publish(convert.image_message(frame.depth_m, self._frame, response.stamp))
        self._images.publish(convert.image_message(frame.pixels, self._frame, response.stamp))
        self._infos.publish(convert.camera_info_message(self._spec, self._frame, response.stamp))
