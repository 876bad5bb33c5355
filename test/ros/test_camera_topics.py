"""What a camera shows beside its image comes through: depth images of both encodings, point clouds, and the light."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from hardware_bench import LINE, Bench, hardware_bench
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

from microcell.description.cell import LightSpec
from microcell.faults import FaultError
from microcell.ros import convert, qos
from microcell.ros.convert_skills import stamp
from microcell_interfaces.srv import CaptureImage

pytestmark = pytest.mark.ros

SMALL = {"width_px": 160, "height_px": 120, "focal_px": 1875.0, "depth": True, "depth_noise_m": 0.0}
MILLIMETRES = np.array([[0, 512, 513], [65535, 1, 700]], np.uint16)
CLOUD = np.arange(2 * 3 * 3, dtype=np.float32).reshape(2, 3, 3)


def line(**changes: Any) -> Any:
    """The valve line, its first camera small and with depth."""
    devices = LINE.cell_description.devices
    camera = devices["camera_1"].model_copy(update={**SMALL, **changes})
    cell = LINE.cell_description.model_copy(update={"devices": {**devices, "camera_1": camera}})
    return LINE.model_copy(update={"cell_description": cell})


def in_cell(scenario: Callable[[Bench], Awaitable[Any]], **changes: Any) -> Any:
    async def run() -> Any:
        async with hardware_bench(("camera_1",), line=line(**changes)) as bench:
            return await scenario(bench)

    return asyncio.run(asyncio.wait_for(run(), 60.0))


def cloud_message(points: np.ndarray, frame: str, time: Any) -> PointCloud2:
    """An organised cloud, (height, width, 3) float32, with four more bytes for each point, as drivers send them."""
    height, width = points.shape[:2]
    padded = np.zeros((height, width, 4), np.float32)
    padded[..., :3] = points
    message = PointCloud2(height=height, width=width, point_step=16, row_step=16 * width, data=padded.tobytes())
    message.fields = [PointField(name=n, offset=4 * k, datatype=PointField.FLOAT32, count=1) for k, n in enumerate("xyz")]
    message.header.frame_id, message.header.stamp = frame, time
    return message


def test_depth_and_light_of_the_hardware_come_with_the_image_that_was_asked_for():
    async def scenario(bench: Bench) -> None:
        camera = bench.devices["camera_1"]
        await camera.connect()
        usual, low = [await camera.capture(0.02, light) for light in ("usual", "low_angle")]
        assert (usual.light, low.light, usual.exposure_s) == ("usual", "low_angle", 0.02)
        assert not np.array_equal(usual.pixels, low.pixels)
        shown = await bench.hardware.devices["camera_1"].capture(0.02)
        assert usual.depth_m.dtype == np.float32 and np.array_equal(usual.depth_m, shown.depth_m)
        assert 0.9 < float(np.median(usual.depth_m)) < 1.1
        with pytest.raises(FaultError, match="it has no light 'ring', only: usual, low_angle"):
            await camera.capture(0.02, "ring")

    in_cell(scenario, lights={"low_angle": LightSpec(room_ratio=1.0, lamps=())})


def show(bench: Bench, *topics: tuple[type, str, Callable[[Any], Any]], ahead_s: float = 0.0) -> asyncio.Future[None]:
    """Publish as a driver that runs freely does: all topics of one moment with its stamp."""
    publishers = [(bench.node.create_publisher(kind, f"camera_1/{name}", qos.IMAGE), make) for kind, name, make in topics]

    async def run_freely() -> None:
        while True:
            time = stamp(bench.clock.epoch_s + bench.clock.now() + ahead_s)
            for publisher, make in publishers:
                if (message := make(time)) is not None:
                    publisher.publish(message)
            await asyncio.sleep(0.05)

    return asyncio.ensure_future(run_freely())


IMAGE = (Image, "image", lambda time: convert.image_message(np.full((2, 3, 3), 7, np.uint8), "lens", time))
DEPTH = (Image, "depth_image", lambda time: convert.image_message(MILLIMETRES, "lens", time))
POINTS = (PointCloud2, "points", lambda time: cloud_message(CLOUD, "lens", time))
WIDE_DEPTH = (Image, "depth_image", lambda time: convert.image_message(np.hstack([MILLIMETRES] * 2), "lens", time))
SILENT = (PointCloud2, "points", lambda time: None)


@pytest.fixture
def runs_freely(monkeypatch):
    """Nobody serves the camera's service."""
    monkeypatch.setattr("microcell.devices.camera.ros.FREE_RUNNING_S", 0.2)
    monkeypatch.setattr("microcell.devices.camera.ros.IMAGE_S", 1.0)
    served, asked = "camera_1/capture", []

    def capture(device: str) -> str:
        asked.append(device)
        return served if len(asked) == 1 else f"{device}/nobody_serves_this"

    monkeypatch.setattr("microcell.ros.names.capture", capture)


@pytest.mark.usefixtures("runs_freely")
def test_depth_in_millimetres_and_points_are_taken_as_the_driver_sends_them():
    async def scenario(bench: Bench) -> None:
        running = show(bench, IMAGE, DEPTH, POINTS)
        camera = bench.devices["camera_1"]
        await camera.connect()
        frame = await camera.capture(0.02)
        assert np.array_equal(frame.pixels, np.full((2, 3, 3), 7, np.uint8))
        expected = np.where(MILLIMETRES == 0, np.nan, MILLIMETRES / 1000.0)
        assert np.allclose(frame.depth_m, expected, atol=1e-6, equal_nan=True)
        assert np.array_equal(frame.cloud_m, CLOUD)
        assert (frame.light, frame.exposure_s) == ("", None)
        with pytest.raises(FaultError, match="it runs freely: nobody can switch on its light 'low_angle'"):
            await camera.capture(0.02, "low_angle")
        running.cancel()

    in_cell(scenario, parameters={"points": True})


@pytest.mark.usefixtures("runs_freely")
@pytest.mark.parametrize(("ahead_s", "off"), [(37.0, "37.0 s ahead of"), (0.5, "0.5 s ahead of"), (-20.0, "20.0 s behind")])
def test_images_of_a_camera_whose_clock_is_another_are_not_taken_and_it_is_said_how_far_it_is_off(ahead_s, off):
    async def scenario(bench: Bench) -> None:
        running = show(bench, IMAGE, ahead_s=ahead_s)
        camera = bench.devices["camera_1"]
        await camera.connect()
        with pytest.raises(FaultError, match=f"DEVICE_STALE at camera_1: .*images come, but their stamps are {off}"):
            await camera.capture(0.02)
        running.cancel()

    in_cell(scenario, depth=False)


@pytest.mark.usefixtures("runs_freely")
def test_a_camera_that_has_stopped_shows_no_image_although_its_last_one_comes_after_the_request():
    async def scenario(bench: Bench) -> None:
        running = show(bench, IMAGE)
        camera = bench.devices["camera_1"]
        await camera.connect()
        running.cancel()
        kind, topic, make = IMAGE
        images, before = bench.node.create_publisher(kind, f"camera_1/{topic}", qos.IMAGE), bench.clock.now()
        while not images.get_subscription_count():
            await asyncio.sleep(0.02)
        capturing = asyncio.ensure_future(camera.capture(0.02))
        await asyncio.sleep(0)
        images.publish(make(stamp(bench.clock.epoch_s + before)))
        with pytest.raises(FaultError, match="CAMERA_NO_IMAGE at camera_1: .*no image came"):
            await capturing

    in_cell(scenario, depth=False)


PINHOLE = {"width": 160, "height": 120, "k": [1875.0, 0.0, 79.5, 0.0, 1875.0, 59.5, 0.0, 0.0, 1.0]}


def info(**fields: Any) -> tuple[type, str, Callable[[Any], Any]]:
    """What a camera tells of its optics beside each image: what the cell's file says, but for these fields."""

    def make(time: Any) -> CameraInfo:
        message = CameraInfo(**{**PINHOLE, **fields})
        message.header.stamp = time
        return message

    return (CameraInfo, "camera_info", make)


async def with_info(bench: Bench, told: tuple[type, str, Callable[[Any], Any]]) -> Any:
    """A connected camera that has heard of its optics, while it runs on."""
    running = show(bench, IMAGE, told)
    camera = bench.devices["camera_1"]
    await camera.connect()
    while camera._infos.newest is None:
        await asyncio.sleep(0.02)
    return camera, running


@pytest.mark.usefixtures("runs_freely")
@pytest.mark.parametrize(
    "told",
    [
        info(distortion_model="equidistant", d=[0.1, 0.0, 0.0, 0.0]),
        info(distortion_model="rational_polynomial", d=[0.1] * 8),
        info(binning_x=2, binning_y=2, width=320, height=240),
    ],
    ids=["equidistant", "rational_polynomial", "binned"],
)
def test_an_info_that_cannot_be_read_keeps_no_image_from_being_used(told):
    async def scenario(bench: Bench) -> None:
        camera, running = await with_info(bench, told)
        assert (await camera.capture(0.02)).info is None
        with pytest.raises(FaultError, match="CAMERA_UNUSABLE_IMAGE at camera_1: .*the image is"):  # it comes to be judged
            await camera.measure((), 0.02)
        running.cancel()

    in_cell(scenario, depth=False)


@pytest.mark.usefixtures("runs_freely")
def test_nothing_is_measured_by_optics_that_the_camera_contradicts():
    async def scenario(bench: Bench) -> None:
        camera, running = await with_info(bench, info(distortion_model="plumb_bob", width=320, height=240))
        says = "it says 320 x 240 pixels, focal length 1875; the optics in use are 160 x 120 pixels, focal length 1875"
        with pytest.raises(FaultError, match=f"CAMERA_NOT_CALIBRATED at camera_1: .*{says}"):
            await camera.measure((), 0.02)
        assert (await camera.capture(0.02)).info.width_px == 320
        running.cancel()

    in_cell(scenario, depth=False)


@pytest.mark.usefixtures("runs_freely")
def test_a_depth_image_of_another_size_is_none():
    async def scenario(bench: Bench) -> None:
        running = show(bench, IMAGE, WIDE_DEPTH)
        camera = bench.devices["camera_1"]
        await camera.connect()
        with pytest.raises(FaultError, match="DEVICE_MALFORMED .*the depth image is of 6 x 2 pixels, the image of 3 x 2"):
            await camera.capture(0.02)
        running.cancel()

    in_cell(scenario)


@pytest.mark.usefixtures("runs_freely")
def test_an_image_whose_points_do_not_come_is_none():
    async def scenario(bench: Bench) -> None:
        running = show(bench, IMAGE, DEPTH, SILENT)
        camera = bench.devices["camera_1"]
        await camera.connect()
        with pytest.raises(FaultError, match=r"CAMERA_NO_IMAGE at camera_1: .*its points did not come"):
            await camera.capture(0.02)
        running.cancel()

    in_cell(scenario, parameters={"points": True})


@pytest.mark.usefixtures("runs_freely")
def test_a_camera_whose_service_is_found_after_its_first_images_exposes_on_request():
    async def scenario(bench: Bench) -> None:
        running = show(bench, IMAGE)
        camera = bench.devices["camera_1"]
        await camera.connect()
        running.cancel()
        kind, topic, make = IMAGE
        images = bench.node.create_publisher(kind, f"camera_1/{topic}", qos.IMAGE)

        def capture(request: CaptureImage.Request, response: CaptureImage.Response) -> CaptureImage.Response:
            response.stamp = stamp(bench.clock.epoch_s + bench.clock.now())
            images.publish(make(response.stamp))
            return response

        bench.node.create_service(CaptureImage, "camera_1/nobody_serves_this", capture)
        while not (camera._capture.service_is_ready() and images.get_subscription_count()):
            await asyncio.sleep(0.02)
        frame = await camera.capture(0.02)
        assert (frame.light, frame.exposure_s) == ("usual", 0.02)

    in_cell(scenario, depth=False)
