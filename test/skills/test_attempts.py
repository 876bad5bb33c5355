"""What a skill server remembers of its attempts, and what becomes of an attempt that was interrupted."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest
from skill_bench import SkillBench, skill_bench

from microcell.clock import run_virtual
from microcell.description.fault_schedule import ScheduledFault
from microcell.description.loader import load_line
from microcell.errors import JournalError
from microcell.faults import Fault
from microcell.measurement import Measurement
from microcell.skills import attempts
from microcell.skills.attempts import AttemptFile, AttemptLog
from microcell.skills.contract import Outcome, PartUse, SkillResult
from microcell.skills.runner import SkillRunner

RESULT = SkillResult(
    Outcome.SUCCEEDED,
    "driven",
    Fault("ARM_STOPPED", "arm", "on the way back").at("VLV-1", "fasten_1", 12.5),
    measurements=(Measurement("fasten_1.torque", 0.45, "N.m", 0.4, 0.5, source="screwdriver"),),
    failed_checks=("a",),
    duration_s=3.5,
    parts=(PartUse("screw", "L1"),),
)


def test_another_program_finds_in_the_file_what_was_written(tmp_path: Path):
    path = tmp_path / "log"
    first = AttemptFile(path)
    first.write("s:1.1", "begun")
    first.write("s:1.2", "begun")
    first.write("s:1.2", "checked")
    first.write("s:1.2", "note", {"presented": ["screw", "L1"]})
    first.write("s:1.2", "taken", PartUse("screw", "L1"))
    first.write("s:1.2", "done", RESULT)
    first.write("s:1.1", "ended", RESULT)
    again = AttemptFile(path)
    begun, done = again.of("s:1.1"), again.of("s:1.2")
    assert begun is not None and (begun.checked, begun.ended) == (False, RESULT)
    assert done is not None and (done.checked, done.done, done.ended) == (True, RESULT, None)
    assert (done.taken, done.notes) == ([PartUse("screw", "L1")], {"presented": ["screw", "L1"]})


def test_an_attempt_that_the_log_would_know_was_never_begun(tmp_path: Path):
    log = AttemptFile(tmp_path / "log")
    log.write("s:1.1", "begun")
    assert log.of("s:1.2") is None and log.covers("s:1.2")
    assert not log.covers("another:1.2")


def test_a_torn_last_line_is_no_fact_and_is_mended(tmp_path: Path):
    path = tmp_path / "log"
    AttemptFile(path).write("s:1.1", "begun")
    with path.open("a") as file:
        file.write('{"attempt":"s:1.1","what":"che')
    log = AttemptFile(path)
    assert log.of("s:1.1") is not None and not log.of("s:1.1").checked
    log.write("s:1.1", "checked")
    assert AttemptFile(path).of("s:1.1").checked


def test_a_fact_that_the_full_disk_cut_off_does_not_spoil_the_next_one(tmp_path: Path):
    path = tmp_path / "log"
    log = AttemptFile(path)
    log.write("s:1.1", "begun")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(JournalError, match="the attempts cannot be kept"):
            log.write("s:1.1", "ended", RESULT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    log.write("s:1.2", "checked")
    again = AttemptFile(path)
    assert again.of("s:1.1").ended is None and again.of("s:1.2").checked


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(attempts, "KEPT", 3)
    monkeypatch.setattr(attempts, "LINES", 10)
    log = AttemptFile(tmp_path / "log")
    for number in range(50):
        log.write(f"s:1.{number}", "begun")
        log.write(f"s:1.{number}", "checked")
    assert len((tmp_path / "log").read_text().splitlines()) <= 11
    assert AttemptFile(tmp_path / "log").of("s:1.49").checked
    assert AttemptFile(tmp_path / "log").of("s:1.46") is None


def test_what_cannot_be_kept_is_said(tmp_path: Path):
    log = AttemptFile(tmp_path / "log")
    (tmp_path / "log").unlink()
    (tmp_path / "log").mkdir()
    with pytest.raises(JournalError, match="the attempts cannot be kept in '"):
        log.write("s:1.1", "begun")


async def interrupted(bench: SkillBench, operation: str, after_s: float, log: AttemptLog, **told: object) -> SkillResult:
    """How an operation stands whose program died so long after its begin, without a word to the devices."""
    goal = bench.goal(operation)
    running = asyncio.ensure_future(bench.runner.execute(goal))
    await bench.clock.sleep(after_s)
    assert not running.done()
    again = SkillRunner(bench.line, bench.clock, bench.devices, log)
    return await again.settle(goal)


def test_without_memory_nobody_can_know():
    async def story() -> SkillResult:
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            return await interrupted(bench, "pick_body", 1.5, AttemptLog())

    result = run_virtual(story())
    assert (result.outcome, result.fault.code) == (Outcome.FAULT, "OUTCOME_UNKNOWN")
    assert result.fault.detail.startswith("nothing is remembered of attempt ")


def test_an_attempt_that_was_never_begun_is_not_done():
    async def story() -> SkillResult:
        async with skill_bench() as bench:
            log = AttemptLog()
            log.write("other", "begun")
            return await SkillRunner(bench.line, bench.clock, bench.devices, log).settle(bench.goal("pick_body"))

    result = run_virtual(story())
    assert (result.outcome, result.fault.code) == (Outcome.CANCELLED, "SKILL_CANCELLED")
    assert result.fault.detail == "interrupted; it had not begun"


def test_a_result_that_is_remembered_is_told_and_nothing_is_asked_of_the_devices():
    async def story() -> SkillResult:
        async with skill_bench() as bench:
            log, goal = AttemptLog(), bench.goal("pick_body")
            log.write(goal.attempt_id, "ended", RESULT)
            return await SkillRunner(bench.line, bench.clock, {}, log).settle(goal)

    assert run_virtual(story()) == RESULT


def test_a_part_that_is_held_across_when_the_program_dies_is_not_taken_for_a_good_pick():
    async def story() -> SkillResult:
        async with skill_bench(line=load_line("controller")) as bench:
            await bench.mount("parallel_gripper")
            bench.plant.injections.schedule(ScheduledFault(fault="feeder.turned_part", where="nest_4"))
            log, goal = AttemptLog(), bench.goal("pick_cover", "CTL-1", "eu", other_grasp=1)
            dying = asyncio.ensure_future(SkillRunner(bench.line, bench.clock, bench.devices, log).execute(goal))
            while not bench.held():
                assert not dying.done()
                await bench.clock.sleep(0.05)
            return await SkillRunner(bench.line, bench.clock, bench.devices, log).settle(goal)

    result = run_virtual(story())
    assert (result.outcome, result.fault.code) == (Outcome.FAULT, "GRIP_WRONG_WIDTH")
    assert result.fault.detail == "it lay turned by a quarter in nest_4, and is held across"
