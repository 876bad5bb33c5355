"""The runner: every attempt ends in one result, and nothing is left moving."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from skill_bench import SkillBench, skill_bench, valve_line

from microcell import plugins
from microcell.clock import run_virtual
from microcell.faults import FaultError
from microcell.skills.arm_skill import ArmSkill
from microcell.skills.contract import Lease, Needs, Outcome, PartUse, SkillResult

GENEROUS_S = 60.0


class Scripted(ArmSkill):
    """A skill whose body is given by the test."""

    name = "scripted"
    family = "assembly"
    summary = "Does what a test says."
    Parameters = plugins.skill("pack").Parameters
    faults = ()
    body = None

    @classmethod
    def needs(cls, line, variant, parameters):
        return Needs(("arm",))

    @classmethod
    def expected_s(cls, parameters):
        return 2.0

    async def run(self, context):
        await type(self).body(context)
        return SkillResult(Outcome.SUCCEEDED, "done")


def run_body(monkeypatch, body, attempts=1):
    """Run a body as a skill; the results, the time it took, and which devices were stopped."""
    valve_line()  # is checked against the skills that there are, so before one takes the place of all
    monkeypatch.setattr(Scripted, "body", staticmethod(body))
    monkeypatch.setattr(plugins, "skill", lambda name: Scripted)

    async def story():
        async with skill_bench() as bench:
            stopped = []
            for name, device in bench.devices.items():
                device.stop = noted(stopped, name)
            goal = bench.goal_of("scripted", {}, operation="op")
            results = [await bench.run(goal) for _ in range(attempts)]
            return results, bench.clock.now(), stopped

    return run_virtual(story())


def noted(names, name):
    async def stop():
        names.append(name)

    return stop


def test_a_fault_keeps_its_code_and_gets_unit_operation_and_time(monkeypatch):
    async def body(context):
        await context.clock.sleep(3.0)
        raise FaultError("FEEDER_JAMMED", "nest_1", "a body stands across")

    (result,), _, _ = run_body(monkeypatch, body)
    assert result.outcome is Outcome.FAULT
    assert (result.fault.code, result.fault.where, result.fault.detail) == (
        "FEEDER_JAMMED",
        "nest_1",
        "a body stands across",
    )
    assert (result.fault.unit, result.fault.operation, result.fault.time_s) == ("VLV-1", "op", 3.0)
    assert result.duration_s == 3.0
    assert result.message == str(result.fault)


def test_a_mistake_in_a_skill_is_a_fault_with_its_type_and_text(monkeypatch, caplog):
    async def body(context):
        raise KeyError("lid")

    (result,), _, stopped = run_body(monkeypatch, body)
    assert result.fault.code == "SKILL_FAILED"
    assert result.fault.detail == "KeyError: 'lid'"
    assert "arm" in stopped
    assert "skill scripted failed at operation op of VLV-1" in caplog.text
    assert "Traceback" in caplog.text


def test_a_skill_that_does_not_end_is_stopped(monkeypatch):
    async def body(context):
        await context.clock.sleep(1e6)

    (result,), took_s, stopped = run_body(monkeypatch, body)
    assert result.fault.code == "SKILL_TIMEOUT"
    assert "not ended after 40 s" in result.message
    assert took_s == pytest.approx(40.0)
    assert stopped[0] == "arm"
    assert "screwdriver" in stopped


def test_after_a_fault_the_leased_devices_and_the_tools_are_stopped(monkeypatch):
    async def body(context):
        raise FaultError("ARM_DEVIATION", "arm")

    _, _, stopped = run_body(monkeypatch, body)
    assert sorted(stopped) == ["arm", "parallel_gripper", "screwdriver", "vacuum_cup"]


def test_a_device_that_does_not_even_stop_hides_neither_the_first_fault_nor_keeps_others_going(monkeypatch, caplog):
    async def body(context):
        context.devices["arm"].stop = silent
        raise FaultError("ARM_DEVIATION", "arm")

    async def silent():
        raise FaultError("DEVICE_SILENT", "arm")

    (result,), _, stopped = run_body(monkeypatch, body)
    assert result.fault.code == "ARM_DEVIATION"
    assert sorted(stopped) == ["parallel_gripper", "screwdriver", "vacuum_cup"]
    assert "the devices of scripted could not be made safe" in caplog.text


def test_parts_taken_before_a_fault_are_told(monkeypatch):
    async def body(context):
        context.taken.append(PartUse("body", "L1"))
        raise FaultError("GRIP_PART_LOST", "gripper")

    (result,), _, _ = run_body(monkeypatch, body)
    assert result.parts == (PartUse("body", "L1"),)


def test_a_repeated_goal_gets_the_stored_result_and_moves_nothing(monkeypatch):
    times = []

    async def body(context):
        times.append(context.clock.now())
        await context.clock.sleep(1.0)

    results, took_s, _ = run_body(monkeypatch, body, attempts=3)
    assert results[0] is results[1] is results[2]
    assert (times, took_s) == ([0.0], 1.0)


def test_a_goal_repeated_while_it_runs_waits_for_the_same_end():
    async def story():
        async with skill_bench() as bench:
            goal = bench.goal_of("change_tool", {"tool": "vacuum_cup"})
            first, second = await asyncio.gather(bench.run(goal), bench.run(goal))
            return first is second, bench.plant.coupling.serial_on("arm")

    assert run_virtual(story()) == (True, "VC-0012")


def refused(change):
    async def story():
        async with skill_bench() as bench:
            goal = change(bench.goal("pick_body"))
            return await bench.run(goal), bench.clock.now()

    result, took_s = run_virtual(story())
    assert result.fault.code == "SKILL_REFUSED"
    assert took_s == 0.0
    return result.fault.detail


def test_wrong_parameters_are_refused_all_at_once():
    detail = refused(lambda goal: replace(goal, parameters={"item": "Body", "speed": 1, "speed_m_s": 3.0}))
    assert "speed: Extra inputs are not permitted (1)" in detail
    assert "speed_m_s: Input should be less than or equal to 0.5 (3.0)" in detail
    assert "item: String should match pattern" in detail


def test_an_unknown_skill_is_refused_with_the_near_match():
    assert "no skill 'pickk'; did you mean 'pick'?" in refused(lambda goal: replace(goal, skill="pickk"))


def test_a_lease_without_a_needed_kind_is_refused():
    detail = refused(lambda goal: replace(goal, lease=Lease("me", {"arm": "arm"})))
    assert detail == "the lease has no feeder"


def test_a_lease_of_a_device_that_does_not_exist_is_refused():
    detail = refused(lambda goal: replace(goal, lease=Lease("me", {"arm": "arm_9", "feeder": "nest_1"})))
    assert detail == "there is no device 'arm_9'"


def test_an_item_that_the_product_does_not_have_is_refused():
    detail = refused(lambda goal: replace(goal, parameters={"item": "lid"}))
    assert detail == "the product has no 'lid'"


def test_all_shipped_skills_are_offered():
    async def story():
        async with skill_bench() as bench:
            return await bench.runner.offered()

    shipped = {"pick", "place", "insert", "fasten", "inspect", "label", "pack", "change_tool"}
    assert shipped <= run_virtual(story())


async def cancelled_after(bench: SkillBench, goal, delay_s: float) -> bool:
    """Cancel a goal after a while; False when it had ended before."""
    running = asyncio.ensure_future(bench.run(goal))
    await bench.clock.sleep(delay_s)
    if running.done():
        return False
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    return True


def sits(bench: SkillBench, site: str) -> bool:
    """Whether a part is seated in a site of the unit in the fixture."""
    unit = bench.plant.unit_at("fixture_1")
    return site in unit.parts and not unit.defects


@pytest.mark.parametrize("operation", ["pick_cap", "insert_cap", "fasten_1", "label_unit", "pack_unit"])
def test_cancelled_at_any_time_the_arm_is_still_and_what_is_held_stays_held(operation):
    before = {
        "pick_cap": (),
        "insert_cap": ("pick_body", "place_body", "pick_cap"),
        "fasten_1": ("pick_body", "place_body", "pick_cap", "insert_cap"),
        "label_unit": ("pick_body", "place_body", "pick_cap", "insert_cap"),
        "pack_unit": ("pick_body", "place_body", "pick_unit"),
    }
    after = {
        "insert_cap": lambda bench: sits(bench, "cap_seat"),
        "fasten_1": lambda bench: sits(bench, "screw_1"),
        "label_unit": lambda bench: sits(bench, "label_area"),
        "pack_unit": lambda bench: bench.plant.carton_contents() != {},
    }
    tool = {"fasten_1": "screwdriver", "label_unit": "vacuum_cup"}.get(operation, "parallel_gripper")

    async def cancel_at(delay_s):
        async with skill_bench() as bench:
            await bench.operations(*before[operation])
            if bench.tool != tool:
                await bench.mount(tool)
            goal = bench.goal(operation)
            if not await cancelled_after(bench, goal, delay_s):
                return False
            arm = bench.plant.bench.arm("arm")
            there, held = arm.joints(), bench.held()
            assert arm.moving is False
            assert not bench.plant.tool(tool).driving
            losses = len(bench.plant.inventory.losses)
            await bench.clock.sleep(GENEROUS_S)
            assert arm.joints() == there
            assert bench.held() == held
            assert len(bench.plant.inventory.losses) == losses
            stored = await bench.run(goal)
            assert stored.fault.code == "SKILL_CANCELLED"
            done = bool(held) if operation == "pick_cap" else not held and after[operation](bench)
            if done and operation == "fasten_1":  # a screw may be seated before it is tight
                assert stored.outcome in (Outcome.SUCCEEDED, Outcome.CANCELLED)
            else:
                assert stored.outcome is (Outcome.SUCCEEDED if done else Outcome.CANCELLED)
            assert stored.duration_s == pytest.approx(delay_s)
            assert arm.joints() == there
            return True

    cancelled = [run_virtual(cancel_at(0.07 + 0.31 * step)) for step in range(24)]
    assert cancelled[0] is True
    assert sum(cancelled) >= 7


def test_after_a_cancel_the_cell_works_on():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            await cancelled_after(bench, bench.goal("pick_body"), 1.0)
            await bench.operations("pick_body", "place_body")
            return bench.plant.unit_at("fixture_1").parts

    assert run_virtual(story()) == {"body_seat": "body"}
