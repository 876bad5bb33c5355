"""Arms of one cell look at each other's motions before they start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from microcell.clock import Clock
from microcell.description.line import Line
from microcell.devices.arm.contract import Arm
from microcell.devices.contract import Device
from microcell.devices.factory import Work, at_once
from microcell.faults import FaultError
from microcell.motion.planner import Load
from microcell.motion.trajectory import JointTrajectory

if TYPE_CHECKING:
    from microcell.motion.collision import Contact
    from microcell.motion.meeting import Sweep, Sweeper
    from microcell.motion.two_arms import Armed, Timed, TwoArms

WAIT_S = 30.0
"""So long an arm waits for another to get out of its way."""
_KEPT_SWEEPS, _KEPT_PAIRS = 128, 256


class Traffic:
    """Who moves where and when, of the arms whose skills run in this process.

    Zones keep arms apart before anything starts; this is the second line, by shape and time. A trajectory is checked
    against those that other arms are following now, each with its tool and part, and against arms that stand where they
    are. Where two would come nearer than `CLEARANCE_M`, the arm waits until the way is free: ARM_BLOCKED after `WAIT_S`.
    Of an arm that a skill in another process moves, only the present place is known; one that does not answer is left out,
    its own skill tells of that. A motion that ends early, on contact, is not looked at again.
    """

    def __init__(self, line: Line, clock: Clock, devices: Mapping[str, Device]) -> None:
        self._line, self._clock, self._devices = line, clock, devices
        self._specs = line.cell_description.of_kind("arm")
        self._moving: dict[str, Timed] = {}
        self._loads: dict[str, Load] = {}
        self._one_at_a_time = asyncio.Lock()
        self._ended: list[asyncio.Future[None]] = []
        self._armed = lru_cache(maxsize=_KEPT_PAIRS)(self._make_armed)
        self._sweeper = lru_cache(maxsize=_KEPT_PAIRS)(self._make_sweeper)
        self._two = lru_cache(maxsize=_KEPT_PAIRS)(self._make_two)
        self._sweep = lru_cache(maxsize=_KEPT_SWEEPS)(self._make_sweep)

    def carries(self, arm: str, load: Load) -> None:
        """From now on this hangs at an arm's flange."""
        self._loads[arm] = load

    @asynccontextmanager
    async def motion(self, arm: str, load: Load, trajectory: JointTrajectory, work: Work = at_once) -> AsyncIterator[None]:
        """Within it the arm may follow a trajectory that starts where it stands; ARM_BLOCKED when others don't give way."""
        if len(self._specs) < 2:
            yield
            return
        self.carries(arm, load)
        await self._wait_for_way(arm, trajectory, work)
        try:
            yield
        finally:
            self._moving.pop(arm, None)
            ended, self._ended = self._ended, []
            for future in ended:
                if not future.done():
                    future.set_result(None)

    async def _wait_for_way(self, arm: str, trajectory: JointTrajectory, work: Work) -> None:
        from microcell.motion.two_arms import Timed

        until_s = self._clock.now() + WAIT_S
        while True:
            async with self._one_at_a_time:
                mine = Timed(trajectory, self._clock.now())
                found = await self._first_meeting(arm, mine, work)
                if found is None:
                    self._moving[arm] = Timed(trajectory, self._clock.now())
                    return
            other, contact = found
            if self._clock.now() >= until_s:
                touching = ", ".join(f"{a} would meet {b}" for a, b in contact.pairs)
                detail = f"{other} did not give way within {WAIT_S:.0f} s: {touching}"
                raise FaultError("ARM_BLOCKED", arm, detail)
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._ended.append(future)
            await self._clock.wait(future, until_s - self._clock.now())

    async def _first_meeting(self, arm: str, mine: Timed, work: Work) -> tuple[str, Contact] | None:
        for other in self._specs:
            theirs = await self._motion_of(other) if other != arm else None
            if theirs is not None:
                contact = await work(partial(self._meeting, arm, mine, other, theirs))
                if contact is not None:
                    return other, contact
        return None

    async def _motion_of(self, arm: str) -> Timed | None:
        """What an arm follows, or where it stands; None where nobody can tell."""
        from microcell.motion.two_arms import Timed

        if (timed := self._moving.get(arm)) is not None:
            return timed
        device = self._devices.get(arm)
        if not isinstance(device, Arm):
            return None
        try:
            joints = (await device.joints()).positions
        except FaultError:
            return None
        return Timed(JointTrajectory((0.0,), (joints,), ((0.0,) * len(joints),)), self._clock.now())

    def _meeting(self, arm: str, mine: Timed, other: str, theirs: Timed) -> Contact | None:
        from microcell.motion.meeting import meeting

        loads = self._loads.get(arm, Load()), self._loads.get(other, Load())
        sweeps = self._sweep(arm, loads[0], mine.trajectory), self._sweep(other, loads[1], theirs.trajectory)
        return meeting(self._two(arm, loads[0], other, loads[1]), sweeps, (mine, theirs))

    def _make_armed(self, arm: str, load: Load) -> Armed:
        from microcell.motion.carried import carried_solids
        from microcell.motion.robot import RobotModel
        from microcell.motion.two_arms import Armed

        spec = self._specs[arm]
        carried = carried_solids(self._line.making(load.product), load.tool, load.part)
        return Armed(RobotModel.of(spec, arm), spec.base_in_cell.pose, carried)

    def _make_sweeper(self, arm: str, load: Load) -> Sweeper:
        from microcell.motion.meeting import Sweeper

        return Sweeper(self._armed(arm, load))

    def _make_two(self, arm: str, load: Load, other: str, their_load: Load) -> TwoArms:
        from microcell.motion.meeting import CLEARANCE_M
        from microcell.motion.two_arms import TwoArms

        return TwoArms(self._armed(arm, load), self._armed(other, their_load), CLEARANCE_M)

    def _make_sweep(self, arm: str, load: Load, trajectory: JointTrajectory) -> Sweep:
        return self._sweeper(arm, load).sweep(trajectory)
