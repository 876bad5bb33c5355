"""The renderer, against what a camera must see by plain geometry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.base import PoseSpec
from microcell.description.cell import CameraSpec
from microcell.description.product import Box, Cylinder, Grasp, Mark, Part
from microcell.geometry import Pose, from_rpy
from microcell.plant.render import TABLE_RGB, Light, render
from microcell.plant.scene import Flaw, SceneItem

CAMERA = CameraSpec(
    kind="camera",
    lens_in_cell=PoseSpec(xyz_m=(0.0, 0.0, 1.0)),
    width_px=401,
    height_px=301,
    focal_px=4000.0,
    sees=("table",),
    noise_ratio=0.0,
)
CV2_EDGE_PX = 0.25
"""How far off cv2's anti-aliased outlines may be; 0.05 px is usual."""

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


@settings(max_examples=25, deadline=None)
@given(x=st.floats(-0.03, 0.03), y=st.floats(-0.02, 0.02), z=st.floats(0.0, 0.1))
def test_a_disc_is_where_a_pinhole_shows_it(x: float, y: float, z: float) -> None:
    seen = bright(photo(item(disc(height_m=0.0001), x, y, z)))
    rows, columns = np.indices(seen.shape)
    scale = 4000.0 / (1.0 - z - 0.0001)
    assert (seen * columns).sum() / seen.sum() == pytest.approx(200 + x * scale, abs=CV2_EDGE_PX)
    assert (seen * rows).sum() / seen.sum() == pytest.approx(150 - y * scale, abs=CV2_EDGE_PX)
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
    assert np.abs(photo(ring)[150, 200].astype(int) - TABLE_RGB).max() < 25


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


def test_a_part_outside_of_the_image_does_no_harm() -> None:
    shape = Box(kind="box", length_m=0.02, width_m=0.02, height_m=0.0001)
    label = Part(shape=shape, mass_kg=0.001, colour_rgb=WHITE, grasp=GRASP)
    away = photo(item(label, 0.5, 0.5, content="A"), item(disc(), -0.5))
    assert (away == photo()).all()
    assert photo(item(label, 0.05, 0.0375, content="A")).shape == (301, 401, 3)
