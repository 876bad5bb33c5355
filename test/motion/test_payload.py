"""What an arm may carry: mass and moment of tool and part."""

from __future__ import annotations

import pytest
from config_copy import EXAMPLE

from microcell.description.loader import load_line
from microcell.faults import FaultError
from microcell.motion.carried import UNIT
from microcell.motion.payload import Mass, carried_mass, check_carrying, check_payload, part_mass, unit_mass

LINE = load_line(EXAMPLE / "lines" / "valve.yaml")
ARM = LINE.cell_description.devices["arm"]
GRIPPER = LINE.tools["parallel_gripper"]


def overload(spec, tool, part=None) -> str:
    with pytest.raises(FaultError) as caught:
        check_payload(spec, "arm", tool, part)
    assert caught.value.fault.code == "ARM_OVERLOADED"
    return caught.value.fault.detail


def test_every_tool_of_the_line_with_every_part_is_light_enough():
    for tool in LINE.tools:
        for part in ("", UNIT, *LINE.product_description.parts):
            check_carrying(LINE, "arm", tool, part)
    check_carrying(LINE, "arm", "")


def test_a_heavy_part_overloads_the_arm_and_the_fault_says_by_how_much():
    assert overload(ARM, GRIPPER, Mass(5.0)) == (
        "parallel_gripper and part: 5.62 kg are 0.62 kg more than the 5 kg that it may carry"
    )


def test_a_tool_alone_can_be_too_heavy():
    weak = ARM.model_copy(update={"payload_kg": 0.5})
    assert overload(weak, GRIPPER) == "parallel_gripper: 0.62 kg are 0.12 kg more than the 0.5 kg that it may carry"


def test_a_lighter_load_may_reach_out_further_but_only_until_its_moment_is_too_great():
    held = Mass(1.0, (0.0, 0.0, 0.3))
    check_payload(ARM, "arm", GRIPPER, held)
    assert "make 1.05 kg m, 0.3 kg m more than the 0.75 kg m" in overload(ARM, GRIPPER, Mass(1.0, (0.0, 0.0, 0.86)))


def test_two_masses_balance_at_their_common_centre():
    both = Mass(1.0, (0.1, 0.0, 0.0)).with_mass(Mass(3.0, (-0.1, 0.0, 0.0)))
    assert both == Mass(4.0, (pytest.approx(-0.05), 0.0, 0.0))
    assert Mass().with_mass(Mass()) == Mass()


def test_a_held_part_counts_at_the_tool_centre_point():
    total = carried_mass(GRIPPER, Mass(GRIPPER.mass_kg))
    assert total.centre_m[2] == pytest.approx((GRIPPER.centre_of_gravity_m[2] + GRIPPER.tcp_in_flange.xyz_m[2]) / 2)
    assert carried_mass(None) == Mass()


def test_a_unit_is_as_heavy_as_its_parts():
    parts = LINE.product_description.parts
    names = ("body", "membrane_firm", "cap_white", *("screw_m2_5x8",) * 4, "label")
    unit = unit_mass(LINE.product_description)
    assert unit.mass_kg == pytest.approx(sum(parts[name].mass_kg for name in names))
    assert 0.0 < unit.centre_m[2] < 0.03
    assert part_mass(parts["body"]).centre_m == (0.0, 0.0, 0.01)
