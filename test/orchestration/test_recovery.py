"""What the cell does about faults: policy steps, budgets, sources out of use, questions; all of it kept over restarts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from fake_shop_floor import CONFIG, VALVE, Floor, Script, fault, floor, once, with_two_cups
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.clock import run_virtual
from microcell.description.line import Line, RecoveryBudget, RecoveryStep
from microcell.description.loader import load_line
from microcell.errors import UsageError
from microcell.events import DeviceServiceChanged, QuestionAnswered, QuestionAsked, RecoveryDecided
from microcell.faults import CATALOGUE
from microcell.orchestration.packml import Command, State
from microcell.orchestration.recovery import BACK_S, DEFAULTS, REPEATING, choose
from microcell.records.journal import Journal
from microcell.skills.contract import SkillGoal, SkillResult

TWIN = load_line(CONFIG / "lines" / "valve_twin.yaml")


def step(action: str, times: int = 1, **more: object) -> RecoveryStep:
    return RecoveryStep(action=action, times=times, **more)


def with_policy(code: str, *steps: RecoveryStep, line: Line = VALVE, **budget: object) -> Line:
    return line.model_copy(update={"recovery": {code: steps}, "recovery_budget": RecoveryBudget(**budget)})


def always(operation: str, result: SkillResult, unless: Callable[[SkillGoal], bool] = lambda goal: False):
    """End every goal of an operation in a result, except some."""
    return lambda goal: result if goal.operation == operation and not unless(goal) else None


def actions(cell: Floor) -> list[str]:
    return [action for _, _, action in cell.decisions()]


def in_memory() -> Journal:
    return Journal.create_or_open(":memory:", durability="batch")


# policy


def test_a_repeated_attempt_takes_another_approach_and_the_next_part_the_usual_one():
    async def run() -> None:
        async with floor(once("insert_cap", fault("INSERT_JAMMED"), times=2)) as cell:
            await cell.controller.order_ended(cell.order(1))
            first, second, third = (g.parameters for g in cell.port.goals if g.operation == "insert_cap")
            assert second["search_radius_m"] == pytest.approx(1.5 * first["search_radius_m"])
            assert second["speed_m_s"] < 0.01
            assert third == first
            assert actions(cell) == ["retry", "next_part"]

    run_virtual(run())


def test_to_look_again_repeats_the_operation_as_it_was():
    async def run() -> None:
        async with floor(once("pick_membrane", fault("PART_NOT_FOUND", "camera_trays"), times=2)) as cell:
            assert (await cell.controller.order_ended(cell.order(1))).good == 1
            attempts = [g.parameters for g in cell.port.goals if g.operation == "pick_membrane"]
            assert attempts == [attempts[0]] * 3
            assert actions(cell) == ["look_again", "look_again"]

    run_virtual(run())


def test_another_fixture_is_taken_where_one_is_occupied():
    async def run() -> None:
        occupied = fault("FIXTURE_OCCUPIED", "fixture_1")
        async with floor(always("place_body", occupied, lambda g: "fixture_1" not in g.lease.resources.values())) as cell:
            assert (await cell.controller.order_ended(cell.order(1))).good == 1
            assert actions(cell) == ["other"]
            drop = cell.port.operations().index("drop_part")
            assert cell.port.operations()[drop + 1 : drop + 3] == ["pick_body", "place_body"]
            assert cell.port.goals[drop + 2].lease.resources["fixture"] == "fixture_2"
            told = next(e for e in cell.journal.events() if isinstance(e, RecoveryDecided))
            assert (told.barred, told.reason) == ("fixture_1", "pick_body is done again without fixture_1")

    run_virtual(run())


def test_another_arm_with_another_tool_does_what_one_could_not():
    """The right arm has an equal cup for the membranes of the shared tray."""

    async def run() -> None:
        line = with_policy("VACUUM_NOT_SEALED", step("other", kind="tool"), line=TWIN)
        torn = always("pick_membrane", fault("VACUUM_NOT_SEALED", "vacuum_cup"), lambda g: g.lease.mounted != "VC-0012")
        async with floor(torn, line=line) as cell:
            assert (await cell.controller.order_ended(cell.order(1))).good == 1
            picks = [g.lease.mounted for g in cell.port.goals if g.operation == "pick_membrane"]
            assert picks[-1] == "VC-0013"
            assert set(actions(cell)) <= {"other"}

    run_virtual(run())


def test_without_another_one_the_next_step_of_the_policy_is_taken():
    async def run() -> None:
        async with floor(once("label_unit", fault("LABEL_NOT_PRINTED", "printer"), times=3)) as cell:
            cell.order(1)
            await cell.controller.until_state(State.HELD)
            assert actions(cell) == ["retry", "retry", "hold"], "there is but one printer"

    run_virtual(run())


def test_a_policy_can_send_a_unit_back_to_earlier_operations():
    line = with_policy("FASTEN_NOT_SEATED", step("rework", redo=("pick_cap", "insert_cap")), step("scrap"))

    async def run() -> None:
        async with floor(once("fasten_1", fault("FASTEN_NOT_SEATED")), line=line, journal=journal) as cell:
            order = await cell.controller.order_ended(cell.order(1))
            assert (order.good, order.reworked) == (1, 1)
            count = Counter(cell.port.operations())
            assert (count["insert_cap"], count["fasten_1"], count["insert_membrane"]) == (2, 2, 1)

    async def again() -> None:
        async with floor(line=line, journal=journal) as cell:
            assert cell.controller.order("order-0001").reworked == 1

    with in_memory() as journal:
        run_virtual(run())
        run_virtual(again())


def test_past_the_last_step_the_cell_is_held_and_impossible_steps_are_passed_over():
    policy = {"INSERT_JAMMED": (step("other", kind="arm"), step("retry", 2))}
    found = [choose("INSERT_JAMMED", n, policy, lambda s: s.action != "other").action for n in range(4)]
    assert found == ["retry", "retry", "hold", "hold"]
    assert [choose("INSERT_JAMMED", n, policy).action for n in range(4)] == ["other", "retry", "retry", "hold"]
    with pytest.raises(ValueError, match="'NO_FAULT' is not in the fault catalogue"):
        choose("NO_FAULT", 0, {})


def test_every_default_policy_is_for_a_fault_and_ends():
    assert set(DEFAULTS) <= set(CATALOGUE)
    for steps in DEFAULTS.values():
        assert sum(s.times for s in steps) <= 100


# budgets


@pytest.mark.parametrize(
    ("budget", "ends", "told"),
    [
        ({"per_operation": 2}, "scrap", "2 repetitions of insert_cap are all that the budget allows"),
        ({"per_operation": 2, "beyond": "hold"}, "hold", "2 repetitions of insert_cap are all that the budget allows"),
        ({"per_unit": 3}, "scrap", "3 repetitions for a unit are all that the budget allows"),
        ({"per_order": 4}, "hold", "4 repetitions for order order-0001 are all that the budget allows"),
        ({"per_window": 5}, "hold", "5 repetitions within 600 s are all that the budget allows"),
    ],
)
def test_a_spent_budget_ends_in_scrap_or_hold_and_says_which(budget: dict[str, object], ends: str, told: str):
    line = with_policy("INSERT_JAMMED", step("retry", 50), **budget)

    async def run() -> None:
        async with floor(always("insert_cap", fault("INSERT_JAMMED")), line=line) as cell:
            cell.order(1, replace_scrapped=False)
            await cell.controller.until_state(State.HELD, State.COMPLETE, State.IDLE)
            decided = [e for e in cell.journal.events() if isinstance(e, RecoveryDecided)]
            assert (decided[-1].action, [e.action for e in decided[:-1]]) == (ends, ["retry"] * (len(decided) - 1))
            assert told in decided[-1].reason

    run_virtual(run())


def test_a_budget_for_a_time_does_not_begin_to_count_anew_with_a_restart():
    line = with_policy("FASTEN_NO_SCREW", step("retry", 50), per_window=3, source_failures=6)

    def each_screw_once() -> Script:
        seen: set[str] = set()

        def script(goal: SkillGoal) -> SkillResult | None:
            first = goal.skill == "fasten" and goal.operation not in seen
            seen.add(goal.operation)
            return fault("FASTEN_NO_SCREW", "screws_1") if first else None

        return script

    async def first() -> None:
        async with floor(each_screw_once(), line=line, journal=journal) as cell:
            cell.order(1)
            while len(cell.decisions()) < 3:
                await cell.clock.sleep(1.0)

    async def again() -> None:
        async with floor(each_screw_once(), line=line, journal=journal, on_flange={"arm": "SD-0003"}) as cell:
            await cell.controller.until_state(State.HELD)
            assert actions(cell) == ["retry", "retry", "retry", "hold"]

    with in_memory() as journal:
        run_virtual(first())
        run_virtual(again())


def test_what_a_person_lets_the_cell_go_on_with_begins_to_count_anew():
    line = with_policy("INSERT_JAMMED", step("retry", 50), per_operation=2, beyond="hold")

    async def run() -> None:
        async with floor(once("insert_cap", fault("INSERT_JAMMED"), times=5), line=line) as cell:
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1
            assert actions(cell) == ["retry", "retry", "hold", "retry", "retry"]

    run_virtual(run())


def test_neither_policy_nor_budget_begins_anew_with_a_restart():
    async def first() -> None:
        async with floor(always("pick_body", failed), line=line, journal=journal) as cell:
            cell.order(1, replace_scrapped=False)
            while len(actions(cell)) < 2:
                await cell.clock.sleep(1.0)

    async def again() -> None:
        async with floor(once("pick_body", failed, times=2), line=line, journal=journal) as cell:
            shop = cell.controller.shop
            assert shop.attempts.tried("VLV-000001", "pick_body", "ARM_STOPPED") == tried
            order = await cell.controller.order_ended("order-0001")
            assert order.scrapped == 1
            assert actions(cell)[-1] == "scrap"

    failed, line = fault("ARM_STOPPED"), with_policy("ARM_STOPPED", step("retry", 3), step("scrap"))
    with in_memory() as journal:
        run_virtual(first())
        tried = sum(e.action == "retry" for e in journal.events() if isinstance(e, RecoveryDecided))
        run_virtual(again())


# sources


def two_nests() -> Line:
    """The adult's bodies come from two nests; there are no blue caps."""
    feeders = {**VALVE.feeders, "nest_3": VALVE.feeders["nest_1"]}
    return VALVE.model_copy(update={"feeders": feeders})


def test_a_feeder_that_fails_three_times_of_six_is_taken_out_of_use_and_the_cell_goes_on_with_another():
    bad = always("pick_body", fault("GRIP_NOTHING_HELD"), lambda g: g.lease.resources["feeder"] != "nest_1")

    async def run() -> None:
        async with floor(bad, line=two_nests()) as cell:
            assert (await cell.controller.order_ended(cell.order(4))).good == 4
            out = [e for e in cell.journal.events() if isinstance(e, DeviceServiceChanged)]
            assert [(e.device, e.in_service, e.code) for e in out] == [("nest_1", False, "GRIP_NOTHING_HELD")]
            assert out[0].reason == "failed 3 of its last 3 uses, the last time with GRIP_NOTHING_HELD"
            (asked,) = cell.controller.shop.questions.open()
            assert (asked.device, asked.choices, asked.unit) == ("nest_1", ("put_back", "leave_out"), "")
            station = next(s for s in cell.controller.snapshot().stations if s.name == "nest_1")
            assert station.state == "out_of_service"
            assert "Held" not in cell.states()

    run_virtual(run())


def test_a_source_that_is_answered_to_be_in_order_is_used_again():
    bad = once("pick_body", fault("GRIP_NOTHING_HELD"), times=3)

    async def run() -> None:
        async with floor(bad, line=two_nests()) as cell:
            await cell.controller.order_ended(cell.order(1))
            cell.controller.service.answer("Q-0001", "put_back", "ann")
            assert cell.controller.shop.resources.out_of_service == set()
            await cell.controller.order_ended(cell.order(1))
            assert cell.port.goals[-1].operation == "pack_unit"
            assert [g for g in cell.port.goals if g.operation == "pick_body"][-1].lease.resources["feeder"] == "nest_1"

    run_virtual(run())


def test_units_that_do_not_need_what_is_out_of_use_go_on_and_then_the_cell_says_what_it_lacks():
    bad = always("pick_membrane", fault("PART_NOT_FOUND", "camera_trays"), lambda g: g.variant == "child")
    line = with_policy("PART_NOT_FOUND", step("retry", 9))

    async def run() -> None:
        async with floor(bad, line=line) as cell:
            adult, child = cell.order(1), cell.order(2, variant="child")
            assert (await cell.controller.order_ended(child)).good == 2
            await cell.controller.until_state(State.HELD)
            assert cell.controller.reason.startswith("DEVICE_OUT_OF_SERVICE at tray_1: ")
            assert "failed 3 of its last 3 uses, the last time with PART_NOT_FOUND" in cell.controller.reason
            cell.port.script = lambda goal: None
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(adult)).good == 1, "its fault was cleared: it is tried again"
            assert cell.controller.shop.questions.open() == ()

    run_virtual(run())


def test_units_that_could_not_be_finished_do_not_take_the_places_of_those_that_can():
    async def run() -> None:
        async with floor() as cell:
            cell.controller.service.set_service("tray_1", False, "bent")
            adult, child = cell.order(9, priority=5), cell.order(3, variant="child")
            assert (await cell.controller.order_ended(child)).good == 3
            await cell.controller.until_state(State.HELD)
            assert cell.controller.reason.startswith("DEVICE_OUT_OF_SERVICE at tray_1: ")
            assert cell.controller.order(adult).in_work == 0
            cell.controller.service.set_service("tray_1", True)
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(adult)).good == 9

    run_virtual(run())


def test_what_was_put_out_of_service_by_hand_stays_so_until_it_is_put_back():
    async def run() -> None:
        async with floor(journal=journal) as cell:
            told = cell.controller.service.set_service("printer", False, "no ribbon")
            assert told == "printer is out of service"
            cell.order(1)
            for _ in range(2):
                await cell.controller.until_state(State.HELD)
                assert cell.controller.reason.startswith("DEVICE_OUT_OF_SERVICE at printer: ")
                cell.controller.command(Command.UNHOLD)
                await cell.clock.sleep(1.0)

    async def again() -> None:
        async with floor(journal=journal) as cell:
            cell.controller.command(Command.RESET)  # it was held when it was shut down
            await cell.controller.until_state(State.HELD)
            assert "no ribbon" in cell.controller.reason
            cell.controller.service.set_service("printer", True)
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended("order-0001")).good == 1
            with pytest.raises(UsageError, match="there is no device 'printre'; did you mean 'printer'"):
                cell.controller.service.set_service("printre", False)

    with in_memory() as journal:
        run_virtual(run())
        run_virtual(again())


def test_a_worn_cup_that_fails_too_often_is_replaced_as_any_source():
    bad = always("pick_membrane", fault("VACUUM_NOT_SEALED", "vacuum_cup"), lambda g: g.lease.mounted != "VC-0012")

    async def run() -> None:
        async with floor(bad, line=TWIN) as cell:
            assert (await cell.controller.order_ended(cell.order(2))).good == 2
            cell.controller.tooling.set_service("vacuum_cup", True)
            assert cell.controller.shop.questions.open() == ()

    run_virtual(run())


def test_a_part_that_was_lost_twice_counts_twice_though_the_hand_is_found_empty_each_time():
    lost = fault("GRIP_PART_LOST", "parallel_gripper")
    twice, nothing = once("insert_cap", lost, times=2), always("drop_part", lost)

    async def run() -> None:
        async with floor(lambda goal: twice(goal) or nothing(goal)) as cell:
            assert (await cell.controller.order_ended(cell.order(1))).good == 1
            assert cell.port.operations().count("drop_part") == 2
            assert tools_refused(cell) == []

    run_virtual(run())


def test_the_only_tool_that_fails_too_often_is_tried_again_after_an_unhold_as_any_source():
    bad = always("pick_membrane", fault("VACUUM_NOT_SEALED", "vacuum_cup"))

    async def run() -> None:
        async with floor(bad) as cell:
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            assert cell.controller.reason.startswith("TOOL_OUT_OF_SERVICE at vacuum_cup: ")
            assert "failed 3 of its last 3 uses, the last time with VACUUM_NOT_SEALED" in cell.controller.reason
            cell.port.script = lambda goal: None
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1
            assert cell.controller.shop.questions.open() == ()

    run_virtual(run())


@pytest.mark.parametrize(
    ("bad", "held"),
    [
        (fault("VACUUM_NOT_SEALED", "vacuum_cup"), "TOOL_OUT_OF_SERVICE at vacuum_cup: "),
        (fault("PART_NOT_FOUND", "camera_trays"), "DEVICE_OUT_OF_SERVICE at tray_1: "),
    ],
)
def test_what_is_to_stay_out_of_use_by_a_persons_answer_does_so(bad: SkillResult, held: str):
    line = with_policy("PART_NOT_FOUND", step("retry", 9))

    async def run() -> None:
        async with floor(always("pick_membrane", bad), line=line) as cell:
            cell.order(1)
            await cell.controller.until_state(State.HELD)
            (notice,) = cell.controller.shop.questions.open()
            cell.controller.service.answer(notice.question, "leave_out", "anna")
            cell.controller.command(Command.UNHOLD)
            await cell.clock.sleep(1.0)
            assert cell.controller.state is State.HELD
            assert cell.controller.reason.startswith(held)

    run_virtual(run())


def test_a_tool_that_is_missing_from_its_pocket_is_given_up_where_another_one_can_do_the_work():
    async def run() -> None:
        async with floor(always("mount_vacuum_cup", fault("TOOL_MISSING", "crib")), line=with_two_cups()) as cell:
            assert (await cell.controller.order_ended(cell.order(2))).good == 2
            assert "Held" not in cell.states()
            assert actions(cell) == ["other"]
            (asked,) = cell.controller.shop.questions.open()
            assert asked.text == (
                "vacuum_cup could not be mounted (TOOL_MISSING at crib): it is out of use, and the cell goes on "
                "without it. Is it in order?"
            )
            cell.controller.service.answer("Q-0001", "put_back")
            assert tools_refused(cell) == []

    run_virtual(run())


def test_a_sensor_that_was_silent_once_at_a_mounting_costs_no_tool():
    silent = once("mount_vacuum_cup", fault("DEVICE_SILENT", "wrist_force"))

    async def run() -> None:
        async with floor(silent, line=with_two_cups()) as cell:
            assert (await cell.controller.order_ended(cell.order(2))).good == 2
            assert actions(cell) == ["retry"]
            assert (tools_refused(cell), cell.controller.shop.questions.every()) == ([], ())

    run_virtual(run())


def tools_refused(cell: Floor) -> list[str]:
    return [view.name for view in cell.controller.snapshot().tools if view.refusal]


def test_how_many_failures_are_too_many_is_said_in_the_line():
    line = with_policy("GRIP_PART_LOST", step("retry", 9), source_uses=4, source_failures=5)

    async def run() -> None:
        async with floor(once("insert_cap", fault("GRIP_PART_LOST"), times=5), line=line) as cell:
            assert (await cell.controller.order_ended(cell.order(1))).good == 1
            assert cell.controller.shop.questions.every() == (), "never"

    run_virtual(run())


def test_a_fixture_that_may_hold_the_part_already_is_not_exchanged_but_asked_again():
    async def run() -> None:
        async with floor(once("place_body", fault("DEVICE_SILENT", "fixture_1"))) as cell:
            assert (await cell.controller.order_ended(cell.order(1))).good == 1
            assert actions(cell) == ["retry"]
            tries = [goal.lease.resources["fixture"] for goal in cell.port.goals if goal.operation == "place_body"]
            assert tries == ["fixture_1", "fixture_1"]

    run_virtual(run())


def test_a_silent_device_is_asked_again_after_pauses_in_which_others_work_and_in_the_end_a_person_is():
    def silent(goal: SkillGoal) -> SkillResult | None:
        return fault("DEVICE_SILENT", "camera_1") if goal.operation == "inspect_open" else None

    async def run() -> None:
        async with floor(silent) as cell:
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            assert actions(cell) == ["retry", "retry", "hold"]
            begun = [e for e in cell.journal.events() if e.kind == "operation.started" and e.operation == "inspect_open"]
            pauses = [later.time_s - earlier.time_s for earlier, later in pairwise(begun)]
            assert pauses == pytest.approx([cell.port.duration_s + BACK_S] * 2)
            cell.port.script = lambda goal: None
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1

    run_virtual(run())


# questions

ASK = step("ask", choices=("retry", "next_part", "scrap"), default="scrap", after_s=300.0, text="Does the cap fit?")
ASK_FOR_EVER = step("ask", choices=("retry", "scrap"))


def test_a_question_is_answered_and_the_unit_goes_on():
    async def run() -> None:
        async with floor(once("insert_cap", fault("INSERT_JAMMED")), line=with_policy("INSERT_JAMMED", ASK)) as cell:
            order = cell.order(1)
            while not cell.controller.shop.questions.open():
                await cell.clock.sleep(1.0)
            (asked,) = cell.controller.shop.questions.open()
            assert (asked.text, asked.unit, asked.operation, asked.default) == (
                "Does the cap fit?", "VLV-000001", "insert_cap", "scrap",
            )  # fmt: skip
            assert asked.consequences[1] == (
                "What the tool holds is dropped into a bin, and the work is done again with the next part."
            )
            assert cell.controller.state is State.EXECUTE
            with pytest.raises(UsageError, match="'nextpart' is no choice of Q-0001; did you mean 'next_part'"):
                cell.controller.service.answer("Q-0001", "nextpart")
            cell.controller.service.answer("Q-0001", "next_part", "ann")
            with pytest.raises(UsageError, match="question Q-0001 is settled: next_part, by ann"):
                cell.controller.service.answer("Q-0001", "scrap")
            with pytest.raises(UsageError, match="there is no question 'Q-7'. Open questions: none"):
                cell.controller.service.answer("Q-7", "scrap")
            assert (await cell.controller.order_ended(order)).good == 1
            assert actions(cell) == ["ask", "next_part"]

    run_virtual(run())


def test_the_default_is_taken_when_nobody_answers_in_cell_time():
    async def run() -> None:
        async with floor(once("insert_cap", fault("INSERT_JAMMED")), line=with_policy("INSERT_JAMMED", ASK)) as cell:
            order = await cell.controller.order_ended(cell.order(1, replace_scrapped=False))
            assert order.scrapped == 1
            asked = next(e for e in cell.journal.events() if isinstance(e, QuestionAsked))
            answered = next(e for e in cell.journal.events() if isinstance(e, QuestionAnswered))
            assert (answered.choice, answered.by) == ("scrap", "default")
            assert answered.time_s - asked.time_s == pytest.approx(300.0)

    run_virtual(run())


def test_while_one_unit_is_asked_about_the_others_go_on():
    bad = always("fasten_1", fault("FASTEN_NO_SCREW"), lambda g: g.unit != "VLV-000001")
    line = with_policy("FASTEN_NO_SCREW", ASK_FOR_EVER)

    async def run() -> None:
        async with floor(bad, line=line) as cell:
            asked_about, other = cell.order(1), cell.order(3)
            assert (await cell.controller.order_ended(other)).good == 3
            assert not cell.controller.order(asked_about).status.ended
            assert cell.controller.shop.resources.holders == {}, "with an empty hand it keeps nothing but its fixture"
            cell.port.script = lambda goal: None
            cell.controller.service.answer("Q-0001", "retry")
            assert (await cell.controller.order_ended(asked_about)).good == 1

    run_virtual(run())


def test_a_cell_that_waits_for_an_answer_can_be_held_and_stopped():
    line = with_policy("INSERT_JAMMED", ASK_FOR_EVER)

    async def run() -> None:
        async with floor(once("insert_cap", fault("INSERT_JAMMED")), line=line) as cell:
            order = cell.order(1)
            while not cell.controller.shop.questions.open():
                await cell.clock.sleep(1.0)
            cell.controller.command(Command.HOLD)
            await cell.controller.until_state(State.HELD)
            cell.controller.service.answer("Q-0001", "retry")
            await cell.clock.sleep(100.0)
            assert actions(cell) == ["ask"], "nothing moves while it is held"
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1

    run_virtual(run())


@pytest.mark.parametrize("choice", ["retry", "scrap"])
def test_an_open_question_survives_a_restart(choice: str):
    line = with_policy("FASTEN_NO_SCREW", ASK_FOR_EVER)

    async def first() -> None:
        async with floor(once("fasten_1", fault("FASTEN_NO_SCREW")), line=line, journal=journal) as cell:
            cell.order(1, replace_scrapped=False)
            while not cell.controller.shop.questions.open():
                await cell.clock.sleep(1.0)

    async def again() -> None:
        async with floor(line=line, journal=journal) as cell:
            await cell.clock.sleep(1000.0)
            assert cell.port.operations() == ["settle_arm"], "the unit waits"
            (asked,) = cell.controller.shop.questions.open()
            assert (asked.question, asked.operation) == ("Q-0001", "fasten_1")
            cell.controller.service.answer("Q-0001", choice, "ann")
            order = await cell.controller.order_ended("order-0001")
            assert (order.good, order.scrapped) == ((1, 0) if choice == "retry" else (0, 1))
            assert cell.port.operations().count("insert_cap") == 0, "nothing that was done is done again"

    with in_memory() as journal:
        run_virtual(first())
        run_virtual(again())


def test_to_wait_for_parts_is_still_possible_when_the_question_was_asked_before_a_restart():
    ask = step("ask", choices=("wait", "next_part", "scrap"))
    line = with_policy("GRIP_NOTHING_HELD", ask)

    async def first() -> None:
        async with floor(once("pick_cap", fault("GRIP_NOTHING_HELD")), line=line, journal=journal) as cell:
            cell.order(1)
            while not cell.controller.shop.questions.open():
                await cell.clock.sleep(1.0)

    async def again() -> None:
        async with floor(line=line, journal=journal, levels={"nest_2": 5}) as cell:
            cell.controller.service.answer("Q-0001", "wait", "ann")
            await cell.controller.until_state(State.SUSPENDED)
            assert cell.controller.reason == "waiting for parts: cap_white"
            assert (actions(cell), cell.controller.shop.resources.levels["nest_2"]) == (["ask", "wait"], 0)
            await cell.port.feeders["nest_2"].refill(10)
            assert (await cell.controller.order_ended("order-0001")).good == 1

    with in_memory() as journal:
        run_virtual(first())
        run_virtual(again())


def test_a_question_about_a_part_in_the_hand_falls_away_with_a_restart_and_its_chain_goes_on():
    line = with_policy("INSERT_JAMMED", ASK_FOR_EVER)

    async def first() -> None:
        async with floor(once("insert_cap", fault("INSERT_JAMMED")), line=line, journal=journal) as cell:
            cell.order(1)
            while not cell.controller.shop.questions.open():
                await cell.clock.sleep(1.0)

    async def again() -> None:
        async with floor(line=line, journal=journal) as cell:
            order = await cell.controller.order_ended("order-0001")
            assert (order.good, order.scrapped) == (1, 0)
            assert [q.by for q in cell.controller.shop.questions.every()] == ["restart"]
            assert cell.port.operations().count("pick_cap") == 0, "the part was in the hand"

    with in_memory() as journal:
        run_virtual(first())
        run_virtual(again())


# whatever happens

CODES = st.sampled_from(sorted(set(CATALOGUE) - {"JOURNAL_UNWRITABLE", "OUTCOME_UNKNOWN"}))
OPERATIONS = st.sampled_from([*VALVE.product_description.plan, *VALVE.product_description.scrap_plan])


@settings(max_examples=60)
@given(
    st.lists(st.tuples(OPERATIONS, CODES, st.integers(1, 9)), max_size=12),
    st.integers(1, 6),
    st.integers(1, 12),
    st.sampled_from(["scrap", "hold"]),
)
def test_whatever_fails_attempts_stay_within_the_budget_and_every_unit_ends(faults, per_operation, per_unit, beyond):
    """A person answers every hold by Unhold and puts everything back; a default answers every question."""
    left = [[operation, code, times] for operation, code, times in faults]

    def script(goal: SkillGoal) -> SkillResult | None:
        for entry in left:
            if entry[0] == goal.operation and entry[2] > 0:
                entry[2] -= 1
                where = next(iter(goal.lease.resources.values()))
                return fault(entry[1], where)
        return None

    budget = RecoveryBudget(per_operation=per_operation, per_unit=per_unit, beyond=beyond)
    line = VALVE.model_copy(update={"recovery_budget": budget})

    async def run() -> None:
        async with floor(script, line=line) as cell:
            order_id = cell.order(2, replace_scrapped=False)
            for _ in range(300):
                if cell.controller.order(order_id).status.ended:
                    break
                await be_the_person(cell)
            order = cell.controller.order(order_id)
            assert order.good + order.scrapped == 2, cell.controller.reason
            check_budget(cell, per_operation, per_unit)

    run_virtual(run())


async def be_the_person(cell: Floor) -> None:
    await cell.clock.sleep(700.0)
    controller = cell.controller
    for feeder in cell.port.feeders.values():
        await feeder.refill(10)
    if controller.state is State.HELD:
        for name in list(controller.shop.resources.out_of_service):
            controller.service.set_service(name, True)
        controller.command(Command.UNHOLD)
    await asyncio.sleep(0)


def check_budget(cell: Floor, per_operation: int, per_unit: int) -> None:
    """Between two words of a person nothing is repeated more often than the budget allows."""
    operations: Counter[tuple[str, str]] = Counter()
    units: Counter[str] = Counter()
    for event in cell.journal.events():
        if not isinstance(event, RecoveryDecided) or not event.unit:
            continue
        if event.action == "hold":
            operations.pop((event.unit, event.operation), None)
            units.pop(event.unit, None)
        elif event.action in REPEATING:
            operations[event.unit, event.operation] += 1
            units[event.unit] += 1
            assert operations[event.unit, event.operation] <= per_operation
            assert units[event.unit] <= per_unit


def test_a_program_that_fails_once_as_it_drops_a_part_drops_it_at_the_second_time():
    left = {"insert_cap": fault("GRIP_WRONG_WIDTH"), "drop_part": fault("SKILL_FAILED", "place")}

    async def story():
        async with floor(lambda goal: left.pop(goal.operation, None)) as cell:
            order = await cell.controller.order_ended(cell.order(1))
            assert (order.good, "Held" in cell.states()) == (1, False)
            assert cell.port.operations().count("drop_part") == 2

    run_virtual(story())


@pytest.mark.parametrize("operation", ["mount_vacuum_cup", "drop_part", "settle_arm"])
def test_a_fault_in_between_uses_up_no_tries_of_another(operation: str):
    codes = ["DEVICE_SILENT", "SENSOR_IMPLAUSIBLE", "SENSOR_IMPLAUSIBLE"]
    held = {"insert_cap": fault("GRIP_WRONG_WIDTH")}

    def script(goal: SkillGoal) -> SkillResult | None:
        if goal.operation == operation and codes:
            return fault(codes.pop(0), "arm")
        return held.pop(goal.operation, None)

    async def story():
        async with floor(script) as cell:
            cell.controller.tooling.unsettled.add("arm")
            order = await cell.controller.order_ended(cell.order(1))
            assert (order.good, codes, "Held" in cell.states()) == (1, [], False)

    run_virtual(story())


def test_a_fault_that_comes_again_and_again_holds_the_cell_whatever_others_come_in_between():
    codes = ["DEVICE_SILENT", "SENSOR_IMPLAUSIBLE"] * 3

    def script(goal: SkillGoal) -> SkillResult | None:
        return fault(codes.pop(0), "arm") if goal.operation == "mount_vacuum_cup" and codes else None

    async def story():
        async with floor(script) as cell:
            order = cell.order(1)
            await cell.controller.until_state(State.HELD)
            assert [code for _, code, action in cell.decisions() if action == "hold"] == ["DEVICE_SILENT"]
            assert codes == ["SENSOR_IMPLAUSIBLE"]
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1

    run_virtual(story())
