"""The projection between the cell frame and pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microcell.description.base import PoseSpec
from microcell.description.cell import CameraSpec
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


@given(
    x=st.floats(-0.2, 0.2),
    y=st.floats(-0.2, 0.2),
    radial=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-0.2, 0.2)),
    tangential=st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)),
)
def test_the_lens_shows_what_opencv_says_and_back_is_the_same_ray(
    x: float, y: float, radial: tuple[float, float, float], tangential: tuple[float, float]
) -> None:
    k1, k2, k3 = radial
    optics = Optics(LENS, 800.0, (320.0, 240.0), (k1, k2, *tangential, k3))
    shown = optics.distort(np.array([[x, y]]))
    point, no_turn, no_shift = np.array([[x, y, 1.0]]), np.zeros(3), np.zeros(3)
    expected, _ = cv2.projectPoints(point, no_turn, no_shift, np.eye(3), np.array(optics.distortion))
    assert shown[0] == pytest.approx(expected[0, 0], abs=1e-12)
    assert optics.undistort(shown)[0] == pytest.approx((x, y), abs=1e-10)


def test_barrel_distortion_draws_what_is_far_out_towards_the_middle() -> None:
    straight, barrel = OPTICS, Optics(LENS, 10_000.0, (639.5, 479.5), (-10.0, 0.0, 0.0, 0.0, 0.0))
    point = np.array([[0.55, -0.06, 0.0]])
    assert np.linalg.norm(barrel.project(point) - (639.5, 479.5)) < np.linalg.norm(straight.project(point) - (639.5, 479.5))
    u, v = barrel.project(point)[0]
    assert barrel.unproject((u, v), 0.0) == pytest.approx((0.55, -0.06), abs=1e-9)


def test_the_optical_axis_can_be_beside_the_middle_of_the_image() -> None:
    spec = CameraSpec(
        kind="camera", lens_in_cell=PoseSpec(xyz_m=(0.0, 0.0, 1.0)), width_px=100, height_px=80, focal_px=500.0,
        sees=("table",), centre_px=(52.0, 38.5),
    )  # fmt: skip
    assert Optics.of(spec).project(np.array([[0.0, 0.0, 0.0]]))[0] == pytest.approx((52.0, 38.5))
    assert Optics.of(spec.model_copy(update={"centre_px": None})).centre_px == (49.5, 39.5)


def test_a_turned_camera_sees_a_turned_image() -> None:
    optics = Optics(Pose(LENS.position, from_rpy(0.0, 0.0, math.pi / 2)), 10_000.0, (639.5, 479.5))
    assert optics.project(np.array([[0.5, -0.09, 0.0]]))[0] == pytest.approx((739.5, 479.5))
