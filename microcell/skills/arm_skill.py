"""Base of the skills that move an arm with a tool in its hand."""

from __future__ import annotations

import math

from microcell.description.product import Grasp
from microcell.devices.force_sensor.contract import ForceSensor
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy, multiply
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.contract import DEVICE_FAULTS, Skill, SkillContext, SkillResult, stop_all
from microcell.skills.guarded import press_until_contact, tare
from microcell.skills.hand import Hand, hand_of
from microcell.skills.mounted import arm_spec, check_believed
from microcell.skills.workplace import has_left_feeder, note_taken_unseen

MOTION_FAULTS = (
    "ARM_UNREACHABLE", "ARM_SINGULAR", "ARM_BLOCKED", "ARM_OVERLOADED", "ARM_LIMIT", "ARM_DEVIATION",
    "ARM_PROTECTIVE_STOP", "ARM_STOPPED", *DEVICE_FAULTS, "DEVICE_REFUSED", "TOOL_WRONG", "TOOL_UNSUITABLE",
    "TOOL_UNCERTAIN", "SKILL_REFUSED",
)  # fmt: skip
"""What any skill that moves an arm can end in."""

OBSTACLE_N = 15.0
"""Pressing force that means something stands where a part is to be put down."""
OVER_BIN_M = 0.03
"""Height of the TCP over a bin: clear of what hangs below it, and of what lies in the bin."""
POINTING_DOWN = from_rpy(math.pi, 0.0, 0.0)


class ArmSkill(Skill):
    """A skill with an arm and the tool on it. `before` calls `take_arm`, which sets `motion` and `hand`."""

    motion: ArmMotion
    hand: Hand

    async def take_arm(self, context: SkillContext, capability: str | None, speed_ratio: float = 1.0) -> None:
        """Find out what is mounted: TOOL_UNSUITABLE when it lacks the capability (None: any tool will do), TOOL_UNCERTAIN
        when it is not what the orchestrator believes in.
        """
        self.motion = await ArmMotion.of(context, speed_ratio)
        tool = self.motion.tool
        if tool is None or capability not in (None, *tool.capabilities):
            mounted = f"the {tool.name} can {', '.join(tool.capabilities)}" if tool else "no tool is mounted"
            needed = f"{mounted}; needed is {capability or 'any tool'}"
            raise FaultError("TOOL_UNSUITABLE", self.motion.name, needed)
        await check_believed(context)
        self.hand = hand_of(context, tool.name)

    async def fetch(self, part: str, grasp: Grasp, part_in_cell: Pose, speed_m_s: float) -> None:
        """Go over a part (or the unit), down to it, and take it. The TCP stays there, or has gone up after a fault."""
        self.motion.check_can_carry(part)
        tcp_in_cell = part_in_cell @ grasp.tcp_in_part.pose
        await self.hand.make_ready(grasp)
        await self.motion.approach(tcp_in_cell)
        await self.motion.move_straight(tcp_in_cell, speed_m_s)
        try:
            await self.hand.take(grasp)
        except FaultError:
            await self.motion.lift()
            raise
        self.motion.carry(part)

    async def put(self, context: SkillContext, grasp: Grasp, part_in_cell: Pose, speed_m_s: float) -> bool:
        """Bring what is held to a pose, let it go there, and lift the empty hand; whether it was held until then.

        ARM_DEVIATION, with the hand lifted, when it meets something on the last way down.
        """
        tcp_in_cell = part_in_cell @ grasp.tcp_in_part.pose
        await self.motion.approach(tcp_in_cell)
        sensor = self.force_sensor(context)
        await tare(sensor)
        touch = await press_until_contact(self.motion, sensor, tcp_in_cell, speed_m_s, OBSTACLE_N)
        held = await self.hand.holds()
        if touch is not None and held:
            await self.motion.lift()
            above_mm = (touch.tcp_in_cell.position[2] - tcp_in_cell.position[2]) * 1e3
            detail = f"{touch.force_n:.0f} N on the way down, {above_mm:.1f} mm too high"
            raise FaultError("ARM_DEVIATION", self.motion.name, detail)
        await self.hand.let_go(grasp)
        self.motion.carry("")
        await self.motion.lift()
        return held

    async def drop(self, context: SkillContext, drop_in_cell: Pose) -> None:
        """Let whatever is held fall into a bin, and lift the empty hand."""
        over = drop_in_cell.shifted(dz=OVER_BIN_M)
        await self.motion.approach(Pose(over.position, multiply(over.orientation, POINTING_DOWN)))
        context.throw_away()  # before it is: whoever is interrupted while the hand opens may not come back to tell
        await self.hand.let_go()
        self.motion.carry("")
        await self.motion.lift()

    def force_sensor(self, context: SkillContext) -> ForceSensor:
        """The force sensor at the arm's wrist."""
        return context.device(self.motion.spec.force_sensor, ForceSensor)

    async def reconcile(self, context: SkillContext) -> SkillResult | None:
        """Done when it was noted as accomplished and its end conditions hold; otherwise the hand tells (`standing`)."""
        if self.repeatable:
            return None
        await self.take_arm(context, None)
        if context.accomplished:
            try:
                await self.after(context, context.accomplished[-1])
            except FaultError as error:
                if error.fault.code in DEVICE_FAULTS:
                    raise  # it could not be looked at: that says nothing about the work
                return await self.standing(context)
            return context.accomplished[-1]
        return await self.standing(context)

    async def standing(self, context: SkillContext) -> SkillResult | None:
        """As `reconcile`, for what was not accomplished, with `hand` and `motion` set; OUTCOME_UNKNOWN by default."""
        return await super().reconcile(context)

    async def make_safe(self, context: SkillContext) -> None:
        """Still every leased device and the tool on the arm, or all that it could be; what is held stays held."""
        motion = getattr(self, "motion", None)
        tools = _tools_in_reach(context) if motion is None else [motion.tool_name]
        leased = context.goal.lease.resources.values()
        await stop_all(context, [*leased, *(name for name in tools if name in context.devices)])

    async def account(self, context: SkillContext) -> None:
        """A hand that closed on the presented part, and then was not what it should be, or was broken off, has taken it; so
        has one that lost it again before its sensor saw it, if the feeder has one less.
        """
        hand = getattr(self, "hand", None)
        if hand is None:
            return
        if context.thrown_away and await hand.holds():
            context.keep_held()
        if "presented" in context.noted and not context.taken and (await hand.holds() or await has_left_feeder(context)):
            note_taken_unseen(context)


def _tools_in_reach(context: SkillContext) -> list[str]:
    """The tools of the cribs that the leased arm works at: another arm's are none of its business."""
    arm = arm_spec(context)
    cribs = context.line.cell_description.of_kind("tool_crib").items()
    return [pocket.tool for name, crib in cribs if arm.works_at(name) for pocket in crib.pockets if pocket.tool]
