from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell import events
from microcell.records.kpis import key_figures
from microcell.records.production import ProductionFold, fold
from microcell.records.states import StateSpan

SCRATCH = "closed.scratch"


def test_a_unit_keeps_its_operations_parts_tools_and_measurements(story):
    torque = {"name": "seated.torque", "value": 0.5, "unit": "N m"}
    history = [
        story.opened(),
        story.order(0.0, 1),
        story.unit_started(1.0, "V-1"),
        *story.attempt(1.0, 4.0, "V-1", "screw_1", 1, outcome="fault", fault={"code": "FASTEN_NO_SCREW"}),
        *story.attempt(
            4.0,
            9.0,
            "V-1",
            "screw_1",
            2,
            parts=(("screw", "L7"),),
            tool_serial="SD-1",
            measurements=(torque,),
        ),
        story.unit_ended(10.0, "V-1"),
    ]
    unit = fold(history).units["V-1"]
    (operation,) = unit.operations
    assert (operation.operation, operation.outcome, len(operation.attempts)) == ("screw_1", "succeeded", 2)
    assert [a.fault_code for a in operation.attempts] == ["FASTEN_NO_SCREW", ""]
    assert [(p.part, p.lot, p.operation) for p in unit.parts] == [("screw", "L7", "screw_1")]
    assert unit.tools == ("SD-1",)
    assert [m.measurement for m in unit.measurements] == [torque]
    assert (unit.state, unit.cycle_s, unit.carton) == ("good", 9.0, "C-1")
    assert unit.first_pass


@pytest.mark.parametrize("told", [{"thrown_away": True}, {}])
def test_a_part_that_was_dropped_into_the_bin_is_in_no_unit(story, told: dict[str, bool]):
    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "pick", skill="pick", parts=(("cap", "L1"),)),
        *story.attempt(2.0, 3.0, "V-1", "insert", outcome="fault"),
        *story.attempt(3.0, 4.0, "V-1", "drop_part", **told),
    ]  # fmt: skip
    unit = fold(history).units["V-1"]
    assert (unit.parts, [part.lot for part in unit.discarded]) == ((), ["L1"])


@pytest.mark.parametrize("tested", ["thrown away by the test", "thrown away afterwards", "put into the unit"])
def test_a_part_that_was_tested_is_in_the_unit_unless_it_was_thrown_away(story, tested: str):
    bad = {"outcome": "fault", "fault": {"code": "PART_OFF_LIMITS"}, "thrown_away": True}
    failed = {"outcome": "fault", "fault": {"code": "INSERT_JAMMED"}}
    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "pick", skill="pick", parts=(("cell", "L1"),)),
        *story.attempt(2.0, 3.0, "V-1", "measure", skill="measure", **(bad if tested.endswith("test") else {})),
    ]  # fmt: skip
    if not tested.endswith("test"):
        history += story.attempt(3.0, 4.0, "V-1", "insert", **(failed if tested.endswith("afterwards") else {}))
        history += story.attempt(4.0, 5.0, "V-1", "drop_part", thrown_away=True)
    unit, stays = fold(history).units["V-1"], tested == "put into the unit"
    assert [part.lot for part in unit.parts] == (["L1"] if stays else [])
    assert [part.lot for part in unit.discarded] == ([] if stays else ["L1"])


@pytest.mark.parametrize("lost_at", ["pick", "insert"])
def test_a_part_that_fell_is_in_no_unit(story, lost_at: str):
    lost = {"outcome": "fault", "fault": {"code": "GRIP_PART_LOST"}}
    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "pick", skill="pick", parts=(("cap", "L1"),), **(lost if lost_at == "pick" else {})),
        *story.attempt(2.0, 3.0, "V-1", "insert", **(lost if lost_at == "insert" else {"outcome": "fault"})),
        *story.attempt(3.0, 4.0, "V-1", "drop_part", **lost),
    ]  # fmt: skip
    unit = fold(history).units["V-1"]
    assert (unit.parts, [part.lot for part in unit.discarded]) == ((), ["L1"])


@pytest.mark.parametrize(
    ("code", "thrown_away"),
    [
        ("FASTEN_NO_SCREW", False), ("FASTEN_CROSS_THREADED", True), ("FASTEN_NOT_SEATED", True),
        ("SENSOR_IMPLAUSIBLE", True), ("FASTEN_NO_SCREW", None), ("FASTEN_NOT_SEATED", None),
    ],
)  # fmt: skip
def test_a_screw_that_fell_or_was_thrown_away_is_not_in_the_unit_that_is_scrapped(
    story, code: str, thrown_away: bool | None
):
    """None: a journal of an older release, in which the fault alone tells."""
    last = {"skill": "fasten", "outcome": "fault", "fault": {"code": code}, "parts": (("screw", "L1"),)}
    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "fasten_1", 1, {"arm": "arm", "bin": "bin"}, thrown_away=thrown_away, **last),
        story.unit_ended(4.0, "V-1", "scrapped"),
    ]  # fmt: skip
    unit = fold(history).units["V-1"]
    assert (unit.parts, [part.lot for part in unit.discarded]) == ((), ["L1"])


def test_a_screw_that_a_later_look_at_the_same_attempt_does_not_know_of_is_in_the_unit(story):
    silent = {"skill": "fasten", "outcome": "fault", "fault": {"code": "DEVICE_SILENT"}, "parts": (("screw", "L1"),)}
    begun, ended = story.attempt(1.0, 2.0, "V-1", "fasten_1", thrown_away=False, **silent)
    unknown = replace(ended, time_s=3.0, fault={"code": "OUTCOME_UNKNOWN"}, parts=())
    history = [
        story.opened(),
        story.unit_started(0.0, "V-1"),
        begun,
        ended,
        unknown,
        story.unit_ended(4.0, "V-1", "scrapped"),
    ]
    unit = fold(history).units["V-1"]
    assert ([part.lot for part in unit.parts], unit.discarded) == (["L1"], ())


def test_a_screw_of_which_nobody_knows_how_far_it_went_in_is_scrapped_with_the_unit(story):
    last = {"skill": "fasten", "outcome": "fault", "fault": {"code": "SKILL_TIMEOUT"}, "parts": (("screw", "L1"),)}
    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "fasten_1", resources={"arm": "arm", "bin": "reject_bin"}, **last),
        *story.attempt(2.0, 3.0, "V-1", "drop_part", outcome="fault", fault={"code": "GRIP_PART_LOST"}),
        story.unit_ended(4.0, "V-1", "scrapped"),
    ]  # fmt: skip
    unit = fold(history).units["V-1"]
    assert ([part.lot for part in unit.parts], unit.discarded) == (["L1"], ())


@pytest.mark.parametrize(("code", "counted"), [("GRIP_PART_LOST", []), ("ARM_OVERLOADED", ["ARM_OVERLOADED"])])
def test_a_part_that_was_lost_is_one_fault_and_not_another_one_of_the_hand_that_is_then_to_be_emptied(story, code, counted):
    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "insert", outcome="fault", fault={"code": "GRIP_PART_LOST", "where": "gripper"}),
        *story.attempt(2.0, 3.0, "V-1", "drop_part", outcome="fault", fault={"code": code, "where": "gripper"}),
    ]  # fmt: skip
    faults = key_figures(fold(history)).faults
    assert sorted(fault.code for fault in faults for _ in range(fault.count)) == sorted(["GRIP_PART_LOST", *counted])


def test_a_hand_that_is_found_empty_when_it_is_to_be_emptied_may_have_put_its_part_into_the_unit(story):
    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "pick", skill="pick", parts=(("cap", "L1"),)),
        *story.attempt(2.0, 3.0, "V-1", "insert", outcome="fault"),
        *story.attempt(3.0, 4.0, "V-1", "drop_part", outcome="fault", fault={"code": "GRIP_PART_LOST"}),
    ]  # fmt: skip
    assert [part.lot for part in fold(history).units["V-1"].parts] == ["L1"]


def test_a_screw_that_was_driven_stays_in_the_unit_when_a_label_is_dropped_later(story):
    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "fasten_4", skill="fasten", parts=(("screw", "L1"),)),
        *story.attempt(2.0, 3.0, "V-1", "label_unit", skill="label", outcome="fault"),
        *story.attempt(3.0, 4.0, "V-1", "drop_part", skill="place", thrown_away=True),
        *story.attempt(4.0, 5.0, "V-1", "label_unit", 2, skill="label"),
    ]  # fmt: skip
    unit = fold(history).units["V-1"]
    assert ([part.lot for part in unit.parts], unit.discarded) == (["L1"], ())


def test_parts_that_were_thrown_away_are_in_no_unit(story):
    def took(number: int, lot: str, **told):
        return story.attempt(number, number + 0.5, "V-1", "pick", number, parts=(("screw", lot),), **told)

    history = [
        story.opened(), story.unit_started(0.0, "V-1"),
        *took(1, "L1", outcome="fault"), *took(2, "L2"), *story.attempt(3.0, 3.5, "V-1", "pick", 3),
        story.unit_ended(4.0, "V-1"),
    ]  # fmt: skip
    unit = fold(history).units["V-1"]
    assert [part.lot for part in unit.parts] == ["L2"]
    assert [part.lot for part in unit.discarded] == ["L1"]
    assert [(lot.lot, lot.pieces, lot.units) for lot in key_figures(fold(history)).lots] == [("L1", 1, 0), ("L2", 1, 1)]


def test_a_clock_that_was_set_back_takes_no_time_away(story):
    started, ended = story.attempt(100.0, 45.0, "", "mount", outcome="fault", fault={"code": "CLOCK_JUMPED"})
    history = [
        story.opened(), story.order(0.0, 1), story.state(0.0, "Execute"), started, ended,
        story.unit_started(50.0, "V-1"), *story.attempt(50.0, 60.0, "V-1", "pick"), story.unit_ended(60.0, "V-1"),
        story.state(62.0, "Complete"),
    ]  # fmt: skip
    production = fold(history)
    assert [attempt.duration_s for attempt in production.attempts] == [0.0, 10.0]
    figures = key_figures(production)
    assert (figures.oee.planned_s, figures.oee.execute_s, production.last_s) == (117.0, 117.0, 117.0)
    assert figures.state_s == {"Execute": 117.0}


def test_a_rejected_and_reworked_unit_is_good_but_not_at_the_first_pass(story):
    history = [
        story.order(0.0, 1),
        story.unit_started(1.0, "V-1"),
        *story.attempt(1.0, 2.0, "V-1", "inspect", 1, outcome="rejected", failed_checks=(SCRATCH,)),
        story.decided(2.0, "V-1", "inspect", SCRATCH, "rework"),
        *story.attempt(3.0, 4.0, "V-1", "inspect", 2),
        story.unit_ended(5.0, "V-1"),
    ]
    production = fold(history)
    assert production.units["V-1"].reworks == 1
    assert not production.units["V-1"].first_pass
    assert production.orders["order-0001"].reworked == 1


def test_an_order_is_counted_from_its_first_to_its_last_unit(story):
    history = [
        story.order(0.0, 3),
        story.controlled(1.0, "running"),
        story.unit_started(1.0, "V-1"),
        story.unit_started(1.0, "V-2"),
        story.unit_started(1.0, "V-3"),
        story.unit_ended(5.0, "V-2"),
        story.unit_ended(6.0, "V-1", "scrapped"),
    ]
    production = fold(history)
    order = production.orders["order-0001"]
    assert (order.quantity, order.in_work, order.good, order.scrapped, order.state) == (3, 1, 1, 1, "running")
    assert production.good_serials == {"order-0001": ("V-2",)}
    ended = fold([*history, story.unit_ended(9.0, "V-3"), story.controlled(9.0, "completed")])
    assert ended.orders["order-0001"].ended_s == 9.0
    assert ended.good_serials == {"order-0001": ("V-2", "V-3")}


def test_what_was_begun_and_not_ended_is_in_doubt(story):
    begun, ended = story.attempt(1.0, 2.0, "V-1", "pack")
    assert [a.attempt_id for a in fold([begun]).in_doubt] == ["V-1/pack/1"]
    assert fold([begun, ended]).in_doubt == ()


def test_tools_on_flanges_and_their_serials_are_known(story):
    def mounted(time_s, tool, serial):
        return events.ToolMounted(time_s=time_s, arm="arm", tool=tool, serial=serial)

    production = fold([mounted(0.0, "gripper", "G-1"), mounted(5.0, "", "")])
    assert production.mounted["arm"].tool == ""
    assert production.tools == {"G-1": "gripper"}


def test_an_operation_used_the_tool_that_was_on_its_arm(story):
    history = [
        events.ToolMounted(time_s=0.0, arm="arm", tool="gripper", serial="G-1"),
        *story.attempt(1.0, 2.0, "V-1", "pick"),
        *story.attempt(2.0, 3.0, "V-1", "inspect", resources={"camera": "camera"}),
        *story.attempt(3.0, 4.0, "V-1", "place", tool_serial="G-2"),
    ]
    assert [attempt.tool_serial for attempt in fold(history).attempts] == ["G-1", "", "G-2"]


def test_the_time_between_a_kill_and_a_restart_belongs_to_no_state(story):
    history = [
        story.opened(0.0, epoch_s=1000.0),
        story.order(0.0, 1),
        story.state(0.0, "Execute"),
        story.unit_started(10.0, "V-1"),  # killed after this
        story.opened(0.0, epoch_s=1100.0, epoch=2),
        story.state(2.0, "Execute"),
        story.unit_ended(5.0, "V-1"),
    ]
    production = fold(history)
    assert production.spans == (
        StateSpan("Execute", True, 0.0, 10.0),
        StateSpan("Offline", True, 10.0, 102.0),
        StateSpan("Execute", True, 102.0, 105.0),
    )
    assert production.units["V-1"].cycle_s == pytest.approx(95.0)
    assert len(production.openings) == 2


def test_a_clock_that_begins_anew_follows_without_a_gap(story):
    history = [
        story.opened(),
        story.state(0.0, "Execute"),
        story.state(50.0, "Held"),
        story.opened(0.0),
        story.state(7.0, "Idle"),
    ]
    production = fold(history)
    assert production.last_s == 57.0
    assert [(s.state, s.start_s, s.end_s) for s in production.spans] == [
        ("Execute", 0.0, 50.0),
        ("Offline", 50.0, 57.0),
    ]


def test_a_due_time_keeps_its_date_over_a_restart(story):
    late = events.OrderAccepted(
        time_s=1.0,
        order_id="late",
        product="valve",
        lines=(("blue", 1),),
        priority=0,
        due_s=60.0,
        replace_scrapped=True,
    )
    production = fold([story.opened(epoch_s=1000.0), story.opened(epoch_s=1500.0), late])
    assert production.orders["late"].due_s == 560.0


@settings(max_examples=30)
@given(units=st.integers(1, 6), seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 400), max_size=4))
def test_folding_step_by_step_gives_what_folding_at_once_gives(story, units, seed, cuts):
    history = story.shift(units, seed)
    steps = ProductionFold()
    for index, event in enumerate(history):
        if index in cuts:
            assert steps.production() == fold(history[:index])
        steps.apply(event)
    assert steps.production() == fold(history)


@settings(max_examples=50)
@given(data=st.data())
def test_a_history_with_holes_still_folds(story, data):
    history = story.shift(2)
    kept = data.draw(st.lists(st.booleans(), min_size=len(history), max_size=len(history)))
    production = fold(event for event, keep in zip(history, kept, strict=True) if keep)
    assert all(unit.serial for unit in production.units.values())
