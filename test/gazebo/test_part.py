"""What Gazebo shows of parts: hollows for what is fitted into them, whatever the variants put there."""

from __future__ import annotations

import math

import pytest
from config_copy import ConfigCopy

from microcell.description.loader import load_line
from microcell.description.product import Product
from microcell.description.shape import BoxShape, CylinderShape
from microcell.gazebo.part import LEAST_WALL_M, part_seen, part_text
from microcell.geometry import Pose

VALVE = "products/valve.yaml"
MEMBRANE = "shape: {kind: cylinder, diameter_m: 0.0240, height_m: 0.0012}"
MEMBRANE_CLEARANCE_M, BODY_M = 0.0006, 0.040


@pytest.fixture
def config(tmp_path):
    return ConfigCopy(tmp_path)


def valve(config: ConfigCopy) -> Product:
    return load_line(config.line).product_description


def hollow_radius_m(product: Product) -> float:
    """From the axis to the inner faces of the body's wall."""
    floor, *wall = part_seen(product, "body")
    assert isinstance(floor[0], CylinderShape)
    inner = [math.hypot(*at.position[:2]) - shape.box_m[0] / 2 for shape, at in wall if isinstance(shape, BoxShape)]
    assert len(inner) == 24
    return sum(inner) / len(inner)


def test_a_hollow_is_as_wide_as_what_goes_in_with_its_clearance(config):
    assert hollow_radius_m(valve(config)) == pytest.approx((0.024 + MEMBRANE_CLEARANCE_M) / 2)


def test_a_hollow_is_wide_enough_for_the_widest_variant(config):
    wider = MEMBRANE.replace("0.0240", "0.0300")
    config.edit(VALVE, "membrane_firm: {<<: *membrane,", "membrane_firm: {<<: *membrane, " + wider + ",")
    assert hollow_radius_m(valve(config)) == pytest.approx((0.030 + MEMBRANE_CLEARANCE_M) / 2)


def with_membrane(config: ConfigCopy, diameter_m: float) -> Product:
    """The valve with another membrane, on trays with room for it."""
    config.edit(VALVE, MEMBRANE, MEMBRANE.replace("0.0240", f"{diameter_m:.4f}"))
    config.edit("cells/bench.yaml", "pitch_m: 0.035", "pitch_m: 0.045")
    return valve(config)


@pytest.mark.parametrize("diameter_m", [0.0392, 0.0395, 0.0398])
def test_a_part_that_is_nearly_as_wide_leaves_a_thin_wall(config, diameter_m):
    product = with_membrane(config, diameter_m)
    assert BODY_M / 2 - hollow_radius_m(product) == pytest.approx(LEAST_WALL_M)
    assert "<box>" in part_text("item_1", product, "body", Pose())


def test_a_part_that_is_as_wide_goes_into_no_hollow(config):
    assert len(part_seen(with_membrane(config, 0.0400), "body")) == 1
