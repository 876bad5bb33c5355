"""What the mounted tool does with a part: take, hold, let go. The same words for fingers, cup and bit."""

from __future__ import annotations

from abc import ABC, abstractmethod

from microcell.description.product import Grasp
from microcell.description.tool import GripperTool
from microcell.devices.gripper.contract import Grip, Gripper
from microcell.devices.screwdriver.contract import Screwdriver
from microcell.devices.vacuum.contract import Vacuum
from microcell.faults import FaultError
from microcell.skills.contract import SkillContext

WIDTH_TOLERANCE_M = 0.0015
STRIP_RAD, STRIP_RAD_S = 6.3, 10.0


class Hand(ABC):
    """A tool that can hold one part. `name` is the tool's."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    async def make_ready(self, grasp: Grasp) -> None:
        """Prepare to take a part: before the tool is at it."""

    @abstractmethod
    async def take(self, grasp: Grasp) -> None:
        """Take the part that the TCP is at and check that it is held.

        After a fault the hand is empty, but after GRIP_WRONG_WIDTH it holds what is to be thrown away.
        """

    @abstractmethod
    async def let_go(self, grasp: Grasp | None = None) -> None:
        """Release what is held; fingers open wide when nobody says what it is."""

    @abstractmethod
    async def holds(self) -> bool:
        """Whether something is held, by the tool's own sensor."""

    async def check_empty(self) -> None:
        """HAND_NOT_EMPTY when something is held."""
        if await self.holds():
            raise FaultError("HAND_NOT_EMPTY", self.name)

    async def check_holding(self, what: str) -> None:
        """GRIP_PART_LOST when nothing is held."""
        if not await self.holds():
            raise FaultError("GRIP_PART_LOST", self.name, f"no {what} is held")


class FingerHand(Hand):
    """A two-finger gripper."""

    def __init__(self, name: str, gripper: Gripper, tool: GripperTool) -> None:
        super().__init__(name)
        self._gripper = gripper
        self._tool = tool

    async def make_ready(self, grasp: Grasp) -> None:
        await self._gripper.open(self._tool.opening_m(grasp.width_m))

    async def take(self, grasp: Grasp) -> None:
        """GRIP_NOTHING_HELD when the fingers meet nothing, GRIP_WRONG_WIDTH for a part of another size."""
        grip = await self._gripper.close(min(grasp.force_n, self._tool.force_max_n))
        code = _grip_fault(grip, grasp)
        if code:
            if not grip.holding:
                await self.make_ready(grasp)
            detail = f"closed to {grip.width_m * 1e3:.1f} mm, the part is {grasp.width_m * 1e3:.1f} mm wide"
            raise FaultError(code, self.name, detail)

    async def let_go(self, grasp: Grasp | None = None) -> None:
        """HAND_NOT_EMPTY when the fingers still hold something."""
        width_m = self._tool.stroke_m if grasp is None else self._tool.opening_m(grasp.width_m)
        if (await self._gripper.open(width_m)).holding:
            raise FaultError("HAND_NOT_EMPTY", self.name, "the fingers did not let go")

    async def holds(self) -> bool:
        return (await self._gripper.grip()).holding


class CupHand(Hand):
    """A vacuum cup."""

    def __init__(self, name: str, vacuum: Vacuum) -> None:
        super().__init__(name)
        self._vacuum = vacuum

    async def make_ready(self, grasp: Grasp) -> None:
        await self._vacuum.off()

    async def take(self, grasp: Grasp) -> None:
        """VACUUM_NOT_SEALED when the cup doesn't reach its pressure."""
        suction = await self._vacuum.on()
        if not suction.sealed:
            await self._vacuum.off()
            detail = f"{suction.pressure_pa / 1e3:.1f} kPa of under-pressure"
            raise FaultError("VACUUM_NOT_SEALED", self.name, detail)

    async def let_go(self, grasp: Grasp | None = None) -> None:
        """HAND_NOT_EMPTY when the cup still holds something."""
        if (await self._vacuum.off()).sealed:
            raise FaultError("HAND_NOT_EMPTY", self.name, "the cup did not let go")

    async def holds(self) -> bool:
        return (await self._vacuum.suction()).sealed


class BitHand(Hand):
    """A screwdriver's magnetic bit: it holds a screw as soon as it touches one."""

    def __init__(self, name: str, screwdriver: Screwdriver) -> None:
        super().__init__(name)
        self.screwdriver = screwdriver

    async def make_ready(self, grasp: Grasp) -> None:
        pass

    async def take(self, grasp: Grasp) -> None:
        """FASTEN_NO_SCREW when the bit sees none."""
        if not await self.holds():
            raise FaultError("FASTEN_NO_SCREW", self.name)

    async def let_go(self, grasp: Grasp | None = None) -> None:
        """Turn backwards: a bin's edge strips the screw off."""
        await self.screwdriver.loosen(STRIP_RAD, STRIP_RAD_S)

    async def holds(self) -> bool:
        return await self.screwdriver.has_screw()


class NoHand(Hand):
    """A tool that holds no part: a nozzle, electrodes."""

    async def make_ready(self, grasp: Grasp) -> None:
        pass

    async def take(self, grasp: Grasp) -> None:
        """TOOL_UNSUITABLE: it cannot take anything."""
        raise FaultError("TOOL_UNSUITABLE", self.name, "it holds no parts")

    async def let_go(self, grasp: Grasp | None = None) -> None:
        pass

    async def holds(self) -> bool:
        return False


def hand_of(context: SkillContext, tool_name: str) -> Hand:
    """The mounted tool as a hand."""
    tool = context.line.tools[tool_name]
    if isinstance(tool, GripperTool):
        return FingerHand(tool_name, context.device(tool_name, Gripper), tool)
    if tool.device == "vacuum":
        return CupHand(tool_name, context.device(tool_name, Vacuum))
    if tool.device in ("dispenser", "welder"):
        return NoHand(tool_name)
    return BitHand(tool_name, context.device(tool_name, Screwdriver))


def _grip_fault(grip: Grip, grasp: Grasp) -> str:
    if not grip.holding:
        return "GRIP_NOTHING_HELD"
    return "GRIP_WRONG_WIDTH" if abs(grip.width_m - grasp.width_m) > WIDTH_TOLERANCE_M else ""
