"""Take a screw with the bit, drive it into its site, and judge it by torque and angle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.cell import BinSpec
from microcell.description.line import Line
from microcell.description.product import Screw, Thread
from microcell.devices.screwdriver.contract import Drive, Screwdriver
from microcell.faults import FaultError
from microcell.geometry import Pose, distance
from microcell.measurement import Measurement
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.guarded import press_until_contact
from microcell.skills.workplace import (
    FEEDER_FAULTS,
    check_fixture,
    feeder_kinds,
    note_taken,
    note_taken_unseen,
    part_name_of,
    part_of,
    present_part,
    seat_in_cell,
    site_of,
    spec_of,
)

ON_THREAD_M = 0.001
"""So near to the thread's entry the bit is on the screw that stands there; its spring feed follows the screw down."""
FELT_RAD = 0.5
"""A seated screw holds its torque after so much more than its own tightening angle at the most."""
FEEL_N, FEEL_M_S = 3.0, 0.01
PROUD_M = 0.0008
"""A head that stands so much too high is not seated."""
FREED_RAD = math.pi
"""How much further than it went in a screw is backed out, so that it is surely free."""


class FastenParameters(Description):
    """Which screw goes where, how tight, and what angle it may take."""

    item: Name = Field(description="Item that is taken and driven: a screw.")
    site: Name = Field(description="Site with the thread.")
    torque_n_m: float = Field(gt=0, le=100, description="Where the screwdriver stops.")
    angle_window_ratio: float = Field(0.15, gt=0, lt=1, description="Permitted deviation of the angle to the seat.")
    torque_window_ratio: float = Field(0.1, gt=0, lt=1, description="Permitted deviation of the end torque.")
    speed_rad_s: float = Field(30.0, gt=0, le=1000, description="Speed of driving.")
    redrives: int = Field(1, ge=0, le=5, description="How often a crossed screw is backed out and driven again.")
    feel_first: bool = Field(False, description="Feel with the bare bit first whether the screw is in already.")
    speed_m_s: float = Field(0.08, gt=0, le=0.5, description="Speed of the last ways down.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


@dataclass(frozen=True, slots=True)
class _Angles:
    """Angle at which the head should meet its seat, and the window around it, rad."""

    seat_rad: float
    earliest_rad: float
    limit_rad: float


class Fasten(ArmSkill):
    """Drive one screw.

    Before: a screwdriver is mounted, the fixture's sensor sees the unit. A screw that a cancelled attempt left
    on the bit is used first; one that it left half driven is turned out and thrown away. After an attempt whose end
    nobody knows, the bare bit feels first whether the screw is in already (`feel_first`). During: torque that
    comes too early is a crossed thread, torque that does not come a screw that does not seat; either is backed
    out and driven again, and in the end thrown away.
    Measures `<operation>.torque`, `<operation>.angle`, and `<operation>.torque_time`, which wears the screwdriver.
    """

    name = "fasten"
    family = "assembly"
    summary = "Takes a screw and drives it to its torque."
    Parameters = FastenParameters
    faults = (
        *MOTION_FAULTS, *FEEDER_FAULTS, "FIXTURE_EMPTY", "FASTEN_NO_SCREW", "FASTEN_CROSS_THREADED",
        "FASTEN_NOT_SEATED",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with a screwdriver, the fixture, a feeder with the screw, and a bin where there is one."""
        part = part_name_of(line, variant, parameters["item"])
        bins = ("bin",) if line.cell_description.of_kind("bin") else ()
        kinds = ("arm", "fixture", *feeder_kinds(line, part), *bins)
        speed_rad_s = parameters.get("speed_rad_s", FastenParameters.model_fields["speed_rad_s"].default)
        return Needs(kinds, "drive_screw", part, torque_n_m=parameters["torque_n_m"], speed_rad_s=speed_rad_s)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 7.0

    @classmethod
    def changed(cls, parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """Slower, the bit too, and a crossed screw is backed out and driven once more often."""
        wanted = FastenParameters.model_validate(dict(parameters))
        speed_rad_s, redrives = wanted.speed_rad_s * 0.5 ** min(attempt, 2), min(5, wanted.redrives + attempt)
        return {**super().changed(parameters, attempt), "speed_rad_s": speed_rad_s, "redrives": redrives}

    @classmethod
    def repeated(cls, parameters: Mapping[str, Any], code: str) -> dict[str, Any]:
        """Feel first whether the screw is in, unless the fault tells that it is not."""
        known = code.startswith("FASTEN_") or code in (*FEEDER_FAULTS, "FIXTURE_EMPTY")
        return dict(parameters) if known else {**parameters, "feel_first": True}

    async def before(self, context: SkillContext) -> None:
        wanted = FastenParameters.model_validate(dict(context.goal.parameters))
        _angles(context, wanted)
        await self.take_arm(context, "drive_screw", wanted.speed_ratio)
        await check_fixture(context, occupied=True)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = FastenParameters.model_validate(dict(context.goal.parameters))
        if await self.hand.holds():
            self.motion.carry(part_of(context, wanted.item)[0])
        else:
            await self._clear_thread(context, wanted)
            if wanted.feel_first and (found := await self._feel(context, wanted)):
                return found
            await self._take_screw(context, wanted)
        await self._to_thread(context, wanted)
        drive = await self._drive(context, wanted)
        self.motion.carry("")
        result = context.accomplish(self._result(context, wanted, drive))
        context.say("retract", 0.9, "leaving the screw")
        await self.motion.leave()
        return result

    async def standing(self, context: SkillContext) -> SkillResult | None:
        """Not done: the bit leaves a screw only once its torque and angle are noted. A new attempt turns out the screw under
        the bit, or uses the one on it."""
        if await self.hand.holds():
            note_taken_unseen(context)
        return None

    async def _clear_thread(self, context: SkillContext, wanted: FastenParameters) -> None:
        """Turn out the screw that an interrupted attempt left under the bit; elsewhere the bit has none under it."""
        if distance(await self.motion.tcp_in_cell(), _on_thread(context, wanted)) > ON_THREAD_M:
            return
        context.say("clear", 0.1, f"turning out the screw that was left in {wanted.site}")
        await self._turn_out(context, wanted)

    async def _turn_out(self, context: SkillContext, wanted: FastenParameters) -> None:
        """Turn out the screw under the bare bit, and throw it away."""
        driver = context.device(self.hand.name, Screwdriver)
        await driver.loosen(_angles(context, wanted).limit_rad + FREED_RAD, wanted.speed_rad_s)
        await self.motion.leave()
        if await self.hand.holds():
            await self._discard(context)

    async def _feel(self, context: SkillContext, wanted: FastenParameters) -> SkillResult | None:
        """Go down to where a seated head is, with the bare bit, and turn: one that holds the torque at once is in.

        A head that stands higher is that of a screw half driven, or crossed: it is turned out and thrown away.
        """
        context.say("feel", 0.1, f"feeling whether a screw is in {wanted.site}")
        thread, start = _thread(context, wanted), _on_thread(context, wanted)
        head = start.shifted(dz=-thread.engagement_m)
        await self.motion.approach(start)
        sensor = self.force_sensor(context)
        await sensor.tare()
        await self.motion.move_straight(start, wanted.speed_m_s)
        touch = await press_until_contact(self.motion, sensor, head, FEEL_M_S, FEEL_N)
        if touch is not None and touch.tcp_in_cell.position[2] - head.position[2] > PROUD_M:
            await self._turn_out(context, wanted)
            return None
        turn_rad = wanted.torque_n_m / thread.stiffness_n_m_rad + FELT_RAD
        drive = await context.device(self.hand.name, Screwdriver).drive(wanted.torque_n_m, turn_rad, wanted.speed_rad_s)
        result = None
        if drive.reached:
            message = f"{wanted.site}: the screw was in already, {drive.torque_n_m:.2f} N.m"
            torque = self._torque(context, wanted, drive)
            result = context.accomplish(SkillResult(Outcome.SUCCEEDED, message, measurements=(torque,)))
        await self.motion.leave()
        return result

    async def _take_screw(self, context: SkillContext, wanted: FastenParameters) -> None:
        name, part = part_of(context, wanted.item)
        presented, part_in_cell = await present_part(context, name)
        context.say("take", 0.2, f"taking a {name}")
        await self.fetch(name, part.grasp, part_in_cell, wanted.speed_m_s)
        note_taken(context, presented)
        await self.motion.lift()

    async def _to_thread(self, context: SkillContext, wanted: FastenParameters) -> None:
        """Set the screw's tip on the thread's first turn."""
        on_thread = _on_thread(context, wanted)
        context.say("approach", 0.4, f"bringing the screw to {wanted.site}")
        await self.motion.approach(on_thread)
        await self.motion.move_straight(on_thread, wanted.speed_m_s)

    async def _drive(self, context: SkillContext, wanted: FastenParameters) -> Drive:
        """Drive until the screw is seated. One that doesn't seat well is backed out and thrown away."""
        driver = context.device(self.hand.name, Screwdriver)
        angles = _angles(context, wanted)
        fault = None
        for attempt in range(wanted.redrives + 1):
            context.say("drive", 0.6, "driving again" if attempt else "driving")
            drive = await driver.drive(wanted.torque_n_m, angles.limit_rad, wanted.speed_rad_s)
            fault = self._judge(drive, angles, wanted)
            if fault is None:
                return drive
            await driver.loosen(drive.angle_rad + FREED_RAD, wanted.speed_rad_s)
        await self.motion.leave()
        await self._discard(context)
        raise fault or FaultError("FASTEN_NOT_SEATED", self.hand.name)

    async def _discard(self, context: SkillContext) -> None:
        """Drop the screw into the bin; in a cell without one it stays on the bit."""
        if "bin" in context.goal.lease.resources:
            context.say("discard", 0.9, "throwing the screw away")
            await self.drop(context, spec_of(context, context.leased("bin"), BinSpec).drop_in_cell.pose)

    def _judge(self, drive: Drive, angles: _Angles, wanted: FastenParameters) -> FaultError | None:
        """What torque and angle say: FASTEN_NOT_SEATED, FASTEN_CROSS_THREADED, SENSOR_IMPLAUSIBLE, or nothing."""
        found = f"{drive.torque_n_m:.2f} N.m at {drive.angle_rad:.1f} rad, seat at {angles.seat_rad:.1f} rad"
        if not drive.reached:
            return FaultError("FASTEN_NOT_SEATED", self.hand.name, found)
        if drive.angle_rad < angles.earliest_rad:
            return FaultError("FASTEN_CROSS_THREADED", self.hand.name, found)
        if abs(drive.torque_n_m - wanted.torque_n_m) > wanted.torque_n_m * wanted.torque_window_ratio:
            detail = f"it stopped at its torque of {wanted.torque_n_m:.2f} N.m, yet reads {found}"
            return FaultError("SENSOR_IMPLAUSIBLE", self.hand.name, detail)
        return None

    def _result(self, context: SkillContext, wanted: FastenParameters, drive: Drive) -> SkillResult:
        operation, angles = context.goal.operation, _angles(context, wanted)
        early, late, tool = angles.earliest_rad, angles.limit_rad, self.hand.name
        measurements = (
            self._torque(context, wanted, drive),
            Measurement(f"{operation}.angle", drive.angle_rad, "rad", early, late, source=tool),
            Measurement(f"{operation}.torque_time", _torque_time(drive, wanted.speed_rad_s), "N.m.s", source=tool),
        )
        message = f"{wanted.site}: {drive.torque_n_m:.2f} N.m at {drive.angle_rad:.1f} rad"
        return SkillResult(Outcome.SUCCEEDED, message, measurements=measurements)

    def _torque(self, context: SkillContext, wanted: FastenParameters, drive: Drive) -> Measurement:
        window, name = wanted.torque_n_m * wanted.torque_window_ratio, f"{context.goal.operation}.torque"
        low, high = wanted.torque_n_m - window, wanted.torque_n_m + window
        return Measurement(name, drive.torque_n_m, "N.m", low, high, source=self.hand.name)


def _torque_time(drive: Drive, speed_rad_s: float) -> float:
    """Torque summed over the time of a drive, N.m.s."""
    return sum((b - a) * (s + t) / 2.0 for (a, s), (b, t) in pairwise(drive.curve)) / speed_rad_s


def _on_thread(context: SkillContext, wanted: FastenParameters) -> Pose:
    """Pose of the TCP when the screw on the bit stands at the thread's entry."""
    site, grasp = site_of(context, wanted.site), part_of(context, wanted.item)[1].grasp
    entry = Pose((0.0, 0.0, _thread(context, wanted).engagement_m))
    return seat_in_cell(context) @ site.part_in_unit.pose @ entry @ grasp.tcp_in_part.pose


def _thread(context: SkillContext, wanted: FastenParameters) -> Thread:
    thread = site_of(context, wanted.site).thread
    if thread is None:
        raise FaultError("SKILL_REFUSED", "fasten", f"the site '{wanted.site}' has no thread")
    return thread


def _angles(context: SkillContext, wanted: FastenParameters) -> _Angles:
    thread, shape = _thread(context, wanted), part_of(context, wanted.item)[1].shape
    if not isinstance(shape, Screw):
        raise FaultError("SKILL_REFUSED", "fasten", f"the item '{wanted.item}' is no screw")
    seat_rad = thread.engagement_m / shape.pitch_m * 2.0 * math.pi
    window_rad = seat_rad * wanted.angle_window_ratio
    tightening_rad = wanted.torque_n_m / thread.stiffness_n_m_rad
    return _Angles(seat_rad, seat_rad - window_rad, seat_rad + window_rad + tightening_rad)


PLUGIN = Fasten
