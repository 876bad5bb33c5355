"""A unit that is given up keeps the station where it may stand until it is known to be gone, over a restart, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from fake_shop_floor import VALVE, Floor, fault, floor
from fault_story import Case, in_fixture, inject, lose, tell

from microcell.clock import LoopClock, run_virtual
from microcell.description.fault_schedule import ScheduledFault
from microcell.description.line import Line, RecoveryStep
from microcell.description.loader import load_line
from microcell.events import Event, UnitEnded
from microcell.orchestration.packml import Command, State
from microcell.orchestration.restore import restore
from microcell.orchestration.shop import Shop
from microcell.records.packml import PackmlFold
from microcell.skills.contract import SkillGoal, SkillResult
from microcell.virtual import VirtualCell

Script = Callable[[SkillGoal], SkillResult | None]


def scrapping(code: str) -> Line:
    """The valve line, which scraps a unit for a fault."""
    return VALVE.model_copy(update={"recovery": {code: (RecoveryStep(action="scrap"),)}})


def in_turn(**ends: list[SkillResult | None]) -> Script:
    """End the goals of operations in these results, one after the other, and then as usual."""
    return lambda goal: ends[goal.operation].pop(0) if ends.get(goal.operation) else None


class _Read:
    """A journal as far as it has come."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    def events(self) -> list[Event]:
        return self._events


def restarted(cell: Floor) -> dict[str, dict[str, str]]:
    """Stations of the units of a shop that would start on the journal now."""
    shop = Shop(cell.controller.shop.line, LoopClock(0.0), lambda event: None)
    restore(shop, PackmlFold(), _Read(list(cell.journal.events())), "virtual")  # type: ignore[arg-type]
    return stations(shop)


def stations(shop: Shop) -> dict[str, dict[str, str]]:
    """Stations that units on their way out have, by serial."""
    return {serial: dict(unit.stations) for serial, unit in shop.units.items() if unit.scrapping}


@dataclass
class Told:
    """Two units' story: the stations of units on their way out at each try of it, the operations on the first unit, how the
    units ended, and for which faults the cell was held.
    """

    seen: list[dict[str, dict[str, str]]]
    operations: list[str]
    ends: list[str]
    asked: list[str]


def story_of(script: Script, line: Line = VALVE) -> Told:
    """Work off an order of two units."""
    seen: list[dict[str, dict[str, str]]] = []
    asked: list[str] = []

    async def run() -> Told:
        def look(goal: SkillGoal) -> SkillResult | None:
            if goal.operation == "pick_scrap":
                seen.append(stations(cell.controller.shop))
                assert restarted(cell) == seen[-1]
            return script(goal)

        async with floor(look, line=line) as cell:
            ended = asyncio.ensure_future(cell.controller.order_ended(cell.order(2)))
            while not ended.done():
                held = asyncio.ensure_future(cell.controller.until_state(State.HELD))
                await asyncio.wait({ended, held}, return_when=asyncio.FIRST_COMPLETED)
                if cell.controller.state is State.HELD:
                    asked.append(cell.controller.active_faults[0].code)
                    cell.controller.command(Command.UNHOLD)
                    await cell.controller.until_state(State.EXECUTE)
                held.cancel()
            ends = [f"{e.unit} {e.disposition}" for e in cell.journal.events() if isinstance(e, UnitEnded)]
            operations = [goal.operation for goal in cell.port.goals if goal.unit == "VLV-000001"]
            return Told(seen, operations, sorted(ends), asked)

    return run_virtual(run())


HAS_IT = {"VLV-000001": {"fixture": "fixture_1"}}
ENDS = ["VLV-000001 scrapped", "VLV-000002 good", "VLV-000003 good"]


@pytest.mark.parametrize(("code", "asked"), [("SKILL_FAILED", []), ("OUTCOME_UNKNOWN", ["OUTCOME_UNKNOWN"])])
def test_a_unit_on_its_way_out_that_is_given_up_again_keeps_its_fixture(code: str, asked: list[str]):
    told = story_of(in_turn(fasten_1=[fault("SKILL_FAILED")], pick_scrap=[fault(code)]))
    assert (told.seen, told.ends, told.asked) == ([HAS_IT, HAS_IT], ENDS, asked)
    assert told.operations[-2:] == ["pick_scrap", "drop_scrap"]


def test_a_unit_on_its_way_out_that_somebody_took_away_has_no_fixture_any_more():
    taken = [fault("SKILL_FAILED"), fault("FIXTURE_EMPTY", "fixture_1")]
    told = story_of(in_turn(fasten_1=[fault("SKILL_FAILED")], pick_scrap=taken))
    assert (told.seen, told.ends, told.asked) == ([HAS_IT, HAS_IT], ENDS, [])
    assert told.operations[-1] == "pick_scrap"


@pytest.mark.parametrize("code", ["FIXTURE_NOT_CLAMPED", "SKILL_FAILED"])
def test_a_unit_that_may_have_been_put_into_its_fixture_already_is_looked_for_there(code: str):
    told = story_of(in_turn(place_body=[fault(code, "fixture_1")]), scrapping(code))
    assert (told.seen, told.ends, told.asked) == ([HAS_IT], ENDS, [])


@pytest.mark.parametrize(("operation", "code"), [("pick_body", "SKILL_FAILED"), ("place_body", "FIXTURE_OCCUPIED")])
def test_a_unit_that_cannot_be_in_its_fixture_is_gone_at_once(operation: str, code: str):
    told = story_of(in_turn(**{operation: [fault(code, "fixture_1")]}), scrapping(code))
    assert (told.seen, told.ends, told.asked) == ([], ENDS, [])


def test_the_fixture_of_a_unit_on_its_way_out_is_not_exchanged_for_another():
    told = story_of(in_turn(fasten_1=[fault("SKILL_FAILED")], pick_scrap=[fault("DEVICE_SILENT", "fixture_1")]))
    assert (told.seen, told.ends, told.asked) == ([HAS_IT, HAS_IT], ENDS, [])
    assert told.operations[-2:] == ["pick_scrap", "drop_scrap"]


def test_a_body_that_stands_unclamped_in_the_fixture_is_taken_out_of_it_before_the_next_comes():
    clamp = inject("fixture_1", "clamp", "FIXTURE_NOT_CLAMPED")
    case = Case("FIXTURE_NOT_CLAMPED", "fixture_1", ("scrap",), clamp, line=lambda: scrapping("FIXTURE_NOT_CLAMPED"))
    story = tell(case)
    assert (story.order.good, story.order.scrapped, story.left) == (1, 1, ())
    assert [decision.action for decision in story.decisions] == ["scrap"]


def test_a_unit_that_the_arm_cannot_throw_away_is_taken_out_by_a_person_and_the_cell_goes_on():
    """An upper that lies across its shoes stands out under the fingers that come for them."""
    turned = ScheduledFault(fault="feeder.turned_part", where="nest_5")

    def schedule(cell: VirtualCell) -> None:
        cell.plant.injections.schedule(turned)

    case = Case("ARM_PROTECTIVE_STOP", "arm", ("hold",), schedule, line=lambda: load_line("footwear"), mend=lose(in_fixture))
    story = tell(case)
    assert (story.state, story.order.scrapped) == (State.HELD, 0)
    assert story.mended is not None
    assert (story.mended.good, story.mended.scrapped, story.left) == (1, 1, ())
