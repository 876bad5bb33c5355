"""The camera that replays a folder, and the calibration of cameras at use."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from microcell.clock import LoopClock, run_virtual
from microcell.description.calibration import Calibration
from microcell.description.cell import CameraSpec
from microcell.description.loader import load_line
from microcell.devices.camera.files import FilesCamera
from microcell.devices.factory import DeviceHost
from microcell.errors import UsageError
from microcell.faults import FaultError

LINE = load_line("valve")
SPEC = LINE.cell_description.devices["camera_1"]
SMALL = SPEC.model_copy(update={"width_px": 8, "height_px": 6, "serial": "C-1"})
COLOUR = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
INFO = """\
image_width: 8
image_height: 6
camera_name: C-1
camera_matrix: {rows: 3, cols: 3, data: [100.0, 0.0, 3.5, 0.0, 100.0, 2.5, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.1, 0.01, 0.0, 0.0, 0.0]}
"""


def taken(
    folder: Path, count: int = 1, line: Any = LINE, action: str = "capture", small: CameraSpec = SMALL, **parameters: Any
) -> list[Any]:
    """What so many captures of a camera over a folder give."""

    async def main() -> list[Any]:
        spec = small.model_copy(update={"parameters": {"folder": str(folder), **parameters}})
        camera = FilesCamera("camera_1", spec, DeviceHost(line, LoopClock(0.0)))
        await camera.connect()
        if action == "measure":
            return [await camera.measure((), 0.02)]
        return [await camera.capture(0.02) for _ in range(count)]

    return run_virtual(main())


def test_images_come_in_the_order_of_their_names_mono_and_colour_of_8_and_16_bit(tmp_path):
    cv2.imwrite(str(tmp_path / "b.png"), COLOUR[:, :, ::-1])
    cv2.imwrite(str(tmp_path / "a.png"), COLOUR[:, :, 0].astype(np.uint16) * 256 + 3)
    wide, colour = taken(tmp_path, 2)
    assert (wide.pixels.dtype, wide.pixels.shape) == (np.uint16, (6, 8))
    assert np.array_equal(wide.rgb8, np.repeat(COLOUR[:, :, :1], 3, axis=2))
    assert np.array_equal(colour.pixels, COLOUR)
    assert colour.depth_m is None and colour.info is None
    assert (wide.time_s, colour.time_s) == pytest.approx((0.02, 0.04))


def test_after_the_last_image_there_is_none_unless_they_are_to_be_repeated(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), COLOUR)
    with pytest.raises(FaultError, match=r"CAMERA_NO_IMAGE at camera_1: .*all 1 images of '.*' were taken"):
        taken(tmp_path, 2)
    assert len(taken(tmp_path, 3, repeat=True)) == 3


@pytest.mark.parametrize("kind", ["npy", "png"])
def test_depth_that_lies_beside_an_image_comes_with_it_in_metres(tmp_path, kind):
    cv2.imwrite(str(tmp_path / "a.png"), COLOUR)
    depth = np.full((6, 8), 0.512, np.float32)
    depth[0, 0] = np.nan
    if kind == "npy":
        np.save(tmp_path / "a.depth.npy", depth)
    else:
        cv2.imwrite(str(tmp_path / "a.depth.png"), np.nan_to_num(depth * 1000.0).round().astype(np.uint16))
    (frame,) = taken(tmp_path)
    assert np.allclose(frame.depth_m, depth, equal_nan=True)
    assert frame.depth_m.dtype == np.float32


def test_the_camera_info_of_ros_is_read(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), COLOUR)
    (tmp_path / "camera_info.yaml").write_text(INFO)
    (frame,) = taken(tmp_path)
    assert (frame.info.width_px, frame.info.matrix_px[2], frame.info.distortion[0]) == (8, 3.5, -0.1)
    assert frame.info.serial == "C-1"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.png", b"no image", "'.*a.png' is no image that can be read"),
        ("a.depth.npy", b"no array", "a.depth.npy' cannot be read"),
        ("a.depth.png", b"no image", "a.depth.png' is no depth image of 16 bit"),
        ("camera_info.yaml", b"image_width: 8", "camera_info.yaml' cannot be read: 'camera_matrix'"),
        ("camera_info.yaml", b"- 1\n- [", "camera_info.yaml' cannot be read"),
        ("camera_info.yaml", INFO.replace("[-0.1,", "[").encode(), "cannot be read|"),
    ],
)
def test_a_damaged_file_is_told_by_its_name(tmp_path, name, content, problem):
    cv2.imwrite(str(tmp_path / "a.png"), COLOUR)
    (tmp_path / name).write_bytes(content)
    if problem.endswith("|"):  # four coefficients are as good as five
        assert taken(tmp_path)[0].info.distortion[4] == 0.0
        return
    with pytest.raises(FaultError, match=f"DEVICE_MALFORMED at camera_1: .*{problem}"):
        taken(tmp_path)


def test_depth_of_another_size_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), COLOUR)
    np.save(tmp_path / "a.depth.npy", np.zeros((3, 3), np.float32))
    with pytest.raises(FaultError, match=r"the depth beside 'a.png' is \(3, 3\), the image \(6, 8\)"):
        taken(tmp_path)


def test_a_camera_without_its_folder_is_refused_and_an_empty_one_is_silent(tmp_path):
    with pytest.raises(FaultError, match="DEVICE_SILENT at camera_1: .*there is no image in"):
        taken(tmp_path)
    with pytest.raises(UsageError, match="driver camera/files needs the parameter 'folder'"):
        run_virtual(make_without_folder())


async def make_without_folder() -> None:
    FilesCamera("camera_1", SMALL, DeviceHost(LINE, LoopClock(0.0)))


@pytest.mark.parametrize(
    ("serial", "until", "problem"),
    [
        ("C-1", date(1969, 12, 31), "it expired on 1969-12-31, today is 1970-01-01"),
        ("C-9", date(1970, 1, 1), "it is of 'C-9', this is 'C-1'"),
    ],
)
def test_a_camera_does_not_measure_with_an_expired_or_foreign_calibration(tmp_path, serial, until, problem):
    cv2.imwrite(str(tmp_path / "a.png"), COLOUR)
    (tmp_path / "camera_info.yaml").write_text(INFO)
    old = Calibration(kind="calibration", name="lens", serial=serial, made=date(1969, 1, 1), valid_until=until)
    line = LINE.model_copy(update={"calibrations": {"camera_1": old}})
    with pytest.raises(FaultError, match=f"CAMERA_NOT_CALIBRATED at camera_1: .*{problem}"):
        taken(tmp_path, line=line, action="measure")
    assert len(taken(tmp_path, line=line)) == 1, "an image is given all the same"


@pytest.mark.parametrize(
    ("width_px", "focal_px", "measured"), [(8, 101, True), (8, 103, False), (8, 97, False), (12, 100, False)]
)
def test_a_camera_does_not_measure_by_optics_that_its_info_contradicts(tmp_path, monkeypatch, width_px, focal_px, measured):
    monkeypatch.setattr("microcell.devices.camera.pixels.measure", lambda *arguments: ())  # the picture is too small
    cv2.imwrite(str(tmp_path / "a.png"), COLOUR)
    info = INFO.replace("image_width: 8", f"image_width: {width_px}").replace("100.0", f"{focal_px:.1f}")
    (tmp_path / "camera_info.yaml").write_text(info)
    described = SMALL.model_copy(update={"focal_px": 100.0})
    assert len(taken(tmp_path, small=described)) == 1, "an image is given all the same"
    if measured:
        assert len(taken(tmp_path, action="measure", small=described)) == 1
        return
    told = f"it says {width_px} x 6 pixels, focal length {focal_px}; the optics in use are 8 x 6 pixels, focal length 100"
    with pytest.raises(FaultError, match=f"CAMERA_NOT_CALIBRATED at camera_1: .*{told}"):
        taken(tmp_path, action="measure", small=described)
