"""Every rule of zones is provoked by one change of a good cell with two arms and says what to do."""

import re
import shutil

import pytest
from config_copy import SHIPPED, ConfigCopy

from microcell.cli import main
from microcell.description import rules_zones
from microcell.description.rules import RULES

CELL, LINE = "cells/twin_bench.yaml", "lines/valve_twin.yaml"

PROVOCATIONS = [
    (
        "rule_arms_serve_what_there_is",
        (CELL, "fixture_1, fixture_2, fixture_3,", "fixture_1, fixtur_2, fixture_3,"),
        "devices.left_arm.serves[1]: there is no station 'fixtur_2'; did you mean 'fixture_2'? Correct the name.",
    ),
    (
        "rule_zones_have_ground",
        (CELL, "middle: {low_m: [-0.06, -0.09]", "middle: {low_m: [-0.06, 0.19]"),
        "zones.middle.low_m: not below the high corner (-0.06, 0.19); the high one is (0.06, 0.09). Correct the corners.",
    ),
    (
        "rule_zones_have_ground",
        (CELL, "  north: {", "  printer: {"),
        "zones.printer: 'printer' is also a device; zones and devices share their names. Rename the zone.",
    ),
    (
        "rule_zones_lie_apart",
        (CELL, "high_m: [0.06, 0.09]", "high_m: [0.06, 0.31]"),
        "zones.north_middle: it overlaps zone 'middle'; an arm in one could meet an arm in the other. Move them apart,",
    ),
    (
        "rule_arms_meet_in_zones_only",
        (CELL, "  middle: {low_m: [-0.06, -0.09], high_m: [0.06, 0.09]}\n", ""),
        "devices.left_arm: at 'tray_1' it could touch 'right_arm' at 'tray_1'; "
        "zones: south, south_middle, north_middle, north. Put both places into one, or take one off an arm's 'serves'.",
    ),
    (
        "rule_arms_meet_in_zones_only",
        (CELL, "part_in_cell: {xyz_m: [0.30, 0.32, 0.04]}", "part_in_cell: {xyz_m: [-0.10, 0.50, 0.04]}"),
        "devices.left_arm: at 'fixture_4' it could touch 'right_arm' at 'screws_2'; zones: south, ",
    ),
    (
        "rule_arms_wait_out_of_the_way",
        (CELL, "turning_radius_m: 0.30", "turning_radius_m: 0.40"),
        "devices.left_arm.turning_radius_m: the arm turns into 'right_arm' at 'tray_1' (0.4); up to 0.315 is free. "
        "Take less, or move 'right_arm' at 'tray_1' away.",
    ),
    (
        "rule_arms_have_cribs_of_their_own",
        (CELL, "screws_2, right_bin, right_crib]", "screws_2, left_bin, right_crib]"),
        "devices.right_arm: it serves no bin outside the zones; there are: left_bin, right_bin. "
        "Add a bin of its own: it is needed at any time.",
    ),
    (
        "rule_feeders_have_an_arm_with_a_tool",
        (CELL, "{tool: screwdriver, serial: SD-0003,", "{"),
        "feeders.screws_1: no arm at 'screws_1' can drive_screw a 'screw_m2_5x8'; there: right_arm (suction). "
        "Add a tool to a crib of one, or the feeder to another arm's 'serves'.",
    ),
]


@pytest.fixture
def twin(tmp_path):
    """A copy of the shipped configuration, with the line of two arms as the one that is loaded."""
    copy = ConfigCopy(tmp_path)
    shutil.rmtree(copy.root)
    shutil.copytree(SHIPPED, copy.root)
    copy.line = copy.root / LINE
    return copy


@pytest.mark.parametrize(("rule", "change", "expected"), PROVOCATIONS)
def test_a_broken_rule_of_zones_is_reported_with_its_remedy(twin, rule, change, expected):
    twin.edit(*change)
    assert any(expected in text for text in twin.texts()), "\n".join(twin.texts())


def test_the_turning_radius_that_is_named_as_free_is_free(twin):
    twin.edit(CELL, "turning_radius_m: 0.30", "turning_radius_m: 0.40")
    free_m = re.search(r"up to ([0-9.]+) is free", twin.texts()[0]).group(1)
    twin.edit(CELL, "turning_radius_m: 0.40", f"turning_radius_m: {free_m}")
    assert twin.texts() == []


def test_a_turning_circle_that_an_arm_does_not_come_back_to_is_told(twin, capsys):
    twin.edit(CELL, "turning_radius_m: 0.30", "turning_radius_m: 0.05")
    assert main(["check", str(twin.line)]) == 2
    expected = (
        "devices.left_arm.turning_radius_m: the arm does not come to its turning circle (0.05); from 'left_crib': "
        "joint_3 would have to be at -2.929 rad, 0.229 rad over its limit of -2.700 rad. Take another, or move it."
    )
    assert expected in capsys.readouterr().out


def test_the_shipped_cell_with_two_arms_keeps_every_rule(twin):
    assert twin.texts() == []


@pytest.mark.parametrize(
    ("payload_kg", "expected"),
    [
        (0.75, None),  # more than its screwdriver with a screw, less than the other arm's gripper with a unit
        (0.74, "devices.right_arm.payload_kg: too little for tool 'screwdriver' with part 'screw_m2_5x6' (0.74); "
               "together they weigh 0.7403. Use a stronger arm or a lighter tool."),
    ],
)  # fmt: skip
def test_an_arm_need_not_carry_what_only_the_other_arm_fetches(twin, payload_kg, expected):
    """rule_arm_carries_tool_and_part"""
    base = "    <<: *arm\n    base_in_cell: {xyz_m: [0.55"
    twin.edit(CELL, base, base.replace("    base", f"    payload_kg: {payload_kg}\n    base"))
    twin.edit("tools/parallel_gripper.yaml", "mass_kg: 0.62", "mass_kg: 1.60")
    texts = twin.texts()
    assert not texts if expected is None else len(texts) == 1 and expected in texts[0], "\n".join(texts)


def test_parts_from_feeders_of_the_other_arm_are_not_carried(twin):
    """rule_arm_carries_tool_and_part"""
    base = "    <<: *arm\n    base_in_cell: {xyz_m: [0.55"
    twin.edit(CELL, base, base.replace("    base", "    payload_kg: 0.8\n    base"))
    membrane = "  membrane_medium: {<<: *membrane, "
    twin.edit("products/valve.yaml", membrane, membrane + "mass_kg: 0.6, ")
    assert not [text for text in twin.texts() if "too little" in text]
    twin.edit(CELL, "screws_1, screws_2, right_bin", "tray_2, screws_1, screws_2, right_bin")
    told = "right_arm.payload_kg: too little for tool 'vacuum_cup_2' with part 'membrane_medium'"
    assert any(told in text for text in twin.texts())


def test_every_rule_of_zones_is_provoked_here():
    names = {rule.check.__name__ for rule in RULES if rule.check.__module__ == rules_zones.__name__}
    assert names == {rule for rule, _, _ in PROVOCATIONS}
