"""A camera that replays images from a folder, for measuring without hardware what a real one has seen.

Parameters: `folder`; `repeat: true` begins anew after the last image. An image is a PNG, JPEG, BMP or TIFF file, mono or
colour, 8 or 16 bit, and they come in the order of their names. Beside `NAME.png` may lie `NAME.depth.png` (16 bit, mm, 0 =
not measured) or `NAME.depth.npy` (m, NaN = not measured), and in the folder `camera_info.yaml`, as ROS's camera_calibration
writes it, with the camera's serial as `camera_name`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from microcell.description.cell import USUAL_LIGHT, CameraSpec
from microcell.description.driver_parameters import camera_parameters
from microcell.devices.camera.contract import CameraInfo, Frame
from microcell.devices.camera.pixels import PixelCamera
from microcell.devices.contract import DeviceStatus
from microcell.devices.factory import DeviceHost
from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.vision.photos import image_files, read_image

if TYPE_CHECKING:
    import numpy as np

INFO_FILE = "camera_info.yaml"
DEPTH = ".depth"


class FilesCamera(PixelCamera):
    """Gives one image of its folder after the other; CAMERA_NO_IMAGE after the last."""

    def __init__(self, name: str, spec: CameraSpec, host: DeviceHost) -> None:
        super().__init__(name, spec, host)
        told = camera_parameters(spec.parameters, "folder", "repeat")
        if told.folder is None:
            raise UsageError(f"camera '{name}': driver camera/files needs the parameter 'folder', with the images.")
        self._folder = Path(told.folder)
        self._repeat = told.repeat
        self._images: tuple[Path, ...] = ()
        self._info: CameraInfo | None = None
        self._taken = 0

    async def connect(self) -> None:
        images = tuple(path for path in image_files(self._folder) if not path.stem.endswith(DEPTH))
        if not images:
            raise FaultError("DEVICE_SILENT", self.name, f"there is no image in '{self._folder}'")
        self._info = _read_info(self._folder / INFO_FILE, self.name)
        self._images = images

    async def disconnect(self) -> None:
        self._images = ()

    async def status(self) -> DeviceStatus:
        there = bool(self._images)
        return DeviceStatus(there, there, f"{self._taken} images taken, {len(self._images)} in '{self._folder}'")

    async def capture(self, exposure_s: float, light: str = USUAL_LIGHT) -> Frame:
        if light != USUAL_LIGHT:
            raise FaultError("DEVICE_REFUSED", self.name, f"images of a folder are not taken anew in light '{light}'")
        if not self._images:
            raise FaultError("DEVICE_SILENT", self.name, "not connected")
        await self.clock.sleep(exposure_s)
        if self._taken >= len(self._images) and not self._repeat:
            raise FaultError("CAMERA_NO_IMAGE", self.name, f"all {len(self._images)} images of '{self._folder}' were taken")
        path = self._images[self._taken % len(self._images)]
        self._taken += 1
        pixels = read_image(path)
        if pixels is None:
            raise FaultError("DEVICE_MALFORMED", self.name, f"'{path}' is no image that can be read")
        return Frame(pixels, self.clock.now(), _read_depth(path, pixels.shape[:2], self.name), info=self._info)


def _read_depth(image: Path, shape: tuple[int, ...], where: str) -> np.ndarray[Any, Any] | None:
    """The depth image beside an image, m; None where there is none, DEVICE_MALFORMED where it does not fit."""
    import numpy as np

    array, picture = image.with_name(image.stem + DEPTH + ".npy"), image.with_name(image.stem + DEPTH + ".png")
    if array.is_file():
        try:
            depth = np.load(array, allow_pickle=False).astype(np.float32)
        except (OSError, ValueError, EOFError) as error:
            raise FaultError("DEVICE_MALFORMED", where, f"'{array}' cannot be read: {error}") from error
    elif picture.is_file():
        read = read_image(picture)
        if read is None or read.dtype != np.uint16:
            raise FaultError("DEVICE_MALFORMED", where, f"'{picture}' is no depth image of 16 bit")
        depth = np.where(read == 0, np.float32(np.nan), read.astype(np.float32) / np.float32(1000.0))
    else:
        return None
    if depth.shape != tuple(shape):
        raise FaultError("DEVICE_MALFORMED", where, f"the depth beside '{image.name}' is {depth.shape}, the image {shape}")
    return depth


def _read_info(path: Path, where: str) -> CameraInfo | None:
    """What the camera says of itself; None without the file, DEVICE_MALFORMED where it cannot be read."""
    import yaml

    if not path.is_file():
        return None
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        matrix = tuple(map(float, said["camera_matrix"]["data"]))
        distortion = tuple(map(float, said["distortion_coefficients"]["data"]))
        if len(matrix) != 9 or len(distortion) not in (4, 5):
            raise ValueError("9 numbers of a camera matrix and 5 of distortion are needed")
        serial = str(said.get("camera_name", ""))
        return CameraInfo(int(said["image_width"]), int(said["image_height"]), matrix, (*distortion, 0.0)[:5], "", serial)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FaultError("DEVICE_MALFORMED", where, f"'{path}' cannot be read: {error}") from error


PLUGIN = FilesCamera
