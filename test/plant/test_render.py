"""The renderer, against what a camera must see by plain geometry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from microcell.description.base import PoseSpec
from microcell.description.cell import CameraSpec, LampSpec, LightSpec
from microcell.description.driver_parameters import BENCH_RGB
from microcell.description.product import Box, Cylinder, Grasp, Mark, Part
from microcell.geometry import Pose, from_rpy
from microcell.motion.scene import box
from microcell.plant.render import Light, photograph, render
from microcell.plant.scene import EdgeFlaw, Flaw, SceneItem
from microcell.vision.optics import Optics

CAMERA = CameraSpec(
    kind="camera",
    lens_in_cell=PoseSpec(xyz_m=(0.0, 0.0, 1.0)),
    width_px=401,
    height_px=301,
    focal_px=4000.0,
    sees=("table",),
    noise_ratio=0.0,
)
MIDDLE_PX = 0.2
"""How far off the middle of a disc may be by its brightness: pixels have eight rays each at the edges, and the light falls
off."""

GRASP = Grasp(capability="grip", tcp_in_part=PoseSpec())
WHITE, RED, BLACK = (230, 230, 230), (220, 30, 30), (10, 10, 10)


def disc(colour: Any = WHITE, diameter_m: float = 0.02, height_m: float = 0.01, **details: Any) -> Part:
    shape = Cylinder(kind="cylinder", diameter_m=diameter_m, height_m=height_m, bore_m=details.pop("bore_m", 0.0))
    return Part(shape=shape, mass_kg=0.01, colour_rgb=colour, grasp=GRASP, **details)


def item(part: Part, x_m: float = 0.0, y_m: float = 0.0, z_m: float = 0.0, yaw: float = 0.0, **rest: Any) -> SceneItem:
    return SceneItem(1, "part", part, Pose((x_m, y_m, z_m), from_rpy(0.0, 0.0, yaw)), "table", **rest)


def photo(*items: SceneItem, light: Light | None = None, camera: CameraSpec = CAMERA, seed: int = 0) -> np.ndarray:
    return render(items, camera, light or Light(), np.random.default_rng(seed))


def bright(pixels: np.ndarray) -> np.ndarray:
    """How much brighter than the table each pixel is, 0 to 1 of the brightest."""
    above = np.clip(pixels[..., 1].astype(float) - 110.0, 0.0, None)
    return above / above.max()


@settings(max_examples=25)
@given(x=st.floats(-0.03, 0.03), y=st.floats(-0.02, 0.02), z=st.floats(0.0, 0.1))
def test_a_disc_is_where_a_pinhole_shows_it(x: float, y: float, z: float) -> None:
    seen = bright(photo(item(disc(height_m=0.0001), x, y, z)))
    rows, columns = np.indices(seen.shape)
    scale = 4000.0 / (1.0 - z - 0.0001)
    assert (seen * columns).sum() / seen.sum() == pytest.approx(200 + x * scale, abs=MIDDLE_PX)
    assert (seen * rows).sum() / seen.sum() == pytest.approx(150 - y * scale, abs=MIDDLE_PX)
    assert math.sqrt((seen > 0.5).sum() / math.pi) == pytest.approx(0.01 * scale, rel=0.02)


def test_the_higher_part_hides_the_lower_in_whatever_order_they_come() -> None:
    low, high = item(disc(RED)), item(disc(WHITE, diameter_m=0.01), z_m=0.01)
    one, other = photo(low, high), photo(high, low)
    assert (one == other).all()
    assert one[150, 200].min() > 150


def test_a_bore_shows_what_is_below() -> None:
    ring = item(disc(WHITE, height_m=0.02, bore_m=0.012))
    below = item(disc(RED, diameter_m=0.01, height_m=0.001))
    red, green, blue = photo(ring, below)[150, 200].astype(int)
    assert red > 150 and green < 60 and blue < 60
    assert np.abs(photo(ring)[150, 200].astype(int) - BENCH_RGB).max() < 25


def test_the_side_of_a_part_beside_the_axis_is_seen() -> None:
    pixels = photo(item(disc(WHITE, diameter_m=0.01, height_m=0.05), x_m=0.03))
    row = pixels[150, :, 1].astype(int)
    foot, top = 200 + 4000 * 0.025, 200 + 4000 * 0.025 / 0.95
    side = row[math.ceil(foot + 1) : math.floor(top - 1)]
    assert len(side) >= 3 and side.max() < 150


def test_marks_and_flaws_are_on_the_top_and_turn_with_the_part() -> None:
    part = disc(marks=(Mark(at_m=(0.006, 0.0), length_m=0.002, colour_rgb=BLACK),))
    scratched = item(part, yaw=math.pi / 2, flaws=(Flaw((-0.006, -0.001), (-0.006, 0.001), 0.0005, BLACK),))
    pixels, scale = photo(scratched), 4000.0 / 0.99
    assert pixels[round(150 - 0.006 * scale), 200].max() < 40
    assert pixels[round(150 + 0.006 * scale), 200].max() < 120
    assert pixels[150, 200].min() > 180


def test_a_label_carries_a_readable_code_of_its_content() -> None:
    shape = Box(kind="box", length_m=0.04, width_m=0.04, height_m=0.0001)
    label = Part(shape=shape, mass_kg=0.001, colour_rgb=(250, 250, 246), grasp=GRASP)
    codes = zxingcpp.read_barcodes(photo(item(label, content="VLV-000042", yaw=0.3)))
    assert [(code.text, str(code.format).rpartition(".")[2].replace(" ", "")) for code in codes] == [
        ("VLV-000042", "DataMatrix")
    ]
    assert zxingcpp.read_barcodes(photo(item(label, content="VLV-000042", contrast=0.0))) == []


def test_light_scales_the_image_and_blur_softens_it() -> None:
    part = item(disc())
    usual, dim = photo(part), photo(part, light=Light(0.25))
    assert (dim[150, 200] < 0.6 * usual[150, 200]).all()
    steepness = [np.abs(np.diff(photo(part, light=Light(blur_px=b))[150, :, 1].astype(int))).max() for b in (0.0, 3.0)]
    assert steepness[0] > 3 * steepness[1]


def test_a_tinted_light_tints() -> None:
    red, _, blue = photo(light=Light(tint_rgb=(1.3, 1.0, 0.7)))[150, 200].astype(int)
    assert red > blue + 15


def test_the_noise_is_as_strong_as_described_and_new_in_every_shot() -> None:
    noisy = CAMERA.model_copy(update={"noise_ratio": 0.02})
    clean = photo().astype(int)
    one, again, other = (photo(camera=noisy, seed=seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert not (one == other).all()
    assert np.std(one.astype(int) - clean) == pytest.approx(0.02 * 255, rel=0.05)


def test_bright_light_has_more_shot_noise_than_dim_light() -> None:
    """In linear light; the encoding of pixels hides it."""
    noisy = CAMERA.model_copy(update={"noise_ratio": 0.02})
    white = item(disc(diameter_m=0.06))

    def spread(level: float) -> float:
        pixels = photo(white, light=Light(level), camera=noisy)[100:200, 150:250].astype(float) / 255.0
        return float(np.std(((pixels + 0.055) / 1.055) ** 2.4))

    assert spread(1.0) / spread(0.25) == pytest.approx(2.0, rel=0.15)


def test_a_lamp_from_the_left_throws_a_soft_shadow_to_the_right() -> None:
    lamp = LampSpec(azimuth_rad=math.pi, elevation_rad=0.8, share_ratio=0.5)
    lit = CAMERA.model_copy(update={"light": LightSpec(room_ratio=0.1, lamps=(lamp,))})
    row = photo(item(disc(height_m=0.01)), camera=lit)[146:155].mean(axis=(0, 2))
    left, right, far = row[150:155].mean(), row[246:251].mean(), row[320:340].mean()
    assert right < 0.85 * left
    assert far == pytest.approx(row[60:80].mean(), rel=0.05)
    steps = np.abs(np.diff(row[246:320]))
    assert steps.max() < 0.3 * (far - right), "its end is soft"


def test_a_side_that_looks_away_from_the_lens_is_darker_than_the_top() -> None:
    part = item(disc(diameter_m=0.01, height_m=0.05), x_m=0.03)
    row = photo(part)[150, :, 1].astype(int)
    assert row[math.floor(200 + 4000 * 0.025 + 2)] < 0.6 * row[round(200 + 4000 * 0.03 / 0.95)]


def test_the_lens_draws_a_barrel_and_vision_takes_it_back() -> None:
    barrel = CAMERA.model_copy(update={"distortion_ratios": (-8.0, 0.0, 0.01, 0.0, 0.0)})
    disc_far_out = item(disc(diameter_m=0.008, height_m=0.0001), 0.04, 0.025)
    seen = bright(photo(disc_far_out, camera=barrel))
    rows, columns = np.indices(seen.shape)
    place = ((seen * columns).sum() / seen.sum(), (seen * rows).sum() / seen.sum())
    assert place[0] < 200 + 0.04 * 4000 - 1.5, "drawn inwards"
    assert Optics.of(barrel).unproject(place, 0.0001) == pytest.approx((0.04, 0.025), abs=0.00005)


def test_a_burr_and_a_short_shot_change_the_outline_where_they_are() -> None:
    burr = EdgeFlaw("burr", 0.0, 0.004, 0.001)
    short = EdgeFlaw("short", math.pi, 0.004, 0.001)
    row = bright(photo(item(disc(), edges=(burr, short))))[150] > 0.5
    scale = 4000.0 / 0.99
    assert np.flatnonzero(row).max() == pytest.approx(200 + 0.011 * scale, abs=1.5)
    assert np.flatnonzero(row).min() == pytest.approx(200 - 0.009 * scale, abs=1.5)
    column = bright(photo(item(disc(), edges=(burr, short))))[:, 200] > 0.5
    assert np.flatnonzero(column).max() - 150 == pytest.approx(0.01 * scale, abs=1.0)


def test_dirt_is_an_irregular_blot_on_the_top() -> None:
    blot = Flaw((-0.002, 0.004), (0.002, 0.004), 0.002, (60, 50, 40), "dirt")
    dark = photo(item(disc(), flaws=(blot,)))[..., 1] < 150
    scale = 4000.0 / 0.99
    within = dark[round(150 - 0.0055 * scale) : round(150 - 0.0025 * scale), 185:216]
    assert 0.6 < within.sum() / (math.pi / 4 * 0.004 * 0.002 * scale**2) < 1.1


def test_the_stations_around_are_seen_and_hide_what_is_lower() -> None:
    block = box("block", (0.01, 0.04, 0.02), Pose((0.02, 0.0, 0.01)))
    flat = item(disc(height_m=0.001))
    alone, beside = (render([flat], CAMERA, Light(), np.random.default_rng(0), around) for around in ((), (block,)))
    assert alone[150, 232].min() > 150
    assert beside[150, 200].min() > 150
    other = item(disc(height_m=0.001), x_m=0.02)
    assert render([other], CAMERA, Light(), np.random.default_rng(0), (block,))[150, 280].max() < 110


def test_depth_is_the_distance_along_the_axis_with_its_noise() -> None:
    deep = CAMERA.model_copy(update={"depth": True, "depth_noise_m": 0.0005})
    things = [item(disc(height_m=0.01, diameter_m=0.04))]
    shot = photograph(things, deep, Light(), np.random.default_rng(3))
    assert shot.depth_m is not None and shot.depth_m.dtype == np.float32
    top, table = shot.depth_m[120:180, 170:230], shot.depth_m[:40, :40]
    assert (top.mean(), table.mean()) == pytest.approx((0.99, 1.0), abs=0.0002)
    assert np.std(top) == pytest.approx(0.0005, rel=0.1)
    assert photograph(things, CAMERA, Light(), np.random.default_rng(3)).depth_m is None


def test_more_light_than_all_is_refused() -> None:
    with pytest.raises(ValidationError, match="room and lamps give 1.2 of the light; 1 is all"):
        LightSpec(room_ratio=0.5, lamps=(LampSpec(share_ratio=0.7),))


def test_a_part_outside_of_the_image_does_no_harm() -> None:
    shape = Box(kind="box", length_m=0.02, width_m=0.02, height_m=0.0001)
    label = Part(shape=shape, mass_kg=0.001, colour_rgb=WHITE, grasp=GRASP)
    away = photo(item(label, 0.5, 0.5, content="A"), item(disc(), -0.5))
    assert (away == photo()).all()
    assert photo(item(label, 0.05, 0.0375, content="A")).shape == (301, 401, 3)
