"""A bead is laid once: broken off at any instant, by a cancel, a fault or a kill, no second one is laid over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache, partial

import pytest
from skill_bench import SkillBench, skill_bench

from microcell.clock import run_virtual
from microcell.description.fault_schedule import ScheduledFault
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.plant.injection import Injection
from microcell.skills.attempts import AttemptLog
from microcell.skills.contract import Outcome, SkillGoal, SkillResult
from microcell.skills.runner import SkillRunner

BEFORE = ("pick_tray", "place_tray", "pick_sole_left", "lay_sole_left", "pick_sole_right", "lay_sole_right")
OPENED_S, LAID_S = 1.4, 4.0
"""The valve is open from the one to the other, from the operation's start on."""


@cache
def shoes() -> Line:
    return load_line("footwear")


def beads(bench: SkillBench) -> int:
    """Beads on the left sole."""
    return sum(item.place.slot == "left_cement" for item in bench.plant.inventory if item.place.kind == "unit")


def on_soles(story: Callable[[SkillBench, SkillGoal], object]):  # type: ignore[no-untyped-def]
    """Tell a story of the left sole's bead."""

    async def told() -> object:
        async with skill_bench(line=shoes()) as bench:
            await bench.operations(*BEFORE, unit="SHO-1", variant="red_20")
            await bench.mount("dispenser")
            return await story(bench, bench.goal("cement_left", "SHO-1", "red_20"))  # type: ignore[misc]

    return run_virtual(told())


async def cancelled(runner: SkillRunner, goal: SkillGoal, bench: SkillBench, after_s: float) -> None:
    running = asyncio.ensure_future(runner.execute(goal))
    await bench.clock.sleep(after_s)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def is_whole(bench: SkillBench) -> bool:
    unit = bench.plant.unit_at("fixture_1")
    return beads(bench) == 1 and not unit.defects


@pytest.mark.parametrize("after_s", [0.5 + 0.25 * step for step in range(18)])
def test_cancelled_at_any_time_it_ends_tried_again_whole_or_as_scrap(after_s: float):
    async def story(bench: SkillBench, goal: SkillGoal) -> tuple[SkillResult, bool]:
        await cancelled(bench.runner, goal, bench, after_s)
        kept = await bench.run(goal)
        if kept.outcome is Outcome.CANCELLED:
            assert beads(bench) == 0
            await bench.succeed(bench.goal("cement_left", "SHO-1", "red_20"))
        return kept, is_whole(bench)

    kept, whole = on_soles(story)
    if kept.outcome is Outcome.FAULT:
        assert kept.fault.code == "DISPENSE_BROKEN_OFF"
        assert kept.fault.detail.startswith("broken off on left_cement: of 300.000 g 299.")
        assert "; after SKILL_CANCELLED" in kept.message
    else:
        assert whole
    if OPENED_S + 0.5 < after_s < LAID_S - 0.5:
        assert kept.outcome is Outcome.FAULT
    if not OPENED_S - 0.5 < after_s < LAID_S + 0.5:
        assert kept.outcome is not Outcome.FAULT


def test_a_motion_that_is_broken_off_on_the_way_is_scrap_and_on_the_way_there_is_tried_again():
    async def story(bench: SkillBench, goal: SkillGoal, nth: int) -> tuple[str, str, int]:
        bench.plant.injections.schedule(ScheduledFault(fault="arm.stopped", where="arm", nth=nth))
        result = await bench.run(goal)
        return result.fault.code if result.fault else "", result.message, beads(bench)

    there, down, along, back = (on_soles(partial(story, nth=nth)) for nth in (1, 3, 4, 5))
    assert (there[0], down[0], along[0], back[0]) == ("ARM_STOPPED", "ARM_STOPPED", "DISPENSE_BROKEN_OFF", "ARM_STOPPED")
    assert [laid for _, _, laid in (there, down, along, back)] == [0, 0, 1, 1]
    assert "; after ARM_STOPPED at arm" in along[1]
    assert back[1].startswith("0.991 g on left_cement; then ARM_STOPPED")


def test_a_meter_that_did_not_answer_once_is_asked_again_about_the_whole_bead():
    async def story(bench: SkillBench, goal: SkillGoal) -> tuple[SkillResult, bool]:
        bench.plant.injections.add(Injection("dispenser", "close", "DEVICE_SILENT"))
        return await bench.run(goal), is_whole(bench)

    result, whole = on_soles(story)
    assert (result.outcome, result.fault.code, whole) == (Outcome.SUCCEEDED, "DEVICE_SILENT", True)
    assert [m.name for m in result.measurements] == ["cement_left.mass"]


def test_of_a_bead_that_was_begun_and_cannot_be_looked_at_nobody_knows():
    async def story(bench: SkillBench, goal: SkillGoal) -> SkillResult:
        bench.plant.injections.add(Injection("dispenser", "close", "DEVICE_SILENT"))
        bench.plant.injections.add(Injection("dispenser", "dispensed", "DEVICE_SILENT", nth=2))
        return await bench.run(goal)

    result = on_soles(story)
    assert result.fault.code == "OUTCOME_UNKNOWN"
    assert "a bead was begun, and cannot be looked at: DEVICE_SILENT at dispenser" in result.fault.detail


@pytest.mark.parametrize(("after_s", "ends"), [(0.5, "SKILL_CANCELLED"), (2.5, "DISPENSE_BROKEN_OFF"), (LAID_S + 0.5, "")])
def test_after_a_kill_nozzle_and_meter_tell_how_far_it_came(after_s: float, ends: str):
    async def story(bench: SkillBench, goal: SkillGoal) -> tuple[SkillResult, int]:
        log = AttemptLog()
        dying = asyncio.ensure_future(SkillRunner(bench.line, bench.clock, bench.devices, log).execute(goal))
        await bench.clock.sleep(after_s)
        dead, log.write = log.write, lambda *fact: None  # type: ignore[method-assign]
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        log.write = dead  # type: ignore[method-assign]
        return await SkillRunner(bench.line, bench.clock, bench.devices, log).settle(goal), beads(bench)

    result, laid = on_soles(story)
    assert (result.fault.code if result.fault else "", laid) == (ends, int(after_s > 1.0))
