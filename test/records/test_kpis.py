import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell import events
from microcell.records.kpis import Spread, key_figures
from microcell.records.production import fold


def figures(*history):
    return key_figures(fold(history))


def worked_shift(story, **opening):
    """100 s planned, of them 80 in Execute; three good units, one of them reworked, one scrapped."""
    ends = [(20.0, "good"), (40.0, "good"), (60.0, "scrapped"), (90.0, "good")]
    units = [f"V-{number}" for number in range(len(ends))]
    return [
        story.opened(**{"ideal_cycle_s": 15.0, **opening}),
        story.state(0.0, "Idle"),
        story.order(50.0, 4),
        story.state(50.0, "Starting"),
        story.state(60.0, "Execute"),
        *(story.unit_started(60.0, unit) for unit in units),
        story.decided(70.0, "V-1", "inspect", "closed.scratch", "rework"),
        *(story.unit_ended(60.0 + end_s, unit, how) for unit, (end_s, how) in zip(units, ends, strict=True)),
        story.state(130.0, "Held"),
        story.state(150.0, "Execute"),
        story.controlled(160.0, "completed"),
        story.state(160.0, "Complete"),
        story.state(500.0, "Idle"),
    ]


def in_order_of_time(history):
    return sorted(history, key=lambda event: event.time_s)


def test_oee_is_availability_times_performance_times_quality(story):
    oee = figures(*in_order_of_time(worked_shift(story))).oee
    assert oee.planned_s == pytest.approx(100.0)  # neither the Idle before nor the Complete after it
    assert oee.availability == pytest.approx(80.0 / 100.0)
    assert oee.performance == pytest.approx(15.0 * 4 / 80.0)
    assert oee.quality == pytest.approx(2 / 4)
    assert oee.oee == pytest.approx(15.0 * 2 / 100.0)


@pytest.mark.parametrize(
    ("told", "controls", "state"),
    [
        ({"allowed": False}, (), "stored"),
        ({}, ("paused",), "paused"),
        ({"earliest_s": 900.0}, (), "not_started"),
        ({"allowed": False}, ("paused", "allowed"), "paused"),
        ({"allowed": False}, ("paused", "running"), "stored"),
        ({}, ("stored", "paused", "not_started"), "stored"),
    ],
)
def test_an_order_that_does_not_wait_for_the_cell_makes_no_planned_time(story, told, controls, state):
    later = replace(story.order(20.0, 1, "later"), **told)
    history = in_order_of_time(
        [*worked_shift(story), later, *(story.controlled(21.0, control, "later") for control in controls)]
    )
    assert figures(*history).oee.planned_s == pytest.approx(100.0)
    assert fold(history).orders["later"].state == state


def test_from_its_earliest_start_on_an_order_waits(story):
    later = replace(story.order(20.0, 1, "later"), earliest_s=300.0)
    assert figures(*in_order_of_time([*worked_shift(story), later])).oee.planned_s == pytest.approx(100.0 + 200.0)


def test_waiting_with_an_order_open_is_planned_time(story):
    history = [
        story.opened(),
        story.order(0.0, 1),
        story.state(0.0, "Execute"),
        story.state(10.0, "Stopped"),
        story.controlled(30.0, "cancelled"),
        story.state(100.0, "Idle"),
    ]
    assert figures(*history).oee.planned_s == pytest.approx(30.0)


def test_a_performance_above_one_is_reported_as_it_is(story):
    slow_ideal = in_order_of_time(worked_shift(story, ideal_cycle_s=40.0))
    assert figures(*slow_ideal).oee.performance == pytest.approx(2.0)


def test_nothing_made_gives_no_figures(story):
    kpis = figures(story.opened())
    assert (kpis.oee.availability, kpis.oee.performance, kpis.oee.quality, kpis.oee.oee) == (None,) * 4
    assert (kpis.throughput_per_h, kpis.unit_times, kpis.yields.final_yield) == (None, None, None)


def test_yield_tells_first_pass_from_final_and_variants_apart(story):
    history = [*worked_shift(story), story.unit_started(70.0, "V-9", "red"), story.unit_ended(80.0, "V-9")]
    kpis = figures(*in_order_of_time(history))
    assert kpis.yields.first_pass_yield == pytest.approx(3 / 5)
    assert kpis.yields.final_yield == pytest.approx(4 / 5)
    assert kpis.variants["red"].first_pass_yield == 1.0
    assert kpis.variants["blue"].final_yield == pytest.approx(3 / 4)


def test_cycle_times_are_told_of_units_and_between_units(story):
    kpis = figures(*in_order_of_time(worked_shift(story)))
    assert kpis.unit_times.mean == pytest.approx((20 + 40 + 60 + 90) / 4)
    assert (kpis.intervals.low, kpis.intervals.high) == (20.0, 30.0)
    assert kpis.throughput_per_h == pytest.approx(3 * 3600 / 100)


@pytest.mark.parametrize(("took_s", "counted_s"), [(0.0, 1.0), (4.0, 4.0), (8.0, 8.0)])
def test_what_a_killed_cell_was_doing_is_not_counted_after_its_controller_was_gone_unless_it_took_longer(
    story, took_s, counted_s
):
    begun, ended = story.attempt(12.0, 5.0, "V-0", "screw_1", 1, {"arm": "arm"})
    ended = replace(ended, duration_s=took_s)
    kpis = figures(
        story.opened(), story.order(0.0, 1), story.state(10.0, "Execute"), begun, story.state(13.0, "Execute"),
        story.opened(0.0, epoch=2, epoch_s=1.7e9 + 3600.0), story.state(4.0, "Execute"), ended,
    )  # fmt: skip
    assert kpis.oee.planned_s == pytest.approx(3605.0 - 10.0)
    assert (kpis.resources[0].busy_s, kpis.work_time.process_s) == (pytest.approx(counted_s), pytest.approx(counted_s))


def test_a_fault_after_which_the_work_was_found_done_stays_a_fault_and_the_time_between_is_no_work(story):
    begun, silent = story.attempt(
        12.0, 14.0, "V-0", "pack", 1, {"arm": "arm"}, outcome="fault", fault={"code": "DEVICE_SILENT"}
    )
    found = replace(story.attempt(12.0, 8000.0, "V-0", "pack", 1)[1], duration_s=0.5)
    kpis = figures(story.opened(), story.order(0.0, 1), story.state(10.0, "Execute"), begun, silent, silent, found)
    assert [(fault.code, fault.count) for fault in kpis.faults] == [("DEVICE_SILENT", 2)]
    assert kpis.resources[0].busy_s == pytest.approx(2.0 + 2.0 + 0.5)


def test_resources_are_busy_as_long_as_operations_hold_them(story):
    crib = {"arm": "arm", "tool_crib": "crib"}
    history = in_order_of_time([
        *worked_shift(story),
        *story.attempt(60.0, 70.0, "", "change_tool", 1, crib, skill="change_tool"),
        *story.attempt(70.0, 90.0, "V-0", "screw_1", 1, {"arm": "arm"}, tool_serial="SD-1"),
        events.ToolMounted(time_s=70.0, arm="arm", tool="screwdriver", serial="SD-1"),
    ])  # fmt: skip
    kpis = figures(*history)
    arm, crib_use = kpis.resources
    assert (arm.resource, arm.busy_s, arm.set_up_s, arm.utilisation) == (
        "arm",
        30.0,
        10.0,
        pytest.approx(0.3),
    )
    assert crib_use.busy_s == 10.0
    assert kpis.tool_changes.count == 1
    (tool,) = kpis.tools
    assert (tool.serial, tool.tool, tool.uses, tool.busy_s) == ("SD-1", "screwdriver", 1, 20.0)


def test_work_time_is_told_as_motion_tool_change_and_process(story):
    kpis = figures(
        *story.attempt(0.0, 10.0, "", "mount_gripper", 1, {"arm": "arm"}, skill="change_tool", motion_s=7.0),
        *story.attempt(10.0, 30.0, "V-0", "pick", 2, {"arm": "arm"}, motion_s=12.0),
    )
    work = kpis.work_time
    assert (work.tool_change_s, work.motion_s, work.process_s) == (10.0, 12.0, pytest.approx(8.0))


def test_faults_are_counted_with_their_places_and_what_was_decided(story):
    jam = {"code": "INSERT_JAMMED", "where": "arm"}
    kpis = figures(
        *story.attempt(1.0, 2.0, "V-1", "cap", 1, outcome="fault", fault=jam),
        story.decided(2.0, "V-1", "cap", "INSERT_JAMMED", "retry"),
        *story.attempt(2.0, 3.0, "V-1", "cap", 2, outcome="fault", fault=jam),
        story.decided(3.0, "V-1", "cap", "INSERT_JAMMED", "next_part"),
        events.FaultRaised(time_s=4.0, fault={"code": "FEEDER_EMPTY", "where": "caps"}),
    )
    jammed, empty = kpis.faults
    assert (jammed.code, jammed.count, jammed.places) == ("INSERT_JAMMED", 2, {"arm": 2})
    assert jammed.recoveries == {"retry": 1, "next_part": 1}
    assert (empty.code, empty.count, empty.recoveries) == ("FEEDER_EMPTY", 1, {})


def test_rejections_are_counted_by_check(story):
    checks = ("closed.scratch", "closed.turn")
    kpis = figures(
        *story.attempt(1.0, 2.0, "V-1", "inspect", 1, outcome="rejected", failed_checks=checks),
        story.decided(2.0, "V-1", "inspect", ",".join(checks), "rework"),
        *story.attempt(3.0, 4.0, "V-1", "inspect", 2, outcome="rejected", failed_checks=checks[:1]),
        story.decided(4.0, "V-1", "inspect", checks[0], "scrap"),
    )
    scratch, turn = kpis.rejections
    assert (scratch.check, scratch.count, scratch.decisions) == (
        "closed.scratch",
        2,
        {"rework": 1, "scrap": 1},
    )
    assert (turn.count, turn.decisions) == (1, {"rework": 1})


def test_lots_are_counted_by_pieces_and_units(story):
    kpis = figures(
        *story.attempt(1.0, 2.0, "V-1", "screw_1", parts=(("screw", "A"), ("screw", "A"))),
        *story.attempt(2.0, 3.0, "V-2", "screw_1", parts=(("screw", "A"), ("screw", "B"))),
    )
    assert [(lot.lot, lot.pieces, lot.units) for lot in kpis.lots] == [("A", 3, 2), ("B", 1, 1)]


def test_measured_values_are_spread_by_name_and_limits(story):
    def torque(value):
        return ({"name": "torque", "value": value, "unit": "N m", "lower": 0.4, "upper": 0.6},)

    values = (0.4, 0.5, 0.7, None)
    attempts = [
        event
        for number, value in enumerate(values)
        for event in story.attempt(1.0, 2.0, "V-1", "screw_1", number, measurements=torque(value))
    ]
    (check,) = figures(*attempts).checks
    assert (check.count, check.out, check.lower, check.upper) == (4, 2, 0.4, 0.6)
    assert (check.spread.count, check.spread.low, check.spread.high) == (3, 0.4, 0.7)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_a_spread_lies_between_its_ends(values):
    spread = Spread.of(values)
    assert spread.low <= spread.median <= spread.p95 <= spread.high
    assert spread.low - 1e-6 <= spread.mean <= spread.high + 1e-6
    assert spread.sd >= 0.0
    assert len(values) > 1 or spread.sd == 0.0


@settings(max_examples=40)
@given(units=st.integers(1, 8), seed=st.integers(0, 1000))
def test_factors_of_oee_lie_between_nothing_and_all(story, units, seed):
    kpis = key_figures(fold(story.shift(units, seed)))
    oee = kpis.oee
    assert 0.0 <= oee.availability <= 1.0
    assert 0.0 <= oee.quality <= 1.0
    assert oee.performance >= 0.0
    assert oee.oee == pytest.approx(oee.availability * oee.performance * oee.quality)
    assert all(0.0 <= use.utilisation <= 1.0 + 1e-9 for use in kpis.resources)
    assert math.fsum(kpis.state_s.values()) == pytest.approx(fold(story.shift(units, seed)).last_s)


def test_a_tool_that_is_changed_by_hand_while_no_order_waits_is_no_utilisation(story):
    history = [
        story.opened(),
        story.state(0.0, "Idle"),
        *story.attempt(10.0, 40.0, "", "mount", skill="change_tool"),
        story.order(100.0, 1),
        story.state(100.0, "Execute"),
        *story.attempt(105.0, 110.0, "", "mount", 2, skill="change_tool"),
        story.controlled(120.0, "completed"),
        story.state(120.0, "Idle"),
        *story.attempt(130.0, 140.0, "", "dock", skill="dock_tool"),
    ]
    (arm,) = figures(*history).resources
    assert (arm.busy_s, arm.operations, arm.utilisation) == (45.0, 3, 0.25)
