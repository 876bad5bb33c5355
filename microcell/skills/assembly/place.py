"""Put what is in the hand into the fixture, or drop it into the bin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.cell import BinSpec
from microcell.description.line import Line
from microcell.description.product import Grasp
from microcell.devices.fixture.contract import Fixture
from microcell.faults import FaultError
from microcell.geometry import Pose, distance
from microcell.motion.carried import UNIT
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.workplace import check_fixture, part_name_of, part_of, seat_in_cell, site_of, spec_of

DROP_CLEARANCE_M = 0.0003
"""How high over its seat a part is let go: it must not be pressed onto it."""


ON_SEAT_M = 0.004
"""So near to where it is let go the fixture's sensor may see the part that is still in the hand."""


class PlaceParameters(Description):
    """What is held and where it goes."""

    item: Name | None = Field(None, description="Item that is held; without one a unit, or anything for the bin.")
    site: Name | None = Field(None, description="Site where the item goes; without one the first that takes it.")
    target: Literal["fixture", "bin"] = Field("fixture", description="Where it is put.")
    speed_m_s: float = Field(0.08, gt=0, le=0.5, description="Speed of the last way down.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class Place(ArmSkill):
    """Put down what is held.

    Before: the hand holds something; the fixture is empty. After: the hand is empty, and in the fixture the
    part sensor sees the part and the clamp has confirmed. An attempt that was interrupted is taken up where it
    was: on the seat with the part still in the hand, or with the hand empty and only the clamp to be closed.
    """

    name = "place"
    family = "assembly"
    summary = "Puts what is held into the fixture and clamps it, or drops it into the bin."
    Parameters = PlaceParameters
    faults = (
        *MOTION_FAULTS, "GRIP_PART_LOST", "HAND_NOT_EMPTY", "FIXTURE_OCCUPIED", "FIXTURE_EMPTY",
        "FIXTURE_NOT_CLAMPED",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm, and the fixture or the bin. Into the bin, any tool drops what it holds."""
        wanted = PlaceParameters.model_validate(dict(parameters))
        grasp = _held_by(line, variant, wanted)
        return Needs.to_grasp(("arm", wanted.target), grasp) if grasp else Needs(("arm", wanted.target))

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 4.0

    async def before(self, context: SkillContext) -> None:
        wanted = PlaceParameters.model_validate(dict(context.goal.parameters))
        grasp = _held_by(context.line, context.goal.variant, wanted)
        await self.take_arm(context, grasp.capability if grasp else None, wanted.speed_ratio)
        self.in_place = wanted.target == "fixture" and not await self.hand.holds() and await _sees_part(context)
        if self.in_place:
            return
        await self.hand.check_holding(_what(wanted))
        self.motion.carry(self._held(context, wanted))
        if wanted.target == "fixture" and not await self._is_on_seat(context, wanted):
            await check_fixture(context, occupied=False)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = PlaceParameters.model_validate(dict(context.goal.parameters))
        target = context.leased(wanted.target)
        context.say("place", 0.1, f"bringing the {_what(wanted)} to {target}")
        result = SkillResult(Outcome.SUCCEEDED, f"the {_what(wanted)} is in {target}")
        if wanted.target == "bin":
            context.accomplish(result)
            await self.drop(context, spec_of(context, target, BinSpec).drop_in_cell.pose)
        else:
            await self._into_fixture(context, wanted)
        return result

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        await self.hand.check_empty()

    async def standing(self, context: SkillContext) -> SkillResult | None:
        """Into the bin it is done when the hand is empty; for the fixture, a new attempt finds out where the part is."""
        wanted = PlaceParameters.model_validate(dict(context.goal.parameters))
        if wanted.target == "bin" and not await self.hand.holds():
            return SkillResult(Outcome.SUCCEEDED, f"the {_what(wanted)} is in {context.leased('bin')}")
        return None

    def _held(self, context: SkillContext, wanted: PlaceParameters) -> str:
        """What is held, or for the bin the largest that it could be: a unit, in a tool that could hold one."""
        if wanted.item is not None:
            return part_of(context, wanted.item)[0]
        grasp = context.line.product_description.unit_grasp
        return UNIT if self.motion.tool and grasp.capability in self.motion.tool.capabilities else ""

    async def _is_on_seat(self, context: SkillContext, wanted: PlaceParameters) -> bool:
        """Whether the hand stands where it lets the part go."""
        goal = _seat_in_cell(context, wanted) @ _grasp(context, wanted).tcp_in_part.pose
        return distance(await self.motion.tcp_in_cell(), goal) <= ON_SEAT_M

    async def _into_fixture(self, context: SkillContext, wanted: PlaceParameters) -> None:
        if self.in_place:
            await self.motion.lift()
        else:
            held = await self.put(context, _grasp(context, wanted), _seat_in_cell(context, wanted), wanted.speed_m_s)
            if not held and not await _sees_part(context):
                raise FaultError("GRIP_PART_LOST", self.hand.name, f"the {_what(wanted)} was lost on the way")
        await check_fixture(context, occupied=True)
        context.say("clamp", 0.9, "closing the clamp")
        await context.device(context.leased("fixture"), Fixture).clamp()


async def _sees_part(context: SkillContext) -> bool:
    """Whether the fixture's sensor sees a part."""
    return await context.device(context.leased("fixture"), Fixture).part_present()


def _grasp(context: SkillContext, wanted: PlaceParameters) -> Grasp:
    """How the hand holds what goes into the fixture."""
    if wanted.item is not None:
        return part_of(context, wanted.item)[1].grasp
    return context.line.product_description.unit_grasp


def _what(wanted: PlaceParameters) -> str:
    return wanted.item or ("unit" if wanted.target == "fixture" else "part")


def _held_by(line: Line, variant: str, wanted: PlaceParameters) -> Grasp | None:
    """How the tool holds the item; None where any tool will do."""
    product = line.product_description
    if wanted.item is not None:
        return product.parts[part_name_of(line, variant, wanted.item)].grasp
    return product.unit_grasp if wanted.target == "fixture" else None


def _seat_in_cell(context: SkillContext, wanted: PlaceParameters) -> Pose:
    """Where the held part's (or unit's) frame goes, just above its seat."""
    seat = seat_in_cell(context).shifted(dz=DROP_CLEARANCE_M)
    if wanted.site is not None:
        return seat @ site_of(context, wanted.site).part_in_unit.pose
    sites = context.line.product_description.sites.values()
    first = next((site.part_in_unit.pose for site in sites if site.item == wanted.item), Pose())
    return seat @ first


PLUGIN = Place
