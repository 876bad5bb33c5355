"""Meshes and pixels: surfaces are closed, what is nearer hides what is behind, sizes are right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from config_copy import EXAMPLE

from microcell.description.loader import load_line
from microcell.description.shape import SphereShape
from microcell.geometry import Pose, from_rpy
from microcell.viewing.meshes import box_mesh, joined, part_mesh, plate_mesh, rotation, shape_mesh, tube_mesh
from microcell.viewing.raster import Canvas, View

FROM_ABOVE = View((0.0, -1e-6, 2.0), (0.0, 0.0, 0.0), 0.5, 120, 100)
GROUND = np.ones((100, 120, 3), np.float32)


def volume_m3(mesh) -> float:
    """By the divergence theorem: right only for a closed surface whose faces all point outwards."""
    a, b, c = (mesh.points[mesh.faces[:, k]] for k in range(3))
    return float(np.einsum("mi,mi->m", a, np.cross(b, c)).sum() / 6)


def test_meshes_are_closed_and_point_outwards():
    assert volume_m3(box_mesh(0.1, 0.2, 0.3)) == pytest.approx(0.006)
    assert volume_m3(plate_mesh(0.5, 0.3, 0.04, 0.1)) == pytest.approx(0.006)
    assert volume_m3(tube_mesh(0.1, 0.0, 0.2)) == pytest.approx(math.pi * 0.01 * 0.2, rel=0.01)
    assert volume_m3(tube_mesh(0.1, 0.05, 0.2)) == pytest.approx(math.pi * 0.0075 * 0.2, rel=0.01)
    assert volume_m3(shape_mesh(SphereShape(sphere_radius_m=0.1))) == pytest.approx(4 / 3 * math.pi * 1e-3, rel=0.05)


def test_a_parts_mesh_is_its_shape():
    parts = load_line(EXAMPLE / "lines" / "valve.yaml").product_description.parts
    body = part_mesh(parts["body"])
    assert body.points[:, 2].min() == pytest.approx(0.0) and body.points[:, 2].max() == pytest.approx(0.020)
    assert volume_m3(body) == pytest.approx(math.pi * (0.02**2 - 0.0123**2) * 0.02, rel=0.02)
    assert part_mesh(parts["screw_m2_5x8"]).points[:, 2].min() == pytest.approx(-0.008)
    assert part_mesh(parts["label"]).points[:, 2].max() == pytest.approx(0.0001)


def test_a_pose_turns_a_mesh_as_it_turns_points():
    pose = Pose((0.1, 0.2, 0.3), from_rpy(0.4, -0.7, 1.9))
    placed = box_mesh(0.2, 0.2, 0.2).placed(pose)
    assert placed.points[-1].tolist() == pytest.approx(pose.apply((0.1, 0.1, 0.1)))
    assert rotation(pose) @ rotation(pose).T == pytest.approx(np.eye(3), abs=1e-12)


def test_a_square_covers_the_pixels_that_its_size_says():
    canvas = Canvas(FROM_ABOVE, GROUND)
    canvas.draw(box_mesh(0.4, 0.4, 0.002), (1.0, 0.0, 0.0), 1)
    side_px = 0.4 * FROM_ABOVE.focal_px / 2.0
    assert np.count_nonzero(canvas.piece == 1) == pytest.approx(side_px**2, rel=0.05)
    assert canvas.piece[50, 60] == 1 and canvas.piece[2, 2] == 0


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_what_is_nearer_hides_what_is_behind_in_either_order(order):
    canvas = Canvas(FROM_ABOVE, GROUND)
    heights = {1: 0.0, 2: 0.5}
    for number in order:
        canvas.draw(box_mesh(0.2, 0.2, 0.1).placed(Pose((0.0, 0.0, heights[number]))), (0.5, 0.5, 0.5), number)
    assert canvas.piece[50, 60] == 2


def test_an_outline_is_drawn_where_pieces_meet():
    canvas = Canvas(FROM_ABOVE, GROUND)
    canvas.draw(joined([box_mesh(0.2, 0.2, 0.1)]), (0.5, 0.5, 0.5), 1)
    assert canvas.outlined().min() < canvas.colour.min()


def test_what_is_out_of_the_image_or_behind_the_camera_draws_nothing():
    canvas = Canvas(FROM_ABOVE, GROUND)
    canvas.draw(box_mesh(0.1, 0.1, 0.1).placed(Pose((5.0, 0.0, 0.0))), (0.5, 0.5, 0.5), 1)
    canvas.draw(box_mesh(0.1, 0.1, 0.1).placed(Pose((0.0, 0.0, 4.0))), (0.5, 0.5, 0.5), 2)
    canvas.draw(plate_mesh(0.2, 0.2, 0.1, 0.1).placed(Pose((0.0, 0.0, 2.0))), (0.5, 0.5, 0.5), 3)
    assert not canvas.piece.any()


def test_a_mark_behind_something_shows_only_faintly():
    canvas = Canvas(FROM_ABOVE, GROUND)
    canvas.draw(box_mesh(0.2, 0.2, 0.1), (0.5, 0.5, 0.5), 1)
    above, below = canvas.copy(), canvas.copy()
    for marked, height in ((above, 0.3), (below, -0.3)):
        marked.mark(np.array([(0.0, 0.0, height)]), (1.0, 0.0, 0.0), 1, hidden=0.0)
    assert np.any(above.colour != canvas.colour) and not np.any(below.colour != canvas.colour)


def test_a_view_around_a_box_holds_it_and_little_more():
    low, high = (0.1, -0.4, 0.0), (1.0, 0.4, 0.9)
    view = View.around(low, high, -0.6, 0.5, 320, 200)
    corners = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    seen = view.project(corners)[:, :2]
    size = seen.max(axis=0) - seen.min(axis=0)
    assert seen.min() > -2.0 and (seen <= np.array((322.0, 202.0))).all()
    assert max(size / (320, 200)) == pytest.approx(1.0, abs=0.02)
