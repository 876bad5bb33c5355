"""Brings tools exactly where a test wants them, to try out the plant's physics in single steps."""

from __future__ import annotations

import math
from functools import cache

from microcell.description.line import Disturbances, Line
from microcell.description.loader import load_line
from microcell.geometry import Pose, from_rpy
from microcell.motion.inverse import InverseKinematics
from microcell.motion.robot import RobotModel
from microcell.motion.trajectory import JointTrajectory
from microcell.plant.items import Item
from microcell.plant.plant import Plant

DOWN = from_rpy(math.pi, 0.0, 0.0)
MOTION_S = 1.0


class ManualClock:
    """A clock that stands until it is put forward."""

    epoch_s = 0.0

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def advance(self, duration_s: float) -> None:
        self._now += duration_s

    async def sleep(self, duration_s: float) -> None:
        self.advance(duration_s)


class SteadyHand:
    """One arm of a plant that goes wherever it is told, in one second, and does things there."""

    def __init__(self, plant: Plant, clock: ManualClock, arm: str = "arm") -> None:
        self.plant = plant
        self.clock = clock
        self._arm = plant.bench.arm(arm)
        self._inverse = InverseKinematics(RobotModel.of(self._arm.spec))

    def trajectory(self, tcp: Pose, duration_s: float = MOTION_S) -> JointTrajectory:
        """From here to a TCP pose (flange pose without a tool), at rest at both ends."""
        tool = self.plant.bench.tool_on(self._arm.name)
        flange = tcp @ tool.tcp_in_flange.inverse() if tool else tcp
        here, _ = self._arm.joints()
        there = self._inverse.solve(self._arm.spec.base_in_cell.pose.inverse() @ flange, self._arm.spec.home_rad)
        still = (0.0,) * len(here)
        return JointTrajectory((0.0, duration_s), (here, there), (still, still))

    def go(self, tcp: Pose) -> None:
        """Be at a TCP pose."""
        self.plant.start_motion(self._arm.name, self.trajectory(tcp))
        self.clock.advance(MOTION_S)

    def lift(self, height_m: float = 0.1) -> None:
        """Go straight up."""
        tool = self.plant.bench.tool_on(self._arm.name)
        here = self.plant.bench.tcp(tool) if tool else self._arm.flange()
        self.go(here.shifted(dz=height_m))

    def mount(self, tool: str) -> None:
        """Fetch a tool from its pocket."""
        crib, number = self.plant.tool(tool).pocket
        self.go(self.plant.line.cell_description.devices[crib].pockets[number].flange_in_cell.pose)
        self.plant.coupling.lock(self._arm.name)
        self.lift()

    def part_to(self, part_in_cell: Pose) -> None:
        """Bring the held part's frame to a pose."""
        tool = self.plant.bench.tool_on(self._arm.name)
        self.go(part_in_cell @ self.plant.bench.held(tool).pose.inverse())

    def pick(self, tool: str, feeder: str, dx: float = 0.0, dy: float = 0.0, dz: float = 0.0) -> Item | None:
        """Go to the part that a feeder presents (where it truly is, or beside it), take it, and lift it."""
        self.plant.feeding.present(feeder)
        item = self.plant.inventory.at("feeder", feeder)[0]
        self.go((item.pose @ item.part.grasp.tcp_in_part.pose).shifted(dx, dy, dz))
        truth = self.plant.tool(tool)
        if tool == "parallel_gripper":
            self.plant.holding.close(truth)
        elif tool == "vacuum_cup":
            truth.active = True
        self.plant.holding.held(truth)
        self.lift()
        return self.plant.holding.held(truth)

    def let_go(self, tool: str) -> None:
        """Open the fingers, or switch the cup off, and rise."""
        truth = self.plant.tool(tool)
        if tool == "parallel_gripper":
            self.plant.holding.open(truth, truth.spec.stroke_m)
        truth.active = False
        self.plant.holding.release(truth)
        self.lift()


def valve_line(**disturbances: float) -> Line:
    """The shipped valve line, with disturbances."""
    return _shipped().model_copy(update={"disturbances": Disturbances(**disturbances)})


@cache
def _shipped() -> Line:
    return load_line("valve")


def steady_hand(tool: str = "", seed: int = 7, line: Line | None = None) -> SteadyHand:
    """A fresh plant of the valve line with a tool mounted."""
    clock = ManualClock()
    hand = SteadyHand(Plant(line or valve_line(), seed, clock), clock)
    if tool:
        hand.mount(tool)
    return hand


def seated_body(hand: SteadyHand, fixture: str = "fixture_1") -> Pose:
    """Put a body into a fixture with the gripper; the pose of the unit."""
    hand.pick("parallel_gripper", "nest_1")
    seat = hand.plant.line.cell_description.devices[fixture].seat_in_cell.pose
    hand.part_to(seat)
    hand.let_go("parallel_gripper")
    return hand.plant.bench.unit_in(fixture).pose


def swap(hand: SteadyHand, tool: str) -> None:
    """Put the mounted tool back into its pocket and fetch another."""
    plant = hand.plant
    mounted = plant.bench.tool_on("arm")
    pockets = plant.line.cell_description.devices["crib"].pockets
    flange = next(p.flange_in_cell.pose for p in pockets if p.tool == mounted.name)
    hand.go(flange @ mounted.tcp_in_flange)
    plant.coupling.unlock("arm")
    hand.lift()
    hand.mount(tool)
