"""Images, depth and clouds of messages: every encoding in use, padded, of either byte order; what does not fit is told."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

from microcell.errors import UsageError
from microcell.ros import convert
from microcell.ros.convert_images import _SAMPLES, cloud_of, depth_of, info_of, pixels_of
from microcell.ros.convert_skills import stamp

RGB = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
WIDE = RGB.astype(np.uint16) * 256 + 77
ALPHA = np.full((6, 8, 1), 200, np.uint8)


def an_image(encoding: str, samples: np.ndarray, padding: int = 0, big_endian: bool = False) -> Image:
    """A message of (height, width[, channels]) samples, with unused bytes after each row."""
    there = samples.astype(samples.dtype.newbyteorder(">" if big_endian else "<"))
    data = b"".join(row.tobytes() + b"\xaa" * padding for row in there)
    return Image(
        height=samples.shape[0], width=samples.shape[1], encoding=encoding, step=samples[0].nbytes + padding,
        is_bigendian=int(big_endian), data=data,
    )  # fmt: skip


COLOURS = {
    "rgb8": RGB, "bgr8": RGB[:, :, ::-1], "8UC3": RGB[:, :, ::-1],
    "rgba8": np.dstack((RGB, ALPHA)), "bgra8": np.dstack((RGB[:, :, ::-1], ALPHA)),
    "8UC4": np.dstack((RGB[:, :, ::-1], ALPHA)),
    "rgb16": WIDE, "bgr16": WIDE[:, :, ::-1], "16UC3": WIDE[:, :, ::-1],
    "rgba16": np.dstack((WIDE, ALPHA)), "bgra16": np.dstack((WIDE[:, :, ::-1], ALPHA)),
}  # fmt: skip
MONO = {"mono8": RGB[:, :, 0], "8UC1": RGB[:, :, 0], "mono16": WIDE[:, :, 0], "16UC1": WIDE[:, :, 0]}


@pytest.mark.parametrize("encoding", [*COLOURS, *MONO])
@pytest.mark.parametrize(("padding", "big_endian"), [(0, False), (3, True)])
def test_every_plain_encoding_gives_its_pixels(encoding, padding, big_endian):
    samples = {**COLOURS, **MONO}[encoding]
    found = pixels_of(an_image(encoding, samples, padding, big_endian))
    expected = samples if encoding in MONO else RGB if found.dtype == np.uint8 else WIDE
    assert np.array_equal(found, expected)
    assert (found.dtype == samples.dtype and found.flags.c_contiguous) or found.ndim == 2


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("mosaic", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_mosaic_of_an_even_colour_gives_this_colour(mosaic, bits):
    colour = {"r": 200, "g": 120, "b": 40}
    cell = np.array([[colour[mosaic[0]], colour[mosaic[1]]], [colour[mosaic[2]], colour[mosaic[3]]]])
    samples = np.tile(cell, (8, 8)).astype(np.uint8 if bits == 8 else np.uint16) * (1 if bits == 8 else 250)
    found = pixels_of(an_image(f"bayer_{mosaic}{bits}", samples, 2, bits == 16))
    assert found.dtype == samples.dtype
    assert np.array_equal(found[4:-4, 4:-4].reshape(-1, 3), np.tile([200, 120, 40], (64, 1)) * (1 if bits == 8 else 250))


@pytest.mark.parametrize(("encoding", "luma"), [("yuv422", 1), ("uyvy", 1), ("yuv422_yuy2", 0), ("yuyv", 0)])
def test_grey_in_luma_and_chroma_is_grey(encoding, luma):
    samples = np.full((4, 6, 2), 128, np.uint8)
    samples[:, :, luma] = 180
    found = pixels_of(an_image(encoding, samples))
    assert found.shape == (4, 6, 3) and np.ptp(found) <= 1 and abs(int(found[0, 0, 0]) - 191) <= 1


@pytest.mark.parametrize("pixels", [RGB, WIDE, RGB[:, :, 0], WIDE[:, :, 0]])
def test_an_image_survives_its_message(pixels):
    message = convert.image_message(pixels, "lens", stamp(3.0))
    assert message.header.frame_id == "lens"
    assert np.array_equal(pixels_of(message), pixels)


def test_depth_comes_in_metres_and_what_was_not_measured_is_no_number():
    millimetres = np.array([[0, 512], [65535, 1]], np.uint16)
    expected = np.array([[np.nan, 0.512], [65.535, 0.001]], np.float32)
    for encoding in ("16UC1", "mono16"):
        assert np.allclose(depth_of(an_image(encoding, millimetres, 1, True)), expected, equal_nan=True)
    metres = np.array([[np.inf, 0.512], [-1.0, np.nan]], np.float32)
    found = depth_of(an_image("32FC1", metres, 4, True))
    assert np.allclose(found, [[np.nan, 0.512], [np.nan, np.nan]], equal_nan=True) and found.dtype == np.float32
    sent = convert.image_message(expected, "lens", stamp(0.0))
    assert sent.encoding == "32FC1" and np.allclose(depth_of(sent), expected, equal_nan=True)


def a_cloud(height: int, width: int, kind: str = "f4", big_endian: bool = False) -> tuple[PointCloud2, np.ndarray]:
    """A cloud with other fields between, unused bytes after each row, and its points."""
    order, padding = ">" if big_endian else "<", 5
    layout = np.dtype([("x", order + kind), ("i", "u1"), ("y", order + kind), ("z", order + kind), ("rgb", "u4")])
    points = np.random.default_rng(2).normal(size=(height, width, 3)).astype(np.float32)
    points[0, 0] = np.nan
    rows = np.zeros((height, width), layout)
    for axis, name in enumerate("xyz"):
        rows[name] = points[..., axis]
    number = PointField.FLOAT32 if kind == "f4" else PointField.FLOAT64
    fields = [PointField(name=name, offset=layout.fields[name][1], datatype=number, count=1) for name in "xyz"]
    data = b"".join(row.tobytes() + b"\xaa" * padding for row in rows)
    step = layout.itemsize
    return PointCloud2(
        height=height, width=width, fields=fields, is_bigendian=big_endian, point_step=step, row_step=step * width + padding,
        data=data,
    ), points  # fmt: skip


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("big_endian", [False, True])
def test_a_cloud_gives_its_points_organised_or_not(kind, big_endian):
    message, points = a_cloud(4, 5, kind, big_endian)
    assert np.array_equal(cloud_of(message), points, equal_nan=True)
    message, points = a_cloud(1, 7, kind, big_endian)
    assert np.array_equal(cloud_of(message), points[0], equal_nan=True)


def test_a_camera_says_its_optics():
    message = CameraInfo(width=8, height=6, distortion_model="plumb_bob", d=[-0.1, 0.02, 0.0, 0.0], k=[9.0, *[0.0] * 7, 1.0])
    found = info_of(message)
    assert (found.width_px, found.matrix_px[0], found.distortion) == (8, 9.0, (-0.1, 0.02, 0.0, 0.0, 0.0))
    with pytest.raises(UsageError, match="the distortion model 'equidistant'; plumb_bob can be read"):
        info_of(CameraInfo(distortion_model="equidistant"))
    with pytest.raises(UsageError, match="a camera info without a camera matrix"):
        info_of(CameraInfo())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"encoding": "jpeg"}, "the encoding 'jpeg'; mono8, mono16, "),
        ({"encoding": "32FC1"}, "the encoding '32FC1' is of depths, not of a picture"),
        ({"data": b"123"}, "3 bytes for an image of 8 x 6 rgb8 with a step of 24"),
        ({"step": 23}, "144 bytes for an image of 8 x 6 rgb8 with a step of 23"),
        ({"width": 0}, "for an image of 0 x 6"),
        ({"encoding": "yuv422", "width": 7}, "an image of yuv422 is of even width, not 7"),
    ],
)
def test_an_image_that_cannot_be_read_says_why(change, problem):
    message = an_image("rgb8", RGB)
    for key, value in change.items():
        setattr(message, key, value)
    with pytest.raises(UsageError, match=problem):
        pixels_of(message)


def test_a_cloud_or_depth_that_cannot_be_read_says_why():
    message, _ = a_cloud(2, 3)
    message.fields = message.fields[:2]
    with pytest.raises(UsageError, match="a point cloud without x, y, z; it has x, y"):
        cloud_of(message)
    message, _ = a_cloud(2, 3)
    message.data = message.data[:-9]
    with pytest.raises(UsageError, match="bytes for a cloud of 3 x 2 points of 17 bytes"):
        cloud_of(message)
    message, _ = a_cloud(2, 3)
    message.fields[0].datatype = PointField.UINT8
    with pytest.raises(UsageError, match="the type 2 of a cloud's x"):
        cloud_of(message)
    with pytest.raises(UsageError, match="the encoding 'rgb8' of a depth image; 16UC1, mono16, 32FC1 can be read"):
        depth_of(an_image("rgb8", RGB))


sizes = st.integers(0, 12)


@given(
    encoding=st.one_of(st.sampled_from(sorted(_SAMPLES)), st.text(max_size=6)),
    size=st.tuples(sizes, sizes, st.integers(0, 60)),
    data=st.binary(max_size=400),
    big_endian=st.booleans(),
)
@settings(max_examples=150)
def test_whatever_an_image_message_holds_is_read_or_refused(encoding, size, data, big_endian):
    height, width, step = size
    message = Image(height=height, width=width, step=step, encoding=encoding, is_bigendian=int(big_endian), data=data)
    for read in (pixels_of, depth_of):
        try:
            found = read(message)
        except UsageError:
            continue
        assert found.shape[:2] == (height, width)


@given(
    fields=st.lists(st.tuples(st.sampled_from(["x", "y", "z", "i"]), st.integers(0, 40), st.integers(0, 9)), max_size=5),
    size=st.tuples(sizes, sizes, st.integers(0, 40), st.integers(0, 99)),
    data=st.binary(max_size=400),
)
@settings(max_examples=150)
def test_whatever_a_cloud_message_holds_is_read_or_refused(fields, size, data):
    height, width, point_step, row_step = size
    told = [PointField(name=name, offset=offset, datatype=kind, count=1) for name, offset, kind in fields]
    message = PointCloud2(height=height, width=width, fields=told, point_step=point_step, row_step=row_step, data=data)
    try:
        found = cloud_of(message)
    except UsageError:
        return
    assert found.shape[-1] == 3 and found.dtype == np.float32


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono16", "bayer_rggb8"])
def test_a_large_image_is_converted_without_work_for_each_byte(encoding):
    """2 megapixels in far less than the second that a loop over their bytes takes."""
    kind = {"mono16": (np.uint16, ()), "bayer_rggb8": (np.uint8, ())}.get(encoding, (np.uint8, (3,)))
    message = convert.image_message(np.zeros((1080, 1920, *kind[1]), kind[0]), "lens", stamp(0.0))
    message.encoding = encoding
    start_s = time.process_time()
    assert pixels_of(message).shape[:2] == (1080, 1920)
    assert time.process_time() - start_s < 0.3
