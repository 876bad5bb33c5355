"""Where things are seen, by the description alone: as the program that measures has it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microcell.description.base import PoseSpec
from microcell.description.cell import CameraSpec
from microcell.description.picture import outside_px, pixel
from microcell.vision.optics import Optics

METRES, TILTS = st.floats(-0.1, 0.1), st.floats(-0.3, 0.3)


def camera(position: tuple[float, float, float], rpy: tuple[float, float, float], k1: float = -0.1) -> CameraSpec:
    return CameraSpec(
        kind="camera", lens_in_cell=PoseSpec(xyz_m=position, rpy_rad=rpy), width_px=1000, height_px=700, focal_px=3000.0,
        centre_px=(480.0, 360.0), distortion_ratios=(k1, 0.05, 0.001, -0.002, 0.01), sees=("fixture",),
    )  # fmt: skip


@given(place=st.tuples(METRES, METRES, st.just(1.0)), rpy=st.tuples(TILTS, TILTS, TILTS), point=st.tuples(*3 * (METRES,)))
def test_a_point_is_where_the_optics_say(
    place: tuple[float, float, float], rpy: tuple[float, float, float], point: tuple[float, float, float]
) -> None:
    seen, ((u, v),) = pixel(camera(place, rpy), point), Optics.of(camera(place, rpy)).project(np.array([point]))
    assert seen == pytest.approx((u, v), abs=1e-6)


def test_what_is_behind_the_lens_or_folded_back_by_it_is_not_seen() -> None:
    over = camera((0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    assert pixel(over, (0.0, 0.0, 1.1)) is None
    assert pixel(camera((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), k1=-0.9), (1.5, 0.0, 0.0)) is None
    assert outside_px(over, None) == math.inf


def test_the_picture_ends_at_its_last_pixels() -> None:
    over = camera((0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    assert [outside_px(over, at) for at in ((0.0, 0.0), (999.0, 699.0), (1009.0, 300.0), (-3.0, -5.0))] == [0, 0, 10, 5]
