"""Dispense: a bead along its path, metered. Press: a stroke that is judged by force and height."""

from __future__ import annotations

from functools import cache

import pytest
from skill_bench import SkillBench, skill_bench

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line

SOLES = ("pick_tray", "place_tray", "pick_sole_left", "lay_sole_left", "pick_sole_right", "lay_sole_right")
UPPERS = ("pick_upper_left", "lay_upper_left", "pick_upper_right", "lay_upper_right")


@cache
def shoes() -> Line:
    return load_line("footwear")


def on_shoes(*before: str, last: str, prepare=lambda bench: None, variant: str = "red_20", **parameters):
    """Do some operations, prepare something, do the last one; its result, the unit as it is, and the plant."""

    async def story():
        async with skill_bench(line=shoes()) as bench:
            await bench.operations(*before, unit="SHO-1", variant=variant)
            prepare(bench)
            result = await bench.operation(last, unit="SHO-1", variant=variant, **parameters)
            return result, bench.plant.unit_at("fixture_1"), bench.plant

    return run_virtual(story())


def test_a_bead_lies_on_the_sole_and_has_the_mass_that_was_asked_for():
    result, unit, plant = on_shoes(*SOLES, last="cement_left")
    assert result.fault is None, result.message
    (mass,) = result.measurements
    assert (mass.name, mass.unit) == ("cement_left.mass", "kg")
    assert mass.value == pytest.approx(0.0010, rel=0.2)
    assert unit.parts["left_cement"] == "cement_20"
    assert unit.defects == ()
    assert plant.dispensing.left_kg(plant.tool("dispenser")) == pytest.approx(0.30 - mass.value)


def test_a_larger_size_gets_its_own_bead():
    result, unit, _ = on_shoes(*SOLES, last="cement_right", variant="red_21")
    assert (result.fault, unit.parts["right_cement"]) == (None, "cement_21")


def test_a_clogged_nozzle_is_noticed_by_the_meter():
    result, unit, _ = on_shoes(*SOLES, last="cement_left", prepare=lambda b: b.plant.dispensing.clog("dispenser", 0.5))
    assert result.fault.code == "DISPENSE_OFF_LIMITS"
    assert "permitted are 0.750 to 1.250 g" in result.fault.detail
    assert "left_cement: scratched" in unit.defects


def test_a_bubble_leaves_a_gap_that_the_meter_does_not_notice():
    result, unit, _ = on_shoes(*SOLES, last="cement_left", prepare=lambda b: b.plant.dispensing.bubbles.add("dispenser"))
    assert result.fault is None
    assert unit.defects == ("left_cement: scratched",)


def test_a_cartridge_that_does_not_suffice_is_told_before_anything_comes_out():
    def nearly_empty(bench: SkillBench) -> None:
        bench.plant.dispensing.refill(bench.plant.tool("dispenser"), 0.0004)

    result, unit, _ = on_shoes(*SOLES, last="cement_left", prepare=nearly_empty)
    assert result.fault.code == "DISPENSER_EMPTY"
    assert result.fault.detail == "0.40 g are left, 1.00 g are needed"
    assert "left_cement" not in unit.parts


def test_what_has_no_path_is_not_dispensed():
    result, _, _ = on_shoes(*SOLES, last="cement_left", item="label")
    assert result.fault.code == "SKILL_REFUSED"
    assert "the item 'label' has no path" in result.message


def test_a_stroke_closes_every_joint_and_the_ram_stops_at_its_height():
    result, unit, _ = on_shoes(*SOLES, "cement_left", "cement_right", *UPPERS, last="press_pair")
    assert result.fault is None, result.message
    force, height = result.measurements
    assert force.value == pytest.approx(400.0, rel=0.03)
    assert height.value == pytest.approx(0.0464, abs=0.0002)
    assert unit.defects == ()


def test_before_it_is_pressed_an_upper_stands_proud():
    result, unit, _ = on_shoes(*SOLES, "cement_left", *UPPERS[:1], last="lay_upper_left")
    assert result.fault is None
    assert unit.defects == ("left_last: 2.0 mm from seated",)


def test_a_press_without_its_force_leaves_the_parts_proud_and_says_so():
    weak = lambda bench: bench.plant.joining.weak.update(press_1=0.5)  # noqa: E731
    result, unit, _ = on_shoes(*SOLES, "cement_left", "cement_right", *UPPERS, last="press_pair", prepare=weak)
    assert result.fault.code == "PRESS_OFF_LIMITS"
    assert "press_pair.force: 380 to 420 N are permitted" in result.fault.detail
    assert len(unit.defects) == 2


def test_a_ram_that_comes_too_low_has_met_no_upper():
    result, _, _ = on_shoes(*SOLES, last="press_pair")
    assert result.fault.code == "PRESS_OFF_LIMITS"
    assert "the ram came down to 16.00 mm; press_pair.height" in result.fault.detail


def test_an_empty_fixture_is_not_pressed():
    assert on_shoes(last="press_pair")[0].fault.code == "FIXTURE_EMPTY"


def test_a_program_that_is_not_stored_is_refused():
    assert on_shoes(*SOLES, last="press_pair", program="crush")[0].fault.code == "DEVICE_REFUSED"
