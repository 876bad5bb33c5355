"""Whoever dies at whatever instant: the order ends, nothing is done twice, nothing is lost, and the bench agrees.

A few kills here; `bench/kill_anywhere.py` makes a thousand.
"""

from __future__ import annotations

import logging

import pytest
from mortal_cell import Kill, MortalCell, aftermath
from skill_bench import valve_line

from microcell.clock import run_virtual
from microcell.description.order import Order, OrderLine
from microcell.description.tool import ToolLife
from microcell.orchestration.packml import Command, State
from microcell.records.journal import Entry, Journal
from microcell.skills.runner import SkillRunner


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL + 1)  # what a program says as it is killed


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_instant_the_cell_converges_and_asks_nobody(seed: int):
    came = aftermath(valve_line(), Kill.of(seed, 1), quantity=1)
    assert came.wrong == ()
    assert came.repeated == ()
    assert came.lost == ()
    assert (came.asked, came.scrapped) == ((), 0)


def test_what_nobody_can_know_is_asked_and_the_unit_made_anew(monkeypatch):
    """As with a skill from outside that says nothing about interruptions."""
    from microcell.skills.assembly.insert import Insert
    from microcell.skills.contract import Skill

    monkeypatch.setattr(Insert, "reconcile", Skill.reconcile)
    came = aftermath(valve_line(), Kill("both", "fact", 23.0, False, 3.0), quantity=1)
    assert came.asked == ("OUTCOME_UNKNOWN insert_membrane",)
    assert (came.wrong, came.repeated, came.lost, came.scrapped) == ((), (), (), 1)


def test_the_judge_notices_an_operation_that_is_done_again(monkeypatch):
    """The measure measures: a runner that takes a label for not printed puts another on it."""
    honest = SkillRunner._looked_at

    async def forgetful(runner, context, known):  # type: ignore[no-untyped-def]
        result = await honest(runner, context, known)
        return runner._interrupted(context, "says a liar") if context.goal.operation == "label_unit" else result

    monkeypatch.setattr(SkillRunner, "_looked_at", forgetful)
    came = aftermath(valve_line(), Kill("both", "fact", 75.0, True, 3.0), quantity=1)
    assert len(came.repeated) == 1 and came.repeated[0].startswith("label_area of unit ")


@pytest.mark.parametrize(("kind", "operation"), [("operation.started", "pack_unit"), ("operation.ended", "pick_unit")])
def test_a_chain_that_was_interrupted_is_ended_with_its_tool_whose_life_ended_in_it(kind: str, operation: str):
    line = valve_line()
    gripper = line.tools["parallel_gripper"].model_copy(update={"life": ToolLife(cycles=5)})
    line = line.model_copy(update={"tools": {**line.tools, "parallel_gripper": gripper}})

    async def story() -> None:
        with Journal.create_or_open(":memory:", durability="batch") as journal:
            cell = MortalCell(line, journal, 0, Kill("both", "time", 1e9, False, 3.0))
            await cell.start()
            order = cell.controller.submit(Order(product="valve", lines=(OrderLine(variant="adult", quantity=1),)))
            cell.controller.add_listener(
                lambda entry: cell.die() if entry.kind == kind and entry.event().operation == operation else None
            )
            await cell.killed.wait()
            await cell.clock.sleep(3.0)
            assert len(cell.plant.bench.inventory.at("tool", "parallel_gripper")) == 1
            await cell.restart()
            assert (await cell.controller.order_ended(order)).good == 1
            assert "drop_part" not in {e.operation for e in journal.events() if e.kind == "operation.started"}

    run_virtual(story())


def test_a_chain_that_was_interrupted_waits_for_its_tool_that_a_person_took_out_meanwhile():
    async def story() -> None:
        with Journal.create_or_open(":memory:", durability="batch") as journal:
            cell = MortalCell(valve_line(), journal, 0, Kill("both", "time", 1e9, False, 3.0))
            await cell.start()
            order = cell.controller.submit(Order(product="valve", lines=(OrderLine(variant="adult", quantity=1),)))

            def take_out(entry: Entry) -> None:
                if entry.kind == "operation.started" and entry.event().operation == "pack_unit":
                    cell.controller.tooling.set_service("parallel_gripper", False, "bent")
                    cell.die()

            cell.controller.add_listener(take_out)
            await cell.killed.wait()
            await cell.clock.sleep(3.0)
            await cell.restart()
            assert await cell.controller.until_state(State.HELD, State.COMPLETE) is State.HELD
            assert "TOOL_OUT_OF_SERVICE at parallel_gripper" in cell.controller.reason
            cell.controller.tooling.set_service("parallel_gripper", True)
            cell.controller.command(Command.UNHOLD)
            assert (await cell.controller.order_ended(order)).good == 1

    run_virtual(story())
