"""The projection between the cell frame and pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microcell.geometry import Pose, from_rpy
from microcell.vision.optics import Optics, placed

LENS = Pose((0.5, -0.1, 1.0))
OPTICS = Optics(LENS, 10_000.0, (639.5, 479.5))
near = st.floats(-0.04, 0.04)


def test_the_point_below_the_lens_is_the_middle_of_the_image() -> None:
    assert OPTICS.project(np.array([[0.5, -0.1, 0.0]]))[0] == pytest.approx((639.5, 479.5))


def test_x_goes_to_the_right_and_y_goes_up() -> None:
    right, up = OPTICS.project(np.array([[0.51, -0.1, 0.0], [0.5, -0.09, 0.0]]))
    assert right == pytest.approx((739.5, 479.5))
    assert up == pytest.approx((639.5, 379.5))


def test_what_is_nearer_to_the_lens_looks_larger() -> None:
    assert OPTICS.scale_px_m(0.5) == pytest.approx(2 * OPTICS.scale_px_m(0.0))


def test_a_point_above_the_lens_has_no_image() -> None:
    assert np.isnan(OPTICS.project(np.array([[0.5, -0.1, 1.2]]))).all()


@given(x=near, y=near, z=st.floats(0.0, 0.3), yaw=st.floats(-3.0, 3.0), tilt=st.floats(-0.1, 0.1))
def test_back_from_a_pixel_is_the_point_that_it_shows(x: float, y: float, z: float, yaw: float, tilt: float) -> None:
    optics = Optics(Pose((0.5, -0.1, 1.0), from_rpy(tilt, 0.0, yaw)), 10_000.0, (639.5, 479.5))
    u, v = optics.project(np.array([[0.5 + x, -0.1 + y, z]]))[0]
    assert optics.unproject((u, v), z) == pytest.approx((0.5 + x, -0.1 + y), abs=1e-9)


@given(x=near, y=near, z=near, roll=st.floats(-3, 3), pitch=st.floats(-1.5, 1.5), yaw=st.floats(-3, 3))
def test_many_points_are_placed_as_single_ones_are(
    x: float, y: float, z: float, roll: float, pitch: float, yaw: float
) -> None:
    pose = Pose((0.1, 0.2, 0.3), from_rpy(roll, pitch, yaw))
    assert placed(pose, np.array([[x, y, z]]))[0] == pytest.approx(pose.apply((x, y, z)), abs=1e-12)


def test_a_turned_camera_sees_a_turned_image() -> None:
    optics = Optics(Pose(LENS.position, from_rpy(0.0, 0.0, math.pi / 2)), 10_000.0, (639.5, 479.5))
    assert optics.project(np.array([[0.5, -0.09, 0.0]]))[0] == pytest.approx((739.5, 479.5))
