"""With a skill server gone, work that needs it waits and the rest goes on."""

from __future__ import annotations

from fake_shop_floor import Floor, floor

from microcell.clock import run_virtual
from microcell.orchestration.packml import State

SEEING = {"inspect": "inspection_skills"}
WORKING = dict.fromkeys(("pick", "place", "insert", "fasten", "label", "pack", "change_tool", "settle_tool"), "arm_skills")


def done(cell: Floor, operation: str) -> list[str]:
    return [goal.unit for goal in cell.port.goals if goal.operation == operation]


def raised(cell: Floor) -> list[tuple[str, str]]:
    events = [event for event in cell.journal.events() if event.kind == "fault.raised"]
    return [(event.fault["code"], event.fault["where"]) for event in events]


def test_units_go_on_as_far_as_they_can_and_the_cell_then_waits_for_the_server():
    async def run() -> None:
        async with floor() as cell:
            cell.controller.work_without(SEEING)
            order = cell.order(2)
            await cell.controller.until_state(State.SUSPENDED)
            assert cell.controller.reason == "waiting for skill servers: inspection_skills"
            assert len(done(cell, "insert_membrane")) == 2
            assert done(cell, "inspect_open") == []
            assert raised(cell) == [("SKILL_UNAVAILABLE", "inspection_skills")]
            cell.controller.work_without({})
            assert (await cell.controller.order_ended(order)).good == 2
            assert "what was missing is there again" in [
                event.reason for event in cell.journal.events() if event.kind == "state.changed"
            ]

    run_virtual(run())


def test_what_is_not_held_up_is_finished_meanwhile():
    async def run() -> None:
        async with floor() as cell:
            cell.order(2)
            while not done(cell, "inspect_open"):
                await cell.clock.sleep(1.0)
            cell.controller.work_without(WORKING)
            await cell.controller.until_state(State.SUSPENDED)
            assert cell.controller.reason == "waiting for skill servers: arm_skills"
            assert done(cell, "fasten_1") == []

    run_virtual(run())


def test_the_same_loss_is_recorded_once():
    async def run() -> None:
        async with floor() as cell:
            for _ in range(2):
                cell.controller.work_without(SEEING)
                await cell.clock.sleep(1.0)
            assert raised(cell) == [("SKILL_UNAVAILABLE", "inspection_skills")]

    run_virtual(run())
