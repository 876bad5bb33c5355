"""What Gazebo shows of parts: hollows for what is fitted into them, whatever the variants put there."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from config_copy import ConfigCopy

from microcell.description.loader import load_line
from microcell.description.product import Product
from microcell.description.shape import BoxShape, CylinderShape
from microcell.gazebo.elements import STATIONS_MASK, kind_mask, rgba
from microcell.gazebo.part import LEAST_WALL_M, Look, item_text, part_seen, part_text
from microcell.geometry import Pose
from microcell.plant.scene import Flaw

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
    seen = part_seen(with_membrane(config, 0.0400), "body")
    assert len(seen) == 24 and all(isinstance(shape, BoxShape) for shape, _ in seen), "only its own bore, which goes through"


def test_what_inspections_look_for_is_seen_and_only_the_first_part_is_felt(config):
    scratch = Flaw((-0.004, 0.0), (0.004, 0.0), 0.0004, (20, 20, 20))
    dirt = Flaw((0.0, 0.001), (0.0, 0.003), 0.002, (80, 60, 40), "dirt")
    looks = [Look("body"), Look("cap_white", Pose((0.0, 0.0, 0.018)), flaws=(scratch, dirt))]
    link = ET.fromstring(item_text("item_1", valve(config), Pose(), looks, rests=True)).find("model/link")
    alone = ET.fromstring(item_text("item_1", valve(config), Pose(), looks[:1], rests=True)).find("model/link")
    assert len(link.findall("collision")) == len(alone.findall("collision"))
    assert link.find("inertial/mass").text == alone.find("inertial/mass").text
    visuals = {visual.attrib["name"]: visual for visual in link.findall("visual")}
    assert len(visuals) == len(link.findall("visual"))
    assert {"part_0_0", "part_0_flaw_0", "part_0_flaw_1"} <= set(visuals)
    box = [float(edge) for edge in visuals["part_0_flaw_0"].find("geometry/box/size").text.split()]
    assert box[:2] == pytest.approx([0.008, 0.0004])
    cap = valve(config).parts["cap_white"]
    z_m = float(visuals["part_0_flaw_0"].find("pose").text.split()[2])
    assert z_m == pytest.approx(0.018 + cap.shape.height_m)
    reds = [float(visuals[f"part_0_flaw_{n}"].find("material/diffuse").text.split()[0]) for n in (0, 1)]
    assert reds[0] == pytest.approx(rgba((20, 20, 20))[0])
    assert rgba((80, 60, 40))[0] < reds[1] < rgba(cap.colour_rgb)[0], "through dirt the part shows"


def test_no_item_of_a_long_bill_of_materials_touches_the_first_one_that_it_is_put_into():
    masks = [kind_mask(kind) for kind in range(40)]
    assert [kind for kind, mask in enumerate(masks) if mask & masks[0]] == [0]
    assert all(mask & STATIONS_MASK == mask < 1 << 16 for mask in masks)
