"""The camera drivers over a plant: rendered and modelled."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from statistics import pstdev
from typing import Any

import numpy as np
import pytest

from microcell.clock import LoopClock, run_virtual
from microcell.description.cell import LampSpec, LightSpec
from microcell.description.loader import load_line
from microcell.devices.camera.mock import MockCamera
from microcell.devices.camera.modelled import Look, ModelledCamera, drawn_reading, true_reading
from microcell.devices.factory import DeviceHost
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.plant.injection import Injection, Injections
from microcell.plant.plant import Plant
from microcell.plant.render import Light, render
from microcell.plant.scene import EdgeFlaw, Flaw, SceneItem
from microcell.vision.error_statistics import MEASURED
from microcell.vision.measure import measure
from microcell.vision.requests import CheckRequest, Locate
from microcell.vision.view import View

LINE = load_line("valve")
PRODUCT = LINE.product_description
SPEC = LINE.cell_description.devices["camera_1"]
SEAT = LINE.cell_description.devices["fixture_1"].seat_in_cell.pose
SERIAL = "VLV-000123"
BOTH = pytest.mark.parametrize("driver", [MockCamera, ModelledCamera])


class StillPlant:
    """A plant in which nothing moves."""

    def __init__(self, items: list[SceneItem], seed: int = 7) -> None:
        self.items, self.seed, self.injections, self.lights = items, seed, Injections(), {}

    def scene(self, camera: str) -> list[SceneItem]:
        return self.items


def unit(variant: str = "child", **changes: Any) -> list[SceneItem]:
    """A finished unit in the fixture; `changes` by site: None leaves the item out, a dictionary changes
    it."""
    items = []
    for number, (site, place) in enumerate(PRODUCT.sites.items()):
        name = PRODUCT.part_of(place.item, variant)
        pose = SEAT @ place.part_in_unit.pose
        content = SERIAL if place.item == "label" else ""
        item = SceneItem(number, name, PRODUCT.parts[name], pose, "fixture_1", site, content=content)
        change = changes.get(site, {})
        if change is not None:
            items.append(replace(item, **change))
    return items


def checks(variant: str = "child", inspection: str = "closed") -> list[CheckRequest]:
    requests = []
    for name, check in PRODUCT.inspections[inspection].checks.items():
        place = PRODUCT.sites[check.site]
        part = PRODUCT.parts[PRODUCT.part_of(place.item, variant)]
        pose = SEAT @ place.part_in_unit.pose
        requests.append(CheckRequest(name, check.kind, "fixture_1", check.site, part, pose, SERIAL))
    return requests


def use(driver: Any, plant: Any, action: Callable[[Any], Awaitable[Any]], connect: bool = True) -> Any:
    """What an action with a fresh camera returns, on virtual time."""

    async def main() -> Any:
        clock = LoopClock(0.0)
        camera = driver("camera_1", SPEC, DeviceHost(LINE, clock, plant))
        if connect:
            await camera.connect()
        return await action(camera)

    return run_virtual(main())


def values(readings: Any) -> dict[str, float]:
    return {reading.name: reading.value for reading in readings}


@BOTH
def test_a_good_unit_reads_as_good(driver: Any) -> None:
    readings, _ = use(driver, StillPlant(unit()), lambda camera: camera.measure(checks(), 0.02))
    seen = values(readings)
    assert list(seen) == [request.name for request in checks()]
    assert all(seen[f"screw_{n}"] > 0.9 for n in (1, 2, 3, 4))
    assert (seen["cap_type"] < 0.05, seen["cap_turn"] < 0.03, seen["cap_surface"], seen["serial"]) == (
        True, True, 0.0, 1.0
    )  # fmt: skip
    assert {reading.text for reading in readings if reading.feature == "code"} == {SERIAL}


@BOTH
def test_defects_show_in_the_readings(driver: Any) -> None:
    quarter = SEAT @ PRODUCT.sites["cap_seat"].part_in_unit.pose @ Pose(orientation=from_rpy(0.0, 0.0, 1.5708))
    scratch = Flaw((-0.004, -0.0095), (0.004, -0.009), 0.0005, (180, 190, 230))
    bad = unit(
        screw_2=None,
        cap_seat={"part_in_cell": quarter, "flaws": (scratch,)},
        label_area={"contrast": 0.0},
    )
    seen = values(use(driver, StillPlant(bad), lambda camera: camera.measure(checks(), 0.02))[0])
    assert seen["screw_2"] < 0.1 < 0.9 < seen["screw_1"]
    assert seen["cap_turn"] == pytest.approx(1.5708, abs=0.02)
    assert seen["cap_surface"] == pytest.approx(0.008, abs=0.0004)
    assert seen["serial"] == 0.0


@BOTH
def test_another_variant_has_another_colour(driver: Any) -> None:
    plant = StillPlant(unit("infant"))
    assert values(use(driver, plant, lambda camera: camera.measure(checks("child"), 0.02))[0])["cap_type"] > 0.3


@BOTH
def test_the_same_seed_and_shot_give_the_same_readings_and_the_next_shot_others(driver: Any) -> None:
    async def twice(camera: Any) -> Any:
        return [await camera.measure(checks(), 0.02) for _ in range(2)]

    one, again = use(driver, StillPlant(unit()), twice), use(driver, StillPlant(unit()), twice)
    assert one == again
    assert one[0] != one[1]
    assert use(driver, StillPlant(unit(), seed=8), twice)[0] != one[0]


@BOTH
def test_an_exposure_takes_its_time(driver: Any) -> None:
    async def timed(camera: Any) -> float:
        await camera.measure((), 0.021)
        return camera.clock.now()

    assert use(driver, StillPlant(unit()), timed) == pytest.approx(0.021)


@BOTH
@pytest.mark.parametrize("exposure_s", [0.001, 0.06])
def test_a_wrong_exposure_makes_no_usable_image(driver: Any, exposure_s: float) -> None:
    with pytest.raises(FaultError, match="CAMERA_UNUSABLE_IMAGE at camera_1"):
        use(driver, StillPlant(unit("adult")), lambda camera: camera.measure(checks("adult"), exposure_s))


@BOTH
def test_a_camera_that_is_not_connected_is_silent(driver: Any) -> None:
    with pytest.raises(FaultError, match="DEVICE_SILENT at camera_1"):
        use(driver, StillPlant([]), lambda camera: camera.measure((), 0.02), connect=False)


@BOTH
def test_a_missing_image_can_be_ordered(driver: Any) -> None:
    plant = StillPlant(unit())
    plant.injections.add(Injection("camera_1", "capture", "CAMERA_NO_IMAGE"))
    with pytest.raises(FaultError, match="CAMERA_NO_IMAGE at camera_1"):
        use(driver, plant, lambda camera: camera.measure(checks(), 0.02))


@BOTH
def test_a_part_on_a_tray_is_found_where_it_truly_is(driver: Any) -> None:
    spec = LINE.cell_description.devices["camera_trays"]

    async def main() -> tuple[Pose, Pose]:
        clock = LoopClock(0.0)
        plant = Plant(LINE, 3, clock)
        camera = driver("camera_trays", spec, DeviceHost(LINE, clock, plant))
        await camera.connect()
        true = next(item for item in plant.scene("camera_trays") if item.station == "tray_1")
        nominal = LINE.cell_description.devices["tray_1"].part_in_cell.pose
        return await camera.locate(Locate("tray_1", true.part, nominal, 0.012), 0.02), true.part_in_cell

    found, true = run_virtual(main())
    assert found.position[:2] == pytest.approx(true.position[:2], abs=0.0001)


@BOTH
def test_a_part_that_is_not_on_the_tray_is_not_found(driver: Any) -> None:
    request = Locate("tray_1", PRODUCT.parts["membrane_firm"], SEAT, 0.01)
    with pytest.raises(FaultError, match="PART_NOT_FOUND at camera_1"):
        use(driver, StillPlant([]), lambda camera: camera.locate(request, 0.02))


def test_the_rendered_image_has_the_digest_of_its_pixels_and_is_kept() -> None:
    async def look(camera: Any) -> Any:
        _, digest = await camera.measure(checks(), 0.02)
        return digest, camera.last_frame

    digest, frame = use(MockCamera, StillPlant(unit()), look)
    assert digest == hashlib.sha256(frame.pixels.tobytes()).hexdigest()
    assert frame.pixels.shape == (960, 1280, 3)
    assert frame.time_s == pytest.approx(0.02)


def test_a_depth_camera_gives_how_far_what_each_pixel_shows_is_away() -> None:
    async def depth(spec: Any) -> Any:
        clock = LoopClock(0.0)
        camera = MockCamera("camera_1", spec, DeviceHost(LINE, clock, StillPlant(unit())))
        await camera.connect()
        return (await camera.capture(0.02)).depth_m

    seen = run_virtual(depth(SPEC.model_copy(update={"depth": True, "depth_noise_m": 0.0001})))
    cap_m, block_m = float(np.median(seen[300:350, 600:680])), float(np.median(seen[110:120, 600:680]))
    assert (cap_m, block_m) == pytest.approx((0.975, 1.0), abs=0.00005)
    assert run_virtual(depth(SPEC)) is None


def test_the_modelled_camera_makes_no_pixels() -> None:
    with pytest.raises(FaultError, match=r"CAMERA_NO_IMAGE at camera_1: .* \(modelled camera makes no pixels\)"):
        use(ModelledCamera, StillPlant(unit()), lambda camera: camera.capture(0.02))
    assert use(ModelledCamera, StillPlant(unit()), lambda camera: camera.measure((), 0.02)) == ((), "")


def test_the_truth_of_a_missing_part_is_what_is_seen_instead() -> None:
    items = unit(
        membrane_seat=None,
        cap_seat=None,
        screw_1=None,
        screw_2=None,
        screw_3=None,
        screw_4=None,
        label_area=None,
    )
    truths = values(true_reading(request, items) for request in (*checks(), *checks(inspection="open")))
    assert truths["membrane_present"] == truths["screw_1"] == truths["serial"] == truths["cap_surface"] == 0.0
    assert truths["membrane_place"] == 0.012
    assert truths["cap_turn"] == pytest.approx(3.14159, abs=1e-4)
    assert truths["membrane_type"] > 0.2


def test_the_uppermost_of_two_labels_counts() -> None:
    items = unit(label_area={"contrast": 0.0, "content": "VLV-000001"})
    below = next(item for item in items if item.site == "label_area")
    above = replace(below, item_id=99, content=SERIAL, part_in_cell=below.part_in_cell.shifted(dz=0.0001))
    code = [request for request in checks() if request.kind == "code"]
    assert true_reading(code[0], [*items, above]).text == SERIAL


def test_modelled_readings_are_spread_as_the_rendered_ones_are() -> None:
    """Both cameras on the same unit, many times: the means agree within the sum of what both scatter.

    The modelled colour has the mean error over all colours and lights; that of one part in one light may be two sd off.
    """
    pose = SEAT @ PRODUCT.sites["cap_seat"].part_in_unit.pose @ Pose((0.0002, 0.0, 0.0), from_rpy(0.0, 0.0, 0.05))
    items = unit(cap_seat={"part_in_cell": pose})
    stream, noise = Random(1), np.random.default_rng(1)
    looks = [Look(items, stream, f"part {number}", 0.0) for number in range(200)]
    modelled = [values(drawn_reading(request, look) for request in checks()) for look in looks]
    rendered = [values(measure(render(items, SPEC, Light(), noise), SPEC, checks())) for _ in range(8)]
    for name, tolerance in (("cap_type", 0.012), ("cap_turn", 0.006), ("screw_1", 0.02), ("serial", 0.0)):
        means = [sum(row[name] for row in rows) / len(rows) for rows in (modelled, rendered)]
        assert means[0] == pytest.approx(means[1], abs=tolerance), name


def test_modelled_readings_of_one_part_repeat_better_than_those_of_many_agree() -> None:
    """Most of an error stays with its part, as in rendered images: only noise differs from look to look."""
    request = next(request for request in checks() if request.name == "cap_outline")
    items, stream = unit(cap_seat={"edges": (EdgeFlaw("burr", 0.0, 0.003, 0.001),)}), Random(1)
    same = [drawn_reading(request, Look(items, stream, "one part", 0.0)).value for _ in range(50)]
    others = [drawn_reading(request, Look(items, stream, f"part {number}", 0.0)).value for number in range(50)]
    assert 0.0 < pstdev(same) < 0.5 * pstdev(others)
    assert pstdev(same) == pytest.approx(MEASURED.outline_m.repeat_sd, rel=0.3)


BARS = tuple(LampSpec(azimuth_rad=side * np.pi / 2, elevation_rad=0.4, share_ratio=0.2) for side in range(4))
LOW = LightSpec(room_ratio=0.1, lamps=BARS)


def lit_camera(driver: Any, action: Callable[[Any], Awaitable[Any]]) -> Any:
    """What an action returns with a camera that has a second light: four bars low beside the unit."""

    async def main() -> Any:
        spec = SPEC.model_copy(update={"lights": {"low_angle": LOW}})
        camera = driver("camera_1", spec, DeviceHost(LINE, LoopClock(0.0), StillPlant(unit())))
        await camera.connect()
        return await action(camera)

    return run_virtual(main())


def test_an_image_is_taken_in_the_light_that_is_asked_for() -> None:
    async def look(camera: Any) -> Any:
        return [await camera.capture(0.02, light) for light in ("usual", "low_angle")]

    usual, low = lit_camera(MockCamera, look)
    assert (usual.light, low.light) == ("usual", "low_angle")
    screw = SEAT @ PRODUCT.sites["screw_1"].part_in_unit.pose
    places = np.array([screw.shifted(dx=offset).position for offset in (-0.0035, -0.007)])
    shadow, free = View.of(usual.pixels, SPEC, "").optics.project(places).astype(int)
    ratios = [_brightness(frame, shadow) / _brightness(frame, free) for frame in (usual, low)]
    assert ratios[1] < 0.92 < 0.98 < ratios[0], "the screw's head stands in the way of the low light"


def _brightness(frame: Any, place: Any) -> float:
    column, row = place
    return float(frame.pixels[row - 3 : row + 4, column - 3 : column + 4].mean())


@BOTH
def test_a_good_unit_reads_as_good_in_light_from_the_side(driver: Any) -> None:
    """Longer shadows are no flaws where the camera's description says how low the light stands."""
    readings = values(lit_camera(driver, lambda camera: camera.measure(checks(), 0.02, "low_angle"))[0])
    assert (readings["cap_surface"], readings["serial"]) == (0.0, 1.0)
    assert readings["cap_outline"] < 0.0004


@BOTH
def test_a_light_that_the_camera_does_not_have_is_refused(driver: Any) -> None:
    with pytest.raises(FaultError, match=r"DEVICE_REFUSED .*\(it has no light 'ring', only: usual, low_angle\)"):
        lit_camera(driver, lambda camera: camera.measure((), 0.02, "ring"))
