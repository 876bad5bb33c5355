"""A model is found in a scan under any pose, and the plane that things stand on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.vision.cloud import finite, fit_plane, things_on, thinned
from microcell.vision.cloud_match import locate_model, moved
from microcell.vision.cloud_refine import Surface, refine
from microcell.vision.optics import placed

Cloud = np.ndarray[Any, Any]


Size = tuple[float, float, float]


def box(size_m: Size, corner_m: Size, count: int, rng: np.random.Generator) -> Cloud:
    """Points on a box's six faces, as many on each as its area asks for."""
    a, b, c = size_m
    faces = [(0, b * c), (1, a * c), (2, a * b)]
    total = 2 * sum(area for _, area in faces)
    points = []
    for axis, area in faces:
        for side in (0.0, 1.0):
            face = rng.random((max(1, round(count * area / total)), 3))
            face[:, axis] = side
            points.append(face * size_m + corner_m)
    return np.concatenate(points)


@pytest.fixture(scope="module")
def bracket() -> Cloud:
    """An angle bracket with a rib beside its middle: it looks like itself in no other pose."""
    return bracket_of(1.0, np.random.default_rng(1))


def bracket_of(share: float, rng: np.random.Generator) -> Cloud:
    """The same from other points, or fewer."""
    base = box((0.06, 0.04, 0.004), (0.0, 0.0, 0.0), round(800 * share), rng)
    wall = box((0.004, 0.04, 0.03), (0.0, 0.0, 0.0), round(500 * share), rng)
    rib = box((0.03, 0.004, 0.016), (0.004, 0.006, 0.004), round(250 * share), rng)
    return np.concatenate((base, wall, rib))


def handed(rng: np.random.Generator) -> Cloud:
    """The bracket from many points, with a block beside its middle: its mirror image is plainly another part."""
    return np.concatenate((bracket_of(4.0, rng), box((0.012, 0.010, 0.012), (0.040, 0.026, 0.004), 600, rng)))


def transform_of(pose: Pose) -> Cloud:
    matrix = np.eye(4)
    matrix[:3, :3] = (placed(pose, np.eye(3)) - pose.position).T
    matrix[:3, 3] = pose.position
    return matrix


@pytest.mark.parametrize(("factor", "across"), [(1000.0, "the scan 78.[0-9] m"), (0.0, "the scan 0 m")])
def test_clouds_of_quite_different_size_are_no_match(bracket: Cloud, factor: float, across: str) -> None:
    with pytest.raises(FaultError, match=rf"the model is 0.078[0-9]* m across, {across}: .* \(both in m\?\)"):
        locate_model(bracket, bracket * factor)


def test_two_sparse_clouds_of_one_thing_lie_on_each_other_though_no_point_is_in_both() -> None:
    model, scan = (bracket_of(0.4, np.random.default_rng(seed)) for seed in (5, 100))
    truth = transform_of(Pose((0.3, -0.1, 0.2), from_rpy(2.0, -0.7, 2.9)))
    found = locate_model(model, moved(truth, scan))
    off = moved(found.model_in_scan, model) - moved(truth, model)
    assert np.linalg.norm(off, axis=1).max() < 0.0015
    assert found.overlap_ratio > 0.9


def test_a_cloud_with_more_than_three_columns_is_refused_and_not_cut_up() -> None:
    with pytest.raises(ValueError, match=r"a cloud is \(..., 3\), not \(300, 4\): leave out what is not x, y, z"):
        finite(np.ones((300, 4)))
    assert finite(np.ones((4, 5, 3))).shape == (20, 3)


def test_a_model_is_found_in_a_part_of_it_with_noise(bracket: Cloud) -> None:
    rng = np.random.default_rng(2)
    truth = transform_of(Pose((0.3, -0.1, 0.2), from_rpy(2.0, -0.7, 2.9)))
    seen = moved(truth, bracket[bracket[:, 1] > 0.004])
    scan = np.concatenate((seen + rng.normal(0.0, 0.0001, seen.shape), np.full((5, 3), np.nan)))
    found = locate_model(bracket, scan)
    middle = bracket.mean(axis=0)[None]
    shift = float(np.linalg.norm(moved(found.model_in_scan, middle) - moved(truth, middle)))
    turn = found.model_in_scan[:3, :3] @ truth[:3, :3].T
    assert shift < 0.0003
    assert math.acos(min(1.0, (np.trace(turn) - 1) / 2)) < 0.01
    assert shift < 5 * found.sd_m < 0.001
    assert found.overlap_ratio > 0.95
    assert found.runner_up_ratio < 0.9


def test_the_same_clouds_give_the_same_pose_to_the_last_bit(bracket: Cloud) -> None:
    model = bracket[::6]
    scan = moved(transform_of(Pose((0.1, 0.0, 0.0), from_rpy(0.0, 0.5, 2.0))), model)
    assert np.array_equal(*(locate_model(model, scan).model_in_scan for _ in range(2)))


def test_a_model_that_is_not_in_the_scan_is_not_found(bracket: Cloud) -> None:
    line = np.linspace(0.0, 1.0, 400)[:, None] * (1.0, 0.0, 0.0) + np.random.default_rng(3).normal(0, 0.0001, (400, 3))
    with pytest.raises(FaultError, match="% of the smaller cloud lies on the other; at least 30 % must"):
        locate_model(bracket[::6], line)


@pytest.mark.parametrize(
    ("change", "text"), [((-1.0, 1.0, 1.0), "its mirror image"), ((1.2, 1.2, 1.2), "the model at 0.[0-9]+ times its size")]
)
def test_a_part_that_is_mirrored_or_of_another_size_is_not_the_model(change: Size, text: str) -> None:
    model, scan = (handed(np.random.default_rng(seed)) for seed in (1, 8))
    scan = moved(transform_of(Pose((0.3, -0.1, 0.2), from_rpy(2.0, -0.7, 2.9))), scan)
    with pytest.raises(FaultError, match=f"{text} fits the scan better than the model itself"):
        locate_model(model * change, scan)


def test_too_few_points_are_told() -> None:
    with pytest.raises(FaultError, match="10 points of the model, 60 of the scan; 50 are needed"):
        locate_model(np.zeros((10, 3)), np.ones((60, 3)))


def test_from_near_by_a_cloud_is_laid_on_another_and_the_error_is_as_large_as_told(bracket: Cloud) -> None:
    rng, squares = np.random.default_rng(5), []
    truth = transform_of(Pose((0.001, -0.0008, 0.0005), from_rpy(0.02, -0.01, 0.03)))
    for _ in range(6):
        scan = moved(truth, bracket) + rng.normal(0.0, 0.0002, bracket.shape)
        found = refine(Surface.of(thinned(bracket, 0.001)), Surface.of(thinned(scan, 0.001)), np.eye(4), 0.004)
        middle = thinned(bracket, 0.001).mean(axis=0)[None]
        off = (moved(found.transform, middle) - moved(truth, middle))[0]
        squares.append(float(off @ off) / float(np.trace(found.covariance[:3, :3])))
    assert 0.02 < np.mean(squares) < 6.0


def test_a_tilted_plane_is_found_among_other_points_and_things_on_it_are_apart() -> None:
    rng = np.random.default_rng(7)
    pose = Pose((0.1, 0.2, 0.3), from_rpy(0.4, -0.3, 0.9))
    table = np.column_stack((rng.uniform(-0.2, 0.2, (3000, 2)), rng.normal(0.0, 0.0003, 3000)))
    large = box((0.05, 0.04, 0.03), (0.05, 0.0, 0.002), 900, rng)
    small = box((0.02, 0.02, 0.02), (-0.1, 0.0, 0.002), 300, rng)
    points = placed(pose, np.concatenate((table, large, small)))
    viewer = pose.apply((0.0, 0.0, 1.0))
    plane = fit_plane(points, 0.001, viewer_m=viewer)
    assert plane.normal @ (placed(pose, np.array([[0.0, 0.0, 1.0]]))[0] - pose.position) > 0.99999
    assert plane.heights(np.array([pose.position]))[0] == pytest.approx(0.0, abs=0.0002)
    assert plane.sd_m == pytest.approx(0.0003, rel=0.2)
    things = things_on(points, plane, 0.003, 0.008)
    assert [int(thing.min()) >= 3000 for thing in things] == [True, True]
    assert len(things[0]) > len(things[1]) > 200
    again = fit_plane(points, 0.001, viewer_m=viewer)
    assert (again.offset_m, again.sd_m) == (plane.offset_m, plane.sd_m)


def test_points_on_a_line_hold_no_plane() -> None:
    line = np.linspace(0.0, 1.0, 50)[:, None] * np.array([1.0, 2.0, 3.0])
    with pytest.raises(FaultError, match="all points lie on one line: they hold no plane"):
        fit_plane(line, 0.001)


def test_thinning_keeps_one_point_for_each_cube_and_leaves_out_what_is_none() -> None:
    points = finite(np.array([[0.0, 0.0, 0.0], [0.2, 0.0, 0.0], [1.6, 0.0, 0.0], [np.nan, 0.0, 0.0]]))
    assert thinned(points, 1.0).tolist() == [[0.1, 0.0, 0.0], [1.6, 0.0, 0.0]]
