"""Images, depth and point clouds of messages to arrays, as fast as memory is copied, and refused where they do not fit.

Encodings are those of sensor_msgs/image_encodings.hpp, depth images as REP 118 has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensor_msgs.msg import CameraInfo as CameraInfoMsg
from sensor_msgs.msg import Image, PointCloud2, PointField

from microcell.devices.camera.contract import CameraInfo
from microcell.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_SAMPLES = {
    "mono8": ("u1", 1), "mono16": ("u2", 1), "8UC1": ("u1", 1), "16UC1": ("u2", 1),
    "rgb8": ("u1", 3), "bgr8": ("u1", 3), "8UC3": ("u1", 3), "rgba8": ("u1", 4), "bgra8": ("u1", 4), "8UC4": ("u1", 4),
    "rgb16": ("u2", 3), "bgr16": ("u2", 3), "16UC3": ("u2", 3), "rgba16": ("u2", 4), "bgra16": ("u2", 4),
    "yuv422": ("u1", 2), "yuv422_yuy2": ("u1", 2), "uyvy": ("u1", 2), "yuyv": ("u1", 2),
    "32FC1": ("f4", 1),
}  # fmt: skip
"""Sample type and channels by encoding."""

_BAYER = {"rggb": "BG", "bggr": "RG", "gbrg": "GR", "grbg": "GB"}
"""OpenCV's name of a mosaic, which begins at the second pixel of the second row, by ROS's, which begins at the first."""
_SAMPLES |= {f"bayer_{mosaic}{bits}": (f"u{bits // 8}", 1) for mosaic in _BAYER for bits in (8, 16)}

_FIELDS = {PointField.FLOAT32: "f4", PointField.FLOAT64: "f8"}
_MILLI = 0.001


def pixels_of(message: Image) -> Array:
    """An image as (height, width) or (height, width, 3) RGB, uint8 or uint16; alpha falls away, mosaics are filled in.

    `UsageError` for an encoding that holds no picture, and for data that do not fit the size.
    """
    import cv2
    import numpy as np

    encoding = message.encoding
    if encoding == "32FC1":
        raise UsageError("the encoding '32FC1' is of depths, not of a picture")
    samples = _samples_of(message)
    if encoding.startswith("bayer_"):
        return np.asarray(cv2.cvtColor(samples[:, :, 0], getattr(cv2, f"COLOR_Bayer{_BAYER[encoding[6:10]]}2RGB")))
    if samples.shape[2] == 2:
        if message.width % 2:
            raise UsageError(f"an image of {encoding} is of even width, not {message.width}")
        code = cv2.COLOR_YUV2RGB_UYVY if encoding in ("yuv422", "uyvy") else cv2.COLOR_YUV2RGB_YUY2
        return np.asarray(cv2.cvtColor(samples, code))
    if samples.shape[2] == 1:
        return samples[:, :, 0]
    blue_first = not encoding.startswith("rgb")
    return np.ascontiguousarray(samples[:, :, 2::-1] if blue_first else samples[:, :, :3])


def depth_of(message: Image) -> Array:
    """A depth image of 16UC1 or mono16 (mm) or 32FC1 (m) as (height, width) float32, m; NaN where nothing was measured.

    `UsageError` as of `pixels_of`.
    """
    import numpy as np

    if message.encoding not in ("16UC1", "mono16", "32FC1"):
        raise UsageError(f"the encoding '{message.encoding}' of a depth image; 16UC1, mono16, 32FC1 can be read")
    depth = _samples_of(message)[:, :, 0].astype(np.float32)
    if message.encoding != "32FC1":
        depth *= np.float32(_MILLI)
    with np.errstate(invalid="ignore"):
        depth[~(np.isfinite(depth) & (depth > 0.0))] = np.nan
    return depth


def cloud_of(message: PointCloud2) -> Array:
    """The points of a cloud as (n, 3) float32, or (height, width, 3) where it is organised, m; NaN as it is sent.

    `UsageError` for a cloud without x, y, z of one type FLOAT32 or FLOAT64, and for data that do not fit the size.
    """
    import numpy as np

    fields = {field.name: field for field in message.fields}
    if not {"x", "y", "z"} <= fields.keys():
        raise UsageError(f"a point cloud without x, y, z; it has {', '.join(fields) or 'no fields'}")
    height, width, step, row = message.height, message.width, message.point_step, message.row_step
    order = ">" if message.is_bigendian else "<"
    channels = []
    for name in "xyz":
        field = fields[name]
        if field.datatype not in _FIELDS:
            raise UsageError(f"the type {field.datatype} of a cloud's {name}; FLOAT32 and FLOAT64 can be read")
        kind = np.dtype(order + _FIELDS[field.datatype])
        fits = field.offset + kind.itemsize <= step and width * step <= row and height * row <= len(message.data)
        if not fits:
            size = f"{width} x {height} points of {step} bytes, rows of {row}"
            raise UsageError(f"{len(message.data)} bytes for a cloud of {size} with {name} at {field.offset}")
        if not width or not height:
            return np.zeros((0, 3), np.float32)
        channels.append(np.ndarray((height, width), kind, memoryview(message.data), field.offset, (row, step)))
    points = np.stack(channels, axis=-1).astype(np.float32)
    return points if height > 1 else points[0]


def info_of(message: CameraInfoMsg) -> CameraInfo:
    """What a camera says of its optics; `UsageError` where it is not calibrated (REP 104: K is zero), or not plumb_bob, and
    where it bins pixels or shows a region: its numbers are of the full image then.
    """
    if message.distortion_model not in ("plumb_bob", ""):
        raise UsageError(f"the distortion model '{message.distortion_model}'; plumb_bob can be read")
    if max(message.binning_x, message.binning_y) > 1 or message.roi.width:
        raise UsageError("a camera info of binned pixels, or of a region of the image")
    if not message.k[0] > 0.0 or len(message.d) > 5:
        raise UsageError(f"a camera info without a camera matrix, or with {len(message.d)} coefficients of plumb_bob")
    distortion = (*map(float, message.d), 0.0, 0.0, 0.0, 0.0, 0.0)[:5]
    matrix = tuple(map(float, message.k))
    return CameraInfo(message.width, message.height, matrix, distortion, message.header.frame_id)


def _samples_of(message: Image) -> Array:
    """A message's samples, (height, width, channels), in this machine's byte order."""
    import numpy as np

    if message.encoding not in _SAMPLES:
        raise UsageError(f"the encoding '{message.encoding}'; {', '.join(_SAMPLES)} can be read")
    sample, channels = _SAMPLES[message.encoding]
    kind = np.dtype(sample).newbyteorder(">" if message.is_bigendian else "<")
    row, step = message.width * channels * kind.itemsize, message.step
    if step < row or len(message.data) < step * message.height or not message.height or not message.width:
        size = f"{message.width} x {message.height} {message.encoding} with a step of {step}"
        raise UsageError(f"{len(message.data)} bytes for an image of {size}")
    rows = np.frombuffer(message.data, np.uint8, step * message.height).reshape(message.height, step)
    samples = np.ascontiguousarray(rows[:, :row]).view(kind).reshape(message.height, message.width, channels)
    return samples.astype(kind.newbyteorder("="), copy=False)
