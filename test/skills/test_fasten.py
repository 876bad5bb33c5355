"""Fasten: a screw from the feeder into its thread, judged by torque and angle."""

from __future__ import annotations

import asyncio
import math

import pytest
from skill_bench import line_with, skill_bench

from microcell import plugins
from microcell.clock import run_virtual
from microcell.description.fault_schedule import ScheduledFault

READY = ("pick_body", "place_body", "pick_cap", "insert_cap")
SEAT_RAD = 0.0036 / 0.00045 * 2 * math.pi


def fasten(line=None, seed=1, times=1, **parameters):
    async def story():
        async with skill_bench(seed, line) as bench:
            await bench.operations(*READY)
            results = [await bench.operation("fasten_1", **parameters) for _ in range(times)]
            return results, bench.plant.unit_at("fixture_1"), bench.held()

    return run_virtual(story())


def test_a_good_screw_reaches_its_torque_at_the_expected_angle():
    (result,), unit, held = fasten()
    torque, angle, torque_time = result.measurements
    assert 0.0 < torque_time.value < torque.value * angle.value / 30.0, "it turns at 30 rad/s, mostly with less torque"
    assert torque.value == pytest.approx(0.45)
    assert angle.value == pytest.approx(SEAT_RAD + 0.40 / 0.35, abs=0.01)
    assert (angle.lower, angle.upper) == pytest.approx((SEAT_RAD * 0.85, SEAT_RAD * 1.15 + 0.45 / 0.35))
    assert (unit.parts["screw_1"], unit.defects, held) == ("screw_m2_5x8", (), "")
    assert [part.part for part in result.parts] == ["screw_m2_5x8"]


def test_a_crossed_screw_is_backed_out_and_thrown_away():
    async def story():
        async with skill_bench(line=line_with(cross_thread_ratio=1.0)) as bench:
            await bench.operations(*READY)
            result = await bench.fault("fasten_1")
            count = await bench.devices["reject_bin"].count()
            return result, bench.plant.unit_at("fixture_1"), bench.held(), count

    result, unit, held, count = run_virtual(story())
    assert result.fault.code == "FASTEN_CROSS_THREADED"
    assert "seat at 50.3 rad" in result.message
    assert "screw_1" not in unit.parts
    assert (held, count) == ("", 1)
    assert [part.lot for part in result.parts] == ["screws_1-L0001"]
    assert result.thrown_away


def test_a_screw_of_which_the_torque_is_told_wrong_is_told_as_thrown_away():
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY)
            wrong = ScheduledFault(fault="screwdriver.wrong_torque", where="screwdriver", times=10)
            bench.plant.injections.schedule(wrong)
            return await bench.fault("fasten_1"), await bench.devices["reject_bin"].count()

    result, count = run_virtual(story())
    assert (result.fault.code, len(result.parts), result.thrown_away, count) == ("SENSOR_IMPLAUSIBLE", 1, True, 1)


def test_driving_again_heals_most_crossed_screws():
    (result,), unit, _ = fasten(line_with(cross_thread_ratio=0.5), redrives=5)
    assert result.fault is None, result.message
    assert unit.defects == ()


def test_a_screw_still_on_the_bit_after_a_cancel_is_used_first():
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY)
            await bench.mount("screwdriver")
            running = asyncio.ensure_future(bench.run(bench.goal("fasten_1")))
            await bench.clock.sleep(3.0)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            held = bench.held()
            return held, await bench.operation("fasten_1")

    held, result = run_virtual(story())
    assert held == "screw_m2_5x8"
    assert (result.fault, result.parts) == (None, ())


def test_without_a_bin_a_crossed_screw_stays_on_the_bit():
    line = line_with(cross_thread_ratio=1.0)
    devices = {k: v for k, v in line.cell_description.devices.items() if k != "reject_bin"}
    cell = line.cell_description.model_copy(update={"devices": devices})
    (result,), _, held = fasten(line.model_copy(update={"cell_description": cell}))
    assert (result.fault.code, held, result.thrown_away) == ("FASTEN_CROSS_THREADED", "screw_m2_5x8", False)


def test_a_screw_out_of_its_place_is_not_taken():
    (result,), _, held = fasten(line_with({"screws_1": {"scatter_m": 0.01}}))
    assert (result.fault.code, result.parts, held) == ("FASTEN_NO_SCREW", (), "")


def test_a_screw_that_falls_before_the_bit_has_seen_it_is_told_as_taken():
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY)
            await bench.mount("screwdriver")
            driver, plant = bench.devices["screwdriver"], bench.plant
            sees = driver.has_screw

            async def falls() -> bool:
                if held := plant.bench.held(plant.bench.tools["screwdriver"]):
                    plant.bench.lose(held, held.pose, "fell from the bit")
                return await sees()

            driver.has_screw = falls
            return await bench.fault("fasten_1")

    result = run_virtual(story())
    assert (result.fault.code, [part.lot for part in result.parts]) == ("FASTEN_NO_SCREW", ["screws_1-L0001"])


def test_a_second_screw_for_the_same_thread_does_not_seat():
    (_, second), unit, held = fasten(times=2)
    assert second.fault.code == "FASTEN_NOT_SEATED"
    assert "0.00 N.m at" in second.message
    assert (unit.parts["screw_1"], held) == ("screw_m2_5x8", "")


def test_a_site_without_a_thread_is_refused():
    (result,), _, _ = fasten(site="label_area")
    assert result.fault.code == "SKILL_REFUSED"
    assert "the site 'label_area' has no thread" in result.message


def test_an_item_that_is_no_screw_is_refused():
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY)
            await bench.mount("screwdriver")
            lease = bench.goal("fasten_1").lease
            goal = bench.goal("fasten_1")
            changed = {**goal.parameters, "item": "cap"}
            lease.resources["feeder"] = "nest_2"
            return await bench.run(type(goal)("fasten", "u", "adult", "f", "x", changed, lease))

    assert "the item 'cap' is no screw" in run_virtual(story()).message


@pytest.mark.parametrize("step", range(12))
def test_a_screw_that_a_cancel_left_half_driven_is_thrown_away_and_another_driven(step):
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY)
            await bench.mount("screwdriver")
            running = asyncio.ensure_future(bench.operation("fasten_1"))
            await bench.clock.sleep(2.8 + 0.09 * step)
            running.cancel()
            await asyncio.wait([running])
            (result,) = await bench.operations("fasten_1")
            return result, bench.plant.unit_at("fixture_1"), bench.held(), bench.plant.stations.in_bin("reject_bin")

    result, unit, held, thrown_away = run_virtual(story())
    assert result.message.startswith("screw_1: 0.45 N.m at ")
    assert (unit.parts["screw_1"], unit.defects, held) == ("screw_m2_5x8", (), "")
    assert thrown_away in (0, 1)
    assert not result.thrown_away  # but the one before


def test_a_repeated_attempt_feels_first_and_leaves_a_screw_that_is_in():
    results, unit, held = fasten(times=2, feel_first=True)
    assert results[0].message.startswith("screw_1: 0.45 N.m at 51.4 rad")
    assert results[1].message == "screw_1: the screw was in already, 0.45 N.m"
    assert (results[1].parts, unit.defects, held) == ((), (), "")


def test_a_repeated_attempt_turns_out_a_screw_that_stands_proud():
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY)
            await bench.mount("screwdriver")
            running = asyncio.ensure_future(bench.run(bench.goal("fasten_1", speed_rad_s=10.0)))
            while not any(feedback.phase == "drive" for feedback in bench.said):
                await bench.clock.sleep(0.1)
            await bench.clock.sleep(2.0)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await bench.succeed(bench.goal_of("park", {}))
            return await bench.operation("fasten_1", feel_first=True), bench.plant.unit_at("fixture_1"), bench.held()

    result, unit, held = run_virtual(story())
    assert (result.fault, unit.defects, held) == (None, (), "")
    assert unit.parts["screw_1"] == "screw_m2_5x8"


@pytest.mark.parametrize(("code", "feels"), [("SKILL_TIMEOUT", True), ("ARM_STOPPED", True), ("FASTEN_NO_SCREW", False)])
def test_it_is_felt_first_only_where_the_fault_does_not_tell(code, feels):
    assert plugins.skill("fasten").repeated({}, code).get("feel_first", False) is feels
