"""What lies on the unit depends on where the nozzle went, not on when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache

import pytest
from skill_bench import SkillBench, skill_bench

from microcell.clock import run_virtual
from microcell.description.line import Line
from microcell.description.loader import load_line
from microcell.motion.planner import Load
from microcell.motion.trajectory import JointTrajectory, sample

RATE_KG_M = 0.004

Move = Callable[..., Awaitable[None]]


@cache
def shoes() -> Line:
    return load_line("footwear")


def slowed(trajectory: JointTrajectory, times: float) -> JointTrajectory:
    """The same way, in more time."""
    rates = tuple(tuple(rate / times for rate in row) for row in trajectory.velocities)
    return JointTrajectory(tuple(time_s * times for time_s in trajectory.times_s), trajectory.positions, rates)


async def go(bench: SkillBench, trajectory: JointTrajectory) -> None:
    """Have the arm follow a trajectory by itself."""
    bench.plant.start_motion("arm", trajectory)
    await bench.clock.sleep(trajectory.duration_s)


async def be_led(bench: SkillBench, trajectory: JointTrajectory) -> None:
    """Have it led along by somebody who tells where it is at odd times, and asks the meter in between."""
    elapsed_s, step_s = 0.0, 0.01
    while elapsed_s < trajectory.duration_s:
        await bench.clock.sleep(step_s)
        elapsed_s += step_s
        bench.plant.dispensing.mass_kg(bench.plant.tool("dispenser"))
        bench.plant.lead("arm", sample(trajectory, min(elapsed_s, trajectory.duration_s))[0], bench.clock.now())
        step_s = 0.04 if step_s < 0.02 else 0.01


async def be_led_late(bench: SkillBench, trajectory: JointTrajectory) -> None:
    """Have it led along by somebody who tells of several places at once, each with the time at which the arm was there."""
    start_s, elapsed_s = bench.clock.now(), 0.0
    while elapsed_s < trajectory.duration_s:
        await bench.clock.sleep(0.1)
        for _ in range(10):
            elapsed_s += 0.01
            joints, _ = sample(trajectory, min(elapsed_s, trajectory.duration_s))
            bench.plant.lead("arm", joints, start_s + elapsed_s)


def laid(
    times: float = 1.0, late_s: float = 0.0, speed_m_s: float = 0.05, left_kg: float = 0.3, move: Move = go
) -> tuple[float, float]:
    """A square of 40 mm laid in the air: what came out and what is left, kg."""

    async def story() -> tuple[float, float]:
        async with skill_bench(line=shoes()) as bench:
            await bench.mount("dispenser")
            plant, tool = bench.plant, bench.plant.tool("dispenser")
            plant.dispensing.refill(tool, left_kg)
            planner, arm = bench.runner.planners["arm"], plant.bench.arm("arm")
            joints = arm.joints()[0]
            here = planner.forward(joints)
            corners = [here.shifted(dx, dy) for dx, dy in ((0.04, 0.0), (0.04, 0.04), (0.0, 0.04), (0.0, 0.0))]
            trajectory = planner.path_move(joints, tuple(corners), speed_m_s, Load("dispenser"), frozenset())
            plant.dispensing.begin(tool, RATE_KG_M)
            await bench.clock.sleep(late_s)
            await move(bench, slowed(trajectory, times))
            await bench.clock.sleep(late_s)
            plant.dispensing.finish(tool)
            return plant.dispensing.mass_kg(tool), plant.dispensing.left_kg(tool)

    return run_virtual(story())


def test_the_mass_is_that_of_the_way():
    mass_kg, left_kg = laid()
    assert mass_kg == pytest.approx(0.16 * RATE_KG_M, rel=0.02)
    assert left_kg == pytest.approx(0.3 - mass_kg)


def test_an_arm_that_starts_late_and_moves_slowly_lays_the_same():
    assert laid(times=5.0, late_s=4.0)[0] == pytest.approx(laid()[0], rel=0.01)


def test_an_arm_that_is_led_by_its_states_lays_the_same():
    assert laid(move=be_led)[0] == pytest.approx(laid()[0], rel=0.02)
    assert laid(move=be_led, late_s=4.0)[0] == pytest.approx(laid()[0], rel=0.02)


def test_states_that_come_late_and_in_bursts_lay_what_the_arm_laid():
    most_kg_s = shoes().tools["dispenser"].flow_kg_s
    assert laid(move=be_led_late, speed_m_s=most_kg_s / RATE_KG_M)[0] == pytest.approx(laid()[0], rel=0.02)


@pytest.mark.parametrize("move", [go, be_led, be_led_late])
def test_a_pump_that_cannot_keep_up_lays_less(move: Move):
    most_kg_s = shoes().tools["dispenser"].flow_kg_s
    mass_kg, _ = laid(times=0.25, move=move)
    assert mass_kg < 0.75 * laid()[0]
    assert mass_kg <= most_kg_s * 1.1


def test_no_more_comes_out_than_is_in_the_cartridge():
    assert laid(left_kg=0.0004) == (pytest.approx(0.0004), pytest.approx(0.0))


def test_a_nozzle_that_stands_lays_nothing():
    async def story() -> float:
        async with skill_bench(line=shoes()) as bench:
            await bench.mount("dispenser")
            tool = bench.plant.tool("dispenser")
            bench.plant.dispensing.begin(tool, RATE_KG_M)
            await bench.clock.sleep(60.0)
            bench.plant.dispensing.finish(tool)
            return bench.plant.dispensing.mass_kg(tool)

    assert run_virtual(story()) == 0.0
