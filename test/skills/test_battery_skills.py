"""Measure: cells tested in a nest, the kit's sum in view. Weld: spots judged by resistance. Flip: a fixture turned."""

from __future__ import annotations

from functools import cache

import pytest
from skill_bench import SkillBench, skill_bench

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.devices.factory import GAZEBO_REACTION_S, in_world
from microcell.plant.items import Place
from microcell.plugins import skill

SHELL = ("pick_shell", "place_shell")
CLOSED = (*SHELL, "pick_cover", "insert_cover")


@cache
def cells() -> Line:
    return load_line("battery")


def on_cells(*before: str, last: str, prepare=lambda bench: None, line=cells, **parameters):
    """Do some operations, prepare something, do the last one; its result, what the hand holds, and the bench."""

    async def story():
        async with skill_bench(line=line()) as bench:
            await bench.operations(*before, unit="BAT-1", variant="narrow")
            prepare(bench)
            result = await bench.operation(last, unit="BAT-1", variant="narrow", **parameters)
            return result, bench.held(), bench

    return run_virtual(story())


def voltage(voltage_v: float):
    """Give the held cell a voltage."""

    def act(bench: SkillBench) -> None:
        item = bench.plant.bench.held(bench.plant.tool("vacuum_cup"))
        bench.plant.inventory.move(item, item.place, item.pose, voltage_v=voltage_v)

    return act


def scratch(bench: SkillBench) -> None:
    item = bench.plant.bench.held(bench.plant.tool("vacuum_cup"))
    flaws = bench.plant.feeding.delivery().scratches("cell", "test")
    bench.plant.inventory.move(item, item.place, item.pose, flaws=flaws)


def test_a_good_cell_is_measured_and_stays_in_the_hand():
    result, held, bench = on_cells("pick_cell_1", last="measure_cell_1", prepare=voltage(3.652))
    assert result.fault is None, result.message
    assert held == "cell"
    measured = {m.name: m for m in result.measurements}
    assert measured["measure_cell_1.voltage"].value == pytest.approx(3.652, abs=0.005)
    assert measured["surface.surface"].within_limits
    assert bench.plant.inventory.count("tester", "tester_1") == 0


@pytest.mark.parametrize(
    ("prepare", "told"),
    [(voltage(3.20), r"measure_cell_1.voltage is 3.2"), (scratch, "surface.surface is 0.0")],
    ids=["weak", "scratched"],
)
def test_a_bad_cell_goes_to_recycling(prepare, told):
    result, held, bench = on_cells("pick_cell_1", last="measure_cell_1", prepare=prepare)
    assert result.fault.code == "PART_OFF_LIMITS"
    assert told in result.fault.detail and "the cell is in recycling" in result.fault.detail
    assert (held, bench.plant.stations.in_bin("recycling")) == ("", 1)


def test_a_cell_that_its_kit_cannot_take_goes_too():
    result, _, _ = on_cells("pick_cell_1", last="measure_cell_1", prepare=voltage(3.65), before_v=(3.69, 3.69, 3.69))
    assert result.fault.code == "PART_OFF_LIMITS"
    assert "permitted is 3.6 to 3.59" in result.fault.detail


def test_limits_of_a_cell_leave_room_for_the_rest_of_the_kit():
    parameters = skill("measure").Parameters(
        item="cell", lower_v=3.6, upper_v=3.7, kit=4, kit_lower_v=14.54, kit_upper_v=14.66, before_v=(3.61, 3.61)
    )
    assert parameters.limits_v() == pytest.approx((3.62, 3.7))


def test_contacts_that_touch_nothing_are_told_and_the_part_is_thrown_away():
    def blind(bench: SkillBench) -> None:
        bench.plant.joining.voltage_v = lambda tester: None

    result, held, bench = on_cells("pick_cell_1", last="measure_cell_1", prepare=blind)
    assert (result.fault.code, held) == ("TEST_NO_CONTACT", "")
    assert bench.plant.stations.in_bin("recycling") == 1


def test_an_attempt_that_finds_the_cell_in_the_nest_goes_on_from_there():
    def in_the_nest(bench: SkillBench) -> None:
        item = bench.plant.bench.held(bench.plant.tool("vacuum_cup"))
        nest = bench.plant.bench.layout.zones["tester_1"].places[0]
        bench.plant.inventory.move(item, Place("tester", "tester_1", "0"), nest)

    result, held, _ = on_cells("pick_cell_1", last="measure_cell_1", prepare=in_the_nest)
    assert (result.fault, held) == (None, "cell")


def test_a_spot_is_welded_and_judged():
    result, _, bench = on_cells(*CLOSED, last="weld_top_1")
    assert result.fault is None, result.message
    energy, resistance = result.measurements
    assert energy.value == pytest.approx(40.0, rel=0.1)
    assert resistance.value < 0.001
    assert bench.plant.unit_at("fixture_1").parts["top_1"] == "spot"


def late_feeling(by_s: float):
    """Have who waits for a contact hear of it late; `pressed_n` becomes how hard was pressed at most."""

    def act(bench: SkillBench) -> None:
        sensor = bench.devices["wrist_force"]
        at_once, bench.pressed_n = sensor.wait_pressing, 0.0

        async def wait_pressing(force_n: float):
            await at_once(force_n)
            await bench.clock.sleep(by_s)
            wrench = await sensor.read()
            bench.pressed_n = max(bench.pressed_n, wrench.pressing_n)
            return wrench

        sensor.wait_pressing = wait_pressing

    return act


def test_a_spot_is_pressed_no_harder_than_twice_as_hard_as_told_where_contact_is_felt_as_late_as_described():
    feels_late = lambda: in_world(cells(), "gazebo")  # noqa: E731
    result, _, bench = on_cells(*CLOSED, last="weld_top_1", prepare=late_feeling(GAZEBO_REACTION_S), line=feels_late)
    assert result.fault is None, result.message
    assert 12.0 < bench.pressed_n < 24.5


def test_a_spot_is_welded_though_contact_is_felt_later_than_described():
    result, _, _ = on_cells(*CLOSED, last="weld_top_1", prepare=late_feeling(GAZEBO_REACTION_S))
    assert result.fault is None, result.message


def test_a_weak_spot_is_none():
    weak = lambda bench: bench.plant.joining.weak.update(spot_welder=0.5)  # noqa: E731
    result, _, bench = on_cells(*CLOSED, last="weld_top_1", prepare=weak)
    assert result.fault.code == "WELD_OFF_LIMITS"
    assert "4.00 milliohm" in result.fault.detail
    assert "top_1" not in bench.plant.unit_at("fixture_1").parts


def test_where_there_is_no_cover_there_is_nothing_to_weld():
    result, _, _ = on_cells(*SHELL, last="weld_top_1")
    assert result.fault.code == "WELD_NO_CONTACT"


def test_the_bottom_is_not_welded_while_the_top_is_up():
    result, _, _ = on_cells(*CLOSED, last="weld_bottom_1")
    assert result.fault.code == "TURNER_STUCK"
    assert "the top is up, the spot is on the bottom" in result.fault.detail


def test_the_unit_is_turned_over_welded_below_and_turned_back():
    result, _, bench = on_cells(*CLOSED, "flip_over", "weld_bottom_1", "weld_bottom_2", last="flip_back")
    assert result.message == "the top is up"
    unit = bench.plant.unit_at("fixture_1")
    assert unit.parts["bottom_1"] == unit.parts["bottom_2"] == "spot"
    assert unit.defects == ()
    seat = bench.plant.bench.layout.zones["fixture_1"].frame
    assert bench.plant.bench.unit_in("fixture_1").pose.position == pytest.approx(seat.position, abs=1e-4)


def test_a_unit_that_is_not_clamped_falls_out():
    async def story():
        async with skill_bench(line=cells()) as bench:
            await bench.operations(*SHELL, unit="BAT-1", variant="narrow")
            await bench.devices["fixture_1"].release()
            await bench.operations("flip_over", unit="BAT-1", variant="narrow")
            return bench.plant.bench.unit_in("fixture_1"), bench.plant.inventory.losses

    unit, losses = run_virtual(story())
    assert unit is None
    assert losses[0].reason == "fell out of its fixture, which was turned without a clamp"


def test_an_axis_that_does_not_move_is_told():
    def stuck(bench: SkillBench) -> None:
        bench.plant.joining.turn = lambda turner: None

    assert on_cells(*SHELL, last="flip_over", prepare=stuck)[0].fault.code == "TURNER_STUCK"
