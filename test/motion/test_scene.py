"""The scene: bodies by name that never change under one's hands."""

from __future__ import annotations

import math

import pytest

from microcell.description.base import PoseSpec
from microcell.description.shape import BoxShape
from microcell.errors import UsageError
from microcell.geometry import Pose, from_rpy
from microcell.motion.scene import Scene, Solid, box, cylinder, grown, sphere

CUBE = box("cube", (0.1, 0.1, 0.1), Pose((0.5, 0.0, 0.05)))


def test_a_body_put_in_makes_another_scene():
    empty = Scene()
    scene = empty.with_body("fixture", [CUBE])
    assert "fixture" in scene and "fixture" not in empty
    assert scene["fixture"] == (CUBE,)


def test_a_body_that_is_taken_out_is_gone_and_one_that_is_not_there_is_no_mistake():
    scene = Scene().with_body("a", [CUBE]).with_body("b", [CUBE])
    assert list(scene.without("a", "nothing")) == ["b"]


def test_an_unknown_body_is_named_with_those_there_are():
    with pytest.raises(UsageError, match="the scene has no body 'nest'; it has: fixture."):
        Scene().with_body("fixture", [CUBE])["nest"]


def test_a_solids_middle_is_its_shapes_place_in_its_owners_frame():
    shape = BoxShape(at=PoseSpec(xyz_m=(0.0, 0.0, 0.1)), box_m=(0.1, 0.1, 0.1))
    turned = Solid("box", shape, Pose((1.0, 0.0, 0.0), from_rpy(math.pi, 0.0, 0.0)))
    assert turned.middle.position == pytest.approx((1.0, 0.0, -0.1))


def test_a_grown_solid_is_larger_on_every_side():
    assert grown(CUBE, 0.01).shape.box_m == pytest.approx((0.12, 0.12, 0.12))
    rod = grown(cylinder("rod", 0.01, 0.1, Pose()), 0.005).shape
    assert (rod.radius_m, rod.length_m) == pytest.approx((0.015, 0.11))
    assert grown(sphere("ball", 0.02, Pose()), 0.001).shape.sphere_radius_m == pytest.approx(0.021)
    assert grown(CUBE, 0.0) is CUBE
