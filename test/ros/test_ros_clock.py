"""Cell time from the messages of a simulation's clock."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from in_ros import in_ros
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from microcell.ros import qos
from microcell.ros.clock import RosClock, ScaledClock, TickedTime
from microcell.ros.convert_skills import stamp
from microcell.ros.runtime import RosRuntime


def ticked(rate: float, ticks: int = 20, period_s: float = 0.04, start_s: float = 100.0) -> TickedTime:
    """Time after some evenly delivered ticks; the last one came at (ticks - 1) * period_s."""
    found = TickedTime()
    for k in range(ticks):
        found.tick(start_s + rate * k * period_s, k * period_s)
    return found


def test_between_two_ticks_time_runs_on_at_the_observed_rate():
    found = ticked(rate=10.0)
    last_s = 19 * 0.04
    assert found.rate == pytest.approx(10.0)
    assert found.at(last_s) == pytest.approx(100.0 + 10.0 * last_s)
    assert found.at(last_s + 0.02) == pytest.approx(100.0 + 10.0 * (last_s + 0.02))


def test_time_does_not_run_past_what_the_next_tick_should_bring():
    found = ticked(rate=10.0)
    last_s = 19 * 0.04
    assert found.at(last_s + 60.0) == pytest.approx(100.0 + 10.0 * (last_s + 0.04))


def test_after_a_jump_back_time_goes_on_from_where_it_was():
    found = ticked(rate=10.0)
    before = found.at(0.76)
    found.tick(3.0, 0.80)
    assert found.at(0.80) == pytest.approx(before, abs=0.5)
    for k in range(1, 20):
        found.tick(3.0 + 10.0 * k * 0.04, 0.80 + k * 0.04)
    assert found.rate == pytest.approx(10.0)
    assert found.at(0.80 + 19 * 0.04) == pytest.approx(before + 19 * 0.4, abs=0.5)
    assert found.back_s == pytest.approx(107.6 - 3.0)


def test_time_that_comes_from_two_sources_is_known_and_a_simulation_that_is_started_again_is_not_taken_for_it():
    found = ticked(rate=1.0)
    found.tick(3.0, 0.80)
    found.tick(3.04, 0.84)
    assert not found.torn
    for k in range(3):
        found.tick(1_000_000.0 + 0.04 * k, 0.88 + 0.04 * k)
        found.tick(3.08 + 0.04 * k, 0.89 + 0.04 * k)
    assert found.torn


def test_a_jump_ahead_is_taken_at_once_and_does_not_spoil_the_rate():
    found = ticked(rate=1.0)
    found.tick(5000.0, 0.80)
    assert found.at(0.80) == 5000.0
    found.tick(5000.04, 0.84)
    assert found.rate == pytest.approx(1.0)
    assert found.at(0.86) == pytest.approx(5000.06)


def test_time_that_stands_still_at_its_source_stands_still():
    found = ticked(rate=1.0)
    held = found.at(0.76)
    for k in range(20, 60):
        found.tick(100.0 + 0.76, k * 0.04)
    assert found.rate == 0.0
    assert found.at(3.0) == pytest.approx(held, abs=0.05)


@given(st.lists(st.tuples(st.floats(-5.0, 5.0), st.floats(0.001, 0.2), st.floats(0.0, 0.5)), min_size=1, max_size=40))
def test_time_never_runs_backwards_whatever_the_source_does(steps):
    found, source_s, wall_s, shown = TickedTime(), 50.0, 0.0, 0.0
    for step_s, period_s, later_s in steps:
        source_s, wall_s = max(0.0, source_s + step_s), wall_s + period_s
        found.tick(source_s, wall_s)
        for asked_s in (wall_s, wall_s + later_s * period_s):
            now = found.at(asked_s)
            assert now >= shown
            shown = now


async def simulate(runtime: RosRuntime, rate: float, start_s: float) -> None:
    """Publish /clock at 50 Hz until cancelled."""
    node = runtime.create_node("simulation", parameter_overrides=[Parameter("use_sim_time", value=False)])
    publisher = node.create_publisher(Clock, "/clock", qos.CLOCK)
    begun_s = time.monotonic()
    while True:
        publisher.publish(Clock(clock=stamp(start_s + rate * (time.monotonic() - begun_s))))
        await asyncio.sleep(0.02)


def simulated(runtime: RosRuntime) -> RosClock:
    node = runtime.create_node("listener", parameter_overrides=[Parameter("use_sim_time", value=True)])
    return RosClock(node)


@in_ros
async def test_a_sleeper_wakes_when_the_simulation_has_come_so_far(runtime):
    clock = simulated(runtime)
    assert clock.now() == 0.0
    simulation = asyncio.ensure_future(simulate(runtime, 8.0, 1000.0))
    await clock.started()
    assert clock.epoch_s == pytest.approx(1000.0, abs=5.0)
    begun_s = clock.now()
    await clock.sleep(4.0)
    assert clock.now() - begun_s >= 4.0
    assert 2.0 < clock.rate < 32.0
    assert clock.wall_s(8.0) == pytest.approx(8.0 / clock.rate)
    simulation.cancel()


@in_ros
async def test_two_simulations_in_one_domain_are_told_of_by_name(runtime, capfd):
    clock = simulated(runtime)
    simulations = [asyncio.ensure_future(simulate(runtime, 1.0, start_s)) for start_s in (1000.0, 2000.0)]
    told = ""
    while "/clock is published by more than one program (/simulation, /simulation)" not in told:
        await asyncio.sleep(0.05)
        told += capfd.readouterr().err
    assert clock.simulated
    for simulation in simulations:
        simulation.cancel()


@in_ros
async def test_ticks_do_not_come_through_the_executor_that_serves_the_node(runtime):
    node = runtime.create_node("listener", parameter_overrides=[Parameter("use_sim_time", value=True)])
    assert "/clock" not in [heard.topic_name for heard in node.subscriptions]
    simulation = asyncio.ensure_future(simulate(runtime, 1.0, 1000.0))
    await RosClock(node).started()
    assert 1000.0 <= node.get_clock().now().nanoseconds / 1e9 < 1100.0
    simulation.cancel()


@in_ros
async def test_sleepers_survive_a_simulation_that_is_started_again(runtime):
    clock = simulated(runtime)
    simulation = asyncio.ensure_future(simulate(runtime, 5.0, 1000.0))
    await clock.started()
    begun_s = clock.now()
    sleeping = asyncio.ensure_future(clock.sleep(3.0))
    await clock.sleep(1.0)
    simulation.cancel()
    simulation = asyncio.ensure_future(simulate(runtime, 5.0, 10.0))
    await sleeping
    assert clock.now() - begun_s >= 3.0
    while clock.epoch_s > 100.0:  # until the second one is heard, should the first have gone on for so long
        await asyncio.sleep(0.01)
    simulation.cancel()


@in_ros
async def test_without_simulated_time_the_clock_is_the_systems(runtime):
    clock = RosClock(runtime.create_node("listener"))
    await clock.started()
    begun_s = clock.now()
    await clock.sleep(0.05)
    assert clock.now() - begun_s >= 0.05
    before_s = time.time()
    assert before_s - 0.01 <= clock.epoch_s + clock.now() <= time.time() + 0.01
    assert clock.rate == 1.0


@in_ros
async def test_a_system_whose_clock_is_set_back_does_not_stop_the_cells_time(runtime, monkeypatch):
    clock, right, set_s = RosClock(runtime.create_node("listener")), time.time, 0.0
    monkeypatch.setattr("microcell.ros.clock.time.time", lambda: right() + set_s)
    before_s = clock.now()
    for step_s in (-3600.0, -1.5):
        set_s += step_s
        wall_s = time.monotonic()
        started_s = clock.now()
        assert started_s == pytest.approx(before_s, abs=1.0)
        await asyncio.sleep(0.2)
        passed_s = time.monotonic() - wall_s
        assert clock.now() - started_s == pytest.approx(passed_s, abs=0.05)
        assert clock.epoch_s + clock.now() == pytest.approx(time.time(), abs=0.05)
        before_s = clock.now()


def test_the_hardwares_clock_runs_as_many_times_as_fast_as_it_is_told():
    async def life() -> None:
        clock = ScaledClock(20.0)
        before_s, begun_s, after_s = time.monotonic(), clock.now(), time.monotonic()
        await clock.sleep(2.0)
        assert clock.now() - begun_s >= 2.0
        await asyncio.sleep(0.01)  # until now it was the instant of the wake-up
        least_s = 20.0 * (time.monotonic() - after_s)
        passed_s = clock.now() - begun_s
        assert least_s - 1e-6 <= passed_s <= 20.0 * (time.monotonic() - before_s) + 1e-6

    asyncio.run(life())


def test_what_follows_from_a_wake_up_of_the_hardware_happens_at_its_instant():
    async def life() -> None:
        clock = ScaledClock(1000.0)
        earliest_s = clock.now() + 50.0
        sleeping = asyncio.ensure_future(clock.sleep(50.0))
        await asyncio.sleep(0)
        latest_s = clock.now() + 50.0
        time.sleep(0.08)  # a computer that is busy elsewhere when the sleeper is due
        assert earliest_s <= clock.now() <= latest_s
        await sleeping
        instant_s = clock.now()
        await asyncio.sleep(0)
        assert clock.now() == instant_s
        assert earliest_s <= instant_s <= latest_s
        await asyncio.sleep(0.01)
        assert clock.now() > instant_s + 20.0

    asyncio.run(life())


def test_a_sleeper_who_gives_up_does_not_hold_the_hardwares_time():
    async def life() -> None:
        clock = ScaledClock(1000.0)
        sleeping = asyncio.ensure_future(clock.sleep(5.0))
        await asyncio.sleep(0)
        sleeping.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)
        await asyncio.sleep(0.05)
        assert clock.now() > 40.0

    asyncio.run(life())
