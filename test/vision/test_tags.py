"""Markers drawn with known corners are found, in their order and to a fraction of a pixel, and give poses."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from drawn_tags import drawn, marker_square
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.errors import MissingCapabilityError
from microcell.faults import FaultError
from microcell.geometry import Pose, angle_between, distance, from_rpy
from microcell.vision import tags as tags_module
from microcell.vision.optics import Optics, placed
from microcell.vision.pose import TagPlace, nudged, pose_from_tags, quaternion_of
from microcell.vision.tags import Tag, TagFamily, detect

OPTICS = Optics(Pose((0.0, 0.0, 0.5)), 900.0, (119.5, 89.5), (-0.05, 0.01, 0.0, 0.0, 0.0))


def test_markers_are_found_with_number_order_and_corners() -> None:
    markers = {7: marker_square(40.0, (60.3, 70.6), 0.4), 42: marker_square(30.0, (160.2, 90.1), -2.5)}
    image = drawn(markers)
    for corners, most_px in (("regions", 0.4), ("edges", 0.12)):
        found = detect(image, corners=corners)
        assert [tag.number for tag in found] == [7, 42]
        for tag in found:
            assert np.linalg.norm(tag.corners_px - markers[tag.number], axis=1).max() < most_px
            assert tag.centre_px == pytest.approx(markers[tag.number].mean(axis=0), abs=most_px)


def test_a_marker_of_fourteen_pixels_is_found() -> None:
    assert [tag.number for tag in detect(drawn({3: marker_square(14.0, (100.0, 80.0), 0.2)}))] == [3]


def test_sixteen_bit_and_colour_images_give_the_same_markers() -> None:
    image = drawn({7: marker_square(40.0, (60.3, 70.6), 0.4)})
    (plain,), (deep,), (colour,) = (
        detect(pixels) for pixels in (image, image.astype(np.uint16) * 257, np.repeat(image[..., None], 3, axis=2))
    )
    assert np.allclose(plain.corners_px, deep.corners_px, atol=0.01)
    assert np.allclose(plain.corners_px, colour.corners_px, atol=0.01)


def test_where_no_marker_is_none_is_found() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (180, 240)).astype(np.uint8)
    assert detect(noise) == ()
    assert detect(drawn({}), max_wrong_cells=5) == ()


def test_a_square_that_is_no_marker_of_the_family_is_none() -> None:
    assert detect(drawn({7: marker_square(40.0, (100.0, 80.0))}), family="5x5_100") == ()


@pytest.mark.parametrize(
    ("family", "wrong", "read"), [("aruco_original", 1, False), ("4x4_250", 1, True), ("4x4_50", 2, False)]
)
def test_no_more_wrong_cells_are_put_right_than_a_familys_numbers_differ_by(
    family: TagFamily, wrong: int, read: bool
) -> None:
    """Markers of few cells are near to each other: with two of them wrong, a marker is as like another one."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{family.upper()}"))
    for number in (3, 17, 41):
        side = int(dictionary.markerSize)
        marker = cv2.aruco.generateImageMarker(dictionary, number, (side + 2) * 10)
        for cell in range(wrong):
            at = slice(10 * (cell + 1), 10 * (cell + 2))
            marker[at, at] = 255 - marker[at, at]
        sheet = cv2.copyMakeBorder(marker, 30, 30, 30, 30, cv2.BORDER_CONSTANT, value=255)
        assert {tag.number for tag in detect(sheet, family)} == ({number} if read else set())


def test_an_opencv_without_markers_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    image = drawn({})
    tags_module._code.cache_clear()
    monkeypatch.delattr(tags_module.cv2, "aruco")
    with pytest.raises(MissingCapabilityError, match="Install it with 'pip install opencv-python-headless'"):
        detect(image)


def seen(part: Pose, numbers: tuple[int, ...], places: dict[int, TagPlace]) -> list[Tag]:
    half = places[numbers[0]].size_m / 2
    square = np.array([[-half, half, 0.0], [half, half, 0.0], [half, -half, 0.0], [-half, -half, 0.0]])
    return [Tag(n, OPTICS.project(placed(part @ places[n].tag_in_part, square)), 0.05, 0) for n in numbers]


@settings(max_examples=25)
@given(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(-3.1, 3.1), st.floats(-0.03, 0.03))
def test_the_pose_of_a_part_comes_back_from_its_markers(roll: float, pitch: float, yaw: float, x_m: float) -> None:
    places = {1: TagPlace(0.03), 2: TagPlace(0.03, Pose((0.05, 0.01, 0.004)))}
    truth = Pose((x_m, 0.01, 0.02), from_rpy(roll, pitch, yaw))
    found = pose_from_tags(seen(truth, (1, 2), places), places, OPTICS)
    assert distance(found.part_in_cell, truth) < 1e-5
    assert angle_between(found.part_in_cell, truth) < 1e-3
    assert 0.0 < found.sd_m < 0.003


def test_a_far_marker_seen_from_above_may_be_tilted_either_way_and_says_so() -> None:
    places = {1: TagPlace(0.006)}
    tags = seen(Pose((0.0, 0.0, 0.02), from_rpy(0.03, 0.0, 0.0)), (1,), places)
    blurred = [Tag(1, tags[0].corners_px, 0.3, 0)]
    assert pose_from_tags(blurred, places, OPTICS).ambiguous


def test_a_part_whose_markers_are_not_seen_is_not_found() -> None:
    tags = [Tag(5, marker_square(30.0, (50.0, 50.0)), 0.1, 0)]
    with pytest.raises(FaultError, match="none of the part's markers 1, 2 is seen; markers in view: 5"):
        pose_from_tags(tags, {1: TagPlace(0.03), 2: TagPlace(0.03)}, OPTICS)


@given(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(-3.1, 3.1))
def test_a_quaternion_is_that_of_its_matrix(roll: float, pitch: float, yaw: float) -> None:
    pose = Pose((0.0, 0.0, 0.0), from_rpy(roll, pitch, yaw))
    matrix = placed(pose, np.eye(3)).T
    assert angle_between(Pose(orientation=quaternion_of(matrix)), pose) < 1e-6


def test_a_small_rotation_vector_turns_about_the_outer_axes() -> None:
    turned = nudged(Pose((1.0, 0.0, 0.0)), np.array([0.0, 0.0, 0.0, 0.0, 0.0, math.pi / 2]))
    assert turned.position == (1.0, 0.0, 0.0)
    assert turned.yaw == pytest.approx(math.pi / 2)
